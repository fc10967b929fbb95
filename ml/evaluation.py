"""How good a classifier is on rows that it has not seen, beside the answer that anyone can give without a model.

Stands apart from the model: it takes any frame with a probability and a label. Spark counts, in one action, how often
each score met each label; everything else is arithmetic on those few counts, tested against scikit-learn.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from pyspark.sql import functions as sf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pyspark.sql import DataFrame

    Floats = NDArray[np.float64]

PROBABILITY: Final = "retweet_probability"
THRESHOLD: Final = 0.5
SCORE_DECIMALS: Final = 6
"""Scores are rounded to this many decimals, so that at most a million of them leave Spark whatever the model."""

CURVE_POINTS: Final = 500
"""A curve that is kept for drawing has at most about this many points."""


class EmptyEvaluationError(ValueError):
    """Held-out rows that hold one class only, or none: no ranking can be measured on them."""


@dataclass(frozen=True)
class Confusion:
    """Held-out rows by what was said (at `THRESHOLD`) and what came true."""

    true_negatives: int
    false_positives: int
    false_negatives: int
    true_positives: int


@dataclass(frozen=True)
class Evaluation:
    """What one model reached on one set of held-out rows. All shares are in [0, 1].

    Attributes:
        rows: Held-out rows.
        positives: Held-out rows that were retweeted.
        base_rate: Share of them; also the PR-AUC of the majority baseline.
        accuracy: Share of rows told right at `THRESHOLD` (a score above it says "retweeted").
        majority_accuracy: The same for always giving the answer that is more frequent in the held-out rows
            themselves, which no baseline learnt from the training rows can beat.
        roc_auc: Probability that a retweeted post scores above another one, ties counted half.
        roc_auc_standard_error: Its standard error after Hanley and McNeil (1982), doi:10.1148/radiology.143.1.7063747.
        pr_auc: Average precision: sum over thresholds of (recall gained) x precision.
        log_loss: Mean negative log-likelihood in nats, scores clipped to [1e-15, 1 - 1e-15].
        brier: Mean squared distance of score and outcome.
        confusion: Counts at `THRESHOLD`.
        roc: Points (false positive rate, true positive rate), from (0, 0) to (1, 1).
        precision_recall: Points (recall, precision) by falling threshold.
        counts: (score, rows not retweeted, rows retweeted) of each distinct score: all that a figure is made of.
    """

    rows: int
    positives: int
    base_rate: float
    accuracy: float
    majority_accuracy: float
    roc_auc: float
    roc_auc_standard_error: float
    pr_auc: float
    log_loss: float
    brier: float
    confusion: Confusion
    roc: tuple[tuple[float, float], ...]
    precision_recall: tuple[tuple[float, float], ...]
    counts: tuple[tuple[float, float, float], ...] = field(default=(), repr=False)

    def metrics(self) -> dict[str, float]:
        """Give the figures that are recorded with a model, by name."""
        names = ("base_rate", "accuracy", "majority_accuracy", "roc_auc", "roc_auc_standard_error", "pr_auc")
        figures = {name: float(getattr(self, name)) for name in (*names, "log_loss", "brier", "rows", "positives")}
        return figures | {f"confusion.{name}": float(count) for name, count in vars(self.confusion).items()}


@dataclass(frozen=True)
class Difference:
    """What the first of two models gains over the second on the same rows; positive is better, log-loss turned round.

    Attributes:
        roc_auc_standard_errors: The gain in ROC-AUC in units of the first model's standard error. The two models see
            the same rows, so this understates how sure the difference is; below 1 it cannot be told from nothing.
    """

    accuracy: float
    roc_auc: float
    pr_auc: float
    log_loss: float
    roc_auc_standard_errors: float


def compare(first: Evaluation, second: Evaluation) -> Difference:
    """Say what the first model gains over the second one.

    Raises:
        ValueError: They were not measured on the same number of rows and positives.
    """
    if (first.rows, first.positives) != (second.rows, second.positives):
        msg = (
            f"expected evaluations of the same rows, found {first.rows:,} and {second.rows:,}: measure both on one set"
        )
        raise ValueError(msg)
    gain = first.roc_auc - second.roc_auc
    error = first.roc_auc_standard_error
    return Difference(
        accuracy=first.accuracy - second.accuracy,
        roc_auc=gain,
        pr_auc=first.pr_auc - second.pr_auc,
        log_loss=second.log_loss - first.log_loss,
        roc_auc_standard_errors=gain / error if error else 0.0,
    )


def evaluate(predictions: DataFrame) -> Evaluation:
    """Measure held-out predictions in one Spark action.

    Args:
        predictions: One row per held-out post with `retweet_probability` in [0, 1] and `label` 1.0 or 0.0, no null.

    Raises:
        EmptyEvaluationError: The rows hold one class only, or there is none.
    """
    score = sf.round(sf.col(PROBABILITY), SCORE_DECIMALS).alias("score")
    counts = predictions.groupBy(score).agg(
        sf.count(sf.when(sf.col("label") == 0.0, 1)).alias("negatives"),
        sf.count(sf.when(sf.col("label") == 1.0, 1)).alias("positives"),
    )
    rows = counts.collect()
    return evaluate_counts([row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])


def evaluate_counts(scores: Sequence[float], negatives: Sequence[int], positives: Sequence[int]) -> Evaluation:
    """Measure a model from how often each of its scores met each label.

    Args:
        scores: Distinct scores in [0, 1], in any order.
        negatives: Rows with that score that were not retweeted.
        positives: Rows with that score that were.

    Raises:
        EmptyEvaluationError: There is no positive or no negative row.

    >>> result = evaluate_counts([0.2, 0.9], [3, 1], [1, 3])
    >>> result.accuracy, result.majority_accuracy, result.roc_auc
    (0.75, 0.5, 0.75)
    """
    order = np.argsort(np.asarray(scores, dtype=np.float64))[::-1]
    score = np.asarray(scores, dtype=np.float64)[order]
    negative = np.asarray(negatives, dtype=np.float64)[order]
    positive = np.asarray(positives, dtype=np.float64)[order]
    total_negative, total_positive = float(negative.sum()), float(positive.sum())
    if not total_negative or not total_positive:
        msg = (
            f"expected held-out rows of both classes, found {total_positive:,.0f} that were retweeted and "
            f"{total_negative:,.0f} that were not: hold out more rows"
        )
        raise EmptyEvaluationError(msg)
    rows = total_negative + total_positive
    confusion = _confusion(score, negative, positive)
    curve = _Curve(negative, positive)
    area = curve.roc_auc()
    return Evaluation(
        rows=int(rows),
        positives=int(total_positive),
        base_rate=total_positive / rows,
        accuracy=(confusion.true_positives + confusion.true_negatives) / rows,
        majority_accuracy=max(total_positive, total_negative) / rows,
        roc_auc=area,
        roc_auc_standard_error=standard_error(area, positives=total_positive, negatives=total_negative),
        pr_auc=curve.average_precision(),
        log_loss=_log_loss(score, negative, positive),
        brier=float((positive * (1 - score) ** 2 + negative * score**2).sum() / rows),
        confusion=confusion,
        roc=curve.roc(),
        precision_recall=curve.precision_recall(),
        counts=tuple(zip(score.tolist(), negative.tolist(), positive.tolist(), strict=True)),
    )


def standard_error(roc_auc: float, *, positives: float, negatives: float) -> float:
    """Give the standard error of a ROC-AUC after Hanley and McNeil (1982), scores taken as exponential.

    >>> standard_error(0.5, positives=1, negatives=1)
    0.5
    """
    both_positives = roc_auc / (2 - roc_auc)
    both_negatives = 2 * roc_auc**2 / (1 + roc_auc)
    variance = (
        roc_auc * (1 - roc_auc)
        + (positives - 1) * (both_positives - roc_auc**2)
        + (negatives - 1) * (both_negatives - roc_auc**2)
    ) / (positives * negatives)
    return float(np.sqrt(max(variance, 0.0)))


class _Curve:
    """Running counts by falling threshold; rows of equal score enter together, so that ties count half."""

    def __init__(self, negative: Floats, positive: Floats) -> None:
        self.false_positives = np.concatenate(([0.0], np.cumsum(negative)))
        self.true_positives = np.concatenate(([0.0], np.cumsum(positive)))
        self.false_positive_rate = self.false_positives / self.false_positives[-1]
        self.recall = self.true_positives / self.true_positives[-1]

    def roc_auc(self) -> float:
        return float(np.trapezoid(self.recall, self.false_positive_rate))

    def _precision(self) -> Floats:
        told = self.true_positives[1:] + self.false_positives[1:]
        precision: Floats = np.divide(self.true_positives[1:], told, out=np.ones_like(told), where=told > 0)
        return precision

    def average_precision(self) -> float:
        return float((np.diff(self.recall) * self._precision()).sum())

    def roc(self) -> tuple[tuple[float, float], ...]:
        return _points(self.false_positive_rate, self.recall)

    def precision_recall(self) -> tuple[tuple[float, float], ...]:
        return _points(self.recall[1:], self._precision())


def _points(across: Floats, up: Floats) -> tuple[tuple[float, float], ...]:
    kept = np.unique(np.linspace(0, len(across) - 1, min(len(across), CURVE_POINTS)).round().astype(int))
    return tuple((float(x), float(y)) for x, y in zip(across[kept], up[kept], strict=True))


def _confusion(score: Floats, negative: Floats, positive: Floats) -> Confusion:
    told = score > THRESHOLD
    return Confusion(
        true_negatives=int(negative[~told].sum()),
        false_positives=int(negative[told].sum()),
        false_negatives=int(positive[~told].sum()),
        true_positives=int(positive[told].sum()),
    )


def _log_loss(score: Floats, negative: Floats, positive: Floats) -> float:
    clipped = np.clip(score, 1e-15, 1 - 1e-15)
    return float(
        -(positive * np.log(clipped) + negative * np.log1p(-clipped)).sum() / (positive.sum() + negative.sum())
    )
