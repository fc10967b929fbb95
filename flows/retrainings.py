"""Who asked for a retraining, when, and whether one was started: the memory of the cool-down.

Kept in a table, so that it survives restarts and holds for every process of the installation.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flows.lake.contracts import FLOW_RUNS
from flows.lake.locks import exclusive
from flows.lake.models import RETRAININGS
from flows.lake.tables import append_rows, create_missing_tables, query
from flows.promotions import open_registry
from flows.runs import current_run_id
from flows.settings import Settings

STARTED, COOLING = "started", "cooling down"
REQUEST = "request"
"""The trigger of a person, whom no cool-down holds up."""


def claim(settings: Settings, trigger: str, numbers: Mapping[str, Any]) -> bool:
    """Note that a retraining is asked for and return whether it may start; of two at once, one may.

    Args:
        settings: The installation.
        trigger: What asks: `schedule`, `drift`, `metrics`, or `request` for a person.
        numbers: What it found.
    """
    create_missing_tables(settings)
    now = datetime.now(UTC)
    with exclusive(settings, "retrain"):
        asked = query(settings, RETRAININGS.name, "select * from rows")
        failed = query(settings, FLOW_RUNS.name, "select flow_run_id from rows where state = 'failed'")
        is_free = is_cool(asked, {row["flow_run_id"] for row in failed}, now, settings.retrain_cooldown_hours)
        may_start = trigger == REQUEST or is_free
        row = {
            "flow_run_id": current_run_id(),
            "trigger": trigger,
            "numbers": json.dumps(numbers, default=str),
            "outcome": STARTED if may_start else COOLING,
            "asked_at": now,
        }
        append_rows(settings, RETRAININGS, [row], only_new=True)
    return may_start


def is_cool(asked: Iterable[Mapping[str, Any]], failed: set[str], now: datetime, hours: float) -> bool:
    """Return whether no retraining began within so many hours, those left out that failed.

    >>> rows = [{"flow_run_id": "a", "outcome": "started", "asked_at": datetime(2026, 1, 1, tzinfo=UTC)}]
    >>> is_cool(rows, set(), datetime(2026, 1, 1, 5, tzinfo=UTC), 24)
    False
    >>> is_cool(rows, {"a"}, datetime(2026, 1, 1, 5, tzinfo=UTC), 24)
    True
    """
    begun = (row["asked_at"] for row in asked if row["outcome"] == STARTED and row["flow_run_id"] not in failed)
    return all(now - moment >= timedelta(hours=hours) for moment in begun)


def last_training(settings: Settings) -> datetime | None:
    """Return when a model was trained last, or a retraining found nothing new to learn; None if never."""
    begun = query(settings, RETRAININGS.name, f"select asked_at from rows where outcome = '{STARTED}'")  # noqa: S608 - ours
    trained = [row["created_at"] for row in open_registry(settings).describe()]
    return max([*trained, *(row["asked_at"] for row in begun)], default=None) if trained else None
