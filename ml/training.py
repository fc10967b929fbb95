"""Training as one call: every split, with and without sentiment, one model to register.

Five or six fits on one cached frame. The model that is handed back for registration is the one learnt from the training
part of the time split with all features asked for: what was measured is what is registered, bit for bit. Fitting it
again on all rows would use a third more posts, the latest ones, but none would be left to say how good the result is.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ml.candidates.article import TREE
from ml.detail import look_closely
from ml.evaluation import Difference, Evaluation, compare, evaluate
from ml.features import SENTIMENT_FEATURES, check_features
from ml.leakage import LIMIT_ROC_AUC, ConstantFeatureError, check_single, check_whole
from ml.model import Tree, score
from ml.split import SplitKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyspark.ml import PipelineModel

    from ml.candidates.candidate import Candidate, Params
    from ml.candidates.search import Trial
    from ml.dataset import Dataset
    from ml.detail import Detail
    from ml.split import Split

DEFAULT_TREE: Final = Tree()


@dataclass(frozen=True)
class SplitResult:
    """What the same candidate reached on one split, with and without sentiment.

    Attributes:
        kind: The split.
        evaluation: With every feature asked for.
        without_sentiment: Without the two shares of sentiment; None if none was asked for, or nothing else was.
    """

    kind: SplitKind
    evaluation: Evaluation
    without_sentiment: Evaluation | None

    @property
    def gain_of_sentiment(self) -> Difference | None:
        """What sentiment adds; None if there is nothing to compare with."""
        return compare(self.evaluation, self.without_sentiment) if self.without_sentiment else None


@dataclass(frozen=True)
class TrainedModel:
    """A fitted pipeline and what is known about it.

    Attributes:
        pipeline: Learnt from the training part of the time split.
        feature_names: Features in the order of the pipeline's vector.
        candidate: What kind of model it is.
        params: Its limits.
        dataset: The rows behind it. Its frames are usable only while the dataset is open.
        results: By time, by author and, where stories are known, by story, in this order.
        detail: What the held-out rows of the time split tell, looked at one by one.
        trials: What a search tried; empty if the limits were given.
    """

    pipeline: PipelineModel
    feature_names: tuple[str, ...]
    candidate: Candidate
    params: Params
    dataset: Dataset
    results: tuple[SplitResult, ...]
    detail: Detail
    trials: tuple[Trial, ...] = ()

    def result(self, kind: SplitKind) -> SplitResult:
        """Give the result on the split of that kind."""
        return next(result for result in self.results if result.kind is kind)

    @property
    def evaluation(self) -> Evaluation:
        """How good the registered model is: on the held-out part of the time split."""
        return self.result(SplitKind.TIME).evaluation

    def metrics(self) -> dict[str, float]:
        """Give each figure by name: `time.roc_auc`, `author.without_sentiment.brier`, `time.sentiment_gain.pr_auc`."""
        figures: dict[str, float] = {}
        for result in self.results:
            kind = result.kind.value
            figures |= _prefix(kind, result.evaluation.metrics())
            if result.without_sentiment and result.gain_of_sentiment:
                figures |= _prefix(f"{kind}.without_sentiment", result.without_sentiment.metrics())
                figures |= _prefix(f"{kind}.sentiment_gain", vars(result.gain_of_sentiment))
        for name, interval in self.detail.draws.intervals().items():
            figures |= {f"time.{name}.low": interval.low, f"time.{name}.high": interval.high}
        for name, interval in self.detail.gain_of_sentiment.items():
            figures |= {f"time.sentiment_gain.{name}.low": interval.low}
            figures |= {f"time.sentiment_gain.{name}.high": interval.high}
        return figures | {"time.earlier_rate.roc_auc": self.detail.earlier_rate.roc_auc}


def train(
    dataset: Dataset,
    *,
    candidate: Candidate = TREE,
    params: Params | None = None,
    feature_names: Sequence[str] | None = None,
    tree: Tree | None = None,
    leak_limit: float = LIMIT_ROC_AUC,
    trials: Sequence[Trial] = (),
) -> TrainedModel:
    """Fit and measure a candidate on every split; by time and by author also without sentiment.

    Args:
        dataset: An open dataset (`ml.dataset.open_dataset`); its seed is the seed of every fit.
        candidate: What is fitted.
        params: Its limits; None: its defaults.
        feature_names: Features, each known at the moment of posting; None: the candidate's own.
        tree: Limits of the article's tree, another way to say `params` of the candidates `tree` and `article`.
        leak_limit: ROC-AUC that a single number, or the model, may reach (`ml.leakage`).
        trials: What a search tried before, to be recorded.

    Raises:
        LeakedFeatureError: A feature is known only after the outcome.
        SuspectedLeakError: A feature by itself, or the model, is better than anything known at posting can be.
        UnknownFeatureError: A feature is not in the registry, or not in the frame.
        ConstantFeatureError: No feature differs between posts.
    """
    names = check_features(candidate.features if feature_names is None else feature_names)
    check_constants(dataset, names)
    limits = dict(tree.params() if tree else params or candidate.defaults)
    fitted = [_train_on(split, candidate, names, params=limits, seed=dataset.seed) for split in dataset.splits]
    pipeline, without, _ = next(found for found in fitted if found[2].kind is SplitKind.TIME)
    detail = look_closely(dataset.split(SplitKind.TIME), pipeline, without, names, seed=dataset.seed)
    check_single(detail.single, limit=leak_limit)
    for _, _, result in fitted:
        check_whole(result.evaluation.roc_auc, single=detail.single, limit=leak_limit)
    return TrainedModel(
        pipeline=pipeline,
        feature_names=names,
        candidate=candidate,
        params=limits,
        dataset=dataset,
        results=tuple(result for _, _, result in fitted),
        detail=detail,
        trials=tuple(trials),
    )


def check_constants(dataset: Dataset, names: Sequence[str]) -> None:
    """Refuse features of which every one has the same value in all posts.

    Raises:
        ConstantFeatureError: None of them differs.
    """
    if set(names) <= set(dataset.constants):
        msg = (
            f"expected a feature that differs between posts, found one value in each of {', '.join(names)}: "
            "nothing can be learnt from them; add another feature, or posts of other authors."
        )
        raise ConstantFeatureError(msg)


def evaluate_on_held_out(model: PipelineModel, dataset: Dataset) -> Evaluation:
    """Measure any model of this project on the held-out part of the time split, with the features it was learnt from.

    For the gate: a model in production is measured on the same rows as its challenger. It may have learnt from some of
    them, if older posts arrived since; that makes the comparison harder for the challenger, never easier.
    """
    return evaluate(score(model, dataset.split(SplitKind.TIME).held_out))


def fingerprint(
    dataset: Dataset,
    *,
    candidate: Candidate = TREE,
    params: Mapping[str, Any] | None = None,
    feature_names: Sequence[str] | None = None,
    tree: Tree | None = None,
    code_version: str,
) -> str:
    """Name a training before it is run: 64 hex digits; the same fingerprint means the same model.

    Args:
        dataset: The rows, by their digest, and the seed.
        candidate: What is fitted.
        params: Its limits, or how they are searched for; None: its defaults.
        feature_names: Features in the order of the vector; None: the candidate's own.
        tree: Limits of the article's tree, another way to say `params`.
        code_version: Version of the code that trains.
    """
    parts = {
        "digest": dataset.digest,
        "seed": dataset.seed,
        "features": list(candidate.features if feature_names is None else feature_names),
        "candidate": candidate.name,
        "params": dict(tree.params() if tree else params or candidate.defaults),
        "held_out": [split.rule for split in dataset.splits],
        "code_version": code_version,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _train_on(
    split: Split, candidate: Candidate, names: tuple[str, ...], *, params: Params, seed: int
) -> tuple[PipelineModel, PipelineModel | None, SplitResult]:
    """Fit on one split with all names, and by time and author without sentiment too; give both and their figures."""
    rest = tuple(name for name in names if name not in SENTIMENT_FEATURES)
    is_compared = bool(rest) and rest != names and split.kind is not SplitKind.STORY
    pipeline = candidate.fit(split.train, names, params=params, seed=seed)
    without = candidate.fit(split.train, rest, params=params, seed=seed, like=pipeline) if is_compared else None
    return (
        pipeline,
        without,
        SplitResult(
            kind=split.kind,
            evaluation=evaluate(score(pipeline, split.held_out)),
            without_sentiment=evaluate(score(without, split.held_out)) if without else None,
        ),
    )


def _prefix(prefix: str, figures: dict[str, float]) -> dict[str, float]:
    return {f"{prefix}.{name}": value for name, value in figures.items()}
