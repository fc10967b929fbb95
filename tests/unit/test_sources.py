"""The contract that every source passes: what it renders it reads back, notices name posts, hostile bytes are kept."""

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from flows.sources import Chunk, Notice
from flows.sources.boundary import check_draft
from flows.sources.known import SOURCES

NOW = datetime(2026, 6, 1, tzinfo=UTC)
URI = "at://did:plc:ann/app.bsky.feed.post/3k"


@dataclass(frozen=True)
class Example:
    """One post of a source by its fields, its delete notice as the source spells it, and how that names the post."""

    post: dict[str, str]
    notice: dict[str, Any] | None
    named: str


EXAMPLES = {
    "twitter": Example(
        {
            "id": "1340539111971516416", "user_name": "Ann", "user_created": "2009-04-08 17:52:46",
            "text": "fever, 'again' 🤒", "date": "2020-12-20 06:06:44",
            "user_verified": "False", "is_retweet": "False", "user_followers": "3",
        },
        {"delete": {"status": {"id_str": "1340539111971516416", "user_id_str": "7"}, "timestamp_ms": "1608444404000"}},
        "1340539111971516416",
    ),
    "reddit": Example(
        {"id": "t1_fc0abc", "kind": "comment", "author": "ann", "text": "fever\n\nagain", "created_utc": "1577836800",
         "subreddit": "Atlantis"},
        {"id": "fc0abc", "name": "t1_fc0abc", "body": "[deleted]", "author": "[deleted]", "created_utc": 1577836800},
        "t1_fc0abc",
    ),
    "bluesky": Example(
        {"uri": URI, "cid": "bafy1", "did": "did:plc:ann", "text": "fever 🤒", "created_at": "2026-01-01T10:00:00Z"},
        {"did": "did:plc:ann", "time_us": 1767261600000000, "kind": "commit", "commit": {
            "rev": "r", "operation": "delete", "collection": "app.bsky.feed.post", "rkey": "3k"}},
        URI,
    ),
    "mastodon": Example(
        {"uri": "https://m.example/users/ann/statuses/9", "local_id": "m.example/9", "instance": "m.example",
         "instance_id": "9", "text": "fever & more", "created_at": "2026-01-01T10:00:00.000Z", "acct": "ann@m.example",
         "visibility": "public"},
        {"event": "delete", "payload": "9", "instance": "m.example"},
        "m.example/9",
    ),
    "feeds": Example(
        {"id": "tag:who,2026:1", "title": "Cholera", "text": "Cases were reported.",
         "published": "2026-01-01T10:00:00Z", "url": "http://who.example/1", "feed_title": "Outbreak News"},
        None,
        "",
    ),
}  # fmt: skip
every_source = pytest.mark.parametrize("name", SOURCES)


def read(name: str, content: bytes, chunk_records: int = 100) -> list[Chunk]:
    source = SOURCES[name]
    drafts = source.parse(io.BufferedReader(io.BytesIO(content)), chunk_records=chunk_records)
    return [check_draft(source.fields, draft, now=NOW, key=b"key") for draft in drafts]


@every_source
def test_what_is_rendered_is_read_back_field_for_field(name: str) -> None:
    example = EXAMPLES[name].post
    (chunk,) = read(name, SOURCES[name].render([dict(example)]))
    assert chunk.rejects == []
    (row,) = chunk.rows.to_pylist()
    assert {field: row[field] for field in example} == example
    assert row["post_id"]
    assert row["posted_at"]


@every_source
def test_the_same_post_has_the_same_hash_each_time_and_another_text_another(name: str) -> None:
    example = EXAMPLES[name].post
    twice = SOURCES[name].render([dict(example), dict(example), {**example, "text": "better"}])
    hashes = [row["record_hash"] for chunk in read(name, twice) for row in chunk.rows.to_pylist()]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("name", [name for name in EXAMPLES if EXAMPLES[name].notice])
def test_a_delete_notice_names_the_post_as_raw_has_it(name: str) -> None:
    example = EXAMPLES[name]
    chunks = read(name, json.dumps(example.notice).encode() + b"\n")
    (notice,) = [notice for chunk in chunks for notice in chunk.notices]
    assert isinstance(notice, Notice)
    assert notice.post_id == example.named
    (chunk,) = read(name, SOURCES[name].render([dict(example.post)]))
    (row,) = chunk.rows.to_pylist()
    assert notice.post_id in {row["post_id"], row.get("local_id")}


HOSTILE = {
    "duplicate keys": b'{"id": 1, "id": 2}',
    "not a number": b'{"id": NaN}',
    "deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "cut": b'{"id": "1", "text": "x',
    "broken UTF-8": b'{"id": "1", "text": "\xff"}',
    "half a pair": b'{"id": "1", "id_str": "1", "text": "\\ud83d", "body": "\\ud83d"}',
    "wrong types": b'{"id": [1], "user": 7, "text": {"a": 1}, "created_at": true, "data": 9, "event": 1}',
    "of no shape": b'{"hello": "world"}',
    "long number": b'{"id": ' + b"9" * 100_000 + b"}",
}


@pytest.mark.parametrize("spoilt", HOSTILE.values(), ids=HOSTILE)
@every_source
def test_a_hostile_object_is_refused_with_its_bytes_and_costs_no_other(name: str, spoilt: bytes) -> None:
    if name == "twitter":
        good = json.dumps({"id_str": "7", "text": "fever", "created_at": "Wed Oct 10 20:19:24 +0000 2018",
                           "user": {"screen_name": "ann", "id_str": "1"}}).encode() + b"\n"  # fmt: skip
    else:
        good = SOURCES[name].render([dict(EXAMPLES[name].post)])
    chunks = read(name, good + spoilt + b"\n" + good)
    rejects = [reject for chunk in chunks for reject in chunk.rejects]
    skipped = sum(chunk.count_skipped for chunk in chunks)
    assert sum(chunk.rows.num_rows for chunk in chunks) == 2
    assert len(rejects) + skipped == 1
    assert all(reject.reason and reject.record_bytes.strip() == spoilt.strip() for reject in rejects)


@every_source
def test_memory_is_bounded_by_the_size_of_a_chunk(name: str) -> None:
    posts = [{**EXAMPLES[name].post, "text": f"fever {number}"} for number in range(10)]
    chunks = read(name, SOURCES[name].render([dict(post) for post in posts]), chunk_records=3)
    assert [chunk.rows.num_rows for chunk in chunks] == [3, 3, 3, 1]
