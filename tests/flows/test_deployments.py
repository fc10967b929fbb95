"""`prefect.yaml` against a Prefect server of the user's own: deployed as the README says, and run by a worker."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect import get_client
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.flow_runs import resume_flow_run
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.deployment import SCORING, VERSION_TAG, WORK_POOL
from flows.lake.models import RETRAININGS
from flows.lake.tables import query
from flows.orchestrator import is_healthy
from flows.prefect_server import listen
from flows.promotions import read_decisions
from flows.sample import write_sample
from flows.settings import PROJECT_ROOT, Settings
from flows.status import read_status

if not Path("/proc/self/environ").exists():
    pytest.skip("finds what is left over in /proc", allow_module_level=True)

pytestmark = pytest.mark.spark

NEW_POSTS = 300
NAMES = [
    "build/on-demand", "collect/on-demand", "enrich/on-demand", "erase/every-six-hours", "ingest/on-demand",
    "ingest_counts/on-demand", "maintain/nightly", "monitor/nightly", "pipeline/nightly", "promote/approval",
    "publish/on-demand", "retrain/on-trigger", "rollback/on-demand", "score/hourly", "stream/on-demand",
    "train/on-demand",
]  # fmt: skip
RETRAINING = "retrain/on-trigger"


class PlainServer:
    """A Prefect server as a user has it: started by Prefect's own command, with a folder of its own."""

    def __init__(self, folder: Path, home: Path) -> None:
        with closing(listen()) as listener:
            port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/api"
        self.folder, self.home = folder, home
        self.environment = {
            **os.environ,
            "PREFECT_HOME": str(folder),
            "PREFECT_API_URL": self.url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "EPILAKE_HOME": str(home),
        }
        self.started: list[subprocess.Popen[bytes]] = []
        self.server = self.start("server", "prefect", "server", "start", "--port", str(port))

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                env=self.environment,
                cwd=PROJECT_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def call(self, *arguments: str) -> str:
        """Run one of Prefect's commands and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
            env=self.environment,
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def stop(self) -> None:
        """End everything, the worker first, and return once no process works for this home."""
        for process in reversed(self.started):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        for pid in self.left_over():
            os.kill(pid, signal.SIGKILL)

    def left_over(self) -> list[int]:
        mark, found = f"PREFECT_HOME={self.folder}".encode(), []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark in path.read_bytes().split(b"\0"):
                    found.append(int(path.parent.name))
            except OSError:
                continue
        return found


def wait_for(is_true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, f"not true after {seconds} s"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def home(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the installation in which the pipeline ran."""
    return shutil.copytree(sample_home, tmp_path_factory.mktemp("deployed") / "home")


@pytest.fixture(scope="module")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlainServer]:
    running = PlainServer(tmp_path_factory.mktemp("prefect"), home)
    try:
        wait_for(lambda: running.server.poll() is not None or is_healthy(f"{running.url}/health"), 120)
        yield running
    finally:
        running.stop()
    assert not running.left_over()


@pytest.fixture(scope="module")
def deployed(server: PlainServer) -> PlainServer:
    """The server with every deployment of the checkout, and a worker."""
    server.call("work-pool", "create", WORK_POOL, "--type", "process")
    server.call("deploy", "--all")
    server.start("worker", "prefect", "worker", "start", "--pool", WORK_POOL)
    return server


def read_run(url: str, run_id: str) -> FlowRun:
    with temporary_settings({PREFECT_API_URL: url}), get_client(sync_client=True) as client:
        return client.read_flow_run(UUID(run_id))


def read_scoring(url: str) -> dict[str, Any]:
    with temporary_settings({PREFECT_API_URL: url}), get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(SCORING)
        return {"id": found.id, "tags": found.tags, "version": found.version, "parameters": found.parameters}


def request_run(server: PlainServer, name: str, *options: str) -> str:
    """Ask for a run as a user does, and return its id."""
    told = server.call("deployment", "run", name, *options)
    return next(line.split()[-1] for line in told.splitlines() if "UUID" in line)


def test_every_deployment_of_the_checkout_is_there(deployed: PlainServer) -> None:
    told = json.loads(deployed.call("deployment", "ls", "-o", "json"))
    with temporary_settings({PREFECT_API_URL: deployed.url}), get_client(sync_client=True) as client:
        flows = {str(flow.id): flow.name for flow in client.read_flows()}
    assert sorted(f"{flows[each['flow_id']]}/{each['name']}" for each in told) == NAMES


def test_ingest_and_score_at_once_both_complete(deployed: PlainServer, home: Path, tmp_path: Path) -> None:
    expected = write_sample(tmp_path / "posts", posts=NEW_POSTS, days=14, seed=2).expected
    settings = Settings(home=home)
    before = read_status(settings)["tables"]["raw.twitter_posts"]["rows"]
    paths = json.dumps([str(tmp_path / "posts")])
    runs = [  # scoring first: an ingest needs no JVM and would be over before the other began
        request_run(deployed, SCORING),
        request_run(deployed, "ingest/on-demand", "--param", f"paths={paths}"),
    ]
    wait_for(lambda: all(is_final(deployed.url, run) for run in runs), 300)
    ended = [read_run(deployed.url, run) for run in runs]
    assert [run.state_name for run in ended] == ["Completed", "Completed"], (deployed.folder / "worker.log").read_text()
    times = [(run.start_time, run.end_time) for run in ended]
    assert max(start for start, _ in times if start) < min(end for _, end in times if end)
    assert read_status(settings)["tables"]["raw.twitter_posts"]["rows"] == before + expected.captures
    states = read_status(settings)["runs"]
    assert [states[name]["flow_run_id"] for name in ("score", "ingest")] == runs
    assert [states[name]["state"] for name in ("score", "ingest")] == ["completed", "completed"]


