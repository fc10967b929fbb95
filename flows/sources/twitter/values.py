"""What the makers of tweet objects spell each in their way, and RAW in one: moments, lists, places, programs."""

import html
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flows.sources.drafts import ReadPost, as_text, read_iso_time
from flows.sources.json_values import objects
from flows.sources.twitter.csv_files import decode_repr

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""As API v1.1 spells them, in every locale."""
EVERYWHERE = "XY"
"""The platform's code for content that is withheld in all countries, after a notice about copyright."""
FIRST_MILLISECOND = datetime(2010, 11, 4, 1, 42, 54, 657_000, UTC)
"""From when the ids of tweets count milliseconds, above 22 bits that tell apart those of the same one."""
_ID_BITS = 22
_FIRST_TIMED_ID = 29_700_859_247
"""Ids below it were given out one after the other."""
_V1_TIME = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d\d) (\d\d:\d\d:\d\d) ([+-]\d{4}) (\d{4})")
_ANCHOR = re.compile(r"(?s)\s*<a\b[^>]*>(.*)</a>\s*")
_REPEATED = re.compile(r"(?s)RT @(\w+): .*")


def find(value: object, *path: str) -> Any:
    """Return what lies at a path of keys; None where an object is missing on the way.

    >>> find({"user": {"id": 7}}, "user", "id"), find({"user": "x"}, "user", "id"), find(None, "user")
    (7, None, None)
    """
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def find_objects(value: object, *path: str) -> list[dict[str, Any]]:
    """Return the objects of the list at a path of keys.

    >>> find_objects({"includes": {"users": [{"id": 7}, None]}}, "includes", "users"), find_objects({}, "includes")
    ([{'id': 7}], [])
    """
    return objects(find(value, *path))


def find_id(value: object, name: str = "id") -> Any:
    """Return an id of an object of API v1.1, the one spelt as text if it is there: a number may have lost its end.

    >>> find_id({"id": 12, "id_str": "12"}), find_id({"in_reply_to_user_id": 7}, "in_reply_to_user_id")
    ('12', 7)
    """
    return find(value, f"{name}_str") or find(value, name)


def list_texts(value: object, *path: str, name: str) -> object:
    """Return one field of each object of a list, each text once; what is no list is returned as it stands.

    >>> list_texts({"urls": [{"url": "a"}, {"url": "b"}, {"url": "a"}, {}]}, "urls", name="url")
    ['a', 'b']
    """
    held = find(value, *path)
    if not isinstance(held, list):
        return held
    return list(dict.fromkeys(text for item in held if (text := as_text(find(item, name)))))


def spell_list(value: object) -> str | None:
    """Return hashtags as the CSV files spell them, a Python list in a string; None if there are none.

    >>> spell_list(["flu", "rt"]), spell_list([]), spell_list("['flu']")
    ("['flu', 'rt']", None, "['flu']")
    """
    if not isinstance(value, list):
        return as_text(value)
    return str([str(as_text(item)) for item in value]) if value else None


def spell_words(*values: object) -> str | None:
    """Return the texts of several lists, each once, separated by spaces; None if there are none.

    >>> spell_words(["ana", "ben"], None, ["ana", "eva"]), spell_words("DE, FR"), spell_words([])
    ('ana ben eva', 'DE, FR', None)
    """
    lists = [value if isinstance(value, list) else [value] for value in values]
    words = dict.fromkeys(text for held in lists for item in held if (text := as_text(item)))
    return " ".join(words) or None


def spell_place(place: object, *, full_name: str = "full_name") -> str | None:
    """Return a place's full name and country, the country once.

    >>> spell_place({"full_name": "Kano", "country": "Nigeria"}), spell_place({"full_name": "Peru", "country": "Peru"})
    ('Kano, Nigeria', 'Peru')
    """
    name, country = as_text(find(place, full_name)), as_text(find(place, "country"))
    return name if name and name.endswith(country or "") else ", ".join(filter(None, (name, country))) or None


def spell_coordinates(latitude: object, longitude: object) -> str | None:
    """Return coordinates as RAW spells them; None unless both are there.

    >>> spell_coordinates("40.7", -74), spell_coordinates(None, 7)
    ('40.7,-74', None)
    """
    return f"{as_text(latitude)},{as_text(longitude)}" if latitude is not None and longitude is not None else None


def spell_point(point: object) -> str | None:
    """Return the coordinates of a GeoJSON point, which names the longitude first.

    >>> spell_point({"type": "Point", "coordinates": ["-73.98", "40.74"]}), spell_point({"coordinates": "?"})
    ('40.74,-73.98', '?')
    """
    pair = find(point, "coordinates")
    if isinstance(pair, list):
        return spell_coordinates(pair[1], pair[0]) if len(pair) > 1 else None
    return as_text(pair)


