"""A stored pipeline of MLlib, read without a JVM: the parameters of each stage, its vectors and its trees.

MLlib keeps a fitted pipeline as a folder per stage: one JSON document of its class and parameters, and what it has
learnt as Parquet. Both are plain files, so a model that lies in the registry can be taken apart by whoever has its
files (`ml.predictor`), with the very doubles that Spark would load. The format is that of pyspark 4.2.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SPARSE = 0
"""MLlib's mark of a sparse vector or matrix; a dense one has 1."""


class UnreadablePipelineError(ValueError):
    """A folder that is no pipeline of MLlib, or whose stages are not understood."""


@dataclass(frozen=True)
class Stage:
    """One stage of a stored pipeline.

    Attributes:
        kind: Name of MLlib's class, without its package.
        params: Parameters by name, the defaults among them.
        facts: What the document says beside the parameters, such as `numClasses`.
        folder: Where its data lie.
    """

    kind: str
    params: dict[str, Any]
    facts: dict[str, Any]
    folder: Path

    def read_rows(self, name: str = "data") -> list[dict[str, Any]]:
        """Read the rows of its data, in no order."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        files = sorted((self.folder / name).glob("*.parquet"))
        if not files:
            raise UnreadablePipelineError(f"expected Parquet files in {self.folder / name}, found none.")
        rows: list[dict[str, Any]] = pa.concat_tables([pq.read_table(file) for file in files]).to_pylist()
        return rows


@dataclass(frozen=True)
class Node:
    """One node of a tree: a question has `left`, `right`, `feature` and `threshold`, a leaf has `left` = -1.

    Attributes:
        number: Its number in its tree; the root is 0.
        left: Number of the node for values at or below the threshold.
        right: Number of the node for values above it.
        feature: Place in the vector.
        threshold: In units of the feature.
        prediction: What the tree says here.
        weights: Weight of the training rows of each class.
    """

    number: int
    left: int
    right: int
    feature: int
    threshold: float
    prediction: float
    weights: tuple[float, ...]


def read_stages(folder: Path) -> list[Stage]:
    """Read the stages of a stored pipeline, in order.

    Raises:
        UnreadablePipelineError: The folder holds no pipeline of MLlib.
    """
    about = _read_metadata(folder)
    try:
        names = about["paramMap"]["stageUids"]
        width = len(str(len(names)))
        folders = [folder / "stages" / f"{place:0{width}}_{name}" for place, name in enumerate(names)]
    except (KeyError, TypeError) as error:
        raise UnreadablePipelineError(f"expected a pipeline of MLlib in {folder}, found none.") from error
    return [_read_stage(each) for each in folders]


def _read_stage(folder: Path) -> Stage:
    about = _read_metadata(folder)
    params = {**about.get("defaultParamMap", {}), **about.get("paramMap", {})}
    return Stage(str(about["class"]).rpartition(".")[2], params, about, folder)


def _read_metadata(folder: Path) -> dict[str, Any]:
    files = sorted((folder / "metadata").glob("part-*"))
    try:
        lines = "".join(file.read_text(encoding="utf-8") for file in files)
        about: dict[str, Any] = json.loads(lines)
    except ValueError as error:
        raise UnreadablePipelineError(f"expected the JSON document of a stage of MLlib in {folder}.") from error
    return about


def read_vector(stored: dict[str, Any]) -> NDArray[np.float64]:
    """Give a stored vector, dense.

    >>> read_vector({"type": 0, "size": 3, "indices": [1], "values": [2.0]}).tolist()
    [0.0, 2.0, 0.0]
    """
    values = np.asarray(stored["values"], dtype=np.float64)
    if stored["type"] != SPARSE:
        return values
    vector = np.zeros(int(stored["size"]))
    vector[np.asarray(stored["indices"], dtype=np.int64)] = values
    return vector


def read_row_matrix(stored: dict[str, Any]) -> NDArray[np.float64]:
    """Give a stored matrix of one row as a vector, dense.

    Raises:
        UnreadablePipelineError: It has more rows, or fewer.
    """
    if stored["numRows"] != 1:
        raise UnreadablePipelineError(f"expected a matrix of one row, found {stored['numRows']}.")
    values = np.asarray(stored["values"], dtype=np.float64)
    if stored["type"] != SPARSE:
        return values
    columns = stored["rowIndices"]
    if not stored["isTransposed"]:  # then each column has a stretch of its own, of no value or of one
        columns = [column for column, end in enumerate(stored["colPtrs"][1:]) if end > stored["colPtrs"][column]]
    vector = np.zeros(int(stored["numCols"]))
    vector[np.asarray(columns, dtype=np.int64)] = values
    return vector


def read_trees(stage: Stage) -> list[tuple[float, list[Node]]]:
    """Read the trees of a stage, each with its weight, their nodes in the order of their numbers.

    Raises:
        UnreadablePipelineError: A tree asks about categories.
    """
    rows = stage.read_rows()
    if not (stage.folder / "treesMetadata").is_dir():
        return [(1.0, _order([_read_node(row) for row in rows]))]
    weights = {row["_1"]: float(row["_3"]) for row in stage.read_rows("treesMetadata")}
    nodes: dict[int, list[Node]] = {number: [] for number in sorted(weights)}
    for row in rows:
        nodes[row["treeID"]].append(_read_node(row["nodeData"]))
    return [(weights[number], _order(found)) for number, found in nodes.items()]


def _order(nodes: list[Node]) -> list[Node]:
    ordered = sorted(nodes, key=lambda node: node.number)
    if [node.number for node in ordered] != list(range(len(ordered))):
        raise UnreadablePipelineError("expected the nodes of a tree to be numbered from 0 without a gap.")
    return ordered


def _read_node(row: dict[str, Any]) -> Node:
    split, left = row["split"], int(row["leftChild"])
    is_question = left >= 0
    if is_question and split["numCategories"] != -1:
        raise UnreadablePipelineError("expected a tree that asks about numbers, found a question about categories.")
    return Node(
        number=int(row["id"]),
        left=left,
        right=int(row["rightChild"]),
        feature=int(split["featureIndex"]) if is_question else 0,
        threshold=float(split["leftCategoriesOrThreshold"][0]) if is_question else 0.0,
        prediction=float(row["prediction"]),
        weights=tuple(float(weight) for weight in row["impurityStats"]),
    )
