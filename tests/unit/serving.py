"""The service as a user starts it: a process of its own, on a free port of this machine."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from flows.serve.scoring import EXAMPLE

TOKEN = "a-token-that-nobody-guesses"
FEW, MANY = 0.25, 0.75
"""What the registered version says of an author with few followers, and with many."""
POST = EXAMPLE | {"user_name": "Quillon Vantongeren", "text": "zebrafinch fever on the third day of the flu"}
"""A post of nobody, with words that stand nowhere else."""


@dataclass(frozen=True)
class Served:
    """A service that runs."""

    url: str
    process: "subprocess.Popen[str]"
    output: Path

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def client(self, token: str | None = TOKEN) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)

    def ask(self, body: object, **options: Any) -> httpx.Response:
        with self.client() as client:
            return client.post("/score", json=body, **options)

    def read_metrics(self) -> str:
        with self.client() as client:
            return client.get("/metrics").text

    def talk(self, content: bytes, *, seconds: float = 20) -> bytes:
        """Send bytes as they are, and return what comes until the service hangs up."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            connection.sendall(content)
            received = b""
            while piece := connection.recv(65_536):
                received += piece
            return received

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def serving(home: Path, *options: str, **settings: object) -> Iterator[Served]:
    """Run the service, with a token unless told otherwise, and stop it."""
    named = {"serve_token": TOKEN, "serve_alias_seconds": 0.2} | settings
    env = {name: value for name, value in os.environ.items() if not name.startswith(("EPILAKE_", "MLFLOW_"))}
    env |= {"EPILAKE_HOME": str(home), **{f"EPILAKE_{name.upper()}": str(value) for name, value in named.items()}}
    output = home / "output.txt"
    with output.open("w") as log:
        command = [sys.executable, "-m", "flows.cli", "serve", "--port", "0", *options]
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.match(r"scores at (http://\S+)/score", line)
        assert found, (line, output.read_text())
        yield Served(found[1], process, output)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()


def wait_for(is_so: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)
