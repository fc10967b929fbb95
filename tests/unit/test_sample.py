"""The sample holds what its manifest says: counted here by a reader that shares no code with the generator."""

import csv
import gzip
import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.sample import Manifest, write_sample
from flows.sample.authors import make_authors
from flows.sample.phrasebook import LANGUAGES, PHRASES, TERMS, TOPICS
from flows.sample.places import PLACES, spell_locations

HEADER = (
    "id,user_name,user_location,user_description,user_created,user_followers,user_friends,user_favourites,"
    "user_verified,date,text,hashtags,source,retweets,favorites,is_retweet"
)
KINDS = (
    "blank record",
    "expected 16 fields",
    "not valid UTF-8",
    "id not exact",
    "date is not a timestamp",
    "user_followers is not a whole number",
    "text is missing",
    "record cut inside a quoted field",
)


@dataclass(frozen=True)
class Record:
    """One record as a reader meets it."""

    file: str
    number: int
    offset: int
    fields: tuple[str, ...]
    reason: str

    @property
    def post_id(self) -> int:
        return int(self.fields[0])

    @property
    def date(self) -> str:
        return self.fields[9]

    @property
    def text(self) -> str:
        return self.fields[10]

    @property
    def retweets(self) -> int:
        return int(self.fields[13])


def split_records(content: bytes) -> list[tuple[int, bytes]]:
    """Split at the CRLFs outside of quotation marks; the offset and the bytes of each record."""
    records, start, line_start = [], 0, 0
    while line_start < len(content):
        end = content.find(b"\r\n", line_start)
        line_start = len(content) if end < 0 else end + 2
        if content.count(b'"', start, line_start) % 2 == 0 or end < 0:
            records.append((start, content[start:line_start]))
            start = line_start
    return records


def is_timestamp(value: str) -> bool:
    try:
        return datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).year > 0
    except ValueError:
        return False


def find_reason(raw: bytes) -> tuple[tuple[str, ...], str]:
    """Fields of a record, and why it must be rejected; an empty reason if it is sound."""
    if raw.count(b'"') % 2:
        return (), "record cut inside a quoted field"
    try:
        line = raw.decode()
    except UnicodeDecodeError:
        return (), "not valid UTF-8"
    fields = tuple(next(csv.reader(io.StringIO(line, newline=""), strict=True)))
    checks = (
        (any(fields), "blank record"),
        (len(fields) == 16, f"expected 16 fields, found {len(fields)}"),
        (fields[0].isdecimal(), "id not exact"),
        (len(fields) == 16 and is_timestamp(fields[9]), "date is not a timestamp"),
        (len(fields) == 16 and fields[5].isdecimal(), "user_followers is not a whole number"),
        (len(fields) == 16 and bool(fields[10]), "text is missing"),
    )
    return fields, next((reason for is_met, reason in checks if not is_met), "")


@dataclass(frozen=True)
class Sample:
    """A written sample, read again."""

    folder: Path
    manifest: Manifest

    @cached_property
    def contents(self) -> dict[str, bytes]:
        return {path.name: gzip.decompress(path.read_bytes()) for path in sorted(self.folder.glob("posts-*.csv.gz"))}

    @cached_property
    def records(self) -> list[Record]:
        return [
            Record(name, number, offset, *find_reason(raw))
            for name, content in self.contents.items()
            for number, (offset, raw) in enumerate(split_records(content))
            if number  # the header
        ]

    @cached_property
    def sound(self) -> list[Record]:
        return [record for record in self.records if not record.reason]

    @cached_property
    def latest(self) -> dict[int, Record]:
        return {record.post_id: record for record in self.sound}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("sample")
    return Sample(folder, write_sample(folder))


