"""`epilake up` with real servers: it runs deployments, and nothing of it is left, however it ends."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest
from prefect import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.deployment import SCORING, VERSION_TAG, deploy_scoring
from flows.errors import EpilakeError
from flows.orchestrator import prefect_api, read_up
from flows.prefect_server import listen
from flows.servers import Crew, serve_all
from flows.settings import Settings

if not Path("/proc/self/environ").exists():
    pytest.skip("finds what is left over in /proc", allow_module_level=True)

FLOW = """
import os
import time
from pathlib import Path

from prefect import flow


@flow(name="score")
def score(alias: str = "", sleep_seconds: float = 0) -> None:
    Path(os.environ["EPILAKE_HOME"], f"ran-{alias}").touch()
    time.sleep(sleep_seconds)
"""
PROJECT = """
deployments:
  - name: hourly
    entrypoint: jobs/score.py:score
    parameters: {alias: mine, sleep_seconds: 0}
    tags: [own]
    schedules: [{cron: "5 5 1 1 *", timezone: UTC, active: true}]
    concurrency_limit: {limit: 1, collision_strategy: CANCEL_NEW}
    work_pool: {name: epilake}
"""
UP = """
import sys
from pathlib import Path

from flows.errors import EpilakeError
from flows.servers import serve_all
from flows.settings import Settings

try:
    serve_all(Settings(), announce=lambda line: print(line, flush=True), project=Path(sys.argv[1]))
except EpilakeError as error:
    sys.exit(str(error))
