"""The service keeps what its OpenAPI document promises, whatever is asked; MLflow's own server answers the same."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.serve import scoring
from flows.settings import Settings
from ml.model import MODEL_NAME
from tests.unit.serving import FEW, MANY, POST, TOKEN, serving


def test_schemathesis_finds_no_answer_that_the_document_does_not_promise(home: Path, tmp_path: Path) -> None:
    with serving(home) as served:
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{served.url}/openapi.json"]
        options = ["--header", f"Authorization: Bearer {TOKEN}", "--checks", "all", "--max-examples", "100"]
        told = ["--seed", "7", "--no-color", "--suppress-health-check", "all"]
        found = subprocess.run(command + options + told, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stdout[-4_000:] + found.stderr[-2_000:]
        assert re.search(r"Tested: 4\b", found.stdout)
        assert served.process.poll() is None
        assert "Error" not in served.output.read_text()


@pytest.mark.parametrize(
    ("options", "settings", "told"),
    [
        ([], {}, "Requests must show a token: set EPILAKE_SERVE_TOKEN to 16 characters or more, or give --no-token"),
        ([], {"EPILAKE_SERVE_TOKEN": "short"}, "Requests must show a token"),
        (["--no-token", "--host", "0.0.0.0"], {}, "Without a token only this machine may ask: serve at 127.0.0.1"),
        (["--no-token"], {"EPILAKE_SERVE_TOKEN": TOKEN}, "EPILAKE_SERVE_TOKEN is set and --no-token is given"),
        (["--no-token"], {"EPILAKE_POLICY": "none"}, "There is no privacy policy 'none'"),
    ],
)
def test_the_command_refuses_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], settings: dict[str, str], told: str
) -> None:
    monkeypatch.setenv("EPILAKE_HOME", str(tmp_path))
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    found = CliRunner().invoke(app, ["serve", *options])
    assert found.exit_code == 1
    assert told in found.output
    assert len(found.output.splitlines()) == 1


def test_a_port_that_is_taken_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EPILAKE_HOME", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = CliRunner().invoke(app, ["serve", "--no-token", "--port", str(port)])
    assert found.exit_code == 1
    assert f"Cannot listen at 127.0.0.1:{port}" in found.output


def test_mlflow_serves_the_registered_model_by_the_same_predictor(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    env |= {"MLFLOW_TRACKING_URI": Settings(home=home).tracking_uri, "MLFLOW_DISABLE_TELEMETRY": "true"}
    env |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"}
    served = ["--model-uri", f"models:/{MODEL_NAME}@production", "--env-manager", "local", "--port", str(port)]
    output = home / "mlflow.txt"
    with output.open("w") as log:
        command = [sys.executable, "-m", "mlflow", "models", "serve", *served]
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_up(f"{url}/ping", process, output)
        rows = [{"user_followers": 1}, {"user_followers": 5_000}, {"user_followers": None}]
        answer = httpx.post(f"{url}/invocations", json={"dataframe_records": rows}, timeout=30, trust_env=False)
        assert answer.status_code == 200, answer.text
        assert answer.json()["predictions"] == [
            {"retweet_probability": score, "is_retweet_expected": score > 0.5} for score in (FEW, MANY, FEW)
        ]
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def wait_until_up(url: str, process: "subprocess.Popen[Any]", output: Path) -> None:
    end = time.monotonic() + 120
    while True:
        try:
            if httpx.get(url, timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < end, output.read_text()
        time.sleep(0.2)


def test_the_articles_script_answers_without_a_server_also_after_mlflow_has_loaded_the_model(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EPILAKE_HOME", str(home))
    scoring.init()
    found = json.loads(scoring.run(json.dumps({"data": [POST, POST | {"user_followers": 5_000}]})))
    assert [each["retweet_probability"] for each in found["predictions"]] == [FEW, MANY]
