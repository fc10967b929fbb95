"""Files on their way into a source: which ones a path means, and their bytes without the compression.

What a file is, its first bytes say, not its name. Nothing is unpacked to disk: a member of a ZIP archive is read where
it lies, so its name is only ever a label.
"""

import bz2
import glob
import io
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from isal import igzip, isal_zlib

from flows.errors import OverblownFileError, UnknownHeaderError, UnreadableFileError

if TYPE_CHECKING:
    import pyarrow as pa

STANDARD_INPUT = "-"
ENDINGS = (".csv", ".json", ".jsonl", ".ndjson", ".txt", ".xml", ".parquet", ".zip")
"""What a folder stands for: files that end so, compressed or not."""
COMPRESSED_ENDINGS = (".gz", ".bz2", ".zst")
MANIFEST = "manifest.json"
"""What `epilake sample` says of its files: no posts."""
READ_BYTES = 1_000_000
MAX_EXPANSION = 200
"""Times by which a file may grow when it is decompressed; posts grow by 2 to 20."""
EXPANSION_FREE_BYTES = 64_000_000
PARQUET_ROWS = 1_000
ZSTD_SLICE_BYTES = 1_000
"""What is decompressed at a time: zstd packs 128 KiB of one byte into 4, so a slice holds no more than 32 MB."""
_DAMAGED = (zlib.error, cast("type[Exception]", isal_zlib.error), zipfile.BadZipFile)
ZSTD_WINDOW_BYTES = 2**31
"""Archives of posts are packed with zstd's longest window; a file takes no more of it than it has content."""


@dataclass(frozen=True)
class InputFile:
    """One file of posts: a path, and the member if the path is a ZIP archive."""

    path: Path
    member: str | None = None

    @property
    def name(self) -> str:
        """The file's own name."""
        return PurePosixPath(self.member).name if self.member else self.path.name

    def __str__(self) -> str:
        """The file as a person names it."""
        return f"{self.path}:{self.member}" if self.member else str(self.path)

    @property
    def is_standard_input(self) -> bool:
        """Whether it can be read only once."""
        return str(self.path) == STANDARD_INPUT


def expand_paths(paths: list[str], *, what: str = "posts") -> list[InputFile]:
    """Return the files meant, in order, each once; `what` says of what they are, should there be none.

    A folder stands for the files of data in it, a pattern for what it matches, a ZIP archive for its members, and `-`
    for standard input.

    Raises:
        UnreadableFileError: A path means no file, or an archive is damaged or names a file outside of itself.
    """
    return list(dict.fromkeys(file for path in paths for file in _expand_path(path, what)))


def _expand_path(path: str, what: str) -> list[InputFile]:
    plain = Path(path)
    if path == STANDARD_INPUT:
        files = [plain]
    elif plain.is_dir():
        files = sorted(file for file in plain.iterdir() if file.is_file() and _is_of_posts(file.name))
    elif plain.is_file():
        files = [plain]
    else:
        files = sorted(Path(match) for match in glob.glob(path, recursive=True) if Path(match).is_file())  # noqa: PTH207 - absolute patterns too
    found = [file for plain in files for file in _expand_archive(plain)]
    if not found:
        raise UnreadableFileError(
            f"There is no file of {what} at {path}: give a file, a folder of them, a pattern or -."
        )
    return found


def _is_of_posts(name: str) -> bool:
    plain = name.lower()
    for ending in COMPRESSED_ENDINGS:
        plain = plain.removesuffix(ending)
    return plain.endswith(ENDINGS) and name != MANIFEST and not name.startswith("._")  # macOS's notes on a file


def _expand_archive(path: Path) -> list[InputFile]:
    if str(path) == STANDARD_INPUT or path.suffix.lower() != ".zip":
        return [InputFile(path)]
    members = _list_archive(path)
    for member in members:
        place = PureWindowsPath(member)  # knows both kinds of slashes, and drives
        if place.anchor or ".." in place.parts:
            raise UnreadableFileError(f"{path} names a file outside of itself ({member!r}): nothing of it is read.")
    return [InputFile(path, member) for member in members if _is_of_posts(PurePosixPath(member).name)]


def _list_archive(path: Path) -> list[str]:
    """Return the names of an archive's members that are no folders."""
    with path.open("rb") as packed:
        try:
            with zipfile.ZipFile(packed) as archive:
                return [member.filename for member in archive.infolist() if not member.filename.endswith("/")]
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:  # its index holds any numbers
            raise UnreadableFileError(f"{path} is a damaged ZIP archive ({error}): fetch it again.") from error


@contextmanager
def open_decompressed(file: InputFile) -> Iterator[BinaryIO]:
    """Open a file for reading; gzip, bzip2, zstd and Parquet are known by their first bytes.

    A Parquet file is read as one JSON object a row.

    Raises:
        UnreadableFileError: While reading, the compressed stream turns out damaged or ends early.
        OverblownFileError: It grows beyond `MAX_EXPANSION` times its size.
        UnknownHeaderError: Raised by the reader, and given the file's name here.
    """
    import pyarrow as pa
    import zstandard

    try:
        with ExitStack() as stack:
            yield io.BufferedReader(_decompress(file, stack), READ_BYTES)
    except (EOFError, OSError, *_DAMAGED, zstandard.ZstdError, pa.ArrowInvalid) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        found = str(error) or "it ends early"
        raise UnreadableFileError(f"{file} is damaged ({found}): fetch it again; nothing of it was kept.") from error
    except (UnknownHeaderError, OverblownFileError) as error:
        raise type(error)(f"{file}: {error}") from error


