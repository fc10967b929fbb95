"""The MLflow model registry: where models are kept, found again and named by alias.

With `ml.run_log` the only file that speaks to MLflow, and the one place where its global addresses, logging and
environment are set.
Everything but `log_and_register` and `load` works without a JVM. MLflow is imported inside functions: it costs seconds.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ml.integrity import check_folder, hash_folder
from ml.model import MODEL_NAME
from ml.run_log import ARTIFACT, log_files, log_model, log_training, log_trials

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion
    from pyspark.ml import PipelineModel

    from ml.gate import Decision
    from ml.predictor import Predictor
    from ml.run_log import TableVersion
    from ml.training import TrainedModel

STAGING: Final = "staging"
PRODUCTION: Final = "production"

_ENVIRONMENT: Final = {
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


class NoModelError(LookupError):
    """No version stands behind an alias."""


class LoadedModel(NamedTuple):
    """A model that was loaded by alias, and the version it is."""

    pipeline: PipelineModel
    version: int


class LightModel(NamedTuple):
    """A model that needs no JVM, and the version it is."""

    predictor: Predictor
    version: int


class Artifact(NamedTuple):
    """What lies stored of a version: the columns that its signature names, and its size in megabytes."""

    signature: tuple[str, ...]
    megabytes: float


@dataclass(frozen=True)
class Registry:
    """One MLflow tracking server or database, and one model in it.

    Attributes:
        tracking_uri: MLflow's address, of the tracking store and of the registry.
        artifact_location: URI under which a new experiment keeps its artifacts; None leaves it to the server.
        experiment: Name of the experiment that the runs go to.
        model_name: Name of the registered model.
        spark_tmpdir: Folder through which Spark writes a model; must be on a shared file system on a cluster. None is
            a private temporary folder.
    """

    tracking_uri: str
    artifact_location: str | None = None
    experiment: str = "epilake"
    model_name: str = MODEL_NAME
    spark_tmpdir: str | None = None

    def connect(self) -> MlflowClient:
        """Point MLflow of this process here and give its client; the first time makes or migrates the database."""
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        if self._database:
            self._database.parent.mkdir(parents=True, exist_ok=True)
        import mlflow

        _send_chatter_to_logging()
        mlflow.set_tracking_uri(self.tracking_uri)
        mlflow.set_registry_uri(self.tracking_uri)
        return mlflow.MlflowClient()

    def log_and_register(
        self,
        trained: TrainedModel,
        *,
        fingerprint: str,
        tables: Sequence[TableVersion],
        code_version: str,
        figures: Mapping[str, Figure],
        card: str,
        documents: Mapping[str, str] | None = None,
    ) -> int:
        """Record one run with everything known about a model and register it; return its version.

        The version appears with its hash and its fingerprint in one step: a run that was killed before it left no
        version, one that was killed after it left a whole one. No alias is set.

        Args:
            trained: What `ml.training.train` gave.
            fingerprint: What `ml.training.fingerprint` gave for it.
            tables: Delta tables behind the rows, as they were read.
            code_version: Version of the code that trained.
            figures: Pictures by file name (`roc.png`).
            card: Model card, Markdown.
            documents: Further texts by file name (`report.html`, `training_set.json`).
        """
        import mlflow

        client = self.connect()
        tags = {
            "delta_versions": json.dumps({table.name: table.version for table in tables}, sort_keys=True),
            "dataset_digest": trained.dataset.digest,
            "fingerprint": fingerprint,
            "seed": str(trained.dataset.seed),
            "code_version": code_version,
        }
        experiment_id = self._experiment_id(client)
        with mlflow.start_run(experiment_id=experiment_id, run_name=f"train {fingerprint[:8]}", tags=tags) as run:
            log_training(trained, tables)
            log_files(figures, {"model_card.md": card, **(documents or {})})
            log_trials(trained, experiment_id)
            log_model(trained, spark_tmpdir=self.spark_tmpdir)
        return self._register(client, run.info.run_id, tags)

    def set_alias(self, alias: str, version: int) -> int | None:
        """Point an alias to a version; return the version it pointed to before, None if to none."""
        client = self.connect()
        before = self.find_version(alias)
        client.set_registered_model_alias(self.model_name, alias, str(version))
        return before

    def promote(self, version: int, decision: Decision, *, now: datetime) -> int | None:
        """Point `production` to a version if the decision says so, and write the decision beside it.

        Returns:
            The version that was in production before, None if none was.
        """
        before = self.set_alias(PRODUCTION, version) if decision.promoted else self.find_version(PRODUCTION)
        self.note_decision(version, "promoted" if decision.promoted else "refused", decision.reasons, now=now)
        return before

    def note_decision(self, version: int, outcome: str, reasons: Sequence[str], *, now: datetime) -> None:
        """Write beside a version what was decided about it, such as `promoted`, `refused` or `waiting`.

        The tag `gate` is written last: a version that has it was judged wholly, whatever was killed before.
        """
        client = self.connect()
        tags = {"gate_reasons": json.dumps(reasons), "gate_decided_at": now.isoformat(), "gate": outcome}
        for name, value in tags.items():
            client.set_model_version_tag(self.model_name, str(version), name, value)

    def find_trained(self, fingerprint: str) -> int | None:
        """Find the latest version that was trained with this fingerprint; None if there is none."""
        wanted = f"name = '{self.model_name}' and tags.fingerprint = '{fingerprint}'"
        found = self.connect().search_model_versions(wanted)
        return max((int(version.version) for version in found), default=None)

    def find_version(self, alias: str) -> int | None:
        """Find the version behind an alias, without loading it; None if the alias is not set."""
        found = self._find_alias(self.connect(), alias)
        return int(found.version) if found else None

    def load(self, alias: str) -> LoadedModel:
        """Load the model behind an alias into this process's Spark session, its files checked first.

        Raises:
            NoModelError: The alias is not set.
            UnsafeModelError: The files are not those that were registered, or hold a pickle.
        """
        client = self.connect()
        return self._open(client, self._need_alias(client, alias))

    def load_version(self, version: int) -> LoadedModel:
        """Load a version, whatever its aliases, as `load` does.

        Raises:
            UnsafeModelError: The files are not those that were registered, or hold a pickle.
        """
        client = self.connect()
        return self._open(client, client.get_model_version(self.model_name, str(version)))

    def load_light(self, alias: str) -> LightModel:
        """Load the model behind an alias without a JVM, its files checked first.

        Raises:
            NoModelError: The alias is not set.
            UnsafeModelError: The files are not those that were registered, or hold a pickle.
            PredictorError: This release cannot score what was registered.
        """
        from ml.predictor import open_predictor

        client = self.connect()
        found = self._need_alias(client, alias)
        with tempfile.TemporaryDirectory() as folder:
            predictor = open_predictor(self._download(client, found, folder))
        return LightModel(predictor, int(found.version))

    def read_artifact(self, version: int) -> Artifact:
        """Look at the stored files of a version without a JVM, checked as `load` checks them.

        Raises:
            NoModelError: There is no such version.
            UnsafeModelError: The files are not those that were registered, or hold a pickle.
        """
        from mlflow.exceptions import MlflowException
        from mlflow.models import Model

        client = self.connect()
        try:
            found = client.get_model_version(self.model_name, str(version))
        except MlflowException as error:
            msg = f"expected a version of {self.model_name}, found no version {version}: see `epilake status`."
            raise NoModelError(msg) from error
        with tempfile.TemporaryDirectory() as folder:
            files = self._download(client, found, folder)
            size = sum(path.stat().st_size for path in files.rglob("*") if path.is_file())
            inputs = Model.load(str(files)).get_input_schema()  # type: ignore[no-untyped-call]
        return Artifact(tuple(inputs.input_names()) if inputs else (), size / 1e6)

    def _open(self, client: MlflowClient, found: ModelVersion) -> LoadedModel:
        import mlflow

        with tempfile.TemporaryDirectory() as folder:
            files = self._download(client, found, folder)
            pipeline = mlflow.spark.load_model(str(files), dfs_tmpdir=self.spark_tmpdir or folder)
        return LoadedModel(pipeline, int(found.version))

    def _download(self, client: MlflowClient, found: ModelVersion, folder: str) -> Path:
        """Fetch the files of a version into a folder and check them."""
        import mlflow

        source = client.get_model_version_download_uri(self.model_name, found.version)
        files = Path(mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=folder))
        check_folder(files, expected=found.tags.get("model_sha256"), model=f"{self.model_name} {found.version}")
        return files

    def read_document(self, version: int, name: str) -> str:
        """Read a text that was recorded with a version.

        Raises:
            NoModelError: There is no such version, or nothing of that name was recorded with it.
        """
        import mlflow
        from mlflow.exceptions import MlflowException

        client = self.connect()
        try:
            found = client.get_model_version(self.model_name, str(version))
            with tempfile.TemporaryDirectory() as folder:
                file = mlflow.artifacts.download_artifacts(run_id=found.run_id, artifact_path=name, dst_path=folder)
                return Path(file).read_text(encoding="utf-8")
        except (MlflowException, OSError) as error:
            known = ", ".join(str(row["version"]) for row in self.describe()) or "none"
            msg = (
                f"no {name} was recorded with version {version} of {self.model_name}: name another version of "
                f"{known}, one that was trained by this release."
            )
            raise NoModelError(msg) from error

    def report_uri(self, version: int, name: str) -> str:
        """Give the address of a text that was recorded with a version, for a person to follow."""
        client = self.connect()
        found = client.get_model_version(self.model_name, str(version))
        run = client.get_run(str(found.run_id)).info
        if self.tracking_uri.startswith("http"):
            return f"{self.tracking_uri}/#/experiments/{run.experiment_id}/runs/{run.run_id}/artifacts/{name}"
        return f"{run.artifact_uri}/{name}"

    def describe(self) -> list[dict[str, Any]]:
        """List the versions, the latest first: `version`, `aliases`, `metrics`, `created_at` (UTC), `gate`, `run_id`.

        Makes nothing: where the database does not exist yet, the list is empty.
        """
        if self._database and not self._database.exists():
            return []
        client = self.connect()
        found = client.search_model_versions(f"name = '{self.model_name}'")
        aliases = client.get_registered_model(self.model_name).aliases if found else {}
        return [
            {
                "version": int(version.version),
                "aliases": sorted(name for name, number in aliases.items() if int(number) == int(version.version)),
                "metrics": dict(client.get_run(str(version.run_id)).data.metrics),
                "created_at": datetime.fromtimestamp(version.creation_timestamp / 1000, tz=UTC),
                "gate": version.tags.get("gate"),
                "run_id": version.run_id,
            }
            for version in sorted(found, key=lambda version: -int(version.version))
        ]

    @property
    def _database(self) -> Path | None:
        prefix = "sqlite:///"
        return Path(self.tracking_uri.removeprefix(prefix)) if self.tracking_uri.startswith(prefix) else None

    def _experiment_id(self, client: MlflowClient) -> str:
        found = client.get_experiment_by_name(self.experiment)
        if found is not None:
            return str(found.experiment_id)
        return str(client.create_experiment(self.experiment, artifact_location=self.artifact_location))

    def _find_alias(self, client: MlflowClient, alias: str) -> ModelVersion | None:
        from mlflow.exceptions import MlflowException

        try:
            return client.get_model_version_by_alias(self.model_name, alias)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise

    def _need_alias(self, client: MlflowClient, alias: str) -> ModelVersion:
        found = self._find_alias(client, alias)
        if found is None:
            msg = f"no version of {self.model_name} has the alias {alias}: train and promote a model first."
            raise NoModelError(msg)
        return found

    def _register(self, client: MlflowClient, run_id: str, tags: Mapping[str, str]) -> int:
        import mlflow
        from mlflow.exceptions import MlflowException

        source = f"{client.get_run(run_id).info.artifact_uri}/{ARTIFACT}"
        with tempfile.TemporaryDirectory() as folder:
            digest = hash_folder(Path(mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=folder)))
        try:
            client.create_registered_model(self.model_name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        version = client.create_model_version(
            self.model_name, source, run_id=run_id, tags={**tags, "model_sha256": digest}
        )
        return int(version.version)


def _send_chatter_to_logging() -> None:
    """Take MLflow's own handlers away, so that what it says goes where the program's logging goes, not to stderr."""
    from mlflow.utils.logging_utils import disable_logging

    disable_logging()  # type: ignore[no-untyped-call]
    for name in ("mlflow", "alembic", "sqlalchemy.engine"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
