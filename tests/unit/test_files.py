"""Files: whatever they are packed in, their bytes come through whole, in order and in bounded memory, or not at all."""

import bz2
import gzip
import io
import json
import os
import subprocess
import sys
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.errors import EpilakeError, UnknownHeaderError, UnreadableFileError
from flows.sources.files import InputFile, expand_paths, open_decompressed

CONTENT = "id,text\n1,fièvre 😷\n".encode() * 5_000
Pack = Callable[[bytes], bytes]


def read(file: InputFile) -> bytes:
    with open_decompressed(file) as stream:
        return stream.read()


def read_packed(folder: Path, packed: bytes) -> bytes:
    path = folder / "posts.csv"
    path.write_bytes(packed)
    return read(InputFile(path))


def zip_of(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def patched(path: Path, signature: bytes, changes: dict[int, int]) -> Path:
    """Return the archive with bytes changed, counted from the first header with that signature."""
    content = bytearray(path.read_bytes())
    start = content.index(signature)
    for place, value in changes.items():
        content[start + place] = value
    path.write_bytes(content)
    return path


def skippable(content: bytes) -> bytes:
    return b"\x50\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content


def pack_with_longest_window(content: bytes) -> bytes:
    parameters = zstandard.ZstdCompressionParameters(window_log=31, enable_ldm=True)
    out = io.BytesIO()
    with zstandard.ZstdCompressor(compression_params=parameters).stream_writer(out, closefd=False) as stream:
        stream.write(content)
    return out.getvalue()


PACKS: dict[str, Pack] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "zstd": zstandard.compress,
    "zstd with a checksum": zstandard.ZstdCompressor(write_checksum=True).compress,
    "zstd with the longest window": pack_with_longest_window,
    "pzstd": lambda content: skippable(b"\x07\0\0\0") + zstandard.compress(content),
}


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


# Damaged files


@pytest.mark.parametrize("pack", [pack for name, pack in PACKS.items() if name != "plain"], ids=list(PACKS)[1:])
@pytest.mark.parametrize("kept", [0.01, 0.5, -5, -1])
def test_a_packed_file_that_ends_early_is_refused(tmp_path: Path, pack: Pack, kept: float) -> None:
    packed = pack(os.urandom(3_000).hex().encode())
    cut = packed[: int(len(packed) * kept) if kept > 0 else int(kept)]
    with pytest.raises(UnreadableFileError, match=r"posts[.]csv is damaged .*: fetch it again; nothing of it was kept"):
        read_packed(tmp_path, cut)


@given(st.sampled_from(["gzip", "bzip2", "zstd"]), st.data())
@settings(max_examples=100, deadline=None)
def test_a_file_that_is_cut_anywhere_is_refused(
    tmp_path_factory: pytest.TempPathFactory, pack: str, data: st.DataObject
) -> None:
    packed = PACKS[pack](b"id,text\n1,fever\n" * 40)
    path = tmp_path_factory.getbasetemp() / "cut"
    path.write_bytes(packed[: data.draw(st.integers(4, len(packed) - 1))])
    with pytest.raises(UnreadableFileError, match="cut is damaged"):
        read(InputFile(path))


@pytest.mark.parametrize("pack", ["gzip", "zstd"])
def test_what_stands_behind_a_packed_file_is_not_passed_over(tmp_path: Path, pack: str) -> None:
    with pytest.raises(UnreadableFileError, match="is damaged"):
        read_packed(tmp_path, PACKS[pack](CONTENT) + b"1,and more\n")


def test_damaged_content_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["fièvre"] * 9}), tmp_path / "p", compression="none", use_dictionary=False)
    not_utf8 = (tmp_path / "p").read_bytes().replace("fièvre".encode(), "fièvre".encode("latin-1") + b"\xff")
    good = zstandard.ZstdCompressor(write_checksum=True).compress(os.urandom(3_000).hex().encode())
    zipped = zip_of(tmp_path / "z", {"a.csv": os.urandom(3_000)}).read_bytes()
    for name, content in {
        "a.parquet": (tmp_path / "p").read_bytes()[:-9],
        "b.parquet": not_utf8,
        "c.zst": good[:2_000] + bytes([good[2_000] ^ 1]) + good[2_001:],
        "d.zip": zipped[:2_000] + bytes([zipped[2_000] ^ 1]) + zipped[2_001:],
        "e.zip": zipped[:-9],
        "f.zip": CONTENT,
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnreadableFileError, match=f"{name}.* is a? ?damaged .*fetch it again"):
            read(*expand_paths([str(tmp_path / name)]))


LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"


