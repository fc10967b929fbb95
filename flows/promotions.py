"""The account of every decision about a model version, and the one way to carry a decision out.

A decision is written to `ops.model_promotions` first, under an id that a second attempt gives again, and then carried
out in the registry: what was killed in between is found here and finished, not decided anew.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flows.errors import EpilakeError
from flows.lake.models import MODEL_PROMOTIONS
from flows.lake.session import table_logs
from flows.lake.tables import append_rows, query, table_path
from flows.runs import current_run_id
from flows.settings import Settings

if TYPE_CHECKING:
    from ml.registry import Registry

PROMOTED, REFUSED, WAITING, ROLLED_BACK = "promoted", "refused", "waiting", "rolled back"
GATE = "gate"
"""Who approves where no human is asked."""


@dataclass(frozen=True)
class Verdict:
    """What was decided about a model version, and why.

    Attributes:
        decision_id: The same for every attempt at the same decision.
        version: Version of the model.
        outcome: `promoted`, `refused`, `waiting` or `rolled back`.
        checks: What was asked, whether it was passed, and the reason in a sentence.
        promised: Metric → value, low, high and error on held-out posts.
        learnt_until: What the model learnt from was posted before.
        judged_until: Time of the latest post that it was judged on.
        approved_by: Who decided.
    """

    decision_id: str
    version: int
    outcome: str
    checks: tuple[tuple[str, bool, str], ...]
    promised: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    learnt_until: datetime | None = None
    judged_until: datetime | None = None
    approved_by: str = GATE

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons alone."""
        return tuple(reason for _, _, reason in self.checks)

    @property
    def summary(self) -> str:
        """What the decision rests on, in one line: what was not passed, else the answers that compare."""
        failed = [reason for _, passed, reason in self.checks if not passed]
        compared = [reason for name, _, reason in self.checks if name in {"majority", "production"}]
        return "; ".join(failed or compared or self.reasons)


def open_registry(settings: Settings) -> "Registry":
    """Return the model registry of this installation."""
    from ml.registry import Registry

    return Registry(settings.tracking_uri, settings.artifact_location)


def read_decisions(settings: Settings) -> list[dict[str, Any]]:
    """Return every decision, the earliest first; empty where none was made."""
    if table_path(settings, MODEL_PROMOTIONS.name) / "_delta_log" not in table_logs(settings):
        return []
    return query(settings, MODEL_PROMOTIONS.name, "select * from rows order by decided_at, decision_id")


def find_verdict(settings: Settings, decision_id: str) -> Verdict | None:
    """Return a decision that was written down already; None if there is none."""
    row = next((row for row in read_decisions(settings) if row["decision_id"] == decision_id), None)
    return to_verdict(row) if row else None


def to_verdict(row: Mapping[str, Any]) -> Verdict:
    """Return a row of `ops.model_promotions` as what it says."""
    checks = ((check["check"], bool(check["passed"]), check["reason"]) for check in json.loads(row["reasons"]))
    return Verdict(
        decision_id=row["decision_id"],
        version=row["model_version"],
        outcome=row["decision"],
        checks=tuple(checks),
        promised=json.loads(row["promised"]),
        learnt_until=row["learnt_until"],
        judged_until=row["judged_until"],
        approved_by=row["approved_by"],
    )


def find_promise(settings: Settings, version: int) -> Verdict | None:
    """Return what the gate found of a version that it let pass; None if it never did."""
    found = find_verdict(settings, f"{version}/gate")
    return found if found and found.outcome in {PROMOTED, WAITING} else None


def carry_out(settings: Settings, registry: "Registry", verdict: Verdict) -> None:
    """Write a decision down and bring the registry into agreement with it; a second time changes nothing."""
    from ml.registry import PRODUCTION

    before = registry.find_version(PRODUCTION)
    row = {
        "decision_id": verdict.decision_id,
        "model_name": registry.model_name,
        "model_version": verdict.version,
        "from_version": before,
        "decision": verdict.outcome,
        "reasons": json.dumps([dict(zip(("check", "passed", "reason"), one, strict=True)) for one in verdict.checks]),
        "promised": json.dumps({name: dict(figures) for name, figures in verdict.promised.items()}),
        "learnt_until": verdict.learnt_until,
        "judged_until": verdict.judged_until,
        "approved_by": verdict.approved_by,
        "decided_at": datetime.now(UTC),
        "flow_run_id": current_run_id(),
    }
    append_rows(settings, MODEL_PROMOTIONS, [row], only_new=True)
    if verdict.outcome in {PROMOTED, ROLLED_BACK}:
        registry.set_alias(PRODUCTION, verdict.version)
    if verdict.outcome == ROLLED_BACK and before is not None and before != verdict.version:
        registry.note_decision(before, "rolled back from", verdict.reasons, now=datetime.now(UTC))
    registry.note_decision(verdict.version, verdict.outcome, verdict.reasons, now=datetime.now(UTC))


def past_of_production(decisions: Iterable[Mapping[str, Any]]) -> list[int]:
    """Return the versions that a rollback could go through, the present one last.

    A promotion adds a version, a rollback takes the last one away; a version that was promoted twice counts once.

    >>> past_of_production([{"decision": "promoted", "model_version": 1}, {"decision": "promoted", "model_version": 3}])
    [1, 3]
    >>> past_of_production(
    ...     [
    ...         {"decision": "promoted", "model_version": 1},
    ...         {"decision": "refused", "model_version": 2},
    ...         {"decision": "promoted", "model_version": 3},
    ...         {"decision": "rolled back", "model_version": 1},
    ...     ]
    ... )
    [1]
    """
    past: list[int] = []
    for row in decisions:
        version = row["model_version"]
        if row["decision"] == PROMOTED:
            past = [held for held in past if held != version] + [version]
        elif row["decision"] == ROLLED_BACK:
            past = past[: past.index(version) + 1] if version in past else [version]
    return past


def find_rollback(settings: Settings, registry: "Registry") -> Verdict:
    """Return the decision that brings back the version before, or one that a killed rollback left unfinished.

    Raises:
        EpilakeError: No version was in production before the present one.
    """
    from ml.registry import PRODUCTION

    decisions = read_decisions(settings)
    present = registry.find_version(PRODUCTION)
    last = decisions[-1] if decisions else None
    if last and last["decision"] == ROLLED_BACK and present == last["from_version"] != last["model_version"]:
        return to_verdict(last)
    past = past_of_production(decisions)
    if present is None or present not in past or past.index(present) == 0:
        raise EpilakeError(
            f"There is nothing to roll back to: {MODEL_PROMOTIONS.name} names no version that was in production before "
            f"{f'version {present}' if present else 'any'}."
        )
    before = past[past.index(present) - 1]
    number = sum(row["decision"] == ROLLED_BACK for row in decisions) + 1
    reason = f"version {before} was in production before version {present}"
    promise = find_promise(settings, before)
    return Verdict(
        decision_id=f"rollback/{number}",
        version=before,
        outcome=ROLLED_BACK,
        checks=(("rollback", True, reason),),
        promised=promise.promised if promise else {},
        learnt_until=promise.learnt_until if promise else None,
        judged_until=promise.judged_until if promise else None,
    )
