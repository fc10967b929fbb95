"""Tweets as JSON objects: every maker's shape, what is a notice, what is refused, and the way back."""

import bz2
import gzip
import io
import json
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from flows.sources import Draft
from flows.sources.boundary import check_draft
from flows.sources.files import InputFile, open_decompressed
from flows.sources.twitter import Twitter
from flows.sources.twitter.fields import FIELDS
from flows.sources.twitter.objects import parse_objects, render_objects

NAMES = [field.name for field in FIELDS]
Row = dict[str, str | None]


def parse(*objects: Any) -> Draft:
    content = b"\n".join(json.dumps(value).encode() for value in objects)
    (draft,) = parse_objects(io.BytesIO(content), chunk_records=1_000)
    return draft


def read_one(value: dict[str, Any]) -> dict[str, Any]:
    draft = parse(value)
    assert not draft.rejects, draft.rejects
    row: dict[str, Any] = draft.rows.to_pylist()[0]
    return row


def kept(row: Row) -> Row:
    return {name: row[name] for name in NAMES if row[name] is not None}


USER_V1: dict[str, Any] = {
    "id": 77, "id_str": "77", "name": "Ana Example", "screen_name": "ana_example", "location": "Lagos, Nigeria",
    "description": "nurse", "created_at": "Wed Apr 08 17:52:46 +0000 2009", "followers_count": 405,
    "friends_count": 1692, "favourites_count": 3247, "verified": False, "protected": False, "profile_image_url": "x",
}  # fmt: skip
TWEET_V1: dict[str, Any] = {
    "created_at": "Sun Dec 20 06:06:44 +0000 2020",
    "id": 1340539111971516416,
    "id_str": "1340539111971516416",
    "text": "Fever again, third night in a row, and the clinic is shut until Monday… https://t.co/abc",
    "truncated": True,
    "extended_tweet": {
        "full_text": "Fever again, third night in a row, and the clinic is shut until Monday #flu #rt @ben_example",
        "entities": {
            "hashtags": [{"text": "flu", "indices": [1, 2]}, {"text": "rt", "indices": [3, 4]}],
            "user_mentions": [{"screen_name": "ben_example", "id_str": "5"}],
            "urls": [{"url": "https://t.co/abc", "expanded_url": "https://example.org/a"}],
        },
    },
    "entities": {"hashtags": [], "user_mentions": [], "urls": [{"expanded_url": "https://example.org/cut"}]},
    "source": '<a rel="nofollow">Example for Android</a>',
    "in_reply_to_status_id": 12, "in_reply_to_status_id_str": "12", "in_reply_to_user_id": 5,
    "in_reply_to_user_id_str": "5", "in_reply_to_screen_name": "ben_example",
    "user": USER_V1,
    "geo": {"type": "Point", "coordinates": [6.45, 3.39]},
    "coordinates": {"type": "Point", "coordinates": [3.39, 6.45]},
    "place": {"full_name": "Lagos", "country": "Nigeria", "country_code": "NG"},
    "contributors": None, "is_quote_status": False, "quote_count": 2, "retweet_count": 0, "favorite_count": 3,
    "favorited": False, "retweeted": False, "lang": "en", "timestamp_ms": "1608444404000",
}  # fmt: skip
READ_V1: dict[str, Any] = {
    "id": "1340539111971516416", "user_id": "77", "user_screen_name": "ana_example", "user_name": "Ana Example",
    "user_location": "Lagos, Nigeria", "user_description": "nurse", "user_created": "2009-04-08 17:52:46",
    "user_followers": "405", "user_friends": "1692", "user_favourites": "3247", "user_verified": "false",
    "user_protected": "false", "date": "2020-12-20 06:06:44",
    "text": "Fever again, third night in a row, and the clinic is shut until Monday #flu #rt @ben_example",
    "hashtags": "['flu', 'rt']", "mentions": "ben_example", "urls": "https://example.org/a", "language": "en",
    "source": "Example for Android", "retweets": "0", "favorites": "3", "is_retweet": "false", "reply_to_id": "12",
    "reply_to_user": "5", "place": "Lagos, Nigeria", "coordinates": "6.45,3.39",
}  # fmt: skip
ORIGINAL_V1: dict[str, Any] = {**TWEET_V1, "id": 9, "id_str": "9", "withheld_in_countries": []}
RETWEET_V1: dict[str, Any] = {
    "created_at": "Sun Dec 20 07:00:00 +0000 2020", "id_str": "10", "text": "RT @ana_example: Fever again, third ni…",
    "user": {"id_str": "5", "screen_name": "ben_example", "protected": False},
    "entities": {"hashtags": [], "user_mentions": [{"screen_name": "ana_example"}], "urls": []},
    "retweeted_status": ORIGINAL_V1, "is_quote_status": False,
}  # fmt: skip

