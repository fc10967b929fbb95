r"""CSV as RFC 4180, record by record, each with its bytes and where it began.

The standard library's `csv` decides what a record is; this module only remembers which lines it took for each, so that
a refused record can be kept exactly as it stood. A run of records without fault is read at once; at the first fault
the same lines are read again one record at a time.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, chain, islice, tee
from typing import NamedTuple

CUT_RECORD = "record cut inside a quoted field"
MAX_FIELD_CHARACTERS = 4_000_000
"""A field that is longer was never closed; above the boundary's limit on texts, so that those are refused as such."""
MAX_RUN_BYTES = 64_000_000
STRIDE = 256
"""Records after which a run's size is looked at."""

csv.field_size_limit(MAX_FIELD_CHARACTERS)


class CsvRecord(NamedTuple):
    """One record: its number from 0 (the header, if there is one), first byte, bytes, fields, or what is wrong."""

    number: int
    byte_offset: int
    record_bytes: bytes
    fields: list[str]
    error: str | None


@dataclass(frozen=True)
class CsvRun:
    """Some records in a row: the fields of each, and apart from them the places of those that are broken.

    Attributes:
        number: Number of the first record.
        fields: The fields of each record; none of a broken one.
        starts: The first byte of each record.
        errors: Place in the run → what is wrong with the record there.
        is_clean: Whether nothing is wrong with any record, and all of them are UTF-8.
    """

    number: int
    fields: list[list[str]]
    starts: list[int]
    errors: dict[int, str]
    is_clean: bool
    _lines: list[bytes] = field(repr=False)
    _ends: list[int] = field(repr=False)

    def __len__(self) -> int:
        """Records in the run."""
        return len(self.fields)

    def record_bytes(self, place: int) -> bytes:
        """Return the bytes of the record at a place."""
        return b"".join(self._lines[self._ends[place] : self._ends[place + 1]])

    def record(self, place: int) -> CsvRecord:
        """Return the record at a place."""
        error = self.errors.get(place)
        return CsvRecord(self.number + place, self.starts[place], self.record_bytes(place), self.fields[place], error)


class CsvRecords:
    r"""The records of a CSV file, broken ones included, in order and without gap.

    Bytes that are not UTF-8 come through as lone surrogates in the fields. The record bytes joined are the file.

    >>> records = CsvRecords([b'a,"x\n', b'y"\n', b'b,"z'])
    >>> [(r.byte_offset, r.fields, r.error) for r in records.take(9)]
    [(0, ['a', 'x\ny'], None), (8, [], 'record cut inside a quoted field')]
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        """Read from the file's bytes, split after each line feed, as a binary file yields them."""
        self._lines = iter(lines)
        self._number = 0
        self._offset = 0

    def take(self, count: int) -> list[CsvRecord]:
        """Return the next records: at most `count` and about `MAX_RUN_BYTES`; an empty list at the end."""
        run = self.take_run(count)
        return [run.record(place) for place in range(len(run))]

    def take_run(self, count: int) -> CsvRun:
        """Return the next records as a run, which is empty at the end; see `take`."""
        whole = self._read_whole(count)
        fields, ends, lines, errors = whole or self._read_singly(count)
        offsets = list(accumulate(map(len, lines), initial=self._offset))
        run = CsvRun(self._number, fields, [offsets[end] for end in ends[:-1]], errors, bool(whole), lines, ends)
        self._number, self._offset = self._number + len(fields), offsets[-1]
        return run

    def _read_whole(self, count: int) -> "_Found | None":
        """Read records in which nothing is wrong, or None, and then nothing is taken."""
        ahead, behind = tee(self._lines)
        reader = csv.reader(map(bytes.decode, ahead), strict=True)
        lines: list[bytes] = []
        found: list[tuple[list[str], int]] = []
        size = 0
        try:
            while len(found) < count and size < MAX_RUN_BYTES:
                stride = [(row, reader.line_num) for row in islice(reader, min(STRIDE, count - len(found)))]
                if not stride:
                    break
                found += stride
                taken = list(islice(behind, stride[-1][1] - len(lines)))
                lines += taken
                size += sum(map(len, taken))
        except (csv.Error, UnicodeDecodeError):
            self._lines = chain(lines, behind)
            return None
        self._lines = behind
        return [row for row, _ in found], [0, *(end for _, end in found)], lines, {}

    def _read_singly(self, count: int) -> "_Found":
        """Read records one by one, so that a broken one does not take its neighbours along."""
        source = _Lines(self._lines)
        reader = csv.reader(source, strict=True)
        fields: list[list[str]] = []
        ends, lines, errors, size = [0], [], {}, 0
        while len(fields) < count and size < MAX_RUN_BYTES:
            try:
                fields.append(next(reader))
            except StopIteration:
                break
            except csv.Error as broken:
                errors[len(fields)] = error = _describe(str(broken))
                fields.append([])
                if error != CUT_RECORD:
                    source.keep_first()
                reader = csv.reader(source, strict=True)
            size += sum(map(len, source.taken))
            lines += source.taken
            ends.append(len(lines))
            source.taken.clear()
        self._lines = source.rest()
        return fields, ends, lines, errors


_Found = tuple[list[list[str]], list[int], list[bytes], dict[int, str]]
"""Fields of each record, the line at which each ends (with 0 before them), the lines, and what is wrong where."""


class _Lines:
    """Feeds decoded lines to `csv.reader` and keeps the bytes of those taken since the last record."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
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

    def rest(self) -> Iterator[bytes]:
        """Return the lines that were not taken."""
        return chain(reversed(self._pushed), self._lines)


def _describe(message: str) -> str:
    return CUT_RECORD if message == "unexpected end of data" else f"not CSV: {message}"
