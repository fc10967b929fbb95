"""Held-out rows in memory, a bounded number of them: for what counts per score cannot tell.

One Spark action brings, per held-out post of the time split, both scores (with and without sentiment), what its author
reached before, and what it is sliced by. Slices, intervals by author, the author's own rate as a baseline and the check
for leaks are arithmetic on these arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from pyspark.sql import functions as sf

from ml.candidates.in_memory import evaluate_rows
from ml.engineered import make_numbers, numbers_of
from ml.evaluation import PROBABILITY, EmptyEvaluationError
from ml.features import KEYS, LABEL
from ml.intervals import Draws, Interval, draw_groups, to_interval
from ml.model import predict

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray
    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame

    from ml.evaluation import Evaluation
    from ml.split import Split

    Floats = NDArray[np.float64]

MOST_ROWS: Final = 100_000
"""Held-out rows that are brought into memory at most; of more, a part chosen by a hash."""

MOST_SLICES: Final = 8
"""Values of one column that get a row of their own; the rest, and what is rarer than a class may be, is one row."""

FEWEST_OF_A_CLASS: Final = 20
"""A slice with fewer posts of one class has no ROC-AUC: it could be anything."""

BANDS: Final = ((0, "0 to 99"), (100, "100 to 999"), (1_000, "1,000 to 9,999"), (10_000, "10,000 or more"))
"""Least followers of each band, and its name."""

_WITHOUT: Final = "score_without_sentiment"
_EARLIER: Final = "earlier_rate"
_AUTHOR: Final = "author_number"
_BUCKETS: Final = 1_000_000


@dataclass(frozen=True)
class Slice:
    """How good a model is on the posts that share one value.

    Attributes:
        column: What is shared: `language`, `program`, `verified`, `followers` or `source`.
        value: The value in words.
        rows: Held-out posts.
        base_rate: Share of them that was retweeted.
        accuracy: Share told right at 0.5.
        roc_auc: None where one class has fewer than 20 posts.
        standard_error: Of the ROC-AUC; None likewise.
    """

    column: str
    value: str
    rows: int
    base_rate: float
    accuracy: float
    roc_auc: float | None
    standard_error: float | None


@dataclass(frozen=True)
class Detail:
    """What held-out rows in memory tell of one model.

    Attributes:
        rows: Rows that were looked at; all held-out ones unless there are more than `MOST_ROWS`.
        draws: Figures and curves under draws of whole authors.
        gain_of_sentiment: Interval of the gain in each figure, the same authors drawn for both models; empty where
            there is nothing to compare with.
        earlier_rate: The baseline that knows the author's share of retweeted posts among those learnt from.
        known_authors: Rows whose author has a post among those learnt from.
        slices: By language, program, verified, followers and, where there are several, source.
        single: ROC-AUC of each number alone, the direction that ranks better, [0.5, 1], the greatest first.
        constant_numbers: Numbers with one value in all rows.
    """

    rows: int
    draws: Draws
    gain_of_sentiment: dict[str, Interval]
    earlier_rate: Evaluation
    known_authors: int
    slices: tuple[Slice, ...]
    single: dict[str, float]
    constant_numbers: tuple[str, ...]


def look_closely(
    split: Split, model: PipelineModel, without: PipelineModel | None, names: Sequence[str], *, seed: int
) -> Detail:
    """Bring held-out rows of a split into memory, in one action, and look at them.

    Args:
        split: Whose held-out rows; its training rows give the author's earlier rate.
        model: The model.
        without: The same candidate learnt without sentiment; None if there is none.
        names: Features that the model reads.
        seed: Seed of the draws.
    """
    numbers = numbers_of(names)
    rows = _bring(split, model, without, numbers, seed=seed)
    labels, scores = rows[LABEL].to_numpy(np.float64), rows[PROBABILITY].to_numpy(np.float64)
    authors = rows[_AUTHOR].factorize()[0].astype(np.int64)
    draws = draw_groups(scores, labels, authors, seed=seed)
    gain = {}
    if without is not None:
        other = draw_groups(rows[_WITHOUT].to_numpy(np.float64), labels, authors, seed=seed)
        gain = {name: to_interval(values - other.figures[name]) for name, values in draws.figures.items()}
    single = {name: alone(rows[f"{name}_alone"].to_numpy(np.float64), labels) for name in numbers}
    prior = split.train_counts.positives / split.train_counts.rows
    return Detail(
        rows=len(rows),
        draws=draws,
        gain_of_sentiment=gain,
        earlier_rate=evaluate_rows(rows[_EARLIER].fillna(prior).to_numpy(np.float64), labels),
        known_authors=int(rows[_EARLIER].notna().sum()),
        slices=tuple(_slices(rows)),
        single=dict(sorted(single.items(), key=lambda pair: -pair[1])),
        constant_numbers=tuple(name for name in numbers if rows[f"{name}_alone"].nunique() == 1),
    )


def alone(values: Floats, labels: Floats) -> float:
    """Give the ROC-AUC of one number by itself, turned the way that ranks better.

    >>> alone(np.array([3.0, 2.0, 1.0]), np.array([0.0, 0.0, 1.0]))
    1.0
    """
    _, place = np.unique(values, return_inverse=True)
    positives = np.bincount(place, weights=labels)
    negatives = np.bincount(place) - positives
    wins = (positives * (np.cumsum(negatives) - negatives / 2)).sum() / (positives.sum() * negatives.sum())
    return float(max(wins, 1 - wins))


def _bring(
    split: Split, model: PipelineModel, without: PipelineModel | None, numbers: Sequence[str], *, seed: int
) -> pd.DataFrame:
    prior = split.train_counts.positives / split.train_counts.rows
    author = ["source", "author_id"]
    rates = split.train.groupBy(*author).agg(
        ((sf.sum(LABEL) + prior) / (sf.count(sf.lit(1)) + 1)).alias(_EARLIER)  # one post at the prior, for smoothness
    )
    scored = predict(model, _sample(split, seed=seed))
    if without is not None:
        kept = scored.withColumnRenamed(PROBABILITY, "score")
        scored = predict(without, kept).withColumnRenamed(PROBABILITY, _WITHOUT)
        scored = scored.withColumnRenamed("score", PROBABILITY)
    alone_columns = [sf.col(name).alias(f"{name}_alone") for name in numbers]
    sliced = [name for name in ("language", "client_name", "user_verified", "user_followers") if name in scored.columns]
    second = [_WITHOUT] if without is not None else []
    number = sf.xxhash64(*(f"held.{name}" for name in author)).alias(_AUTHOR)
    frame = make_numbers(numbers).transform(scored).alias("held")
    told = [f"held.{name}" for name in (LABEL, PROBABILITY, *second, *sliced)]
    joined = frame.join(sf.broadcast(rates).alias("rate"), author, "left")
    found: pd.DataFrame = joined.select(*KEYS, *told, number, _EARLIER, *alone_columns).toPandas()
    return found.sort_values(list(KEYS), ignore_index=True)


def _sample(split: Split, *, seed: int) -> DataFrame:
    rows = split.held_out_counts.rows
    if rows <= MOST_ROWS:
        return split.held_out
    bucket = sf.pmod(sf.xxhash64(*KEYS, sf.lit(seed)), sf.lit(_BUCKETS))
    return split.held_out.where(bucket < int(MOST_ROWS / rows * _BUCKETS))


def band_of(followers: float) -> str:
    """Name the band of a number of followers.

    >>> band_of(100), band_of(99)
    ('100 to 999', '0 to 99')
    """
    return next(name for least, name in reversed(BANDS) if followers >= least or least == 0)


def _slices(rows: pd.DataFrame) -> list[Slice]:
    columns = {
        "source": rows["source"],
        "language": rows.get("language"),
        "program": rows.get("client_name"),
        "verified": rows["user_verified"].map({1.0: "yes", 0.0: "no"}) if "user_verified" in rows else None,
        "followers": rows["user_followers"].map(band_of) if "user_followers" in rows else None,
    }
    found = []
    for column, values in columns.items():
        if values is None or (column == "source" and values.nunique() == 1):
            continue
        counts = values.value_counts()
        frequent = counts[counts >= FEWEST_OF_A_CLASS].index[:MOST_SLICES]
        named = values.where(values.isin(frequent), "all others").replace("", "not known")
        order = [name for _, name in BANDS] if column == "followers" else list(named.value_counts().index)
        found += [_slice(column, value, rows[named == value]) for value in order if (named == value).any()]
    return found


def _slice(column: str, value: str, rows: pd.DataFrame) -> Slice:
    labels, scores = rows[LABEL].to_numpy(np.float64), rows[PROBABILITY].to_numpy(np.float64)
    rarer = min(labels.sum(), len(labels) - labels.sum())
    try:
        evaluation = evaluate_rows(scores, labels) if rarer >= FEWEST_OF_A_CLASS else None
    except EmptyEvaluationError:
        evaluation = None
    return Slice(
        column=column,
        value=value,
        rows=len(rows),
        base_rate=float(labels.mean()),
        accuracy=float(((scores > 0.5) == (labels == 1)).mean()),  # noqa: PLR2004
        roc_auc=evaluation.roc_auc if evaluation else None,
        standard_error=evaluation.roc_auc_standard_error if evaluation else None,
    )
