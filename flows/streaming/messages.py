"""Messages of a topic into checked, protected rows, by the code that reads files; pure.

A message is a record's bytes as they stood, with the source and a CSV file's header line in its headers. Messages of
one kind are joined to one stream in memory and read at once. That is right only if each message came out as exactly one
record; else the run is halved and read again, down to a single message, so that a message that is cut inside a quote
swallows none of its neighbours. What is suspect by its looks is read alone from the start.
"""

import io
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from flows.batches import BLANK_RECORD
from flows.errors import UnknownHeaderError
from flows.sources import Draft, Notice, Reject, Source
from flows.sources.known import SOURCES

if TYPE_CHECKING:
    import pyarrow as pa

SOURCE_HEADER = "epilake-source"
HEADER_HEADER = "epilake-header"
LARGE_BYTES = 100_000
"""A message that is larger is read alone."""
BETWEEN = b" \t\r\n\xef\xbb\xbf"
"""What may stand in a message before its record."""


@dataclass(frozen=True)
class Message:
    """One message of a partition: its offset, its bytes, and what its headers say."""

    offset: int
    value: bytes
    source: str
    header: bytes = b""


@dataclass
class Reading:
    """What came of some messages of one source, not yet checked: drafts whose records stand by offset.

    `record_number` is the number of the record in its message, from 1; `byte_offset` is the message's offset.
    """

    rows: "list[pa.Table]" = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    count_skipped: int = 0

    def to_draft(self, source: Source) -> Draft:
        """Return one draft of everything."""
        import pyarrow as pa

        from flows.sources.drafts import rows_of

        rows = pa.concat_tables(self.rows) if self.rows else rows_of(source.fields, [])
        return Draft(rows, self.contents.__getitem__, self.rejects, self.notices, self.count_skipped)


def read_messages(messages: Sequence[Message], default: Source) -> dict[str, Draft]:
    """Return source → what the messages hold; every message ends in a row, a reject, a notice or is skipped.

    Args:
        messages: Messages of one partition, in order.
        default: The source of messages that name none.
    """
    kinds: dict[tuple[str, bytes], list[Message]] = {}
    for message in messages:
        kinds.setdefault((message.source or default.name, message.header), []).append(message)
    readings: dict[str, Reading] = {}
    for (name, header), kind in kinds.items():
        source = SOURCES.get(name)
        reading = readings.setdefault(source.name if source else default.name, Reading())
        if source is None:
            for message in kind:
                _refuse(reading, message, f"no source is named {name[:40]!r}")
            continue
        suspects = {message.offset for message in kind if is_suspect(message)}
        for message in kind:
            if message.offset in suspects:
                read_run(source, header, [message], reading)
        read_run(source, header, [message for message in kind if message.offset not in suspects], reading)
    return {name: reading.to_draft(SOURCES[name]) for name, reading in readings.items()}


def is_suspect(message: Message) -> bool:
    r"""Say whether a message may swallow its neighbours, or come out as no record or as several.

    >>> suspects = [b'a,"b', b"{}", b'{"a": [', b"", b"a,b\n", b"[{}]"]
    >>> [is_suspect(Message(0, value, "", header=b"a,b\n" if value[:1] == b"a" else b"")) for value in suspects]
    [True, False, True, True, False, True]
    """
    value = message.value.strip(BETWEEN)
    if not value or len(value) > LARGE_BYTES:
        return True
    if message.header:
        return value.count(b'"') % 2 == 1
    return not (value.startswith(b"{") and value.endswith(b"}"))


def read_run(source: Source, header: bytes, messages: Sequence[Message], reading: Reading) -> None:
    """Read some messages of one kind: at once, or in halves where they do not come out one by one."""
    if not messages:
        return
    found = _parse(source, header, messages)
    if found and _add_singles(found, messages, reading):
        return
    if len(messages) > 1:
        middle = len(messages) // 2
        read_run(source, header, messages[:middle], reading)
        read_run(source, header, messages[middle:], reading)
    else:
        _add_parts(found, messages[0], reading)


@dataclass(frozen=True)
class _Parsed:
    """Drafts of one stream, and where in it each message begins."""

    drafts: list[Draft]
    starts: list[int]


