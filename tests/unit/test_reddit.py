"""Reddit: what is a post or a notice in each spelling, and what is kept of it."""

import csv
import gzip
import io
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.errors import UnknownHeaderError
from flows.sources import Chunk, Kind, NoticeKind
from flows.sources.boundary import check_draft
from flows.sources.reddit import Reddit

NOW = datetime(2026, 1, 1, tzinfo=UTC)
COMMENT = {
    "author": "ann_lee", "author_flair_text": "Nurse", "author_fullname": "t2_4x2c7", "created_utc": 1587244708,
    "body": "Fever, again\n\nand *cough*", "distinguished": None, "edited": False, "id": "fntmmqz",
    "link_id": "t3_g3scyh", "name": "t1_fntmmqz", "parent_id": "t1_fntm1st", "score": -3, "subreddit": "Alabama",
    "permalink": "/r/Alabama/comments/g3scyh/any_news/fntmmqz/", "controversiality": 1,
}  # fmt: skip
SUBMISSION = {
    "author": "bo_ng", "author_fullname": "t2_9ab", "created_utc": 1587168000.0, "edited": 1587171600.0, "id": "g3scyh",
    "is_self": True, "link_flair_text": "COVID-19", "name": "t3_g3scyh", "num_comments": 12, "over_18": False,
    "permalink": "/r/boston/comments/g3scyh/any_news/", "removed_by_category": None, "score": 40,
    "selftext": "From the ward.", "subreddit": "boston", "title": "Any news?", "upvote_ratio": 0.97,
    "url": "https://www.reddit.com/r/boston/comments/g3scyh/any_news/",
}  # fmt: skip
NEITHER = "neither a comment nor a submission"
POSTS_HEADER = ["", "Unnamed: 0", "author", "created_utc", "id", "link_flair_text", "selftext", "subreddit", "title"]


def read(content: bytes, chunk_records: int = 1_000) -> Chunk:
    drafts = Reddit().parse(io.BytesIO(content), chunk_records=chunk_records)
    chunks = [check_draft(Reddit.fields, draft, now=NOW, key=b"key") for draft in drafts]
    return Chunk(
        pa.concat_tables([chunk.rows for chunk in chunks]),
        [reject for chunk in chunks for reject in chunk.rejects],
        [notice for chunk in chunks for notice in chunk.notices],
        sum(chunk.count_skipped for chunk in chunks),
    )


def lines(*things: object) -> bytes:
    return b"".join(json.dumps(thing).encode() + b"\n" for thing in things)


