"""The article's pipeline: two indices, eight numbers, shares of their sum, one decision tree.

`StringIndexer -> VectorAssembler -> Normalizer(p=1) -> DecisionTreeClassifier`, in the article's order and with its
column names. Stands apart from how it is measured and stored: rows in, a fitted pipeline and its scores out.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from pyspark.ml import Pipeline
from pyspark.ml.classification import DecisionTreeClassificationModel, DecisionTreeClassifier
from pyspark.ml.feature import Normalizer, StringIndexer, StringIndexerModel, VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.sql import functions as sf

from ml.evaluation import PROBABILITY, THRESHOLD
from ml.features import (
    ARTICLE_FEATURES,
    FEATURES,
    LABEL,
    Kind,
    UnknownFeatureError,
    check_columns,
    check_features,
    to_model_frame,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame

MODEL_NAME: Final = "retweet-sentiment-based-decision-tree"
EXPECTED: Final = "is_retweet_expected"
INDEXED: Final = {"user_location": "indexedLocations", "hashtags": "indexedhashtags"}
"""The article's names of the indexed categories."""

_ASSEMBLED: Final = "assembled"
_NORMALISED: Final = "features"


@dataclass(frozen=True)
class Tree:
    """How far the tree may grow.

    The article leaves MLlib's limits as they are (`ARTICLE_TREE`). Ours differ in two, chosen on the training part of
    the time split alone (four later blocks of it, each predicted from all before it, 11,020 real posts): ROC-AUC .683
    for .664, log-loss .52 for .57. Leaves of at least 20 posts keep a score from being 0 or 1 on the word of one post.

    Attributes:
        max_depth: Questions asked of a post at most.
        max_bins: Intervals tried per feature.
        min_instances_per_node: Training rows that a leaf must hold at least.
        impurity: `gini` or `entropy`.
    """

    max_depth: int = 9
    max_bins: int = 32
    min_instances_per_node: int = 20
    impurity: str = "gini"

    def params(self) -> dict[str, str | int]:
        """Give the limits by name, as they are recorded."""
        return asdict(self)


ARTICLE_TREE: Final = Tree(max_depth=5, min_instances_per_node=1)


def check_kinds(names: Sequence[str]) -> None:
    """Refuse a column that is neither a number nor a category.

    Raises:
        UnknownFeatureError: A text or a moment.

    >>> check_kinds(["text"])
    Traceback (most recent call last):
        ...
    ml.features.UnknownFeatureError: text is neither a number nor a category: the article's tree cannot ask about it; \
choose another candidate, which makes numbers of it.
    """
    for name in names:
        if FEATURES[name].kind in (Kind.TEXT, Kind.MOMENT):
            msg = (
                f"{name} is neither a number nor a category: the article's tree cannot ask about it; choose another "
                "candidate, which makes numbers of it."
            )
            raise UnknownFeatureError(msg)


def _indexed(name: str) -> str:
    return INDEXED.get(name, f"indexed_{name}")


def fit_indexers(train: DataFrame, names: Sequence[str]) -> list[StringIndexerModel]:
    """Learn the indices of the categories among `names` from the training rows: one indexer, none without categories.

    The most frequent value gets 0; equally frequent ones are ordered by the alphabet, so the index does not depend on
    the order of the rows. A value that was not seen gets the index after the last one (`handleInvalid="keep"`).
    """
    categories = [name for name in check_features(names) if FEATURES[name].kind is Kind.CATEGORY]
    if not categories:
        return []
    indexer = StringIndexer(inputCols=categories, outputCols=[_indexed(name) for name in categories])
    return [indexer.setHandleInvalid("keep").setStringOrderType("frequencyDesc").fit(train)]


def make_stages(
    names: Sequence[str], *, tree: Tree, seed: int
) -> tuple[VectorAssembler, Normalizer, DecisionTreeClassifier]:
    """Make the stages after the indexer.

    The Normalizer (p=1) divides a post's vector by the sum of its absolute values; an all-zero vector stays as it is.
    It also drops the assembler's note that the two indices are categories, so the tree cuts them as ordered numbers
    (by falling frequency) and `max_bins` need not reach their thousands of values. The article's code does the same.
    """
    columns = [_indexed(name) if FEATURES[name].kind is Kind.CATEGORY else name for name in check_features(names)]
    return (
        VectorAssembler(inputCols=columns, outputCol=_ASSEMBLED),
        Normalizer(p=1.0, inputCol=_ASSEMBLED, outputCol=_NORMALISED),
        DecisionTreeClassifier(
            featuresCol=_NORMALISED,
            labelCol=LABEL,
            seed=seed,
            maxDepth=tree.max_depth,
            maxBins=tree.max_bins,
            minInstancesPerNode=tree.min_instances_per_node,
            impurity=tree.impurity,
        ),
    )