def _parse(source: Source, header: bytes, messages: Sequence[Message]) -> _Parsed | None:
    """Parse messages joined to one stream, each on lines of its own; None if the source does not know what it is."""
    head = [header if header.endswith(b"\n") else header + b"\n"] if header else []
    parts = [
        *head,
        *(message.value if message.value.endswith(b"\n") else message.value + b"\n" for message in messages),
    ]
    starts = list(accumulate(map(len, parts), initial=0))[len(head) : -1]
    stream = io.BufferedReader(io.BytesIO(b"".join(parts)))
    try:
        return _Parsed(list(source.parse(stream, chunk_records=len(messages) + 1)), starts)
    except UnknownHeaderError:
        return None


def _add_singles(found: _Parsed, messages: Sequence[Message], reading: Reading) -> bool:
    """Add the records to the reading if each message is exactly one of them; else add nothing and return False.

    No message that is not suspect is without a record. So they are one to one if there are as many of both, and each
    record that is known by its place begins where a message does and ends in it.
    """
    import pyarrow as pa

    if sum(map(_count, found.drafts)) != len(messages):
        return False
    placed = [_place(draft, found.starts, messages) for draft in found.drafts]
    taken = [place for places in placed for place in places]
    if None in taken or len(set(taken)) < len(taken):
        return False
    for draft, places in zip(found.drafts, placed, strict=True):
        of = [messages[place] for place in places if place is not None]
        count, offsets = draft.rows.num_rows, [message.offset for message in of]
        rows = _with_places(draft.rows, pa.array([1] * count, pa.int64()), pa.array(offsets[:count], pa.int64()))
        reading.rows.append(rows)
        reading.contents += [message.value for message in of[:count]]
        refused, noticed = of[count : count + len(draft.rejects)], of[count + len(draft.rejects) :]
        reading.rejects += [
            Reject(1, message.offset, each.reason, message.value)
            for each, message in zip(draft.rejects, refused, strict=True)
        ]
        reading.notices += [
            replace(each, record_number=1, byte_offset=message.offset)
            for each, message in zip(draft.notices, noticed, strict=True)
        ]
        reading.count_skipped += draft.count_skipped
    return True


def _place(draft: Draft, starts: list[int], messages: Sequence[Message]) -> list[int | None]:
    """Return which message each row, reject and notice is; None if it does not begin one, or goes beyond its end."""
    begins = draft.rows["byte_offset"].to_pylist()
    records = [(at, len(draft.record_bytes(place))) for place, at in enumerate(begins)]
    records += [(each.byte_offset, len(each.record_bytes)) for each in draft.rejects]
    records += [(each.byte_offset, 0) for each in draft.notices]
    places: list[int | None] = []
    for at, length in records:
        near = bisect_right(starts, at) - 1
        value, skipped = messages[near].value, at - starts[near]
        is_whole = near >= 0 and not value[:skipped].strip(BETWEEN) and skipped + length <= len(value) + 1
        places.append(near if is_whole else None)
    return places


def _add_parts(found: _Parsed | None, message: Message, reading: Reading) -> None:
    """Add the records of one message: none, or several, each by its number in the message."""
    import pyarrow as pa

    if found is None:
        _refuse(
            reading, message, BLANK_RECORD if not message.value.strip() else "neither JSON nor under a known header"
        )
        return
    if not any(map(_count, found.drafts)):
        _refuse(reading, message, BLANK_RECORD)
        return
    for draft in found.drafts:
        at = [message.offset] * draft.rows.num_rows
        reading.rows.append(_with_places(draft.rows, draft.rows["record_number"], pa.array(at, pa.int64())))
        reading.contents += [draft.record_bytes(place) for place in range(draft.rows.num_rows)]
        reading.rejects += [replace(each, byte_offset=message.offset) for each in draft.rejects]
        reading.notices += [replace(each, byte_offset=message.offset) for each in draft.notices]
        reading.count_skipped += draft.count_skipped


def _refuse(reading: Reading, message: Message, reason: str) -> None:
    reading.rejects.append(Reject(1, message.offset, reason, message.value))


def _count(draft: Draft) -> int:
    return int(draft.rows.num_rows) + len(draft.rejects) + len(draft.notices) + draft.count_skipped


def _with_places(rows: "pa.Table", numbers: Any, offsets: Any) -> "pa.Table":
    for name, column in (("record_number", numbers), ("byte_offset", offsets)):
        rows = rows.set_column(rows.schema.get_field_index(name), name, column)
    return rows
