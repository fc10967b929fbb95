"""`prefect.yaml` says what Prefect understands: Prefect itself ignores a key that it does not know."""

from copy import deepcopy
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.cli.deploy._models import (
    ConcurrencyLimitSpec,
    DeploymentConfig,
    PrefectYamlModel,
    RawScheduleConfig,
    WorkPoolConfig,
)
from prefect.client.schemas.objects import ConcurrencyLimitStrategy
from prefect.client.schemas.schedules import CronSchedule
from prefect.events import DeploymentEventTrigger
from prefect.events.schemas.automations import Posture
from prefect.server.events.actions import RunDeployment
from prefect.utilities.schema_tools.hydration import HydrationContext, hydrate
from prefect.workers.process import ProcessWorker
from pydantic import BaseModel

from flows.deployment import SCORING, WORK_POOL
from flows.monitor import EVENTS
from flows.retrain import retrain
from flows.settings import PROJECT_ROOT

FILE = yaml.safe_load((PROJECT_ROOT / "prefect.yaml").read_text(encoding="utf-8"))
DEPLOYMENTS: list[dict[str, Any]] = FILE["deployments"]
IDS = [f"{each['entrypoint'].rpartition(':')[2]}/{each['name']}" for each in DEPLOYMENTS]
FLOWS = {
    "pipeline", "ingest", "ingest_counts", "collect", "build", "enrich", "train", "score", "erase", "maintain",
    "monitor", "retrain", "promote", "rollback", "publish", "stream",
}  # fmt: skip
SCHEDULED = {"pipeline/nightly", "score/hourly", "erase/every-six-hours", "maintain/nightly", "monitor/nightly"}
TRIGGERS: list[dict[str, Any]] = [trigger for each in DEPLOYMENTS for trigger in each.get("triggers", [])]
every_deployment = pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=IDS)


def unknown_keys(data: dict[str, Any], model: type[BaseModel]) -> set[str]:
    """Return the keys of data that are neither a field of the model nor its alias."""
    fields = model.model_fields
    return set(data) - {field.alias or name for name, field in fields.items()}


def test_top_level_keys_are_known_to_prefect() -> None:
    assert unknown_keys(FILE, PrefectYamlModel) == {"definitions"}, "definitions only holds YAML anchors"


@every_deployment
def test_keys_are_known_to_prefect(deployment: dict[str, Any]) -> None:
    assert not unknown_keys(deployment, DeploymentConfig)
    assert not unknown_keys(deployment["work_pool"], WorkPoolConfig)
    assert not unknown_keys(deployment["concurrency_limit"], ConcurrencyLimitSpec)
    for schedule in deployment.get("schedules", []):
        assert not unknown_keys(schedule, RawScheduleConfig)


def test_a_misspelt_key_is_found() -> None:
    assert unknown_keys({"entrypont": "x", "name": "y"}, DeploymentConfig) == {"entrypont"}


@every_deployment
def test_deployment_says_what_it_is_and_where_it_runs(deployment: dict[str, Any]) -> None:
    parsed = DeploymentConfig.model_validate(deployment)
    assert parsed.description
    assert parsed.tags
    assert parsed.work_pool is not None
    assert parsed.work_pool.name == WORK_POOL
    ConcurrencyLimitStrategy(deployment["concurrency_limit"]["collision_strategy"])


@every_deployment
def test_entrypoint_is_a_flow_of_that_file(deployment: dict[str, Any]) -> None:
    path, _, function = deployment["entrypoint"].partition(":")
    source = (PROJECT_ROOT / path).read_text(encoding="utf-8")
    assert Path(path).stem == {"rollback": "promote"}.get(function, function)
    assert f"\ndef {function}(" in source
    assert "@flow" in source


@every_deployment
def test_job_variables_are_known_to_a_process_worker(deployment: dict[str, Any]) -> None:
    known = ProcessWorker.get_default_base_job_template()["variables"]["properties"]
    assert set(deployment["work_pool"]["job_variables"]) <= set(known)


def test_every_flow_has_one_deployment() -> None:
    assert {name.partition("/")[0] for name in IDS} == FLOWS
    assert len(IDS) == len(set(IDS))
    assert SCORING in IDS


def test_schedules_are_valid_cron_in_utc() -> None:
    found = {name: each["schedules"] for name, each in zip(IDS, DEPLOYMENTS, strict=True) if "schedules" in each}
    assert set(found) == SCHEDULED
    for schedule in (one for schedules in found.values() for one in schedules):
        assert schedule["active"] is True
        assert schedule["timezone"] == "UTC"
        CronSchedule(cron=schedule["cron"], timezone="UTC")


every_trigger = pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: trigger["name"])


@every_trigger
def test_trigger_is_what_prefect_understands(trigger: dict[str, Any]) -> None:
    assert not unknown_keys(trigger, DeploymentEventTrigger)
    parsed = DeploymentEventTrigger.model_validate(trigger)
    assert parsed.posture is Posture.Reactive
    assert parsed.threshold == 1


@every_trigger
def test_trigger_hands_the_numbers_of_its_event_to_the_flow(trigger: dict[str, Any]) -> None:
    payload = {"trigger": "drift", "numbers": {"drifted": {"language.js": 0.3}, "told": 'so "far"'}}
    rendered = deepcopy(trigger["parameters"])
    RunDeployment._upgrade_v1_templates(rendered)
    context = HydrationContext(render_jinja=True, jinja_context={"event": {"payload": payload}})
    assert hydrate(rendered, context) == payload
    assert set(payload) <= set(signature(retrain.fn).parameters)


def test_every_event_of_the_monitor_starts_a_retraining() -> None:
    assert [trigger["expect"] for trigger in TRIGGERS] == [[name] for name in EVENTS.values()]
    (deployment,) = (each for each in DEPLOYMENTS if "triggers" in each)
    assert deployment["entrypoint"] == "flows/retrain.py:retrain"
    assert len({trigger["name"] for trigger in TRIGGERS}) == len(TRIGGERS)


def test_a_misspelt_key_of_a_trigger_is_found() -> None:
    assert unknown_keys({"expects": [], "name": "y"}, DeploymentEventTrigger) == {"expects"}
