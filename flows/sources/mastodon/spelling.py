"""Mastodon's own spelling of a post from its fields, for `Mastodon.render`."""

import json
from typing import Any

from flows.sources.mastodon.html import text_to_html

ACCOUNT_NAMES = (
    "acct", "username", "display_name", "followers_count", "following_count", "statuses_count", "bot", "locked",
    "discoverable", "indexable", "noindex",
)  # fmt: skip
STATUS_NAMES = (
    "uri", "url", "instance", "visibility", "created_at", "edited_at", "replies_count", "reblogs_count",
    "favourites_count", "quotes_count",
)  # fmt: skip


def spell_status(row: dict[str, str | None]) -> dict[str, Any]:
    """Return a post as a status."""
    account = {name: row.get(name) for name in ACCOUNT_NAMES} | {
        "id": local_part(row, "local_account_id"),
        "uri": row.get("account_uri"),
        "created_at": row.get("account_created_at"),
        "note": spell_text(row.get("note")),
    }
    status: dict[str, Any] = {name: row.get(name) for name in STATUS_NAMES} | {
        "id": row.get("instance_id"),
        "account": account,
        "in_reply_to_id": local_part(row, "in_reply_to_id"),
        "in_reply_to_account_id": local_part(row, "in_reply_to_account_id"),
    }
    if row.get("is_reblog") != "true":
        return status | spell_content(row)
    original = {"uri": row.get("reblog_of"), "account": {"acct": row.get("reblog_of_account")}}
    return status | {"content": "", "reblog": original | spell_content(row)}


def spell_content(row: dict[str, str | None]) -> dict[str, Any]:
    """Return what a status shows."""
    return {
        "content": spell_text(row.get("text")),
        "spoiler_text": row.get("spoiler_text"),
        "sensitive": row.get("sensitive"),
        "language": row.get("language"),
        "tags": [{"name": tag} for tag in json.loads(row.get("hashtags") or "[]")],
        "mentions": [{"acct": handle} for handle in (row.get("mentions") or "").split()],
        "media_attachments": [{"description": row.get("media_descriptions")}],
        "card": {"url": row.get("card_url"), "title": row.get("card_title")},
        "quote": {"state": "accepted", "quoted_status": {"uri": row.get("quote_of")}},
        "application": {"name": row.get("application")},
    }


def spell_text(text: str | None) -> str | None:
    """Return a text as HTML.

    >>> spell_text("3 < 4"), spell_text(None)
    ('<p>3 &lt; 4</p>', None)
    """
    return None if text is None else text_to_html(text)


def local_part(row: dict[str, str | None], field: str) -> str | None:
    """Return an id without the instance before it.

    >>> local_part({"instance": "a.example", "in_reply_to_id": "a.example/17"}, "in_reply_to_id")
    '17'
    """
    held = row.get(field)
    return held.removeprefix(f"{row.get('instance')}/") if held else None
