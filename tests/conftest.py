"""One Spark session, one Prefect server and one run of the whole pipeline serve every test that needs them.

A test that needs another lake moves the same session to it (`move_to`): the catalog is only a view of the folder.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flows.settings import PROJECT_ROOT, Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from flows.sample import Manifest

REAL_DATA = "EPILAKE_REAL_DATA"
EVERY_POST = "EPILAKE_EVERY_POST"
"""Set, what is compared on a sample of the real posts every day is compared on each of them."""
EVERY_TEST = "EPILAKE_EVERY_TEST"
"""Set, tests that take minutes (`slow`) run too."""
SAMPLE_POSTS = "EPILAKE_SAMPLE_POSTS"
"""How many posts the generated sample has, if not as many as `make run` uses."""
SHIPPED_JARS = PROJECT_ROOT / ".epilake" / "jars"
"""Jars are fetched into the project's own state once, whatever lake a test works on."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what takes minutes, unless all is asked for."""
    if not os.environ.get(EVERY_TEST):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason=f"{EVERY_TEST} is not set: this takes minutes"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real posts; they are not shipped with the project."""
    folder = os.environ.get(REAL_DATA)
    if not folder:
        pytest.skip(f"{REAL_DATA} is not set: real posts are not shipped with the project")
    return Path(folder)


@pytest.fixture(scope="session", autouse=True)
def _no_user_settings() -> Iterator[None]:
    """Keep the user's own installation and Prefect server out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("EPILAKE_", "PREFECT_", "MLFLOW_"))]:
            if name not in {REAL_DATA, EVERY_POST, EVERY_TEST, SAMPLE_POSTS}:
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def jars() -> Path:
    """Folder of the Delta jars, fetched if this is the first time."""
    from flows.lake.jars import resolve_jars

    resolve_jars(Settings(home=PROJECT_ROOT / ".epilake"))
    return SHIPPED_JARS


@pytest.fixture(scope="session")
def make_home(tmp_path_factory: pytest.TempPathFactory, jars: Path) -> Callable[[str], Path]:
    """Make an empty installation; the jars are the project's own, and the secret is one for all, to compare lakes."""
    os.environ["EPILAKE_JARS"] = str(jars)
    os.environ["EPILAKE_SECRET_FILE"] = str(tmp_path_factory.mktemp("secret") / "secret.key")

    def make(name: str) -> Path:
        return tmp_path_factory.mktemp(name)

    return make


@pytest.fixture(scope="session")
def spark(make_home: Callable[[str], Path]) -> Iterator["SparkSession"]:
    """The session of this process, as every flow gets it; it works for so long that both compilers are worth it."""
    from flows.lake.session import open_session

    session = open_session(Settings(home=make_home("session"), spark_compilers="both"))
    yield session
    session.stop()


@pytest.fixture(scope="session")
def prefect(make_home: Callable[[str], Path]) -> Iterator[None]:
    """A temporary Prefect server for all flows that tests call in this process."""
    from flows.orchestrator import prefect_api

    with prefect_api(Settings(home=make_home("prefect"))):
        yield


@pytest.fixture(scope="session")
def move_to(spark: "SparkSession", prefect: None) -> Callable[[Path], Settings]:
    """Point this process and its session at the lake of an installation."""
    from flows.lake.session import attach_lake, detach_lake

    def move(home: Path) -> Settings:
        if os.environ.get("EPILAKE_HOME") != str(home):
            detach_lake(spark)
        os.environ["EPILAKE_HOME"] = str(home)
        settings = Settings()
        attach_lake(spark, settings)
        return settings

    return move


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, "Manifest"]:
    """The generated sample, of so many posts as `make run` uses unless told otherwise, and what was planted in it."""
    from flows.sample import write_sample

    folder = tmp_path_factory.mktemp("sample")
    posts = {"posts": int(os.environ[SAMPLE_POSTS])} if SAMPLE_POSTS in os.environ else {}
    return folder, write_sample(folder, **posts)


@pytest.fixture(scope="session")
def sample_home(
    make_home: Callable[[str], Path], move_to: Callable[[Path], Settings], sample_folder: tuple[Path, "Manifest"]
) -> Path:
    """An installation in which the whole pipeline has run once on the sample."""
    from flows.pipeline import pipeline

    home = make_home("sample-home")
    move_to(home)
    pipeline([str(sample_folder[0])])
    return home


@pytest.fixture
def sample_lake(sample_home: Path, move_to: Callable[[Path], Settings]) -> Settings:
    """The lake of `sample_home`, and the session on it."""
    return move_to(sample_home)


@pytest.fixture
def empty_lake(make_home: Callable[[str], Path], move_to: Callable[[Path], Settings]) -> Settings:
    """A lake of one's own, with nothing in it, and the session on it."""
    return move_to(make_home("lake"))


@pytest.fixture(scope="session")
def broker(make_home: Callable[[str], Path]) -> Iterator[str]:
    """A Kafka broker of its own, as `epilake kafka up` starts it; the address is in the environment of every test."""
    home = make_home("broker")
    process = start_broker(home)
    address = read_address(process)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EPILAKE_KAFKA_SERVERS", address)
        yield address
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0


def start_broker(home: Path) -> subprocess.Popen[str]:
    """Start `epilake kafka up` in a process of its own."""
    command = [sys.executable, "-m", "flows.cli", "kafka", "up"]
    environment = {**os.environ, "EPILAKE_HOME": str(home)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def read_address(process: subprocess.Popen[str]) -> str:
    """Return the address that a started broker prints."""
    assert process.stdout
    line = process.stdout.readline()
    assert line.startswith("Kafka"), "the broker did not start"
    return line.split()[1]


@pytest.fixture(scope="session")
def run_models(spark: "SparkSession") -> Callable[..., None]:
    """Run models of dbt, as it selects them, in the lake on which the session is: `run_models(settings, "+a", "b")`."""

    def run(settings: Settings, *select: str) -> None:
        from flows.build import invoke_dbt, refuse_faults
        from flows.lake.locks import build_turn
        from flows.lake.session import attach_lake

        attach_lake(spark, settings)
        with build_turn(spark, settings):
            refuse_faults(settings, invoke_dbt(settings, ["run", "--select", *select]))
        attach_lake(spark, settings)

    return run
