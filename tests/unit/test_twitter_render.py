"""Tweets written as objects and read back, and objects with anything in the wrong place."""

import io
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flows.sources import Kind
from flows.sources.drafts import has_surrogate
from flows.sources.twitter import Twitter
from flows.sources.twitter.csv_files import decode_repr
from flows.sources.twitter.fields import FIELDS
from flows.sources.twitter.objects import parse_objects, render_objects

NAMES = [field.name for field in FIELDS]
Row = dict[str, str | None]


def texts(kind: Kind) -> st.SearchStrategy[str]:
    words = st.text(min_size=1).filter(lambda text: not has_surrogate(text) and decode_repr(text) == text)
    ids = st.integers(1, 2**64).map(str) | st.from_regex(r"[A-Za-z0-9:_-]{1,30}", fullmatch=True)
    moments = st.datetimes().map(lambda at: at.isoformat(" ")[:19])
    numbers = st.floats(-180, 180).map(str) | st.integers(-180, 180).map(str)
    near = {
        Kind.POST_ID: ids, Kind.POST_LINK: ids, Kind.AUTHOR_ID: ids, Kind.TIME: moments, Kind.AUTHOR_CREATED: moments,
        Kind.COUNT: st.integers(0, 10**18).map(str) | words,
        Kind.FLAG: st.sampled_from(["true", "False", "TRUE"]) | words,
        Kind.AUTHOR_PROTECTED: st.sampled_from(["true", "false", "True"]),
        Kind.COORDINATES: st.tuples(numbers, numbers).map(",".join) | words,
        Kind.LABEL: st.lists(words).map(str) | words, Kind.PERSON: st.lists(words).map(" ".join) | words,
        Kind.TEXT: st.builds("RT @{}: {}".format, st.from_regex(r"\w{1,9}", fullmatch=True), words) | words,
    }  # fmt: skip
    return near.get(kind, words).filter(bool)


ROWS = st.fixed_dictionaries({}, optional={field.name: st.none() | texts(field.kind) for field in FIELDS})


@given(st.lists(ROWS, max_size=4))
def test_every_field_that_is_rendered_comes_back_as_it_was(rows: list[Row]) -> None:
    drafts = list(parse_objects(io.BytesIO(render_objects(rows)), chunk_records=1_000))
    found = [row for draft in drafts for row in draft.rows.to_pylist()]
    assert not [reject for draft in drafts for reject in draft.rejects]
    assert [{name: row[name] for name in NAMES} for row in found] == [
        {name: row.get(name) for name in NAMES} for row in rows
    ]
    assert all(row["rescued"] is None for row in found)


def mutate(value: Any, path: list[int], put: Any) -> Any:
    """Put something else where a path of positions leads in an object."""
    if not path or not isinstance(value, dict | list) or not value:
        return put
    copy = dict(value) if isinstance(value, dict) else dict(enumerate(value))
    key = list(copy)[path[0] % len(copy)]
    copy[key] = mutate(copy[key], path[1:], put)
    return copy if isinstance(value, dict) else list(copy.values())


TIME = "2020-12-20T06:06:44.000Z"
USER = {"id": 3, "id_str": "3", "screen_name": "ana", "created_at": "Wed Apr 08 17:52:46 +0000 2009", "verified": True}
ENTITIES = {"hashtags": [{"text": "flu"}], "urls": [{"expanded_url": "https://example.org"}], "user_mentions": []}
V1 = {
    "id": 7, "created_at": "Sun Dec 20 06:06:44 +0000 2020", "text": "flu", "user": USER, "entities": ENTITIES,
    "coordinates": {"type": "Point", "coordinates": [3.39, 6.45]},
    "place": {"full_name": "Lagos", "country": "Nigeria"},
    "edit_history": {"initial_tweet_id": "3", "edit_tweet_ids": ["3", "7"]},
    "withheld_in_countries": ["DE"],
}  # fmt: skip
V2 = {
    "id": "7", "author_id": "3", "created_at": TIME, "text": "RT @ana: flu", "geo": {"place_id": "p"},
    "referenced_tweets": [{"type": "retweeted", "id": "5"}], "public_metrics": {"like_count": 1},
    "entities": {"hashtags": [{"tag": "flu"}]}, "edit_history_tweet_ids": ["3", "7"],
    "attachments": {"media_keys": ["m"]},
}  # fmt: skip
INCLUDES = {
    "users": [{"id": "3", "username": "ana", "public_metrics": {"followers_count": 2}}],
    "tweets": [{"id": "5", "author_id": "3", "text": "flu again"}],
    "places": [{"id": "p", "full_name": "Lagos"}], "media": [{"media_key": "m"}],
}  # fmt: skip
SNSCRAPE = {
    "_type": "snscrape.modules.twitter.Tweet", "id": 7, "content": "flu", "date": TIME, "user": {"username": "ana"},
    "retweetedTweet": {"id": 5, "rawContent": "flu again", "user": {"username": "ana"}}, "hashtags": ["flu"],
    "coordinates": {"longitude": 3.39, "latitude": 6.45}, "links": [{"url": "https://example.org"}],
}  # fmt: skip
SHAPES: tuple[dict[str, Any], ...] = (
    V1, {**V1, "retweeted_status": V1}, {"data": [V2], "includes": INCLUDES}, {"data": V2, "includes": INCLUDES},
    SNSCRAPE,
    {"user_name": "Ana", "date": "2020-07-25 12:27:21", "text": "flu", "hashtags": "['flu']", "mentions": ["ana"]},
    {"delete": {"status": {"id": 7}}}, {"data": {"user_protect": {"user": {"id": "3"}, "event_at": TIME}}},
    {"id": "7", "action": "delete", "reason": "deleted", "redacted_at": TIME},
)  # fmt: skip
PLAIN = (
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(-1e20, 1e20) | st.text("aé'[\\ ", max_size=5)
)
KEYS = st.sampled_from(["id", "user", "text", "type"])
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=5
)


@given(st.sampled_from(SHAPES), st.lists(st.integers(0, 40), max_size=6), VALUES)
def test_an_object_with_anything_in_the_wrong_place_is_a_row_or_a_reject(
    shape: dict[str, Any], path: list[int], put: Any
) -> None:
    content = json.dumps(mutate(shape, path, put)).encode()
    for draft in Twitter().parse(io.BytesIO(b"{}" + content), chunk_records=9):
        assert draft.rows.num_rows + len(draft.rejects) + len(draft.notices) + draft.count_skipped > 0
