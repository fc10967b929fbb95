"""What each model of dbt was made of, version by version, and which models have nothing new to read.

A model that succeeded leaves one row per table in `ops.dbt_inputs`: the version of each table that it read, and of its
own. It is left out of the next build while none of them has moved and the project is the same: not even a merge of
nothing is spent on it.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.lake.contracts import DBT_INPUTS
from flows.lake.locks import DBT_LAYERS
from flows.lake.session import table_logs
from flows.lake.tables import append_rows, query, spell_moment
from flows.runs import current_run_id
from flows.settings import PROJECT_ROOT, Settings

DBT_PROJECT = PROJECT_ROOT / "dbt_project"
PARTS = ("dbt_project.yml", "models/*/*.*", "models/*.*", "macros/*.*")
"""The files of the project on which what a table holds may depend."""

Versions = dict[str, int]
"""`schema.table` → number of its latest commit."""
Reads = dict[str, list[str]]
"""dbt's id of a model → the tables that it reads, and last its own."""


def read_versions(settings: Settings) -> Versions:
    """Return at which version each table of the lake is."""
    commits = {f"{log.parent.parent.name}.{log.parent.name}": log.glob("*.json") for log in table_logs(settings)}
    return {table: max(int(file.stem) for file in files if file.stem.isdigit()) for table, files in commits.items()}


def find_unchanged(settings: Settings, versions: Versions) -> list[str]:
    """Return dbt's ids of the models of which nothing has moved since they were last built, nor of what they read.

    Args:
        settings: The installation.
        versions: At which version each table is.
    """
    last, project = read_last_inputs(settings), hash_project()
    reads = _list_reads(settings)
    still = {
        node: tables
        for node, tables in reads.items()
        if last.get(node) == (project, {table: versions.get(table, -1) for table in tables})
    }
    moving = {tables[-1] for node, tables in reads.items() if node not in still}
    while found := [node for node, tables in still.items() if moving & set(tables[:-1])]:
        moving |= {still.pop(node)[-1] for node in found}
    return sorted(still)


def find_idle_sources(settings: Settings, versions: Versions, unchanged: list[str]) -> list[str]:
    """Return the sources, as dbt selects them, whose tests a build may leave out.

    Those of which no model that will be built reads anything new: a table that was tested at this version, that is
    still empty, or that no model reads at all, such as most of `ops`. `epilake maintain` tests every source.

    Args:
        settings: The installation.
        versions: At which version each table is.
        unchanged: dbt's ids of the models that will not be built.
    """
    last, project = read_last_inputs(settings), hash_project()
    moved = set()
    for node, tables in _list_reads(settings).items():
        if node not in unchanged:
            known_project, known = last.get(node, ("", {}))
            tested = known if known_project == project else {}
            moved |= {table for table in tables[:-1] if versions.get(table, 0) not in (0, tested.get(table))}
    sources = _read_manifest(settings)["sources"].values()
    return sorted(
        f"source:{node['source_name']}.{node['name']}" for node in sources if node["relation_name"] not in moved
    )


def count_models(settings: Settings) -> int:
    """Return how many models the project has, as dbt parsed it last."""
    return len(_list_reads(settings))


def record_inputs(settings: Settings, built: Iterable[str], before: Versions, after: Versions) -> None:
    """Keep what each model was made of in `ops.dbt_inputs`.

    Args:
        settings: The installation.
        built: dbt's ids of the models.
        before: At which version each table was when the build began. What came to a source since may not have been
            read: it is read by the next build.
        after: At which version each table is now. What dbt writes, only this build can have moved.
    """
    from dbt_common.invocation import get_invocation_id

    reads, project, now = _list_reads(settings), hash_project(), datetime.now(UTC)
    rows: list[dict[str, Any]] = [
        {
            "invocation_id": get_invocation_id(),
            "node_id": node,
            "table_name": table,
            "table_version": (after if table.split(".")[0] in DBT_LAYERS else before)[table],
            "project_hash": project,
            "completed_at": now,
            "flow_run_id": current_run_id(),
        }
        for node in built
        for table in reads[node]
    ]
    append_rows(settings, DBT_INPUTS, rows)


def hash_project() -> str:
    """Return a digest of dbt's project: with another project, every table is another."""
    digest = hashlib.sha256()
    for file in sorted(file for part in PARTS for file in DBT_PROJECT.glob(part)):
        digest.update(f"{file.relative_to(DBT_PROJECT)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()


def is_parsed(settings: Settings) -> bool:
    """Return whether dbt has parsed its project in this installation before."""
    return _manifest_path(settings).exists()


def _manifest_path(settings: Settings) -> Path:
    return settings.home / "dbt" / "manifest.json"


def _read_manifest(settings: Settings) -> dict[str, Any]:
    if not is_parsed(settings):
        return {"nodes": {}, "sources": {}}
    return dict(json.loads(_manifest_path(settings).read_text(encoding="utf-8")))


def _list_reads(settings: Settings) -> Reads:
    project = _read_manifest(settings)
    tables = {name: node["relation_name"] for name, node in {**project["nodes"], **project["sources"]}.items()}
    return {
        name: [*sorted(tables[parent] for parent in node["depends_on"]["nodes"]), tables[name]]
        for name, node in project["nodes"].items()
        if node["resource_type"] == "model"
    }


def read_last_inputs(settings: Settings, until: datetime | None = None) -> dict[str, tuple[str, Versions]]:
    """Return model → digest of the project and version of each table, of when the model was last built.

    Args:
        settings: The installation.
        until: Builds that ended later are left out.
    """
    before = f"where completed_at <= {spell_moment(until)}" if until else ""
    latest = f"""
        select node_id, project_hash, table_name, table_version from rows {before}
        qualify invocation_id = first_value(invocation_id) over (partition by node_id order by completed_at desc)
    """  # noqa: S608 - a moment
    found: defaultdict[str, Versions] = defaultdict(dict)
    projects = {}
    for row in query(settings, DBT_INPUTS.name, latest):
        found[row["node_id"]][row["table_name"]] = row["table_version"]
        projects[row["node_id"]] = row["project_hash"]
    return {node: (projects[node], versions) for node, versions in found.items()}
