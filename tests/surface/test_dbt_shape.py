"""The dbt project's shape, read from its manifest: what every model has, what it may read, and who reads it."""

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from flows.build import DBT_PROJECT, parse_project
from flows.settings import Settings

MOST_PARENTS = 8
"""As many as the sources, the deleted posts and the posts: what reads more than that does more than one thing."""
LAYER_BELOW = {"curated": {"raw", "curated"}, "refined": {"curated", "refined", "enriched", "ops"}}
"""Layer → schemas that its models may read."""
DECIDES = re.compile(r"\bcase\b|\bover\b|\bregexp|\brlike\b|\bexplode\b|\blateral view\b", re.IGNORECASE)
"""What in a model's SQL can be wrong in a way that no contract sees."""
NAMES = sorted(path.stem for path in DBT_PROJECT.glob("models/*/*.sql"))

Node = dict[str, Any]
every_model = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Node:
    home = tmp_path_factory.mktemp("parsed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EPILAKE_HOME", str(home))
        parse_project(Settings(home=home))
    found: Node = json.loads((home / "dbt" / "manifest.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def find(manifest: Node) -> Callable[[str], Node]:
    """Find a model by its name."""
    models = {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}
    return models.__getitem__


@pytest.fixture(scope="module")
def tests_of(manifest: Node) -> Callable[[Node], list[Node]]:
    """Return the data tests that hang on a model."""

    @cache
    def listed(unique_id: str) -> list[Node]:
        return [node for node in manifest["nodes"].values() if node.get("attached_node") == unique_id]

    return lambda model: listed(model["unique_id"])


def test_every_file_is_a_model_of_its_name_and_no_model_is_without_a_file(manifest: Node) -> None:
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    assert sorted(node["name"] for node in models) == NAMES
    for model in models:
        path = Path(model["original_file_path"])
        assert (path.stem, model["schema"]) == (model["name"], path.parent.name)
        assert model["name"].startswith(f"{model['schema']}_")
        assert model["patch_path"].endswith(str(path.with_suffix(".yml")))


@every_model
def test_a_model_and_each_of_its_columns_is_described(name: str, find: Callable[[str], Node]) -> None:
    model = find(name)
    assert model["description"].startswith("One row per ")
    assert [column["name"] for column in model["columns"].values() if not column["description"].strip()] == []


@every_model
def test_a_model_has_an_enforced_contract_a_check_and_a_type_for_each_column(
    name: str, find: Callable[[str], Node]
) -> None:
    model = find(name)
    assert model["contract"]["enforced"] is True
    assert {constraint["type"] for constraint in model["constraints"]} == {"check"}
    names = [constraint["name"] for constraint in model["constraints"]]
    assert len(set(names)) == len(names)
    assert [column["name"] for column in model["columns"].values() if not column["data_type"]] == []


@every_model
def test_a_model_is_merged_by_the_key_that_is_tested(
    name: str, find: Callable[[str], Node], tests_of: Callable[[Node], list[Node]]
) -> None:
    model = find(name)
    keys = [test for test in tests_of(model) if test["test_metadata"]["name"] == "primary_key"]
    (key,) = [test["test_metadata"]["kwargs"]["columns"] for test in keys]
    assert (model["config"]["materialized"], model["config"]["incremental_strategy"]) == ("incremental", "merge")
    assert key == model["config"]["unique_key"]
    assert set(key) <= set(model["columns"])


@every_model
def test_a_model_says_more_of_its_rows_than_their_key(
    name: str, find: Callable[[str], Node], tests_of: Callable[[Node], list[Node]]
) -> None:
    model = find(name)
    assert len(model["constraints"]) > 1 or {test["test_metadata"]["name"] for test in tests_of(model)} - {
        "primary_key"
    }


@every_model
def test_a_model_is_of_the_group_of_its_layer_and_says_who_may_read_it(
    name: str, find: Callable[[str], Node], manifest: Node
) -> None:
    model = find(name)
    assert model["group"] == model["schema"]
    readers = [
        child for child in manifest["child_map"][model["unique_id"]] if child.startswith(("model.", "exposure."))
    ]
    groups = {manifest["nodes"][reader]["group"] if reader in manifest["nodes"] else "" for reader in readers}
    assert (model["access"] == "private") == (groups == {model["group"]})


@every_model
def test_a_model_reads_few_tables_and_none_of_a_layer_that_is_not_its_own_or_the_one_below(
    name: str, find: Callable[[str], Node], manifest: Node
) -> None:
    model = find(name)
    parents = [manifest["nodes"].get(parent) or manifest["sources"][parent] for parent in model["depends_on"]["nodes"]]
    assert 0 < len(parents) <= MOST_PARENTS
    assert {parent["schema"] for parent in parents} <= LAYER_BELOW[model["schema"]]
    raw = [parent["name"] for parent in parents if parent["schema"] == "raw"]
    assert len(raw) <= 1  # what joins two tables of RAW does so in the shape of CURATED


@every_model
def test_what_decides_has_a_unit_test(name: str, find: Callable[[str], Node], manifest: Node) -> None:
    tested = {unit["model"] for unit in manifest["unit_tests"].values()}
    if DECIDES.search(find(name)["raw_code"]):
        assert name in tested


@every_model
def test_a_model_has_a_reader(name: str, find: Callable[[str], Node], manifest: Node) -> None:
    children = manifest["child_map"][find(name)["unique_id"]]
    assert [child for child in children if child.split(".")[0] in ("model", "exposure")]


def test_what_is_published_reaches_somebody(manifest: Node, find: Callable[[str], Node]) -> None:
    def reaches(node: str) -> bool:
        return node.startswith("exposure.") or any(map(reaches, manifest["child_map"].get(node, [])))

    public = [name for name in NAMES if find(name)["access"] == "public"]
    assert public
    assert [name for name in public if not reaches(find(name)["unique_id"])] == []


def test_an_exposure_reads_no_private_model_and_names_files_that_exist(manifest: Node) -> None:
    for exposure in manifest["exposures"].values():
        read = [manifest["nodes"][node] for node in exposure["depends_on"]["nodes"]]
        assert [model["name"] for model in read if model["access"] == "private"] == []
        for file in re.findall(r"`(flows/\S+\.py)`", exposure["description"]):
            assert (DBT_PROJECT.parent / file).is_file()


def test_every_group_has_an_owner_and_a_model(manifest: Node) -> None:
    groups = {group["name"]: group for group in manifest["groups"].values()}
    assert set(groups) == set(LAYER_BELOW)
    assert all(group["owner"]["name"] and manifest["group_map"][name] for name, group in groups.items())


def test_a_column_means_the_same_and_is_of_the_same_type_everywhere(manifest: Node) -> None:
    seen: dict[str, set[tuple[str, str]]] = {}
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model":
            for column in node["columns"].values():
                seen.setdefault(column["name"], set()).add((column["data_type"], column["description"]))
    assert {name: spelt for name, spelt in seen.items() if len(spelt) > 1} == {}


def test_every_description_of_a_column_is_used(manifest: Node) -> None:
    described = {name.split(".")[-1] for name in manifest["docs"] if name.startswith("doc.epilake.")}
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    used = {column for model in models for column in model["columns"]}
    assert described - used == set()


def test_every_source_has_the_one_shape(find: Callable[[str], Node]) -> None:
    shapes = {
        name: [(column["name"], column["data_type"]) for column in find(name)["columns"].values()]
        for name in NAMES
        if find(name)["access"] == "private"
    }
    first, *others = shapes.values()
    assert others
    assert all(shape == first for shape in others)
