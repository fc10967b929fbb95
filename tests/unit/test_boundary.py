"""The boundary: what passes it is what was posted, and what does not is kept once, with every reason."""

import io
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flows.errors import RefusedRecordError
from flows.lake.contracts import POSTS
from flows.lake.tables import arrow_schema
from flows.sources import Chunk, Draft, Field, Kind, NoticeKind
from flows.sources.boundary import FORMULA, MAX_TEXT_CHARACTERS, check_draft
from flows.sources.drafts import ObjectRecord, ReadNotice, ReadPost, draft_objects, rows_of
from flows.sources.twitter import Twitter
from flows.sources.twitter.csv_files import decode_repr

NOW = datetime(2026, 1, 1, tzinfo=UTC)
POSTED = datetime(2020, 12, 20, 6, 6, 44, tzinfo=UTC)
FIELDS = Twitter.fields
RECORD: dict[str, str | None] = {"id": "1340539111971516416", "date": "2020-12-20 06:06:44", "text": "fever"}


def check(
    *records: dict[str, str | None],
    posted_at: datetime | None = POSTED,
    now: datetime = NOW,
    fields: tuple[Field, ...] = FIELDS,
    key: bytes = b"key",
) -> Chunk:
    posts = [
        (
            ObjectRecord(at + 1, at * 10, f"bytes of {at + 1}".encode(), {}),
            ReadPost(record["id"], posted_at, record, record.get("rescued")),
        )
        for at, record in enumerate(records)
    ]
    draft = Draft(rows_of(fields, posts), lambda at: posts[at][0].record_bytes)
    return check_draft(fields, draft, now=now, key=key)


def reasons(chunk: Chunk) -> list[str]:
    return [reject.reason for reject in chunk.rejects]


def hashes(chunk: Chunk) -> list[str]:
    found: list[str] = chunk.rows["record_hash"].to_pylist()
    return found


# Any text comes through


def write_and_read(rows: pa.Table) -> pa.Table:
    """Return the rows after a turn through Parquet, as the contract of RAW has them."""
    schema = arrow_schema(POSTS["twitter"], without="ingested_at")
    absent = {"batch_id": "b", "file_name": "f", "author_key": None}
    columns = {
        name: rows[name] if name in rows.column_names else pa.array([absent[name]] * rows.num_rows, pa.string())
        for name in schema.names
    }
    file = io.BytesIO()
    pq.write_table(pa.table(columns, schema=schema), file, compression="lz4")
    return pq.read_table(file)


def pass_through(texts: list[str]) -> tuple[pa.Table, Chunk]:
    content = Twitter().render([{**RECORD, "id": str(at), "text": text} for at, text in enumerate(texts)])
    (draft,) = Twitter().parse(io.BytesIO(content), chunk_records=len(texts))
    chunk = check_draft(FIELDS, draft, now=NOW, key=b"key")
    return write_and_read(chunk.rows), chunk


def is_plain(text: str) -> bool:
    """Say whether a text is not empty, no formula and not a collector's `b'…'`."""
    return bool(text) and not re.fullmatch(FORMULA, text) and decode_repr(text) == text


SIGNS = [
    "😷", "👩🏽\u200d⚕️", "🇩🇪", "e\u0301\u0323", "שלום", "\u202eمرحبا\u202c", "\0", "\ufeff", "\r", "\r\n", "\n",
    '"', '""', ",", ";", "'", "\\", "\u2028", "\x85", "\x1a", "\x1f", " ", "null", "\U0010ffff", "\ufffe",
    "\ufdd0", "𝕏", "＠", "=", "#",
]  # fmt: skip
characters = st.characters(exclude_categories=["Cs"])
pieces = st.lists(characters | st.sampled_from(SIGNS), min_size=1, max_size=20).map("".join)
posts = st.builds(lambda piece, count: (piece * count)[:20_000], pieces, st.just(1) | st.integers(1, 2_000))


@given(st.lists(posts.filter(is_plain), min_size=20, max_size=20))
@settings(max_examples=55, deadline=None)  # twenty texts each
def test_any_text_comes_out_of_the_lake_as_it_was_posted(texts: list[str]) -> None:
    rows, chunk = pass_through(texts)
    assert reasons(chunk) == []
    assert [text.encode() for text in rows["text"].to_pylist()] == [text.encode() for text in texts]


