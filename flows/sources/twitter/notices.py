"""What X says about tweets and accounts that it gave out before, in every spelling that it has for it.

- v1.1 streams: https://developer.x.com/en/docs/x-api/v1/tweets/filter-realtime/guides/streaming-message-types
- v2 compliance streams: https://docs.x.com/x-api/compliance/streams/introduction
- v2 batch compliance: https://docs.x.com/x-api/compliance/batch-compliance/introduction

What gives something back (`user_undelete`, …) is nothing to us: what was removed stays removed.
"""

import re
from datetime import datetime
from typing import Any

from flows.errors import RefusedRecordError
from flows.sources import NoticeKind
from flows.sources.drafts import ReadNotice, as_text, read_epoch_time, read_iso_time
from flows.sources.twitter.values import find, find_id, moment_of_id

POST_EVENTS = {
    "delete": NoticeKind.POST_DELETED,
    "drop": NoticeKind.POST_DELETED,
    "withheld": NoticeKind.POST_WITHHELD,
    "status_withheld": NoticeKind.POST_WITHHELD,
}
AUTHOR_EVENTS = {
    "scrub_geo": NoticeKind.PLACE_REMOVED,
    "user_delete": NoticeKind.AUTHOR_DELETED,
    "user_suspend": NoticeKind.AUTHOR_DELETED,
    "user_protect": NoticeKind.AUTHOR_PROTECTED,
    "user_withheld": NoticeKind.AUTHOR_WITHHELD,
}
EMPTY_EVENTS = frozenset(
    (
        "undrop", "tweet_edit", "user_undelete", "user_unsuspend", "user_unprotect", "user_profile_modification",
        "status_undelete", "limit", "disconnect", "warning", "friends", "friends_str",
    )
)  # fmt: skip
"""Messages of a stream that carry nothing for us."""
EVENTS = {**POST_EVENTS, **AUTHOR_EVENTS, **dict.fromkeys(EMPTY_EVENTS)}
_WHOLE = re.compile(r"\d{1,20}", re.ASCII)


def find_event(value: dict[str, Any]) -> tuple[str, Any] | None:
    """Return the name and the body of the message that an object is; None if it is none.

    >>> find_event({"data": {"user_protect": {"user": {"id": "7"}}}}), find_event({"limit": {"track": 9}})
    (('user_protect', {'user': {'id': '7'}}), ('limit', {'track': 9}))
    """
    inner = value["data"] if isinstance(value.get("data"), dict) else value
    name = next(iter(inner), "")
    return (name, inner[name]) if len(inner) == 1 and name in EVENTS else None


def is_message(value: dict[str, Any]) -> bool:
    """Say whether an object is a message about tweets or about the stream, and no tweet.

    >>> is_message({"delete": {}}), is_message({"errors": []}), is_message({"id": "7", "text": "flu"})
    (True, True, False)
    """
    is_batch_line = {"id", "action", "reason"} <= set(value)
    return is_batch_line or find_event(value) is not None or carries_nothing(value)


def carries_nothing(value: dict[str, Any]) -> bool:
    """Say whether an object is a page without tweets, or a problem that X reports of a page or a stream.

    >>> carries_nothing({"data": [], "meta": {"result_count": 0}}), carries_nothing({"data": {"id": "7"}, "meta": {}})
    (True, False)
    >>> carries_nothing({"title": "ConnectionException", "detail": "…", "type": "about:blank"}), carries_nothing({})
    (True, False)
    """
    if "id" in value or value.get("data") or value.get("statuses"):
        return False
    return {"title", "detail", "type"} <= set(value) or not {"data", "statuses", "errors", "meta"}.isdisjoint(value)


def read_message(value: dict[str, Any]) -> ReadNotice | None:
    """Return the notice that a message is; None if it carries nothing for us.

    Raises:
        RefusedRecordError: The message does not say of what, or of which kind.
    """
    if {"id", "action", "reason"} <= set(value):
        return read_batch_line(value)
    name, body = find_event(value) or ("", None)
    kind = EVENTS.get(name)
    if kind is None or find(body, "favorite"):
        return None
    subject = next((held for key in ("status", "tweet", "user") if (held := find(body, key))), body)
    if name in POST_EVENTS:
        return ReadNotice(kind, post_id=exact_id(find_id(subject)), noticed_at=find_time(body))
    author_id = find_id(subject) or find_id(subject, "user_id")
    return ReadNotice(kind, author_id=exact_id(author_id), noticed_at=find_time(body))


def read_batch_line(value: dict[str, Any]) -> ReadNotice:
    """Return the notice of one line of a batch compliance job about tweets.

    >>> read_batch_line({"id": "7", "action": "delete", "reason": "protected"}).kind
    <NoticeKind.POST_DELETED: 'post_deleted'>
    """
    is_place = "scrub_geo" in (value["reason"], value["action"])
    kind = NoticeKind.PLACE_REMOVED if is_place else NoticeKind.POST_DELETED
    return ReadNotice(kind, post_id=exact_id(value["id"]), noticed_at=read_iso_time(value.get("redacted_at")))


def exact_id(value: object) -> str:
    """Return an id, or refuse a notice that names nothing for certain.

    >>> exact_id(7)
    '7'
    """
    text = as_text(value)
    if not text or not _WHOLE.fullmatch(text):
        raise RefusedRecordError("a notice without an exact id")
    return text


def find_time(body: object) -> datetime | None:
    """Return when it happened, which may be said as a time or as the last tweet that it is about.

    >>> str(find_time({"timestamp_ms": "1587168000000"})), find_time({})
    ('2020-04-18 00:00:00+00:00', None)
    >>> str(find_time({"up_to_status_id_str": "1340539111971516416"}))
    '2020-12-20 06:06:44.963000+00:00'
    """
    milliseconds, last = as_text(find(body, "timestamp_ms")), as_text(find_id(body, "up_to_status_id"))
    if milliseconds and _WHOLE.fullmatch(milliseconds):
        return read_epoch_time(int(milliseconds) / 1_000)
    known = moment_of_id(int(last)) if last and _WHOLE.fullmatch(last) else None
    return known or read_iso_time(find(body, "event_at"))
