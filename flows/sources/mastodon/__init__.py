"""Posts of Mastodon and of what speaks its API: statuses, and the events of its streams.

A line is a status as the API gives it, or an event of a stream, `{"event": "update", "payload": ...}`, whose payload is
a status, as an object or as JSON in a string; an edit is the event `status.update` and a further capture. Our own
collector adds `"instance"`, the host that was asked.

A status has a `uri` in the whole network and an `id` on the instance that gave it. A deletion names only the `id`, so
its notice carries `<instance>/<id>` as its `post_id`: that is no post's `post_id`, which is the `uri`, but the field
`local_id` of `raw.mastodon_posts` holds the same spelling, and by it the two are joined.

What a status says of the account that asked, pictures, emoji and the further lines of the author's profile are not
kept.
"""

import io
import json
from collections.abc import Iterator
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from flows.errors import RefusedRecordError
from flows.sources import Draft, NoticeKind
from flows.sources.drafts import ReadNotice, ReadPost, as_text, draft_objects, read_iso_time, rescue
from flows.sources.json_records import read_json_records
from flows.sources.json_values import as_object, objects, texts, words
from flows.sources.mastodon.fields import FIELDS
from flows.sources.mastodon.html import html_to_text
from flows.sources.mastodon.spelling import spell_status

POST_EVENTS = frozenset({"update", "status.update"})
OPEN_VISIBILITIES = frozenset({"public", "unlisted"})
AS_GIVEN = (
    "uri", "url", "visibility", "created_at", "edited_at", "replies_count", "reblogs_count", "favourites_count",
    "quotes_count",
)  # fmt: skip
"""Fields that stand in a status under their own names."""
ACCOUNT_AS_GIVEN = (
    "username", "display_name", "followers_count", "following_count", "statuses_count", "bot", "locked",
    "discoverable", "indexable", "noindex",
)  # fmt: skip
KNOWN = frozenset(
    {*AS_GIVEN, "instance", "id", "account", "content", "text", "spoiler_text", "sensitive", "language", "tags",
     "mentions", "media_attachments", "card", "reblog", "quote", "in_reply_to_id", "in_reply_to_account_id",
     "application", "emojis", "favourited", "reblogged", "muted", "bookmarked", "pinned", "filtered", "quote_approval"}
)  # fmt: skip


class Mastodon:
    """One record is one post, one reblog, or the notice that a post was deleted."""

    name = "mastodon"
    fields = FIELDS

    def parse(self, stream: BinaryIO, *, chunk_records: int) -> Iterator[Draft]:
        """Yield the records of one stream in drafts; see `Source.parse`."""
        yield from draft_objects(FIELDS, read_json_records(stream), read_object, chunk_records=chunk_records)

    def render(self, rows: list[dict[str, str | None]]) -> bytes:
        """Return posts as statuses, one a line; see `Source.render`."""
        return b"".join(json.dumps(spell_status(row), ensure_ascii=False).encode() + b"\n" for row in rows)


def read_object(value: dict[str, Any]) -> ReadPost | ReadNotice | None:
    """Read one status or one event of a stream; see `flows.sources.drafts.Reader`."""
    instance = as_text(value.get("instance"))
    if "event" not in value:
        if not isinstance(value.get("account"), dict):
            raise RefusedRecordError("is neither a status nor an event of a stream")
        return read_status(value, instance)
    if value["event"] == "delete":
        return read_deletion(value.get("payload"), instance)
    return read_status(read_payload(value.get("payload")), instance) if value["event"] in POST_EVENTS else None


def read_payload(payload: object) -> dict[str, Any]:
    """Return the status that an event carries.

    Raises:
        RefusedRecordError: There is none.

    >>> read_payload('{"id": "17", "account": {"id": "3"}}')
    {'id': '17', 'account': {'id': '3'}}
    """
    if isinstance(payload, str):
        content = payload.encode("utf-8", "surrogatepass")
        record = next(read_json_records(io.BytesIO(content)), None)
        if record is None or record.error:
            raise RefusedRecordError(f"payload is {record.error if record else 'empty'}")
        payload = record.value
    if not isinstance(payload, dict) or not isinstance(payload.get("account"), dict):
        raise RefusedRecordError("payload is no status")
    return payload


def read_deletion(payload: object, instance: str | None) -> ReadNotice:
    """Read the event that a post was deleted on an instance; its post is named as `local_id` names it."""
    local_id = qualify(instance, (as_text(payload) or "").strip())
    if local_id is None:
        raise RefusedRecordError("deletes a post without naming it and its instance")
    return ReadNotice(NoticeKind.POST_DELETED, post_id=local_id)


