r"""CSV as RFC 4180, record by record, each with its bytes and where it began.

The standard library's `csv` decides what a record is; this module only remembers which lines it took for each, so that
a refused record can be kept exactly as it stood.
"""

import csv
from collections.abc import Iterable, Iterator
from typing import NamedTuple

CUT_RECORD = "record cut inside a quoted field"


class CsvRecord(NamedTuple):
    """One record: its number from 0 (the header, if there is one), first byte, bytes, fields, or what is wrong."""

    number: int
    byte_offset: int
    record_bytes: bytes
    fields: list[str]
    error: str | None


class _Lines:
    """Feeds decoded lines to `csv.reader` and keeps the bytes of those taken since the last record."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self._pushed: list[bytes] = []
        self.taken: list[bytes] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._pushed.pop() if self._pushed else next(self._lines)
        self.taken.append(line)
        return line.decode("utf-8", "surrogateescape")

    def keep_first(self) -> None:
        """Give back all lines but the first taken: a broken record must not swallow its neighbours."""
        self._pushed.extend(reversed(self.taken[1:]))
        del self.taken[1:]


def read_csv_records(lines: Iterable[bytes]) -> Iterator[CsvRecord]:
    r"""Yield every record of a CSV file, broken ones included, in order and without gap.

    Bytes that are not UTF-8 come through as lone surrogates in the fields. The record bytes joined are the file.

    Args:
        lines: The file's bytes, split after each line feed, as a binary file yields them.

    >>> [(r.byte_offset, r.fields, r.error) for r in read_csv_records([b'a,"x\n', b'y"\n', b'b,"z'])]
    [(0, ['a', 'x\ny'], None), (8, [], 'record cut inside a quoted field')]
    """
    source, number, offset = _Lines(lines), 0, 0
    reader = csv.reader(source, strict=True)
    while True:
        error: str | None = None
        fields: list[str] = []
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as broken:
            error = _describe(str(broken))
            if error != CUT_RECORD:
                source.keep_first()
            reader = csv.reader(source, strict=True)
        record = b"".join(source.taken)
        source.taken.clear()
        yield CsvRecord(number, offset, record, fields, error)
        number, offset = number + 1, offset + len(record)


def _describe(message: str) -> str:
    return CUT_RECORD if message == "unexpected end of data" else f"not CSV: {message}"
