"""The scheduled deployment that scores posts, kept in step with the model that was promoted.

`prefect.yaml` is the one place where deployments are described: a missing one is created from there, by Prefect's own
command. One that exists keeps what its owner chose (pull step, schedule, pool) and only learns the new version.
"""

import os
import subprocess
import sys

from flows.errors import EpilakeError
from flows.settings import PROJECT_ROOT, Settings

WORK_POOL = "epilake"
SCORING = "score/hourly"
VERSION_TAG = "model-version:"


def deploy_scoring(version: int, settings: Settings) -> str:
    """Create or update the hourly scoring deployment for a promoted model version and return its name.

    Idempotent. Call it only where the Prefect API is known: a temporary server runs no deployment.

    Raises:
        EpilakeError: The deployment does not exist and Prefect could not create it; the message is Prefect's own.
    """
    from prefect import get_client
    from prefect.client.schemas.actions import DeploymentUpdate
    from prefect.exceptions import ObjectNotFound

    ensure_work_pool()
    with get_client(sync_client=True) as client:
        try:
            found = client.read_deployment_by_name(SCORING)
        except ObjectNotFound:
            _create(SCORING, settings)
            found = client.read_deployment_by_name(SCORING)
        tags = [tag for tag in found.tags or [] if not tag.startswith(VERSION_TAG)]
        update = DeploymentUpdate(
            version=str(version),
            description=f"Score the posts that model version {version}, alias production, has not scored yet.",
            tags=[*tags, f"{VERSION_TAG}{version}"],
            parameters={**(found.parameters or {}), "alias": "production"},
        )
        client.update_deployment(found.id, update)
    return SCORING


def ensure_work_pool() -> None:
    """Create the work pool that the deployments name, of type process, unless it is there.

    `prefect deploy` refuses a deployment whose pool does not exist.
    """
    from prefect import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
    from prefect.workers.process import ProcessWorker

    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(WORK_POOL)
        except ObjectNotFound:
            template = ProcessWorker.get_default_base_job_template()
            try:
                client.create_work_pool(WorkPoolCreate(name=WORK_POOL, type="process", base_job_template=template))
            except ObjectAlreadyExists:
                return


def _create(name: str, settings: Settings) -> None:
    """Create one deployment of `prefect.yaml`; its runs find this installation wherever their worker started."""
    import json

    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--name", name]
    variables = json.dumps({"env": {"EPILAKE_HOME": str(settings.home)}})
    done = subprocess.run(
        [*command, "--job-variable", variables],
        cwd=PROJECT_ROOT,
        env={**os.environ, **prefect_environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise EpilakeError(
            f"The deployment {name} could not be created: {' '.join((done.stdout + done.stderr).split())}"
        )


def prefect_environment() -> dict[str, str]:
    """Return the variables with which a child process talks to the API that this process talks to."""
    from prefect.settings import PREFECT_API_KEY, PREFECT_API_URL

    found = {"PREFECT_API_URL": PREFECT_API_URL.value(), "PREFECT_API_KEY": PREFECT_API_KEY.value()}
    return {name: _plain(value) for name, value in found.items() if value}


def _plain(value: object) -> str:
    """Return a setting as text, a secret one too."""
    reveal = getattr(value, "get_secret_value", None)
    return str(reveal() if reveal else value)
