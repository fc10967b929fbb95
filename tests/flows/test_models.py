"""A candidate through the flow: searched, registered with its documents, scored with, and fitted again."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from deltalake import DeltaTable

from flows.errors import NoModelYetError, NotReproducibleError, RefusedTrainingError
from flows.lake.tables import table_path
from flows.promotions import open_registry
from flows.reproduce import reproduce
from flows.score import score
from flows.settings import Settings
from flows.train import train

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

FEATURES = "refined.refined_retweet_features"


@pytest.fixture(scope="module")
def lake(
    sample_home: Path, make_home: Callable[[str], Path], move_to: Callable[[Path], Settings]
) -> Iterator[Settings]:
    """The lake of the sample without models and predictions, in which `auto` has trained with two draws of limits."""
    home = make_home("models")
    shutil.copytree(sample_home / "lake", home / "lake", ignore=shutil.ignore_patterns("scored"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EPILAKE_SEARCH_TRIALS", "2")
        settings = move_to(home)
        assert train(candidate="auto")["is_new"]
        yield settings


def test_the_version_has_its_report_its_training_set_and_a_child_run_per_trial(lake: Settings) -> None:
    registry = open_registry(lake)
    assert registry.read_document(1, "report.html").startswith("<!doctype html>")
    document = json.loads(registry.read_document(1, "training_set.json"))
    assert document["candidate"] == "sklearn"
    assert len(document["trials"]) == 2
    assert document["tables"].keys() >= {FEATURES, "refined.refined_post_stories"}
    client = registry.connect()
    (row,) = registry.describe()
    experiment = client.get_run(row["run_id"]).info.experiment_id
    children = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{row['run_id']}'")
    assert {run.data.params["trees"] for run in children} <= {"80", "120", "160", "200"}
    assert all(0.5 < run.data.metrics["mean_roc_auc"] < 1 for run in children)
    assert len(children) == 2
    assert {"time.roc_auc", "author.roc_auc", "time.roc_auc.low"} <= row["metrics"].keys()


def test_posts_are_scored_with_the_candidate_by_alias(lake: Settings, spark: "SparkSession") -> None:
    counts = score("staging")
    assert counts["count_scored"] == spark.table(FEATURES).where("sentiment_scored_at is not null").count() > 0


def test_the_same_training_is_not_run_again(lake: Settings) -> None:
    again = train(candidate="auto")
    assert (again["model_version"], again["is_new"]) == (1, False)


def test_fitted_again_it_says_the_same_of_every_row(lake: Settings, spark: "SparkSession") -> None:
    outcome = reproduce(1)
    assert (outcome["count_different"], outcome["doubts"]) == (0, [])
    assert outcome["count_rows"] == spark.table(FEATURES).where("was_retweeted is not null").count()


def test_a_candidate_or_version_that_is_not_there_is_refused(lake: Settings) -> None:
    with pytest.raises(RefusedTrainingError, match="expected a candidate among article, tree,"):
        train(candidate="forest")
    with pytest.raises(NoModelYetError, match=r"Version 7 cannot be fitted again: .* name another version of 1,"):
        reproduce(7)


def test_rows_that_were_removed_from_the_past_cannot_be_had_again(lake: Settings) -> None:
    version = json.loads(open_registry(lake).read_document(1, "training_set.json"))["tables"][FEATURES]
    for file in DeltaTable(table_path(lake, FEATURES), version=version).file_uris():
        Path(file).unlink()
    with pytest.raises(NotReproducibleError, match="Version 1 cannot be reproduced any more"):
        reproduce(1)
