"""How far the latest posts are from those that a model learnt from, told from counts alone.

Stands apart from Spark, which counts posts per day, feature and bin (`ml.bins`): a few thousand numbers, whatever the
number of posts. A window of days is the sum of its days, so earlier windows cost nothing, and from them comes the
threshold: what the statistic used to be between windows of the same length and the rest of the past.

- PSI, the population stability index: sum of (p - q) ln(p / q) over bins; Lin, Siddiqi (2006), "Credit Risk
  Scorecards", calls 0.1 a small and 0.25 a large shift, whatever the number of posts.
- KS, the Kolmogorov-Smirnov distance: the largest difference of the two running shares, in [0, 1].
- JS, the Jensen-Shannon divergence in bits, in [0, 1]; Lin (1991), doi:10.1109/18.61115.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MIN_HISTORY_SPANS: Final = 3
"""The past must hold at least so many windows that do not overlap before a threshold is set from it."""

CHANCE: Final = 1e-4
"""How often a statistic may lie above its threshold though nothing changed, per statistic and check."""

_CHANCE_NORMAL: Final = 3.719
"""The value that a standard normal variable passes with the probability `CHANCE`."""

_MOST_SHAPE: Final = 4.0
_SMOOTHING: Final = 0.5


@dataclass(frozen=True)
class DayCounts:
    """Posts of one feature per day and bin.

    Attributes:
        counts: Shape (days, bins); the days follow each other without a gap.
        is_ordered: Whether the bins are intervals of a number, so that a running share means something.
    """

    counts: Floats
    is_ordered: bool


@dataclass(frozen=True)
class Finding:
    """One statistic of one feature.

    Attributes:
        feature: The feature.
        statistic: `psi`, `ks` or `js`.
        value: Between the latest window and the reference.
        threshold: Above it is drift; None with too little history.
        floor: The least that the threshold can be.
        history: Earlier windows from which the threshold was set.
    """

    feature: str
    statistic: str
    value: float
    threshold: float | None
    floor: float
    history: int

    @property
    def is_drifted(self) -> bool:
        """Whether the value lies above the threshold."""
        return self.threshold is not None and self.value > self.threshold


def psi(reference: Floats, window: Floats) -> Floats:
    """Population stability index over the last axis, >= 0; half a post is added to each bin, so that none is empty.

    >>> float(psi(np.array([50.0, 50.0]), np.array([50.0, 50.0])))
    0.0
    >>> round(float(psi(np.array([500.0, 500.0]), np.array([250.0, 750.0]))), 2)
    0.27
    """
    p, q = _smooth(reference), _smooth(window)
    return np.asarray(((p - q) * np.log(p / q)).sum(-1))


def ks(reference: Floats, window: Floats) -> Floats:
    """Kolmogorov-Smirnov distance over the last axis, in [0, 1], as far as the bins can tell.

    >>> float(ks(np.array([1.0, 1.0]), np.array([1.0, 3.0])))
    0.25
    """
    return np.asarray(np.abs(np.cumsum(_share(reference), -1) - np.cumsum(_share(window), -1)).max(-1))


def js(reference: Floats, window: Floats) -> Floats:
    """Jensen-Shannon divergence over the last axis, in bits, in [0, 1].

    >>> float(js(np.array([1.0, 0.0]), np.array([0.0, 1.0])))
    1.0
    """
    p, q = np.broadcast_arrays(_share(reference), _share(window))
    middle = (p + q) / 2
    return np.asarray((_entropy(middle) - (_entropy(p) + _entropy(q)) / 2).clip(0))


STATISTICS: Final[dict[str, Callable[[Floats, Floats], Floats]]] = {"psi": psi, "ks": ks, "js": js}


def windows_of(counts: Floats, days: int) -> Floats:
    """Sum every run of so many days; shape (runs, bins), the earliest first.

    >>> windows_of(np.array([[1.0], [2.0], [3.0]]), 2).tolist()
    [[3.0], [5.0]]
    """
    running = np.concatenate([np.zeros((1, counts.shape[1])), np.cumsum(counts, axis=0)])
    return np.asarray(running[days:] - running[:-days])


def set_threshold(history: Floats, *, floor: float) -> float:
    """Set the threshold from what a statistic used to be.

    A gamma distribution takes the history's mean and variance, and the value that it passes with the probability
    `CHANCE` is the threshold (by Wilson and Hilferty 1931, doi:10.1073/pnas.17.12.684): statistics of counts that do
    not change are sums of squares, which it fits, and it reaches further out than the largest of a few dozen values.
    Its shape is at most 4, because the variance of few windows that overlap is itself a guess.

    >>> set_threshold(np.array([0.01, 0.02, 0.03]), floor=0.1)
    0.1
    >>> 0.03 < set_threshold(np.array([0.01, 0.02, 0.03]), floor=0.0) < 0.2
    True
    """
    mean, variance = float(history.mean()), float(history.var())
    if mean <= 0:
        return floor
    shape = min(mean**2 / variance, _MOST_SHAPE) if variance > 0 else _MOST_SHAPE
    root = 1 - 1 / (9 * shape) + _CHANCE_NORMAL / (3 * float(np.sqrt(shape)))
    return max(floor, mean * root**3)


def threshold_of(
    reference: DayCounts, statistic: str, *, days: int, floor: float, posts: float | None = None
) -> tuple[float | None, int]:
    """Set the threshold of one statistic from the windows of the reference, each against the rest of it.

    Args:
        reference: Counts of the days that the model learnt from.
        statistic: Name of the statistic.
        days: Length of a window.
        floor: The least that the threshold can be.
        posts: Posts of the window that will be judged: with fewer of them than in the past chance does more.

    Returns:
        The threshold, None with too little history, and the number of windows that it was set from.
    """
    if len(reference.counts) < MIN_HISTORY_SPANS * days:
        return None, 0
    windows = windows_of(reference.counts, days)
    sizes = windows.sum(-1)
    windows = windows[sizes > 0]
    rest = reference.counts.sum(0) - windows
    history = STATISTICS[statistic](rest, windows)
    if not len(history):
        return None, 0
    usual = float(np.median(sizes[sizes > 0]))
    fewer = max(usual / posts, 1.0) if posts else 1.0
    scale = np.sqrt(fewer) if statistic == "ks" else fewer
    return set_threshold(history * scale, floor=floor), len(history)


def compare(
    reference: Mapping[str, DayCounts], window: Mapping[str, DayCounts], *, days: int, floors: Mapping[str, float]
) -> list[Finding]:
    """Compare the latest window with the reference: PSI of every feature, KS of the numbers, JS of the categories.

    Args:
        reference: Feature → counts of the days that the model learnt from.
        window: Feature → counts of the latest days, in the same bins.
        days: Length of the window.
        floors: Statistic → the least that its threshold can be.
    """
    findings = []
    for feature, past in reference.items():
        now = window[feature].counts.sum(0)
        for statistic in ("psi", "ks" if past.is_ordered else "js"):
            threshold, history = threshold_of(
                past, statistic, days=days, floor=floors[statistic], posts=float(now.sum()) or None
            )
            value = float(STATISTICS[statistic](past.counts.sum(0), now))
            findings.append(Finding(feature, statistic, value, threshold, floors[statistic], history))
    return findings


def _share(counts: Floats) -> Floats:
    total = counts.sum(-1, keepdims=True)
    return np.asarray(np.divide(counts, total, out=np.zeros_like(counts), where=total > 0))


def _smooth(counts: Floats) -> Floats:
    return _share(counts + _SMOOTHING)


def _entropy(shares: Floats) -> Floats:
    logs = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(-(shares * logs).sum(-1))
