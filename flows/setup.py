"""What a first run would otherwise pay for: jars, the JVM's class archive, and the databases of Prefect and MLflow.

Everything here is made on demand as well, the archive excepted, which only saves time. Done once per installation, by
`make install`.
"""

import logging
import subprocess
import sys
from collections.abc import Callable

from flows.build import parse_project
from flows.errors import EpilakeError
from flows.lake.archive import make_class_archive
from flows.lake.jars import resolve_jars
from flows.prefect_server import server_environment
from flows.settings import Settings


def set_up(settings: Settings, announce: Callable[[str], None]) -> None:
    """Prepare an installation; what is there already is left alone.

    Raises:
        EpilakeError: No usable Java, or something could not be fetched or made; the message names the log.
    """
    settings.logs.mkdir(parents=True, exist_ok=True)
    announce("resolving Spark's jars")
    resolve_jars(settings)
    announce("preparing Prefect's and MLflow's databases")
    _migrate_prefect(settings)
    _migrate_mlflow(settings)
    announce("parsing the dbt project")
    parse_project(settings)
    announce("archiving Spark's classes")
    make_class_archive(settings)


def _migrate_prefect(settings: Settings) -> None:
    (settings.home / "prefect").mkdir(parents=True, exist_ok=True)
    log = settings.logs / "prefect-server.log"
    with log.open("ab") as output:
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"],
            env=server_environment(settings), stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False,
        )  # fmt: skip
    if done.returncode:
        raise EpilakeError(f"Prefect's database could not be made: see {log}.")


def _migrate_mlflow(settings: Settings) -> None:
    from ml.registry import Registry

    logging.disable(logging.INFO)  # a new database says so, table by table
    Registry(settings.tracking_uri, settings.artifact_location).connect().search_experiments(max_results=1)
    logging.disable(logging.NOTSET)
