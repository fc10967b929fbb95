"""The scikit-learn path: boosted trees learnt in memory where the posts fit, handed over as a native Spark pipeline.

`HistGradientBoostingClassifier` learns in a second what MLlib's learner takes minutes for. Its trees are then written,
node by node, as the trees of an MLlib `GBTClassificationModel`: the same questions on the same numbers with the same
answers, so scoring needs no scikit-learn, no Python function and no pickle. A test compares both on every row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pyspark.sql import functions as sf

from ml.candidates.candidate import Candidate, Params
from ml.engineered import READS, make_numbers, numbers_of
from ml.evaluation import SCORE_DECIMALS, Evaluation, evaluate_counts
from ml.features import KEYS, LABEL, check_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray
    from pyspark.ml import PipelineModel
    from pyspark.ml.classification import GBTClassificationModel
    from pyspark.sql import DataFrame
    from sklearn.ensemble import HistGradientBoostingClassifier

    Floats = NDArray[np.float64]

VECTOR: Final = "features"
_SECONDS: Final = "__posted_seconds"


def fit_in_memory(
    train: DataFrame, names: Sequence[str], *, params: Mapping[str, Any], seed: int, like: PipelineModel | None = None
) -> PipelineModel:
    """Fit scikit-learn's boosted trees and give them as a Spark pipeline.

    Args:
        train: Model frame, one row per post, `label` 1.0 or 0.0; all of it is brought into memory.
        names: Features to read.
        params: `trees`, `max_leaves`, `step_size` in (0, 1], `min_instances_per_node`, `l2`.
        seed: Seed of the learner.
        like: Not used: nothing is common.

    Raises:
        UnknownFeatureError: The frame lacks a feature.
    """
    from pyspark.ml import PipelineModel
    from pyspark.ml.feature import VectorAssembler

    del like
    numbers = numbers_of(names)
    matrix, labels, _ = collect(train, names)
    learner = learn(matrix, labels, params=params, seed=seed)
    assembler = VectorAssembler(inputCols=list(numbers), outputCol=VECTOR)
    return PipelineModel(stages=[make_numbers(numbers), assembler, to_mllib(learner, train)])


def collect(frame: DataFrame, names: Sequence[str]) -> tuple[Floats, Floats, Floats]:
    """Bring the numbers of a model frame into memory, in the order of the key: numbers, labels, seconds of posting."""
    check_columns(frame, names)
    numbers = numbers_of(names)
    seconds = sf.unix_seconds(sf.col("posted_at").cast("timestamp")).alias(_SECONDS)
    found: pd.DataFrame = make_numbers(numbers).transform(frame).select(*KEYS, *numbers, LABEL, seconds).toPandas()
    found = found.sort_values(list(KEYS))
    matrix, labels, posted = (found[columns].to_numpy(np.float64) for columns in (list(numbers), LABEL, _SECONDS))
    return matrix, labels, posted


def learn(matrix: Floats, labels: Floats, *, params: Mapping[str, Any], seed: int) -> HistGradientBoostingClassifier:
    """Learn boosted trees from numbers, one row per post.

    In one thread: OpenMP's threads wait for each other by spinning, which on a busy machine (Spark is there too)
    takes a hundred times as long, and the same sums are made in the same order on any number of cores.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    learner = HistGradientBoostingClassifier(
        max_iter=int(params["trees"]),
        max_leaf_nodes=int(params["max_leaves"]),
        learning_rate=float(params["step_size"]),
        min_samples_leaf=int(params["min_instances_per_node"]),
        l2_regularization=float(params["l2"]),
        early_stopping=False,
        random_state=seed,
    )
    with threadpool_limits(limits=1, user_api="openmp"):
        return learner.fit(matrix, labels)


