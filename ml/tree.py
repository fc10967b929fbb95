"""A fitted decision tree as plain values: questions, and how many posts came to each leaf and were retweeted.

pyspark hands out a fitted tree in two public ways: as indented text (`toDebugString`) and as the number of the leaf
that a row falls into (`leafCol`). Together they give the whole tree, with counts from any rows one likes, held-out ones
too; leaves are numbered from left to right, which is the order of the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as sf

from ml.features import LABEL, to_model_frame
from ml.model import feature_names, tree_of
from ml.split import Counts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame

_LEAF: Final = "leaf"
_QUESTION: Final = re.compile(r"If \(feature (?P<feature>\d+) (?P<rest>.+)\)$")


@dataclass(frozen=True)
class Leaf:
    """An answer of the tree.

    Attributes:
        counts: Posts that came here, and those of them that were retweeted.
    """

    counts: Counts


@dataclass(frozen=True)
class Question:
    """A question of the tree: `feature` at or below `threshold` goes to `yes`, above it to `no`.

    Attributes:
        feature: Name of the feature.
        threshold: In units of the normalised vector: the feature's share of the sum of all features of the post.
    """

    feature: str
    threshold: float
    yes: Node
    no: Node

    @property
    def counts(self) -> Counts:
        """Posts that came here: the two branches' together."""
        return self.yes.counts + self.no.counts


Node = Leaf | Question


def read_tree(model: PipelineModel, rows: DataFrame) -> Node:
    """Read the tree of a fitted pipeline and count where the given rows go, in one Spark action.

    Args:
        model: A fitted pipeline of `ml.model`.
        rows: Model frame with `label`, one row per post.
    """
    return parse_tree(tree_of(model).toDebugString, feature_names(model), count_leaves(model, rows))


def count_leaves(model: PipelineModel, rows: DataFrame) -> dict[int, Counts]:
    """Count the rows that fall into each leaf, by the leaf's number from left to right."""
    tree = tree_of(model).copy()
    tree.setLeafCol(_LEAF)
    frame = to_model_frame(rows)
    for stage in model.stages[:-1]:
        frame = stage.transform(frame)
    groups = (
        tree.transform(frame)
        .groupBy(_LEAF)
        .agg(sf.count(sf.lit(1)).alias("rows"), sf.count(sf.when(sf.col(LABEL) == 1.0, 1)).alias("positives"))
    )
    return {int(group[_LEAF]): Counts(group["rows"], group["positives"]) for group in groups.collect()}


def parse_tree(text: str, names: Sequence[str], counts: Mapping[int, Counts]) -> Node:
    r"""Parse MLlib's text of a tree.

    Args:
        text: `toDebugString` of a decision tree whose features are all numbers.
        names: Name of each feature, in the order of the vector.
        counts: Rows per leaf, by its number from left to right; a leaf that is not named got none.

    Raises:
        ValueError: A line is neither a question on a number nor an answer.

    >>> tree = parse_tree("Tree\nIf (feature 0 <= 0.5)\nPredict: 0.0\nElse (feature 0 > 0.5)\nPredict: 1.0",
    ...                   ["followers"], {0: Counts(7, 1), 1: Counts(3, 2)})
    >>> tree.feature, tree.threshold, tree.counts
    ('followers', 0.5, Counts(rows=10, positives=3))
    """
    lines = iter([line.strip() for line in text.splitlines()[1:] if line.strip()])
    return _parse_node(
        lines, names, iter([counts.get(number, Counts(0, 0)) for number in range(text.count("Predict"))])
    )


def _parse_node(lines: Iterator[str], names: Sequence[str], leaves: Iterator[Counts]) -> Node:
    line = next(lines)
    if line.startswith("Predict"):
        return Leaf(next(leaves))
    found = _QUESTION.match(line)
    if found is None or not found["rest"].startswith("<= "):
        raise ValueError(f"expected a question on a number or an answer, found {line!r}: draw another kind of model")
    yes = _parse_node(lines, names, leaves)
    next(lines)
    no = _parse_node(lines, names, leaves)
    return Question(names[int(found["feature"])], float(found["rest"].removeprefix("<= ")), yes, no)


def depth_of(node: Node) -> int:
    """Give the number of questions on the longest way to an answer.

    >>> depth_of(Leaf(Counts(1, 0)))
    0
    """
    return 0 if isinstance(node, Leaf) else 1 + max(depth_of(node.yes), depth_of(node.no))


def count_answers(node: Node) -> int:
    """Give the number of leaves below a node, or 1 for a leaf.

    >>> count_answers(Leaf(Counts(1, 0)))
    1
    """
    return 1 if isinstance(node, Leaf) else count_answers(node.yes) + count_answers(node.no)