def _decompress(file: InputFile, stack: ExitStack) -> io.RawIOBase:
    """Return the file's bytes without their compression: one layer of it, so that no bomb can be nested."""
    taken = _Counted(_open(file, stack).read)
    stream = io.BufferedReader(taken, READ_BYTES)

    def count_taken() -> int:
        return taken.count

    magic = stream.peek(4)[:4]
    if magic == b"PAR1":
        return _Counted(_read_parquet(file))
    if magic[:2] == b"\x1f\x8b":
        return _Bounded(igzip.IGzipFile(fileobj=stream).read, count_taken)  # type: ignore[no-untyped-call]
    if magic[:3] == b"BZh":
        return _Bounded(bz2.BZ2File(stream).read, count_taken)
    if magic == b"\x28\xb5\x2f\xfd" or magic[1:] == b"\x2a\x4d\x18":  # a frame, or one to be skipped, as pzstd begins
        return _Bounded(_read_zstd(stream), count_taken)
    if magic == b"PK\x03\x04":
        raise UnreadableFileError(
            f"{file} is a ZIP archive, which is read from a file named .zip only: rename or unpack it."
        )
    return _Counted(stream.read)


def _open(file: InputFile, stack: ExitStack) -> BinaryIO:
    if file.is_standard_input:
        return sys.stdin.buffer
    if not file.member:
        return stack.enter_context(file.path.open("rb"))
    packed = stack.enter_context(file.path.open("rb"))
    archive = stack.enter_context(zipfile.ZipFile(packed))
    info = archive.getinfo(file.member)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # zipfile bounds the memory of no other
        raise UnreadableFileError(f"{file} is packed otherwise than with Deflate: unpack it, and give the file itself.")
    try:
        member = stack.enter_context(archive.open(file.member))
    except (OSError, ValueError, RuntimeError) as error:
        raise UnreadableFileError(f"{file} is encrypted or damaged ({error}): unpack it, or fetch it again.") from error
    return cast("BinaryIO", io.BufferedReader(_Bounded(member.read, lambda: info.compress_size), READ_BYTES))


def _read_zstd(stream: BinaryIO) -> Callable[[int], bytes]:
    """Return a reader of zstd frames, one after the other; a stream that ends inside a frame is an error.

    The library's own reader takes a cut stream for a whole one.
    """
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)
    frame = decompressor.decompressobj()
    packed, rest = b"", memoryview(b"")

    def read(count: int) -> bytes:
        nonlocal frame, packed, rest
        while not rest and (packed := packed or stream.read(ZSTD_SLICE_BYTES)):
            frame = decompressor.decompressobj() if frame.eof else frame
            rest = memoryview(frame.decompress(packed))
            packed = frame.unused_data
        if not rest and not frame.eof:
            raise EOFError("it ends inside a frame")
        content, rest = rest[:count], rest[count:]
        return bytes(content)

    return read


def _read_parquet(file: InputFile) -> Callable[[int], bytes]:
    """Return a reader of a Parquet file's rows as lines of JSON."""
    import orjson
    import pyarrow.parquet as pq

    if file.is_standard_input or file.member:
        raise UnreadableFileError(f"{file} is a Parquet file, which is read from a file of its own only: unpack it.")
    batches = pq.ParquetFile(file.path).iter_batches(PARQUET_ROWS)
    lines = (orjson.dumps(row, default=str) + b"\n" for batch in batches for row in _valid_rows(batch))
    rest = bytearray()

    def read(count: int) -> bytes:
        while len(rest) < count and (line := next(lines, b"")):
            rest.extend(line)
        content = bytes(rest[:count])
        del rest[:count]
        return content

    return read


def _valid_rows(batch: "pa.RecordBatch") -> list[dict[str, Any]]:
    """Return the rows of a batch; raises ArrowInvalid if a text in it is not UTF-8."""
    batch.validate(full=True)
    rows: list[dict[str, Any]] = batch.to_pylist()
    return rows


class _Counted(io.RawIOBase):
    """A readable stream over a function that reads, which counts what it gave."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        content = self._read(len(target))
        target[: len(content)] = content
        self.count += len(content)
        return len(content)


class _Bounded(_Counted):
    """A decompressed stream that is refused once it has grown out of proportion to what it was read from."""

    def __init__(self, read: Callable[[int], bytes], taken: Callable[[], int]) -> None:
        super().__init__(read)
        self._taken = taken

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        count = super().readinto(target)
        if self.count > EXPANSION_FREE_BYTES and self.count > MAX_EXPANSION * self._taken():
            raise OverblownFileError(
                f"grows to more than {MAX_EXPANSION} times its size when it is decompressed: no posts do that."
            )
        return count
