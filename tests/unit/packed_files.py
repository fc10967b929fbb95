"""Files packed in every way, some of them damaged or bombs, and read as the sources read them."""

import bz2
import gzip
import io
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import zstandard

from flows.sources.files import InputFile, open_decompressed

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