def digest_folder(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_same_arguments_give_the_same_bytes_again_and_elsewhere(sample: Sample, tmp_path: Path) -> None:
    before = digest_folder(sample.folder)
    write_sample(sample.folder)
    write_sample(tmp_path / "new" / "folder")
    assert digest_folder(sample.folder) == digest_folder(tmp_path / "new" / "folder") == before


@pytest.mark.parametrize("change", [{"seed": 2}, {"days": 30}, {"posts": 6_001}], ids=str)
def test_other_arguments_give_other_files(sample: Sample, tmp_path: Path, change: dict[str, Any]) -> None:
    other = write_sample(tmp_path, **change)
    assert {file.sha256 for file in other.files}.isdisjoint(file.sha256 for file in sample.manifest.files)


def test_manifest_is_written_last_and_equals_what_is_returned(sample: Sample) -> None:
    path = sample.folder / "manifest.json"
    assert path.read_bytes() == sample.manifest.to_json().encode()
    written = json.loads(path.read_bytes())
    assert (written["seed"], written["posts"], written["days"]) == (1, 6_000, 60)
    assert {item.name for item in sample.folder.iterdir()} == {"manifest.json", *sample.contents}


def test_files_are_described_as_they_are(sample: Sample) -> None:
    counted = Counter(record.file for record in sample.records)
    assert len(sample.contents) >= 2
    for file in sample.manifest.files:
        compressed = (sample.folder / file.name).read_bytes()
        assert (file.records, file.bytes) == (counted[file.name], len(compressed))
        assert file.sha256 == hashlib.sha256(compressed).hexdigest()
        assert compressed[3:8] == bytes(5), "no flags and no time in the gzip header"
        assert sample.contents[file.name].startswith(HEADER.encode() + b"\r\n")


def test_malformed_records_are_where_the_manifest_says(sample: Sample) -> None:
    found = [(record.file, record.number, record.offset, record.reason) for record in sample.records if record.reason]
    stated = [
        (record.file, record.record_number, record.byte_offset, record.reason) for record in sample.manifest.malformed
    ]
    assert found == stated
    assert Counter(reason for *_, reason in found) == sample.manifest.expected.rejects
    assert 0.002 < len(found) / len(sample.records) < 0.004


@pytest.mark.parametrize("posts", [100, 6_000])
def test_every_kind_of_malformed_record_occurs(tmp_path: Path, posts: int) -> None:
    rejects = write_sample(tmp_path, posts=posts, days=14).expected.rejects
    assert {kind for reason in rejects for kind in KINDS if reason.startswith(kind)} == set(KINDS)
    assert rejects["record cut inside a quoted field"] == 1


def test_last_file_ends_inside_a_quoted_field(sample: Sample) -> None:
    last = sample.records[-1]
    assert last.reason == "record cut inside a quoted field"
    assert last.file == sample.manifest.files[-1].name
    assert not sample.contents[last.file].endswith(b"\n")


def test_csv_module_reads_a_whole_file_to_the_same_records(sample: Sample) -> None:
    first = sample.manifest.files[0].name
    text = sample.contents[first].decode(errors="replace")
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))[1:]
    assert len(rows) == sample.manifest.files[0].records
    sound = [tuple(rows[record.number - 1]) for record in sample.sound if record.file == first]
    assert sound == [record.fields for record in sample.sound if record.file == first]


def test_expected_counts_are_those_of_an_independent_read(sample: Sample) -> None:
    expected = sample.manifest.expected
    assert expected.records == len(sample.records)
    assert expected.captures == len({record.fields for record in sample.sound})
    assert expected.posts == len(sample.latest) == sample.manifest.posts == 6_000
    assert expected.posts_retweeted == sum(record.retweets > 0 for record in sample.latest.values())


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


def test_progress_adds_up_to_the_posts(tmp_path: Path) -> None:
    steps: list[int] = []
    write_sample(tmp_path, posts=1_234, on_progress=steps.append)
    assert sum(steps) == 1_234
    assert min(steps) > 0


def test_a_smaller_sample_replaces_the_files_of_a_larger_one(tmp_path: Path) -> None:
    manifest = write_sample(tmp_path, posts=200)
    surplus = tmp_path / "posts-07.csv.gz"
    surplus.write_bytes(b"of the larger sample")
    earlier = json.loads(manifest.to_json())
    earlier["files"].append({"name": surplus.name})
    (tmp_path / "manifest.json").write_text(json.dumps(earlier))
    assert write_sample(tmp_path, posts=200) == manifest
    assert not surplus.exists()


def test_a_folder_with_foreign_posts_is_left_alone(tmp_path: Path) -> None:
    foreign = tmp_path / "posts-07.csv.gz"
    foreign.write_bytes(b"somebody's data")
    with pytest.raises(FileExistsError, match=r"found posts-07\.csv\.gz; name another folder"):
        write_sample(tmp_path, posts=200)
    assert list(tmp_path.iterdir()) == [foreign]


def test_a_failure_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    def fail(_: int) -> None:
        raise RuntimeError("stop")

    write_sample(tmp_path, posts=200)
    before = digest_folder(tmp_path)
    with pytest.raises(RuntimeError, match="stop"):
        write_sample(tmp_path, posts=300, on_progress=fail)
    assert digest_folder(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"posts": 99}, "posts: expected a whole number from 100 to 1,000,000,000, found 99; give one in this range"),
        ({"days": 13}, "days: expected a whole number from 14 to 3,650, found 13; give one in this range"),
        ({"days": 3_651}, "days: expected a whole number from 14 to 3,650, found 3,651; give one in this range"),
        ({"seed": -1}, "seed: expected a whole number from 0 to 4,294,967,295, found -1; give one in this range"),
    ],
    ids=["too few posts", "too few days", "too many days", "negative seed"],
)
def test_impossible_arguments_are_refused_in_a_sentence(
    tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        write_sample(tmp_path / "sample", **arguments)
    assert not (tmp_path / "sample").exists()


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sample"
    path.write_text("a file")
    with pytest.raises(NotADirectoryError, match="expected a folder, found the file"):
        write_sample(path)


def test_chatter_names_no_disease() -> None:
    terms = [term.casefold() for names in TERMS.values() for own in names.values() for term in own]
    written = [own[kind] for own in PHRASES["languages"].values() for kind in ("chatter", "feelings")]
    phrases = [phrase.casefold() for own in written for phrase in own]
    assert phrases
    assert not [(term, phrase) for term in terms for phrase in phrases if term in phrase]
    assert TOPICS[0] == "chatter"
