"""Pages of tweets taken apart: each tweet becomes a record, with what it refers to."""

import json
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

from flows.sources.drafts import ObjectRecord, as_text
from flows.sources.twitter.scraped import is_flat, is_snscrape
from flows.sources.twitter.v1 import is_v1
from flows.sources.twitter.values import find, find_objects

KEYS = {"users": "id", "tweets": "id", "places": "id", "media": "media_key"}
"""Kind of included objects → the field by which tweets name them."""
NO_OBJECT = "not a JSON object"


def expand_pages(records: Iterable[ObjectRecord]) -> Iterator[ObjectRecord]:
    """Yield every tweet of a page of API v2 or v1.1 as a record, and every other record as it is, numbered anew.

    A tweet's record begins where its page does; its bytes are the tweet and what is included for it, as JSON.

    >>> page = {"data": [{"id": "7", "author_id": "1"}, {"id": "8"}], "includes": {"users": [{"id": "1"}, {"id": "2"}]}}
    >>> for record in expand_pages([ObjectRecord(1, 5, b"...", page)]):
    ...     record.number, record.byte_offset, record.record_bytes
    (1, 5, b'{"data": {"id": "7", "author_id": "1"}, "includes": {"users": [{"id": "1"}]}}')
    (2, 5, b'{"data": {"id": "8"}}')
    """
    numbers = count(1)
    for record in records:
        tweets = record.value.get("data") or record.value.get("statuses")
        if not isinstance(tweets, list):
            yield record._replace(number=next(numbers))
            continue
        index = index_included(record.value)
        for tweet in tweets:
            value, error = (tweet, None) if isinstance(tweet, dict) else ({}, NO_OBJECT)
            if "data" in record.value and not error and not is_whole(value):
                value = envelope(tweet, index)
            content, error = spell_record(tweet if error else value, error)
            yield ObjectRecord(next(numbers), record.byte_offset, content, value, error)


def is_whole(value: dict[str, Any]) -> bool:
    """Say whether an item of a page is a tweet of another maker, which needs nothing of what the page includes.

    >>> is_whole({"user_name": "Ana", "date": "2020-07-25 12:27:21", "text": "flu"}), is_whole({"id": "7"})
    (True, False)
    """
    return is_v1(value) or is_flat(value) or is_snscrape(value)


def spell_record(value: object, error: str | None) -> tuple[bytes, str | None]:
    """Return an object as JSON, and what is wrong with it.

    >>> spell_record({"id": "7"}, None)
    (b'{"id": "7"}', None)
    """
    try:
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"), error
    except RecursionError:
        return b"", "nested too deeply"


def index_included(page: dict[str, Any]) -> dict[tuple[str, str | None], dict[str, Any]]:
    """Return (kind, id) → included object of a page.

    >>> index_included({"includes": {"users": [{"id": "1", "name": "Ana"}]}})
    {('users', '1'): {'id': '1', 'name': 'Ana'}}
    """
    return {
        (kind, as_text(held.get(key))): held
        for kind, key in KEYS.items()
        for held in find_objects(page, "includes", kind)
    }


def envelope(tweet: dict[str, Any], index: dict[tuple[str, str | None], dict[str, Any]]) -> dict[str, Any]:
    """Return a tweet as a page of its own, with those included objects that it names."""
    wanted = dict.fromkeys(named(tweet))
    for kind, name in list(wanted):
        if kind == "tweets":
            wanted |= dict.fromkeys(named(index.get((kind, name), {})))
    includes: dict[str, list[dict[str, Any]]] = {}
    for kind, name in wanted:
        if (kind, name) in index:
            includes.setdefault(kind, []).append(index[kind, name])
    return {"data": tweet, "includes": includes} if includes else {"data": tweet}


def named(tweet: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Return the kinds and ids of what a tweet names, but for those that it only mentions.

    >>> named({"author_id": "1", "referenced_tweets": [{"type": "quoted", "id": "5"}], "geo": {"place_id": "p"}})
    [('users', '1'), ('tweets', '5'), ('places', 'p')]
    """
    media = find(tweet, "attachments", "media_keys")
    names: list[tuple[str, object]] = [
        ("users", tweet.get("author_id")),
        *(("tweets", link.get("id")) for link in find_objects(tweet, "referenced_tweets")),
        ("places", find(tweet, "geo", "place_id")),
        *(("media", key) for key in (media if isinstance(media, list) else [])),
    ]
    return [(kind, as_text(name)) for kind, name in names if name is not None]
