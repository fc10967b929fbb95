"""The features a model may learn from: what each one is, and when it is known.

Stands apart so that one place decides what the model may see. A column that is known only after the outcome (how often
a post was liked) predicts the outcome almost perfectly and is useless at the moment of posting: it is refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as sf

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyspark.sql import Column, DataFrame

SOURCE_LABEL: Final = "was_retweeted"
"""The label as the features table spells it: boolean; null if the source tells neither."""

LABEL: Final = "label"
"""The label as MLlib wants it: 1.0 was retweeted, 0.0 was not; null if unknown."""

_TWO_CLASSES: Final = {"ml_attr": {"type": "nominal", "name": LABEL, "vals": ["0.0", "1.0"]}}
"""Tells MLlib that there are two classes; without it every fit scans the rows to count them."""

KEYS: Final = ("source", "post_id")
"""The key of the features table: one row per post."""


class Kind(StrEnum):
    """How a column enters the model, and what a null in it becomes."""

    CATEGORY = "category"
    COUNT = "count"
    FLAG = "flag"
    SHARE = "share"
    TEXT = "text"
    MOMENT = "moment"


class Known(StrEnum):
    """When the value of a column is known."""

    AT_POSTING = "at posting"
    AFTER_OUTCOME = "after outcome"


@dataclass(frozen=True)
class Feature:
    """One known column.

    Attributes:
        name: Column in `refined.refined_retweet_features`.
        kind: How it enters the model.
        meaning: What it says and in which unit.
        known: When its value is known; only `AT_POSTING` may be learnt from.
    """

    name: str
    kind: Kind
    meaning: str
    known: Known = Known.AT_POSTING


class FeatureError(ValueError):
    """A list of features that no model may be learnt from."""


class LeakedFeatureError(FeatureError):
    """A feature that is known only after the outcome."""


class UnknownFeatureError(FeatureError):
    """A feature that is not in the registry, is named twice, or no feature at all."""


FEATURES: Final = {
    feature.name: feature
    for feature in (
        Feature("user_location", Kind.CATEGORY, "place as the author wrote it; free text"),
        Feature("hashtags", Kind.CATEGORY, "list of hashtags as the source wrote it; the whole list is one category"),
        Feature("user_followers", Kind.COUNT, "accounts that follow the author, at capture"),
        Feature("user_friends", Kind.COUNT, "accounts that the author follows, at capture"),
        Feature("user_favourites", Kind.COUNT, "posts that the author has liked, at capture"),
        Feature("positive_sentiment", Kind.SHARE, "share of the text that VADER reads as positive, [0, 1]"),
        Feature("negative_sentiment", Kind.SHARE, "share of the text that VADER reads as negative, [0, 1]"),
        Feature("user_verified", Kind.FLAG, "whether the author's account was verified, at capture"),
        Feature("text", Kind.TEXT, "text of the post"),
        Feature("language", Kind.CATEGORY, "language of the text, found from the text alone"),
        Feature("client_name", Kind.CATEGORY, "program with which the post was sent"),
        Feature("user_created_at", Kind.MOMENT, "when the account was created; a day under the policy `strict`"),
        Feature("posted_at", Kind.MOMENT, "when the post was made, UTC"),
        Feature("favorites", Kind.COUNT, "likes of the post", Known.AFTER_OUTCOME),
        Feature("retweets", Kind.COUNT, "retweets of the post: the outcome itself", Known.AFTER_OUTCOME),
        Feature("is_retweet", Kind.FLAG, "the outcome as a second field", Known.AFTER_OUTCOME),
        Feature(SOURCE_LABEL, Kind.FLAG, "the label", Known.AFTER_OUTCOME),
        Feature(LABEL, Kind.FLAG, "the label", Known.AFTER_OUTCOME),
        Feature("retweet_probability", Kind.SHARE, "a model's own answer", Known.AFTER_OUTCOME),
    )
}
"""Every column that a list of features may name, by name."""

ARTICLE_FEATURES: Final = (
    "user_location",
    "hashtags",
    "user_followers",
    "user_friends",
    "user_favourites",
    "positive_sentiment",
    "negative_sentiment",
    "user_verified",
)
"""The eight features of the article, in the order of its VectorAssembler."""

POSTING_FEATURES: Final = tuple(name for name, feature in FEATURES.items() if feature.known is Known.AT_POSTING)
"""All columns that are known when a post is made: the article's, and what the other candidates read beside them."""