@pytest.mark.parametrize(
    ("signature", "changes", "message"),
    [
        pytest.param(CENTRAL, {8: 1}, "encrypted or damaged .*password required", id="encrypted"),
        pytest.param(CENTRAL, {10: 9}, "packed otherwise than with Deflate: unpack it", id="Deflate64"),
        pytest.param(CENTRAL, {6: 99}, "damaged ZIP archive .*version 9.9", id="version of the future"),
        pytest.param(LOCAL, {0: 0}, "is damaged .Bad magic number", id="no member where it should lie"),
        pytest.param(CENTRAL, {9: 8, 46: 255}, "damaged ZIP archive .*decode", id="name that is not UTF-8"),
    ],
)
def test_an_archive_that_cannot_be_read_is_refused(
    tmp_path: Path, signature: bytes, changes: dict[int, int], message: str
) -> None:
    archive = patched(zip_of(tmp_path / "posts.zip", {"a.csv": CONTENT}), signature, changes)
    with pytest.raises(UnreadableFileError, match=message):
        read(*expand_paths([str(archive)]))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=["bzip2", "LZMA"])
def test_a_member_whose_memory_cannot_be_bounded_is_refused(tmp_path: Path, method: int) -> None:
    archive = zip_of(tmp_path / "posts.zip", {"a.csv": bytes(1_000_000)}, method)
    with pytest.raises(UnreadableFileError, match=r"posts[.]zip:a[.]csv is packed otherwise than with Deflate"):
        read(*expand_paths([str(archive)]))


@given(st.data())
@settings(max_examples=250, deadline=None)
def test_a_damaged_archive_is_refused_with_a_sentence_or_read_right(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped.zip"
    content = bytearray(zip_of(path, {"a.csv": b"id\n1\n", "é b.csv": b"id\n2\n" * 50}).read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=3)):
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with suppress(EpilakeError):
        assert {read(file) for file in expand_paths([str(path)])} <= {b"id\n1\n", b"id\n2\n" * 50}


def test_a_reader_that_does_not_know_the_file_is_told_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(CONTENT)
    with (
        pytest.raises(UnknownHeaderError, match=r"a[.]csv: not of tweets"),
        open_decompressed(InputFile(tmp_path / "a.csv")),
    ):
        raise UnknownHeaderError("not of tweets")


# Bombs

READ_ALL = """
import json, resource, sys
from pathlib import Path
import pyarrow.parquet, zstandard
from flows.errors import OverblownFileError
from flows.sources.files import expand_paths, open_decompressed

def peak_kilobytes():
    status = Path("/proc/self/status")  # the kernel's own count, which a child does not inherit
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return int(next(line for line in status.read_text().splitlines() if line.startswith("VmHWM")).split()[1])

for file in expand_paths(sys.argv[1:]):
    before, count, end = peak_kilobytes(), 0, "read"
    try:
        with open_decompressed(file) as stream:
            while content := stream.read(1_000_000):
                count += len(content)
    except OverblownFileError as error:
        end = str(error)
    print(json.dumps([file.name, end, count, peak_kilobytes() - before]))
"""
MEGABYTES_10 = bytes(10_000_000)


def gzip_bomb(count: int) -> bytes:
    """Return count × 10 MB of zeros as one gzip member; the checksum at its end, which nobody reaches, is wrong."""
    packer = zlib.compressobj(9, wbits=31)
    start = packer.compress(MEGABYTES_10) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(MEGABYTES_10) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + block * (count - 1) + packer.flush()


def zstd_bomb(count: int) -> bytes:
    packer = zstandard.ZstdCompressor().compressobj()
    return b"".join(packer.compress(MEGABYTES_10) for _ in range(count)) + packer.flush()


def test_a_bomb_is_refused_and_whatever_is_read_takes_little_memory(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip_bomb(100))
    (tmp_path / "b.bz2").write_bytes(bz2.compress(MEGABYTES_10) * 100)
    (tmp_path / "c.zst").write_bytes(zstd_bomb(100))
    zip_of(tmp_path / "d.zip", {"d.csv": MEGABYTES_10 * 10})
    zip_of(tmp_path / "e.zip", {"e.csv.gz": gzip_bomb(100)})
    zip_of(tmp_path / "f.zip", {"f.csv": MEGABYTES_10 * 6, "g.csv": MEGABYTES_10 * 6})
    paths = [str(tmp_path / name) for name in ("a.gz", "b.bz2", "c.zst", "d.zip", "e.zip", "f.zip")]
    done = subprocess.run([sys.executable, "-c", READ_ALL, *paths], capture_output=True, check=True, text=True)
    found = {name: (end, count, growth) for name, end, count, growth in map(json.loads, done.stdout.splitlines())}
    overblown = "grows to more than 200 times its size when it is decompressed: no posts do that."
    for name in ("a.gz", "b.bz2", "c.zst", "d.csv", "e.csv.gz"):
        end, count, growth = found[name]
        assert end.endswith(overblown)
        assert count < 250_000_000
        assert growth < 150_000, name
    assert [found[name][:2] for name in ("f.csv", "g.csv")] == [("read", 60_000_000)] * 2
    assert max(found[name][2] for name in ("f.csv", "g.csv")) < 30_000


def test_a_small_file_may_grow_as_much_as_it_likes(tmp_path: Path) -> None:
    assert len(read_packed(tmp_path, gzip.compress(MEGABYTES_10))) == len(MEGABYTES_10)
