"""The labelled posts that a model learns from, and the three ways to hold some of them out.

Stands apart so that what may be learnt from is settled before anything is fitted: rows without a label are left out and
counted, one class alone or too few rows are refused, the rows get a digest that names them, and all splits (by time,
by author, by story) are fixed by the data and the seed. `open_dataset` is the door; it takes two small actions.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as sf

from ml.features import ARTICLE_FEATURES, KEYS, LABEL, optional_features, to_model_frame
from ml.split import (
    AUTHOR_HELD_OUT,
    POSTED_SECONDS,
    STORY,
    STORY_HELD_OUT,
    Counts,
    DatasetError,
    Split,
    SplitKind,
    TooFewRowsError,
    check_parts,
    day_of_posting,
    split_by_author,
    split_by_story,
    split_by_time,
    sum_counts,
    to_moment,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from pyspark.sql import Column, DataFrame, Row

HELD_OUT_SHARE: Final = 0.25
MIN_LABELLED_ROWS: Final = 200
PARTITIONS: Final = 2
"""Fixed, because MLlib samples its split points by partition: the same rows must lie the same way on any machine."""

_BUCKETS: Final = 10_000
_DIGESTED: Final = (*KEYS, "author_id", *ARTICLE_FEATURES, LABEL, POSTED_SECONDS)
_REPEATED: Final = r"""^(b['"])?\s*(RT\s+@\S+?:?\s+)+"""
"""How a text begins that repeats another one, also where the file spells it as Python's bytes."""
_LINK: Final = r"https?://\S+"
"""Each post of a text has a short link of its own."""

_LOW_BITS: Final = 0xFFFF_FFFF


class SingleClassError(DatasetError):
    """Every labelled post has the same label."""


@dataclass(frozen=True)
class Dataset:
    """Labelled posts, ready to be learnt from.

    Attributes:
        counts: Labelled rows and those that were retweeted.
        unlabelled_rows: Rows left out because the source tells no label, or the post has no time.
        first_posted_at: Time of the earliest labelled post, UTC, to the second.
        last_posted_at: Time of the latest one.
        digest: 64 hex digits that name the rows: the same rows in any order give the same digest.
        seed: Seed of the author split and of everything that is fitted.
        splits: By time, by author, and by story where texts or stories are known.
        constants: Features of the article that have one value in all labelled rows: nothing is learnt from them.
        notes: What could not be done, one sentence each.
    """

    counts: Counts
    unlabelled_rows: int
    first_posted_at: datetime
    last_posted_at: datetime
    digest: str
    seed: int
    splits: tuple[Split, ...]
    constants: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def split(self, kind: SplitKind) -> Split:
        """Give the split of that kind."""
        return next(split for split in self.splits if split.kind is kind)


@contextmanager
def open_dataset(features: DataFrame, *, seed: int, held_out_share: float = HELD_OUT_SHARE) -> Iterator[Dataset]:
    """Prepare the labelled posts once, keep them in memory while the block runs, and let them go after it.

    Args:
        features: `refined.refined_retweet_features`, one row per post, key (source, post_id); with `story_id` from
            `refined.refined_post_stories` where it is joined.
        seed: Decides which authors and stories are held out.
        held_out_share: Share of the rows (by time), of the authors and of the stories that is held out, in (0, 1).

    Raises:
        SingleClassError: Every labelled post has the same label.
        TooFewRowsError: Fewer than 200 labelled posts, or fewer than 20 of the rarer class in a part of a split.
    """
    rows = _prepare(features, seed=seed, held_out_share=held_out_share).cache()
    try:
        yield _describe(rows, seed=seed, held_out_share=held_out_share)
    finally:
        rows.unpersist()


def check_counts(counts: Counts) -> None:
    """Refuse labelled rows of one class only, or too few of them.

    >>> check_counts(Counts(rows=9031, positives=0))
    Traceback (most recent call last):
        ...
    ml.dataset.SingleClassError: every one of the 9,031 labelled posts has was_retweeted = false: a model cannot be \
learnt from one class; add posts from a source that counts retweets.
    """
    if counts.rows and not counts.rarer:
        value = "true" if counts.positives else "false"
        remedy = "counts retweets" if value == "false" else "also holds posts that were not retweeted"
        msg = (
            f"every one of the {counts.rows:,} labelled posts has was_retweeted = {value}: a model cannot be learnt "
            f"from one class; add posts from a source that {remedy}."
        )
        raise SingleClassError(msg)
    if counts.rows < MIN_LABELLED_ROWS:
        msg = (
            f"expected at least {MIN_LABELLED_ROWS} labelled posts, found {counts.rows:,}: "
            "ingest more posts before a model is trained."
        )
        raise TooFewRowsError(msg)


def _prepare(features: DataFrame, *, seed: int, held_out_share: float) -> DataFrame:
    """Add label, second of posting, sides of author and story; lay the rows out the same way every time."""
    story = story_of(features)

    def is_held_out(*parts: Column) -> Column:
        return sf.pmod(sf.xxhash64(*parts, sf.lit(seed)), sf.lit(_BUCKETS)) < int(held_out_share * _BUCKETS)

    columns = [*_DIGESTED, AUTHOR_HELD_OUT, STORY_HELD_OUT]
    return (
        to_model_frame(features)
        .withColumn(POSTED_SECONDS, sf.unix_seconds(sf.col("posted_at").cast("timestamp")))
        .withColumn(AUTHOR_HELD_OUT, is_held_out(sf.col("source"), sf.col("author_id")))
        .withColumn(STORY_HELD_OUT, sf.when(story.isNotNull(), is_held_out(story)))
        .select(*columns, *optional_features(features))
        .repartition(PARTITIONS, *KEYS)
        .sortWithinPartitions(*KEYS)
    )


def story_of(features: DataFrame) -> Column:
    """Give the story of a post; its text without `RT @user:` and links where none is known, else null."""
    none = sf.lit(None).cast("string")
    plain = (
        sf.trim(sf.regexp_replace(sf.regexp_replace(sf.col("text"), _LINK, ""), _REPEATED, ""))
        if "text" in features.columns
        else none
    )
    known = sf.col(STORY) if STORY in features.columns else none
    return sf.coalesce(known, plain)


def _describe(rows: DataFrame, *, seed: int, held_out_share: float) -> Dataset:
    """Count, check and split prepared rows: one action over all of them, one over the day of the cut."""
    groups = _count_groups(rows)
    labelled = [group for group in groups if group["day"] is not None]
    counts = sum_counts(labelled)
    check_counts(counts)
    known = rows.where(day_of_posting().isNotNull())
    by_author = split_by_author(known, labelled, held_out_share=held_out_share)
    by_time = split_by_time(known, labelled, held_out_share=held_out_share)
    for split in (by_time, by_author):
        check_parts(split)
    by_story, note = _try_story(split_by_story(known, labelled, held_out_share=held_out_share))
    return Dataset(
        counts=counts,
        unlabelled_rows=sum_counts(groups).rows - counts.rows,
        first_posted_at=to_moment(min(group["first"] for group in labelled)),
        last_posted_at=to_moment(max(group["last"] for group in labelled)),
        digest=_to_digest(labelled),
        seed=seed,
        splits=(by_time, by_author, *by_story),
        constants=find_constants(labelled),
        notes=note,
    )


def _try_story(split: Split) -> tuple[tuple[Split, ...], tuple[str, ...]]:
    """Give the story split if both parts can be measured, else the reason; a lake of one story is no mistake."""
    try:
        check_parts(split)
    except TooFewRowsError as error:
        return (), (f"No figure by story: {error}",)
    return (split,), ()


def find_constants(groups: Sequence[Row]) -> tuple[str, ...]:
    """Name the features of the article that have one value in all groups, by the least and greatest of each group."""
    return tuple(
        name
        for name in ARTICLE_FEATURES
        if len({group[f"{end}_{name}"] for group in groups for end in ("least", "greatest")}) == 1
    )


def _count_groups(rows: DataFrame) -> list[Row]:
    """Count rows per day and sides of author and story: a few thousand groups at most, however many rows."""
    names = (*_DIGESTED, *(name for name in optional_features(rows) if name != "posted_at"))
    row = sf.xxhash64(*(sf.coalesce(sf.col(name).cast("string"), sf.lit("\0")) for name in names))
    ends = [
        end(name).alias(f"{word}_{name}")
        for name in ARTICLE_FEATURES
        for word, end in (("least", sf.min), ("greatest", sf.max))
    ]
    groups = rows.groupBy(day_of_posting().alias("day"), AUTHOR_HELD_OUT, STORY_HELD_OUT).agg(
        sf.count(sf.lit(1)).alias("rows"),
        sf.count(sf.when(sf.col(LABEL) == 1.0, 1)).alias("positives"),
        sf.min(POSTED_SECONDS).alias("first"),
        sf.max(POSTED_SECONDS).alias("last"),
        sf.bit_xor(row).alias("xor"),
        sf.sum(row.bitwiseAND(sf.lit(_LOW_BITS))).alias("low"),
        sf.sum(sf.shiftrightunsigned(row, 32)).alias("high"),
        *ends,
    )
    return groups.collect()


def _to_digest(groups: Sequence[Row]) -> str:
    """Fold the groups' numbers into one digest; exclusive or and sums do not depend on the order of rows or groups."""
    folded = reduce(xor, (group["xor"] for group in groups))
    sums = [sum(group[name] for group in groups) for name in ("rows", "positives", "low", "high")]
    return hashlib.sha256(repr((_DIGESTED, folded, sums)).encode()).hexdigest()
