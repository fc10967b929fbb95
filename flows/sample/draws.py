"""Draws: independent, seeded streams of random numbers, one per stage and day.

A stage's numbers depend on the seed, the stage and the day only, never on what was drawn before: that is why the
sample does not depend on how its writing is cut into pieces.
"""

from enum import IntEnum

import numpy as np
import numpy.typing as npt


class Stage(IntEnum):
    """What a stream is for. The values are part of the format: changing one changes every sample."""

    AUTHORS = 1
    CALENDAR = 2
    REPEATS = 3
    POSTS = 4
    RECAPTURES = 5
    PHRASES = 6
    DEFECTS = 7


def seed_stream(seed: int, stage: Stage, day: int = 0) -> np.random.Generator:
    """Open the stream of a stage on a day (0 for stages that are drawn once).

    >>> a, b = seed_stream(1, Stage.POSTS, 3), seed_stream(1, Stage.POSTS, 3)
    >>> bool((a.integers(100, size=5) == b.integers(100, size=5)).all())
    True
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, int(stage), day))))


def draw_from_ranges(
    stream: np.random.Generator,
    cumulative: npt.NDArray[np.float64],
    first: npt.NDArray[np.int64],
    after: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Draw one index from each half-open range [first, after), in proportion to its weight.

    Args:
        stream: The stream to draw from.
        cumulative: Weights summed up to and including each index, with a leading 0: one longer than the indexes.
        first: First index of each range.
        after: One past the last index of each range.

    Returns:
        An index per range.

    >>> weights = np.array([0.0, 1.0, 1.0, 5.0])  # the indexes 0, 1, 2 weigh 1, 0, 4
    >>> draw_from_ranges(seed_stream(1, Stage.POSTS), weights, np.array([0, 1]), np.array([2, 3])).tolist()
    [0, 2]
    """
    low, high = cumulative[first], cumulative[after]
    target = low + stream.random(len(first)) * (high - low)
    found = np.searchsorted(cumulative, target, side="right") - 1
    return np.clip(found, first, after - 1).astype(np.int64)
