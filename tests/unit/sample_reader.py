"""A reader of the sample that shares no code with the generator."""

import csv
import gzip
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from flows.sample import Manifest

HEADER = (
    "id,user_name,user_location,user_description,user_created,user_followers,user_friends,user_favourites,"
    "user_verified,date,text,hashtags,source,retweets,favorites,is_retweet"
)
KINDS = (
    "blank record",
    "expected 16 fields",
    "not valid UTF-8",
    "id not exact",
    "date is not a timestamp",
    "user_followers is not a whole number",
    "text is missing",
    "record cut inside a quoted field",
)


@dataclass(frozen=True)
class Record:
    """One record as a reader meets it."""

    file: str
    number: int
    offset: int
    fields: tuple[str, ...]
    reason: str

    @property
    def post_id(self) -> int:
        return int(self.fields[0])

    @property
    def date(self) -> str:
        return self.fields[9]

    @property
    def text(self) -> str:
        return self.fields[10]

    @property
    def retweets(self) -> int:
        return int(self.fields[13])


def split_records(content: bytes) -> list[tuple[int, bytes]]:
    """Split at the CRLFs outside of quotation marks; the offset and the bytes of each record."""
    records, start, line_start = [], 0, 0
    while line_start < len(content):
        end = content.find(b"\r\n", line_start)
        line_start = len(content) if end < 0 else end + 2
        if content.count(b'"', start, line_start) % 2 == 0 or end < 0:
            records.append((start, content[start:line_start]))
            start = line_start
    return records


def is_timestamp(value: str) -> bool:
    try:
        return datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).year > 0
    except ValueError:
        return False


def find_reason(raw: bytes) -> tuple[tuple[str, ...], str]:
    """Fields of a record, and why it must be rejected; an empty reason if it is sound."""
    if raw.count(b'"') % 2:
        return (), "record cut inside a quoted field"
    try:
        line = raw.decode()
    except UnicodeDecodeError:
        return (), "not valid UTF-8"
    fields = tuple(next(csv.reader(io.StringIO(line, newline=""), strict=True)))
    checks = (
        (any(fields), "blank record"),
        (len(fields) == 16, f"expected 16 fields, found {len(fields)}"),
        (fields[0].isdecimal(), "id not exact"),
        (len(fields) == 16 and is_timestamp(fields[9]), "date is not a timestamp"),
        (len(fields) == 16 and fields[5].isdecimal(), "user_followers is not a whole number"),
        (len(fields) == 16 and bool(fields[10]), "text is missing"),
    )
    return fields, next((reason for is_met, reason in checks if not is_met), "")


@dataclass(frozen=True)
class Sample:
    """A written sample, read again."""

    folder: Path
    manifest: Manifest

    @cached_property
    def contents(self) -> dict[str, bytes]:
        return {path.name: gzip.decompress(path.read_bytes()) for path in sorted(self.folder.glob("posts-*.csv.gz"))}

    @cached_property
    def records(self) -> list[Record]:
        return [
            Record(name, number, offset, *find_reason(raw))
            for name, content in self.contents.items()
            for number, (offset, raw) in enumerate(split_records(content))
            if number  # the header
        ]

    @cached_property
    def sound(self) -> list[Record]:
        return [record for record in self.records if not record.reason]

    @cached_property
    def latest(self) -> dict[int, Record]:
        return {record.post_id: record for record in self.sound}
