"""How often each score met each label: the few numbers from which every figure of a binary classifier follows.

Stands apart from `ml.evaluation`, which measures one model exactly: what is here is measured hundreds of times over
resampled rows, for the gate and for live predictions, so scores are counted in thousandths and all arithmetic is over
arrays whose last axis is the thousandths. A resampled row is a post; posts of one author are resampled one by one, so
an interval is too narrow where few authors write most posts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from pyspark.sql import functions as sf

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from pyspark.sql import Column

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

THOUSANDTHS: Final = 1_000
REPLICATES: Final = 400
"""Resamples behind an interval: the bounds at 95% are then good to about a tenth of its width."""

_MIDDLES: Final = (np.arange(THOUSANDTHS + 1) - 0.5).clip(0) / THOUSANDTHS


@dataclass(frozen=True)
class Interval:
    """A figure with the range in which 95% of its resamples lie (percentile bootstrap, Efron 1979).

    Attributes:
        value: The figure on the rows themselves.
        low: 2.5% of the resamples lie below.
        high: 2.5% lie above.
        error: Standard deviation of the resamples.
    """

    value: float
    low: float
    high: float
    error: float

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"

    def to_dict(self) -> dict[str, float]:
        """Give the four numbers by name, as they are recorded."""
        return asdict(self)


def thousandth(probability: Column) -> Column:
    """Thousandth of a probability, rounded up, so that above one half is above 500; null if not within [0, 1]."""
    return sf.when(probability.between(0.0, 1.0), sf.ceil(probability * THOUSANDTHS).cast("int"))


def tally(thousandths: Ints, rows: Floats | Ints) -> Floats:
    """Count rows by thousandth; shape (1001,).

    >>> tally(np.array([0, 500, 500]), np.array([1, 2, 3]))[[0, 500]].tolist()
    [1.0, 5.0]
    """
    return np.bincount(thousandths, weights=rows, minlength=THOUSANDTHS + 1).astype(np.float64)


def accuracy(negatives: Floats, positives: Floats) -> Floats:
    """Share of rows told right, where a score above one half says yes.

    >>> float(accuracy(tally(np.array([200, 900]), np.array([3, 1])), tally(np.array([200, 900]), np.array([1, 3]))))
    0.75
    """
    half = THOUSANDTHS // 2 + 1
    right = negatives[..., :half].sum(-1) + positives[..., half:].sum(-1)
    return np.asarray(right / _rows(negatives, positives))


def majority(negatives: Floats, positives: Floats) -> Floats:
    """Share of the more frequent label."""
    return np.asarray(np.maximum(negatives.sum(-1), positives.sum(-1)) / _rows(negatives, positives))


def roc_auc(negatives: Floats, positives: Floats) -> Floats:
    """Probability that a positive row scores above a negative one, ties counted half; NaN where one label is missing.

    >>> float(roc_auc(tally(np.array([200, 900]), np.array([3, 1])), tally(np.array([200, 900]), np.array([1, 3]))))
    0.75
    """
    below = np.cumsum(negatives, axis=-1) - negatives / 2
    pairs = negatives.sum(-1) * positives.sum(-1)
    return _divide((positives * below).sum(-1), pairs)


def pr_auc(negatives: Floats, positives: Floats) -> Floats:
    """Average precision: sum over falling thresholds of (recall gained) x precision; NaN without a positive row.

    >>> float(pr_auc(tally(np.array([0, 999]), np.array([2, 0])), tally(np.array([999]), np.array([2]))))
    1.0
    """
    gained = positives[..., ::-1]
    found = np.cumsum(gained, axis=-1)
    told = found + np.cumsum(negatives[..., ::-1], axis=-1)
    precision = np.divide(found, told, out=np.zeros_like(found), where=told > 0)
    return _divide((gained * precision).sum(-1), positives.sum(-1))


def calibration_gap(negatives: Floats, positives: Floats) -> Floats:
    """Mean score less the share of positives, [-1, 1]: above 0 the model promises too much, below too little.

    >>> round(float(calibration_gap(tally(np.array([750]), np.array([1])), tally(np.array([750]), np.array([1])))), 2)
    0.25
    """
    rows = _rows(negatives, positives)
    return np.asarray(((negatives + positives) * _MIDDLES).sum(-1) / rows - positives.sum(-1) / rows)


METRICS: Final[dict[str, Callable[[Floats, Floats], Floats]]] = {
    "accuracy": accuracy,
    "roc_auc": roc_auc,
    "pr_auc": pr_auc,
    "calibration_gap": calibration_gap,
}
"""What is promised at promotion and measured again on live predictions, by name."""


def measure(negatives: Floats, positives: Floats, *, seed: int, replicates: int = REPLICATES) -> dict[str, Interval]:
    """Give every figure of `METRICS` with its interval, of one model on one set of rows.

    Args:
        negatives: Rows by thousandth that were not positive, shape (1001,).
        positives: Rows that were.
        seed: Decides the resamples.
        replicates: Number of resamples.
    """
    both = np.concatenate([negatives, positives])
    drawn = resample(both, seed=seed, replicates=replicates)
    parts = drawn[:, : THOUSANDTHS + 1], drawn[:, THOUSANDTHS + 1 :]
    return {name: to_interval(float(metric(negatives, positives)), metric(*parts)) for name, metric in METRICS.items()}


def resample(rows: Floats | Ints, *, seed: int, replicates: int) -> Floats:
    """Draw as many rows as there are, with replacement, so many times; rows per cell, shape (replicates, cells)."""
    total, held = rows.sum(), np.flatnonzero(rows)
    drawn = np.zeros((replicates, len(rows)))
    drawn[:, held] = np.random.default_rng(seed).multinomial(int(total), rows[held] / total, size=replicates)
    return drawn


def to_interval(value: float, drawn: Floats, *, level: float = 0.95) -> Interval:
    """Summarise resamples; those in which the figure does not exist are left out.

    >>> str(to_interval(1.0, np.arange(1001) / 1000))
    '1.0000 [0.0250, 0.9750]'
    """
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return Interval(value, value, value, 0.0)
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), float(known.std()))


def _rows(negatives: Floats, positives: Floats) -> Floats:
    return np.asarray(negatives.sum(-1) + positives.sum(-1))


def _divide(numerator: Floats, denominator: Floats) -> Floats:
    empty = np.full(np.shape(numerator), np.nan)
    return np.asarray(np.divide(numerator, denominator, out=empty, where=np.asarray(denominator) > 0))
