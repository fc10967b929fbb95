"""The article's pipeline under two limits: MLlib's own, as the article has it, and those chosen on training rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyspark.ml.feature import StringIndexerModel

from ml.candidates.candidate import Candidate
from ml.features import ARTICLE_FEATURES
from ml.model import ARTICLE_TREE, Tree, fit_model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame


def fit_tree(
    train: DataFrame, names: Sequence[str], *, params: Mapping[str, Any], seed: int, like: PipelineModel | None = None
) -> PipelineModel:
    """Fit the article's pipeline; `params` are those of `ml.model.Tree`, and the indices may be those of `like`."""
    first = like.stages[0] if like is not None else None
    indexers = [first] if isinstance(first, StringIndexerModel) else None
    return fit_model(train, names, tree=Tree(**params), seed=seed, indexers=indexers)


ARTICLE: Final = Candidate(
    name="article",
    meaning="the article's pipeline exactly, with MLlib's limits: a decision tree of depth 5",
    features=ARTICLE_FEATURES,
    defaults=dict(ARTICLE_TREE.params()),
    space={},
    fit=fit_tree,
)
TREE: Final = Candidate(
    name="tree",
    meaning="the article's pipeline with limits chosen on the training part: the default, as it is fitted in seconds",
    features=ARTICLE_FEATURES,
    defaults=dict(Tree().params()),
    space={"max_depth": (3, 5, 7, 9), "min_instances_per_node": (10, 20, 50, 100), "impurity": ("gini", "entropy")},
    fit=fit_tree,
)
