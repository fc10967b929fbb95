"""A model version fitted again from what was recorded with it, and compared row by row with what is registered.

What can no longer be reproduced is said in a sentence: a Delta version that was vacuumed or erased, rows that are not
those of then, packages of another version.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.console import say, spinner
from flows.errors import NoModelYetError, NotReproducibleError
from flows.lake.tables import table_path
from flows.promotions import open_registry
from flows.report import publish_counts
from flows.runs import recorded
from flows.settings import Settings
from flows.train import FEATURES_TABLE, STORIES_TABLE, read_features, refusals_in_words

if TYPE_CHECKING:
    from typing import Any

    from pyspark.ml import PipelineModel

    from ml.dataset import Dataset
    from ml.registry import Registry


@flow(name="reproduce")
def reproduce(version: int) -> dict[str, object]:
    """Fit a version again and compare; return the rows compared, those that differ, and what stands in the way.

    Args:
        version: Version in the model registry.

    Raises:
        NoModelYetError: There is no such version, or nothing was recorded with it.
        NotReproducibleError: The recorded rows cannot be read any more.
    """
    settings = Settings()
    with recorded(settings, "reproduce") as report:
        outcome = fit_again(settings, version)
        publish_counts("reproduce", "Reproduction", [outcome])
        report.update(outcome)
    return outcome


@task(cache_policy=NO_CACHE)
def fit_again(settings: Settings, version: int) -> dict[str, object]:
    """Read the rows of then, fit, and compare the predictions for each of them."""
    from ml.dataset import open_dataset
    from ml.training_set import check_digest, compare_packages, find_packages

    registry = open_registry(settings)
    document = read_training_set(registry, version)
    doubts = compare_packages(document["packages"], find_packages(document["packages"]))
    with refusals_in_words(), spinner(f"Fitting version {version} again"), rows_of_then(version):
        features = read_features(settings, list_versions(settings, document))
        with open_dataset(features, seed=document["seed"]) as dataset:
            doubts += check_digest(document, digest=dataset.digest, rows=dataset.counts.rows)
            rows, different, furthest = compare(registry, dataset, document, version)
    for doubt in doubts:
        say(f"version {version}: {doubt}")
    same = f"identical on all {rows:,} rows" if not different else f"different on {different:,} of {rows:,} rows"
    say(f"version {version} fitted again: predictions {same} (furthest apart by {furthest:.3g})")
    return {"model_version": version, "count_rows": rows, "count_different": different, "doubts": doubts}


def read_training_set(registry: "Registry", version: int) -> "dict[str, Any]":
    """Return what was recorded of the training of a version.

    Raises:
        NoModelYetError: There is no such version, or nothing was recorded with it.
    """
    from ml.registry import NoModelError
    from ml.training_set import DOCUMENT

    try:
        found: dict[str, Any] = json.loads(registry.read_document(version, DOCUMENT))
    except NoModelError as error:
        raise NoModelYetError(f"Version {version} cannot be fitted again: {error}") from error
    return found


def list_versions(settings: Settings, document: "dict[str, Any]") -> "list[Any]":
    """Return the tables that the rows come from, where they lie now, at the versions of then."""
    from ml.run_log import TableVersion

    return [
        TableVersion(name, str(table_path(settings, name)), document["tables"][name])
        for name in (FEATURES_TABLE, STORIES_TABLE)
        if name in document["tables"]
    ]


GONE = (
    "DELTA_VERSION_NOT_FOUND",
    "VersionNotFoundException",
    "DELTA_TRUNCATED_TRANSACTION_LOG",
    "DELTA_LOG_FILE_NOT_FOUND",
    "FILE_NOT_EXIST",
    "FileNotFoundException",
    "DELTA_FILE_NOT_FOUND",
    "DELTA_PATH_DOES_NOT_EXIST",
    "DELTA_MISSING_DELTA_TABLE",
    "time travel",
)
"""How Delta and Spark call what is not there any more."""


@contextmanager
def rows_of_then(version: int) -> Iterator[None]:
    """Say in a sentence that the rows of then are gone, however Delta and Spark put it.

    Raises:
        NotReproducibleError: A version of a table, or a file of it, is gone.
    """
    try:
        yield
    except Exception as error:
        if any(sign in str(error) for sign in GONE):
            raise NotReproducibleError(
                f"Version {version} cannot be reproduced any more: the Delta versions that it was learnt from were "
                "removed from the past by `epilake maintain` or an erasure; train anew."
            ) from error
        raise


def compare(
    registry: "Registry", dataset: "Dataset", document: "dict[str, Any]", version: int
) -> tuple[int, int, float]:
    """Return how many rows were scored by both models, on how many they differ, and by how much at most."""
    from ml.candidates.known import CANDIDATES
    from ml.split import SplitKind

    split = dataset.split(SplitKind.TIME)
    candidate = CANDIDATES[document["candidate"]]
    again = candidate.fit(split.train, document["features"], params=document["params"], seed=document["seed"])
    registered = registry.load_version(version).pipeline
    return count_different(again, registered, dataset)


def count_different(again: "PipelineModel", registered: "PipelineModel", dataset: "Dataset") -> tuple[int, int, float]:
    """Score every labelled row with both, in one action."""
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own spelling

    from ml.evaluation import PROBABILITY
    from ml.model import predict
    from ml.split import SplitKind

    split = dataset.split(SplitKind.TIME)
    rows = predict(again, split.train.unionByName(split.held_out)).withColumnRenamed(PROBABILITY, "again")
    both = predict(registered, rows)
    gap = F.abs(F.col("again") - F.col(PROBABILITY))
    found = both.agg(F.count(F.lit(1)), F.count(F.when(gap > 0, 1)), F.max(gap)).collect()[0]
    return int(found[0]), int(found[1]), float(found[2])
