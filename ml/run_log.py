"""What a training leaves in the active MLflow run: parameters, figures, inputs, pictures, trials and the model itself.

Stands apart from the registry: nothing here names a version or an alias. MLflow is imported inside functions.
"""

from __future__ import annotations

import json
import tempfile
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ml.evaluation import PROBABILITY
from ml.features import FEATURES, Kind
from ml.model import EXPECTED
from ml.predictor_document import DOCUMENT, write_predictor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure

    from ml.training import TrainedModel

ARTIFACT: Final = "model"
"""Folder of the run's artifacts in which the model lies."""
REQUIREMENTS: Final = ("pyspark", "mlflow", "numpy", "pandas")


class TableVersion(NamedTuple):
    """A Delta table as it was read: `refined.refined_retweet_features`, its folder, its version."""

    name: str
    path: str
    version: int


def log_training(trained: TrainedModel, tables: Sequence[TableVersion]) -> None:
    """Record the candidate, its limits, the features, the figures and the tables read."""
    import mlflow

    named = {"candidate": trained.candidate.name, "features": json.dumps(list(trained.feature_names))}
    mlflow.log_params({**trained.params, **named})
    mlflow.log_metrics(trained.metrics())
    _log_inputs(trained, tables)


def log_files(figures: Mapping[str, Figure], documents: Mapping[str, str]) -> None:
    """Record pictures and texts by file name."""
    import mlflow

    for name, figure in figures.items():
        mlflow.log_figure(figure, name)
    for name, text in documents.items():
        mlflow.log_text(text, name)


def log_model(trained: TrainedModel, *, spark_tmpdir: str | None) -> None:
    """Store the pipeline, and beside it the light predictor, by which MLflow's `python_function` flavour answers.

    One folder holds both, so one hash covers both. Requirements are given, else MLflow reloads it in another process.

    Args:
        trained: What `ml.training.train` gave.
        spark_tmpdir: Folder that driver and executors share; None: a temporary one of this machine.
    """
    import mlflow
    from mlflow.models import Model

    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / ARTIFACT
        run = mlflow.active_run()
        model = Model(artifact_path=ARTIFACT, run_id=run.info.run_id if run else None)
        mlflow.spark.save_model(
            trained.pipeline,
            str(files),
            mlflow_model=model,
            signature=_make_signature(trained.feature_names),
            pip_requirements=[f"{name}=={installed_version(name)}" for name in REQUIREMENTS],
            dfs_tmpdir=spark_tmpdir or folder,
        )
        write_predictor(files / "sparkml", files / DOCUMENT)
        model.flavors["python_function"] |= {"loader_module": "ml.predictor", "data": DOCUMENT}
        model.save(files / "MLmodel")
        mlflow.log_artifacts(str(files), ARTIFACT)


def log_trials(trained: TrainedModel, experiment_id: str) -> None:
    """Record each trial of a search as a child of the active run."""
    import mlflow

    for number, trial in enumerate(trained.trials):
        name = f"trial {number}: {trained.candidate.name}"
        with mlflow.start_run(experiment_id=experiment_id, run_name=name, nested=True):
            mlflow.log_params(trial.params)
            figures = {f"block_{block}.roc_auc": area for block, area in enumerate(trial.roc_auc)}
            mlflow.log_metrics({**figures, "mean_roc_auc": trial.mean_roc_auc})


_TYPES: Final = {Kind.CATEGORY: "string", Kind.TEXT: "string", Kind.MOMENT: "datetime"}


def _make_signature(names: Sequence[str]) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    types = {name: _TYPES.get(FEATURES[name].kind, "double") for name in names}
    return ModelSignature(
        inputs=Schema([ColSpec(kind, name, required=False) for name, kind in types.items()]),
        outputs=Schema([ColSpec("double", PROBABILITY), ColSpec("boolean", EXPECTED)]),
    )


def _log_inputs(trained: TrainedModel, tables: Sequence[TableVersion]) -> None:
    """Record each table as an input of the active run; its version as a tag too, for MLflow drops a version 0."""
    import mlflow
    from mlflow.data.delta_dataset_source import DeltaDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    for table in tables:
        source = DeltaDatasetSource(path=table.path, delta_table_version=table.version)
        # MLflow calls the class abstract, and its own documentation makes instances of it.
        dataset = MetaDataset(source, name=table.name, digest=trained.dataset.digest[:32])  # type: ignore[abstract]
        mlflow.log_input(dataset, context="training", tags={"delta_version": str(table.version)})
