"""What a loaded model reads, and how fast it answers: asked of the fitted stages, not of what is written about them."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final

from pyspark.ml.feature import SQLTransformer
from pyspark.sql import functions as sf

from ml.evaluation import PROBABILITY
from ml.features import FEATURES
from ml.model import score

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyspark.ml import PipelineModel
    from pyspark.ml.base import Transformer
    from pyspark.sql import DataFrame

SPEED_ROWS: Final = 4_000
"""About so many rows are scored to see how fast a model is."""

_INPUTS: Final = ("inputCol", "inputCols", "featuresCol")
_OUTPUTS: Final = ("outputCol", "outputCols", "predictionCol", "probabilityCol", "rawPredictionCol")


def columns_read(pipeline: PipelineModel) -> tuple[str, ...]:
    """Give the columns that a fitted pipeline takes from its frame, those left out that its own stages make."""
    read, made = dict[str, None](), set[str]()
    for stage in pipeline.stages:
        read |= dict.fromkeys(name for name in _inputs(stage) if name not in made)
        made |= set(_named(stage, _OUTPUTS))
    return tuple(read)


def measure_speed(pipeline: PipelineModel, rows: DataFrame, count: int) -> float:
    """Score a few thousand posts and give how many it scored per second, JVM to JVM: no row leaves it.

    Args:
        pipeline: The model.
        rows: Model frame, better cached, so that only the model's own work is timed.
        count: Its rows, more than none; few ones are scored several times, else the start of a job is what is timed.
    """
    times = -(-SPEED_ROWS // count)
    many = rows.limit(SPEED_ROWS).crossJoin(rows.sparkSession.range(times).toDF("again"))
    started = time.perf_counter()
    scored = score(pipeline, many).agg(sf.count(sf.lit(1)), sf.sum(PROBABILITY)).collect()[0]
    return float(scored[0] / (time.perf_counter() - started))


def _inputs(stage: Transformer) -> Iterable[str]:
    if isinstance(stage, SQLTransformer):
        words = set(re.findall(r"\w+", stage.getStatement() or ""))
        return sorted(words & set(FEATURES))
    return _named(stage, _INPUTS)


def _named(stage: Transformer, params: Iterable[str]) -> list[str]:
    """Give the columns that some parameters of a stage name, where it has them."""
    found = list[str]()
    for name in params:
        if stage.hasParam(name) and stage.isDefined(stage.getParam(name)):
            value = stage.getOrDefault(stage.getParam(name))
            found += [value] if isinstance(value, str) else list(value or ())
    return found
