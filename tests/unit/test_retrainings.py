"""The cool-down: what may start, what has to wait, and that it is remembered in the lake."""

from datetime import timedelta
from pathlib import Path

import pytest

from flows.lake.contracts import FLOW_RUNS
from flows.lake.models import RETRAININGS
from flows.lake.tables import append_rows, query
from flows.retrainings import claim
from flows.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def outcomes(settings: Settings) -> list[tuple[str, str]]:
    rows = query(settings, RETRAININGS.name, "select trigger, outcome from rows order by asked_at")
    return [(row["trigger"], row["outcome"]) for row in rows]


def test_storm_of_triggers_starts_one_retraining(settings: Settings) -> None:
    started = [claim(settings, trigger, {"n": 1}) for trigger in ("drift", "metrics", "schedule", "drift")]
    assert started == [True, False, False, False]
    assert outcomes(settings) == [
        ("drift", "started"),
        ("metrics", "cooling down"),
        ("schedule", "cooling down"),
        ("drift", "cooling down"),
    ]


def test_trigger_starts_another_when_the_cool_down_has_passed(settings: Settings) -> None:
    assert claim(settings, "drift", {})
    assert claim(settings.model_copy(update={"retrain_cooldown_hours": 0}), "drift", {})


def test_person_is_not_held_up_and_begins_a_cool_down(settings: Settings) -> None:
    assert claim(settings, "drift", {})
    assert claim(settings, "request", {})
    assert not claim(settings, "metrics", {})


def test_retraining_that_failed_holds_nothing_up(settings: Settings) -> None:
    assert claim(settings, "drift", {})
    (run,) = query(settings, RETRAININGS.name, "select flow_run_id, asked_at as changed_at from rows")
    append_rows(settings, FLOW_RUNS, [{**run, "flow_name": "retrain", "state": "failed", "message": "no posts"}])
    assert claim(settings, "drift", {})


def test_cool_down_is_measured_from_the_last_start(settings: Settings) -> None:
    claim(settings, "drift", {})
    (asked,) = query(settings, RETRAININGS.name, "select asked_at from rows")
    claim(settings, "drift", {})
    rows = query(settings, RETRAININGS.name, "select asked_at, outcome from rows order by asked_at")
    assert rows[0]["asked_at"] == asked["asked_at"] < rows[1]["asked_at"] < asked["asked_at"] + timedelta(hours=1)
    assert rows[1]["outcome"] == "cooling down"
