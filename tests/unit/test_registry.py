"""The registry on a real SQLite database, without a JVM; the hash of a stored model, and the pickles in it."""

import bz2
import gzip
import io
import lzma
import pickle
import zipfile
import zlib
from datetime import UTC, datetime

import numpy as np
import pytest

from ml.gate import Decision
from ml.integrity import ModelTamperedError, PickledModelError, check_folder, hash_folder
from ml.registry import PRODUCTION, STAGING, NoModelError, Registry

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "model"
    (folder / "sparkml").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}")
    (folder / "sparkml" / "part-0").write_bytes(b"\x00tree")
    return folder


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(lambda folder: (folder / "MLmodel").write_text("flavors: {x}"), id="a byte changed"),
        pytest.param(lambda folder: (folder / "sparkml" / "part-1").write_text(""), id="an empty file added"),
        pytest.param(lambda folder: (folder / "MLmodel").unlink(), id="a file removed"),
        pytest.param(lambda folder: (folder / "MLmodel").rename(folder / "sparkml" / "MLmodel"), id="a file moved"),
    ],
)
def test_tampered_folder_is_refused(folder, tamper):
    recorded = hash_folder(folder)
    check_folder(folder, expected=recorded, model="m 1")
    tamper(folder)
    with pytest.raises(ModelTamperedError, match=f"expected the files of m 1 to hash to {recorded}, found"):
        check_folder(folder, expected=recorded, model="m 1")


def test_folder_without_a_recorded_hash_is_refused(folder):
    with pytest.raises(ModelTamperedError, match="expected the files of m 1 to hash to a recorded value"):
        check_folder(folder, expected=None, model="m 1")


class Program:
    """Runs a function of its own when it is unpickled."""

    def __reduce__(self):
        return print, ("run",)