"""


class Up:
    """One `epilake up` in a process of its own."""

    def __init__(self, home: Path, project: Path) -> None:
        self.settings = Settings(home=home)
        self.project = project
        self.process = self.launch()

    def launch(self) -> subprocess.Popen[str]:
        unset = {"PREFECT_API_URL", "PREFECT_PROFILE"}
        env = {**{k: v for k, v in os.environ.items() if k not in unset}, "EPILAKE_HOME": str(self.settings.home)}
        command = [sys.executable, "-c", UP, str(self.project)]
        return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def wait(self) -> dict[str, str]:
        """Return the addresses once it is up."""
        wait_for(lambda: bool(read_up(self.settings)) or self.process.poll() is not None, 150)
        assert self.process.poll() is None, self.process.communicate()[0]
        return read_up(self.settings)

    def left_over(self) -> list[int]:
        """Return the processes that work for this home."""
        mark = f"EPILAKE_HOME={self.settings.home}".encode()
        return [pid for pid in pids() if mark in environment(pid)]


def pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def states(home: Path, alias: str) -> list[str]:
    """Return the states of the runs with this parameter, as they stand in the database."""
    query = "select state_name from flow_run where json_extract(parameters, '$.alias') = ?"
    with closing(sqlite3.connect(home / "prefect" / "prefect.db")) as database:
        return [str(name) for (name,) in database.execute(query, [alias])]


def wait_for(is_true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, f"not true after {seconds} s"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    project = tmp_path_factory.mktemp("project")
    (project / "jobs").mkdir()
    (project / "jobs" / "score.py").write_text(FLOW, encoding="utf-8")
    (project / "prefect.yaml").write_text(PROJECT, encoding="utf-8")
    running = Up(tmp_path_factory.mktemp("home"), project)
    yield running
    running.process.kill()
    running.process.wait()
    assert running.process.stdout is not None
    running.process.stdout.close()
    wait_for(lambda: not running.left_over(), 30)


def run_deployment(url: str, **parameters: object) -> Callable[[], str]:
    """Ask for a run of the scoring deployment and return what reads its state."""
    with temporary_settings({PREFECT_API_URL: url}), get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(SCORING)
        run = client.create_flow_run_from_deployment(found.id, parameters=parameters)

    def read_state() -> str:
        with temporary_settings({PREFECT_API_URL: url}), get_client(sync_client=True) as client:
            return client.read_flow_run(run.id).state_name or ""

    return read_state


def test_deployment_runs_through_the_worker_in_this_home(up: Up) -> None:
    addresses = up.wait()
    read_state = run_deployment(addresses["prefect_url"])
    wait_for(lambda: read_state() == "Completed", 60)
    assert (up.settings.home / "ran-mine").exists()


def test_both_user_interfaces_answer(up: Up) -> None:
    addresses = up.wait()
    page = httpx.get(addresses["prefect_url"].removesuffix("/api"), follow_redirects=True)
    assert page.headers["content-type"].startswith("text/html")
    assert "MLflow" in httpx.get(addresses["mlflow_url"]).text
    assert httpx.get(addresses["mlflow_url"], headers={"Host": "evil.example"}).status_code == 403


def test_commands_use_the_server_that_is_up(up: Up) -> None:
    addresses = up.wait()
    with temporary_settings(restore_defaults={PREFECT_API_URL}), prefect_api(up.settings) as api:
        assert (api.url, api.is_known) == (addresses["prefect_url"], True)


def test_second_up_says_where_the_first_is(up: Up) -> None:
    addresses = up.wait()
    output, _ = up.launch().communicate(timeout=30)
    assert output.strip().startswith("Epilake is up already for ")
    assert addresses["prefect_url"] in output


def test_promotion_updates_the_deployment_and_keeps_what_its_owner_chose(up: Up) -> None:
    addresses = up.wait()
    with temporary_settings({PREFECT_API_URL: addresses["prefect_url"]}), get_client(sync_client=True) as client:
        before = client.read_deployment_by_name(SCORING)
        for version in (6, 7, 7):
            assert deploy_scoring(version, up.settings) == SCORING
        after = client.read_deployment_by_name(SCORING)
    assert (after.id, after.version, after.tags) == (before.id, "7", ["own", f"{VERSION_TAG}7"])
    assert after.parameters == {"alias": "production", "sleep_seconds": 0}
    assert "version 7" in (after.description or "")
    kept = {"pull_steps", "entrypoint", "work_pool_name", "job_variables", "parameter_openapi_schema", "paused"}
    assert before.model_dump(include=kept) == after.model_dump(include=kept)
    assert [each.schedule for each in before.schedules] == [each.schedule for each in after.schedules]


def test_deployments_that_prefect_refuses_name_the_log(up: Up, tmp_path: Path) -> None:
    (tmp_path / "prefect.yaml").write_text(json.dumps({"deployments": [{"name": "x", "entrypoint": "none.py:none"}]}))
    with ExitStack() as stack, pytest.raises(EpilakeError, match=r"were refused: see .*deploy\.log"):
        Crew(up.settings, tmp_path, stack).deploy({"PREFECT_API_URL": up.wait()["prefect_url"]})


def test_kill_during_a_run_leaves_nothing_and_the_next_up_goes_on(up: Up) -> None:
    with temporary_settings({PREFECT_API_URL: up.wait()["prefect_url"]}):
        deploy_scoring(8, up.settings)
    run_deployment(up.wait()["prefect_url"], alias="killed", sleep_seconds=600)
    wait_for((up.settings.home / "ran-killed").exists, 60)
    up.process.kill()
    up.process.communicate()
    wait_for(lambda: not up.left_over(), 30)
    assert states(up.settings.home, "killed") == ["Running"]

    (up.settings.home / "up.json").unlink()
    up.process = up.launch()
    url = up.wait()["prefect_url"]
    with temporary_settings({PREFECT_API_URL: url}), get_client(sync_client=True) as client:
        assert f"{VERSION_TAG}8" in client.read_deployment_by_name(SCORING).tags
    assert states(up.settings.home, "killed") == ["Crashed"]
    read_state = run_deployment(url, alias="next")
    wait_for(lambda: read_state() == "Completed", 60)  # its predecessor holds the one slot no more


def test_stop_during_a_run_leaves_nothing_and_records_its_end(up: Up) -> None:
    run_deployment(up.wait()["prefect_url"], alias="slow", sleep_seconds=600)
    wait_for((up.settings.home / "ran-slow").exists, 60)
    up.process.send_signal(signal.SIGINT)
    output, _ = up.process.communicate(timeout=60)
    assert output.splitlines()[-1] == "Stopped."
    assert up.process.returncode == 0
    assert not up.left_over()
    assert not read_up(up.settings)
    assert states(up.settings.home, "slow") == ["Crashed"]


def test_guard_ends_what_ignores_a_polite_end() -> None:
    stubborn = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); os.fork() or os.setsid()"
    command = [sys.executable, "-P", "-m", "flows.servers", sys.executable, "-c", f"{stubborn}; time.sleep(600)"]
    mark = f"MARK={time.monotonic_ns()}"
    name, _, value = mark.partition("=")
    guard = subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, name: value})
    wait_for(lambda: sum(mark.encode() in environment(pid) for pid in pids()) == 3, 10)
    guard.communicate(timeout=30)
    assert guard.returncode == 128 + signal.SIGKILL
    assert not [pid for pid in pids() if mark.encode() in environment(pid)]


def test_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with listen() as taken, pytest.raises(EpilakeError, match=r"^Port \d+ cannot be used \(Address already in use\)"):
        serve_all(Settings(home=tmp_path), announce=print, prefect_port=taken.getsockname()[1])