OPTIONAL_FEATURES: Final = tuple(name for name in POSTING_FEATURES if name not in ARTICLE_FEATURES)
"""Columns that the article does not use; a features table of an earlier build may lack them."""

SENTIMENT_FEATURES: Final = ("positive_sentiment", "negative_sentiment")

WITHOUT_SENTIMENT: Final = tuple(name for name in ARTICLE_FEATURES if name not in SENTIMENT_FEATURES)
"""The same list without the two shares of sentiment: what is left tells what sentiment adds."""


def check_features(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names if a model may be learnt from them.

    Args:
        names: Columns of the features table, each once.

    Raises:
        LeakedFeatureError: A column is known only after the outcome.
        UnknownFeatureError: A column is not in the registry or named twice, or there is none.

    >>> check_features(["user_followers", "user_verified"])
    ('user_followers', 'user_verified')
    >>> check_features(["favorites"])
    Traceback (most recent call last):
        ...
    ml.features.LeakedFeatureError: favorites is known only after the outcome: take it out of the features, \
because no post has it at the moment it must be scored.
    """
    wanted = tuple(names)
    leaked = [name for name in wanted if name in FEATURES and FEATURES[name].known is Known.AFTER_OUTCOME]
    if leaked:
        verb = "is" if len(leaked) == 1 else "are"
        msg = (
            f"{', '.join(leaked)} {verb} known only after the outcome: take it out of the features, "
            "because no post has it at the moment it must be scored."
        )
        raise LeakedFeatureError(msg)
    known = ", ".join(POSTING_FEATURES)
    for name in wanted:
        if name not in FEATURES:
            raise UnknownFeatureError(f"{name} is not a known feature: choose among {known}, or add it to ml.features.")
    if not wanted or len(set(wanted)) < len(wanted):
        raise UnknownFeatureError(f"expected each feature once, found {list(wanted)}: choose among {known}.")
    return wanted


def to_model_value(feature: Feature) -> Column:
    """Give the column as the model takes it, with no null left but in a moment.

    A null category becomes the empty string, so that "no place given" is a place of its own and not mixed with the
    places that the model never saw; a null count, share (and NaN) or flag becomes 0, as the sources leave out zeros.
    """
    value = sf.col(feature.name)
    match feature.kind:
        case Kind.MOMENT:
            plain = value.cast("timestamp")
        case Kind.CATEGORY | Kind.TEXT:
            plain = sf.coalesce(value.cast("string"), sf.lit(""))
        case Kind.SHARE:
            plain = sf.coalesce(sf.nanvl(value.cast("double"), sf.lit(0.0)), sf.lit(0.0))
        case Kind.COUNT | Kind.FLAG:
            plain = sf.coalesce(value.cast("double"), sf.lit(0.0))
    return plain.alias(feature.name)


def to_model_frame(features: DataFrame) -> DataFrame:
    """Give the features table the shape that every model here takes.

    Grain and all other columns are kept: one row per post, key (source, post_id). The eight features of the article
    have no null left, nor have text, language and program where the frame has them; counts, shares and flags are
    double. Where the frame has `was_retweeted`, `label` is added: double, 1.0 or 0.0, null if unknown. A frame that
    went through once already comes back as it is.

    Args:
        features: `refined.refined_retweet_features`, or any frame with the eight features.
    """
    label = (
        [sf.col(SOURCE_LABEL).cast("double").alias(LABEL, metadata=_TWO_CLASSES)]
        if SOURCE_LABEL in features.columns
        else []
    )
    names = (*ARTICLE_FEATURES, *optional_features(features))
    replaced = {*names, LABEL} if label else {*names}
    kept = [sf.col(f"`{name}`") for name in features.columns if name not in replaced]
    return features.select(*kept, *(to_model_value(FEATURES[name]) for name in names), *label)


def optional_features(features: DataFrame) -> tuple[str, ...]:
    """Give the features beyond the article's that a frame has."""
    return tuple(name for name in OPTIONAL_FEATURES if name in features.columns)


def check_columns(features: DataFrame, names: Iterable[str]) -> None:
    """Refuse a frame that lacks a feature.

    Raises:
        UnknownFeatureError: A column is not there.
    """
    missing = [name for name in names if name not in features.columns]
    if missing:
        msg = (
            f"expected the columns {', '.join(missing)} in the features, found none of that name: build REFINED "
            "again (`epilake build --select tag:refined`), or choose another candidate."
        )
        raise UnknownFeatureError(msg)
