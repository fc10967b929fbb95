"""The three ways to hold posts out: the last ones by time, whole authors, and whole stories.

Stands apart from the dataset so that the rule of each split is read in one place. All are fixed by the rows and the
seed, and counted from a few numbers per day, so that the frames themselves are not scanned again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as sf

from ml.features import LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pyspark.sql import Column, DataFrame, Row

MIN_ROWS_OF_RARER_CLASS: Final = 20

POSTED_SECONDS: Final = "posted_seconds"
"""Column: second of posting, UTC, since 1970."""

AUTHOR_HELD_OUT: Final = "is_author_held_out"
"""Column: whether the author's posts are held out in the author split."""

STORY: Final = "story_id"
"""Column: the story that the post tells; posts of one story share their text but for small edits."""

STORY_HELD_OUT: Final = "is_story_held_out"
"""Column: whether the story's posts are held out in the story split; null where no story is known."""

_DAY_SECONDS: Final = 86_400


class DatasetError(ValueError):
    """Labelled rows that no model can be learnt from."""


class TooFewRowsError(DatasetError):
    """Too few labelled posts, or too few of the rarer class in one part of a split."""


class SplitKind(StrEnum):
    """By what the held-out rows differ from those that a model learns from."""

    TIME = "time"
    AUTHOR = "author"
    STORY = "story"


@dataclass(frozen=True)
class Counts:
    """Labelled rows, and those of them that were retweeted.

    >>> Counts(10, 4) + Counts(1, 0)
    Counts(rows=11, positives=4)
    """

    rows: int
    positives: int

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.rows + other.rows, self.positives + other.positives)

    def __sub__(self, other: Counts) -> Counts:
        return Counts(self.rows - other.rows, self.positives - other.positives)

    @property
    def rarer(self) -> int:
        """Rows of the rarer class."""
        return min(self.positives, self.rows - self.positives)


@dataclass(frozen=True)
class Split:
    """Two parts of the labelled rows that share no row, and no author, moment or story either.

    Attributes:
        kind: By what they are parted.
        train: Model frame to learn from, key (source, post_id).
        held_out: Model frame to measure on, key (source, post_id).
        train_counts: Rows and positives of `train`.
        held_out_counts: Rows and positives of `held_out`.
        rule: The rule in words.
    """

    kind: SplitKind
    train: DataFrame
    held_out: DataFrame
    train_counts: Counts
    held_out_counts: Counts
    rule: str


def check_split(kind: SplitKind, part: str, counts: Counts) -> None:
    """Refuse a part of a split that holds too few rows of the rarer class to learn from or to measure on.

    >>> check_split(SplitKind.TIME, "held-out", Counts(rows=50, positives=3))
    Traceback (most recent call last):
        ...
    ml.split.TooFewRowsError: expected at least 20 posts of each class in the held-out part of the time split, \
found 3 of the rarer one among 50: ingest more posts before a model is trained.
    """
    if counts.rarer < MIN_ROWS_OF_RARER_CLASS:
        msg = (
            f"expected at least {MIN_ROWS_OF_RARER_CLASS} posts of each class in the {part} part of the {kind} split, "
            f"found {counts.rarer} of the rarer one among {counts.rows:,}: ingest more posts before a model is trained."
        )
        raise TooFewRowsError(msg)


def check_parts(split: Split) -> None:
    """Refuse a split of which a part is too small (`check_split`)."""
    check_split(split.kind, "training", split.train_counts)
    check_split(split.kind, "held-out", split.held_out_counts)


def find_cut(counts: Sequence[tuple[int, int]], train_rows: float) -> int:
    """Find the value before which at most `train_rows` rows lie, and within which the rest of them begins.

    Args:
        counts: (value, rows) in ascending order of value, at least one.
        train_rows: Rows wanted before the cut.

    >>> find_cut([(1, 5), (2, 5), (3, 10)], train_rows=7)
    2
    >>> find_cut([(1, 5), (2, 5), (3, 10)], train_rows=10)
    3
    """
    before = 0
    for value, rows in counts:
        before += rows
        if before > train_rows:
            return value
    return counts[-1][0]


