"""Posts of Reddit, submissions and comments, in every spelling in which they are handed around.

CSV with the API's names as columns; one JSON object a post, as in the dumps of Pushshift and its successors; the API's
own things and Listings. Which of them a stream is, its first byte says.
"""

import io
import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO, cast

from flows.errors import RefusedRecordError, UnknownHeaderError
from flows.sources import Draft, NoticeKind
from flows.sources.csv_records import CsvRecord, CsvRecords
from flows.sources.drafts import (
    ObjectRecord,
    ReadNotice,
    ReadPost,
    as_text,
    draft_objects,
    read_epoch_time,
    read_iso_time,
    rescue,
)
from flows.sources.json_records import read_json_records
from flows.sources.reddit.fields import FIELDS
from flows.sources.twitter.csv_files import shape_fault

NAMES = tuple(field.name for field in FIELDS)
KINDS = {"t1": "comment", "t3": "submission", "comment": "comment", "submission": "submission"}
PREFIXES = {"comment": "t1_", "submission": "t3_"}
TEXT_NAMES = {"comment": "body", "submission": "selftext"}
"""Kind → Reddit's own name of its text."""
KNOWN = frozenset({*NAMES, *TEXT_NAMES.values(), "name"} - {"text"})
SECONDS = ("author_created_utc", "created_utc", "edited", "retrieved_on")
ALWAYS_FILLED = frozenset({"id", "name", "author", "body", "title"})
"""What no post lacks on Reddit: here the word `Nan` is somebody's own."""
NOTHING = frozenset({"Nan", "nan", "NaN"})
"""What programs of data frames write where there was nothing."""
TAKEN_BACK = frozenset({"deleted", "author"})
"""Values of `removed_by_category` by which authors took a submission back, even if its title still stands."""

_BARE_ID = re.compile(r"[0-9a-z]{1,13}")
_FULLNAME = re.compile(r"(t[13])_[0-9a-z]{1,13}")
_GONE = re.compile(r"(?i)\s*\[\s*(?:deleted|removed)(?:\s+by\s+(?:user|reddit|moderators?))?\s*\]\s*")
_ROW_NUMBER = re.compile(r"(?:Unnamed: \d+)?")
"""A column that a data frame adds to number its rows: nothing of the post, and different in every copy."""
_WHOLE_SECONDS = re.compile(r"(\d+)\.0+")
_OWN_PAGE = re.compile(r"(^|reddit\.com)/(?:r/u_|user/)")
_SLUG = re.compile(r"(/comments/[0-9a-z]+/)[^/?#]+")


class Reddit:
    """One record is one post, or the notice that it was taken away."""

    name = "reddit"
    fields = FIELDS

    def parse(self, stream: BinaryIO, *, chunk_records: int) -> Iterator[Draft]:
        """Yield the records of one stream in drafts; see `Source.parse`."""
        peekable = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", stream))
        is_json = peekable.peek(1).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")
        records = expand(read_json_records(peekable)) if is_json else read_csv(peekable, chunk_records)
        yield from draft_objects(FIELDS, records, read_thing, chunk_records=chunk_records)

    def render(self, rows: list[dict[str, str | None]]) -> bytes:
        """Return posts as lines of JSON with Reddit's names; see `Source.render`."""
        return b"".join(spell_thing(spell(row)) + b"\n" for row in rows)


def spell(row: dict[str, str | None]) -> dict[str, str]:
    """Return a post with Reddit's names.

    >>> spell({"id": "t1_fcmbepk", "kind": "comment", "text": "Wash your hands.", "title": None})
    {'id': 't1_fcmbepk', 'kind': 'comment', 'body': 'Wash your hands.'}
    """
    text_name = TEXT_NAMES.get(row.get("kind") or "", "body")
    return {text_name if name == "text" else name: held for name, held in row.items() if held is not None}


def read_csv(stream: BinaryIO, run_records: int) -> Iterator[ObjectRecord]:
    """Yield the records behind the header, `run_records` read at a time, each as an object by the columns' names."""
    records = CsvRecords(stream)
    header = read_header(next(iter(records.take(1)), None))
    while run := records.take(run_records):
        for record in run:
            fault = shape_fault(record, header)
            value = {} if fault else read_columns(header, record.fields)
            yield ObjectRecord(record.number, record.byte_offset, record.record_bytes, value, fault)