def table(header: list[str], *rows: list[str]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([header, *rows])
    return out.getvalue().encode()


def listing(*children: object, after: str | None = None) -> dict[str, Any]:
    return {
        "kind": "Listing",
        "data": {"after": after, "before": None, "children": list(children), "dist": len(children)},
    }


def only(chunk: Chunk) -> dict[str, Any]:
    assert (chunk.rejects, chunk.notices, chunk.rows.num_rows) == ([], [], 1)
    row: dict[str, Any] = chunk.rows.to_pylist()[0]
    return row


def test_a_comment_of_a_dump_becomes_a_post() -> None:
    row = only(read(lines(COMMENT)))
    assert {name: row[name] for name in ("id", "kind", "author", "title", "text", "score", "edited")} == {
        "id": "t1_fntmmqz", "kind": "comment", "author": "ann_lee", "title": None, "score": "-3",
        "text": "Fever, again\n\nand *cough*", "edited": None,
    }  # fmt: skip
    assert (row["post_id"], row["posted_at"]) == ("t1_fntmmqz", datetime(2020, 4, 18, 21, 18, 28, tzinfo=UTC))
    assert json.loads(row["rescued"]) == {"controversiality": 1}


def test_a_submission_of_the_api_becomes_a_post_of_the_same_shape() -> None:
    row = only(read(lines({"kind": "t3", "data": SUBMISSION})))
    assert {name: row[name] for name in ("id", "kind", "title", "text", "is_self", "num_comments", "edited")} == {
        "id": "t3_g3scyh", "kind": "submission", "title": "Any news?", "text": "From the ward.", "is_self": "true",
        "num_comments": "12", "edited": "1587171600",
    }  # fmt: skip


def test_the_same_post_is_the_same_capture_in_a_dump_and_from_the_api() -> None:
    dumped = {**SUBMISSION, "created_utc": "1587168000", "edited": 1587171600}
    assert (
        only(read(lines(dumped)))["record_hash"] == only(read(lines({"kind": "t3", "data": SUBMISSION})))["record_hash"]
    )


def test_every_field_that_tells_who_somebody_is_has_a_kind_that_says_so() -> None:
    kinds = {field.name: field.kind for field in Reddit.fields}
    assert (kinds["author"], kinds["author_fullname"]) == (Kind.AUTHOR_HANDLE, Kind.AUTHOR_ID)
    assert (kinds["author_flair_text"], kinds["author_created_utc"]) == (Kind.AUTHOR_PROFILE, Kind.AUTHOR_CREATED)


def test_the_words_of_a_title_and_the_name_of_an_own_page_are_not_in_the_addresses() -> None:
    own = {
        **SUBMISSION, "subreddit": "u_bo_ng", "permalink": "/r/u_bo_ng/comments/g3scyh/ask_carl_at_5551234/",
        "url": "https://www.reddit.com/user/bo_ng/comments/g3scyh/ask_carl_at_5551234/",
    }  # fmt: skip
    row = only(read(lines(own)))
    assert (row["subreddit"], row["permalink"]) == ("u/bo_ng", "/u/bo_ng/comments/g3scyh/_/")
    assert row["url"] == "https://www.reddit.com/u/bo_ng/comments/g3scyh/_/"


def test_what_a_submission_links_to_is_kept_as_it_stands() -> None:
    address = "https://news.example/comments/1/fever-returns?id=3"
    assert only(read(lines({**SUBMISSION, "selftext": "", "url": address})))["url"] == address


@pytest.mark.parametrize("text", ["", None], ids=["empty", "null"])
def test_a_link_has_a_text_that_is_empty(text: str | None) -> None:
    assert only(read(lines({**SUBMISSION, "selftext": text})))["text"] == ""


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"selftext": "[deleted]", "author": "[deleted]"}, id="by its author"),
        pytest.param({"selftext": "[removed]"}, id="by a moderator"),
        pytest.param({"selftext": "[ Removed by Reddit ]"}, id="by Reddit"),
        pytest.param({"selftext": "", "title": "[deleted by user]"}, id="title"),
        pytest.param({"selftext": "", "removed_by_category": "deleted"}, id="link"),
        pytest.param({"_meta": {"was_deleted_later": True, "removal_type": "deleted"}}, id="as the archive learnt"),
    ],
)
def test_a_post_whose_content_is_gone_is_a_notice(change: dict[str, Any]) -> None:
    chunk = read(lines(COMMENT, {**SUBMISSION, **change}))
    assert chunk.rows.num_rows == 1
    assert [(notice.kind, notice.post_id, notice.record_number) for notice in chunk.notices] == [
        (NoticeKind.POST_DELETED, "t3_g3scyh", 2)
    ]


def test_a_notice_about_no_post_is_refused() -> None:
    gone = {"body": "[deleted]", "created_utc": 1587244708}
    assert [reject.reason for reject in read(lines(gone, {**gone, "id": "1.2E+45"})).rejects] == [
        "id is missing", "id is no id",
    ]  # fmt: skip


def test_of_a_deleted_account_the_author_is_unknown_and_the_post_stays() -> None:
    row = only(read(lines({**COMMENT, "author": "[deleted]", "author_fullname": None})))
    assert (row["author"], row["author_fullname"], row["text"]) == (None, None, COMMENT["body"])


def test_a_moderator_may_have_hidden_a_link_that_still_stands() -> None:
    row = only(read(lines({**SUBMISSION, "selftext": "", "removed_by_category": "moderator"})))
    assert row["removed_by_category"] == "moderator"


def test_a_page_of_a_submission_gives_it_and_every_comment_below() -> None:
    replies = listing({"kind": "t1", "data": {**COMMENT, "id": "fntn001", "name": "t1_fntn001", "replies": ""}})
    more = {"kind": "more", "data": {"count": 3, "children": ["fntn002"]}}
    top = {"kind": "t1", "data": {**COMMENT, "replies": replies}}
    page = [listing({"kind": "t3", "data": SUBMISSION}), listing(top, more)]
    chunk = read(json.dumps(page).encode())
    assert chunk.rows["id"].to_pylist() == ["t3_g3scyh", "t1_fntmmqz", "t1_fntn001"]
    assert chunk.rows["record_number"].to_pylist() == [1, 2, 3]
    assert (chunk.count_skipped, chunk.rejects) == (1, [])


