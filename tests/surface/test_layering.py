"""The arrow of knowledge: prefect.yaml → flows → ml, and nothing the other way or in a circle."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from flows.settings import PROJECT_ROOT

FILES = sorted([*PROJECT_ROOT.glob("flows/**/*.py"), *PROJECT_ROOT.glob("ml/**/*.py")])
MODULES = {
    ".".join(path.relative_to(PROJECT_ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES
}
FORBIDDEN = {
    "ml": ("flows", "prefect", "dbt", "prefect_dbt", "infra", "tests"),
    "flows": ("infra", "tests"),
    "flows/topics": ("prefect", "pyspark", "deltalake", "dbt", "mlflow", "ml"),
    "flows/privacy": ("prefect", "pyspark", "deltalake", "dbt", "mlflow", "ml"),
    "flows/official": ("prefect", "pyspark", "deltalake", "dbt", "mlflow", "ml"),
    "flows/sources": ("prefect", "pyspark", "deltalake", "dbt", "mlflow", "ml"),
    "flows/lake": ("prefect", "dbt", "mlflow", "ml"),
    "flows/sample": ("prefect", "pyspark", "deltalake", "dbt", "mlflow", "ml"),
}


@cache
def imports_of(path: Path) -> frozenset[str]:
    return frozenset(find_imports(path))


def find_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in MODULES else node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PROJECT_ROOT)))
def test_no_file_knows_what_lies_above_it(path: Path) -> None:
    place = str(path.relative_to(PROJECT_ROOT))
    for folder, forbidden in FORBIDDEN.items():
        if place.startswith(f"{folder}/"):
            assert not [name for name in imports_of(path) if name.split(".")[0] in forbidden]


def test_no_circle_between_files() -> None:
    graph = {
        name: {imported for imported in imports_of(path) if imported in MODULES and imported != name}
        for name, path in MODULES.items()
    }
    TopologicalSorter(graph).prepare()


def test_only_the_lake_opens_a_session_and_writes() -> None:
    for path in FILES:
        place, text = str(path.relative_to(PROJECT_ROOT)), path.read_text(encoding="utf-8")
        if not place.startswith("flows/lake/"):
            assert "SparkSession.builder" not in text, f"{place}: the one door to Spark is flows/lake/session.py"
            assert "write_deltalake" not in text, f"{place}: only flows/lake writes tables"
            assert ".saveAsTable" not in text, f"{place}: only flows/lake writes tables"


@pytest.fixture(scope="module")
def library_names() -> set[str]:
    """Return the names under which anything installed here is imported; to list them takes a third of a second."""
    return {*packages_distributions(), *sys.stdlib_module_names} - {"__init__"}


@pytest.mark.parametrize("path", sorted(PROJECT_ROOT.glob("flows/*.py")), ids=lambda path: path.stem)
def test_no_flow_bears_the_name_of_a_library(path: Path, library_names: set[str]) -> None:
    """Prefect puts the folder of a deployment's entrypoint on the path: a file there hides a library of its name."""
    assert path.stem not in library_names
