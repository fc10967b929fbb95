"""Bluesky: what is a post, what is a notice, when a post was published, and that nothing is lost on the way."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.sources import Chunk, Draft, NoticeKind
from flows.sources.bluesky import Bluesky, sort_time
from flows.sources.bluesky.fields import FIELDS
from flows.sources.boundary import check_draft

DID = "did:plc:ana7mk2v5x3q4w6e8r9t0y1u"
OTHER = "did:plc:ben4kd9s2f7g5h6j8k1l3z0x"
POST = f"at://{DID}/app.bsky.feed.post/3mptbypfywk2v"
OTHER_POST = f"at://{OTHER}/app.bsky.feed.post/3mpt7ouxres2n"
FACET = "app.bsky.richtext.facet"
SEEN_US = 1783175888172335
SEEN_AT = datetime(2026, 7, 4, 14, 38, 8, 172335, tzinfo=UTC)

RECORD: dict[str, Any] = {
    "$type": "app.bsky.feed.post",
    "createdAt": "2026-07-04T14:38:07.323Z",
    "langs": ["de", "en"],
    "text": "Fièvre 🤒 #grippe @ben.example www.clinic.example/war...",
    "facets": [
        {"features": [{"$type": f"{FACET}#tag", "tag": "grippe"}], "index": {"byteEnd": 19, "byteStart": 12}},
        {"features": [{"$type": f"{FACET}#mention", "did": OTHER}], "index": {"byteEnd": 32, "byteStart": 20}},
        {"features": [{"$type": f"{FACET}#link", "uri": "https://www.clinic.example/warning"}]},
    ],
    "tags": ["bird flu"],
    "reply": {"parent": {"cid": "bafyp", "uri": OTHER_POST}, "root": {"cid": "bafyr", "uri": OTHER_POST}},
    "labels": {"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": "graphic-media"}]},
    "via": "Skyfeeder",
    "embed": {
        "$type": "app.bsky.embed.recordWithMedia",
        "record": {"$type": "app.bsky.embed.record", "record": {"cid": "bafyq", "uri": OTHER_POST}},
        "media": {
            "$type": "app.bsky.embed.images",
            "images": [
                {"alt": "A thermometer.", "aspectRatio": {"height": 3, "width": 4}, "image": {"$type": "blob"}},
                {"alt": "", "image": {"$type": "blob", "size": 9}},
            ],
        },
    },
}  # fmt: skip
AUTHOR = {
    "did": DID, "handle": "ana.bsky.example", "displayName": "Ana Sample", "avatar": "https://cdn.example/a.jpg",
    "createdAt": "2024-02-09T10:00:00.000Z", "labels": [{"src": DID, "val": "!no-unauthenticated"}],
}  # fmt: skip


def commit(record: dict[str, Any] | None, **changes: Any) -> dict[str, Any]:
    held = {"rev": "3mptbypoove2w", "operation": "create", "collection": "app.bsky.feed.post", "rkey": "3mptbypfywk2v"}
    if record is not None:
        held |= {"record": record, "cid": "bafyreifjsh3d"}  # type: ignore[dict-item]
    return {"did": DID, "time_us": SEEN_US, "kind": "commit", "commit": held | changes}


def account(**changes: Any) -> dict[str, Any]:
    held = {"active": False, "did": DID, "seq": 31527015471, "time": "2026-07-04T14:38:07.877Z"}
    return {"did": DID, "time_us": SEEN_US, "kind": "account", "account": held | changes}


def view(**changes: Any) -> dict[str, Any]:
    return {
        "uri": POST, "cid": "bafyreifjsh3d", "author": AUTHOR, "record": RECORD, "bookmarkCount": 0, "replyCount": 2,
        "repostCount": 3, "likeCount": 40, "quoteCount": 1, "indexedAt": "2026-07-04T14:38:09.000Z",
        "labels": [{"src": OTHER, "uri": POST, "val": "health"}], "viewer": {"threadMuted": False}, **changes,
    }  # fmt: skip


def parse(*objects: Any, chunk_records: int = 100) -> list[Draft]:
    lines = b"".join(json.dumps(value).encode() + b"\n" for value in objects)
    return list(Bluesky().parse(io.BytesIO(lines), chunk_records=chunk_records))


def rows(*objects: Any) -> list[dict[str, Any]]:
    return [row for draft in parse(*objects) for row in draft.rows.to_pylist()]


def check(*objects: Any) -> Chunk:
    return check_draft(FIELDS, parse(*objects)[0], now=datetime(2026, 7, 5, tzinfo=UTC), key=b"key")


def test_a_post_from_jetstream_comes_through_with_all_that_its_record_says() -> None:
    row = rows(commit(RECORD))[0]
    assert {name: row[name] for name in [field.name for field in FIELDS] if row[name] is not None} == {
        "uri": POST, "cid": "bafyreifjsh3d", "did": DID, "created_at": "2026-07-04T14:38:07.323Z",
        "time_us": str(SEEN_US), "text": RECORD["text"], "langs": "de en", "hashtags": '["grippe","bird flu"]',
        "mentions": OTHER, "links": "https://www.clinic.example/warning", "reply_parent": OTHER_POST,
        "reply_root": OTHER_POST, "quote_of": OTHER_POST, "is_repost": "false", "labels": "graphic-media",
        "via": "Skyfeeder", "media_descriptions": "A thermometer.",
    }  # fmt: skip
    assert (row["post_id"], row["rescued"]) == (POST, None)
    assert row["posted_at"] == datetime(2026, 7, 4, 14, 38, 7, 323000, tzinfo=UTC)


def test_a_view_adds_the_author_and_the_counts() -> None:
    row = rows(view())[0]
    assert (row["handle"], row["display_name"], row["author_created_at"]) == (
        "ana.bsky.example", "Ana Sample", "2024-02-09T10:00:00.000Z",
    )  # fmt: skip
    assert [row[name] for name in ("like_count", "repost_count", "reply_count", "quote_count")] == ["40", "3", "2", "1"]
    assert (row["labels"], row["author_labels"]) == ("graphic-media health", "!no-unauthenticated")
    assert (row["indexed_at"], row["time_us"], row["rescued"]) == ("2026-07-04T14:38:09.000Z", None, None)


def test_jetstream_and_the_api_name_a_post_and_its_author_alike() -> None:
    streamed, asked = rows(commit(RECORD), view())
    assert all(streamed[name] == asked[name] for name in ("post_id", "did", "cid", "text", "posted_at", "hashtags"))


def test_a_page_of_views_is_as_many_records_in_one_row_of_numbers() -> None:
    page = {"cursor": "100", "hitsTotal": 2, "posts": [view(), view(uri=OTHER_POST), "not a view"]}
    drafts = parse(commit(RECORD), page, commit(RECORD, rkey="3last"), chunk_records=2)
    numbers = [number for draft in drafts for number in draft.rows["record_number"].to_pylist()]
    assert numbers == [1, 2, 3, 5]
    assert [(reject.record_number, reject.reason) for draft in drafts for reject in draft.rejects] == [
        (4, "not a JSON object")
    ]
    assert drafts[0].record_bytes(1) == json.dumps(view()).encode()


def test_a_card_keeps_its_address_and_title() -> None:
    external = {"uri": "https://news.example/h5n1", "title": "Three cases", "description": "…", "thumb": {}}
    plain = {**RECORD, "embed": {"$type": "app.bsky.embed.external", "external": external}}
    beside = {
        **RECORD,
        "embed": {**RECORD["embed"], "media": {"$type": "app.bsky.embed.external", "external": external}},
    }
    for row in rows(commit(plain), commit(beside)):
        assert (row["external_url"], row["external_title"]) == ("https://news.example/h5n1", "Three cases")


def test_a_repost_is_a_row_without_text_that_names_what_it_repeats() -> None:
    record = {
        "$type": "app.bsky.feed.repost", "createdAt": "2026-07-04T14:38:07.594Z",
        "subject": {"cid": "b", "uri": OTHER_POST},
        "via": {"cid": "b", "uri": f"at://{OTHER}/app.bsky.feed.repost/3mpta65gqot2j"},
    }  # fmt: skip
    chunk = check(commit(record, collection="app.bsky.feed.repost", rkey="3mptbypowzs2e"))
    row = chunk.rows.to_pylist()[0]
    assert (row["is_repost"], row["repost_of"], row["text"]) == ("true", OTHER_POST, "")
    assert row["repost_via"] == f"at://{OTHER}/app.bsky.feed.repost/3mpta65gqot2j"
    assert (row["post_id"], row["via"]) == (f"at://{DID}/app.bsky.feed.repost/3mptbypowzs2e", None)


def test_an_edit_is_a_further_capture_of_the_same_post() -> None:
    edited = commit({**RECORD, "text": "Fièvre, day 2"}, operation="update")
    chunk = check(commit(RECORD), edited)
    assert chunk.rows["post_id"].to_pylist() == [POST, POST]
    assert len(set(chunk.rows["record_hash"].to_pylist())) == 2


def test_a_replayed_event_is_the_same_capture_even_if_the_server_numbers_it_anew() -> None:
    replayed = [commit(RECORD), {**commit(RECORD), "cursor": 12345}, commit(RECORD, rev="3mptbypoove33")]
    assert len(set(check(*replayed).rows["record_hash"].to_pylist())) == 1


@pytest.mark.parametrize("collection", ["app.bsky.feed.post", "app.bsky.feed.repost"])
def test_a_deletion_is_a_notice_of_the_post(collection: str) -> None:
    notice = parse(commit(None, operation="delete", collection=collection))[0].notices[0]
    assert (notice.kind, notice.author_id) == (NoticeKind.POST_DELETED, None)
    assert (notice.post_id, notice.noticed_at) == (f"at://{DID}/{collection}/3mptbypfywk2v", SEEN_AT)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"status": "deleted"}, NoticeKind.AUTHOR_DELETED),
        ({"status": "takendown"}, NoticeKind.AUTHOR_WITHHELD),
        ({"status": "suspended"}, NoticeKind.AUTHOR_WITHHELD),
        ({"status": "deactivated"}, NoticeKind.AUTHOR_PROTECTED),
        ({"status": "a word of next year"}, NoticeKind.AUTHOR_WITHHELD),
        ({}, NoticeKind.AUTHOR_WITHHELD),
    ],
    ids=str,
)
def test_an_account_that_is_not_active_is_a_notice_of_its_author(changes: dict[str, str], kind: NoticeKind) -> None:
    notice = parse(account(**changes))[0].notices[0]
    assert (notice.kind, notice.post_id, notice.author_id, notice.noticed_at) == (kind, None, DID, SEEN_AT)


@pytest.mark.parametrize(
    "event",
    [
        account(active=True),
        account(status="desynchronized"),
        account(status="throttled"),
        {
            "did": DID,
            "time_us": SEEN_US,
            "kind": "identity",
            "identity": {"did": DID, "handle": "ana.example", "seq": 1},
        },
        commit({"$type": "app.bsky.feed.like"}, collection="app.bsky.feed.like"),
        commit(None, operation="delete", collection="app.bsky.graph.follow"),
        {"did": DID, "time_us": SEEN_US, "kind": "sync"},
    ],
    ids=["active", "desynchronized", "throttled", "identity", "like", "unfollow", "a kind of next year"],
)
def test_what_carries_nothing_is_skipped_and_counted(event: dict[str, Any]) -> None:
    draft = parse(event)[0]
    assert (draft.count_skipped, draft.rows.num_rows, draft.notices, draft.rejects) == (1, 0, [], [])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"error": "InvalidRequest", "message": "…"}, "is neither an event of Jetstream nor a view of a post"),
        ({"did": DID, "kind": "commit"}, "is a commit that holds none"),
        (commit(None), "is a commit without a record"),
        (commit(None, operation="delete", rkey=None), "deletes a post without naming it"),
        ({"did": DID, "kind": "account", "account": None}, "is an account event that holds none"),
        ({**account(), "did": 7}, "is an account event that names none"),
        (commit({**RECORD, "text": "half \ud83d"}), "holds half of a surrogate pair"),
        (commit(RECORD, rkey=None), "id is missing"),
        (commit({name: RECORD[name] for name in ("createdAt", "langs")}), "text is missing"),
        (commit({**RECORD, "createdAt": "yesterday"}), "date is not a timestamp"),
        (view(likeCount="many"), "like_count is not a whole number"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_neither_post_nor_notice_is_refused_with_its_reason(value: dict[str, Any], reason: str) -> None:
    chunk = check(value)
    assert [(reject.reason, reject.record_bytes) for reject in chunk.rejects] == [(reason, json.dumps(value).encode())]


@pytest.mark.parametrize(
    "record",
    [
        {**RECORD, "facets": "none", "langs": "en", "tags": [7], "embed": [], "reply": 3, "labels": ["x"], "via": 7},
        {**RECORD, "facets": [{"features": [None, {"tag": 7, "uri": None}]}, 5], "embed": {"record": 7, "images": [1]}},
        {**RECORD, "embed": {"record": {"record": "x"}, "media": {"external": 3, "images": {"alt": "x"}}}},
    ],
)
def test_a_record_that_breaks_the_lexicon_is_still_a_post_with_its_text(record: dict[str, Any]) -> None:
    row = rows(commit(record))[0]
    assert (row["text"], row["quote_of"], row["external_url"]) == (RECORD["text"], None, None)


def test_what_is_not_known_is_rescued() -> None:
    row = rows({**commit({**RECORD, "bridgyOriginalText": "<p>Fièvre"}), "new": 1})[0]
    assert json.loads(row["rescued"]) == {"bridgyOriginalText": "<p>Fièvre", "new": 1}


@pytest.mark.parametrize(
    ("created", "posted"),
    [
        ("2026-07-04T14:38:07.323Z", "2026-07-04T14:38:07.323000+00:00"),
        ("2026-07-04T16:38:07+02:00", "2026-07-04T14:38:07+00:00"),
        ("2011-03-01T09:00:00Z", "2011-03-01T09:00:00+00:00"),
        ("2031-01-01T00:00:00Z", SEEN_AT.isoformat()),
        ("2026-07-04T14:38:09Z", SEEN_AT.isoformat()),
        ("1970-01-01T00:00:00.000Z", SEEN_AT.isoformat()),
        ("0001-01-01T00:00:00Z", SEEN_AT.isoformat()),
    ],
    ids=["as claimed", "another zone", "brought over", "far future", "a second ahead", "no clock", "year one"],
)
def test_nobody_posts_from_the_future_and_what_the_author_claimed_is_kept(created: str, posted: str) -> None:
    row = check(commit({**RECORD, "createdAt": created})).rows.to_pylist()[0]
    assert (row["created_at"], row["posted_at"].isoformat()) == (created, posted)


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_the_time_of_a_post_is_never_after_it_was_seen(created: datetime, seen: datetime) -> None:
    posted = sort_time(created, seen)
    assert posted is not None
    assert posted <= seen


def test_a_view_without_the_time_of_indexing_is_dated_by_its_author_alone() -> None:
    assert rows(view(indexedAt=None))[0]["posted_at"] == datetime(2026, 7, 4, 14, 38, 7, 323000, tzinfo=UTC)


@given(st.text())
def test_no_garbage_in_a_stream_ends_it(garbage: str) -> None:
    content = garbage.encode("utf-8", "replace") + b"\n" + json.dumps(commit(RECORD)).encode()
    drafts = list(Bluesky().parse(io.BytesIO(content), chunk_records=10))
    assert sum(draft.rows.num_rows + len(draft.rejects) + draft.count_skipped for draft in drafts) >= 1


WORDS = st.lists(st.from_regex(r"[!-~]{1,12}", fullmatch=True), min_size=1, max_size=3, unique=True).map(" ".join)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
LONG = TEXT.filter(bool)
LINK = st.from_regex(r"at://did:plc:[a-z2-7]{4}/app\.bsky\.feed\.post/[a-z2-7]{3}", fullmatch=True)
COUNT = st.integers(0, 10**9).map(str)
TAGS = st.lists(LONG, min_size=1, unique=True).map(
    lambda tags: json.dumps(tags, ensure_ascii=False, separators=(",", ":"))
)
ALWAYS = {"uri": LINK, "cid": WORDS, "did": WORDS, "created_at": st.datetimes().map(datetime.isoformat)}
OPTIONAL = {
    "handle": LONG, "display_name": TEXT, "author_created_at": LONG, "author_labels": WORDS, "indexed_at": LONG,
    "time_us": st.integers(1, 2**53).map(str), **dict.fromkeys(("like_count", "repost_count", "reply_count"), COUNT),
}  # fmt: skip
POSTS = st.fixed_dictionaries(
    {**ALWAYS, "text": TEXT, "is_repost": st.just("false")},
    optional={
        **OPTIONAL, "langs": WORDS, "hashtags": TAGS, "mentions": WORDS, "links": WORDS, "reply_parent": LINK,
        "reply_root": LINK, "quote_of": LINK, "external_url": LONG, "external_title": LONG, "media_descriptions": LONG,
        "labels": WORDS, "via": LONG, "quote_count": COUNT,
    },
)  # fmt: skip
REPOSTS = st.fixed_dictionaries(
    {**ALWAYS, "text": st.just(""), "is_repost": st.just("true"), "repost_of": LINK},
    optional={**OPTIONAL, "repost_via": LINK},
)


@given(st.lists(POSTS | REPOSTS, max_size=3))
def test_what_is_rendered_is_read_back_field_for_field(posts: list[dict[str, str | None]]) -> None:
    drafts = list(Bluesky().parse(io.BytesIO(Bluesky().render(posts)), chunk_records=10))
    found = [
        {name: row[name] for name in [field.name for field in FIELDS]} for d in drafts for row in d.rows.to_pylist()
    ]
    assert found == [{field.name: post.get(field.name) for field in FIELDS} for post in posts]
    assert not any(draft.rejects for draft in drafts)