@given(st.lists(st.tuples(pieces, pieces).map("".join), min_size=10, max_size=10))
@example([f"{sign}{word}" for sign in ("=", "+", "-", " = ") for word in ("SUM(A1)", "cmd|' /C calc'!A0", "D (ha)")])
@settings(max_examples=20, deadline=None)
def test_a_text_comes_through_or_is_refused_with_its_bytes(texts: list[str]) -> None:
    rows, chunk = pass_through(texts)
    kept = dict(zip(rows["id"].to_pylist(), rows["text"].to_pylist(), strict=True))
    assert len(kept) + len(chunk.rejects) == len(texts)
    assert set(reasons(chunk)) <= {"text holds a spreadsheet formula"}
    assert all(kept[str(at)] == decode_repr(text) for at, text in enumerate(texts) if str(at) in kept)


@pytest.mark.parametrize("sign", ["x", "😷", "\n", '"', "e\u0301", "\0"], ids=repr)
def test_a_post_of_a_megabyte_passes(sign: str) -> None:
    text = (sign * 1_000_000)[:1_000_000]
    rows, chunk = pass_through([text])
    assert (reasons(chunk), rows["text"].to_pylist() == [text]) == ([], True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("x" * MAX_TEXT_CHARACTERS, [], id="as long as may be"),
        pytest.param("😷" * (MAX_TEXT_CHARACTERS + 1), ["text is longer than 1,100,000 characters"], id="one longer"),
        pytest.param("#flu " * 10_000, [], id="as many hashtags as may be"),
        pytest.param("#flu " * 10_001, ["text holds more than 10,000 hashtags"], id="one more"),
        pytest.param("#" * 1_000_000, ["text holds more than 10,000 hashtags"], id="a million signs"),
        pytest.param(
            "#a" * 1_000_000,
            ["text is longer than 1,100,000 characters; text holds more than 10,000 hashtags"],
            id="a million hashtags",
        ),
    ],
)
def test_a_text_beyond_a_limit_is_refused_with_its_reason(text: str, expected: list[str]) -> None:
    chunk = pass_through([text])[1]
    assert reasons(chunk) == expected
    assert all(len(reject.record_bytes) > len(text) for reject in chunk.rejects)


# Reasons


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("id", "1.34054E+18", "id not exact"),
        ("id", "1,34054E+18", "id not exact"),
        ("id", "1340539111971516416.0", "id not exact"),
        ("id", "12abc", "id is no id"),
        ("id", "abc12.5", "id is no id"),
        ("id", "", "id is no id"),
        ("id", "7\n", "id is no id"),
        ("id", "7" * 21, "id is no id"),
        ("user_id", "1e9", "user_id not exact"),
        ("user_id", "１２", "user_id is no id"),
        ("retweet_of_id", "-7", "retweet_of_id is no id"),
        ("quote_of_id", "1 2", "quote_of_id is no id"),
        ("user_followers", "-1", "user_followers is not a whole number"),
        ("user_followers", "3.0", "user_followers is not a whole number"),
        ("retweets", "1,234", "retweets is not a whole number"),
        ("retweets", "٣", "retweets is not a whole number"),
        ("favorites", "9" * 19, "favorites is not a whole number"),
        ("favorites", "NaN", "favorites is not a whole number"),
        ("user_verified", "yes", "user_verified is neither true nor false"),
        ("is_retweet", "truer", "is_retweet is neither true nor false"),
        ("is_retweet", "untrue false", "is_retweet is neither true nor false"),
        ("user_protected", "0", "user_protected is neither true nor false"),
        ("text", "=SUM(A1:A9)", "text holds a spreadsheet formula"),
        ("text", " + HYPERLINK('http://example.org')\nfor more", "text holds a spreadsheet formula"),
        ("text", "@cmd|' /C calc'!A0", "text holds a spreadsheet formula"),
        ("user_name", "-IMPORTXML(1)", "user_name holds a spreadsheet formula"),
        ("user_location", "=cmd|x!y", "user_location holds a spreadsheet formula"),
        ("user_description", "=a.b(c", "user_description holds a spreadsheet formula"),
        ("place", "+x()", "place holds a spreadsheet formula"),
        ("text", None, "text is missing"),
    ],
)
def test_each_rule_has_its_reason(field: str, value: str | None, reason: str) -> None:
    chunk = check(RECORD, {**RECORD, field: value}, {**RECORD, "id": "9"})
    assert reasons(chunk) == [reason]
    assert chunk.rows["record_number"].to_pylist() == [1, 3]
    assert (chunk.rejects[0].record_number, chunk.rejects[0].byte_offset) == (2, 10)
    assert chunk.rejects[0].record_bytes == b"bytes of 2"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "7" * 20), ("id", "0"), ("user_followers", "0"), ("retweets", "9" * 18), ("user_verified", "TRUE"),
        ("is_retweet", "False"), ("text", "=)"), ("text", "- D (ha)"), ("text", "+1 (really)"), ("text", "1+SUM(2)"),
        ("text", "so\n=SUM(A1)"), ("text", "say =cmd|x!y"), ("text", "@ann: hi | bye!"), ("text", "-- (x)"),
        ("text", " "), ("user_name", "#NAME?"), ("hashtags", "=SUM(A1)"), ("language", "=x()"),
        ("user_created", "long ago"), ("reply_to_user", "anybody at all"),
    ],
)  # fmt: skip
def test_what_only_looks_odd_passes(field: str, value: str) -> None:
    chunk = check({**RECORD, field: value})
    assert (reasons(chunk), chunk.rows[field].to_pylist()) == ([], [value])


