"""The registry on a real SQLite database, without a JVM; the gate; the hash of a stored model."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ml.evaluation import evaluate_counts
from ml.gate import Decision, Gate, decide
from ml.integrity import ModelTamperedError, check_folder, hash_folder
from ml.registry import PRODUCTION, STAGING, NoModelError, Registry

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
MEASURED = evaluate_counts([0.2, 0.8], [60, 10], [10, 20])
GATE = Gate(margin_accuracy=0.01, tolerance_roc_auc=0.005)


@pytest.mark.parametrize(
    ("accuracy", "roc_auc", "production_roc_auc", "promoted"),
    [
        pytest.param(0.72, 0.70, None, True, id="first model, better than the majority"),
        pytest.param(0.71, 0.70, None, True, id="first model, exactly the margin"),
        pytest.param(0.705, 0.70, None, False, id="first model, less than the margin"),
        pytest.param(0.60, 0.90, 0.50, False, id="worse than the majority, whatever its ranking"),
        pytest.param(0.72, 0.70, 0.70, True, id="as good as production"),
        pytest.param(0.72, 0.70, 0.704, True, id="a little worse, within the tolerance"),
        pytest.param(0.72, 0.70, 0.71, False, id="worse than production"),
        pytest.param(0.60, 0.60, 0.70, False, id="fails both"),
    ],
)
def test_gate(accuracy, roc_auc, production_roc_auc, promoted):
    candidate = replace(MEASURED, majority_accuracy=0.70, accuracy=accuracy, roc_auc=roc_auc)
    production = None if production_roc_auc is None else replace(MEASURED, roc_auc=production_roc_auc)
    decision = decide(GATE, candidate, production)
    assert decision.promoted is promoted
    assert len(decision.reasons) == 2


def test_gate_gives_its_reasons_in_figures():
    candidate = replace(MEASURED, majority_accuracy=0.70, accuracy=0.705, roc_auc=0.69)
    assert decide(GATE, candidate, replace(MEASURED, roc_auc=0.71)).reasons == (
        "accuracy 0.7050 is below 0.7100 (majority 0.7000 + margin 0.01)",
        "ROC-AUC 0.6900 is below 0.7050 (production 0.7100 - tolerance 0.005)",
    )


def test_gate_refuses_to_compare_models_measured_on_other_rows():
    with pytest.raises(ValueError, match="expected both models measured on the same rows, found 100 and 7"):
        decide(GATE, MEASURED, replace(MEASURED, rows=7))


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
