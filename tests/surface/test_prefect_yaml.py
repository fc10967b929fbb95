"""`prefect.yaml` says what Prefect understands: Prefect itself ignores a key that it does not know."""

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
from prefect.workers.process import ProcessWorker
from pydantic import BaseModel

from flows.deployment import SCORING, WORK_POOL
from flows.settings import PROJECT_ROOT

FILE = yaml.safe_load((PROJECT_ROOT / "prefect.yaml").read_text(encoding="utf-8"))
DEPLOYMENTS: list[dict[str, Any]] = FILE["deployments"]
IDS = [f"{each['entrypoint'].rpartition(':')[2]}/{each['name']}" for each in DEPLOYMENTS]
FLOWS = {"pipeline", "ingest", "ingest_counts", "collect", "build", "enrich", "train", "score", "erase", "maintain"}
SCHEDULED = {"pipeline/nightly", "train/weekly", "score/hourly", "erase/every-six-hours", "maintain/nightly"}
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
    assert Path(path).stem == function
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
