"""The files of the sample hold what its manifest says: counted here by a reader of our own."""

import csv
import hashlib
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from flows.sample import write_sample
from tests.unit.sample_reader import HEADER, KINDS, Sample


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
