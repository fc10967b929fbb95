"""Whether a score of 0.3 means three posts in ten: what came true, by what was said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from ml.evaluation import Evaluation

BINS: Final = 10
_Z: Final = 1.959964
"""Standard deviations of a normal distribution that hold its middle 95%."""


@dataclass(frozen=True)
class Bin:
    """Posts of which much the same was said.

    Attributes:
        low: Least score, included.
        high: Greatest score, not included but for 1.
        rows: Held-out posts.
        mean_score: What was said, on average.
        share: What came true.
        share_low: Lower end of its 95% interval (Wilson 1927, doi:10.1080/01621459.1927.10502953).
        share_high: Upper end.
    """

    low: float
    high: float
    rows: int
    mean_score: float
    share: float
    share_low: float
    share_high: float


def calibrate(evaluation: Evaluation) -> tuple[Bin, ...]:
    """Put the scores of an evaluation into ten bins of equal width; empty ones are left out."""
    scores, negatives, positives = np.asarray(evaluation.counts, dtype=np.float64).T
    place = np.minimum((scores * BINS).astype(int), BINS - 1)
    found = []
    for number in np.unique(place):
        here = place == number
        rows, true = float((negatives + positives)[here].sum()), float(positives[here].sum())
        mean = float((scores * (negatives + positives))[here].sum() / rows)
        low, high = wilson(true, rows)
        found.append(Bin(number / BINS, (number + 1) / BINS, int(rows), mean, true / rows, low, high))
    return tuple(found)


def calibration_error(bins: tuple[Bin, ...]) -> float:
    """Give the mean distance of what was said and what came true, weighed by posts, [0, 1] (ECE).

    >>> calibration_error((Bin(0, 0.1, 10, 0.1, 0.3, 0, 1), Bin(0.1, 0.2, 30, 0.2, 0.2, 0, 1)))
    0.05
    """
    rows = sum(part.rows for part in bins)
    return round(sum(part.rows * abs(part.mean_score - part.share) for part in bins) / rows, 12)


def wilson(true: float, rows: float) -> tuple[float, float]:
    """Give the 95% interval of a share.

    >>> [round(end, 3) for end in wilson(5, 10)]
    [0.237, 0.763]
    """
    share, square = true / rows, _Z**2
    middle = (share + square / (2 * rows)) / (1 + square / rows)
    half = _Z / (1 + square / rows) * np.sqrt(share * (1 - share) / rows + square / (4 * rows**2))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))
