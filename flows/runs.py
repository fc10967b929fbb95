"""The account that every flow run leaves in `ops.flow_runs`, wherever its Prefect server may be."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

from prefect.runtime import flow_run

from flows.interrupts import raise_if_interrupted
from flows.lake.contracts import FLOW_RUNS
from flows.lake.tables import append_rows, create_missing_tables
from flows.settings import Settings


@contextmanager
def recorded(settings: Settings, flow_name: str) -> Iterator[dict[str, object]]:
    """Record that a flow run began, and how it ended with what it put into the report that this lends.

    A run that is killed stays `running` in the table.
    """
    create_missing_tables(settings)
    run_id, report = current_run_id(), dict[str, object]()
    _record(settings, run_id, flow_name, "running", None)
    try:
        yield report
        raise_if_interrupted()
    except BaseException as error:
        _record(settings, run_id, flow_name, "failed", f"{type(error).__name__}: {error}"[:2_000])
        raise
    _record(settings, run_id, flow_name, "completed", json.dumps(report, default=str))


def current_run_id() -> str:
    """Return Prefect's id of the present flow run; a fresh id outside of one."""
    return str(flow_run.id or uuid4())


def _record(settings: Settings, run_id: str, flow_name: str, state: str, message: str | None) -> None:
    row = {
        "flow_run_id": run_id,
        "flow_name": flow_name,
        "state": state,
        "changed_at": datetime.now(UTC),
        "message": message,
    }
    append_rows(settings, FLOW_RUNS, [row])
