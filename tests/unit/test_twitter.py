"""The boundary: what is a tweet, what is refused and why, and which tweets are the same."""

import csv
import io
from collections import Counter
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from flows.errors import UnknownHeaderError
from flows.sources import Chunk
from flows.sources.boundary import check_draft
from flows.sources.twitter import Twitter
from flows.sources.twitter.csv_files import content_id
from flows.sources.twitter.fields import COVID19_COLUMNS, VACCINATION_COLUMNS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RECORD = {
    "id": "1340539111971516416", "user_name": "Ana", "user_location": "Lagos, Nigeria", "user_description": "nurse",
    "user_created": "2009-04-08 17:52:46", "user_followers": "405", "user_friends": "1692", "user_favourites": "3247",
    "user_verified": "False", "date": "2020-12-20 06:06:44", "text": "fever, again\nsecond line", "hashtags": "['flu']",
    "source": "web", "retweets": "0", "favorites": "3", "is_retweet": "False",
}  # fmt: skip


def render(rows: list[dict[str, str]], fields: tuple[str, ...] = VACCINATION_COLUMNS) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, fields, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def parse(content: bytes, chunk_records: int = 1_000) -> Chunk:
    source = Twitter()
    stream = io.BufferedReader(io.BytesIO(content))  # type: ignore[arg-type]
    drafts = source.parse(stream, chunk_records=chunk_records)
    chunks = [check_draft(source.fields, draft, now=NOW, key=b"key") for draft in drafts]
    return Chunk(
        pa.concat_tables([chunk.rows for chunk in chunks]), [reject for chunk in chunks for reject in chunk.rejects]
    )


def only(chunk: Chunk) -> dict[str, object]:
    (row,) = chunk.rows.to_pylist()
    return dict(row)


def test_every_field_comes_through_as_it_stood() -> None:
    row = only(parse(render([RECORD])))
    assert {name: row[name] for name in VACCINATION_COLUMNS} == RECORD
    assert (row["post_id"], str(row["posted_date"])) == (RECORD["id"], "2020-12-20")


def test_the_header_decides_not_the_order_of_columns() -> None:
    shuffled = tuple(reversed(VACCINATION_COLUMNS))
    assert only(parse(render([RECORD], shuffled)))["text"] == RECORD["text"]


def test_a_record_is_the_same_capture_in_a_file_with_other_columns() -> None:
    narrow = {**RECORD, "id": "", "retweets": "", "favorites": ""}
    hashes = [
        only(parse(render([narrow], fields)))["record_hash"]
        for fields in (VACCINATION_COLUMNS, COVID19_COLUMNS, tuple(reversed(VACCINATION_COLUMNS)))
    ]
    assert len(set(hashes)) == 1


def test_a_column_that_no_schema_knows_is_rescued() -> None:
    row = only(parse(render([{**RECORD, "lang": "sw"}], (*VACCINATION_COLUMNS, "lang"))))
    assert row["rescued"] == '{"lang": "sw"}'


def test_a_byte_order_mark_before_the_header_is_no_part_of_it() -> None:
    assert parse(b"\xef\xbb\xbf" + render([RECORD])).rows.num_rows == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": "1.34054E+18"}, "id not exact"),
        ({"id": "seven"}, "id is no id"),
        ({"date": "2099-01-01 00:00:00"}, "date lies in the future"),
        ({"date": "1970-01-01 00:00:00"}, "date lies before 1990"),
        ({"text": '=HYPERLINK("http://example.org")'}, "text holds a spreadsheet formula"),
        ({"user_name": "=cmd|' /C calc'!A0"}, "user_name holds a spreadsheet formula"),
        ({"text": "#a" * 10_001}, "text holds more than 10,000 hashtags"),
        ({"text": "x" * 1_100_001}, "text is longer than 1,100,000 characters"),
        (dict(zip(VACCINATION_COLUMNS, VACCINATION_COLUMNS, strict=True)), "header repeated"),
        ({"text": ""}, "text is missing"),
        ({"date": "yesterday"}, "date is not a timestamp"),
        ({"date": "2020-13-45 06:06:44"}, "date is not a timestamp"),
        ({"date": ""}, "date is not a timestamp"),
        ({"user_followers": "12k"}, "user_followers is not a whole number"),
        ({"user_friends": "-1"}, "user_friends is not a whole number"),
        ({"retweets": "3.0"}, "retweets is not a whole number"),
        ({"user_verified": "maybe"}, "user_verified is neither true nor false"),
        ({"is_retweet": "1"}, "is_retweet is neither true nor false"),
        ({"date": "", "text": ""}, "date is not a timestamp; text is missing"),
        (dict.fromkeys(VACCINATION_COLUMNS, ""), "blank record"),
    ],
    ids=str,
)
def test_a_record_that_breaks_the_contract_is_kept_with_its_reason(change: dict[str, str], reason: str) -> None:
    content = render([RECORD, {**RECORD, **change}, {**RECORD, "id": "7"}])
    chunk = parse(content)
    assert chunk.rows["id"].to_pylist() == [RECORD["id"], "7"]
    assert [(reject.record_number, reject.reason) for reject in chunk.rejects] == [(2, reason)]
    reject = chunk.rejects[0]
    assert content[reject.byte_offset :].startswith(reject.record_bytes)


