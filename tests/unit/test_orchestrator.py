"""One Prefect API per command: which is chosen, and that a temporary server is shared, quiet and never left over."""

import fcntl
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.errors import EpilakeError
from flows.orchestrator import prefect_api
from flows.report import artifact_key
from flows.settings import Settings

COMMAND = """
import sys, time
from flows.orchestrator import prefect_api
from flows.report import publish_counts, publish_markdown
from flows.settings import Settings

with prefect_api(Settings()) as api:
    from prefect import flow, task

    @task
    def add(number):
        return number + 1

    @flow(name="tiny")
    def tiny():
        publish_counts("Rows in & out", "What went in", [{"table": "raw.posts", "rows": 3, "path": sys.path}])
        publish_markdown("the card", "# Card")
        return sum(add(number) for number in range(30))

    api.wait_until_ready()
    print(api.url, flush=True)
    tiny()
    time.sleep(float(sys.argv[1]))
"""


def start(home: Path, sleep_seconds: float) -> subprocess.Popen[str]:
    """Start a command that runs a flow of 30 tasks and then sleeps; it prints the URL of its API."""
    unset = {"PREFECT_API_URL", "PREFECT_PROFILE"}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", COMMAND, str(sleep_seconds)],
        env={**{k: v for k, v in os.environ.items() if k not in unset}, "EPILAKE_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def has_server(home: Path) -> bool:
    with (home / "prefect" / "server.lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def wait_for_no_server(home: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while has_server(home) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not has_server(home)


def read(home: Path, query: str) -> list[tuple[object, ...]]:
    database = sqlite3.connect(home / "prefect" / "prefect.db")
    try:
        return database.execute(query).fetchall()
    finally:
        database.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def no_api(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        yield


def test_commands_at_the_same_time_share_a_server_and_lose_no_run(home: Path) -> None:
    commands = [start(home, 0), start(home, 1), start(home, 0)]
    outputs = [command.communicate(timeout=120)[0].splitlines() for command in commands]
    assert [command.returncode for command in commands] == [0, 0, 0], outputs
    assert len({line for output in outputs for line in output}) == 1, "each prints the one URL, and nothing else"
    assert wait_for_no_server(home, 10)
    assert read(home, "select state_type, count(*) from task_run group by 1") == [("COMPLETED", 90)]
    assert read(home, "select state_type, count(*) from flow_run group by 1") == [("COMPLETED", 3)]


def test_artifacts_have_valid_keys_and_cells(home: Path) -> None:
    found = dict(read(home, "select key, data from artifact where type in ('table', 'markdown')"))
    assert set(found) == {"rows-in-out", "the-card"}
    (row,) = json.loads(json.loads(str(found["rows-in-out"])))
    assert (row["table"], row["rows"]) == ("raw.posts", 3)


@pytest.fixture(scope="module")
def command(home: Path) -> Iterator[subprocess.Popen[str]]:
    """A command that has started a server and goes on; three tests have its server in common."""
    with start(home, 60) as command:
        assert command.stdout is not None
        assert command.stdout.readline().startswith("http://127.0.0.1:")
        yield command
        command.kill()


def test_stale_up_json_is_not_believed(home: Path, command: subprocess.Popen[str]) -> None:
    (home / "up.json").write_text(json.dumps({"prefect_url": "http://127.0.0.1:9/api"}), encoding="utf-8")
    with prefect_api(Settings(home=home)) as api:
        assert not api.is_known
        api.wait_until_ready()


def test_temporary_server_reaches_threads_and_is_known_as_up_elsewhere(
    home: Path, command: subprocess.Popen[str], tmp_path: Path
) -> None:
    with prefect_api(Settings(home=home)) as api:
        assert not api.is_known
        seen: list[object] = []
        thread = threading.Thread(target=lambda: seen.append(PREFECT_API_URL.value()))
        thread.start()
        thread.join()
        assert seen == [os.environ["PREFECT_API_URL"]] == [api.url]
        api.wait_until_ready()
        with temporary_settings(restore_defaults={PREFECT_API_URL}):
            (tmp_path / "up.json").write_text(json.dumps({"prefect_url": api.url}), encoding="utf-8")
            with prefect_api(Settings(home=tmp_path)) as other:
                assert (other.url, other.is_known) == (api.url, True)
    assert "PREFECT_API_URL" not in os.environ
    assert has_server(home), "the command that started it still needs it"
    assert not list(tmp_path.glob("prefect/prefect.db"))


def test_server_ends_when_its_command_is_killed(home: Path, command: subprocess.Popen[str]) -> None:
    assert has_server(home)
    command.send_signal(signal.SIGKILL)
    command.communicate()
    assert wait_for_no_server(home, 20)


def test_api_of_the_environment_is_known_and_named_when_it_is_silent(tmp_path: Path) -> None:
    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}),
        prefect_api(Settings(home=tmp_path)) as api,
    ):
        assert api.is_known
        with pytest.raises(EpilakeError, match=r"http://127.0.0.1:9/api does not answer .* PREFECT_API_URL names it"):
            api.wait_until_ready()


def test_artifact_key_refuses_what_has_no_letter() -> None:
    with pytest.raises(ValueError, match="needs a letter or a digit"):
        artifact_key("— —")
