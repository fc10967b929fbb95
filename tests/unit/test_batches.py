"""Batches: the same bytes once, exact accounts, and the refusal of a bad one."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.batches import Batch, identify_batches, refuse_bad_batch
from flows.errors import EpilakeError, RefusedBatchError, UnreadableFileError
from flows.lake.contracts import CONTRACTS
from flows.sources.files import InputFile, expand_paths, open_decompressed
from flows.sources.known import find_source


def make_batch(records: int, rejected: int) -> Batch:
    return Batch("b", InputFile(Path("posts.csv")), 1, datetime(2026, 1, 1, tzinfo=UTC), records, 0, rejected)


def test_the_same_bytes_under_two_names_are_one_batch(tmp_path: Path) -> None:
    files = [tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "c.csv"]
    for file, content in zip(files, ["x", "x", "y"], strict=True):
        file.write_text(content)
    inputs = [InputFile(file) for file in files]
    first, second = identify_batches(inputs, set())
    assert (first.file.name, second.file.name) == ("a.csv", "c.csv")
    assert identify_batches(inputs, {first.batch_id, second.batch_id}) == []


@pytest.mark.parametrize(("records", "rejected", "blank"), [(10, 5, 0), (1_000, 999, 998), (0, 0, 0)])
def test_a_batch_within_the_limit_passes(records: int, rejected: int, blank: int) -> None:
    refuse_bad_batch(make_batch(records, rejected), Counter({"blank record": blank}), 0.5)


def test_a_batch_with_too_many_rejects_is_refused_with_counts_and_reasons() -> None:
    with pytest.raises(
        RefusedBatchError, match=r"6 of 10 records are malformed, more than the 50% allowed \(6 × bad\)"
    ):
        refuse_bad_batch(make_batch(10, 6), Counter({"bad": 6}), 0.5)


def test_a_folder_stands_for_its_csv_files(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv.gz", "manifest.json"):
        (tmp_path / name).touch()
    assert [file.name for file in expand_paths([str(tmp_path), str(tmp_path / "b.csv")])] == ["a.csv.gz", "b.csv"]


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_path_without_files_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableFileError, match="There is no file of posts at"):
        expand_paths([str(tmp_path / name)])


def test_a_gzip_file_that_ends_early_is_refused(tmp_path: Path) -> None:
    import gzip

    path = tmp_path / "posts.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" * 1_000)[:-20])
    with pytest.raises(UnreadableFileError, match="is damaged"), open_decompressed(InputFile(path)) as stream:
        stream.read()


def test_an_unknown_source_is_named_beside_those_there_are() -> None:
    with pytest.raises(EpilakeError, match=r"no source named 'usenet': choose one of bluesky, feeds, .*, twitter"):
        find_source("usenet")


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_frame_that_breaks_a_contract_is_refused(name: str) -> None:
    contract = CONTRACTS[name]
    good = {column.name: column.type for column in contract.columns}
    contract.check(good)
    first = contract.columns[0].name
    for bad, message in (
        ({**good, first: "float"}, f"{first} .* expected, float found"),
        ({key: value for key, value in good.items() if key != first}, f"{first} .* nothing found"),
        ({**good, "extra": "string"}, r"extra \(unknown\)"),
    ):
        with pytest.raises(EpilakeError, match=message):
            contract.check(bad)
