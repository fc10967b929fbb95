"""What becomes of spellings that Spark reads in a way of its own; `tests/flows/test_raw_features.py` asks Spark."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from flows.errors import EpilakeError
from flows.raw_features import raw_features, read_bigint, read_created
from flows.sources.twitter import Twitter
from ml.features import KEYS, POSTING_FEATURES

POSTED = datetime(2021, 3, 4, 5, 6, 7, 8, UTC)


def rows(*posts: dict[str, str | None]) -> pa.Table:
    """Return posts in the shape that the boundary gives, for what the features read of it."""
    names = [field.name for field in Twitter.fields]
    columns = {name: pa.array([post.get(name) for post in posts], pa.string()) for name in names}
    ids = pa.array([post.get("post_id", "7") for post in posts], pa.string())
    moments = pa.array([POSTED] * len(posts), pa.timestamp("us", tz="UTC"))
    return pa.table({**columns, "post_id": ids, "posted_at": moments})


def test_a_post_becomes_one_row_of_the_features_in_their_order() -> None:
    post = {
        "text": "I love this good vaccine, what a great day for all of us",
        "user_location": "  Kano, Nigeria ",
        "hashtags": "['flu']",
        "user_followers": "007",
        "user_verified": "TRUE",
        "user_created": "08-04-2009 17:52",
        "source": "Twitter Web App",
    }
    found = raw_features("twitter", rows(post))
    assert found.column_names == [*KEYS, *POSTING_FEATURES]
    row = found.to_pylist()[0]
    assert row["positive_sentiment"] > 0
    assert row | {"positive_sentiment": 0.0} == {
        "source": "twitter",
        "post_id": "7",
        "user_location": "Kano, Nigeria",
        "hashtags": "['flu']",
        "user_followers": 7,
        "user_friends": None,
        "user_favourites": None,
        "positive_sentiment": 0.0,
        "negative_sentiment": 0.0,
        "user_verified": True,
        "text": post["text"],
        "language": "en",
        "client_name": "Twitter Web App",
        "user_created_at": datetime(2009, 4, 8, 17, 52, tzinfo=UTC),
        "posted_at": POSTED,
    }


@pytest.mark.parametrize(
    "text", ["Me encanta esta vacuna, que buen día tan feliz tenemos hoy amigos", "😷😷", "", "a" * 200_000]
)
def test_where_the_method_does_not_speak_the_language_sentiment_is_zero(text: str) -> None:
    found = raw_features("twitter", rows({"text": text})).to_pylist()[0]
    assert found["language"] != "en"
    assert (found["positive_sentiment"], found["negative_sentiment"]) == (0.0, 0.0)


def test_nothing_but_the_text_is_a_post_too_and_no_post_is_a_table_without_rows() -> None:
    found = raw_features("twitter", rows({"text": "flu"})).to_pylist()[0]
    absent = {"user_location", "hashtags", "user_followers", "user_friends", "user_favourites", "user_verified"}
    assert {name for name, value in found.items() if value is None} == {*absent, "client_name", "user_created_at"}
    empty = raw_features("twitter", rows().slice(0, 0))
    assert (empty.num_rows, empty.schema) == (0, raw_features("twitter", rows({"text": "flu"})).schema)


def test_rows_keep_their_order_and_the_same_text_is_read_alike() -> None:
    texts = ["what a good day for everybody here", "qué día tan bueno para todos", "what a good day for everybody here"]
    found = raw_features("twitter", rows(*({"text": text, "post_id": str(at)} for at, text in enumerate(texts))))
    assert found["post_id"].to_pylist() == ["0", "1", "2"]
    assert found["language"].to_pylist() == ["en", "es", "en"]
    assert found["positive_sentiment"][0] == found["positive_sentiment"][2]


@pytest.mark.parametrize("place", ["", " ", "   ", None])
def test_a_blank_place_is_none(place: str | None) -> None:
    assert raw_features("twitter", rows({"text": "flu", "user_location": place}))["user_location"].to_pylist() == [None]


@pytest.mark.parametrize("place", ["\u3000", "\t", "\u00a0Kano"])
def test_only_blanks_are_trimmed_as_by_spark(place: str) -> None:
    assert raw_features("twitter", rows({"text": "flu", "user_location": place}))["user_location"].to_pylist() == [
        place
    ]


@pytest.mark.parametrize(
    ("spelling", "moment"),
    [
        ("9999-12-31 23:59:59", 253_402_300_799_000_000),
        ("0000-02-29 00:00:00", -62_162_121_600_000_000),
        ("0000-02-30 00:00:00", None),
        ("+12345-01-01 00:00:00", None),
        ("-0004-02-29 00:00:00", None),
        ("+999999999-01-01 00:00:00", None),
        ("2020-02-29 24:00:00", None),
        ("२०२०-02-29 23:59:59", None),
        (" 2020-02-29 23:59:59", None),
        ("2020-02-29T23:59:59", None),
        ("", None),
        (None, None),
    ],
)
def test_when_an_account_was_made_is_read_as_spark_reads_it(spelling: str | None, moment: int | None) -> None:
    assert read_created(spelling) == moment


@pytest.mark.parametrize(
    ("spelling", "count"),
    [
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("9223372036854775808", None),
        ("9" * 5_000, None),
        ("0" * 5_000 + "7", 7),
        ("\x011\x7f\n", 1),
        ("\u00a01", None),
        ("١", None),
        ("1.0", None),
        ("1e3", None),
        ("- 1", None),
        ("", None),
    ],
)
def test_a_count_is_read_as_spark_casts_it(spelling: str, count: int | None) -> None:
    assert read_bigint(spelling) == count


def test_posts_of_a_source_that_the_model_does_not_know_are_refused() -> None:
    with pytest.raises(
        EpilakeError, match="Posts of reddit have no features of the retweet model: give posts of twitter"
    ):
        raw_features("reddit", rows({"text": "flu"}))