def test_broken_utf8_is_refused_with_its_bytes() -> None:
    content = render([RECORD]).replace(b"again", b"ag\xffin")
    assert [(r.reason, b"ag\xffin" in r.record_bytes) for r in parse(content).rejects] == [("not valid UTF-8", True)]


def test_a_record_of_another_width_is_refused() -> None:
    content = render([RECORD]) + b"1,2,3\r\n"
    assert [reject.reason for reject in parse(content).rejects] == ["expected 16 fields, found 3"]


def test_a_truncated_file_loses_its_last_record_only() -> None:
    content = render([RECORD, {**RECORD, "id": "7"}])
    chunk = parse(content[: content.rindex(b"second line")])
    assert (chunk.rows.num_rows, [reject.reason for reject in chunk.rejects]) == (
        1,
        ["record cut inside a quoted field"],
    )


@pytest.mark.parametrize("chunk_records", [1, 2, 3, 100])
def test_the_size_of_chunks_changes_nothing(chunk_records: int) -> None:
    content = render([{**RECORD, "id": str(n), "date": "" if n % 3 == 0 else RECORD["date"]} for n in range(10)])
    chunk = parse(content, chunk_records)
    assert chunk.rows["record_number"].to_pylist() == [2, 3, 5, 6, 8, 9]
    assert [reject.record_number for reject in chunk.rejects] == [1, 4, 7, 10]


def test_no_date_at_all_leaves_no_rows_and_no_error() -> None:
    assert Counter(reject.reason for reject in parse(render([{**RECORD, "date": "?"}] * 3)).rejects) == {
        "date is not a timestamp": 3
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "lacks user_name", id="empty file"),
        pytest.param(b"a,b\n1,2\n", "lacks user_name", id="another table"),
        pytest.param(",".join([*VACCINATION_COLUMNS, "id"]).encode(), "names id more than once", id="twice"),
        pytest.param(",".join(COVID19_COLUMNS[1:]).encode(), "lacks user_name[.]", id="one column short"),
    ],
)
def test_a_file_that_is_not_of_tweets_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(UnknownHeaderError, match=message):
        parse(content)


SAME = ("2017-05-26 05:46", "2020-07-25 12:27:21", "wash your hands")


@pytest.mark.parametrize(
    ("created", "posted", "text", "is_same"),
    [
        (SAME[0], "2020-07-25 12:27:00", "wash your hands", True),
        (SAME[0], SAME[1], "wash \r\n your hands ", True),
        (SAME[0], "2020-07-25 12:28:21", SAME[2], False),
        ("2018-05-26 05:46", SAME[1], SAME[2], False),
        (SAME[0], SAME[1], "wash your hand", False),
    ],
    ids=["a spreadsheet's copy", "white space", "another minute", "another account", "another text"],
)
def test_posts_without_an_id_are_the_same_by_account_minute_and_text(
    created: str, posted: str, text: str, is_same: bool
) -> None:
    assert (content_id(created, posted, text) == content_id(*SAME)) is is_same


def test_a_spreadsheets_copy_of_a_post_gets_the_same_id_from_its_file() -> None:
    copy = {
        **RECORD, "user_name": "#NAME?", "date": "20-12-2020 06:06", "user_created": "08-04-2009 17:52",
        "is_retweet": "FALSE", "user_verified": "FALSE",
    }  # fmt: skip
    rows = parse(render([RECORD, copy], COVID19_COLUMNS)).rows
    assert len(set(rows["post_id"].to_pylist())) == 1
    assert len(set(rows["record_hash"].to_pylist())) == 2
