"""Drift that is planted in a sample: from its day on it is there, and before it nothing is otherwise."""

import csv
import gzip
import io
from pathlib import Path

import pytest

from flows.sample import write_sample
from tests.unit.sample_reader import Sample

Posts = list[dict[str, str]]

START_DATE = "2026-02-04"


@pytest.fixture(scope="module", params=["languages", "followers", "labels"])
def planted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Posts]:
    folder = tmp_path_factory.mktemp("planted")
    manifest = write_sample(folder, plant=request.param)
    assert manifest.drift is not None
    assert (manifest.drift.kind, manifest.drift.start_date) == (request.param, START_DATE)
    return request.param, read_posts(folder)


def read_posts(folder: Path) -> Posts:
    """First sound capture of each post that has a day."""
    posts: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob("posts-*.csv.gz")):
        text = gzip.decompress(path.read_bytes()).decode(errors="replace")
        for row in csv.DictReader(io.StringIO(text, newline="")):
            if row["id"] and (row["date"] or "").startswith("2026-") and (row["retweets"] or "").isdigit():
                posts.setdefault(row["id"], row)
    return list(posts.values())


def test_a_plant_changes_nothing_before_its_day(planted: tuple[str, Posts], sample: Sample) -> None:
    before = {row["id"]: row for row in read_posts(sample.folder) if row["date"] < START_DATE}
    assert {row["id"]: row for row in planted[1] if row["date"] < START_DATE} == before


def test_what_is_planted_is_there(planted: tuple[str, Posts], sample: Sample) -> None:
    kind, posts = planted
    after = [row for row in posts if row["date"] >= START_DATE]
    plain = {row["id"]: row for row in read_posts(sample.folder)}
    if kind == "languages":
        homes = {"Recife", "Lisbon", "Madrid", "Mexico City"}
        shares = [sum(row["user_location"] in homes for row in part) / len(part) for part in (plain.values(), after)]
        assert shares[1] > 2 * shares[0]
    elif kind == "followers":
        same = [(row["user_followers"], plain[row["id"]]["user_followers"]) for row in after if row["id"] in plain]
        doubled = sum(now == str(2 * int(then)) for now, then in same if then.isdigit())
        assert doubled > 0.97 * len(same) > 2_000
    else:
        same = [(row["retweets"] == "0", plain[row["id"]]["retweets"] == "0") for row in after if row["id"] in plain]
        assert sum(now != then for now, then in same) > 0.97 * len(same) > 2_000


def test_a_sample_says_that_nothing_is_planted(sample: Sample) -> None:
    assert sample.manifest.drift is None


def test_an_unknown_plant_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="plant: expected one of languages, followers, labels, found moon"):
        write_sample(tmp_path, plant="moon")


def test_a_day_outside_of_the_sample_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="plant_day: expected a day from 0 to 13, found 14"):
        write_sample(tmp_path, posts=200, days=14, plant="labels", plant_day=14)