def read_header(record: CsvRecord | None) -> list[str]:
    r"""Return the column names of a file, or refuse the file.

    >>> read_header(CsvRecord(0, 0, b"", ["", "id", "created_utc", "body"], None))
    ['', 'id', 'created_utc', 'body']
    """
    names = [name.strip().removeprefix("\ufeff") for name in record.fields] if record else []
    if not {"id", "created_utc"} <= set(names) or not {"body", "title"} & set(names):
        raise UnknownHeaderError(
            "The first record is no header of Reddit's posts: give a CSV file with the columns id, created_utc and "
            "body (comments) or title and selftext (submissions), or a file of Reddit's JSON."
        )
    repeated = sorted({name for name in names if name and names.count(name) > 1})
    if repeated:
        raise UnknownHeaderError(f"The header names {', '.join(repeated)} more than once: which one counts?")
    return names


def read_columns(header: list[str], fields: list[str]) -> dict[str, str | None]:
    """Return the fields of a CSV record by name, None for those that hold nothing, without row numbers.

    >>> read_columns(["", "author", "link_flair_text", "selftext"], ["7", "Nan", "Nan", ""])
    {'author': 'Nan', 'link_flair_text': None, 'selftext': None}
    """
    return {
        name: None if not text or (text in NOTHING and name not in ALWAYS_FILLED) else text
        for name, text in zip(header, fields, strict=True)
        if not _ROW_NUMBER.fullmatch(name)
    }


def expand(records: Iterator[ObjectRecord]) -> Iterator[ObjectRecord]:
    """Yield each thing as a record of its own; one out of a Listing begins where that does and has its own bytes."""
    number = 0
    for record in records:
        for thing in [record.value] if record.error else list_things(record.value):
            number += 1
            content = record.record_bytes if thing is record.value else spell_thing(thing)
            yield ObjectRecord(number, record.byte_offset, content, thing, record.error)


