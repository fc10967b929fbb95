"""The posts of the sample: the outbreak, the outage, and a mess like that of real ones, as the manifest says."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from flows.sample import write_sample
from flows.sample.authors import make_authors
from flows.sample.phrasebook import LANGUAGES, PHRASES, TERMS, TOPICS
from flows.sample.places import PLACES, spell_locations
from tests.unit.sample_reader import Record, Sample


def test_duplicates_and_recaptures_are_as_stated(sample: Sample) -> None:
    seen_in: dict[tuple[str, ...], str] = {}
    captures: dict[int, Record] = {}
    duplicates = repeats = recaptures = 0
    for record in sample.sound:
        if record.fields in seen_in:
            duplicates += seen_in[record.fields] == record.file
            repeats += seen_in[record.fields] < record.file
        elif record.post_id in captures:
            recaptures += 1
            before = captures[record.post_id]
            assert before.file < record.file
            assert all(int(record.fields[column]) > int(before.fields[column]) for column in (5, 13, 14))
            same = [column for column in range(16) if column not in {5, 13, 14}]
            assert [record.fields[column] for column in same] == [before.fields[column] for column in same]
        seen_in.setdefault(record.fields, record.file)
        captures[record.post_id] = record
    stated = sample.manifest.repeats
    assert (duplicates, repeats, recaptures) == (
        stated.duplicates_in_file,
        stated.repeats_in_next_file,
        stated.recaptures,
    )
    assert min(duplicates, repeats, recaptures) >= 1


def test_ids_are_unique_snowflakes_that_agree_with_the_dates(sample: Sample) -> None:
    for record in sample.latest.values():
        seconds = ((record.post_id >> 22) + 1_288_834_974_657) // 1000
        assert record.date == datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
        assert len(record.fields[0]) == 19


def test_posts_are_ordered_by_time_within_a_file(sample: Sample) -> None:
    for name in sample.contents:
        ids = [record.post_id for record in sample.sound if record.file == name]
        assert ids == sorted(ids)


def test_days_run_from_the_first_monday_to_the_last_day(sample: Sample) -> None:
    days = {record.date[:10] for record in sample.sound}
    assert (min(days), max(days), len(days)) == ("2026-01-05", "2026-03-05", 60)


def test_nobody_posts_during_the_outage(sample: Sample) -> None:
    outage = sample.manifest.outage
    assert not [record for record in sample.sound if outage.start <= record.date < outage.end]
    start, end = (datetime.fromisoformat(moment) for moment in (outage.start, outage.end))
    assert end - start == timedelta(hours=18)
    day_before = [record for record in sample.sound if str(start - timedelta(days=1)) <= record.date < outage.start]
    assert len(day_before) > 30


def test_outbreak_has_the_stated_posts_on_each_day(sample: Sample) -> None:
    outbreak = sample.manifest.outbreak
    counted = Counter(
        record.date[:10]
        for record in sample.latest.values()
        if record.fields[2] in outbreak.user_locations
        and any(term in record.text.casefold() for term in outbreak.terms)
    )
    assert len(outbreak.daily) == 60
    assert {day.date: day.baseline + day.added for day in outbreak.daily if day.baseline + day.added} == counted


@pytest.mark.parametrize(("posts", "days"), [(100, 14), (100, 60), (3_000, 20)])
def test_outbreak_rises_to_its_peak_and_ends(tmp_path: Path, posts: int, days: int) -> None:
    outbreak = write_sample(tmp_path, posts=posts, days=days).outbreak
    added = {day.date: day.added for day in outbreak.daily if day.added}
    assert (min(added), max(added)) == (outbreak.start_date, outbreak.end_date)
    assert [date for date, count in added.items() if count == max(added.values())] == [outbreak.peak_date]
    assert sum(added.values()) == outbreak.added_posts
    assert outbreak.baseline_posts_per_day == round(sum(day.baseline for day in outbreak.daily) / days, 3)


def test_about_a_quarter_of_the_posts_is_retweeted_and_favorites_give_it_away(sample: Sample) -> None:
    assert 0.20 <= sample.manifest.expected.posts_retweeted / sample.manifest.expected.posts <= 0.35
    counts = np.log1p([[record.retweets, int(record.fields[14])] for record in sample.latest.values()])
    assert np.corrcoef(counts.T)[0, 1] > 0.8


def test_followers_hashtags_and_verified_accounts_bring_retweets(sample: Sample) -> None:
    posts = list(sample.latest.values())

    def share(is_meant: Callable[[Record], bool]) -> float:
        return float(np.mean([record.retweets > 0 for record in posts if is_meant(record)]))

    assert share(lambda record: int(record.fields[5]) > 1_000) > 1.5 * share(lambda record: int(record.fields[5]) < 200)
    assert share(lambda record: record.fields[8] == "True") > 1.2 * share(lambda record: record.fields[8] == "False")
    assert share(lambda record: record.fields[11].count(",") > 1) > 1.1 * share(lambda record: not record.fields[11])


def test_all_languages_and_diseases_are_spoken_of(sample: Sample) -> None:
    texts = [record.text.casefold() for record in sample.latest.values()]
    for disease, names in TERMS.items():
        terms = [term.casefold() for own in names.values() for term in own]
        assert sum(any(term in text for term in terms) for text in texts) > 50, disease
    scripts = {"Devanagari": ("ऀ", "ॿ"), "Arabic": ("؀", "ۿ"), "kana": ("぀", "ヿ"), "Latin": ("a", "z")}
    for script, (first, last) in scripts.items():
        assert sum(any(first <= letter <= last for letter in text) for text in texts) > 100, script


def test_about_half_of_the_authors_write_english() -> None:
    shares = (
        np.bincount(make_authors(np.random.default_rng(1), posts=50_000).language, minlength=len(LANGUAGES)) / 10_000
    )
    assert 0.42 < shares[LANGUAGES.index("en")] < 0.58
    assert shares.min() > 0.01


def test_fields_are_as_messy_as_real_ones(sample: Sample) -> None:
    posts = list(sample.latest.values())

    def share(is_meant: Callable[[Record], bool]) -> float:
        return sum(map(is_meant, posts)) / len(posts)

    assert 0.03 < share(lambda record: "\n" in record.text) < 0.08
    assert 0.10 < share(lambda record: not record.fields[2]) < 0.30
    assert share(lambda record: "," in record.text) > 0.1
    assert share(lambda record: '"' in record.text) > 0.03
    assert share(lambda record: " @" in record.text) > 0.1
    assert share(lambda record: "https://t.co/" in record.text) > 0.4
    assert {record.fields[15] for record in posts} == {"False"}
    assert {record.fields[8] for record in posts} == {"True", "False"}
    assert all(not record.fields[11] or record.fields[11].startswith("['") for record in posts)


def test_sentiment_of_english_texts_varies(sample: Sample) -> None:
    vader = pytest.importorskip("vaderSentiment.vaderSentiment")
    score = vader.SentimentIntensityAnalyzer().polarity_scores
    compound = np.array([score(record.text)["compound"] for record in list(sample.latest.values())[:800]])
    assert (compound > 0.3).mean() > 0.08
    assert (compound < -0.3).mean() > 0.08


def test_a_spelling_belongs_to_one_place_only() -> None:
    spellings = [spelling for place in PLACES for spelling in set(spell_locations(place))]
    assert len(set(spellings)) == len(spellings)
    assert set(spellings).isdisjoint(PHRASES["joke_locations"])


def test_few_authors_write_much(sample: Sample) -> None:
    activity = sorted(Counter(record.fields[1:5:3] for record in sample.latest.values()).values(), reverse=True)
    assert sum(activity[: len(activity) // 10]) > 0.3 * sum(activity)
    assert 700 < len(activity) <= 1_200


def test_chatter_names_no_disease() -> None:
    terms = [term.casefold() for names in TERMS.values() for own in names.values() for term in own]
    written = [own[kind] for own in PHRASES["languages"].values() for kind in ("chatter", "feelings")]
    phrases = [phrase.casefold() for own in written for phrase in own]
    assert phrases
    assert not [(term, phrase) for term in terms for phrase in phrases if term in phrase]
    assert TOPICS[0] == "chatter"
