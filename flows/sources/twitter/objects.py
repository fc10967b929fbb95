"""Tweets as JSON objects, of whichever maker: one object is one tweet, one notice, or one page of tweets."""

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from flows.errors import RefusedRecordError
from flows.sources import Draft
from flows.sources.drafts import ReadNotice, ReadPost, draft_objects
from flows.sources.json_records import read_json_records
from flows.sources.twitter.fields import FIELDS
from flows.sources.twitter.notices import is_message, read_message
from flows.sources.twitter.pages import expand_pages
from flows.sources.twitter.render import render_objects
from flows.sources.twitter.scraped import is_flat, is_snscrape, read_flat, read_snscrape
from flows.sources.twitter.v1 import is_v1, read_v1
from flows.sources.twitter.v2 import is_v2, read_v2

__all__ = ["parse_objects", "read_object", "render_objects"]

Shape = tuple[Callable[[dict[str, Any]], bool], Callable[[dict[str, Any]], ReadPost | ReadNotice | None]]

SHAPES: tuple[Shape, ...] = (
    (is_snscrape, read_snscrape),
    (is_v1, read_v1),
    (is_v2, read_v2),
    (is_flat, read_flat),
    (is_message, read_message),
)
"""How each shape is known, and read; the first that fits counts."""


def parse_objects(stream: BinaryIO, *, chunk_records: int) -> Iterator[Draft]:
    """Yield the records of a file or an answer in drafts; see `Source.parse`."""
    return draft_objects(FIELDS, expand_pages(read_json_records(stream)), read_object, chunk_records=chunk_records)


def read_object(value: dict[str, Any]) -> ReadPost | ReadNotice | None:
    """Read one object; see `flows.sources.drafts.Reader`.

    >>> read_object({"delete": {"status": {"id_str": "7"}}}).kind
    <NoticeKind.POST_DELETED: 'post_deleted'>
    >>> read_object({"temperature": 21})
    Traceback (most recent call last):
    ...
    flows.errors.RefusedRecordError: not a tweet of a known shape
    """
    for is_shape, read in SHAPES:
        if is_shape(value):
            return read(value)
    raise RefusedRecordError("not a tweet of a known shape")
