"""Numbers made of what is known when a post is made: of its text, its time, its author and the program that sent it.

Stands apart from `ml.features`, which says which columns may be read at all. Each number is one expression of Spark SQL
over the model frame, so that it lives *in* the registered pipeline (a `SQLTransformer`): who loads the model needs no
code of ours. The expressions read no clock, no time zone and no other row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ml.features import check_features

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyspark.ml.feature import SQLTransformer


@dataclass(frozen=True)
class Number:
    """One number of a post.

    Attributes:
        name: Column that it becomes, double, never null.
        sql: Expression over the model frame.
        reads: Features that it is made of, each known at posting.
    """

    name: str
    sql: str
    reads: tuple[str, ...]


_SINCE_1970: Final = "unix_seconds(posted_at)"
_TOLD: Final = r"regexp_replace(text, r'^(b.)?(RT\s+@\S+\s+)+', '')"
"""The text without `RT @user:`, also where a file spells it as Python's bytes: that it repeats another post is, in some
sets, the label itself."""

TOLD: Final = "told_text"
"""Column that `make_numbers` adds where a number reads the text: the text that the numbers are made of."""

_AGE_DAYS: Final = "coalesce(greatest(unix_seconds(posted_at) - unix_seconds(user_created_at), 0) / 86400D, 0D)"


def _log(column: str) -> str:
    return f"ln(1D + greatest({column}, 0D))"


def _count(pattern: str) -> str:
    return f"cast(regexp_count({_TOLD}, r'{pattern}') as double)"


def _sent_by(name: str) -> Number:
    sql = f"cast(lower(client_name) like '%{name}%' as double)"
    return Number(f"is_sent_by_{name.replace(' ', '_')}", sql, ("client_name",))


_NUMBERS: Final = (
    Number("log_followers", _log("user_followers"), ("user_followers",)),
    Number("log_friends", _log("user_friends"), ("user_friends",)),
    Number("log_favourites", _log("user_favourites"), ("user_favourites",)),
    Number(
        "log_followers_per_friend",
        f"{_log('user_followers')} - {_log('user_friends')}",
        ("user_followers", "user_friends"),
    ),
    Number("is_verified", "user_verified", ("user_verified",)),
    Number("account_age_days", _AGE_DAYS, ("posted_at", "user_created_at")),
    Number(
        "log_followers_per_day",
        f"{_log('user_followers')} - {_log(_AGE_DAYS)}",
        ("user_followers", "posted_at", "user_created_at"),
    ),
    Number(
        "log_favourites_per_day",
        f"{_log('user_favourites')} - {_log(_AGE_DAYS)}",
        ("user_favourites", "posted_at", "user_created_at"),
    ),
    Number("has_location", "cast(user_location != '' as double)", ("user_location",)),
    Number("posting_hour", f"coalesce(floor(pmod({_SINCE_1970}, 86400) / 3600), 0) * 1D", ("posted_at",)),
    Number(
        "posting_weekday",
        f"coalesce(pmod(cast(floor({_SINCE_1970} / 86400) as bigint) + 3, 7), 0) * 1D",
        ("posted_at",),
    ),
    Number("count_characters", f"cast(length({_TOLD}) as double)", ("text",)),
    Number("count_words", _count(r"\S+"), ("text",)),
    Number("count_hash_marks", _count("#"), ("text",)),
    Number("count_mentions", _count("@"), ("text",)),
    Number("count_links", _count("https?://"), ("text",)),
    Number("count_exclamations", _count("!"), ("text",)),
    Number("count_questions", _count(r"\?"), ("text",)),
    Number("count_digits", _count("[0-9]"), ("text",)),
    Number("count_capitals", _count("[A-Z]"), ("text",)),
    Number("count_non_ascii", _count(r"[^\x00-\x7f]"), ("text",)),
    Number("count_lines", _count(r"\n"), ("text",)),
    Number("starts_with_mention", f"cast(startswith({_TOLD}, '@') as double)", ("text",)),
    Number("is_cut", f"cast(contains({_TOLD}, '…') as double)", ("text",)),
    Number("is_english", "cast(language = 'en' as double)", ("language",)),
    *map(_sent_by, ("iphone", "ipad", "android", "web app", "tweetdeck", "instagram", "hootsuite", "buffer")),
    Number("positive_sentiment", "positive_sentiment", ("positive_sentiment",)),
    Number("negative_sentiment", "negative_sentiment", ("negative_sentiment",)),
)

NUMBERS: Final = {number.name: number for number in _NUMBERS}
"""Every number, by its name, in the order of the vector."""

READS: Final = tuple(dict.fromkeys(feature for number in _NUMBERS for feature in number.reads))
"""The features that the numbers are made of."""


def numbers_of(features: Iterable[str]) -> tuple[str, ...]:
    """Give the names of the numbers that can be made of these features, in the order of the vector.

    Raises:
        LeakedFeatureError: A feature is known only after the outcome.
        UnknownFeatureError: A feature is not in the registry.

    >>> numbers_of(["user_followers", "user_verified"])
    ('log_followers', 'is_verified')
    """
    given = set(check_features(features))
    return tuple(name for name, number in NUMBERS.items() if given.issuperset(number.reads))


def make_numbers(names: Iterable[str]) -> SQLTransformer:
    """Make the stage that adds these numbers to a model frame; a number that is a column already is left as it is."""
    from pyspark.ml.feature import SQLTransformer

    return SQLTransformer(statement=spell_numbers(names))


def spell_numbers(names: Iterable[str]) -> str:
    """Spell the statement by which these numbers are made of a model frame.

    >>> spell_numbers(["is_english", "positive_sentiment"])
    "select *, cast(language = 'en' as double) as is_english from __THIS__"
    """
    wanted = [NUMBERS[name] for name in names]
    added = [f"{number.sql} as {number.name}" for number in wanted if number.sql != number.name]
    if any("text" in number.reads for number in wanted):
        added.append(f"{_TOLD} as {TOLD}")
    return f"select {', '.join(['*', *added])} from __THIS__"  # noqa: S608 - our own words
