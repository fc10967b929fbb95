"""Turns: one local writer at a time in a table, and one dbt build at a time in a lake (ADR 2)."""

import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flows.errors import EpilakeError
from flows.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

BUILD_LOCK_SECONDS = 900
"""How long a build waits for another; the same in `dbt_project.yml`."""
BUILD_TURN = "EPILAKE_BUILD_TURN"
"""Set while this process holds the turn: dbt then neither takes it nor lets it go."""
DBT_LAYERS = ("curated", "refined")


@contextmanager
def exclusive(settings: Settings, name: str) -> Iterator[None]:
    """Hold the one place for a local writer of a table; wait for whoever holds it now."""
    settings.locks.mkdir(parents=True, exist_ok=True)
    with (settings.locks / f"{name}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def alone(file: Path, told: Callable[[], str]) -> Iterator[None]:
    """Hold a place of which there is one; the kernel lets go of it when its holder dies.

    Args:
        file: The lock's file; its folder is made.
        told: Says who holds it, if somebody does.

    Raises:
        EpilakeError: Another process holds it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EpilakeError(told()) from error
        yield


@contextmanager
def build_turn(spark: "SparkSession", settings: Settings) -> Iterator[None]:
    """Hold the one place for a dbt build, and clear away what a killed build left half made.

    The lock is that of `dbt_project/macros/build_lock.sql`, which leaves it to us while we hold it. It is made under
    another name first: Derby could not open a database whose creation was cut off.

    Raises:
        EpilakeError: Another build has held the lake for fifteen minutes.
    """
    place = settings.locks / "dbt_build"
    with exclusive(settings, "dbt_build"):
        for left in settings.locks.glob("draft-*"):
            shutil.rmtree(left)
        if not place.exists():
            draft = settings.locks / f"draft-{uuid.uuid4().hex}"
            _derby(spark, f"{draft};create=true")
            _derby(spark, f"{draft};shutdown=true")
            draft.rename(place)
    deadline = time.monotonic() + BUILD_LOCK_SECONDS
    while not _derby(spark, str(place)):
        if time.monotonic() > deadline:
            raise EpilakeError(f"Another build has held {settings.lake} for {BUILD_LOCK_SECONDS} s: end it, run again.")
        time.sleep(0.5)
    try:
        remove_half_made_tables(settings)
        os.environ[BUILD_TURN] = str(place)
        yield
    finally:
        os.environ.pop(BUILD_TURN, None)
        _derby(spark, f"{place};shutdown=true")


def remove_half_made_tables(settings: Settings) -> None:
    """Remove folders of dbt's layers without a single commit: no table can be made where files lie already."""
    for layer in DBT_LAYERS:
        for folder in settings.lake.glob(f"{layer}/*"):
            if not any(folder.glob("_delta_log/*.json")):
                shutil.rmtree(folder)


def _derby(spark: "SparkSession", address: str) -> str | None:
    """Open or shut a Derby database in the session's JVM; None if Java raised, as it does on every shutdown."""
    call = f"select try_reflect('java.sql.DriverManager', 'getConnection', 'jdbc:derby:{address}')"
    answer: str | None = spark.sql(call).collect()[0][0]
    return answer
