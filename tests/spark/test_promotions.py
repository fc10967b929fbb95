"""The gate on registered models in a lake: what it refuses, who approves, what a rollback brings back, row by row."""

import json
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import pytest
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import DecisionTreeClassifier
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import functions as sf

from flows.errors import EpilakeError
from flows.judge import judge
from flows.promote import find_waiting, promote, rollback
from flows.promotions import Verdict, open_registry, read_decisions
from flows.settings import Settings
from flows.train import read_features, read_versions
from ml.dataset import Dataset, open_dataset
from ml.features import ARTICLE_FEATURES
from ml.integrity import hash_folder
from ml.model import Tree, fit_model
from ml.registry import PRODUCTION, STAGING
from ml.split import SplitKind

if TYPE_CHECKING:
    from ml.registry import Registry

pytestmark = pytest.mark.spark

TREE = Tree()


@pytest.fixture(scope="module")
def settings(
    sample_home: Path, tmp_path_factory: pytest.TempPathFactory, move_to: Callable[[Path], Settings]
) -> Settings:
    """A copy of the installation in which the pipeline ran: version 1 is in production."""
    return move_to(shutil.copytree(sample_home, tmp_path_factory.mktemp("promotions") / "home"))


@pytest.fixture(scope="module")
def registry(settings: Settings) -> "Registry":
    return open_registry(settings)


@pytest.fixture(scope="module")
def dataset(settings: Settings) -> Iterator[Dataset]:
    with open_dataset(read_features(settings, read_versions(settings)), seed=settings.seed) as dataset:
        yield dataset


@pytest.fixture
def submit(settings: Settings, registry: "Registry", dataset: Dataset) -> Callable[..., Verdict]:
    """Register a pipeline, change what lies stored of it, put it on staging, and let the gate decide."""

    def submit(
        pipeline: PipelineModel,
        names: list[str],
        change: Callable[[Path], object] = lambda _: None,
        *,
        rehash: bool = False,
        approval: str = "auto",
    ) -> Verdict:
        client = registry.connect()
        experiment = client.get_experiment_by_name(registry.experiment)
        signature = ModelSignature(inputs=Schema([ColSpec("double", name) for name in names]))
        with mlflow.start_run(experiment_id=experiment.experiment_id) as run, tempfile.TemporaryDirectory() as folder:
            mlflow.spark.log_model(
                pipeline, "model", signature=signature, pip_requirements=["pyspark"], dfs_tmpdir=folder
            )
        version = registry._register(client, run.info.run_id, {})
        stored = Path(mlflow.artifacts.download_artifacts(f"{run.info.artifact_uri}/model"))
        change(stored)
        if rehash:
            client.set_model_version_tag(registry.model_name, str(version), "model_sha256", hash_folder(stored))
        registry.set_alias(STAGING, version)
        return judge(settings.model_copy(update={"approval": approval}), registry, dataset, version)

    return submit


@pytest.fixture(scope="module")
def good(dataset: Dataset) -> PipelineModel:
    """As good as what is in production, because it is the same."""
    return fit_model(dataset.split(SplitKind.TIME).train, ARTICLE_FEATURES, tree=TREE, seed=dataset.seed)


def last_row(settings: Settings) -> dict[str, Any]:
    return read_decisions(settings)[-1]


def test_first_promotion_is_a_row_with_what_was_promised(settings: Settings, dataset: Dataset) -> None:
    (row,) = read_decisions(settings)
    assert (row["decision_id"], row["model_version"], row["from_version"]) == ("1/gate", 1, None)
    assert (row["decision"], row["approved_by"]) == ("promoted", "gate")
    checks = json.loads(row["reasons"])
    assert [check["check"] for check in checks] == [
        "artifact", "size", "inputs", "smoke", "majority", "believable", "production", "speed",
    ]  # fmt: skip
    assert all(check["passed"] for check in checks)
    promised = json.loads(row["promised"])
    assert set(promised) == {"accuracy", "roc_auc", "pr_auc", "calibration_gap"}
    assert all(one["low"] <= one["value"] <= one["high"] for one in promised.values())
    assert row["learnt_until"] < row["judged_until"] == dataset.last_posted_at


