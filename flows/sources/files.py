"""Files on their way into a source: which ones a path means, and their bytes without the compression.

What a file is, its first bytes say, not its name. Nothing is unpacked to disk: a member of a ZIP archive is read where
it lies, so its name is only ever a label.
"""

import bz2
import glob
import gzip
import io
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from flows.errors import OverblownFileError, UnknownHeaderError, UnreadableFileError

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
PARQUET_ROWS = 10_000


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


def expand_paths(paths: list[str]) -> list[InputFile]:
    """Return the files meant, in order, each once.

    A folder stands for the files of posts in it, a pattern for what it matches, a ZIP archive for its members, and `-`
    for standard input.

    Raises:
        UnreadableFileError: A path means no file, or an archive is damaged or names a file outside of itself.
    """
    found = [file for path in paths for plain in _expand_path(path) for file in _expand_archive(plain)]
    return list(dict.fromkeys(found))


def _expand_path(path: str) -> list[Path]:
    if path == STANDARD_INPUT:
        return [Path(path)]
    plain = Path(path)
    if plain.is_dir():
        files = sorted(file for file in plain.iterdir() if file.is_file() and _is_of_posts(file.name))
    elif plain.is_file():
        files = [plain]
    else:
        files = sorted(Path(match) for match in glob.glob(path, recursive=True) if Path(match).is_file())  # noqa: PTH207 - absolute patterns too
    if not files:
        raise UnreadableFileError(
            f"There is no file of posts at {path}: give a file, a folder of them, a pattern or -."
        )
    return files


def _is_of_posts(name: str) -> bool:
    plain = name.lower()
    for ending in COMPRESSED_ENDINGS:
        plain = plain.removesuffix(ending)
    return plain.endswith(ENDINGS) and name != MANIFEST


def _expand_archive(path: Path) -> list[InputFile]:
    if str(path) == STANDARD_INPUT or path.suffix.lower() != ".zip":
        return [InputFile(path)]
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member.filename for member in archive.infolist() if not member.is_dir()]
    except (zipfile.BadZipFile, OSError) as error:
        raise UnreadableFileError(f"{path} is a damaged ZIP archive ({error}): fetch it again.") from error
    for member in members:
        place = PurePosixPath(member.replace("\\", "/"))
        if place.is_absolute() or ".." in place.parts or ":" in place.parts[0]:
            raise UnreadableFileError(f"{path} names a file outside of itself ({member!r}): nothing of it is read.")
    return [InputFile(path, member) for member in members if _is_of_posts(PurePosixPath(member).name)]


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
    except (EOFError, OSError, zlib.error, zipfile.BadZipFile, zstandard.ZstdError, pa.ArrowInvalid) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise UnreadableFileError(f"{file} is damaged ({error}): fetch it again; nothing of it was kept.") from error
    except (UnknownHeaderError, OverblownFileError) as error:
        raise type(error)(f"{file}: {error}") from error


def _decompress(file: InputFile, stack: ExitStack) -> io.RawIOBase:
    """Return the file's bytes without their compression: one layer of it, so that no bomb can be nested."""
    import zstandard

    taken = _Counted(_open(file, stack).read)
    stream = io.BufferedReader(taken, READ_BYTES)

    def count_taken() -> int:
        return taken.count

    magic = stream.peek(4)[:4]
    if magic == b"PAR1":
        return _Counted(_read_parquet(file))
    if magic[:2] == b"\x1f\x8b":
        return _Bounded(gzip.GzipFile(fileobj=stream).read, count_taken)
    if magic[:3] == b"BZh":
        return _Bounded(bz2.BZ2File(stream).read, count_taken)
    if magic == b"\x28\xb5\x2f\xfd":
        return _Bounded(zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True).read, count_taken)
    return _Counted(stream.read)


def _open(file: InputFile, stack: ExitStack) -> BinaryIO:
    if file.is_standard_input:
        return sys.stdin.buffer
    if not file.member:
        return stack.enter_context(file.path.open("rb"))
    packed = stack.enter_context(file.path.open("rb"))
    archive = stack.enter_context(zipfile.ZipFile(packed))
    member = stack.enter_context(archive.open(file.member))
    size = archive.getinfo(file.member).compress_size
    return cast("BinaryIO", io.BufferedReader(_Bounded(member.read, lambda: size), READ_BYTES))


def _read_parquet(file: InputFile) -> Callable[[int], bytes]:
    """Return a reader of a Parquet file's rows as lines of JSON."""
    import orjson
    import pyarrow.parquet as pq

    if file.is_standard_input or file.member:
        raise UnreadableFileError(f"{file} is a Parquet file, which is read from a file of its own only: unpack it.")
    batches = pq.ParquetFile(file.path).iter_batches(PARQUET_ROWS)
    lines = (orjson.dumps(row, default=str) + b"\n" for batch in batches for row in batch.to_pylist())
    rest = b""

    def read(count: int) -> bytes:
        nonlocal rest
        while len(rest) < count and (line := next(lines, b"")):
            rest += line
        content, rest = rest[:count], rest[count:]
        return content

    return read


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
