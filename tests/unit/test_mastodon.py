"""Mastodon: statuses and streams, plain text from HTML, and by which name a deletion finds its post."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flows.privacy.policy import load_policy
from flows.privacy.protect import refusals
from flows.privacy.secret import Secret
from flows.sources import Chunk, Draft, NoticeKind
from flows.sources.boundary import check_draft
from flows.sources.mastodon import Mastodon
from flows.sources.mastodon.fields import FIELDS
from flows.sources.mastodon.html import html_to_text, text_to_html

URI = "https://clinic.example/users/ana/statuses/115270115826048975"
CONTENT = (
    '<p>Fever &amp; cough since Monday<br />day 3</p><p><a href="https://clinic.example/tags/flu" class="mention '
    'hashtag" rel="tag">#<span>flu</span></a> <span class="h-card"><a href="https://town.example/@ben" class="u-url '
    'mention">@<span>ben</span></a></span> <a href="https://www.health.example/2026/07/measles-in-town-and-county" '
    'rel="nofollow noopener"><span class="invisible">https://www.</span><span class="ellipsis">health.example/2026/07/'
    'measl</span><span class="invisible">es-in-town-and-county</span></a></p>'
)
TEXT = "Fever & cough since Monday\nday 3\n\n#flu @ben https://www.health.example/2026/07/measles-in-town-and-county"
ACCOUNT: dict[str, Any] = {
    "id": "108", "username": "ana", "acct": "ana@clinic.example", "display_name": "Ana Sample", "locked": True,
    "bot": False, "discoverable": True, "indexable": False, "group": False, "created_at": "2022-11-05T00:00:00.000Z",
    "note": "<p>Nurse. Opinions mine.</p>", "url": "https://clinic.example/@ana",
    "uri": "https://clinic.example/users/ana", "avatar": "https://files.example/a.png", "followers_count": 405,
    "following_count": 169, "statuses_count": 3247, "last_status_at": "2026-07-04", "noindex": False, "emojis": [],
    "fields": [{"name": "Town", "value": "Springfield", "verified_at": None}],
}  # fmt: skip
STATUS: dict[str, Any] = {
    "id": "115270115826048975", "created_at": "2026-07-04T03:48:33.901Z", "in_reply_to_id": "115270000000000001",
    "in_reply_to_account_id": "109", "sensitive": False, "spoiler_text": "illness", "visibility": "public",
    "language": "en", "uri": URI, "url": "https://clinic.example/@ana/115270115826048975", "replies_count": 5,
    "reblogs_count": 6, "favourites_count": 11, "quotes_count": 0, "favourited": False, "reblogged": False,
    "muted": False, "bookmarked": False, "edited_at": None, "content": CONTENT, "reblog": None,
    "application": {"name": "Web", "website": None}, "account": ACCOUNT,
    "media_attachments": [{"id": "7", "type": "image", "description": "A thermometer."}, {"id": "8"}],
    "mentions": [{"id": "109", "username": "ben", "url": "https://town.example/@ben", "acct": "ben@town.example"}],
    "tags": [{"name": "flu", "url": "https://clinic.example/tags/flu"}], "emojis": [], "poll": None,
    "card": {"url": "https://www.health.example/2026/07/measles-in-town-and-county", "title": "Measles"},
    "quote": {"state": "accepted", "quoted_status": {"id": "3", "uri": "https://town.example/users/ben/statuses/3"}},
}  # fmt: skip


def event(name: str, payload: Any, instance: str | None = "town.example") -> dict[str, Any]:
    return {"event": name, "payload": payload} | ({"instance": instance} if instance else {})


def parse(*objects: Any) -> Draft:
    lines = b"".join(json.dumps(value).encode() + b"\n" for value in objects)
    return next(Mastodon().parse(io.BytesIO(lines), chunk_records=100))


def check(*objects: Any) -> Chunk:
    return check_draft(FIELDS, parse(*objects), now=datetime(2026, 7, 5, tzinfo=UTC), key=b"key")


def test_a_status_from_a_stream_comes_through_as_it_stood() -> None:
    chunk = check(event("update", STATUS))
    row = chunk.rows.to_pylist()[0]
    assert chunk.rejects == []
    assert {field.name: row[field.name] for field in FIELDS if row[field.name] is not None} == {
        "uri": URI, "local_id": "town.example/115270115826048975", "instance": "town.example",
        "instance_id": "115270115826048975", "url": "https://clinic.example/@ana/115270115826048975",
        "account_uri": "https://clinic.example/users/ana", "local_account_id": "town.example/108",
        "acct": "ana@clinic.example", "username": "ana", "display_name": "Ana Sample", "note": "Nurse. Opinions mine.",
        "account_created_at": "2022-11-05T00:00:00.000Z", "followers_count": "405", "following_count": "169",
        "statuses_count": "3247", "bot": "false", "locked": "true", "discoverable": "true", "indexable": "false",
        "noindex": "false", "visibility": "public", "is_private": "false", "created_at": "2026-07-04T03:48:33.901Z",
        "text": TEXT, "spoiler_text": "illness", "sensitive": "false", "language": "en", "hashtags": '["flu"]',
        "mentions": "ben@town.example", "media_descriptions": "A thermometer.",
        "card_url": "https://www.health.example/2026/07/measles-in-town-and-county", "card_title": "Measles",
        "is_reblog": "false", "quote_of": "https://town.example/users/ben/statuses/3",
        "in_reply_to_id": "town.example/115270000000000001", "in_reply_to_account_id": "town.example/109",
        "replies_count": "5", "reblogs_count": "6", "favourites_count": "11", "quotes_count": "0", "application": "Web",
    }  # fmt: skip
    assert (row["post_id"], row["rescued"]) == (URI, None)
    assert row["posted_at"] == datetime(2026, 7, 4, 3, 48, 33, 901000, tzinfo=UTC)


def test_a_payload_in_a_string_and_a_bare_status_are_the_same_post() -> None:
    spelt = [
        event("update", STATUS),
        {**event("update", json.dumps(STATUS)), "stream": ["hashtag", "flu"]},
        {**STATUS, "instance": "town.example"},
    ]
    assert len(set(check(*spelt).rows["record_hash"].to_pylist())) == 1


def test_an_array_of_statuses_as_the_api_gives_it_is_read() -> None:
    content = json.dumps([STATUS, {**STATUS, "uri": URI + "1"}]).encode()
    assert next(Mastodon().parse(io.BytesIO(content), chunk_records=9)).rows["post_id"].to_pylist() == [URI, URI + "1"]


def test_a_status_without_its_instance_has_no_local_names() -> None:
    row = parse(STATUS).rows.to_pylist()[0]
    assert (row["post_id"], row["instance"], row["local_id"], row["local_account_id"]) == (URI, None, None, None)
    assert (row["instance_id"], row["in_reply_to_id"]) == ("115270115826048975", None)


def test_an_edit_is_a_further_capture_of_the_same_post() -> None:
    edited = {**STATUS, "content": "<p>Measles it is.</p>", "edited_at": "2026-07-04T05:00:00.000Z"}
    chunk = check(event("update", STATUS), event("status.update", edited))
    assert chunk.rows["post_id"].to_pylist() == [URI, URI]
    assert chunk.rows["edited_at"].to_pylist() == [None, "2026-07-04T05:00:00.000Z"]
    assert len(set(chunk.rows["record_hash"].to_pylist())) == 2


@pytest.mark.parametrize("payload", ["115270115826048975", 115270115826048975, " 115270115826048975\n"], ids=repr)
def test_a_deletion_names_the_post_as_the_field_local_id_does(payload: str | int) -> None:
    draft = parse(event("update", STATUS), event("delete", payload))
    notice = draft.notices[0]
    assert (notice.kind, notice.author_id) == (NoticeKind.POST_DELETED, None)
    assert [notice.post_id] == draft.rows["local_id"].to_pylist()


def test_a_deletion_on_one_instance_is_none_of_another() -> None:
    draft = parse(event("update", STATUS, "clinic.example"), event("delete", STATUS["id"], "town.example"))
    assert draft.notices[0].post_id not in draft.rows["local_id"].to_pylist()


def test_a_post_is_one_whatever_instance_gave_it() -> None:
    local = {**STATUS, "id": "7", "account": {**ACCOUNT, "id": "1", "acct": "ana"}}
    seen = parse(event("update", STATUS, "town.example"), event("update", local, "clinic.example")).rows
    for name in ("post_id", "account_uri", "acct"):
        assert len(set(seen[name].to_pylist())) == 1, name
    assert len(set(seen["local_id"].to_pylist())) == 2


def test_an_account_of_an_old_instance_is_known_by_the_address_of_its_posts() -> None:
    account = {name: held for name, held in ACCOUNT.items() if name != "uri"}
    row = parse(event("update", {**STATUS, "account": account})).rows.to_pylist()[0]
    assert row["account_uri"] == "https://clinic.example/users/ana"


def test_a_reblog_shows_the_original_under_its_own_name() -> None:
    reblog = {
        **STATUS, "uri": "https://town.example/users/cem/statuses/9/activity", "content": "", "reblog": STATUS,
        "created_at": "2026-07-04T09:00:00.000Z", "tags": [], "mentions": [], "card": None, "quote": None,
        "account": {**ACCOUNT, "acct": "cem", "username": "cem", "uri": "https://town.example/users/cem", "url": None},
    }  # fmt: skip
    row = parse(event("update", reblog)).rows.to_pylist()[0]
    assert (row["is_reblog"], row["reblog_of"], row["reblog_of_account"]) == ("true", URI, "ana@clinic.example")
    assert (row["text"], row["hashtags"], row["acct"]) == (TEXT, '["flu"]', "cem@town.example")
    assert row["posted_at"] == datetime(2026, 7, 4, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("quote", "quote_of"),
    [
        ({"state": "accepted", "quoted_status": None}, None),
        ({"state": "accepted", "quoted_status_id": "17"}, "town.example/17"),
        ({"id": "17", "uri": "https://a.example/objects/17"}, "https://a.example/objects/17"),
        (None, None),
    ],
)
def test_what_is_quoted_is_named_as_well_as_can_be(quote: dict[str, Any] | None, quote_of: str | None) -> None:
    assert parse(event("update", {**STATUS, "quote": quote})).rows["quote_of"].to_pylist() == [quote_of]


@pytest.mark.parametrize(
    ("visibility", "reason"),
    [
        ("public", None),
        ("unlisted", None),
        ("private", "account protected"),
        ("direct", "account protected"),
        ("local", "account protected"),
    ],
)
def test_what_is_for_chosen_readers_is_refused_by_the_default_policy(visibility: str, reason: str | None) -> None:
    rows = check(event("update", {**STATUS, "visibility": visibility})).rows
    assert refusals(load_policy("strict"), Mastodon(), rows, Secret(b"0" * 32), frozenset()) == [reason]


def test_an_account_that_approves_its_followers_is_not_taken_for_a_private_one() -> None:
    row = parse(STATUS).rows.to_pylist()[0]
    assert (row["locked"], row["is_private"]) == ("true", "false")


@pytest.mark.parametrize("name", ["notification", "filters_changed", "conversation", "announcement", "of next year"])
def test_events_that_are_about_no_post_are_skipped_and_counted(name: str) -> None:
    draft = parse(event(name, "undefined"))
    assert (draft.count_skipped, draft.rows.num_rows, draft.rejects, draft.notices) == (1, 0, [], [])


def test_what_is_not_known_is_rescued() -> None:
    poll = {"options": [{"title": "fever"}, {"title": "no fever"}]}
    row = parse(event("update", {**STATUS, "poll": poll, "new": 1})).rows.to_pylist()[0]
    assert json.loads(row["rescued"]) == {"poll": poll, "new": 1}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"error": "This method requires an authenticated user"}, "is neither a status nor an event of a stream"),
        (event("update", None), "payload is no status"),
        (event("update", ""), "payload is empty"),
        (event("update", "[]"), "payload is empty"),
        (event("update", '"x"'), "payload is not a JSON object"),
        (event("update", '{"id": "1", "id": "2"}'), "payload is key 'id' stands twice"),
        (event("update", {"id": "1"}), "payload is no status"),
        (event("update", '{"id": "\ud83d"}'), "payload is not valid UTF-8"),
        (event("delete", "17", None), "deletes a post without naming it and its instance"),
        (event("delete", None), "deletes a post without naming it and its instance"),
        (event("update", {**STATUS, "uri": None}), "id is missing"),
        (event("update", {**STATUS, "content": None}), "text is missing"),
        (event("update", {**STATUS, "created_at": None}), "date is not a timestamp"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_neither_post_nor_notice_is_refused_with_its_reason(value: dict[str, Any], reason: str) -> None:
    chunk = check(value)
    assert [(reject.reason, reject.record_bytes) for reject in chunk.rejects] == [(reason, json.dumps(value).encode())]


def test_a_status_with_parts_of_wrong_types_is_still_a_post_with_its_text() -> None:
    broken = {"tags": "flu", "mentions": [7], "media_attachments": {"description": "x"}, "card": [], "quote": 3,
              "application": "Web", "reblog": "x"}  # fmt: skip
    account = {**ACCOUNT, "acct": "ana", "url": "https://[", "note": 7}
    row = parse(event("update", {**STATUS, **broken, "account": account})).rows.to_pylist()[0]
    assert (row["text"], row["hashtags"], row["acct"], row["note"]) == (TEXT, None, "ana@town.example", None)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<p>one</p>\n<p>two</p>\n", "one\n\ntwo"),
        ("one<br>two<br/>three<br />four", "one\ntwo\nthree\nfour"),
        ("<ul><li>fever</li><li>cough</li></ul><p>help</p>", "fever\ncough\n\nhelp"),
        ("<blockquote><p>quoted</p></blockquote><p>answer</p>", "quoted\n\nanswer"),
        ("<p></p><p>after an empty one</p>", "after an empty one"),
        ("38.5 &deg;C &lt; 39 &#8211; &quot;ok&quot; &amp;amp;", '38.5 °C < 39 – "ok" &amp;'),
        ("no HTML at all: 3 < 4 & 5 > 4", "no HTML at all: 3 < 4 & 5 > 4"),
        ("<p>a<script>alert(1)</script>b<style>p{}</style>c<!-- d --></p>", "abc"),
        ("", ""),
    ],
)
def test_html_becomes_the_text_that_a_reader_sees(content: str, text: str) -> None:
    assert html_to_text(content) == text


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(ANY_TEXT)
def test_text_made_into_html_and_plain_again_is_the_same(text: str) -> None:
    assert html_to_text(text_to_html(text)) == text


@given(st.text(st.sampled_from("<>/&;p br#'\"=x3!-[]\n\\"), max_size=60))
@example("<![3")
@example("fever <![CDATA[ hidden ]]> and <![ cough")
def test_no_html_is_so_broken_that_it_has_no_text(content: str) -> None:
    assert isinstance(html_to_text(content), str)


LONG = ANY_TEXT.filter(bool)
WORD = st.from_regex(r"[!-?A-~]{1,12}", fullmatch=True)
HANDLE = st.from_regex(r"[a-z]{1,9}@[a-z]{1,9}\.example", fullmatch=True)
LOCAL = st.integers(1, 2**60).map(lambda number: f"town.example/{number}")
COUNT = st.integers(0, 10**9).map(str)
FLAG = st.sampled_from(["true", "false"])
TAGS = st.lists(LONG, min_size=1, unique=True).map(
    lambda tags: json.dumps(tags, ensure_ascii=False, separators=(",", ":"))
)
REQUIRED = {
    "uri": WORD, "instance": st.just("town.example"), "instance_id": COUNT, "account_uri": WORD, "acct": HANDLE,
    "text": ANY_TEXT, "visibility": st.sampled_from(["public", "unlisted", "direct"]),
    "created_at": st.datetimes().map(datetime.isoformat),
}  # fmt: skip
OPTIONAL = {
    **dict.fromkeys(("url", "username", "display_name", "note", "account_created_at", "edited_at"), ANY_TEXT),
    "spoiler_text": ANY_TEXT,
    **dict.fromkeys(("language", "media_descriptions", "card_url", "card_title", "quote_of", "application"), LONG),
    **dict.fromkeys(("followers_count", "following_count", "statuses_count", "replies_count", "reblogs_count"), COUNT),
    **dict.fromkeys(("favourites_count", "quotes_count"), COUNT), "hashtags": TAGS,
    **dict.fromkeys(("bot", "locked", "discoverable", "indexable", "noindex", "sensitive"), FLAG),
    **dict.fromkeys(("local_account_id", "in_reply_to_id", "in_reply_to_account_id"), LOCAL),
    "mentions": st.lists(HANDLE, min_size=1, unique=True).map(" ".join),
}  # fmt: skip


def complete(post: dict[str, str]) -> dict[str, str]:
    """Add what follows from the rest."""
    return post | {
        "local_id": f"town.example/{post['instance_id']}",
        "is_private": "true" if post["visibility"] == "direct" else "false",
        "is_reblog": "true" if "reblog_of" in post else "false",
    }


POSTS = st.fixed_dictionaries(REQUIRED, optional=OPTIONAL).map(complete)
REBLOGS = st.fixed_dictionaries(
    {**REQUIRED, "reblog_of": WORD, "reblog_of_account": HANDLE}, optional=OPTIONAL
).map(complete)  # fmt: skip


@given(st.lists(POSTS | REBLOGS, max_size=3))
def test_what_is_rendered_is_read_back_field_for_field(posts: list[dict[str, str | None]]) -> None:
    drafts = list(Mastodon().parse(io.BytesIO(Mastodon().render(posts)), chunk_records=10))
    found = [{field.name: row[field.name] for field in FIELDS} for draft in drafts for row in draft.rows.to_pylist()]
    assert found == [{field.name: post.get(field.name) for field in FIELDS} for post in posts]
    assert not any(draft.rejects for draft in drafts)