def test_all_reasons_of_a_record_are_named_each_once() -> None:
    faults: dict[str, str | None] = {"id": None, "text": None, "retweets": "x", "favorites": "x", "user_id": "1.5E+9"}
    (reason,) = reasons(check({**RECORD, **faults}, posted_at=None))
    assert sorted(reason.split("; ")) == [
        "date is not a timestamp", "favorites is not a whole number", "id is missing", "retweets is not a whole number",
        "text is missing", "user_id not exact",
    ]  # fmt: skip


# Time


@pytest.mark.parametrize(
    ("posted_at", "reason"),
    [
        (NOW, None),
        (NOW + timedelta(days=1), None),
        (NOW + timedelta(days=1, microseconds=1), "date lies in the future"),
        (datetime(9999, 12, 31, tzinfo=UTC), "date lies in the future"),
        (datetime(1990, 1, 1, tzinfo=UTC), None),
        (datetime(1989, 12, 31, 23, 59, 59, tzinfo=UTC), "date lies before 1990"),
        (datetime(1, 1, 1, tzinfo=UTC), "date lies before 1990"),
        (None, "date is not a timestamp"),
    ],
    ids=str,
)
def test_a_post_has_a_time_between_1990_and_tomorrow(posted_at: datetime | None, reason: str | None) -> None:
    assert reasons(check(RECORD, posted_at=posted_at)) == ([reason] if reason else [])


def test_what_is_in_the_future_depends_on_when_it_is_asked() -> None:
    before = POSTED - timedelta(days=2)
    assert reasons(check(RECORD, now=before)) == ["date lies in the future"]
    assert reasons(check(RECORD, now=before + timedelta(days=1))) == []


@pytest.mark.parametrize(
    ("spelling", "day"),
    [
        ("2020-02-29 23:59:59", date(2020, 2, 29)),
        ("2020-03-01 00:00:00", date(2020, 3, 1)),
        ("2020-03-01 01:30:00+02:00", date(2020, 2, 29)),
        ("2020-02-29 20:00:00-05:00", date(2020, 3, 1)),
    ],
)
def test_the_day_of_a_post_is_that_of_its_time_in_utc(spelling: str, day: date) -> None:
    (draft,) = Twitter().parse(io.BytesIO(Twitter().render([{**RECORD, "date": spelling}])), chunk_records=9)
    chunk = check_draft(FIELDS, draft, now=NOW, key=b"key")
    assert chunk.rows["posted_date"].to_pylist() == [day]
    assert chunk.days == (day, day)


# Every record once

KINDS = ("post", "bad post", "refused", "notice", "nothing")