def list_things(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the things in a Listing, an answer of Pushshift's API or a comment with replies; else the thing itself.

    >>> reply = {"kind": "Listing", "data": {"children": [{"kind": "more"}]}}
    >>> list(list_things({"data": {"children": [{"kind": "t1", "data": {"id": "x", "replies": reply}}]}}))
    [{'kind': 't1', 'data': {'id': 'x'}}, {'kind': 'more'}]
    """
    if not isinstance(value, dict):
        yield {}
        return
    data = value.get("data")
    children = data.get("children") if isinstance(data, dict) else data
    if isinstance(children, list) and value.get("kind") in (None, "Listing"):
        for child in children:
            yield from list_things(child)
    elif isinstance(data, dict) and isinstance(data.get("replies"), dict):
        yield {**value, "data": {name: held for name, held in data.items() if name != "replies"}}
        yield from list_things(data["replies"])
    else:
        yield value


def spell_thing(thing: dict[str, Any]) -> bytes:
    r"""Return a thing as JSON; half of a surrogate pair stays the escape that it came as.

    >>> spell_thing({"kind": "t3", "data": {"title": "Gr\u00fcn \ud83d"}}).decode()
    '{"kind": "t3", "data": {"title": "Grün \\ud83d"}}'
    """
    return json.dumps(thing, ensure_ascii=False).encode("utf-8", "backslashreplace")


def read_thing(thing: dict[str, Any]) -> ReadPost | ReadNotice | None:
    """Read one submission or comment: a post, or the notice that its content is gone; None for a Listing's `more`."""
    if thing.get("kind") == "more":
        return None
    inner = thing.get("data")
    post = inner if isinstance(inner, dict) else thing
    kind = find_kind(thing.get("kind"), post)
    post_id = find_fullname(kind, post)
    if is_gone(kind, post):
        if not post_id or not _FULLNAME.fullmatch(post_id):
            raise RefusedRecordError("id is no id" if post_id else "id is missing")
        return ReadNotice(NoticeKind.POST_DELETED, post_id)
    values = read_values(kind, post) | {"id": post_id, "kind": kind}
    rest = {name: held for name, held in post.items() if held is not None}
    return ReadPost(post_id, read_time(values["created_utc"]), values, rescue(rest, KNOWN))


def find_kind(kind: object, post: dict[str, Any]) -> str:
    """Return whether a post is a comment or a submission: by its thing's kind, its fullname, or the text it has.

    >>> find_kind("t1", {}), find_kind(None, {"id": "t3_fsfhli"}), find_kind(None, {"body": "Wash your hands."})
    ('comment', 'submission', 'comment')
    """
    if kind is not None:
        if kind not in KINDS:
            raise RefusedRecordError(f"a thing of kind {str(kind)[:20]!r} is neither a comment nor a submission")
        return KINDS[str(kind)]
    for name in (post.get("name"), post.get("id")):
        if found := _FULLNAME.fullmatch(str(name)):
            return KINDS[found[1]]
    is_comment = post.get("body") is not None
    if is_comment == any(post.get(name) is not None for name in ("title", "selftext")):
        raise RefusedRecordError("neither a comment nor a submission")
    return "comment" if is_comment else "submission"


def find_fullname(kind: str, post: dict[str, Any]) -> str | None:
    """Return the fullname of a post; an id that cannot be Reddit's stays as it is, for the boundary to refuse.

    >>> find_fullname("comment", {"id": "12e45"}), find_fullname("submission", {"id": "1.2E+46"})
    ('t1_12e45', '1.2E+46')
    """
    name, own = as_text(post.get("name")), as_text(post.get("id"))
    if name and _FULLNAME.fullmatch(name):
        return name
    return PREFIXES[kind] + own if own and _BARE_ID.fullmatch(own) else own


def is_gone(kind: str, post: dict[str, Any]) -> bool:
    """Say whether a post's content was taken away, by its author or by others, at capture or as its archive learnt.

    >>> is_gone("comment", {"body": "[ Removed by Reddit ]"}), is_gone("comment", {"body": "It was [deleted]."})
    (True, False)
    """
    texts = (post.get(TEXT_NAMES[kind]), post.get("title") if kind == "submission" else None)
    archive = post.get("_meta")  # of Arctic Shift's dumps, which keep the text as it was before it was deleted
    return (
        any(_GONE.fullmatch(text) for text in texts if isinstance(text, str))
        or as_text(post.get("removed_by_category")) in TAKEN_BACK
        or (isinstance(archive, dict) and archive.get("was_deleted_later") is True)
    )


def read_values(kind: str, post: dict[str, Any]) -> dict[str, str | None]:
    """Return the fields of a post as text."""
    values = {name: as_text(post.get(name)) for name in NAMES}
    values["text"] = as_text(post.get(TEXT_NAMES[kind]))
    if kind == "submission" and values["title"]:
        values["text"] = values["text"] or ""
    if _GONE.fullmatch(values["author"] or ""):
        values["author"] = None
    if (values["edited"] or "").lower() == "false":
        values["edited"] = None
    for name in SECONDS:
        values[name] = _WHOLE_SECONDS.sub(r"\1", values[name] or "") or None
    for name in ("permalink", "url"):
        values[name] = shorten_address(values[name])
    values["subreddit"] = re.sub("^u_", "u/", values["subreddit"] or "") or None
    return values


def shorten_address(address: str | None) -> str | None:
    """Return a page of Reddit's without the words of a title, an account's own page as `/u/name`; others as they are.

    Those words would bring back what is masked in the title, and `r/u_name` would hide a handle from the masks.

    >>> shorten_address("/r/u_ann/comments/fsfhli/the_four_words/fm2x/"), shorten_address("https://who.int/comments/1/a")
    ('/u/ann/comments/fsfhli/_/fm2x/', 'https://who.int/comments/1/a')
    """
    if not address or not (address.startswith("/") or "reddit.com/" in address):
        return address
    return _SLUG.sub(r"\1_", _OWN_PAGE.sub(r"\1/u/", address))


def read_time(spelling: str | None) -> datetime | None:
    """Return the moment of seconds since 1970, or of an ISO 8601 spelling; None if it is neither.

    >>> read_time("1587168000.0") == read_time("2020-04-18 00:00:00"), read_time(None)
    (True, None)
    """
    return read_epoch_time(spelling) or read_iso_time(spelling)
