"""The watch over a model in production: three questions a night, and an event for each that is answered with yes.

- schedule: was the last training too long ago?
- drift: are the latest posts unlike those that the model learnt from?
- metrics: are its old predictions worth less than it promised, now that their labels are known?

An event carries the numbers; `prefect.yaml` turns it into a run of `retrain`. What was found is kept in `ops.drift` and
`ops.live_metrics` whether or not anything was wrong.
"""

from datetime import UTC, datetime
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.console import say, spinner
from flows.drift_check import check_drift
from flows.live_check import check_metrics
from flows.monitored import has_features, read_posts
from flows.promotions import find_promise, open_registry
from flows.retrainings import last_training
from flows.runs import current_run_id, recorded
from flows.settings import Settings

EVENTS = {"schedule": "epilake.schedule.due", "drift": "epilake.drift.found", "metrics": "epilake.metrics.fell"}
"""Trigger → name of its event, as the automations in `prefect.yaml` expect it."""


@flow(name="monitor")
def monitor() -> dict[str, Any]:
    """Ask the three questions; return the numbers of each, with `is_found` where an event was raised."""
    settings = Settings()
    with recorded(settings, "monitor") as report:
        found = {"schedule": check_schedule(settings), **check_model(settings, current_run_id())}
        for trigger, numbers in found.items():
            if numbers["is_found"]:
                raise_event(trigger, numbers)
            say(f"{trigger}: {numbers['told']}")
        report.update(found)
    return found


def raise_event(trigger: str, numbers: dict[str, Any]) -> None:
    """Tell Prefect what was found; an automation may start a retraining with it."""
    from prefect.events import emit_event

    from ml.model import MODEL_NAME

    resource = {"prefect.resource.id": f"epilake.model.{MODEL_NAME}", "prefect.resource.name": MODEL_NAME}
    emit_event(EVENTS[trigger], resource, payload={"trigger": trigger, "numbers": numbers})


def check_schedule(settings: Settings) -> dict[str, Any]:
    """Say whether the last training was longer ago than the settings allow."""
    last = last_training(settings)
    if last is None:
        return {"is_found": False, "told": "no model was trained yet"}
    days = (datetime.now(UTC) - last).total_seconds() / 86_400
    return {
        "is_found": days > settings.retrain_after_days,
        "told": f"the last training was {days:.1f} days ago, due after {settings.retrain_after_days:g}",
        "days": round(days, 3),
        "due_after_days": settings.retrain_after_days,
    }


@task(cache_policy=NO_CACHE)
def check_model(settings: Settings, check_id: str) -> dict[str, dict[str, Any]]:
    """Look at the data and at the predictions of the version in production, if there is one."""
    version = open_registry(settings).find_version("production")
    promise = find_promise(settings, version) if version else None
    if version is None or promise is None or not has_features(settings):
        told = {"is_found": False, "told": "no model in production that the gate let pass"}
        return {"drift": told, "metrics": told}
    with spinner("Comparing the latest posts with those learnt from"):
        posts = read_posts(settings, version).cache()
        try:
            drift = check_drift(settings, posts, promise, check_id)
            metrics = check_metrics(settings, posts, promise, check_id)
        finally:
            posts.unpersist()
    return {"drift": drift, "metrics": metrics}