def say(learner: HistGradientBoostingClassifier, matrix: Floats) -> Floats:
    """Give the probability of each row, in one thread as well."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="openmp"):
        scores: Floats = learner.predict_proba(matrix)[:, 1]
        return scores


def to_mllib(learner: HistGradientBoostingClassifier, frame: DataFrame) -> GBTClassificationModel:
    """Write a fitted learner as a model of MLlib.

    MLlib's probability is 1 / (1 + exp(-2 m)) of the weighted sum m of its trees, scikit-learn's is
    1 / (1 + exp(-s)) of first guess and trees: the first guess becomes a tree of one leaf, and each tree weighs 1/2.

    Args:
        learner: What `learn` gave.
        frame: Any frame of the session in which the model shall live.
    """
    from pyspark.ml.classification import GBTClassificationModel

    spark = frame.sparkSession
    context = spark.sparkContext
    jvm: Any = context._jvm
    gateway: Any = context._gateway
    writer = _Writer(jvm, gateway)
    width = int(learner.n_features_in_)
    guess = float(np.ravel(learner._baseline_prediction)[0])
    roots = [writer.leaf(guess)]
    roots += [writer.node(trees[0].nodes, 0) for trees in learner._predictors]
    kind = jvm.org.apache.spark.ml.regression.DecisionTreeRegressionModel
    models = gateway.new_array(kind, len(roots))
    weights = gateway.new_array(jvm.double, len(roots))
    for number, root in enumerate(roots):
        models[number] = kind(f"tree_{number:04}", root, width)
        weights[number] = 0.5
    built = jvm.org.apache.spark.ml.classification.GBTClassificationModel("boosted_trees", models, weights, width, 2)
    model = GBTClassificationModel(built)
    model._resetUid("boosted_trees")
    return model.setFeaturesCol(VECTOR)


class _Writer:
    """Makes MLlib's nodes of scikit-learn's; no number is ever null, so where a null would go is left out.

    Each call crosses from Python to the JVM, so all nodes share their statistics: of one row, which makes a node's gain
    its weight among the features.
    """

    def __init__(self, jvm: Any, gateway: Any) -> None:
        tree = jvm.org.apache.spark.ml.tree
        self._leaf, self._inner, self._split = tree.LeafNode, tree.InternalNode, tree.ContinuousSplit
        one_row = gateway.new_array(jvm.double, 3)
        one_row[0] = 1.0
        self._statistics = jvm.org.apache.spark.mllib.tree.impurity.VarianceCalculator(one_row, 1)

    def leaf(self, value: float) -> Any:
        """Make a leaf that adds a value to the log-odds."""
        return self._leaf(value, 0.0, self._statistics)

    def node(self, nodes: Any, number: int) -> Any:
        """Make a node and all below it."""
        node = nodes[number]
        if node["is_leaf"]:
            return self.leaf(float(node["value"]))
        return self._inner(
            float(node["value"]),
            0.0,
            float(node["gain"]),
            self.node(nodes, int(node["left"])),
            self.node(nodes, int(node["right"])),
            self._split(int(node["feature_idx"]), float(node["num_threshold"])),
            self._statistics,
        )


def open_trials(
    train: DataFrame, cuts: Sequence[float], names: Sequence[str], *, seed: int
) -> Callable[[Params], list[Evaluation]]:
    """Bring the posts into memory once; what comes back measures limits on the later blocks."""
    matrix, labels, seconds = collect(train, names)

    def measure(params: Params) -> list[Evaluation]:
        found = []
        for cut, end in zip(cuts, [*cuts[1:], np.inf], strict=True):
            before, later = seconds < cut, (seconds >= cut) & (seconds < end)
            learner = learn(matrix[before], labels[before], params=params, seed=seed)
            found.append(evaluate_rows(say(learner, matrix[later]), labels[later]))
        return found

    return measure


def evaluate_rows(scores: Floats, labels: Floats) -> Evaluation:
    """Measure scores that lie in memory, one per post, by the same arithmetic as those in Spark."""
    distinct, place = np.unique(np.round(scores, SCORE_DECIMALS), return_inverse=True)
    positives = np.bincount(place, weights=labels, minlength=len(distinct))
    rows = np.bincount(place, minlength=len(distinct))
    return evaluate_counts(distinct.tolist(), (rows - positives).tolist(), positives.tolist())


IN_MEMORY: Final = Candidate(
    name="sklearn",
    meaning="gradient-boosted trees learnt by scikit-learn in memory, registered as boosted trees of MLlib",
    features=READS,
    defaults={"trees": 120, "max_leaves": 12, "step_size": 0.05, "min_instances_per_node": 30, "l2": 1.0},
    space={
        "trees": (80, 120, 160, 200),
        "max_leaves": (6, 8, 12, 16),
        "step_size": (0.03, 0.05, 0.08),
        "min_instances_per_node": (20, 30, 50),
        "l2": (0.0, 1.0, 5.0),
    },
    fit=fit_in_memory,
    open_trials=open_trials,
)