def zipped(name: str, content: bytes) -> bytes:
    with zipfile.ZipFile(file := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def as_objects(values: list[object]) -> bytes:
    np.save(file := io.BytesIO(), np.array(values, dtype=object), allow_pickle=True)
    return file.getvalue()


PICKLED = {protocol: pickle.dumps(Program(), protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("python_model.pkl", b""),
        ("model.joblib", b"x"),
        *((f"part-{protocol}", content) for protocol, content in PICKLED.items()),
        ("plain-data", pickle.dumps({"weights": [1.0, 2.0]})),
        ("part.gz", gzip.compress(PICKLED[5])),
        ("part.zlib", zlib.compress(PICKLED[0])),
        ("part.bz2", bz2.compress(PICKLED[4])),
        ("part.xz", lzma.compress(PICKLED[4])),
        ("weights.zip", zipped("data.pkl", b"")),
        ("weights.npz", zipped("data", PICKLED[2])),
        ("nested.zip", zipped("inner.zip", zipped("data", PICKLED[2]))),
        ("weights.npy", as_objects([1, "two"])),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_pickle_is_refused_though_its_hash_is_right(folder, name, content):
    (folder / "sparkml" / name).write_bytes(content)
    with pytest.raises(PickledModelError, match=f"expected no pickle among the files of m 1, found sparkml/{name}: "):
        check_folder(folder, expected=hash_folder(folder), model="m 1")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("part-00000", b'{"class":"org.apache.spark.ml.PipelineModel","timestamp":1,"uid":"PipelineModel_c.R"}\n'),
        ("requirements.txt", b"pyspark==4.2.0\nmlflow==3.17.2\n"),
        ("conda.yaml", b"channels:\n- conda-forge\ndependencies:\n- python=3.11\n"),
        ("part.parquet", b"PAR1\x15\x04\x15\x10.PAR1"),
        ("weights.npy", np.lib.format.magic(1, 0) + b"v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (0,)}"),
        ("part.snappy", b"\x80\x04"),
        ("_SUCCESS", b""),
        ("broken.gz", b"\x1f\x8bnot really"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_model_is_stored_as_is_no_pickle(folder, name, content):
    (folder / "sparkml" / name).write_bytes(content)
    check_folder(folder, expected=hash_folder(folder), model="m 1")


def test_folder_without_files_has_no_hash(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected the files of a model"):
        hash_folder(tmp_path)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="module")
def database(home):
    """One migrated SQLite database for the file: making it costs seconds."""
    return f"sqlite:///{home / 'mlflow' / 'mlflow.db'}"


@pytest.fixture
def registry(request, home, database):
    """A registry whose model has two versions, as training leaves them: stored, hashed, fingerprinted, no alias."""
    name = request.node.name
    registry = Registry(database, (home / "artifacts" / name).as_uri(), experiment=name, model_name=name)
    client = registry.connect()
    client.create_registered_model(name)
    experiment = client.create_experiment(name, artifact_location=registry.artifact_location)
    for number in (1, 2):
        run = client.create_run(experiment)
        client.log_metric(run.info.run_id, "time.roc_auc", number / 10)
        client.create_model_version(
            name, f"{run.info.artifact_uri}/model", run.info.run_id, {"fingerprint": f"f{number}"}
        )
    return registry


def test_describe_of_a_database_that_is_not_there_is_empty_and_makes_none(tmp_path):
    registry = Registry(f"sqlite:///{tmp_path / 'no.db'}")
    assert registry.describe() == []
    assert list(tmp_path.iterdir()) == []


def test_describe_of_a_registry_without_the_model_is_empty(database):
    assert Registry(database, model_name="unknown").describe() == []


def test_trained_version_is_found_by_its_fingerprint(registry):
    assert (registry.find_trained("f1"), registry.find_trained("f2"), registry.find_trained("f3")) == (1, 2, None)


def test_alias_moves_and_says_where_it_was(registry):
    assert registry.find_version(STAGING) is None
    assert registry.set_alias(STAGING, 1) is None
    assert registry.set_alias(STAGING, 2) == 1
    assert registry.find_version(STAGING) == 2


def test_promotion_sets_the_alias_and_keeps_the_reasons(registry):
    assert registry.promote(1, Decision(promoted=True, reasons=("a", "b")), now=NOW) is None
    tags = registry.connect().get_model_version(registry.model_name, "1").tags
    assert registry.find_version(PRODUCTION) == 1
    assert (tags["gate"], tags["gate_reasons"], tags["gate_decided_at"]) == (
        "promoted",
        '["a", "b"]',
        "2026-01-02T03:04:00+00:00",
    )


def test_refused_candidate_leaves_production_alone(registry):
    registry.promote(1, Decision(promoted=True, reasons=("good",)), now=NOW)
    assert registry.promote(2, Decision(promoted=False, reasons=("bad",)), now=NOW) == 1
    assert registry.find_version(PRODUCTION) == 1
    assert registry.connect().get_model_version(registry.model_name, "2").tags["gate"] == "refused"


def test_describe_lists_versions_with_aliases_and_metrics_latest_first(registry):
    registry.promote(1, Decision(promoted=True, reasons=("good",)), now=NOW)
    registry.set_alias(STAGING, 1)
    described = registry.describe()
    assert [(row["version"], row["aliases"], row["metrics"], row["gate"]) for row in described] == [
        (2, [], {"time.roc_auc": 0.2}, None),
        (1, ["production", "staging"], {"time.roc_auc": 0.1}, "promoted"),
    ]
    assert all(row["created_at"].tzinfo is UTC for row in described)


def test_load_without_the_alias_says_what_to_do(registry):
    with pytest.raises(NoModelError, match="has the alias production: train and promote a model first"):
        registry.load(PRODUCTION)


def test_mlflow_is_told_to_read_no_pickle_and_to_draw_no_bar(tmp_path):
    Registry(f"sqlite:///{tmp_path / 'mlflow.db'}").connect()
    from mlflow import environment_variables as mlflow_reads

    assert mlflow_reads.MLFLOW_ALLOW_PICKLE_DESERIALIZATION.get() is False
    assert mlflow_reads.MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.get() is False