def fit_model(
    train: DataFrame,
    names: Sequence[str],
    *,
    tree: Tree,
    seed: int,
    indexers: Sequence[StringIndexerModel] | None = None,
) -> PipelineModel:
    """Fit the article's pipeline.

    Args:
        train: Model frame (`ml.features.to_model_frame`), one row per post, `label` 1.0 or 0.0 and never null.
        names: Features, each known at the moment of posting.
        tree: Limits of the tree.
        seed: Seed of the tree: the same rows, names, limits and seed give the same model.
        indexers: What `fit_indexers` gave for the same rows and categories, where it is there already.

    Raises:
        LeakedFeatureError: A feature is known only after the outcome.
        UnknownFeatureError: A feature is not in the registry.
    """
    columns = check_features(names)
    check_columns(train, columns)
    check_kinds(columns)
    first = fit_indexers(train, columns) if indexers is None else indexers
    return Pipeline(stages=[*first, *make_stages(columns, tree=tree, seed=seed)]).fit(train)


def score(model: PipelineModel, features: DataFrame) -> DataFrame:
    """Say how likely each post is to be retweeted. No label is needed; a place never seen is no error.

    Grain is kept, one row per post, and every column but the eight features. Added: `retweet_probability`, double in
    [0, 1]; `is_retweet_expected`, boolean, true where it lies above 0.5.

    Args:
        model: A model of this module, fitted or loaded.
        features: `refined.refined_retweet_features`, key (source, post_id), or a model frame.
    """
    probability = vector_to_array(sf.col("probability"))[1]
    kept = [name for name in features.columns if name not in (*ARTICLE_FEATURES, PROBABILITY, EXPECTED)]
    return (
        model.transform(to_model_frame(features.drop(PROBABILITY)))
        .select(*(sf.col(f"`{name}`") for name in kept), probability.alias(PROBABILITY))
        .withColumn(EXPECTED, sf.col(PROBABILITY) > THRESHOLD)
    )


def predict(model: PipelineModel, frame: DataFrame) -> DataFrame:
    """Add `retweet_probability` to a model frame and keep its columns, whatever else the pipeline makes beside it.

    Args:
        model: Any candidate's pipeline, fitted or loaded.
        frame: Model frame, one row per post.
    """
    kept = [sf.col(f"`{name}`") for name in frame.columns if name != PROBABILITY]
    return model.transform(frame).select(*kept, vector_to_array(sf.col("probability"))[1].alias(PROBABILITY))


def feature_names(model: PipelineModel) -> tuple[str, ...]:
    """Read from a fitted model which features it was learnt from, in the order of its vector."""
    assembler = next(stage for stage in model.stages if isinstance(stage, VectorAssembler))
    plain = {_indexed(name): name for name, feature in FEATURES.items() if feature.kind is Kind.CATEGORY}
    return tuple(plain.get(name, name) for name in assembler.getInputCols())


def tree_of(model: PipelineModel) -> DecisionTreeClassificationModel:
    """Give the fitted tree of a pipeline, which is its last stage."""
    last = model.stages[-1]
    if not isinstance(last, DecisionTreeClassificationModel):
        raise TypeError(f"expected a decision tree as the last stage, found {type(last).__name__}: load {MODEL_NAME}.")
    return last


def has_tree(model: PipelineModel) -> bool:
    """Return whether the pipeline ends in one decision tree, which can be drawn."""
    return isinstance(model.stages[-1], DecisionTreeClassificationModel)


def importances(model: PipelineModel) -> dict[str, float]:
    """Give each feature's share of what the model goes by, [0, 1], the largest first.

    Of trees: its share of the total gain in purity (Gini importance). Of a regression: the size of its coefficient
    beside all others', the features being standardised; those of all words are put together under `words`.
    """
    last: Any = model.stages[-1]
    weights = last.featureImportances if hasattr(last, "featureImportances") else last.coefficients
    sizes = [abs(float(weight)) for weight in weights.toArray()]
    names = feature_names(model)
    shares = dict(zip(names, sizes, strict=False))
    if len(sizes) > len(names):
        shares["words"] = sum(sizes[len(names) :])
    total = sum(shares.values()) or 1.0
    return {name: size / total for name, size in sorted(shares.items(), key=lambda pair: (-pair[1], pair[0]))}