def test_worse_model_is_refused(
    settings: Settings, registry: "Registry", dataset: Dataset, submit: Callable[..., Verdict]
) -> None:
    names = ["user_verified"]
    worse = fit_model(dataset.split(SplitKind.TIME).train, names, tree=Tree(max_depth=1), seed=1)
    verdict = submit(worse, names)
    failed = {name for name, passed, _ in verdict.checks if not passed}
    assert verdict.outcome == "refused"
    assert "production" in failed
    assert last_row(settings)["decision"] == "refused"
    assert registry.find_version(PRODUCTION) == 1


def test_model_trained_on_a_leak_is_refused_whatever_its_signature_says(
    settings: Settings, registry: "Registry", dataset: Dataset, submit: Callable[..., Verdict]
) -> None:
    train = dataset.split(SplitKind.TIME).train.withColumn("favorites", sf.col("label") * 3)
    stages = [
        VectorAssembler(inputCols=["user_followers", "favorites"], outputCol="features"),
        DecisionTreeClassifier(labelCol="label"),
    ]
    verdict = submit(Pipeline(stages=stages).fit(train), ["user_followers"])
    assert verdict.outcome == "refused"
    assert "favorites is known only after the outcome" in verdict.reasons[-1]
    assert registry.find_version(PRODUCTION) == 1


def test_tampered_model_is_refused(
    settings: Settings, good: PipelineModel, registry: "Registry", submit: Callable[..., Verdict]
) -> None:
    verdict = submit(good, [*ARTICLE_FEATURES], lambda stored: (stored / "requirements.txt").write_text("x==1\n"))
    assert (verdict.outcome, last_row(settings)["model_version"]) == ("refused", verdict.version)
    assert verdict.reasons[0].startswith("it is not opened: expected the files of ")
    assert "they are not what was registered" in last_row(settings)["reasons"]
    assert registry.find_version(PRODUCTION) == 1


def test_model_with_a_pickle_is_refused_though_its_hash_is_right(
    settings: Settings, good: PipelineModel, submit: Callable[..., Verdict]
) -> None:
    content = pickle.dumps({"weights": [1.0]})
    verdict = submit(
        good, [*ARTICLE_FEATURES], lambda stored: (stored / "sparkml" / "part-9").write_bytes(content), rehash=True
    )
    assert verdict.outcome == "refused"
    assert "found sparkml/part-9: a pickle: whoever opens it runs its program" in last_row(settings)["reasons"]


def test_human_lets_a_version_in_and_a_rollback_brings_the_one_before_back(
    settings: Settings, registry: "Registry", good: PipelineModel, submit: Callable[..., Verdict]
) -> None:
    verdict = submit(good, [*ARTICLE_FEATURES], approval="human")
    version = verdict.version
    assert (verdict.outcome, registry.find_version(PRODUCTION)) == ("waiting", 1)
    assert find_waiting(settings).version == version
    with pytest.raises(EpilakeError, match="Whoever answers has to say so"):
        promote(approve=True)

    promote(approve=True, by="Ada")
    row = last_row(settings)
    assert (row["decision"], row["approved_by"], row["from_version"]) == ("promoted", "Ada", 1)
    assert registry.find_version(PRODUCTION) == version
    with pytest.raises(EpilakeError, match=f"Version {version} waits for nobody: Ada has promoted it"):
        promote(approve=False, by="Bob")

    assert rollback() == {"model_version": 1}
    row = last_row(settings)
    assert (row["decision"], row["model_version"], row["from_version"]) == ("rolled back", 1, version)
    assert registry.find_version(PRODUCTION) == 1
    assert row["promised"] == read_decisions(settings)[0]["promised"]
    with pytest.raises(EpilakeError, match="There is nothing to roll back to"):
        rollback()


def test_decision_that_a_kill_left_on_paper_is_carried_out_and_not_made_again(
    settings: Settings, registry: "Registry", dataset: Dataset, good: PipelineModel, submit: Callable[..., Verdict]
) -> None:
    version = submit(good, [*ARTICLE_FEATURES]).version
    before, client = read_decisions(settings), registry.connect()
    for tag in ("gate", "gate_reasons", "gate_decided_at"):
        client.delete_model_version_tag(registry.model_name, str(version), tag)
    registry.set_alias(PRODUCTION, 1)
    assert judge(settings, registry, dataset, version).outcome == "promoted"
    assert registry.find_version(PRODUCTION) == version
    assert read_decisions(settings) == before
