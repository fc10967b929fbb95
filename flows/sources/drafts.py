"""Drafts from objects: the one loop that every source of JSON, or of CSV with names of its own, shares.

A source of that kind is its list of fields and a function that reads one object; where the object stood, what was
refused and what carried nothing is kept account of here.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from flows.errors import RefusedRecordError
from flows.sources import Draft, Field, Notice, NoticeKind, Reject

if TYPE_CHECKING:
    import pyarrow as pa

_SURROGATE = re.compile("[\ud800-\udfff]")


class ObjectRecord(NamedTuple):
    """One record of a stream: its number from 1, first byte, bytes, the object read from it, or what is wrong."""

    number: int
    byte_offset: int
    record_bytes: bytes
    value: dict[str, Any]
    error: str | None = None


@dataclass(frozen=True)
class ReadPost:
    """One post as a source read it: its id, its time in UTC, its fields by name (null if absent), and the rest."""

    post_id: str | None
    posted_at: datetime | None
    values: Mapping[str, str | None]
    rescued: str | None = None


@dataclass(frozen=True)
class ReadNotice:
    """One delete notice as a source read it; see `Notice`."""

    kind: NoticeKind
    post_id: str | None = None
    author_id: str | None = None
    noticed_at: datetime | None = None


Reader = Callable[[dict[str, Any]], ReadPost | ReadNotice | None]
"""Reads one object: a post, a notice, or None if by the source's rules it carries nothing.

Raises:
    RefusedRecordError: The object is neither; the message is the reason.
"""


def draft_objects(
    fields: tuple[Field, ...], records: Iterable[ObjectRecord], read: Reader, *, chunk_records: int
) -> Iterator[Draft]:
    """Read every record and yield what came of them, at most `chunk_records` records in a draft."""
    source = iter(records)
    while batch := list(islice(source, chunk_records)):
        posts: list[tuple[ObjectRecord, ReadPost]] = []
        rejects: list[Reject] = []
        notices: list[Notice] = []
        for record in batch:
            try:
                found = read_record(record, read)
            except RefusedRecordError as error:
                rejects.append(Reject(record.number, record.byte_offset, str(error), record.record_bytes))
                continue
            if isinstance(found, ReadPost):
                posts.append((record, found))
            elif found:
                notices.append(Notice(record.number, record.byte_offset, **vars(found)))
        skipped = len(batch) - len(posts) - len(rejects) - len(notices)
        held = [record.record_bytes for record, _ in posts]
        yield Draft(rows_of(fields, posts), held.__getitem__, rejects, notices, skipped)


def read_record(record: ObjectRecord, read: Reader) -> ReadPost | ReadNotice | None:
    """Read one record, or raise RefusedRecordError with the reason.

    A string of JSON may name half of a surrogate pair, which is no character and has no UTF-8: such a record is
    refused, whichever of its fields holds it.
    """
    if record.error:
        raise RefusedRecordError(record.error)
    try:
        found = read(record.value)
    except RecursionError as error:
        raise RefusedRecordError("nested too deeply") from error
    if isinstance(found, ReadPost) and any(has_surrogate(text) for text in (*found.values.values(), found.rescued)):
        raise RefusedRecordError("holds half of a surrogate pair")
    return found


def rows_of(fields: tuple[Field, ...], posts: list[tuple[ObjectRecord, ReadPost]]) -> "pa.Table":
    """Return the rows of a draft; see `Draft`."""
    columns = {field.name: [post.values.get(field.name) for _, post in posts] for field in fields}
    return make_rows(
        fields,
        columns,
        rescued=[post.rescued for _, post in posts],
        post_ids=[post.post_id for _, post in posts],
        times=[post.posted_at for _, post in posts],
        numbers=[record.number for record, _ in posts],
        offsets=[record.byte_offset for record, _ in posts],
    )


def make_rows(
    fields: tuple[Field, ...],
    columns: Mapping[str, Any],
    *,
    rescued: Any,
    post_ids: Any,
    times: Any,
    numbers: list[int],
    offsets: list[int],
) -> "pa.Table":
    """Return a draft's rows from their columns; a field that has no column, or is empty in a tuple, is null.

    A file of columns cannot tell an empty field from an absent one, and hands its columns over as tuples; lists are
    taken as they are.
    """
    import pyarrow as pa

    count = len(numbers)
    texts = {field.name: columns.get(field.name) for field in fields} | {"rescued": rescued, "post_id": post_ids}
    arrays = {
        name: pa.nulls(count, pa.string()) if values is None else _text_array(values) for name, values in texts.items()
    }
    moments = pa.array(times, pa.timestamp("us", tz="UTC"))
    places = {"record_number": pa.array(numbers, pa.int64()), "byte_offset": pa.array(offsets, pa.int64())}
    return pa.table({**arrays, "posted_at": moments, **places})


def has_surrogate(text: str | None) -> bool:
    r"""Say whether a text holds a lone surrogate and so has no UTF-8.

    >>> has_surrogate("\ud83d"), has_surrogate("😀"), has_surrogate(None)
    (True, False, False)
    """
    return text is not None and not text.isascii() and _SURROGATE.search(text) is not None


def _text_array(values: Any) -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    array = pa.array(values, pa.string())
    if isinstance(values, tuple):
        array = pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.string()), array)
    return array


def as_text(value: object) -> str | None:
    """Return a JSON value as RAW keeps it: text as it is, numbers and truth values as JSON spells them.

    >>> as_text(7), as_text(True), as_text(None), as_text("x"), as_text(["a", 1])
    ('7', 'true', None, 'x', '["a",1]')
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def rescue(value: Mapping[str, Any], known: frozenset[str]) -> str | None:
    """Return a JSON object of the fields that are not known; None if there are none.

    >>> rescue({"a": 1, "b": [2]}, frozenset({"a"})), rescue({"a": 1}, frozenset({"a"}))
    ('{"b": [2]}', None)
    """
    rest = {name: held for name, held in value.items() if name not in known}
    return json.dumps(rest, ensure_ascii=False) if rest else None


def read_iso_time(spelling: object) -> datetime | None:
    """Return the moment of an ISO 8601 spelling in UTC, which is assumed if it names no zone; None if it is none.

    >>> read_iso_time("2023-08-07T00:14:59.000Z"), read_iso_time("yesterday")
    (datetime.datetime(2023, 8, 7, 0, 14, 59, tzinfo=datetime.timezone.utc), None)
    """
    try:
        moment = datetime.fromisoformat(str(spelling))
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def read_epoch_time(seconds: object) -> datetime | None:
    """Return the moment that lies so many seconds after 1970 in UTC; None if it is no number or out of range.

    >>> read_epoch_time("1587168000"), read_epoch_time("never")
    (datetime.datetime(2020, 4, 18, 0, 0, tzinfo=datetime.timezone.utc), None)
    """
    try:
        return datetime.fromtimestamp(float(str(seconds)), UTC)
    except (ValueError, OverflowError, OSError):
        return None