def test_an_answer_of_pushshifts_api_is_a_list_of_posts() -> None:
    assert read(json.dumps({"data": [COMMENT, SUBMISSION]}, indent=2).encode()).rows["kind"].to_pylist() == [
        "comment", "submission",
    ]  # fmt: skip


def test_a_refused_thing_of_a_listing_is_kept_with_its_own_bytes() -> None:
    chunk = read(json.dumps(listing({"kind": "t3", "data": {**SUBMISSION, "title": None, "selftext": None}})).encode())
    assert [reject.reason for reject in chunk.rejects] == ["text is missing"]
    assert json.loads(chunk.rejects[0].record_bytes)["data"]["author"] == "bo_ng"


@pytest.mark.parametrize(
    ("thing", "reason"),
    [
        pytest.param({"kind": "t5", "data": {"id": "2qh3r"}}, f"a thing of kind 't5' is {NEITHER}", id="subreddit"),
        pytest.param({"id": "1", "text": "x"}, NEITHER, id="another source's"),
        pytest.param({**COMMENT, "title": "x", "name": None}, NEITHER, id="both"),
        pytest.param({**COMMENT, "id": None, "name": None}, "id is missing", id="no id"),
        pytest.param({**COMMENT, "created_utc": "yesterday"}, "date is not a timestamp", id="no time"),
        pytest.param({**COMMENT, "body": None, "name": "t1_fntmmqz"}, "text is missing", id="no text"),
        pytest.param({**COMMENT, "body": "\ud83d"}, "holds half of a surrogate pair", id="half a character"),
        pytest.param({**COMMENT, "parent_id": 1.2e45}, "parent_id not exact", id="a float for an id"),
        pytest.param(["no", "object"], "not a JSON object", id="no object"),
    ],
)  # fmt: skip
def test_what_is_no_post_is_refused_with_the_reason(thing: object, reason: str) -> None:
    content = lines(SUBMISSION, thing)
    if isinstance(thing, list):
        content = lines(SUBMISSION) + b'"no object"\n'
    chunk = read(content)
    assert [(reject.record_number, reject.reason) for reject in chunk.rejects] == [(2, reason)]


def test_an_id_of_digits_and_an_e_is_no_damaged_number() -> None:
    assert only(read(lines({**COMMENT, "id": "12e4567", "name": None})))["post_id"] == "t1_12e4567"


def test_comments_in_csv_are_read_by_the_names_of_their_columns() -> None:
    header = ["", "Unnamed: 0", "author", "body", "created_utc", "id"]
    content = table(
        header, ["0", "0", "Nan", "Nan", "1577769512.0", "fcmbepk"], ["1", "1", "bo", "a\n\nb", "1577769513", "fcmc"]
    )
    rows = read(content).rows.to_pylist()
    assert [(row["id"], row["author"], row["text"], row["created_utc"]) for row in rows] == [
        ("t1_fcmbepk", "Nan", "Nan", "1577769512"), ("t1_fcmc", "bo", "a\n\nb", "1577769513"),
    ]  # fmt: skip
    assert [row["rescued"] for row in rows] == [None, None]


def test_a_post_is_the_same_capture_in_whichever_row_of_a_data_frame_it_stands() -> None:
    row = ["bo", "1577770257", "ehyie2", "Nan", "Nan", "boston", "Axes?"]
    rows = read(table(POSTS_HEADER, ["0", "0", *row], ["9", "7", *row])).rows.to_pylist()
    assert len({row["record_hash"] for row in rows}) == 1
    assert (rows[0]["link_flair_text"], rows[0]["text"], rows[0]["title"]) == (None, "", "Axes?")


def test_broken_records_of_csv_are_refused_and_their_neighbours_stay() -> None:
    good = ["0", "0", "bo", "1577770257", "ehyie2", "Nan", "x", "boston", "Axes?"]
    content = table(POSTS_HEADER, good, [""] * 9, ["1", "2"], good) + b'9,9,"cut'
    content = content.replace(b"Axes?", b"Ax\xffes?", 1)
    chunk = read(content)
    assert [(reject.record_number, reject.reason) for reject in chunk.rejects] == [
        (1, "not valid UTF-8"), (2, "blank record"), (3, "expected 9 fields, found 2"),
        (5, "record cut inside a quoted field"),
    ]  # fmt: skip
    assert all(content[reject.byte_offset :].startswith(reject.record_bytes) for reject in chunk.rejects)
    assert chunk.rows["record_number"].to_pylist() == [4]


