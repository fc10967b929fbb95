"""Two models on the same held-out rows, counted in one Spark action.

Stands apart from the gate, which is arithmetic on these counts. At most a million cells per group leave Spark, whatever
the number of rows, because scores are counted in thousandths.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np
from pyspark.sql import functions as sf

from ml.evaluation import PROBABILITY
from ml.features import KEYS, LABEL
from ml.model import score
from ml.split import POSTED_SECONDS
from ml.tallies import REPLICATES, Interval, resample, roc_auc, tally, thousandth, to_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame

    from ml.tallies import Floats, Ints

GROUP: Final = "group"
"""Column: what the rows are told apart by, such as the language; null is a group of its own."""

UNKNOWN: Final = "unknown"
MISSING: Final = -1
"""Stands for a score that is no probability."""


@dataclass(frozen=True)
class Pairs:
    """Held-out rows by group, both scores and label; one element per cell in every array.

    Attributes:
        group: Name of the group.
        candidate: Thousandth of the candidate's score; `MISSING` if it is no probability.
        production: The same of the model in production; None if there is none.
        label: 1 or 0.
        rows: Held-out rows in the cell.
        first_posted_at: Time of the earliest of the rows, UTC: whatever was learnt from is older.
    """

    group: NDArray[np.str_]
    candidate: Ints
    production: Ints | None
    label: Ints
    rows: Ints
    first_posted_at: datetime

    @property
    def missing(self) -> int:
        """Rows for which the candidate's score is no probability."""
        return int(self.rows[self.candidate == MISSING].sum())

    def of_group(self, name: str) -> Pairs:
        """Give the rows of one group."""
        return self.only(self.group == name)

    def only(self, chosen: NDArray[np.bool_]) -> Pairs:
        """Give the chosen cells."""
        production = None if self.production is None else self.production[chosen]
        return Pairs(
            self.group[chosen],
            self.candidate[chosen],
            production,
            self.label[chosen],
            self.rows[chosen],
            self.first_posted_at,
        )

    def without_production(self) -> Pairs:
        """Give the same rows with nothing to be compared with."""
        return Pairs(self.group, self.candidate, None, self.label, self.rows, self.first_posted_at)

    def tallies(self, scores: Ints) -> tuple[Floats, Floats]:
        """Count negatives and positives by thousandth of one model's score."""
        return tally(scores, self.rows * (1 - self.label)), tally(scores, self.rows * self.label)


def count_pairs(candidate: PipelineModel, production: PipelineModel | None, held_out: DataFrame) -> Pairs:
    """Score held-out rows with both models and count them, in one Spark action.

    Args:
        candidate: The model to be judged.
        production: The model it is compared with; None if there is none.
        held_out: Model frame, key (source, post_id), with `label` and a column `group`.
    """
    keys = list(KEYS)
    scored = score(candidate, held_out).withColumn("candidate", thousandth(sf.col(PROBABILITY)))
    scored = scored.select(*keys, GROUP, LABEL, POSTED_SECONDS, "candidate")
    if production is None:
        scored = scored.withColumn("production", sf.lit(None).cast("int"))
    else:
        other = score(production, held_out).select(*keys, thousandth(sf.col(PROBABILITY)).alias("production"))
        scored = scored.join(other, keys)
    cells = scored.groupBy(GROUP, "candidate", "production", LABEL).agg(
        sf.count(sf.lit(1)).alias("rows"), sf.min(POSTED_SECONDS).alias("first")
    )
    found = cells.collect()
    return Pairs(
        group=np.array([row[GROUP] or UNKNOWN for row in found]),
        candidate=_whole([row["candidate"] for row in found]),
        production=None if production is None else _whole([row["production"] for row in found]),
        label=_whole([row[LABEL] for row in found]),
        rows=_whole([row["rows"] for row in found]),
        first_posted_at=datetime.fromtimestamp(min(row["first"] for row in found), tz=UTC),
    )


def gain_in_roc_auc(pairs: Pairs, *, seed: int, level: float = 0.95, replicates: int = REPLICATES) -> Interval:
    """Give the candidate's ROC-AUC less production's, with its interval from resamples that both models share.

    >>> known = np.array([0, 900, 100, 900]), np.array([1, 0, 1, 1]), np.array([9, 9, 9, 9])
    >>> same = Pairs(np.array(["en"] * 4), known[0], known[0], known[1], known[2], datetime.now(UTC))
    >>> gain_in_roc_auc(same, seed=1)
    Interval(value=0.0, low=0.0, high=0.0, error=0.0)

    Raises:
        ValueError: There is no model to compare with.
    """
    if pairs.production is None:
        raise ValueError("expected the scores of two models, found those of one: measure production on the same rows.")
    drawn = resample(pairs.rows, seed=seed, replicates=replicates)
    gains = [_area(pairs.candidate, pairs.label, rows) - _area(pairs.production, pairs.label, rows) for rows in drawn]
    value = _area(pairs.candidate, pairs.label, pairs.rows) - _area(pairs.production, pairs.label, pairs.rows)
    return to_interval(value, np.array(gains), level=level)


def _area(scores: Ints, label: Ints, rows: Floats | Ints) -> float:
    return float(roc_auc(tally(scores, rows * (1 - label)), tally(scores, rows * label)))


def _whole(values: list[float | None]) -> Ints:
    return np.array([MISSING if value is None else int(value) for value in values], dtype=np.int64)
