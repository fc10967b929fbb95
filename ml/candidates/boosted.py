"""Gradient-boosted trees (Friedman 2001, doi:10.1214/aos/1013203451) of MLlib, on numbers of text, time and author."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ml.candidates.candidate import Candidate
from ml.engineered import READS, make_numbers, numbers_of
from ml.features import LABEL, check_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame

VECTOR: Final = "features"


def fit_boosted(
    train: DataFrame, names: Sequence[str], *, params: Mapping[str, Any], seed: int, like: PipelineModel | None = None
) -> PipelineModel:
    """Fit boosted trees.

    Args:
        train: Model frame, one row per post, `label` 1.0 or 0.0.
        names: Features to read.
        params: `trees`, `max_depth`, `step_size` in (0, 1], `min_instances_per_node`, `subsampling_rate` in (0, 1].
        seed: Seed of the rows and features that a tree is shown.
        like: Not used: nothing is common.

    Raises:
        UnknownFeatureError: The frame lacks a feature.
    """
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import GBTClassifier
    from pyspark.ml.feature import VectorAssembler

    del like
    check_columns(train, names)
    numbers = numbers_of(names)
    booster = GBTClassifier(
        featuresCol=VECTOR,
        labelCol=LABEL,
        seed=seed,
        maxIter=params["trees"],
        maxDepth=params["max_depth"],
        stepSize=params["step_size"],
        minInstancesPerNode=params["min_instances_per_node"],
        subsamplingRate=params["subsampling_rate"],
        maxBins=64,
    )
    assembler = VectorAssembler(inputCols=list(numbers), outputCol=VECTOR)
    return Pipeline(stages=[make_numbers(numbers), assembler, booster]).fit(train)


BOOSTED: Final = Candidate(
    name="boosted",
    meaning="gradient-boosted trees of MLlib on numbers made of text, time, author and program",
    features=READS,
    defaults={"trees": 60, "max_depth": 5, "step_size": 0.1, "min_instances_per_node": 20, "subsampling_rate": 0.8},
    space={
        "trees": (40, 60, 80),
        "max_depth": (3, 4, 5),
        "step_size": (0.1, 0.15),
        "min_instances_per_node": (20, 40),
        "subsampling_rate": (0.6, 0.8),
    },
    fit=fit_boosted,
)
