"""Files: whatever they are packed in, their bytes come through whole, in order and in bounded memory, or not at all."""

import gzip
import io
import json
import os
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.errors import UnknownHeaderError, UnreadableFileError
from flows.sources.files import InputFile, expand_paths, open_decompressed
from tests.unit.packed_files import CONTENT, PACKS, Pack, read, read_packed, zip_of


@pytest.mark.parametrize("pack", PACKS.values(), ids=PACKS)
@pytest.mark.parametrize("parts", [1, 3], ids=["one part", "three parts"])
def test_the_first_bytes_say_how_a_file_is_packed_whatever_its_name(tmp_path: Path, pack: Pack, parts: int) -> None:
    assert read_packed(tmp_path, pack(CONTENT) * parts) == CONTENT * parts


@given(
    st.lists(st.binary(max_size=300), min_size=1, max_size=4),
    st.sampled_from(["gzip", "bzip2", "zstd"]),
    st.integers(1, 500),
)
@settings(max_examples=60, deadline=None)
def test_any_bytes_come_through_any_parts_and_any_size_of_reads(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], pack: str, size: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "posts"
    path.write_bytes(b"".join(map(PACKS[pack], parts)))
    with open_decompressed(InputFile(path)) as stream:
        assert b"".join(iter(lambda: stream.read(size), b"")) == b"".join(parts)


@pytest.mark.parametrize("content", [b"", b"x", b"\x1f", b"BZ", b"PK"], ids=repr)
def test_a_file_of_a_few_bytes_is_what_it_is(tmp_path: Path, content: bytes) -> None:
    assert read_packed(tmp_path, content) == content


def test_a_row_of_parquet_is_a_line_of_json(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"id": 1340539111971516416, "text": "fièvre 😷\n", "at": datetime(2020, 12, 20, tzinfo=UTC), "tags": ["flu"]},
        {"id": None, "text": "", "at": None, "tags": None},
    ] * 3_000  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "posts.dat")
    lines = read(InputFile(tmp_path / "posts.dat")).splitlines()
    assert [json.loads(line) for line in lines] == [
        {**row, "at": "2020-12-20T00:00:00+00:00" if row["at"] else None} for row in rows
    ]


# Which files


def test_a_folder_stands_for_its_posts_in_order_and_each_file_counts_once(tmp_path: Path) -> None:
    posts = ["a.CSV", "b.csv.gz", "c.json", "d.jsonl.zst", "e.ndjson.bz2", "f.txt", "g.xml", "h.parquet"]
    for name in (*reversed(posts), "manifest.json", "notes.md", "._a.csv", "posts"):
        (tmp_path / name).touch()
    (tmp_path / "z.csv").mkdir()
    (tmp_path / "z.csv" / "deeper.csv").touch()
    folder, first = str(tmp_path), str(tmp_path / "h.parquet")
    assert [file.name for file in expand_paths([folder, folder])] == posts
    assert [file.name for file in expand_paths([first, folder])] == [posts[-1], *posts[:-1]]


def test_a_pattern_stands_for_what_it_matches(tmp_path: Path) -> None:
    (tmp_path / "2020" / "07").mkdir(parents=True)
    for name in ("b.csv", "a.csv", "c.json", "2020/07/d.csv"):
        (tmp_path / name).touch()
    assert [str(file) for file in expand_paths([f"{tmp_path}/**/*.csv", f"{tmp_path}/?.csv"])] == [
        f"{tmp_path}/{name}" for name in ("2020/07/d.csv", "a.csv", "b.csv")
    ]


@pytest.mark.parametrize("name", ["two words.csv", "发烧 😷.csv", "café's [1].csv", "*.csv", "-.csv"])
def test_any_name_of_a_file_or_member_is_only_a_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(CONTENT)
    zip_of(tmp_path / "posts.ZIP", {f"data sets/{name}": CONTENT})
    files = expand_paths([str(tmp_path / name), str(tmp_path / "posts.ZIP")])
    assert [(file.name, read(file)) for file in files] == [(name, CONTENT), (name, CONTENT)]
    assert str(files[1]) == f"{tmp_path / 'posts.ZIP'}:data sets/{name}"


