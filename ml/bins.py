"""Posts counted per day, feature and bin: what `ml.drift` needs to know of them, in one Spark action.

The bins are learnt from the posts that the model learnt from: twentieths of a number, the most frequent values of a
category. Every later window is counted in the same bins.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Final

import numpy as np
from pyspark.sql import functions as sf
from pyspark.sql.window import Window

from ml.drift import DayCounts
from ml.features import ARTICLE_FEATURES, FEATURES, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from pyspark.sql import Column, DataFrame

SCORE: Final = "score"
LANGUAGE: Final = "language"
NUMBERS: Final = (*(name for name in ARTICLE_FEATURES if FEATURES[name].kind in (Kind.COUNT, Kind.SHARE)), SCORE)
"""Features whose bins are intervals; `score` is the model's answer."""

CATEGORIES: Final = (*(name for name in ARTICLE_FEATURES if name not in NUMBERS), LANGUAGE)
"""Features whose bins are values."""

_PARTS: Final = 20
_ACCURACY: Final = 0.001


@dataclass(frozen=True)
class Bins:
    """How each feature is cut.

    Attributes:
        edges: Number → ascending edges; bin `i` holds what is above `i` of them, the last bin what is null.
        values: Category → its most frequent values; bin 0 holds all others, the last bin what is null.
    """

    edges: dict[str, tuple[float, ...]]
    values: dict[str, tuple[str, ...]]

    def size(self, feature: str) -> int:
        """Give the number of bins of a feature."""
        return len(self.edges.get(feature, self.values.get(feature, ()))) + 2

    def columns(self) -> list[Column]:
        """Give one struct (feature, bin) per feature."""
        cut = [_named(name, _bin_of_number(name, edges)) for name, edges in self.edges.items()]
        return [*cut, *(_named(name, _bin_of_value(name, values)) for name, values in self.values.items())]


def learn_bins(reference: DataFrame) -> Bins:
    """Learn the bins from the posts that the model learnt from, in two Spark actions.

    Args:
        reference: One row per post with every column of `NUMBERS` and `CATEGORIES`.
    """
    cuts = [part / _PARTS for part in range(1, _PARTS)]
    numbers = reference.select(*(sf.col(name).cast("double").alias(name) for name in NUMBERS))
    quantiles = numbers.approxQuantile([*NUMBERS], cuts, _ACCURACY)
    edges = {name: tuple(sorted(set(found or ()))) for name, found in zip(NUMBERS, quantiles, strict=True)}
    return Bins(edges, _frequent_values(reference))


def count_days(posts: DataFrame, bins: Bins, *, first: date, last: date) -> dict[str, DayCounts]:
    """Count posts by day, feature and bin, in one Spark action; a day without posts counts none.

    Args:
        posts: One row per post with `posted_date` and every column of `NUMBERS` and `CATEGORIES`.
        bins: What `learn_bins` gave.
        first: First day.
        last: Last day, which is counted too.
    """
    cells = (
        posts.where(sf.col("posted_date").between(sf.lit(first), sf.lit(last)))
        .select(
            sf.datediff(sf.col("posted_date"), sf.lit(first)).alias("day"),
            sf.explode(sf.array(*bins.columns())).alias("cell"),
        )
        .groupBy("day", "cell.feature", "cell.bin")
        .count()
        .collect()
    )
    days = (last - first).days + 1
    counts = {name: np.zeros((days, bins.size(name))) for name in (*NUMBERS, *CATEGORIES)}
    for cell in cells:
        counts[cell["feature"]][cell["day"], cell["bin"]] = cell["count"]
    return {name: DayCounts(found, is_ordered=name in NUMBERS) for name, found in counts.items()}


def _frequent_values(reference: DataFrame) -> dict[str, tuple[str, ...]]:
    pairs = (_named(name, sf.col(name).cast("string"), "value") for name in CATEGORIES)
    counted = (
        reference.select(sf.explode(sf.array(*pairs)).alias("pair"))
        .where(sf.col("pair.value").isNotNull())
        .groupBy("pair.feature", "pair.value")
        .count()
    )
    order = Window.partitionBy("feature").orderBy(sf.desc("count"), "value")
    kept = counted.withColumn("place", sf.row_number().over(order)).where(sf.col("place") <= _PARTS)
    rows = kept.orderBy("feature", "place").collect()
    return {name: tuple(row["value"] for row in rows if row["feature"] == name) for name in CATEGORIES}


def _named(feature: str, found: Column, name: str = "bin") -> Column:
    return sf.struct(sf.lit(feature).alias("feature"), found.alias(name))


def _bin_of_number(name: str, edges: Iterable[float]) -> Column:
    value, cuts = sf.col(name).cast("double"), list(edges)
    above = reduce(add, ((value > cut).cast("int") for cut in cuts), sf.lit(0))
    return sf.when(value.isNull(), len(cuts) + 1).otherwise(above)


def _bin_of_value(name: str, values: tuple[str, ...]) -> Column:
    known = sf.array(*(sf.lit(value) for value in values)) if values else sf.array().cast("array<string>")
    place = sf.array_position(known, sf.col(name).cast("string")).cast("int")
    return sf.when(sf.col(name).isNull(), len(values) + 1).otherwise(place)
