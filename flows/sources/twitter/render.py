"""Posts written as objects of API v1.1, so that `v1` reads every field back as it was.

What v1.1 has no place for stands where a reader of v1.1 looks past it: a value that is no number, list or truth value
stands as a text in its place, and `is_retweet` is said only where the tweet itself does not show it.
"""

import ast
import html
import json
import re
from datetime import datetime
from typing import Any

from flows.sources.twitter.values import MONTHS

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
COUNTS = {
    "user_followers": "followers_count",
    "user_friends": "friends_count",
    "user_favourites": "favourites_count",
}
USER_NAMES = {
    "user_screen_name": "screen_name",
    "user_name": "name",
    "user_location": "location",
    "user_description": "description",
}
_REPEAT = re.compile(r"(?s)RT @(\w+): (.+)")
_WHOLE = re.compile(r"0|[1-9]\d{0,18}", re.ASCII)
_DECIMAL = re.compile(r"-?\d{1,3}\.\d{1,10}", re.ASCII)


def render_objects(rows: list[dict[str, str | None]]) -> bytes:
    """Return posts as lines of JSON; see `Source.render`."""
    return b"".join(json.dumps(render_tweet(row), ensure_ascii=False).encode() + b"\n" for row in rows)


def render_tweet(row: dict[str, str | None]) -> dict[str, Any]:
    """Return one post as a tweet of API v1.1.

    >>> tweet = render_tweet({"id": "7", "date": "2018-10-10 20:19:24", "text": "RT @ana: flu", "retweet_of_id": "5"})
    >>> tweet["created_at"], tweet["id"], tweet["retweeted_status"]["full_text"]
    ('Wed Oct 10 20:19:24 +0000 2018', 7, 'flu')
    """
    held = {name: value for name, value in row.items() if value}
    source, edit_of = held.get("source"), held.get("edit_of_id")
    tweet = {
        "created_at": render_time(held.get("date")),
        "id": render_number(held.get("id")),
        "id_str": held.get("id"),
        "full_text": held.get("text"),
        "source": f'<a rel="nofollow">{html.escape(source)}</a>' if source else None,
        "in_reply_to_status_id_str": held.get("reply_to_id"),
        "in_reply_to_user_id_str": held.get("reply_to_user"),
        "user": render_user(held),
        "coordinates": render_point(held.get("coordinates")),
        "place": {"full_name": held["place"]} if "place" in held else None,
        "quoted_status_id_str": held.get("quote_of_id"),
        "retweeted_status": render_original(held),
        "retweet_count": render_number(held.get("retweets")),
        "favorite_count": render_number(held.get("favorites")),
        "entities": render_entities(held),
        "lang": held.get("language"),
        "withheld_in_countries": render_words(held.get("withheld_in")),
        "edit_history": {"initial_tweet_id": edit_of, "edit_tweet_ids": [edit_of, held.get("id")]} if edit_of else None,
    }
    shown = "true" if tweet["retweeted_status"] else "false"
    return tweet if held.get("is_retweet") == shown else {**tweet, "is_retweet": held.get("is_retweet")}


def render_user(held: dict[str, str]) -> dict[str, Any]:
    """Return the author of a post.

    >>> render_user({"user_followers": "12", "user_verified": "True", "user_created": "yesterday"})["followers_count"]
    12
    """
    return {
        "id": render_number(held.get("user_id")),
        "id_str": held.get("user_id"),
        **{there: held.get(name) for name, there in USER_NAMES.items()},
        **{there: render_number(held.get(name)) for name, there in COUNTS.items()},
        "created_at": render_time(held.get("user_created")),
        "verified": render_flag(held.get("user_verified")),
        "protected": render_flag(held.get("user_protected")),
    }


def render_original(held: dict[str, str]) -> dict[str, Any] | None:
    """Return what a retweet repeats, with its text if the retweet shows whose it is.

    >>> render_original({"retweet_of_id": "5", "text": "flu"}), render_original({"text": "RT @ana: flu"})
    ({'id_str': '5'}, None)
    """
    if "retweet_of_id" not in held:
        return None
    found = _REPEAT.fullmatch(held.get("text", ""))
    said = {"full_text": found[2], "user": {"screen_name": found[1]}} if found else {}
    return {"id_str": held["retweet_of_id"], **said}


def render_entities(held: dict[str, str]) -> dict[str, Any]:
    """Return the hashtags, mentions and addresses of a post as objects, or as texts if they are no lists.

    >>> render_entities({"hashtags": "['flu']", "mentions": "ana ben", "urls": "a  b"})["hashtags"]
    [{'text': 'flu'}]
    """
    lists = {
        ("hashtags", "text"): render_list(held.get("hashtags")),
        ("user_mentions", "screen_name"): render_words(held.get("mentions")),
        ("urls", "expanded_url"): render_words(held.get("urls")),
    }
    return {
        kind: [{name: text} for text in texts] if isinstance(texts, list) else texts
        for (kind, name), texts in lists.items()
    }


def render_time(spelling: str | None) -> str | None:
    """Return a moment as v1.1 spells it; what is no moment as it stands.

    >>> render_time("2018-10-10 20:19:24"), render_time("yesterday")
    ('Wed Oct 10 20:19:24 +0000 2018', 'yesterday')
    """
    try:
        moment = datetime.fromisoformat(spelling or "")
    except ValueError:
        return spelling
    if spelling != moment.isoformat(" ", "seconds")[:19]:
        return spelling
    return f"{DAYS[moment.weekday()]} {MONTHS[moment.month - 1]} {spelling[8:19]} +0000 {spelling[:4]}"


def render_number(text: str | None) -> int | str | None:
    """Return a whole number as one, if it is spelt as JSON would; anything else as it stands.

    >>> render_number("12"), render_number("012"), render_number(None)
    (12, '012', None)
    """
    return int(text) if text and _WHOLE.fullmatch(text) else text


def render_flag(text: str | None) -> bool | str | None:
    """Return a truth value as one, if it is spelt as JSON would; anything else as it stands.

    >>> render_flag("true"), render_flag("True")
    (True, 'True')
    """
    return {"true": True, "false": False}.get(text or "", text)


def render_words(text: str | None) -> list[str] | str | None:
    """Return words separated by single spaces, each once, as a list; anything else as it stands.

    >>> render_words("ana ben"), render_words("ana  ana"), render_words(None)
    (['ana', 'ben'], 'ana  ana', None)
    """
    words = (text or "").split(" ")
    return words if all(words) and len(set(words)) == len(words) else text


def render_list(text: str | None) -> list[str] | str | None:
    """Return a Python list in a string as a list; anything else as it stands.

    >>> render_list("['flu', 'rt']"), render_list("flu")
    (['flu', 'rt'], 'flu')
    """
    try:
        items = ast.literal_eval(text or "")
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    is_list = isinstance(items, list) and all(isinstance(item, str) and item for item in items)
    return items if is_list and items and len(set(items)) == len(items) and str(items) == text else text


def render_point(text: str | None) -> dict[str, Any] | None:
    """Return coordinates as a GeoJSON point, whose numbers keep their spelling.

    >>> render_point("40.74,-73.980")
    {'type': 'Point', 'coordinates': ['-73.980', 40.74]}
    >>> render_point("here")
    {'type': 'Point', 'coordinates': 'here'}
    """
    if text is None:
        return None
    pair = text.split(",")
    numbers = [float(one) if _DECIMAL.fullmatch(one) and str(float(one)) == one else one for one in reversed(pair)]
    return {"type": "Point", "coordinates": numbers if len(pair) == 2 and all(pair) else text}  # noqa: PLR2004