def is_final(url: str, run_id: str) -> bool:
    state = read_run(url, run_id).state
    return state is not None and state.is_final()


@pytest.mark.parametrize("is_there", [True, False], ids=["it updates what is there", "it creates what is missing"])
def test_pipeline_deploys_the_scoring_of_the_promoted_version(
    deployed: PlainServer, home: Path, *, is_there: bool
) -> None:
    before = read_scoring(deployed.url)
    if not is_there:
        with temporary_settings({PREFECT_API_URL: deployed.url}), get_client(sync_client=True) as client:
            client.delete_deployment(before["id"])
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "run"],
        env=deployed.environment,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (version,) = (each["version"] for each in read_status(Settings(home=home))["models"] if is_production(each))
    assert f"deployed {SCORING} for model version {version}" in done.stderr.splitlines()
    after = read_scoring(deployed.url)
    assert (after["id"] == before["id"]) is is_there
    assert (after["version"], f"{VERSION_TAG}{version}" in after["tags"]) == (str(version), True)
    assert sum(tag.startswith(VERSION_TAG) for tag in after["tags"]) == 1
    assert after["parameters"] == {"alias": "production"}


def is_production(model: dict[str, Any]) -> bool:
    return "production" in model["aliases"]


def raise_drift(server: PlainServer, numbers: dict[str, Any]) -> None:
    """Raise the event of drift as the monitor does."""
    program = (
        "import json, sys; from prefect.events.worker import EventsWorker; from flows.monitor import raise_event; "
        "raise_event('drift', json.loads(sys.argv[1])); EventsWorker.drain_all(timeout=60)"
    )
    subprocess.run(
        [sys.executable, "-c", program, json.dumps(numbers)], env=server.environment, cwd=PROJECT_ROOT, check=True
    )


def runs_of(server: PlainServer, flow_name: str) -> list[FlowRun]:
    """Return the runs of a flow's deployment, the first one first."""
    with temporary_settings({PREFECT_API_URL: server.url}), get_client(sync_client=True) as client:
        found = client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=[flow_name])), sort=FlowRunSort.EXPECTED_START_TIME_ASC
        )
    return [run for run in found if run.deployment_id]


def give_variables(server: PlainServer, name: str, variables: dict[str, str]) -> None:
    """Let the runs of a deployment find some variables in their environment."""
    with temporary_settings({PREFECT_API_URL: server.url}), get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(name)
        known = found.job_variables or {}
        update = DeploymentUpdate(job_variables={**known, "env": {**known.get("env", {}), **variables}})
        client.update_deployment(found.id, update)


def has_state(server: PlainServer, flow_name: str, number: int, state: str) -> bool:
    """Return whether a run of a flow has a state; a run that failed is told at once."""
    names = [run.state_name for run in runs_of(server, flow_name)]
    assert "Failed" not in names, (server.folder / "worker.log").read_text()
    assert "Crashed" not in names, (server.folder / "worker.log").read_text()
    return len(names) > number and names[number] == state


@pytest.mark.slow
def test_drift_ends_in_a_model_that_a_human_approved_and_that_scores(deployed: PlainServer, home: Path) -> None:
    settings = Settings(home=home)
    (before,) = (each["version"] for each in read_status(settings)["models"] if is_production(each))
    give_variables(  # another seed is another training; the gate has tests of its own
        deployed,
        RETRAINING,
        {
            "EPILAKE_APPROVAL": "human",
            "EPILAKE_SEED": "7",
            "EPILAKE_GATE_MARGIN_ACCURACY": "0",
            "EPILAKE_GATE_TOLERANCE_ROC_AUC": "1",
            "EPILAKE_GATE_TOLERANCE_GROUP_ROC_AUC": "1",
        },
    )
    numbers = {"is_found": True, "drifted": {"language.js": 0.31}, "told": 'so "far" apart'}
    raise_drift(deployed, numbers)
    wait_for(lambda: has_state(deployed, "retrain", 0, "Completed"), 600)
    assert runs_of(deployed, "retrain")[0].parameters == {"trigger": "drift", "numbers": numbers}
    wait_for(lambda: has_state(deployed, "promote", 0, "Suspended"), 120)
    (waiting,) = runs_of(deployed, "promote")
    version = waiting.parameters["version"]
    aliases = {each["version"]: each["aliases"] for each in read_status(settings)["models"]}
    assert (aliases[version], aliases[before]) == (["staging"], ["production"])

    with temporary_settings({PREFECT_API_URL: deployed.url}):
        resume_flow_run(waiting.id, run_input={"approve": True, "by": "Ada"})
    wait_for(lambda: has_state(deployed, "promote", 0, "Completed"), 120)
    (promoted,) = (each["version"] for each in read_status(settings)["models"] if is_production(each))
    scoring = read_scoring(deployed.url)
    assert (promoted, scoring["version"]) == (version, str(version))
    assert f"{VERSION_TAG}{version}" in scoring["tags"]
    decided = [(row["model_version"], row["decision"], row["approved_by"]) for row in read_decisions(settings)]
    assert decided[-2:] == [(version, "waiting", "gate"), (version, "promoted", "Ada")]

    raise_drift(deployed, numbers)
    wait_for(lambda: has_state(deployed, "retrain", 1, "Completed"), 120)
    asked = query(settings, RETRAININGS.name, "select * from rows order by asked_at")
    assert [(row["trigger"], row["outcome"]) for row in asked] == [("drift", "started"), ("drift", "cooling down")]
    assert [json.loads(row["numbers"]) for row in asked] == [numbers, numbers]