USERS_V2: list[dict[str, Any]] = [
    {"id": "77", "username": "ana_example", "name": "Ana Example", "location": "Lagos, Nigeria", "description": "nurse",
     "created_at": "2009-04-08T17:52:46.000Z", "verified": False, "protected": False,
     "public_metrics": {"followers_count": 405, "following_count": 1692, "tweet_count": 9, "like_count": 3247}},
    {"id": "5", "username": "ben_example", "name": "Ben Example"},
    {"id": "6", "username": "not_asked_for"},
]  # fmt: skip
TWEET_V2: dict[str, Any] = {
    "id": "1340539111971516416", "author_id": "77", "created_at": "2020-12-20T06:06:44.000Z", "lang": "en",
    "text": "Fever again, third night…",
    "note_tweet": {
        "text": READ_V1["text"],
        "entities": {"hashtags": [{"tag": "flu"}, {"tag": "rt"}], "mentions": [{"username": "ben_example"}],
                     "urls": [{"expanded_url": "https://example.org/a"}]},
    },
    "entities": {"hashtags": [{"tag": "cut"}]}, "source": "Example for Android",
    "public_metrics": {"retweet_count": 0, "like_count": 3, "reply_count": 1},
    "referenced_tweets": [{"type": "replied_to", "id": "12"}], "in_reply_to_user_id": "5",
    "geo": {"place_id": "p1", "coordinates": {"type": "Point", "coordinates": [3.39, 6.45]}},
    "edit_history_tweet_ids": ["1340539111971516416"], "conversation_id": "12",
}  # fmt: skip
RETWEET_V2: dict[str, Any] = {
    "id": "10", "author_id": "5", "created_at": "2020-12-20T07:00:00.000Z", "text": "RT @ana_example: Fever again, th…",
    "entities": {"mentions": [{"username": "ana_example"}]}, "edit_history_tweet_ids": ["10"],
    "referenced_tweets": [{"type": "retweeted", "id": "1340539111971516416"}],
}  # fmt: skip
PAGE_V2: dict[str, Any] = {
    "data": [TWEET_V2, RETWEET_V2],
    "includes": {
        "users": USERS_V2, "tweets": [TWEET_V2], "places": [{"id": "p1", "full_name": "Lagos", "country": "Nigeria"}]
    },
    "errors": [{"resource_id": "12", "title": "Not Found Error", "type": "about:blank", "detail": "gone"}],
    "meta": {"newest_id": "1340539111971516416", "oldest_id": "10", "result_count": 2},
}  # fmt: skip
SNSCRAPE: dict[str, Any] = {
    "_type": "snscrape.modules.twitter.Tweet", "url": "https://twitter.com/ana_example/status/1340539111971516416",
    "date": "2020-12-20T06:06:44+00:00", "rawContent": READ_V1["text"], "renderedContent": "…",
    "id": 1340539111971516416, "lang": "en", "source": TWEET_V1["source"], "sourceLabel": "Example for Android",
    "user": {"_type": "snscrape.modules.twitter.User", "username": "ana_example", "id": 77,
             "displayname": "Ana Example", "rawDescription": "nurse", "created": "2009-04-08T17:52:46+00:00",
             "followersCount": 405, "friendsCount": 1692, "favouritesCount": 3247, "location": "Lagos, Nigeria",
             "verified": False, "protected": False},
    "replyCount": 1, "retweetCount": 0, "likeCount": 3, "hashtags": ["flu", "rt"],
    "mentionedUsers": [{"username": "ben_example", "id": 5}],
    "links": [{"url": "https://example.org/a", "tcourl": "https://t.co/abc"}],
    "retweetedTweet": None, "quotedTweet": None, "inReplyToTweetId": 12,
    "inReplyToUser": {"username": "ben_example", "id": 5},
    "coordinates": {"longitude": 3.39, "latitude": 6.45},
    "place": {"fullName": "Lagos", "country": "Nigeria"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("value", "known"),
    [
        pytest.param(TWEET_V1, READ_V1, id="v1.1"),
        pytest.param({**PAGE_V2, "data": TWEET_V2}, READ_V1, id="v2 stream"),
        pytest.param({**PAGE_V2, "data": [TWEET_V2]}, READ_V1, id="v2 page"),
        pytest.param(
            {**TWEET_V2, "author": USERS_V2[0], "geo": {**TWEET_V2["geo"], "full_name": "Lagos", "country": "Nigeria"}},
            READ_V1,
            id="twarc2 flattened",
        ),
        pytest.param(SNSCRAPE, READ_V1, id="snscrape"),
        pytest.param(READ_V1, READ_V1, id="flat"),
        pytest.param(
            {**READ_V1, "user_followers": 405, "is_retweet": False, "hashtags": ["flu", "rt"]}, READ_V1, id="typed"
        ),
    ],
)
def test_the_same_tweet_is_read_the_same_from_every_maker(value: dict[str, Any], known: Row) -> None:
    row = read_one(value)
    assert kept(row) == known
    assert (row["post_id"], row["posted_at"]) == (known["id"], datetime(2020, 12, 20, 6, 6, 44, tzinfo=UTC))


@pytest.mark.parametrize(
    "value",
    [
        RETWEET_V1,
        {**PAGE_V2, "data": RETWEET_V2},
        {**RETWEET_V2, "author": USERS_V2[1],
         "referenced_tweets": [{"type": "retweeted", **TWEET_V2, "author": USERS_V2[0]}]},
        {"_type": SNSCRAPE["_type"], "id": 10, "content": "RT @ana_example: Fe…", "date": "2020-12-20T07:00:00+00:00",
         "user": {"username": "ben_example"}, "retweetedTweet": {**SNSCRAPE, "id": 9}},
    ],
    ids=["v1.1", "v2", "twarc2", "snscrape"],
)  # fmt: skip
def test_a_retweet_has_the_whole_text_and_the_hashtags_of_the_original(value: dict[str, Any]) -> None:
    row = read_one(value)
    assert row["text"] == f"RT @ana_example: {READ_V1['text']}"
    assert (row["is_retweet"], row["hashtags"], row["post_id"]) == ("true", "['flu', 'rt']", "10")
    assert row["retweet_of_id"] in ("9", TWEET_V2["id"])
    assert set((row["mentions"] or "").split()) >= {"ben_example"}
    assert row["user_screen_name"] == "ben_example"


def test_a_retweet_keeps_its_own_text_if_the_original_is_gone() -> None:
    row = read_one({"data": RETWEET_V2, "includes": {"users": USERS_V2}})
    assert (row["text"], row["is_retweet"]) == (RETWEET_V2["text"], "true")


def test_a_quote_is_no_retweet() -> None:
    v1 = read_one({**TWEET_V1, "quoted_status_id_str": "4", "quoted_status": {**ORIGINAL_V1, "id_str": "4"}})
    v2 = read_one({"data": {**TWEET_V2, "referenced_tweets": [{"type": "quoted", "id": "4"}]}})
    old = read_one({**TWEET_V1, "quoted_status": {"id": 4}})
    assert {(row["quote_of_id"], row["is_retweet"], row["text"]) for row in (v1, v2, old)} == {
        ("4", "false", READ_V1["text"])
    }


def test_each_edit_is_a_capture_of_the_first_version() -> None:
    v1 = {**TWEET_V1, "edit_history": {"initial_tweet_id": "3", "edit_tweet_ids": ["3", TWEET_V1["id_str"]]}}
    v2 = {**TWEET_V2, "edit_history_tweet_ids": ["3", TWEET_V2["id"]]}
    for row in (read_one(v1), read_one(v2)):
        assert (row["post_id"], row["id"], row["edit_of_id"]) == ("3", TWEET_V2["id"], "3")
    assert (
        read_one({**TWEET_V1, "edit_history": {"initial_tweet_id": "3", "edit_tweet_ids": ["3"]}})["edit_of_id"] is None
    )


@pytest.mark.parametrize(
    ("value", "withheld"),
    [
        ({**TWEET_V1, "withheld_in_countries": ["DE", "FR"]}, "DE FR"),
        ({**TWEET_V1, "user": {**USER_V1, "withheld_in_countries": ["TR"]}}, "TR"),
        ({**TWEET_V1, "withheld_copyright": True}, "XY"),
        ({**RETWEET_V1, "retweeted_status": {**ORIGINAL_V1, "withheld_in_countries": ["IN"]}}, "IN"),
        ({**TWEET_V2, "withheld": {"copyright": False, "country_codes": ["DE"]}}, "DE"),
        ({**TWEET_V2, "author": {**USERS_V2[0], "withheld": {"country_codes": ["TR"]}}}, "TR"),
        ({**TWEET_V2, "withheld": {"copyright": True, "country_codes": []}}, "XY"),
        ({**TWEET_V1, "withheld_in_countries": []}, None),
    ],
)
def test_where_a_tweet_its_author_or_its_original_is_withheld_is_said(value: dict[str, Any], withheld: str) -> None:
    assert read_one(value)["withheld_in"] == withheld


def test_a_protected_account_is_seen_in_every_shape() -> None:
    rows = [
        read_one({**TWEET_V1, "user": {**USER_V1, "protected": True}}),
        read_one({**TWEET_V2, "author": {**USERS_V2[0], "protected": True}}),
        read_one({**SNSCRAPE, "user": {**SNSCRAPE["user"], "protected": True}}),
    ]
    assert [row["user_protected"] for row in rows] == ["true"] * 3


def test_what_no_field_has_is_rescued_but_nothing_of_other_persons() -> None:
    assert json.loads(read_one({**RETWEET_V1, "quote_count": 2, "new_field": [1]})["rescued"] or "") == {
        "quote_count": 2, "new_field": [1]
    }  # fmt: skip
    assert json.loads(read_one({**PAGE_V2, "data": RETWEET_V2 | {"conversation_id": "3"}})["rescued"] or "") == {
        "conversation_id": "3"
    }
    assert read_one({**READ_V1, "new_field": 1})["rescued"] == '{"new_field": 1}'


def test_an_id_that_went_through_a_float_is_refused_at_the_boundary() -> None:
    draft = parse({**TWEET_V1, "id_str": None, "id": 1.340539111971516e18})
    chunk = check_draft(FIELDS, draft, now=datetime(2026, 1, 1, tzinfo=UTC), key=b"key")
    assert [reject.reason for reject in chunk.rejects] == ["id not exact"]


def test_a_text_that_is_the_repr_of_bytes_is_decoded() -> None:
    assert read_one({**TWEET_V1, "extended_tweet": None, "text": "b'caf\\xc3\\xa9'"})["text"] == "café"
    assert read_one({**READ_V1, "text": "b'caf\\xc3\\xa9'"})["text"] == "café"


def test_a_row_without_an_id_has_the_identity_that_its_csv_file_gives_it() -> None:
    row = {
        "user_name": "Ana", "user_location": None, "user_description": None, "user_created": "2009-04-08 17:52:46",
        "user_followers": "1", "user_friends": "1", "user_favourites": "1", "user_verified": "False",
        "date": "2020-07-25 12:27:21", "text": "fever", "hashtags": None, "source": "web", "is_retweet": "False",
    }  # fmt: skip
    spreadsheet = {**row, "date": "25-07-2020 12:27", "user_created": "08-04-2009 17:52"}
    source = Twitter()
    (csv,) = source.parse(io.BytesIO(source.render([row])), chunk_records=9)
    typed = {**row, "date": "2020-07-25T12:27:21", "user_created": "2009-04-08T17:52:46"}
    ids = {read_one(each)["post_id"] for each in (row, spreadsheet, typed)} | {csv.rows["post_id"][0].as_py()}
    assert len(ids) == 1
    assert read_one(spreadsheet)["date"] == "25-07-2020 12:27"


def test_a_page_becomes_one_record_per_tweet_with_what_it_refers_to() -> None:
    draft = parse({"limit": {"track": 1}}, PAGE_V2, {"data": ["x", {"id": "4"}]}, {"statuses": [TWEET_V1]})
    rows = draft.rows.to_pylist()
    assert [row["record_number"] for row in rows] == [2, 3, 6]
    assert len({row["byte_offset"] for row in rows[:2]}) == 1
    assert [(reject.record_number, reject.reason) for reject in draft.rejects] == [
        (4, "not a JSON object"), (5, "not a tweet of a known shape")
    ]  # fmt: skip
    first = json.loads(draft.record_bytes(0))
    assert first["data"]["id"] == TWEET_V2["id"]
    assert [user["id"] for user in first["includes"]["users"]] == ["77"]
    second = json.loads(draft.record_bytes(1))
    assert {user["id"] for user in second["includes"]["users"]} == {"77", "5"}
    assert draft.rejects[1].record_bytes == b'{"data": {"id": "4"}}'


@pytest.mark.parametrize("chunk_records", [1, 2, 5])
def test_the_size_of_chunks_changes_nothing(chunk_records: int) -> None:
    content = json.dumps([PAGE_V2, TWEET_V1, {"delete": {"status": {"id_str": "1"}}}, {}, RETWEET_V1]).encode()
    drafts = list(Twitter().parse(io.BytesIO(content), chunk_records=chunk_records))
    numbers = [
        (found["record_number"], found["byte_offset"])
        for draft in drafts
        for found in [*draft.rows.to_pylist(), *map(vars, draft.rejects), *map(vars, draft.notices)]
    ]
    assert sorted(number for number, _ in numbers) == [1, 2, 3, 4, 5, 6]
    assert all(before <= after for (_, before), (_, after) in pairwise(sorted(numbers)))


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"\r\n\r\n", b"\xef\xbb\xbf\n  \n"], ids=repr)
@pytest.mark.parametrize("opening", [b"[%s]", b"%s\r\n\r\n"], ids=["array", "stream"])
def test_the_first_byte_that_is_not_blank_says_that_it_is_json(start: bytes, opening: bytes) -> None:
    content = start + opening % json.dumps(TWEET_V1).encode()
    (draft,) = Twitter().parse(io.BytesIO(content), chunk_records=9)
    assert kept(draft.rows.to_pylist()[0]) == READ_V1


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, bytes], ids=["gzip", "bzip2", "plain"])
def test_csv_and_json_are_told_apart_in_a_compressed_file_too(tmp_path: Path, pack: Any) -> None:
    rows: list[Row] = [dict(READ_V1)]
    for name, content in {"a.csv": Twitter().render(rows), "b.json": render_objects(rows)}.items():
        (tmp_path / name).write_bytes(pack(content))
        with open_decompressed(InputFile(tmp_path / name)) as stream:
            (draft,) = Twitter().parse(stream, chunk_records=9)
        assert kept(draft.rows.to_pylist()[0]) == READ_V1


def test_a_real_dump_of_the_stream_is_read_whole(real_data: Path) -> None:
    counts = {}
    for path in sorted((real_data / "tweets_json").glob("*.gz")):
        with open_decompressed(InputFile(path)) as stream:
            drafts = list(Twitter().parse(stream, chunk_records=50))
        chunks = [check_draft(FIELDS, draft, now=datetime(2026, 1, 1, tzinfo=UTC), key=b"key") for draft in drafts]
        rows = [row for chunk in chunks for row in chunk.rows.to_pylist()]
        refused = Counter(reject.reason for chunk in chunks for reject in chunk.rejects)
        counts[len(rows)] = (
            sum(row["is_retweet"] == "true" for row in rows),
            sum(row["quote_of_id"] is not None for row in rows),
            len({row["language"] for row in rows}),
            dict(refused),
        )
        assert not any((row["text"] or "").endswith("…") and "https://t.co" not in row["text"] for row in rows)
    assert counts[168] == (133, 45, 15, {})
    assert counts[13][3] == {}