def read_kind(value: dict[str, Any]) -> ReadPost | ReadNotice | None:
    match value["kind"]:
        case "refused":
            raise RefusedRecordError("refused")
        case "notice":
            return ReadNotice(NoticeKind.POST_DELETED, "1")
        case "nothing":
            return None
    return ReadPost("1", POSTED, {**RECORD, "retweets": "1" if value["kind"] == "post" else "many"})


@given(st.lists(st.sampled_from(KINDS), max_size=12), st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_every_record_ends_in_exactly_one_place(kinds: list[str], chunk_records: int) -> None:
    records = [ObjectRecord(at, at * 7, f"{at}".encode(), {"kind": kind}) for at, kind in enumerate(kinds, 1)]
    drafts = draft_objects(FIELDS, records, read_kind, chunk_records=chunk_records)
    chunks = [check_draft(FIELDS, draft, now=NOW, key=b"key") for draft in drafts]
    assert [len(chunk) for chunk in chunks] == [
        min(chunk_records, len(kinds) - start) for start in range(0, len(kinds), chunk_records)
    ]
    places = {
        "post": [number for chunk in chunks for number in chunk.rows["record_number"].to_pylist()],
        "bad post": [r.record_number for chunk in chunks for r in chunk.rejects if r.reason != "refused"],
        "refused": [r.record_number for chunk in chunks for r in chunk.rejects if r.reason == "refused"],
        "notice": [notice.record_number for chunk in chunks for notice in chunk.notices],
    }
    for kind, numbers in places.items():
        assert numbers == [at for at, found in enumerate(kinds, 1) if found == kind]
    assert sum(chunk.count_skipped for chunk in chunks) == kinds.count("nothing")
    rejects = [reject for chunk in chunks for reject in chunk.rejects]
    assert all(reject.record_bytes == f"{reject.record_number}".encode() for reject in rejects)
    assert all(reject.byte_offset == reject.record_number * 7 for reject in rejects)
    for chunk in chunks:
        assert [reject.record_number for reject in chunk.rejects] == sorted(r.record_number for r in chunk.rejects)


def test_a_draft_without_rows_is_no_error() -> None:
    chunk = check()
    assert (len(chunk), chunk.days, chunk.rows.column_names[-2:]) == (0, None, ["record_hash", "posted_date"])


# The hash of a record


@given(st.dictionaries(st.sampled_from([field.name for field in FIELDS]), pieces, max_size=5), pieces)
@settings(max_examples=15, deadline=None)
def test_a_field_that_a_source_learns_of_later_changes_no_hash(values: dict[str, str], late: str) -> None:
    record = {**values, **RECORD}
    fields = tuple(field for field in FIELDS if field.kind in (Kind.TEXT, Kind.POST_ID, Kind.LABEL, Kind.TIME))
    wider = (*fields, Field("late", Kind.LABEL, "A field of tomorrow."))
    assert hashes(check(record, fields=fields)) == hashes(check(record, fields=wider))
    assert hashes(check(record, fields=wider)) != hashes(check({**record, "late": late}, fields=wider))


def test_a_hash_is_of_the_fields_alone_not_of_the_neighbours() -> None:
    other = {**RECORD, "id": "7", "user_name": "Ana"}
    assert hashes(check(RECORD, other)) == [*hashes(check(RECORD)), *hashes(check(other))]
    assert hashes(check(RECORD, posted_at=NOW)) == hashes(check(RECORD))


def test_without_the_key_nobody_can_try_out_which_record_made_a_hash() -> None:
    found = {*hashes(check(RECORD)), *hashes(check(RECORD, key=b"other")), *hashes(check(RECORD, key=b""))}
    assert len(found) == 3


@pytest.mark.parametrize(
    "change",
    [{"text": "Fever"}, {"text": "fever "}, {"hashtags": "fever"}, {"user_name": "null"}, {"rescued": "{}"},
     {"text": "fevé"}, {"text": "feve\u0301"}, {"withheld_in": "DE"}],
)  # fmt: skip
def test_any_change_of_a_field_is_another_capture(change: dict[str, str | None]) -> None:
    changed = check({**RECORD, **change})
    assert hashes(changed) != hashes(check(RECORD))
    assert re.fullmatch("[0-9a-f]{32}", hashes(changed)[0])
