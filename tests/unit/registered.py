"""Versions in a real registry, made without a JVM: files as a training leaves them, of a pipeline that never was."""

import json
import tempfile
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from flows.promotions import open_registry
from flows.settings import Settings
from ml.integrity import hash_folder
from ml.predictor_document import DOCUMENT, FORMAT, Document, Trees
from ml.registry import PRODUCTION
from ml.run_log import ARTIFACT

FOLLOWERS = 1_000


def make_document(few: float, many: float) -> Document:
    """Return a tree of one question: the probability below and above so many followers."""
    tree = Trees(
        roots=[0],
        weights=[1.0],
        feature=[0, 0, 0],
        threshold=[float(FOLLOWERS), 0.0, 0.0],
        left=[1, 1, 2],
        right=[2, 1, 2],
        answer=[0.5, few, many],
        depth=1,
    )
    return Document(reads=["user_followers"], vector=["user_followers"], trees=tree)


def register(settings: Settings, *, few: float, many: float, in_production: bool = True) -> int:
    """Register a version, point `production` to it, and return its number."""
    import mlflow
    from mlflow.exceptions import MlflowException
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, Schema

    registry = open_registry(settings)
    client = registry.connect()
    experiment = registry._experiment_id(client)
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run(experiment_id=experiment) as run:
        files = Path(folder) / ARTIFACT
        files.mkdir()
        model = Model(artifact_path=ARTIFACT, run_id=run.info.run_id)
        inputs = Schema([ColSpec("double", "user_followers", required=False)])
        model.signature = ModelSignature(inputs=inputs)
        flavour = {"loader_module": "ml.predictor", "data": DOCUMENT, "env": {"virtualenv": "python_env.yaml"}}
        model.add_flavor("python_function", python_version="3.11", **flavour)
        (files / "python_env.yaml").write_text("dependencies: []\n")
        document = {"format": FORMAT, **asdict(make_document(few, many))}
        (files / DOCUMENT).write_text(json.dumps(document), encoding="utf-8")
        model.save(str(files / "MLmodel"))
        mlflow.log_artifacts(str(files), ARTIFACT)
        digest = hash_folder(files)
    with suppress(MlflowException):  # it is there already
        client.create_registered_model(registry.model_name)
    source = f"{run.info.artifact_uri}/{ARTIFACT}"
    found = client.create_model_version(
        registry.model_name, source, run_id=run.info.run_id, tags={"model_sha256": digest}
    )
    if in_production:
        registry.set_alias(PRODUCTION, int(found.version))
    return int(found.version)
