"""What a light predictor is written as, and how it is taken from a pipeline that MLlib has stored.

Each stage must be what a candidate of `ml.candidates` makes of it, with the parameters that the predictor takes for
granted: anything else is refused, never guessed.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ml.engineered import NUMBERS, TOLD, spell_numbers
from ml.stored_pipeline import Stage, UnreadablePipelineError, read_row_matrix, read_stages, read_trees, read_vector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

DOCUMENT: Final = "predictor.json"
FORMAT: Final = 1
TOKENS: Final = r"https?://\S+|[^\p{L}\p{N}_#@]+"
"""What stands between the words of a text, as the candidate `logistic` has it."""


@dataclass(frozen=True)
class Trees:
    """Trees as arrays over all their nodes; a leaf's branches are the leaf itself.

    Attributes:
        roots: Node at which each tree begins.
        weights: Weight of each tree.
        feature: Place in the vector of which a node asks.
        threshold: Values at or below it go left.
        left: Node for those.
        right: Node for the others.
        answer: What a leaf says: a probability of one tree, a share of the log-odds of boosted ones.
        depth: Questions on the longest way.
    """

    roots: list[int]
    weights: list[float]
    feature: list[int]
    threshold: list[float]
    left: list[int]
    right: list[int]
    answer: list[float]
    depth: int


@dataclass(frozen=True)
class Words:
    """How the words of a text join the vector: hashed into buckets, each present one with its weight of rarity."""

    weights: list[float]


@dataclass(frozen=True)
class Document:
    """A predictor as it is written.

    Attributes:
        reads: Features that it reads.
        vector: What each place of the vector is: a feature, or a number that is made of features.
        statement: How Spark makes the numbers; empty if there are none.
        labels: Feature → its known values in the order of their indices; others get the next index.
        is_normalised: Whether the vector is divided by the sum of its absolute values.
        means: Subtracted from the vector first, if not empty.
        factors: By which it is multiplied then.
        words: The words of the text; None if they are not read.
        trees: The trees; None of a regression.
        is_boosted: Whether the trees are added up.
        coefficients: Of a regression, over the vector and the words' buckets.
        intercept: Of a regression.
    """

    reads: list[str]
    vector: list[str]
    statement: str = ""
    labels: dict[str, list[str]] = field(default_factory=dict)
    is_normalised: bool = False
    means: list[float] = field(default_factory=list)
    factors: list[float] = field(default_factory=list)
    words: Words | None = None
    trees: Trees | None = None
    is_boosted: bool = False
    coefficients: list[float] = field(default_factory=list)
    intercept: float = 0.0


def write_predictor(pipeline: Path, file: Path) -> None:
    """Write the predictor of a stored pipeline.

    Args:
        pipeline: Folder in which MLlib stored the fitted pipeline.
        file: JSON document to write.

    Raises:
        UnreadablePipelineError: A stage is not understood.
    """
    about = {"format": FORMAT, **asdict(take_apart(read_stages(pipeline)))}
    file.write_text(json.dumps(about, ensure_ascii=False, allow_nan=False), encoding="utf-8")


def take_apart(stages: Sequence[Stage]) -> Document:
    """Give the document of a pipeline of `ml.candidates`.

    Raises:
        UnreadablePipelineError: A stage is not understood, or has parameters that are not.
    """
    taken = _Taken([*stages])
    statement = taken.take_statement()
    labels = taken.take_labels()
    inputs, column = taken.take_assembler()
    vector = [labels.names.get(name, name) for name in inputs]
    if statement and statement != spell_numbers(numbers_in(vector)):
        raise UnreadablePipelineError("expected numbers as this release makes them, found others: train again.")
    is_normalised, column = taken.take_normaliser(column)
    means, factors, column = taken.take_scaler(column)
    words, column = taken.take_words(column)
    reads = [name for each in vector for name in (NUMBERS[each].reads if statement else (each,))]
    return Document(
        reads=[*dict.fromkeys([*reads, *(["text"] if words else [])])],
        vector=vector,
        statement=statement,
        labels=labels.values,
        is_normalised=is_normalised,
        means=means,
        factors=factors,
        words=words,
        **taken.take_last(column),
    )


def numbers_in(vector: Iterable[str]) -> list[str]:
    """Give those places of a vector that are numbers made of features."""
    return [name for name in vector if name in NUMBERS]


@dataclass(frozen=True)
class _Labels:
    names: dict[str, str]
    values: dict[str, list[str]]


class _Taken:
    """The stages of a pipeline, taken from its front one by one; each must be what a candidate makes of it."""

    def __init__(self, stages: list[Stage]) -> None:
        self._stages = stages

    def _take(self, kind: str, **wanted: Any) -> Stage | None:
        if not self._stages or self._stages[0].kind != kind:
            return None
        stage = self._stages.pop(0)
        for name, value in wanted.items():
            if stage.params.get(name) != value:
                raise UnreadablePipelineError(f"expected {kind} with {name} {value}, found {stage.params.get(name)}.")
        return stage

    def _must(self, kind: str, **wanted: Any) -> Stage:
        stage = self._take(kind, **wanted)
        if stage is None:
            found = self._stages[0].kind if self._stages else "no further stage"
            raise UnreadablePipelineError(f"expected a stage {kind} in the pipeline, found {found}.")
        return stage

    def take_statement(self) -> str:
        stage = self._take("SQLTransformer")
        return str(stage.params["statement"]) if stage else ""

    def take_labels(self) -> _Labels:
        stage = self._take("StringIndexerModel", handleInvalid="keep")
        if stage is None:
            return _Labels({}, {})
        inputs, outputs = stage.params["inputCols"], stage.params["outputCols"]
        labels = stage.read_rows()[0]["labelsArray"]
        return _Labels(dict(zip(outputs, inputs, strict=True)), dict(zip(inputs, labels, strict=True)))

    def take_assembler(self) -> tuple[list[str], str]:
        params = self._must("VectorAssembler", handleInvalid="error").params
        return params["inputCols"], params["outputCol"]

    def take_normaliser(self, column: str) -> tuple[bool, str]:
        stage = self._take("Normalizer", p=1.0, inputCol=column)
        return (True, stage.params["outputCol"]) if stage else (False, column)

    def take_scaler(self, column: str) -> tuple[list[float], list[float], str]:
        stage = self._take("StandardScalerModel", withMean=True, withStd=True, inputCol=column)
        if stage is None:
            return [], [], column
        row = stage.read_rows()[0]
        spread = read_vector(row["std"])
        factors = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread != 0.0)
        return read_vector(row["mean"]).tolist(), factors.tolist(), stage.params["outputCol"]

    def take_words(self, column: str) -> tuple[Words | None, str]:
        tokens = self._take(
            "RegexTokenizer", inputCol=TOLD, pattern=TOKENS, gaps=True, minTokenLength=1, toLowercase=True
        )
        weights = None
        parts = [column]
        if tokens:
            hashes = self._must("HashingTF", binary=True, inputCol=tokens.params["outputCol"])
            rarity = self._must("IDFModel", inputCol=hashes.params["outputCol"])
            weights = Words(read_vector(rarity.read_rows()[0]["idf"]).tolist())
            parts.append(rarity.params["outputCol"])
        joined = self._take("VectorAssembler", handleInvalid="error", inputCols=parts)
        return weights, joined.params["outputCol"] if joined else column

    def take_last(self, column: str) -> dict[str, Any]:
        found: dict[str, Any]
        if tree := self._take("DecisionTreeClassificationModel", featuresCol=column):
            found = {"trees": _spell_trees(tree, lambda node: node.weights[1] / (node.weights[0] + node.weights[1]))}
        elif boosted := self._take("GBTClassificationModel", featuresCol=column, lossType="logistic"):
            found = {"trees": _spell_trees(boosted, lambda node: node.prediction), "is_boosted": True}
        else:
            row = self._must("LogisticRegressionModel", featuresCol=column).read_rows()[0]
            coefficients = read_row_matrix(row["coefficientMatrix"]).tolist()
            found = {"coefficients": coefficients, "intercept": float(read_vector(row["interceptVector"])[0])}
        if self._stages:
            raise UnreadablePipelineError(
                f"expected the model as the last stage, found {self._stages[0].kind} after it."
            )
        return found


def _spell_trees(stage: Stage, answer: Callable[[Any], float]) -> Trees:
    roots, weights = [], []
    feature: list[int] = []
    threshold: list[float] = []
    left: list[int] = []
    right: list[int] = []
    answers: list[float] = []
    depth = 0
    for weight, nodes in read_trees(stage):
        start = len(feature)
        roots.append(start)
        weights.append(weight)
        depths = [0] * len(nodes)
        for node in nodes:  # a node comes before those below it
            is_leaf = node.left < 0
            feature.append(node.feature)
            threshold.append(node.threshold)
            left.append(start + (node.number if is_leaf else node.left))
            right.append(start + (node.number if is_leaf else node.right))
            answers.append(answer(node))
            if not is_leaf:
                depths[node.left] = depths[node.right] = depths[node.number] + 1
        depth = max(depth, *depths)
    return Trees(roots, weights, feature, threshold, left, right, answers, depth)
