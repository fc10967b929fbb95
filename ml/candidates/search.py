"""The search for a candidate's limits: drawn with a seed, judged on the training part of the time split alone.

Each draw is judged on later blocks of the training part, each predicted from all posts before it (rolling origin,
Tashman 2000, doi:10.1016/S0169-2070(00)00065-0). No held-out post is read, so what is held out stays an honest judge.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as sf

from ml.evaluation import evaluate
from ml.model import score
from ml.split import POSTED_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pyspark.sql import DataFrame

    from ml.candidates.candidate import Candidate, Params, Value
    from ml.evaluation import Evaluation

BLOCK_STARTS: Final = (0.4, 0.6, 0.8)
"""Shares of the training rows before which a block's training ends and after which it is predicted."""


@dataclass(frozen=True)
class Trial:
    """One draw of limits and what it reached.

    Attributes:
        params: The limits.
        roc_auc: ROC-AUC on each later block of the training part.
    """

    params: Params
    roc_auc: tuple[float, ...]

    @property
    def mean_roc_auc(self) -> float:
        """Mean over the blocks: the trial with the greatest one wins."""
        return sum(self.roc_auc) / len(self.roc_auc)


def draw_params(candidate: Candidate, *, trials: int, seed: int) -> list[Params]:
    """Draw limits, no two the same; the candidate's defaults are the first, and the space may be smaller than asked.

    Args:
        candidate: Whose space.
        trials: Draws at most, at least 1.
        seed: The same seed draws the same.
    """
    draw = random.Random(seed)  # noqa: S311 - no secret
    drawn = [candidate.defaults]
    for params in islice(_draws(candidate.space, draw), 50 * trials):
        if len(drawn) == trials:
            break
        if params not in drawn:
            drawn.append(params)
    return drawn


def _draws(space: Mapping[str, tuple[Value, ...]], draw: random.Random) -> Iterator[Params]:
    while space:
        yield {name: draw.choice(values) for name, values in space.items()}


def search(candidate: Candidate, train: DataFrame, names: Sequence[str], *, trials: int, seed: int) -> Iterator[Trial]:
    """Try limits one after the other, so that a caller can show how far it is.

    Args:
        candidate: What is fitted.
        train: Training part of the time split, a model frame with `posted_seconds`.
        names: Features to read.
        trials: Draws at most.
        seed: Seed of the draws and of every fit.

    Yields:
        Each trial when it is done.
    """
    cuts = train.approxQuantile(POSTED_SECONDS, list(BLOCK_STARTS), 0.0)
    opener = candidate.open_trials or _in_spark(candidate)
    measure = opener(train, cuts, names, seed=seed)
    for params in draw_params(candidate, trials=trials, seed=seed):
        yield Trial(params, tuple(evaluation.roc_auc for evaluation in measure(params)))


def best_of(trials: Sequence[Trial]) -> Trial:
    """Give the trial with the greatest mean ROC-AUC; the first of equals.

    >>> best_of([Trial({"a": 1}, (0.6, 0.8)), Trial({"a": 2}, (0.7, 0.7)), Trial({"a": 3}, (0.5, 0.5))]).params
    {'a': 1}
    """
    return max(trials, key=lambda trial: trial.mean_roc_auc)


def _in_spark(candidate: Candidate) -> Callable[..., Callable[[Params], list[Evaluation]]]:
    """Measure limits by fits in Spark, where a candidate knows no cheaper way."""

    def open_trials(
        train: DataFrame, cuts: Sequence[float], names: Sequence[str], *, seed: int
    ) -> Callable[[Params], list[Evaluation]]:
        seconds = sf.col(POSTED_SECONDS)

        def measure(params: Params) -> list[Evaluation]:
            found = []
            for cut, end in zip(cuts, [*cuts[1:], float("inf")], strict=True):
                model = candidate.fit(train.where(seconds < cut), names, params=params, seed=seed)
                found.append(evaluate(score(model, train.where((seconds >= cut) & (seconds < end)))))
            return found

        return measure

    return open_trials
