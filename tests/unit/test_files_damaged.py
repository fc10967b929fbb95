"""Damaged files and bombs: refused with a sentence, in bounded memory, and never read in part."""

import bz2
import gzip
import json
import os
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.errors import EpilakeError, UnreadableFileError
from flows.sources.files import InputFile, expand_paths
from tests.unit.packed_files import (
    CONTENT,
    MEGABYTES_10,
    PACKS,
    Pack,
    gzip_bomb,
    patched,
    read,
    read_packed,
    zip_of,
    zstd_bomb,
)


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
