"""Tweets, in every spelling in which files of them are handed around: CSV, and JSON objects of several makers."""

import io
from collections.abc import Iterator
from typing import BinaryIO, cast

from flows.sources import Draft
from flows.sources.twitter.csv_files import parse_csv, render_csv
from flows.sources.twitter.fields import FIELDS
from flows.sources.twitter.objects import parse_objects

PEEK_BYTES = 1_000_000
BEFORE_OBJECTS = b"\xef\xbb\xbf \t\r\n"
"""What may stand before the first object: a byte order mark, blank lines."""


class Twitter:
    """See the modules `csv_files` and `objects`."""

    name = "twitter"
    fields = FIELDS

    def parse(self, stream: BinaryIO, *, chunk_records: int) -> Iterator[Draft]:
        """Yield the records of one stream in drafts; see `Source.parse`.

        The first byte that is not blank says what the stream is: JSON begins with a brace or a bracket, no header does.
        """
        held = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", stream))
        start = held.peek(PEEK_BYTES).lstrip(BEFORE_OBJECTS)[:1]
        parse = parse_objects if start in (b"{", b"[") else parse_csv
        yield from parse(cast("BinaryIO", held), chunk_records=chunk_records)

    def render(self, rows: list[dict[str, str | None]]) -> bytes:
        """Return posts as CSV; see `Source.render`. `objects` reads what `render` writes."""
        return render_csv(rows)
