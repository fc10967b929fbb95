"""The features of posts as they came in, without Spark: what dbt's SQL would make of the same posts, bit for bit.

dbt builds the features of all posts of a lake; whoever must answer for a single post at once (a request, a
micro-batch) cannot wait for a build. The rules stand twice, in the models `curated_twitter_posts` to
`refined_retweet_features` and here, and a test holds them equal on every column. Language and sentiment are the very
functions that `flows.enrichments` gives to Spark.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from flows.errors import EpilakeError
from ml.language import detect_all
from ml.sentiment import LANGUAGES, score_text

if TYPE_CHECKING:
    import pyarrow as pa

SOURCES: Final = frozenset({"twitter"})
"""Whose posts the model learns from; other sources do not tell how many posts their authors have liked."""

_TIME: Final = r"(?P<hour>\d\d):(?P<minute>\d\d)"
_CREATED: Final = (
    re.compile(rf"(?P<year>\d{{4}})-(?P<month>\d\d)-(?P<day>\d\d) {_TIME}:(?P<second>\d\d)", re.ASCII),
    re.compile(rf"(?P<day>\d\d)-(?P<month>\d\d)-(?P<year>\d{{4}}) {_TIME}(?P<second>)", re.ASCII),
)
"""Spark's `yyyy-MM-dd HH:mm:ss` and `dd-MM-yyyy HH:mm`; `curated_twitter_posts` takes years of four digits only."""
_BIGINT: Final = re.compile(r"[\x00-\x20\x7f]*([+-]?)0*([0-9]{1,19})[\x00-\x20\x7f]*")
"""What Spark casts to a whole number: white space and control characters around it do not count."""
_INT64: Final = 1 << 63
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CYCLE_YEARS, _CYCLE_DAYS = 400, 146_097
"""After which the calendar of Gregory repeats itself."""


def raw_features(source: str, rows: "pa.Table") -> "pa.Table":
    """Return the features of posts: one row per row, in order; key (source, post_id), not necessarily unique.

    Columns are those and `ml.features.POSTING_FEATURES`, in the types of `refined.refined_retweet_features`: counts
    int64, shares float64 and never null, moments in UTC with microseconds, the rest strings and one boolean.

    Args:
        source: Name of the source.
        rows: Rows of RAW's shape, as `flows.sources.boundary.check_draft` or `Admission.admit` give them.

    Raises:
        EpilakeError: The model has not learnt from posts of that source.
    """
    texts = list(dict.fromkeys(_values(rows, "text")))
    codes = {text: verdict.code for text, verdict in zip(texts, detect_all(texts), strict=True)}
    return spell_features(source, rows, codes, {text: _shares(text, code) for text, code in codes.items()})


def spell_features(
    source: str,
    rows: "pa.Table",
    codes: Mapping[str | None, str],
    scores: Mapping[str | None, tuple[float, float]],
) -> "pa.Table":
    """Return the features of posts of whose texts language and shares are known; see `raw_features`.

    Args:
        source: Name of the source.
        rows: Rows of RAW's shape.
        codes: Text → language.
        scores: Text → positive and negative share.

    Raises:
        EpilakeError: The model has not learnt from posts of that source.
    """
    import pyarrow as pa

    if source not in SOURCES:
        raise EpilakeError(
            f"Posts of {source} have no features of the retweet model: give posts of {', '.join(SOURCES)}."
        )
    texts = _values(rows, "text")
    moment = pa.timestamp("us", tz="UTC")
    columns = {
        "source": pa.array([source] * rows.num_rows, pa.string()),
        "post_id": rows["post_id"],
        "user_location": pa.array([_trimmed(place) for place in _values(rows, "user_location")], pa.string()),
        "hashtags": rows["hashtags"],
        **{
            name: pa.array([read_bigint(count) for count in _values(rows, name)], pa.int64())
            for name in ("user_followers", "user_friends", "user_favourites")
        },
        "positive_sentiment": pa.array([scores[text][0] for text in texts], pa.float64()),
        "negative_sentiment": pa.array([scores[text][1] for text in texts], pa.float64()),
        "user_verified": pa.array([_is_true(flag) for flag in _values(rows, "user_verified")], pa.bool_()),
        "text": rows["text"],
        "language": pa.array([codes[text] for text in texts], pa.string()),
        "client_name": rows["source"],
        "user_created_at": pa.array([read_created(spelt) for spelt in _values(rows, "user_created")], moment),
        "posted_at": rows["posted_at"],
    }
    return pa.table(columns)


def read_created(spelling: str | None) -> int | None:
    """Return when an account was created, in microseconds since 1970; None if it is in neither of Spark's patterns.

    The year may be 0, which no `datetime` holds; the calendar is Gregory's throughout.

    >>> read_created("1970-01-02 00:00:01"), read_created("02-01-1970 00:00"), read_created("1970-02-30 00:00:00")
    (86401000000, 86400000000, None)
    """
    for pattern in _CREATED:
        if spelling and (found := pattern.fullmatch(spelling)):
            return _to_micros(found)
    return None


def read_bigint(spelling: str | None) -> int | None:
    """Return a count as Spark casts it; None if it is no whole number of 64 bits.

    >>> read_bigint(" 12"), read_bigint("1.0"), read_bigint("9223372036854775808"), read_bigint(None)
    (12, None, None, None)
    """
    found = _BIGINT.fullmatch(spelling) if spelling else None
    count = int(found[1] + found[2]) if found else _INT64
    return count if -_INT64 <= count < _INT64 else None


def _to_micros(found: re.Match[str]) -> int | None:
    year, month, day, hour, minute, second = (
        int(found[part] or 0) for part in ("year", "month", "day", "hour", "minute", "second")
    )
    try:
        moment = datetime(year or _CYCLE_YEARS, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    since = moment - _EPOCH - timedelta(days=0 if year else _CYCLE_DAYS)
    return since // timedelta(microseconds=1)


def _shares(text: str | None, language: str) -> tuple[float, float]:
    """Return the positive and the negative share; zeros where the method does not speak the language, as in REFINED."""
    scores = score_text(text) if language in LANGUAGES else None
    return (scores.positive, scores.negative) if scores else (0.0, 0.0)


def _trimmed(place: str | None) -> str | None:
    return (place.strip(" ") or None) if place else None


def _is_true(flag: str | None) -> bool | None:
    return None if flag is None else flag.lower() == "true"


def _values(rows: "pa.Table", name: str) -> list[str | None]:
    values: list[str | None] = rows[name].to_pylist()
    return values
