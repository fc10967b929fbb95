"""Files on their way into a source: which ones a path means, and their bytes without the compression."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from flows.errors import UnknownHeaderError, UnreadableFileError

GZIP_MAGIC = b"\x1f\x8b"


def expand_paths(paths: list[str]) -> list[Path]:
    """Return the files meant, in order, each once; a folder stands for its `*.csv` and `*.csv.gz`.

    Raises:
        UnreadableFileError: A path does not exist, or a folder holds no such file.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        files = sorted([*path.glob("*.csv"), *path.glob("*.csv.gz")]) if path.is_dir() else [path]
        if not files or not all(file.is_file() for file in files):
            raise UnreadableFileError(f"There is no CSV file at {path}: give the path of one, or of a folder of them.")
        found += files
    return list(dict.fromkeys(found))


@contextmanager
def open_decompressed(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading; gzip is known by its first bytes, not by the name.

    Raises:
        UnreadableFileError: While reading, the compressed stream turns out damaged or ends early.
        UnknownHeaderError: Raised by the reader, and given the file's name here.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(len(GZIP_MAGIC))
            file.seek(0)
            yield cast("BinaryIO", gzip.GzipFile(fileobj=file)) if magic == GZIP_MAGIC else file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableFileError(
            f"{path} is a damaged gzip file ({error}): fetch it again; nothing of it was kept."
        ) from error
    except UnknownHeaderError as error:
        raise UnknownHeaderError(f"{path}: {error}") from error