@pytest.mark.parametrize("chunk_records", [1, 2, 5, 100])
def test_the_size_of_chunks_changes_nothing(chunk_records: int) -> None:
    things = [{**COMMENT, "id": f"fnt{n}", "name": None, "body": "[removed]" if n % 3 == 0 else "x"} for n in range(10)]
    chunk = read(lines(*things[:4], listing(*things[4:])), chunk_records)
    assert chunk.rows["record_number"].to_pylist() == [2, 3, 5, 6, 8, 9]
    assert [notice.record_number for notice in chunk.notices] == [1, 4, 7, 10]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "no header of Reddit's posts", id="empty"),
        pytest.param(b"user_name,date,text\na,b,c\n", "give a CSV file with the columns id, created_utc", id="tweets"),
        pytest.param(b"id,created_utc,author\n1,2,c\n", "no header of Reddit's posts", id="no text"),
        pytest.param(b"id,created_utc,body,body\n1,2,c,d\n", "names body more than once", id="twice"),
    ],
)
def test_a_file_that_is_not_of_reddit_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(UnknownHeaderError, match=message):
        read(content)


NAME = st.from_regex(r"[A-Za-z0-9_]{3,20}", fullmatch=True)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: "[" not in text)
SECONDS = st.integers(700_000_000, 1_700_000_000).map(str)
ROW = st.fixed_dictionaries(
    {"id": st.from_regex(r"[0-9a-z]{1,13}", fullmatch=True), "created_utc": SECONDS, "text": TEXT},
    optional={
        "author": NAME, "author_fullname": NAME, "author_created_utc": SECONDS, "author_flair_text": TEXT,
        "subreddit": NAME.filter(lambda name: not name.startswith("u_")), "link_flair_text": TEXT, "edited": SECONDS,
        "score": st.integers(-99, 99_999).map(str), "num_comments": st.integers(0, 99_999).map(str),
        "over_18": st.sampled_from(["true", "false"]), "url": TEXT.filter(lambda text: "/" not in text),
        "permalink": st.just("/r/boston/comments/g3scyh/_/"), "parent_id": st.just("t3_g3scyh"),
    },
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.tuples(ROW, st.sampled_from(["comment", "submission"]), TEXT), min_size=1, max_size=5))
def test_what_is_rendered_is_read_again_field_for_field(drawn: list[tuple[dict[str, str], str, str]]) -> None:
    wanted: list[dict[str, str | None]] = []
    for row, kind, title in drawn:
        is_comment = kind == "comment"
        name = f"{'t1' if is_comment else 't3'}_{row['id']}"
        wanted.append({**row, "kind": kind, "id": name, "title": None if is_comment else title})
    (draft,) = Reddit().parse(io.BytesIO(Reddit().render(wanted)), chunk_records=9)
    names = [field.name for field in Reddit.fields]
    assert (draft.rejects, draft.notices) == ([], [])
    assert [{name: row[name] for name in names} for row in draft.rows.to_pylist()] == [
        {name: row.get(name) for name in names} for row in wanted
    ]


@pytest.mark.parametrize(
    ("name", "kind", "count_posts", "count_notices"),
    [
        ("Boston_posts.2019-12-31_2020-04.csv.gz", "submission", 6_661, 726),
        ("alabama_comments.2019-12-31_2020-04-18.csv.gz", "comment", 18_055, 388),
        ("colorado_comments.2019-12-31_2020-04-18.csv.gz", "comment", 15_437, 1_574),
    ],
)
def test_real_files_are_read_to_the_last_record(
    real_data: Path, name: str, kind: str, count_posts: int, count_notices: int
) -> None:
    chunk = read(gzip.decompress((real_data / "reddit" / name).read_bytes()), 50_000)
    assert (chunk.rows.num_rows, len(chunk.notices), chunk.rejects) == (count_posts, count_notices, [])
    assert Counter(chunk.rows["kind"].to_pylist()) == {kind: count_posts}
    assert len(set(chunk.rows["post_id"].to_pylist())) == count_posts