def day_of_posting() -> Column:
    """Day of posting, UTC, in days since 1970; null for a row that cannot be learnt from."""
    return sf.when(sf.col(LABEL).isNotNull(), sf.floor(sf.col(POSTED_SECONDS) / _DAY_SECONDS).cast("long"))


def sum_counts(groups: Iterable[Row]) -> Counts:
    """Add up the `rows` and `positives` of groups."""
    return sum((Counts(group["rows"], group["positives"]) for group in groups), Counts(0, 0))


def to_moment(seconds: int) -> datetime:
    """Give the moment, UTC, that lies so many seconds after 1970.

    >>> to_moment(86_400).isoformat()
    '1970-01-02T00:00:00+00:00'
    """
    return datetime.fromtimestamp(seconds, tz=UTC)


def split_by_author(rows: DataFrame, groups: Sequence[Row], *, held_out_share: float) -> Split:
    """Hold out whole authors, chosen by a hash of (source, author_id) and the seed."""
    return _split_by_side(rows, groups, SplitKind.AUTHOR, AUTHOR_HELD_OUT, held_out_share=held_out_share)


def split_by_story(rows: DataFrame, groups: Sequence[Row], *, held_out_share: float) -> Split:
    """Hold out whole stories, chosen by a hash of the story and the seed: no text stands on both sides."""
    return _split_by_side(rows, groups, SplitKind.STORY, STORY_HELD_OUT, held_out_share=held_out_share)


def _split_by_side(
    rows: DataFrame, groups: Sequence[Row], kind: SplitKind, column: str, *, held_out_share: float
) -> Split:
    held_out = sum_counts(group for group in groups if group[column])
    side = sf.col(column)
    plural = {SplitKind.AUTHOR: "authors", SplitKind.STORY: "stories"}[kind]
    return Split(
        kind=kind,
        train=rows.where(~side),
        held_out=rows.where(side),
        train_counts=sum_counts(groups) - held_out,
        held_out_counts=held_out,
        rule=f"about {held_out_share:.0%} of the {plural}, each with all their posts, chosen by a hash and the seed",
    )


def split_by_time(rows: DataFrame, groups: Sequence[Row], *, held_out_share: float) -> Split:
    """Hold out the last posts; those of one second stay together, so none learnt from is as late as one held out."""
    rows_by_day = [(day, sum_counts(same).rows) for day, same in _by_day(groups)]
    wanted = (1 - held_out_share) * sum(count for _, count in rows_by_day)
    cut_day = find_cut(rows_by_day, wanted)
    before = sum_counts(group for group in groups if group["day"] < cut_day)
    seconds = (
        rows.where(day_of_posting() == cut_day)
        .groupBy(sf.col(POSTED_SECONDS).alias("second"))
        .agg(sf.count(sf.lit(1)).alias("rows"), sf.count(sf.when(sf.col(LABEL) == 1.0, 1)).alias("positives"))
        .orderBy("second")
        .collect()
    )
    cut = find_cut([(row["second"], row["rows"]) for row in seconds], wanted - before.rows)
    train = before + sum_counts(row for row in seconds if row["second"] < cut)
    return Split(
        kind=SplitKind.TIME,
        train=rows.where(sf.col(POSTED_SECONDS) < cut),
        held_out=rows.where(sf.col(POSTED_SECONDS) >= cut),
        train_counts=train,
        held_out_counts=sum_counts(groups) - train,
        rule=f"posts from {to_moment(cut):%Y-%m-%d %H:%M:%S} UTC on, about the last {held_out_share:.0%}",
    )


def _by_day(groups: Sequence[Row]) -> Iterator[tuple[int, list[Row]]]:
    """Give the groups of each day, in the order of the days."""
    for day, same in groupby(sorted(groups, key=itemgetter("day")), key=itemgetter("day")):
        yield day, list(same)
