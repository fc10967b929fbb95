"""Repeats: which posts the sample holds more than once, and in which way."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from flows.sample.draws import Stage, seed_stream
from flows.sample.posts import Rows

_DUPLICATE_SHARE = 0.005
_REPEAT_SHARE = 0.003
_RECAPTURE_SHARE = 0.010


class Repeat(IntEnum):
    """How a record relates to an earlier one; 0 is the first capture of its post."""

    FIRST = 0
    DUPLICATE = 1
    REPEATED = 2
    RECAPTURED = 3


@dataclass(frozen=True)
class Repeats:
    """Posts that are written more than once, by ordinal (0 is the sample's first post), ascending.

    Attributes:
        duplicated: Written twice in a row in the same file.
        repeated: Written again, unchanged, at the head of the next file.
        recaptured: Written again at the head of the next file with higher counts; none of them is in `repeated`.
    """

    duplicated: npt.NDArray[np.int64]
    repeated: npt.NDArray[np.int64]
    recaptured: npt.NDArray[np.int64]


def plan_repeats(posts: int, posts_before_last_file: int, seed: int) -> Repeats:
    """Choose the posts that are written more than once; at least one of each kind.

    >>> plan = plan_repeats(posts=1_000, posts_before_last_file=500, seed=1)
    >>> len(plan.duplicated), len(plan.repeated), len(plan.recaptured)
    (5, 3, 10)
    """
    stream = seed_stream(seed, Stage.REPEATS)
    duplicates, repeats, recaptures = (
        max(1, round(share * posts)) for share in (_DUPLICATE_SHARE, _REPEAT_SHARE, _RECAPTURE_SHARE)
    )
    duplicated = np.sort(stream.choice(posts, size=duplicates, replace=False))
    later = stream.choice(posts_before_last_file, size=repeats + recaptures, replace=False)
    return Repeats(duplicated, np.sort(later[:repeats]), np.sort(later[repeats:]))


def duplicate_rows(rows: Rows, is_duplicated: npt.NDArray[np.bool_]) -> Rows:
    """Put a copy behind each row that is to be duplicated."""
    source = np.repeat(np.arange(len(rows)), 1 + is_duplicated)
    copied = rows[source]
    copied["repeat"][1:][source[1:] == source[:-1]] = Repeat.DUPLICATE
    return copied


def repeat_rows(rows: Rows) -> Rows:
    """Copy rows for the next file."""
    copied = rows.copy()
    copied["repeat"] = Repeat.REPEATED
    return copied


def recapture_rows(rows: Rows, stream: np.random.Generator) -> Rows:
    """Copy rows for the next file as seen later: more retweets, favorites and followers."""
    copied = rows.copy()
    copied["repeat"] = Repeat.RECAPTURED
    copied["was_retweeted"] = rows["retweets"] > 0
    copied["retweets"] += 1 + stream.poisson(0.2 * rows["retweets"] + 0.5)
    copied["favorites"] += 1 + stream.poisson(0.2 * rows["favorites"] + 1.0)
    copied["followers"] += 1 + stream.poisson(0.01 * rows["followers"])
    return copied