def strip_anchor(source: object) -> str | None:
    """Return a program's name without the link that it stands in.

    >>> strip_anchor('<a rel="nofollow">Tom &amp; Co</a>'), strip_anchor("web")
    ('Tom & Co', 'web')
    """
    text = as_text(source)
    found = _ANCHOR.fullmatch(text) if text else None
    return html.unescape(found[1]) if found else text


def spell_repeat(own: object, original: object, handle: object) -> object:
    """Return a retweet's text with the whole text of the original, or its own if that is not known.

    >>> spell_repeat("RT @ana: flu ag…", "flu again", "ana"), spell_repeat("RT @ana: flu ag…", "flu again", None)
    ('RT @ana: flu again', 'RT @ana: flu again')
    >>> spell_repeat("RT @ana: flu ag…", None, "ana")
    'RT @ana: flu ag…'
    """
    said = _REPEATED.fullmatch(own) if isinstance(own, str) else None
    name = handle or (said and said[1])
    return f"RT @{as_text(name)}: {as_text(original)}" if name and original else own


def read_moment(spelling: object) -> datetime | None:
    """Return the moment of a spelling of API v1.1 or of ISO 8601, in UTC to the second; None if it is neither.

    >>> str(read_moment("Wed Oct 10 20:19:24 +0000 2018")), str(read_moment("2018-10-10T20:19:24.000Z"))
    ('2018-10-10 20:19:24+00:00', '2018-10-10 20:19:24+00:00')
    """
    found = _V1_TIME.fullmatch(spelling) if isinstance(spelling, str) else None
    if found and found[1] in MONTHS:
        spelling = f"{found[5]}-{MONTHS.index(found[1]) + 1:02}-{found[2]}T{found[3]}{found[4]}"
    moment = read_iso_time(spelling)
    return moment.replace(microsecond=0) if moment else None


def spell_time(spelling: object) -> str | None:
    """Return a moment as the CSV files spell it, which is what later layers read; what is no moment as it stands.

    >>> spell_time("Wed Oct 10 20:19:24 +0000 2018"), spell_time("yesterday")
    ('2018-10-10 20:19:24', 'yesterday')
    """
    moment = read_moment(spelling)
    return moment.isoformat(" ")[:19] if moment else as_text(spelling)


def moment_of_id(tweet_id: int) -> datetime | None:
    """Return when a tweet was published, by its id; None if it is older than the ids that tell.

    >>> str(moment_of_id(1_340_539_111_971_516_416)), moment_of_id(20)
    ('2020-12-20 06:06:44.963000+00:00', None)
    """
    if not _FIRST_TIMED_ID < tweet_id < 1 << 63:
        return None
    return FIRST_MILLISECOND + timedelta(milliseconds=tweet_id >> _ID_BITS)


def id_of_moment(moment: datetime) -> int:
    """Return the least id that a tweet of that moment can have.

    >>> moment_of_id(id_of_moment(datetime(2020, 12, 20, tzinfo=UTC))) == datetime(2020, 12, 20, tzinfo=UTC)
    True
    """
    return (moment - FIRST_MILLISECOND) // timedelta(milliseconds=1) << _ID_BITS


def list_withheld(*places: object) -> str | None:
    """Return the countries in which a tweet, its author or what it repeats is withheld.

    Args:
        places: Objects that may say `withheld_in_countries` and `withheld_copyright`, or API v2's `withheld`.

    >>> list_withheld({"withheld_in_countries": ["DE"]}, {"withheld": {"country_codes": ["DE", "FR"]}})
    'DE FR'
    >>> list_withheld({"withheld_copyright": True}), list_withheld({"withheld_in_countries": []}, None)
    ('XY', None)
    """
    found: list[object] = []
    for place in places:
        codes = [find(place, "withheld_in_countries"), find(place, "withheld", "country_codes")]
        is_copyright = find(place, "withheld_copyright") is True or find(place, "withheld", "copyright") is True
        found += [*codes, EVERYWHERE if is_copyright and not any(codes) else None]
    return spell_words(*found)


def make_post(found: Mapping[str, object], rescued: str | None) -> ReadPost:
    """Return a post from what an object says of each field; an empty text says nothing.

    Each edit of a tweet has an id of its own: the post is known by its first one, so that an edit is a capture of it.
    """
    values = {name: as_text(value) or None for name, value in found.items()}
    for name in ("date", "user_created"):
        values[name] = spell_time(values.get(name))
    text = values.get("text")
    values["text"] = decode_repr(text) if text else text
    return ReadPost(values.get("edit_of_id") or values.get("id"), read_moment(values["date"]), values, rescued)


def drop_nulls(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are there.

    >>> drop_nulls({"a": 1, "b": None})
    {'a': 1}
    """
    return {name: held for name, held in value.items() if held is not None}
