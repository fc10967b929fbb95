"""How far a figure could lie from the truth: percentile bootstrap (Efron and Tibshirani 1993, chapter 13), seeded.

Two ways to draw again. By rows, from the counts that an evaluation holds already: no row is read a second time. By
author, from rows that lie in memory: posts of one author are alike, and whole authors are drawn, so the interval is as
wide as it must be (Field and Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ml.evaluation import THRESHOLD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ml.evaluation import Evaluation

    Floats = NDArray[np.float64]

DRAWS: Final = 500
COVERAGE: Final = 0.95
FIGURES: Final = ("accuracy", "roc_auc", "pr_auc", "log_loss", "brier")
GRID: Final = np.linspace(0, 1, 101)
"""False positive rates, or recalls, at which the band of a curve is measured."""

_CELLS_AT_ONCE: Final = 4_000_000
_MOST_SCORES: Final = 5_000


@dataclass(frozen=True)
class Interval:
    """The middle 95% of what the draws gave.

    >>> str(Interval(0.7, 0.75))
    '0.700 to 0.750'
    """

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:.3f} to {self.high:.3f}"

    @property
    def holds_zero(self) -> bool:
        """Whether nothing at all is among what is likely."""
        return self.low <= 0 <= self.high


@dataclass(frozen=True)
class Draws:
    """Figures and curves of each draw; draws in which one class is missing are left out.

    Attributes:
        figures: Values by figure, one per draw.
        recall: True positive rate at `GRID` false positive rates, draws by 101.
        precision: Precision at `GRID` recalls, draws by 101.
    """

    figures: dict[str, Floats]
    recall: Floats
    precision: Floats

    def intervals(self) -> dict[str, Interval]:
        """Give the interval of each figure."""
        return {name: to_interval(values) for name, values in self.figures.items()}


def to_interval(values: Floats) -> Interval:
    """Give the middle 95% of values.

    >>> str(to_interval(np.arange(101.0)))
    '2.500 to 97.500'
    """
    low, high = np.quantile(values, ((1 - COVERAGE) / 2, (1 + COVERAGE) / 2))
    return Interval(float(low), float(high))


def draw_rows(evaluation: Evaluation, *, seed: int, draws: int = DRAWS) -> Draws:
    """Draw rows again, from how often each score met each label.

    Beyond 5,000 distinct scores neighbours are put together, which moves a figure by less than it is wide.

    Args:
        evaluation: With its counts.
        seed: The same seed gives the same draws.
        draws: Number of draws.
    """
    scores, negatives, positives = _together(np.asarray(evaluation.counts, dtype=np.float64).T)
    cells = np.concatenate((negatives, positives))
    generator = np.random.default_rng(seed)
    parts = []
    for size in _parts(draws, len(cells)):
        drawn = generator.multinomial(int(cells.sum()), cells / cells.sum(), size=size).astype(np.float64)
        parts.append(measure(scores, drawn[:, : len(scores)], drawn[:, len(scores) :]))
    return _join(parts)


def draw_groups(scores: Floats, labels: Floats, groups: NDArray[np.int64], *, seed: int, draws: int = DRAWS) -> Draws:
    """Draw whole groups again, each with all its rows.

    Args:
        scores: One per row, in [0, 1].
        labels: 1.0 or 0.0 per row.
        groups: Number of the row's group, from 0.
        seed: The same seed and groups give the same draws, so two models are compared draw by draw.
        draws: Number of draws.
    """
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.inf))
    counts = int(groups.max()) + 1
    generator = np.random.default_rng(seed)
    parts = []
    for size in _parts(draws, len(scores)):
        weights = generator.multinomial(counts, np.full(counts, 1 / counts), size=size)[:, groups[order]]
        positives = np.add.reduceat(weights * labels[order], starts, axis=1)
        rows = np.add.reduceat(weights.astype(np.float64), starts, axis=1)
        parts.append(measure(scores[order][starts], rows - positives, positives))
    return _join(parts)


def measure(scores: Floats, negatives: Floats, positives: Floats) -> Draws:
    """Measure many draws at once.

    Args:
        scores: Distinct scores by falling size, n.
        negatives: Rows by draw and score, draws by n.
        positives: The same of rows that were retweeted.

    >>> drawn = measure(np.array([0.9, 0.2]), np.array([[1.0, 3.0]]), np.array([[3.0, 1.0]]))
    >>> float(drawn.figures["accuracy"][0]), float(drawn.figures["roc_auc"][0])
    (0.75, 0.75)
    """
    whole = (negatives.sum(1) > 0) & (positives.sum(1) > 0)
    negatives, positives = negatives[whole], positives[whole]
    rows = (negatives + positives).sum(1)
    false_rate = _shares(negatives)
    recall = _shares(positives)
    found, told = np.cumsum(positives, 1), np.cumsum(positives + negatives, 1)
    precision = np.divide(found, told, out=np.ones_like(found), where=told > 0)
    says = scores > THRESHOLD
    clipped = np.clip(scores, 1e-15, 1 - 1e-15)
    figures = {
        "accuracy": (positives[:, says].sum(1) + negatives[:, ~says].sum(1)) / rows,
        "roc_auc": (np.diff(false_rate, axis=1) * (recall[:, 1:] + recall[:, :-1]) / 2).sum(1),
        "pr_auc": (np.diff(recall, axis=1) * precision).sum(1),
        "log_loss": -(positives @ np.log(clipped) + negatives @ np.log1p(-clipped)) / rows,
        "brier": (positives @ (1 - scores) ** 2 + negatives @ scores**2) / rows,
    }
    curves = [
        (np.interp(GRID, across, up), np.interp(GRID, up[1:], steps))
        for across, up, steps in zip(false_rate, recall, precision, strict=True)
    ]
    return Draws(figures, np.array([curve[0] for curve in curves]), np.array([curve[1] for curve in curves]))


def _shares(counts: Floats) -> Floats:
    sums = np.cumsum(counts, axis=1)
    return np.pad(sums / sums[:, -1:], ((0, 0), (1, 0)))


def _together(counts: Floats) -> tuple[Floats, Floats, Floats]:
    """Order counts by falling score, and put neighbours together until there are at most 5,000."""
    order = np.argsort(-counts[0], kind="stable")
    scores, negatives, positives = counts[:, order]
    if len(scores) <= _MOST_SCORES:
        return scores, negatives, positives
    starts = np.unique(np.linspace(0, len(scores) - 1, _MOST_SCORES).astype(int))
    rows = np.add.reduceat(negatives + positives, starts)
    means = np.add.reduceat(scores * (negatives + positives), starts) / rows
    return means, np.add.reduceat(negatives, starts), np.add.reduceat(positives, starts)


def _parts(draws: int, cells: int) -> Iterator[int]:
    size = max(1, _CELLS_AT_ONCE // cells)
    for done in range(0, draws, size):
        yield min(size, draws - done)


def _join(parts: list[Draws]) -> Draws:
    return Draws(
        {name: np.concatenate([part.figures[name] for part in parts]) for name in FIGURES},
        np.concatenate([part.recall for part in parts]),
        np.concatenate([part.precision for part in parts]),
    )