def test_a_zip_archive_stands_for_its_members_of_posts(tmp_path: Path) -> None:
    members = {
        "b.csv": CONTENT, "a/": b"", "a/c.csv": b"x", "a/d.json.gz": gzip.compress(b"{}"), "manifest.json": b"{}",
        "readme.md": b"", "__MACOSX/._b.csv": b"\0\5", "tweets 12:30.csv": b"y",
    }  # fmt: skip
    zip_of(tmp_path / "posts.zip", members)
    zip_of(tmp_path / "stored.zip", {"e.csv": CONTENT}, zipfile.ZIP_STORED)
    assert [(file.name, read(file)) for file in expand_paths([str(tmp_path)])] == [
        ("b.csv", CONTENT), ("c.csv", b"x"), ("d.json.gz", b"{}"), ("tweets 12:30.csv", b"y"), ("e.csv", CONTENT),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["../x.csv", "/etc/x.csv", "..\\x.csv", "C:/x.csv", "c:\\x.csv", "\\\\host\\c\\x.csv",
                                  "a/../../x.csv", "../notes.md"])  # fmt: skip
def test_an_archive_that_names_a_file_outside_of_itself_is_refused_whole(tmp_path: Path, name: str) -> None:
    archive = zip_of(tmp_path / "posts.zip", {"good.csv": CONTENT, name: b"x"})
    with pytest.raises(
        UnreadableFileError, match=r"posts[.]zip names a file outside of itself .*: nothing of it is read"
    ):
        expand_paths([str(archive)])
    assert [path.name for path in tmp_path.iterdir()] == ["posts.zip"]


@pytest.mark.parametrize("path", ["", "*.csv", "missing.csv", "notes.md/x", "empty.zip"])
def test_a_path_without_posts_is_refused(tmp_path: Path, path: str) -> None:
    for name in ("notes.md", "manifest.json"):
        (tmp_path / name).touch()
    zip_of(tmp_path / "empty.zip", {"notes.md": b""})
    with pytest.raises(UnreadableFileError, match=r"There is no file of posts at .*: give a file, a folder of them"):
        expand_paths([str(tmp_path / path)])


# Standard input


@pytest.fixture
def pipe_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], None]]:
    """Send bytes through a pipe that is standard input."""
    with monkeypatch.context() as patch:
        opened: list[tuple[threading.Thread, io.TextIOWrapper]] = []

        def send(content: bytes) -> None:
            reader, writer = os.pipe()
            thread = threading.Thread(target=write, args=(writer, content))
            opened.append((thread, io.TextIOWrapper(os.fdopen(reader, "rb"))))
            patch.setattr(sys, "stdin", opened[-1][1])
            thread.start()

        yield send
        for thread, stream in opened:
            stream.close()
            thread.join()


def write(descriptor: int, content: bytes) -> None:
    with suppress(BrokenPipeError), os.fdopen(descriptor, "wb") as stream:
        stream.write(content)


@pytest.mark.parametrize("pack", PACKS.values(), ids=PACKS)
def test_a_dash_is_standard_input_packed_or_not(pipe_in: Callable[[bytes], None], pack: Pack) -> None:
    (file,) = expand_paths(["-", "-"])
    assert file.is_standard_input
    pipe_in(pack(CONTENT))
    assert read(file) == CONTENT


@pytest.mark.parametrize("kind", ["Parquet", "ZIP"])
def test_what_cannot_be_read_from_its_start_to_its_end_is_refused_on_standard_input(
    tmp_path: Path, pipe_in: Callable[[bytes], None], kind: str
) -> None:
    pq.write_table(pa.table({"id": [1]}), tmp_path / "Parquet")
    zip_of(tmp_path / "ZIP", {"a.csv": CONTENT})
    pipe_in((tmp_path / kind).read_bytes())
    with pytest.raises(UnreadableFileError, match=f"- is a {kind}.* unpack it"):
        read(InputFile(Path("-")))


def test_a_reader_that_does_not_know_the_file_is_told_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(CONTENT)
    with (
        pytest.raises(UnknownHeaderError, match=r"a[.]csv: not of tweets"),
        open_decompressed(InputFile(tmp_path / "a.csv")),
    ):
        raise UnknownHeaderError("not of tweets")
