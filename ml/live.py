"""What old predictions turned out to be worth, beside what the model promised when it was promoted.

The label is the latest one known. Only posts count that were made after all that the model was judged on: the others
it has learnt from, or was chosen by. A label that is younger than those it learnt from may still turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from pyspark.sql import functions as sf

from ml.evaluation import PROBABILITY
from ml.features import SOURCE_LABEL
from ml.tallies import METRICS, REPLICATES, Interval, measure, tally, thousandth

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import DataFrame

    from ml.tallies import Floats

CALIBRATION: Final = "calibration_gap"
SURE_ERRORS: Final = 3.3
"""A fall of fewer standard errors is called chance: one check in 2,000 lies beyond by chance alone."""

MIN_LIVE_RARER: Final = 20
"""With fewer posts of the rarer label nothing is said."""


@dataclass(frozen=True)
class LiveCounts:
    """Predicted posts whose label is known.

    Attributes:
        negatives: Posts that were not retweeted, by thousandth of their score; shape (1001,).
        positives: Posts that were.
        late: Posts that were captured again after the prediction.
    """

    negatives: Floats
    positives: Floats
    late: int

    @property
    def rows(self) -> int:
        """All of them."""
        return int(self.negatives.sum() + self.positives.sum())


@dataclass(frozen=True)
class LiveFinding:
    """One metric on live predictions.

    Attributes:
        metric: Its name.
        found: Its value and interval; None with too few labels.
        promised: What it was on held-out posts; None if that is not recorded.
        threshold: The value at which it counts as fallen; None where nothing can be said.
        is_fallen: Whether it lies beyond.
    """

    metric: str
    found: Interval | None
    promised: float | None
    threshold: float | None
    is_fallen: bool


def count_live(posts: DataFrame) -> LiveCounts:
    """Count predictions by score and label, in one Spark action.

    Args:
        posts: One row per predicted post with `retweet_probability`, `was_retweeted`, `last_seen_at` and `scored_at`;
            those without a label are left out.
    """
    known = posts.where(sf.col(SOURCE_LABEL).isNotNull())
    cells = (
        known.groupBy(thousandth(sf.col(PROBABILITY)).alias("score"), sf.col(SOURCE_LABEL).alias("label"))
        .agg(
            sf.count(sf.lit(1)).alias("rows"),
            sf.count(sf.when(sf.col("last_seen_at") > sf.col("scored_at"), 1)).alias("late"),
        )
        .where(sf.col("score").isNotNull())
        .collect()
    )
    scores = np.array([cell["score"] for cell in cells], dtype=np.int64)
    rows = np.array([cell["rows"] for cell in cells], dtype=np.float64)
    label = np.array([cell["label"] for cell in cells], dtype=bool)
    return LiveCounts(tally(scores, rows * ~label), tally(scores, rows * label), sum(cell["late"] for cell in cells))


def hold_to_promise(
    counts: LiveCounts, promised: Mapping[str, Mapping[str, float]], *, seed: int, replicates: int = REPLICATES
) -> tuple[LiveFinding, ...]:
    """Compare every metric with what was promised; it has fallen if chance in both of them does not explain it.

    Args:
        counts: Live predictions.
        promised: Metric → `value` and `error` (standard error) at promotion; may lack some.
        seed: Decides the resamples.
        replicates: Number of resamples.
    """
    if min(counts.negatives.sum(), counts.positives.sum()) < MIN_LIVE_RARER:
        return tuple(LiveFinding(name, None, _value(promised, name), None, is_fallen=False) for name in METRICS)
    measured = measure(counts.negatives, counts.positives, seed=seed, replicates=replicates)
    return tuple(_hold(name, found, promised.get(name)) for name, found in measured.items())


def _hold(name: str, found: Interval, promised: Mapping[str, float] | None) -> LiveFinding:
    """Say whether a metric fell: below its promise, or, for the calibration, away from 0 on either side.

    >>> _hold("roc_auc", Interval(0.6, 0.5, 0.7, 0.01), {"value": 0.75, "error": 0.01}).is_fallen
    True
    >>> _hold("calibration_gap", Interval(0.05, 0.0, 0.1, 0.03), {"value": -0.01, "error": 0.01}).is_fallen
    False
    """
    if promised is None:
        return LiveFinding(name, found, None, None, is_fallen=False)
    reach = SURE_ERRORS * float(np.hypot(found.error, promised["error"]))
    if name == CALIBRATION:
        threshold = abs(promised["value"]) + reach
        return LiveFinding(name, found, promised["value"], threshold, is_fallen=abs(found.value) > threshold)
    threshold = promised["value"] - reach
    return LiveFinding(name, found, promised["value"], threshold, is_fallen=found.value < threshold)


def _value(promised: Mapping[str, Mapping[str, float]], name: str) -> float | None:
    return promised[name]["value"] if name in promised else None
