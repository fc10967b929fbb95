r"""CSV as RFC 4180, record by record, each with its bytes and where it began.

The standard library's `csv` decides what a record is; this module only remembers which lines it took for each, so that
a refused record can be kept exactly as it stood. A run of records without fault is read at once; at the first fault
the same lines are read again one record at a time.
"""

import csv
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import NamedTuple

CUT_RECORD = "record cut inside a quoted field"
MAX_FIELD_CHARACTERS = 4_000_000
"""A field that is longer was never closed; above the boundary's limit on texts, so that those are refused as such."""
MAX_RUN_BYTES = 64_000_000

csv.field_size_limit(MAX_FIELD_CHARACTERS)


class CsvRecord(NamedTuple):
    """One record: its number from 0 (the header, if there is one), first byte, bytes, fields, or what is wrong."""

    number: int
    byte_offset: int
    record_bytes: bytes
    fields: list[str]
    error: str | None


class CsvRecords:
    r"""The records of a CSV file, broken ones included, in order and without gap.

    Bytes that are not UTF-8 come through as lone surrogates in the fields. The record bytes joined are the file.

    >>> records = CsvRecords([b'a,"x\n', b'y"\n', b'b,"z'])
    >>> [(r.byte_offset, r.fields, r.error) for r in records.take(9)]
    [(0, ['a', 'x\ny'], None), (8, [], 'record cut inside a quoted field')]
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        """Read from the file's bytes, split after each line feed, as a binary file yields them."""
        self._lines = _Lines(lines)
        self._number = 0
        self._offset = 0

    def take(self, count: int) -> list[CsvRecord]:
        """Return the next records: at most `count` and about `MAX_RUN_BYTES`; an empty list at the end."""
        run = self._take_whole(count)
        if run is None:
            self._lines.give_back(0)
            run = list(self._take_singly(count))
        return run

    def _take_whole(self, count: int) -> list[CsvRecord] | None:
        """Read a run in which nothing is wrong, or None."""
        reader = csv.reader(self._lines.decoded(), strict=True)
        fields, ends = [], [0]
        try:
            for row in reader:
                fields.append(row)
                ends.append(reader.line_num)
                if len(fields) >= count or self._lines.taken_bytes > MAX_RUN_BYTES:
                    break
        except (csv.Error, UnicodeDecodeError):
            return None
        taken = self._lines.drop_taken()
        starts = list(accumulate(map(len, taken), initial=self._offset))
        run = [
            CsvRecord(
                number,
                starts[begin],
                taken[begin] if end == begin + 1 else b"".join(taken[begin:end]),
                row,
                None,
            )
            for number, (begin, end, row) in enumerate(zip(ends, ends[1:], fields, strict=False), self._number)
        ]
        self._number, self._offset = self._number + len(run), starts[-1]
        return run

    def _take_singly(self, count: int) -> Iterator[CsvRecord]:
        """Read records one by one, so that a broken one does not take its neighbours along."""
        reader = csv.reader(self._lines.escaped(), strict=True)
        total = 0
        while count > 0 and total < MAX_RUN_BYTES:
            error: str | None = None
            fields: list[str] = []
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as broken:
                error = _describe(str(broken))
                if error != CUT_RECORD:
                    self._lines.give_back(1)
                reader = csv.reader(self._lines.escaped(), strict=True)
            record = b"".join(self._lines.drop_taken())
            yield CsvRecord(self._number, self._offset, record, fields, error)
            self._number, self._offset = self._number + 1, self._offset + len(record)
            count, total = count - 1, total + len(record)


class _Lines:
    """Feeds decoded lines to `csv.reader` and keeps the bytes of those taken since the last record or run."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self._pushed: list[bytes] = []
        self._taken: list[bytes] = []
        self.taken_bytes = 0

    def decoded(self) -> Iterator[str]:
        """Yield lines as text; raises UnicodeDecodeError where a line is not UTF-8."""
        for line in self._next_lines():
            yield line.decode()

    def escaped(self) -> Iterator[str]:
        """Yield lines as text, with a lone surrogate for each byte that is not UTF-8."""
        for line in self._next_lines():
            yield line.decode("utf-8", "surrogateescape")

    def give_back(self, keep: int) -> None:
        """Give back all lines taken but the first `keep`."""
        self._pushed.extend(reversed(self._taken[keep:]))
        del self._taken[keep:]
        self.taken_bytes = sum(map(len, self._taken))

    def drop_taken(self) -> list[bytes]:
        """Return the lines taken and begin anew."""
        taken, self._taken, self.taken_bytes = self._taken, [], 0
        return taken

    def _next_lines(self) -> Iterator[bytes]:
        while True:
            line = self._pushed.pop() if self._pushed else next(self._lines, b"")
            if not line:
                return
            self._taken.append(line)
            self.taken_bytes += len(line)
            yield line


def _describe(message: str) -> str:
    return CUT_RECORD if message == "unexpected end of data" else f"not CSV: {message}"
