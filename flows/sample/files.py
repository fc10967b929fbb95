"""Files: compressed, byte for byte the same each time, and either whole or not there at all."""

import gzip
import hashlib
from pathlib import Path
from types import TracebackType
from typing import Self

from flows.sample.layout import COLUMNS
from flows.sample.manifest import MalformedRecord, SampleFile

_COMPRESSION_LEVEL = 1


class FileWriter:
    """Writes one file of the sample under a temporary name and gives it its own when all went well."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = name_partial(path)
        self._stream = self._partial.open("wb")
        # no file name and no time in the header: the same records make the same bytes
        self._gzip = gzip.GzipFile(
            filename="", mode="wb", compresslevel=_COMPRESSION_LEVEL, fileobj=self._stream, mtime=0
        )
        self._records = 0
        self._offset = self._gzip.write(f"{','.join(COLUMNS)}\r\n".encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._gzip.close()
        self._stream.close()
        if kind is None:
            self._partial.replace(self._path)
        else:
            self._partial.unlink()

    def append(self, records: list[bytes], reasons: dict[int, str]) -> list[MalformedRecord]:
        """Append records; `reasons` holds the reason of each malformed one by its index. Returns where those stand."""
        malformed = [
            MalformedRecord(
                file=self._path.name,
                record_number=self._records + index + 1,
                byte_offset=self._offset + sum(map(len, records[:index])),
                reason=reason,
            )
            for index, reason in reasons.items()
        ]
        self._records += len(records)
        self._offset += self._gzip.write(b"".join(records))
        return malformed

    def describe(self) -> SampleFile:
        """Describe the finished file."""
        with self._path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return SampleFile(self._path.name, self._records, self._path.stat().st_size, digest)


def name_partial(path: Path) -> Path:
    """Name of a file while it is written.

    >>> name_partial(Path("lake/posts-00.csv.gz")).name
    '.posts-00.csv.gz.partial'
    """
    return path.with_name(f".{path.name}.partial")


def write_whole(path: Path, content: str) -> None:
    """Write a text file in one step: a reader sees the old content or the new, never a part."""
    partial = name_partial(path)
    partial.write_bytes(content.encode())
    partial.replace(path)
