"""A policy applied: what is left of a post, whose posts are not let in, what is kept of refused records and notices."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from flows.admission import Admission
from flows.privacy.policy import load_policy
from flows.privacy.protect import protect
from flows.sources import Chunk, Kind, Notice, NoticeKind, Reject, Source
from flows.sources.boundary import check_draft
from flows.sources.known import SOURCES
from tests.unit.policies import NOW, SECRET, TWITTER, Row, chunk_of, make_policy, protected

TWEET: Row = {
    "id": "7", "user_id": "12", "user_screen_name": "AnnLee", "user_name": "Ann Lee",
    "user_location": "22b Baker St, Springfield 62704", "user_description": "nurse, ann@example.org",
    "user_created": "2009-04-08 17:52:46", "user_followers": "405",
    "user_verified": "False", "user_protected": "false", "date": "2020-12-20 06:06:44",
    "text": "I, annlee, ask @bo: 555-123-4567?",
    "hashtags": "['flu', '@bo']", "mentions": "bo @CY", "urls": "https://x.com/bo", "retweet_of_id": "6",
    "coordinates": "40.74833,-73.98550", "withheld_in": "DE", "rescued": '{"phone": "+49 30 1234567"}',
}  # fmt: skip
FIELD_OF_KIND = {str(field.kind): field.name for field in reversed(TWITTER.fields) if field.name in TWEET}
PSEUDONYM = {name: SECRET.pseudonym("twitter", name) for name in ("12", "annlee", "ann lee", "bo", "cy", "6", "7")}


@pytest.mark.parametrize(
    ("kind", "action", "expected"),
    [
        *((kind, "keep", TWEET[name]) for kind, name in FIELD_OF_KIND.items()),
        *((kind, "drop", None) for kind in FIELD_OF_KIND if kind not in {"post_id", "time"}),
        ("author_id", "hash", PSEUDONYM["12"]),
        ("author_handle", "hash", PSEUDONYM["annlee"]),
        ("author_name", "hash", PSEUDONYM["ann lee"]),
        ("person", "hash", f"{PSEUDONYM['bo']} {PSEUDONYM['cy']}"),
        ("post_link", "hash", PSEUDONYM["6"]),
        ("post_id", "hash", PSEUDONYM["7"]),
        ("text", "mask", "I, [name], ask @user: [phone]?"),
        ("author_profile", "mask", "nurse, [email]"),
        ("author_name", "mask", "[name]"),
        ("label", "mask", "['flu', '@user']"),
        ("url", "mask", "https://x.com/user"),
        ("count", "mask", "405"),
        ("place", "coarsen", "Baker St, Springfield"),
        ("coordinates", "coarsen", "40.7,-73.9"),
        ("time", "coarsen", "2020-12-20 06:00:00"),
        ("author_created", "coarsen", "2009-04-08 00:00:00"),
    ],
)
def test_each_action_does_its_own_to_its_kind_and_nothing_else(kind: str, action: str, expected: str | None) -> None:
    (before,) = protected(make_policy(), TWEET)
    (after,) = protected(make_policy({kind: action}), TWEET)
    assert after[FIELD_OF_KIND[kind]] == expected
    same_kind = {field.name for field in TWITTER.fields if field.kind == kind} | {"post_id"}
    assert {name: held for name, held in after.items() if name not in same_kind} == {
        name: held for name, held in before.items() if name not in same_kind
    }


@pytest.mark.parametrize(
    ("action", "expected"), [("keep", TWEET["rescued"]), ("drop", None), ("mask", '{"phone": "[phone]"}')]
)
def test_what_was_rescued_has_its_own_action(action: str, expected: str | None) -> None:
    assert protected(make_policy(rescued=action), TWEET)[0]["rescued"] == expected


def test_a_source_may_have_its_own_action_for_a_field() -> None:
    policy = make_policy(sources={"twitter": {"urls": "drop"}, "reddit": {"text": "drop"}})
    (row,) = protected(policy, TWEET)
    assert (row["urls"], row["text"]) == (None, TWEET["text"])


def test_a_policy_that_keeps_everything_changes_nothing() -> None:
    chunk = chunk_of(TWEET, {"text": "bare"})
    kept = protect(make_policy(), TWITTER, chunk, secret=SECRET, shut_out=frozenset())
    assert kept.rows.drop_columns(["author_key"]).equals(chunk.rows)
    assert kept.rows["author_key"].to_pylist() == [PSEUDONYM["12"], None]
    assert (kept.rejects, kept.notices, kept.refused) == (chunk.rejects, chunk.notices, {})


def test_an_account_is_known_by_its_most_lasting_identity() -> None:
    name: Row = {"user_name": "Ann Lee"}
    handle: Row = {**name, "user_screen_name": "AnnLee"}
    keys = [row["author_key"] for row in protected(make_policy(), {}, name, handle, {**handle, "user_id": "12"})]
    assert keys == [None, PSEUDONYM["ann lee"], PSEUDONYM["annlee"], PSEUDONYM["12"]]


@pytest.mark.parametrize("policy", ["strict", "eu", "us"])
@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_chunk_without_rows_or_with_the_barest_passes_every_policy(source: Source, policy: str) -> None:
    assert protected(load_policy(policy), source=source) == []
    (row,) = protected(load_policy(policy), {}, source=source)
    assert (row["text"], row["author_key"]) == ("", None)


IDENTITY_KINDS = (Kind.AUTHOR_ID, Kind.AUTHOR_HANDLE, Kind.AUTHOR_NAME, Kind.PERSON)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_nothing_that_tells_who_somebody_is_is_left_of_a_post(source: Source) -> None:
    person = "907312345" if source is TWITTER else "zyxannlee"
    texts = f"I am {person}, @{person}, u/{person} or {person}@example.org, see https://x.com/{person}"
    row: Row = {}
    for field in source.fields:
        if field.kind in IDENTITY_KINDS:
            row[field.name] = person
        elif field.kind in (Kind.TEXT, Kind.LABEL, Kind.URL, Kind.AUTHOR_PROFILE, Kind.PLACE):
            row[field.name] = texts
        elif field.kind is Kind.POST_ID or field.name == "local_id":
            row[field.name] = f"https://social.example/users/{person}/statuses/1" if source is not TWITTER else "1"
    row["rescued"] = json.dumps({"person": person})
    (stored,) = protected(load_policy("eu"), row, source=source)
    kept_ids = {"id", "post_id"} if source.name in ("twitter", "reddit", "feeds") else set()
    assert {name for name, held in stored.items() if person in str(held) and name not in kept_ids} == set()


# Whose posts are not let in


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"user_protected": "true"}, "account protected"),
        ({"user_protected": "TRUE"}, "account protected"),
        ({"withheld_in": "DE FR"}, "withheld by the platform"),
        ({"user_protected": "true", "withheld_in": "DE"}, "account protected"),
        ({"user_id": "99"}, "erased earlier"),
        ({"user_screen_name": "@Gone"}, "erased earlier"),
        ({"user_name": "GONE"}, "erased earlier"),
        ({"id": "98"}, "erased earlier"),
        ({"user_id": "99", "user_protected": "true"}, "account protected"),
        ({"user_protected": "false", "user_id": "97", "user_name": "going"}, None),
        ({"text": "99 gone", "mentions": "gone"}, None),
    ],
)
def test_a_post_that_may_not_come_in_is_counted_with_its_reason(row: Row, reason: str | None) -> None:
    shut_out = frozenset(SECRET.pseudonym("twitter", name) for name in ("99", "gone", "98"))
    policy = make_policy(refuse=["protected", "withheld"])
    chunk = chunk_of({"id": "1", "text": "before"}, {"text": "x", **row}, {"id": "3", "text": "after"})
    admitted = protect(policy, TWITTER, chunk, secret=SECRET, shut_out=shut_out)
    assert admitted.refused == ({reason: 1} if reason else {})
    assert admitted.rows["record_number"].to_pylist() == ([1, 3] if reason else [1, 2, 3])
    assert len(admitted) == len(chunk)


def test_refused_posts_are_counted_by_reason() -> None:
    rows = [*[{"user_protected": "true"}] * 3, *[{"withheld_in": "DE"}] * 2, {"user_id": "99"}]
    policy = make_policy(refuse=["protected", "withheld"])
    shut_out = frozenset({SECRET.pseudonym("twitter", "99")})
    admitted = protect(policy, TWITTER, chunk_of(*rows), secret=SECRET, shut_out=shut_out)
    assert admitted.refused == {"account protected": 3, "withheld by the platform": 2, "erased earlier": 1}
    assert (admitted.rows.num_rows, len(admitted)) == (0, 6)


def test_who_was_erased_stays_out_under_any_policy_and_others_as_the_policy_says() -> None:
    rows: list[Row] = [{"user_protected": "true"}, {"withheld_in": "DE"}, {"user_id": "99"}]
    shut_out = frozenset({SECRET.pseudonym("twitter", "99")})
    admitted = protect(make_policy(), TWITTER, chunk_of(*rows), secret=SECRET, shut_out=shut_out)
    assert admitted.refused == {"erased earlier": 1}


# Refused records


@pytest.mark.parametrize(
    ("rejects", "opened"),
    [
        ("keep", lambda content: content),
        ("seal", SECRET.unseal),
        ("drop", lambda content: b"@ann, her words" if content == b"" else content + b"?"),
    ],
)
def test_the_bytes_of_a_refused_record_are_kept_sealed_or_dropped(
    rejects: str, opened: Callable[[bytes], bytes]
) -> None:
    found = [Reject(1, 0, "too long", b"@ann, her words"), Reject(2, 9, "blank record", b',,"" \r\n')]
    chunk = Chunk(chunk_of({}).rows, found)
    first, blank = protect(make_policy(rejects=rejects), TWITTER, chunk, secret=SECRET, shut_out=frozenset()).rejects
    assert (first.record_number, first.byte_offset, first.reason) == (1, 0, "too long")
    assert opened(first.record_bytes) == b"@ann, her words"
    assert (rejects == "keep") == (b"@ann" in first.record_bytes)
    assert blank == found[1]


# Notices

BLUESKY = {
    "did": "did:plc:zyxannlee", "time_us": 1725911162329308, "kind": "commit",
    "commit": {
        "rev": "3l3qo2vutsw2b", "operation": "create", "collection": "app.bsky.feed.post", "rkey": "3l3qo2vuowo2b",
        "record": {"$type": "app.bsky.feed.post", "createdAt": "2024-09-09T19:46:02.102Z", "text": "fever"},
        "cid": "bafyreidwaivazkwu67xztlmuobx35hs2lnfh3kolmgfmucldvhd3sgzcqi",
    },
}  # fmt: skip
BLUESKY_DELETION = {
    **BLUESKY,
    "commit": {
        "rev": "3l3f6nzl3cv2s", "operation": "delete", "collection": "app.bsky.feed.post", "rkey": "3l3qo2vuowo2b"
    },
}  # fmt: skip
MASTODON = {
    "instance": "social.example", "id": "17", "uri": "https://social.example/users/zyxannlee/statuses/17",
    "url": "https://social.example/@zyxannlee/17", "created_at": "2024-09-09T19:46:02.102Z", "visibility": "public",
    "content": "<p>fever</p>",
    "account": {"id": "3", "username": "zyxannlee", "acct": "zyxannlee", "display_name": "Zyx Annlee",
                "url": "https://social.example/@zyxannlee"},
}  # fmt: skip
MASTODON_DELETION = {"instance": "social.example", "event": "delete", "payload": "17"}


@pytest.mark.parametrize(
    ("source", "post", "deletion", "named_by"),
    [("bluesky", BLUESKY, BLUESKY_DELETION, "post_id"), ("mastodon", MASTODON, MASTODON_DELETION, "local_id")],
    ids=["bluesky", "mastodon"],
)
@pytest.mark.parametrize("policy", ["strict", "eu", "us"])
def test_the_notice_of_a_post_names_it_as_the_lake_does(
    source: str, post: dict[str, Any], deletion: dict[str, Any], named_by: str, policy: str
) -> None:
    admission, origin = Admission(load_policy(policy), SECRET, frozenset()), SOURCES[source]
    stream = io.BytesIO(f"{json.dumps(post)}\n{json.dumps(deletion)}\n".encode())
    (draft,) = origin.parse(stream, chunk_records=9)
    chunk = admission.admit(origin, check_draft(origin.fields, draft, now=NOW, key=b"key"))
    (row,), (notice,) = chunk.rows.to_pylist(), chunk.notices
    stored = admission.protect_notice(origin, notice)
    assert stored["post_id"] == row[named_by]
    assert (stored["kind"], stored["author_key"]) == ("post_deleted", None)
    if policy != "us":
        assert str(stored["post_id"]).startswith("hmac:")
        assert row["post_id"].startswith("hmac:")
        assert "zyxannlee" not in str(row) + str(stored)


def test_the_notice_of_an_author_names_the_pseudonym_alone() -> None:
    notice = Notice(1, 0, NoticeKind.AUTHOR_DELETED, None, "12", NOW)
    admission = Admission(load_policy("us"), SECRET, frozenset())
    assert admission.protect_notice(TWITTER, notice) == {
        "record_number": 1, "byte_offset": 0, "kind": "author_deleted", "post_id": None, "noticed_at": NOW,
        "author_key": PSEUDONYM["12"],
    }  # fmt: skip
