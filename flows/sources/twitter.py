"""Tweets, in every spelling in which files of them are handed around: CSV, and JSON objects of several makers."""

from collections.abc import Iterator
from typing import BinaryIO

from flows.sources import Draft
from flows.sources.twitter_csv import parse_csv, render_csv
from flows.sources.twitter_fields import FIELDS


class Twitter:
    """See the modules `twitter_csv` and `twitter_objects`."""

    name = "twitter"
    fields = FIELDS

    def parse(self, stream: BinaryIO, *, chunk_records: int) -> Iterator[Draft]:
        """Yield the records of one stream in drafts; see `Source.parse`."""
        return parse_csv(stream, chunk_records=chunk_records)

    def render(self, rows: list[dict[str, str | None]]) -> bytes:
        """Return posts as CSV; see `Source.render`."""
        return render_csv(rows)