def read_status(status: dict[str, Any], instance: str | None) -> ReadPost:
    """Read one status; what a reblog shows is read from the status that it repeats."""
    reblog = status.get("reblog") if isinstance(status.get("reblog"), dict) else None
    shown = reblog or status
    values = {name: as_text(status.get(name)) for name in AS_GIVEN}
    values |= read_account(status, instance) | read_content(shown, instance)
    values |= {
        "local_id": qualify(instance, as_text(status.get("id"))),
        "instance": instance,
        "instance_id": as_text(status.get("id")),
        "is_private": is_private(status, shown),
        "is_reblog": as_text(reblog is not None),
        "reblog_of": as_text(reblog.get("uri")) if reblog else None,
        "reblog_of_account": full_handle(as_object(reblog.get("account")), instance) if reblog else None,
        "in_reply_to_id": qualify(instance, as_text(status.get("in_reply_to_id"))),
        "in_reply_to_account_id": qualify(instance, as_text(status.get("in_reply_to_account_id"))),
    }
    present = {name: held for name, held in status.items() if held is not None}
    return ReadPost(values["uri"], read_iso_time(values["created_at"]), values, rescue(present, KNOWN))


def read_account(status: dict[str, Any], instance: str | None) -> dict[str, str | None]:
    """Return what a status says of its author.

    An instance that does not name the account's address is older than Mastodon 4.2; the post's own address begins with
    it.
    """
    account, uri = as_object(status.get("account")), as_text(status.get("uri")) or ""
    account_uri = as_text(account.get("uri")) or (uri.split("/statuses/")[0] if "/statuses/" in uri else None)
    return {name: as_text(account.get(name)) for name in ACCOUNT_AS_GIVEN} | {
        "account_uri": account_uri or as_text(account.get("url")),
        "local_account_id": qualify(instance, as_text(account.get("id"))),
        "acct": full_handle(account, instance),
        "note": plain(account.get("note")),
        "account_created_at": as_text(account.get("created_at")),
    }


def read_content(shown: dict[str, Any], instance: str | None) -> dict[str, str | None]:
    """Return what a status shows: its text, and what stands with it."""
    tags = texts(tag.get("name") for tag in objects(shown.get("tags")))
    descriptions = texts(media.get("description") for media in objects(shown.get("media_attachments")))
    card = as_object(shown.get("card"))
    return {
        "text": plain(shown.get("content")),
        "spoiler_text": as_text(shown.get("spoiler_text")),
        "sensitive": as_text(shown.get("sensitive")),
        "language": as_text(shown.get("language")),
        "hashtags": as_text(tags) if tags else None,
        "mentions": words(full_handle(account, instance) for account in objects(shown.get("mentions"))),
        "media_descriptions": "\n".join(descriptions) or None,
        "card_url": as_text(card.get("url")),
        "card_title": as_text(card.get("title")),
        "quote_of": read_quote(as_object(shown.get("quote")), instance),
        "application": as_text(as_object(shown.get("application")).get("name")),
    }


def read_quote(quote: dict[str, Any], instance: str | None) -> str | None:
    """Return which post is quoted: in full, as only its id, or in the place of the quote itself.

    >>> read_quote({"state": "accepted", "quoted_status": {"uri": "https://a.example/p/1"}}, "b.example")
    'https://a.example/p/1'
    >>> read_quote({"state": "accepted", "quoted_status_id": "17"}, "b.example")
    'b.example/17'
    """
    quoted = as_object(quote.get("quoted_status")) or quote
    return as_text(quoted.get("uri")) or qualify(instance, as_text(quote.get("quoted_status_id")))


def is_private(*statuses: dict[str, Any]) -> str | None:
    """Return `true` if one of the statuses is for chosen readers; None if their visibility is not given.

    >>> is_private({"visibility": "public"}, {"visibility": "private"}), is_private({"visibility": "unlisted"})
    ('true', 'false')
    """
    visibilities = [status["visibility"] for status in statuses if status.get("visibility") is not None]
    return as_text(not OPEN_VISIBILITIES.issuperset(visibilities)) if visibilities else None


def qualify(instance: str | None, local_id: str | None) -> str | None:
    """Return an id together with the instance whose it is; None if either is missing.

    >>> qualify("a.example", "17"), qualify(None, "17")
    ('a.example/17', None)
    """
    return f"{instance}/{local_id}" if instance and local_id else None


def full_handle(account: dict[str, Any], instance: str | None) -> str | None:
    """Return an account's handle with its host, which the API leaves out of handles of its own instance.

    >>> full_handle({"acct": "ann@a.example"}, "b.example"), full_handle({"acct": "bo"}, "b.example")
    ('ann@a.example', 'bo@b.example')
    """
    handle, url = as_text(account.get("acct")), account.get("url")
    if not handle or "@" in handle:
        return handle
    try:
        host = urlsplit(url).netloc if isinstance(url, str) else ""
    except ValueError:
        host = ""
    return f"{handle}@{host or instance}" if host or instance else handle


def plain(content: object) -> str | None:
    """Return HTML as plain text; None if there is none.

    >>> plain("<p>Fever</p>"), plain(None)
    ('Fever', None)
    """
    return html_to_text(content) if isinstance(content, str) else None
