"""Posts and reposts of Bluesky: Jetstream's events, and the views that its API gives of posts.

An event of another collection, of an identity, or of an account that is active again carries nothing. What a view says
of its author beyond name, labels and age, and pictures and their blobs, is not kept; what no version of the API that
was known here names is rescued.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

from flows.errors import RefusedRecordError
from flows.sources import Draft, NoticeKind
from flows.sources.bluesky.fields import FIELDS
from flows.sources.bluesky.records import read_record, spell_record
from flows.sources.boundary import EARLIEST_YEAR
from flows.sources.drafts import (
    ObjectRecord,
    ReadNotice,
    ReadPost,
    as_text,
    draft_objects,
    read_iso_time,
    rescue,
)
from flows.sources.json_records import read_json_records
from flows.sources.json_values import objects, words

POSTS = "app.bsky.feed.post"
REPOSTS = "app.bsky.feed.repost"
COUNTS = {
    "like_count": "likeCount",
    "repost_count": "repostCount",
    "reply_count": "replyCount",
    "quote_count": "quoteCount",
}
KNOWN_OF_EVENT = frozenset({"did", "time_us", "kind", "commit", "cursor"})
"""`cursor` numbers the events of one server: the same event has another one elsewhere."""
KNOWN_OF_COMMIT = frozenset({"rev", "operation", "collection", "rkey", "record", "cid"})
KNOWN_OF_VIEW = frozenset(
    {"$type", "uri", "cid", "author", "record", "embed", "indexedAt", "time_us", "labels", "viewer", "threadgate",
     "bookmarkCount", *COUNTS.values()}
)  # fmt: skip
"""`embed` repeats what the record embeds; `viewer` and the bookmarks are about whoever asked."""
NOTICES = {
    "deleted": NoticeKind.AUTHOR_DELETED,
    "takendown": NoticeKind.AUTHOR_WITHHELD,
    "suspended": NoticeKind.AUTHOR_WITHHELD,
    "deactivated": NoticeKind.AUTHOR_PROTECTED,
}
"""Status of an account that is not active → notice. Authors deactivate their accounts themselves, to hide them."""
OUT_OF_STEP = frozenset({"desynchronized", "throttled"})
"""Statuses that tell of servers and not of the author's or a moderator's will."""


class Bluesky:
    """One record is one post, one repost, or the notice that a post or an account was taken away."""

    name = "bluesky"
    fields = FIELDS

    def parse(self, stream: BinaryIO, *, chunk_records: int) -> Iterator[Draft]:
        """Yield the records of one stream in drafts; see `Source.parse`."""
        records = expand_pages(read_json_records(stream))
        yield from draft_objects(FIELDS, records, read_object, chunk_records=chunk_records)

    def render(self, rows: list[dict[str, str | None]]) -> bytes:
        """Return posts as views, one a line; see `Source.render`."""
        return b"".join(json.dumps(spell_view(row), ensure_ascii=False).encode() + b"\n" for row in rows)


def expand_pages(records: Iterable[ObjectRecord]) -> Iterator[ObjectRecord]:
    """Yield every record, and of a page of views each view, numbered anew; all views begin where their page does.

    >>> page = ObjectRecord(1, 7, b"", {"posts": [{"uri": "a"}, {"uri": "b"}]})
    >>> [(record.number, record.byte_offset, record.value) for record in expand_pages([page])]
    [(1, 7, {'uri': 'a'}), (2, 7, {'uri': 'b'})]
    """
    number = 0
    for record in records:
        views = record.value.get("posts")
        if not isinstance(views, list):
            number += 1
            yield record._replace(number=number)
            continue
        for view in views:
            number += 1
            error = None if isinstance(view, dict) else "not a JSON object"
            yield ObjectRecord(number, record.byte_offset, json.dumps(view).encode(), {} if error else view, error)


def read_object(value: dict[str, Any]) -> ReadPost | ReadNotice | None:
    """Read one event of Jetstream or one view of a post; see `flows.sources.drafts.Reader`."""
    if "kind" in value and "did" in value:
        if value["kind"] == "account":
            return read_account(value)
        return read_commit(value) if value["kind"] == "commit" else None
    if isinstance(value.get("record"), dict) and isinstance(value.get("author"), dict):
        return read_view(value)
    raise RefusedRecordError("is neither an event of Jetstream nor a view of a post")


def read_commit(event: dict[str, Any]) -> ReadPost | ReadNotice | None:
    """Read a commit: a post, its edit or its deletion; None if it is of another collection."""
    commit = event.get("commit")
    if not isinstance(commit, dict):
        raise RefusedRecordError("is a commit that holds none")
    if commit.get("collection") not in (POSTS, REPOSTS):
        return None
    uri, seen_at = post_uri(event.get("did"), commit), read_microseconds(event.get("time_us"))
    if commit.get("operation") == "delete":
        if uri is None:
            raise RefusedRecordError("deletes a post without naming it")
        return ReadNotice(NoticeKind.POST_DELETED, post_id=uri, noticed_at=seen_at)
    record = commit.get("record")
    if not isinstance(record, dict):
        raise RefusedRecordError("is a commit without a record")
    values, unknown = read_record(record, is_repost=commit["collection"] == REPOSTS)
    values |= {
        "uri": uri,
        "cid": as_text(commit.get("cid")),
        "did": as_text(event.get("did")),
        "time_us": as_text(event.get("time_us")),
    }
    unknown |= without(event, KNOWN_OF_EVENT) | without(commit, KNOWN_OF_COMMIT)
    posted_at = sort_time(read_iso_time(values["created_at"]), seen_at)
    return ReadPost(uri, posted_at, values, rescue(unknown, frozenset()))


def read_view(view: dict[str, Any]) -> ReadPost:
    """Read what `app.bsky.feed.searchPosts`, `getPosts` and their like say of one post."""
    author, uri = view["author"], as_text(view.get("uri"))
    is_repost = view["record"].get("$type") == REPOSTS
    values, unknown = read_record(view["record"], is_repost=is_repost)
    given = [label.get("val") for label in objects(view.get("labels"))]
    values |= {
        "uri": uri,
        "cid": as_text(view.get("cid")),
        "did": as_text(author.get("did")),
        "handle": as_text(author.get("handle")),
        "display_name": as_text(author.get("displayName")),
        "author_created_at": as_text(author.get("createdAt")),
        "author_labels": words(label.get("val") for label in objects(author.get("labels"))),
        "indexed_at": as_text(view.get("indexedAt")),
        "time_us": as_text(view.get("time_us")),
        "labels": words([*(values["labels"] or "").split(), *given]),
        **{field: as_text(view.get(name)) for field, name in COUNTS.items()},
    }
    seen_at = read_iso_time(values["indexed_at"]) or read_microseconds(view.get("time_us"))
    posted_at = sort_time(read_iso_time(values["created_at"]), seen_at)
    return ReadPost(uri, posted_at, values, rescue(unknown | without(view, KNOWN_OF_VIEW), frozenset()))


def read_account(event: dict[str, Any]) -> ReadNotice | None:
    """Read what became of an account; one that is not active and does not say why counts as withheld."""
    account = event.get("account")
    if not isinstance(account, dict):
        raise RefusedRecordError("is an account event that holds none")
    status = account.get("status")
    if account.get("active") is not False or status in OUT_OF_STEP:
        return None
    if not isinstance(event["did"], str):
        raise RefusedRecordError("is an account event that names none")
    kind = NOTICES.get(str(status), NoticeKind.AUTHOR_WITHHELD)
    return ReadNotice(kind, author_id=event["did"], noticed_at=read_microseconds(event.get("time_us")))


def sort_time(created_at: datetime | None, seen_at: datetime | None) -> datetime | None:
    """Return when a post was published, by the rule by which Bluesky sorts posts.

    `createdAt` is whatever the author's program wrote. Bluesky takes the earlier of it and of when the post was first
    seen (https://docs.bsky.app/docs/advanced-guides/timestamps), so that nobody posts from the future while posts that
    were brought over from elsewhere keep their age. A year before all networks is a clock that was never set: then
    only the second is known.

    >>> day = [datetime(year, 7, 1, tzinfo=UTC) for year in (1970, 2019, 2024, 2031)]
    >>> [sort_time(created, day[2]).year for created in day]
    [2024, 2019, 2024, 2024]
    """
    if created_at is None or seen_at is None:
        return created_at
    return seen_at if created_at.year < EARLIEST_YEAR else min(created_at, seen_at)


def read_microseconds(value: object) -> datetime | None:
    """Return the moment that lies so many microseconds after 1970 in UTC; None if it is no such number.

    >>> read_microseconds(1725911162329308), read_microseconds("soon")
    (datetime.datetime(2024, 9, 9, 19, 46, 2, 329308, tzinfo=datetime.timezone.utc), None)
    """
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(str(value)))
    except (ValueError, OverflowError):
        return None


def post_uri(did: object, commit: dict[str, Any]) -> str | None:
    """Return the address of a commit's record; None if a part of it is missing.

    >>> post_uri("did:plc:7x", {"collection": "app.bsky.feed.post", "rkey": "3l3q"})
    'at://did:plc:7x/app.bsky.feed.post/3l3q'
    """
    parts = (did, commit.get("collection"), commit.get("rkey"))
    return f"at://{'/'.join(parts)}" if all(isinstance(part, str) and part for part in parts) else None  # type: ignore[arg-type]


def without(value: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """Return what of an object is not known.

    >>> without({"did": 1, "new": 2}, frozenset({"did"}))
    {'new': 2}
    """
    return {name: held for name, held in value.items() if name not in known}


def spell_view(row: dict[str, str | None]) -> dict[str, Any]:
    """Return a post as the API shows it."""
    author = {
        "did": row.get("did"),
        "handle": row.get("handle"),
        "displayName": row.get("display_name"),
        "createdAt": row.get("author_created_at"),
        "labels": [{"val": label} for label in (row.get("author_labels") or "").split()],
    }
    record = spell_record(row, REPOSTS if row.get("is_repost") == "true" else POSTS)
    seen = {"indexedAt": row.get("indexed_at"), "time_us": row.get("time_us")}
    counts = {name: row.get(field) for field, name in COUNTS.items()}
    return {"uri": row.get("uri"), "cid": row.get("cid"), "author": author, "record": record, **seen, **counts}
