"""Training as one call: both splits, with and without sentiment, one model to register.

Four fits on one cached frame. The model that is handed back for registration is the one learnt from the training part
of the time split with all features asked for: what was measured is what is registered, bit for bit. Fitting it again on
all rows would use a third more posts, the latest ones, but none would be left to say how good the result is.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ml.evaluation import Difference, Evaluation, compare, evaluate
from ml.features import ARTICLE_FEATURES, SENTIMENT_FEATURES, check_features
from ml.model import Tree, fit_indexers, fit_model, score
from ml.split import SplitKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.ml import PipelineModel

    from ml.dataset import Dataset
    from ml.split import Split

DEFAULT_TREE: Final = Tree()


@dataclass(frozen=True)
class SplitResult:
    """What the same tree reached on one split, with and without sentiment.

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
        tree: Limits of the tree.
        dataset: The rows behind it. Its frames are usable only while the dataset is open.
        results: By time and by author, in this order.
    """

    pipeline: PipelineModel
    feature_names: tuple[str, ...]
    tree: Tree
    dataset: Dataset
    results: tuple[SplitResult, ...]

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
        return figures


def train(
    dataset: Dataset, *, feature_names: Sequence[str] = ARTICLE_FEATURES, tree: Tree = DEFAULT_TREE
) -> TrainedModel:
    """Fit and measure the article's pipeline on both splits, with and without sentiment.

    Args:
        dataset: An open dataset (`ml.dataset.open_dataset`); its seed is the seed of the tree.
        feature_names: Features, each known at the moment of posting.
        tree: Limits of the tree.

    Raises:
        LeakedFeatureError: A feature is known only after the outcome.
        UnknownFeatureError: A feature is not in the registry.
    """
    names = check_features(feature_names)
    fitted = [_train_on(split, names, tree=tree, seed=dataset.seed) for split in dataset.splits]
    return TrainedModel(
        pipeline=next(pipeline for pipeline, result in fitted if result.kind is SplitKind.TIME),
        feature_names=names,
        tree=tree,
        dataset=dataset,
        results=tuple(result for _, result in fitted),
    )


def evaluate_on_held_out(model: PipelineModel, dataset: Dataset) -> Evaluation:
    """Measure any model of this project on the held-out part of the time split, with the features it was learnt from.

    For the gate: a model in production is measured on the same rows as its challenger. It may have learnt from some of
    them, if older posts arrived since; that makes the comparison harder for the challenger, never easier.
    """
    return evaluate(score(model, dataset.split(SplitKind.TIME).held_out))


def fingerprint(
    dataset: Dataset, *, feature_names: Sequence[str] = ARTICLE_FEATURES, tree: Tree = DEFAULT_TREE, code_version: str
) -> str:
    """Name a training before it is run: 64 hex digits; the same fingerprint means the same model.

    Args:
        dataset: The rows, by their digest, and the seed.
        feature_names: Features in the order of the vector.
        tree: Limits of the tree.
        code_version: Version of the code that trains.
    """
    parts = {
        "digest": dataset.digest,
        "seed": dataset.seed,
        "features": list(feature_names),
        "tree": tree.params(),
        "held_out": [split.rule for split in dataset.splits],
        "code_version": code_version,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _train_on(split: Split, names: tuple[str, ...], *, tree: Tree, seed: int) -> tuple[PipelineModel, SplitResult]:
    """Fit the tree on one split with all names and without sentiment; the index of the categories is learnt once."""
    indexers = fit_indexers(split.train, names)

    def fit(columns: tuple[str, ...]) -> tuple[PipelineModel, Evaluation]:
        model = fit_model(split.train, columns, tree=tree, seed=seed, indexers=indexers)
        return model, evaluate(score(model, split.held_out))

    rest = tuple(name for name in names if name not in SENTIMENT_FEATURES)
    pipeline, evaluation = fit(names)
    without = fit(rest)[1] if rest and rest != names else None
    return pipeline, SplitResult(kind=split.kind, evaluation=evaluation, without_sentiment=without)


def _prefix(prefix: str, figures: dict[str, float]) -> dict[str, float]:
    return {f"{prefix}.{name}": value for name, value in figures.items()}
