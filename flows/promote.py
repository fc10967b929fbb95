"""A human's answer to a version that passed the gate, and the way back to the version before.

Run as a deployment, `promote` waits with a form in Prefect's UI until somebody fills it in; it then starts again from
its first line, so everything before the answer only reads. `epilake promote --approve` gives the answer without it.
Neither needs a JVM.
"""

from dataclasses import replace

from prefect import flow
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput

from flows.console import say
from flows.deployment import deploy_scoring
from flows.errors import EpilakeError
from flows.orchestrator import is_api_known
from flows.promotions import (
    PROMOTED,
    REFUSED,
    WAITING,
    Verdict,
    carry_out,
    find_rollback,
    find_verdict,
    open_registry,
)
from flows.runs import recorded
from flows.settings import Settings

APPROVAL = "promote/approval"
"""The deployment in which a version waits for its approval."""
WAIT_SECONDS = 30 * 86_400


class Approval(RunInput):
    """What a human answers."""

    approve: bool
    by: str
    reason: str = ""


@flow(name="promote", persist_result=True)
def promote(
    version: int | None = None, *, approve: bool | None = None, by: str = "", reason: str = ""
) -> dict[str, object]:
    """Promote or refuse a version that passed the gate; return its version and what was decided.

    Args:
        version: The version; none: the one behind `staging`.
        approve: The answer; none: wait for one, which only a run of a deployment can.
        by: Who answers.
        reason: Why, if there is something to say.

    Raises:
        EpilakeError: The version is not waiting for an answer.
    """
    settings = Settings()
    waiting = find_waiting(settings, version)
    if approve is None:
        answer = suspend_flow_run(wait_for_input=form(waiting), timeout=WAIT_SECONDS)
        approve, by, reason = answer.approve, answer.by, answer.reason
    with recorded(settings, "promote") as report:
        outcome = answer_with(settings, waiting, approve=approve, by=by, reason=reason)
        report.update(outcome)
    return outcome


@flow(name="rollback")
def rollback() -> dict[str, object]:
    """Bring the version back that was in production before; return it.

    Raises:
        EpilakeError: There is none, or its files are not what was registered.
    """
    settings = Settings()
    with recorded(settings, "rollback") as report:
        registry = open_registry(settings)
        verdict = find_rollback(settings, registry)
        if unsafe := describe_unsafe(settings, verdict.version):
            refused = replace(verdict, decision_id=f"{verdict.decision_id}/refused", outcome=REFUSED)
            carry_out(settings, registry, replace(refused, checks=(*verdict.checks, ("artifact", False, unsafe))))
            raise EpilakeError(f"Version {verdict.version} cannot go back to production: {unsafe}")
        carry_out(settings, registry, verdict)
        say(f"model version {verdict.version} is in production again: {verdict.reasons[0]}")
        deploy_promoted(settings, verdict.version)
        report["model_version"] = verdict.version
    return {"model_version": verdict.version}


def find_waiting(settings: Settings, version: int | None = None) -> Verdict:
    """Return what the gate said of the version that waits for a human.

    Raises:
        EpilakeError: There is none, or a human has answered already.
    """
    from ml.registry import STAGING

    found = version or open_registry(settings).find_version(STAGING)
    if found is None:
        raise EpilakeError("No version is on staging: run `epilake train` first.")
    verdict = find_verdict(settings, f"{found}/gate")
    if verdict is None:
        raise EpilakeError(f"Version {found} has not been judged by the gate: run `epilake train` first.")
    if verdict.outcome != WAITING:
        raise EpilakeError(f"Version {found} waits for nobody: the gate has {verdict.outcome} it.")
    answered = find_verdict(settings, f"{found}/approval")
    if answered and is_carried_out(settings, answered):
        raise EpilakeError(f"Version {found} waits for nobody: {answered.approved_by} has {answered.outcome} it.")
    return verdict


def is_carried_out(settings: Settings, verdict: Verdict) -> bool:
    """Return whether the registry agrees with a decision."""
    rows = open_registry(settings).describe()
    return any(row["version"] == verdict.version and row["gate"] == verdict.outcome for row in rows)


def form(waiting: Verdict) -> type[Approval]:
    """Return the form that a human fills in, with what the gate found above it."""
    found = "\n".join(f"- {name}: {told}" for name, _, told in waiting.checks)
    description = f"May model version {waiting.version} go to production? The gate let it pass:\n\n{found}"
    return Approval.with_initial_data(description=description, by="", reason="")


def answer_with(settings: Settings, waiting: Verdict, *, approve: bool, by: str, reason: str) -> dict[str, object]:
    """Carry out a human's answer, and bring the scoring deployment up to it; a killed answer is finished as it was.

    Raises:
        EpilakeError: Nobody is named.
    """
    if not by.strip():
        raise EpilakeError("Whoever answers has to say so: give a name with --by NAME.")
    told = (*waiting.checks, ("approval", approve, reason or f"{by} said {'yes' if approve else 'no'}"))
    if approve and (unsafe := describe_unsafe(settings, waiting.version)):
        approve, told = False, (*told, ("artifact", False, unsafe))
    answer = replace(
        waiting,
        decision_id=f"{waiting.version}/approval",
        outcome=PROMOTED if approve else REFUSED,
        checks=told,
        approved_by=by,
    )
    verdict = find_verdict(settings, answer.decision_id) or answer
    carry_out(settings, open_registry(settings), verdict)
    say(f"model version {verdict.version}: {verdict.outcome} by {verdict.approved_by} ({verdict.reasons[-1]})")
    if verdict.outcome == PROMOTED:
        deploy_promoted(settings, verdict.version)
    return {"model_version": verdict.version, "decision": verdict.outcome, "approved_by": verdict.approved_by}


def describe_unsafe(settings: Settings, version: int) -> str | None:
    """Return why the stored files of a version may not be opened; None if they may."""
    from ml.integrity import UnsafeModelError

    try:
        open_registry(settings).read_artifact(version)
    except UnsafeModelError as error:
        return str(error)
    return None


def deploy_promoted(settings: Settings, version: int) -> None:
    """Bring the hourly scoring deployment up to a version, where a server is known that will run it."""
    if is_api_known():
        say(f"deployed {deploy_scoring(version, settings)} for model version {version}")


def request_approval(version: int) -> str:
    """Ask for a human's answer in Prefect's UI: start a run that waits there; return its id."""
    from prefect.client.schemas.objects import FlowRun
    from prefect.deployments import run_deployment

    run = run_deployment(APPROVAL, parameters={"version": version}, timeout=0, as_subflow=False)
    return str(run.id) if isinstance(run, FlowRun) else ""
