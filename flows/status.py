"""The whole state of a lake on one page, read without a JVM.

Row counts and sizes come from the Delta logs, models from the registry, runs and batches from our own account.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.lake.contracts import BATCHES, FLOW_RUNS, REJECTS
from flows.lake.models import MODEL_PROMOTIONS
from flows.lake.session import table_logs
from flows.lake.tables import open_table, query, table_path
from flows.settings import Settings

if TYPE_CHECKING:
    from rich.console import RenderableType


def read_status(settings: Settings) -> dict[str, Any]:
    """Return `tables`, `batches`, `rejects`, `models`, `decisions` and `runs`; each is empty if there is nothing yet.

    - `tables`: `schema.table` → rows, Delta version, bytes of its present files.
    - `batches`: every batch with its counts, the latest first.
    - `rejects`: reason → number of refused records.
    - `models`: version, aliases, metrics, the latest first.
    - `decisions`: every decision about a model version, with its reasons, the latest first.
    - `runs`: flow → its last run: state, time, message.
    """
    return {
        "home": str(settings.home),
        "tables": read_tables(settings),
        "batches": _ask(settings, BATCHES.name, "select * from rows order by completed_at desc"),
        "rejects": read_rejects(settings),
        "models": read_models(settings),
        "decisions": read_decisions(settings),
        "runs": read_runs(settings),
    }


def read_tables(settings: Settings) -> dict[str, dict[str, int]]:
    """Return rows, version and bytes of every Delta table of the lake."""
    tables = {}
    for log in table_logs(settings):
        name = f"{log.parent.parent.name}.{log.parent.name}"
        table = open_table(settings, name)
        files = table.get_add_actions(flatten=True)
        tables[name] = {
            "rows": sum(files["num_records"].to_pylist()) if files.num_rows else 0,
            "delta_version": table.version(),
            "bytes": sum(files["size_bytes"].to_pylist()) if files.num_rows else 0,
        }
    return tables


def read_rejects(settings: Settings) -> dict[str, int]:
    """Return reason → number of refused records, the most frequent first."""
    counts = "select reason, count(*) as refused from rows group by reason order by refused desc, reason"
    return {row["reason"]: row["refused"] for row in _ask(settings, REJECTS.name, counts)}


def read_models(settings: Settings) -> list[dict[str, Any]]:
    """Return the registered versions; MLflow is asked only if it has anything to say."""
    if not settings.mlflow_tracking_uri and not (settings.home / "mlflow" / "mlflow.db").exists():
        return []
    from ml.registry import Registry

    return Registry(settings.tracking_uri, settings.artifact_location).describe()


def read_decisions(settings: Settings) -> list[dict[str, Any]]:
    """Return what was decided about the models, with the reasons as a list."""
    rows = _ask(settings, MODEL_PROMOTIONS.name, "select * from rows order by decided_at desc")
    return [{**row, "reasons": json.loads(row["reasons"]), "promised": json.loads(row["promised"])} for row in rows]


def read_runs(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return each flow's last run: the latest state of the run that started last."""
    states = _ask(settings, FLOW_RUNS.name, "select * from rows order by changed_at")
    started = {row["flow_name"]: row["flow_run_id"] for row in states if row["state"] == "running"}
    last = {row["flow_name"]: row for row in states if started.get(row["flow_name"]) == row["flow_run_id"]}
    return {name: {key: value for key, value in row.items() if key != "flow_name"} for name, row in last.items()}


def to_json(status: dict[str, Any]) -> str:
    """Return the status as JSON; times in ISO 8601, UTC."""

    def spell(value: object) -> str:
        return value.isoformat() if isinstance(value, datetime) else str(value)

    return json.dumps(status, default=spell, ensure_ascii=False, indent=2)


def to_page(status: dict[str, Any]) -> "list[RenderableType]":
    """Return the status as tables for a terminal."""
    return [
        f"Lake at {status['home']}",
        _table("Tables", [{"table": name, **row} for name, row in status["tables"].items()]),
        _table("Last batches", [_describe_batch(row) for row in status["batches"][:10]]),
        _table("Refused records", [{"reason": reason, "count": n} for reason, n in status["rejects"].items()]),
        _table("Models", [_describe_model(row) for row in status["models"]]),
        _table("Decisions about models", [_describe_decision(row) for row in status["decisions"][:10]]),
        _table(
            "Last run of each flow", [{"flow": name, **_pick(r, RUN_COLUMNS)} for name, r in status["runs"].items()]
        ),
    ]


RUN_COLUMNS = ("state", "changed_at", "message")


def _describe_batch(row: dict[str, Any]) -> dict[str, object]:
    counts = {name: row[f"count_{name}"] for name in ("records", "accepted", "duplicates", "rejected")}
    return {"file": Path(row["file_name"]).name, **counts, "completed": row["completed_at"]}


def _describe_model(row: dict[str, Any]) -> dict[str, object]:
    metrics = {name: row["metrics"].get(f"time.{name}") for name in ("accuracy", "majority_accuracy", "roc_auc")}
    shown = {name: "" if value is None else f"{value:.3f}" for name, value in metrics.items()}
    return {"version": row["version"], "aliases": ", ".join(row["aliases"]), **shown, "gate": row["gate"] or ""}


def _describe_decision(row: dict[str, Any]) -> dict[str, object]:
    failed = [reason["check"] for reason in row["reasons"] if not reason["passed"]]
    of = _pick(row, ("model_version", "decision", "approved_by", "decided_at"))
    return {**of, "not passed": ", ".join(failed)}


def _table(title: str, rows: list[dict[str, Any]]) -> "RenderableType":
    from rich.table import Table

    if not rows:
        return f"{title}: none"
    table = Table(title=title, title_justify="left")
    for name in rows[0]:
        table.add_column(name, justify="right" if isinstance(rows[0][name], int) else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_spell(value) for value in row.values()))
    return table


def _spell(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return f"{value:,}" if isinstance(value, int) else str(value if value is not None else "")


def _pick(row: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _ask(settings: Settings, name: str, sql: str) -> list[dict[str, Any]]:
    """Query a table, or find nothing where it does not exist yet."""
    return query(settings, name, sql) if table_path(settings, name) / "_delta_log" in table_logs(settings) else []
