"""Which Prefect API this process talks to: one that is known, else a temporary server of its own.

Stands apart because Prefect's own temporary server starts late (at the first flow call), slowly, writes to the
terminal, and keeps its history outside `EPILAKE_HOME`. Ours starts while the JVM does; see `flows.prefect_server`.
"""

import json
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.errors import EpilakeError
from flows.prefect_server import LOOPBACK, STOP_SECONDS, temporary_server
from flows.settings import Settings

_TEMPORARY = threading.Event()
"""Set while this process talks to a temporary server."""


@dataclass(frozen=True)
class PrefectApi:
    """The Prefect API of one command.

    Attributes:
        url: Its address, ending in `/api`.
        is_known: Whether others can reach it after this command: a deployment made there will be run.
        advice: What to look at if it does not answer.
    """

    url: str
    is_known: bool
    advice: str

    def wait_until_ready(self) -> None:
        """Return once the API answers; a flow called earlier waits too, but cannot explain what it waits for.

        Raises:
            EpilakeError: It does not answer.
        """
        from prefect import get_client

        with get_client(sync_client=True) as client:
            if error := client.api_healthcheck():
                reason = str(error) or type(error).__name__
                raise EpilakeError(f"The Prefect API at {self.url} does not answer ({reason}): {self.advice}.")


@contextmanager
def prefect_api(settings: Settings) -> Iterator[PrefectApi]:
    """Enter the Prefect API of one command; on leaving, everything that Prefect still had to send has been sent.

    In this order: `PREFECT_API_URL` of the environment or of the active profile; the server of `epilake up`; a
    temporary server that keeps its history under `home` and begins to start now, in the background.

    Meanwhile Prefect writes to `<logs>/prefect.log` instead of the terminal.
    """
    with ExitStack() as stack:
        stack.enter_context(_quiet(settings.logs / "prefect.log"))
        api = stack.enter_context(_find_api(settings))
        stack.callback(_drain)
        yield api


def is_api_known() -> bool:
    """Return whether this process talks to an API that outlives it, as every run of a worker does."""
    return not _TEMPORARY.is_set()


def read_up(settings: Settings) -> dict[str, Any]:
    """Return what `epilake up` wrote about itself: `prefect_url`, `mlflow_url`, `pids`; empty if it is not up."""
    try:
        return dict(json.loads((settings.home / "up.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}


def is_healthy(url: str, *, timeout_seconds: float = 5) -> bool:
    """Return whether `url` answers a GET with 200."""
    import httpx

    try:
        return httpx.get(url, timeout=timeout_seconds, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


@contextmanager
def _find_api(settings: Settings) -> Iterator[PrefectApi]:
    """Enter the first API of the three that there is."""
    from prefect.settings import PREFECT_API_URL

    if url := PREFECT_API_URL.value():
        yield PrefectApi(url, is_known=True, advice="PREFECT_API_URL names it; start it, or unset the variable")
        return
    with ExitStack() as stack:
        url = str(read_up(settings).get("prefect_url", ""))
        is_known = bool(url) and is_healthy(f"{url}/health")
        if not is_known:
            url = stack.enter_context(temporary_server(settings))
            _TEMPORARY.set()
            stack.callback(_TEMPORARY.clear)
        stack.enter_context(_talk_to(url, settings))
        yield PrefectApi(url, is_known, advice=f"see {settings.logs / 'prefect-server.log'}")


@contextmanager
def _talk_to(url: str, settings: Settings) -> Iterator[None]:
    """Point this process, its threads and its children at an API on this machine."""
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        PREFECT_LOCAL_STORAGE_PATH,
        temporary_settings,
    )

    storage = settings.home / "prefect" / "storage"
    values = {
        PREFECT_API_URL: url,
        PREFECT_LOCAL_STORAGE_PATH: storage,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,  # whose thread sleeps in steps of 1 s, and each flow waits for its end
    }
    variables = {
        "PREFECT_API_URL": url,
        "PREFECT_LOCAL_STORAGE_PATH": str(storage),
        "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), LOOPBACK])),
    }
    with _environment(variables), temporary_settings(values):
        yield


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables, from which threads and children take Prefect's settings, and put them back."""
    from prefect.context import refresh_global_settings_context

    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    refresh_global_settings_context()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        refresh_global_settings_context()


@contextmanager
def _quiet(path: Path) -> Iterator[None]:
    """Send what Prefect would write to the terminal to a file; logs of runs still go to the API too."""
    from prefect.logging.configuration import ensure_logging_setup
    from prefect.logging.handlers import PrefectConsoleHandler

    ensure_logging_setup()
    path.parent.mkdir(parents=True, exist_ok=True)
    root = logging.getLogger()
    consoles = [handler for handler in root.handlers if isinstance(handler, PrefectConsoleHandler)]
    with closing(logging.FileHandler(path, encoding="utf-8")) as to_file:
        to_file.setFormatter(logging.Formatter("%(asctime)s | %(levelname)-7s | %(name)s - %(message)s"))
        root.addHandler(to_file)
        for handler in consoles:
            root.removeHandler(handler)
        try:
            yield
        finally:
            root.removeHandler(to_file)
            for handler in consoles:
                root.addHandler(handler)


def _drain() -> None:
    """Wait until Prefect's background threads have sent their events and logs: task runs are made of them."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    EventsWorker.drain_all(timeout=STOP_SECONDS)
    APILogWorker.drain_all(timeout=STOP_SECONDS)
