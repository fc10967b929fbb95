"""What a candidate is: features it reads, limits it has, and a fit that gives a native Spark pipeline.

Whatever a candidate is learnt with, what comes out is a `PipelineModel` of Spark's own stages that takes a model frame
and adds `probability`: scoring, the registry and the gate know no other kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame

    from ml.evaluation import Evaluation

Value = str | int | float
Params = dict[str, Value]
"""The limits of a model by name, as they are recorded."""


class Fit(Protocol):
    """Learn a pipeline from a model frame."""

    def __call__(
        self,
        train: DataFrame,
        names: Sequence[str],
        *,
        params: Mapping[str, Any],
        seed: int,
        like: PipelineModel | None = None,
    ) -> PipelineModel:
        """Fit; the same rows, features, limits and seed give the same pipeline.

        Args:
            train: Model frame, `label` never null.
            names: Features.
            params: Limits.
            seed: Seed.
            like: A pipeline of the same kind learnt from the same rows, of which what is common may be taken over.
        """


class OpenTrials(Protocol):
    """Prepare the measuring of limits on later blocks of the training part."""

    def __call__(
        self, train: DataFrame, cuts: Sequence[float], names: Sequence[str], *, seed: int
    ) -> Callable[[Params], list[Evaluation]]:
        """Return what measures limits: one evaluation per block, each predicted from all rows before it."""


@dataclass(frozen=True)
class Candidate:
    """One kind of model.

    Attributes:
        name: What `epilake train --candidate` is told.
        meaning: What it is, in one sentence.
        features: Columns of the features table that it reads, each known at posting.
        defaults: Its limits unless others are asked for.
        space: Values that a search tries, by limit; empty if there is nothing to search.
        fit: How it is learnt.
        open_trials: How limits are measured on later blocks without Spark; None: by fits in Spark.
    """

    name: str
    meaning: str
    features: tuple[str, ...]
    defaults: Params
    space: Mapping[str, tuple[Value, ...]]
    fit: Fit
    open_trials: OpenTrials | None = None
