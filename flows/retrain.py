"""A retraining from the posts at hand to the scoring deployment, asked for by a trigger or by a person."""

from typing import Any

from prefect import flow

from flows.console import say
from flows.errors import EpilakeError
from flows.orchestrator import is_api_known
from flows.pipeline import build_features, deploy
from flows.promote import request_approval
from flows.promotions import WAITING
from flows.retrainings import COOLING, REQUEST, claim
from flows.runs import recorded
from flows.settings import Settings
from flows.train import train


@flow(name="retrain")
def retrain(trigger: str = REQUEST, numbers: dict[str, Any] | None = None) -> dict[str, object]:
    """Build the features, train, let the gate decide, and deploy what it promotes; return what came of each.

    Args:
        trigger: What asks for it: `schedule`, `drift`, `metrics`, or `request` for a person, whom nothing holds up.
        numbers: What the trigger found.

    Raises:
        EpilakeError: A stage failed, or training is refused; the cool-down then does not begin.
    """
    settings = Settings()
    with recorded(settings, "retrain") as report:
        report["trigger"] = trigger
        if not claim(settings, trigger, numbers or {}):
            say(f"no retraining: another began less than {settings.retrain_cooldown_hours:g} hours ago")
            return {**report, "outcome": COOLING}
        build_features(report)
        report["train"] = trained = train()
        if trained["gate"] == WAITING:
            report["approval"] = ask_for_approval(int(str(trained["model_version"])))
        else:
            deploy(settings)
        return dict(report)


def ask_for_approval(version: int) -> str:
    """Let a run of `promote` wait for a human, where a server is known, and say how to answer; return its id."""
    say(f"model version {version} waits for a human: `epilake promote --approve`")
    if not is_api_known():
        return ""
    try:
        return request_approval(version)
    except ValueError as error:
        raise EpilakeError(f"The approval cannot be asked for in Prefect: {error}") from error
