"""What is written twice is equal: contracts and sources yml, the session here and the session of a plain dbt."""

from typing import Any

import pytest
import yaml

from flows.lake.contracts import CONTRACTS
from flows.lake.jars import jar_coordinates
from flows.lake.purge import STAMPS
from flows.lake.session import JAVA_OPTIONS, SESSION_CONF
from flows.lake.sources_yml import FOLDER, LAYERS, render_layer
from flows.settings import PROJECT_ROOT

DBT = PROJECT_ROOT / "dbt_project"
MODELS = sorted(DBT.glob("models/*/*.sql"))


def read_sources() -> dict[str, dict[str, Any]]:
    files = (yaml.safe_load(path.read_text()) for path in DBT.glob("models/sources/*.yml"))
    return {
        f"{source['name']}.{table['name']}": table
        for file in files
        for source in file["sources"]
        for table in source["tables"]
    }


def read_model(name: str) -> dict[str, Any]:
    path = next(path for path in MODELS if path.stem == name)
    (model,) = yaml.safe_load(path.with_suffix(".yml").read_text())["models"]
    return dict(model)


def test_every_table_that_python_writes_is_a_source_and_no_other() -> None:
    assert set(read_sources()) == set(CONTRACTS)


@pytest.mark.parametrize("layer", LAYERS)
def test_the_sources_are_written_from_the_contracts(layer: str) -> None:
    written = (FOLDER / f"{layer}.yml").read_text()
    assert written == render_layer(layer), "run: python -m flows.lake.sources_yml"


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_source_says_what_the_contract_says(name: str) -> None:
    source, contract = read_sources()[name], CONTRACTS[name]
    assert source["description"] == contract.grain
    assert source["data_tests"][0]["primary_key"]["arguments"]["columns"] == list(contract.key)
    found = [(column["name"], column["data_type"], column["description"]) for column in source["columns"]]
    assert found == [(column.name, column.type, column.meaning) for column in contract.columns]


@pytest.mark.parametrize("name", [name for name in CONTRACTS if name.startswith(("enriched.", "scored."))])
def test_what_is_said_of_posts_can_be_erased_outdated_and_told_from_an_earlier_text(name: str) -> None:
    """Erasure finds a post's rows by its key, retention by a stamp, dbt by the hash of the text that was looked at."""
    columns = CONTRACTS[name].column_names
    assert {"source", "post_id", "posted_date"} <= set(columns)
    assert [column for column in STAMPS if column in columns] == [CONTRACTS[name].loaded_at]
    assert "text_hash" in columns or not name.startswith("enriched.")


def test_a_plain_dbt_makes_the_session_that_flows_make() -> None:
    profile = yaml.safe_load((DBT / "profiles.yml").read_text())["epilake"]["outputs"]["local"]
    found = profile["server_side_parameters"]
    assert {key: found.get(key) for key in SESSION_CONF} == SESSION_CONF
    assert found["spark.driver.extraJavaOptions"].startswith(JAVA_OPTIONS)


def test_the_jars_are_those_of_the_installed_spark_and_delta() -> None:
    assert sorted(jar_coordinates()) == [
        "commons-pool2-2.13.1.jar",
        "delta-spark_4.2_2.13-4.4.0.jar",
        "delta-storage-4.4.0.jar",
        "kafka-clients-3.9.2.jar",
        "spark-sql-kafka-0-10_2.13-4.2.0.jar",
        "spark-token-provider-kafka-0-10_2.13-4.2.0.jar",
    ]


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_every_model_says_its_grain_its_key_and_its_columns(path: Any) -> None:
    model = read_model(path.stem)
    assert model["description"].startswith("One row per ")
    (key,) = [test["primary_key"] for test in model["data_tests"] if "primary_key" in test]
    assert key["arguments"]["columns"] == model["config"]["unique_key"]
    assert {constraint["type"] for constraint in model["constraints"]} == {"check"}
    described = {column["name"]: column["description"] for column in model["columns"]}
    assert described == {name: f"{{{{ doc('{name}') }}}}" for name in described}


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_model_reads_only_from_the_layer_below(path: Any) -> None:
    sql, layer = path.read_text(), path.parent.name
    if layer == "curated":
        assert "source('enriched'" not in sql
        assert "ref('refined" not in sql
    else:
        assert "source('raw'" not in sql
