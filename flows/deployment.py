"""The scheduled deployment that scores posts, kept in step with the model that was promoted.

`prefect.yaml` is the one place where deployments are described: a missing one is created from there, by Prefect's own
command. One that exists keeps what its owner chose (pull step, schedule, pool) and only learns the new version.
"""

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from flows.errors import EpilakeError
from flows.settings import PROJECT_ROOT, Settings

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

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
            _create(SCORING)
            found = client.read_deployment_by_name(SCORING)
            client.update_deployment(found.id, DeploymentUpdate(job_variables=_at_home(found.job_variables, settings)))
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


def promoted_version() -> int | None:
    """Return the model version that the scoring deployment names; None without one.

    `prefect deploy` writes the deployment anew from `prefect.yaml`, which cannot know it.
    """
    from prefect import get_client
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client:
        try:
            tags = client.read_deployment_by_name(SCORING).tags or []
        except ObjectNotFound:
            return None
    return next((int(tag.removeprefix(VERSION_TAG)) for tag in tags if tag.startswith(VERSION_TAG)), None)


def bury_lost_runs() -> int:
    """Mark the runs that a stopped worker left as running, and return how many.

    Only for a server that just started: no worker of the pool can be at work yet. Such a run would hold its
    deployment's one slot for ever, because the server forgets at its end who leased it.
    """
    from prefect import get_client
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterState,
        FlowRunFilterStateType,
        WorkPoolFilter,
        WorkPoolFilterName,
    )
    from prefect.client.schemas.objects import StateType
    from prefect.states import Crashed

    unfinished = FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING, StateType.CANCELLING])
    with get_client(sync_client=True) as client:
        lost = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=unfinished)),
            work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[WORK_POOL])),
        )
        for run in lost:
            state: State[None] = Crashed(message="The worker was stopped during this run.")
            client.set_flow_run_state(run.id, state, force=True)
    return len(lost)


def _at_home(job_variables: dict[str, Any] | None, settings: Settings) -> dict[str, Any]:
    """Return job variables with which a run finds this installation, wherever its worker was started."""
    variables = job_variables or {}
    return {**variables, "env": {**variables.get("env", {}), "EPILAKE_HOME": str(settings.home)}}


def _create(name: str) -> None:
    """Create one deployment of `prefect.yaml`."""
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--name", name],
        cwd=PROJECT_ROOT,
        env={**os.environ, **_api_environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise EpilakeError(
            f"The deployment {name} could not be created: {' '.join((done.stdout + done.stderr).split())}"
        )


def _api_environment() -> dict[str, str]:
    """Return the variables with which a child process talks to the API that this process talks to."""
    from prefect.settings import PREFECT_API_KEY, PREFECT_API_URL

    found = {"PREFECT_API_URL": PREFECT_API_URL.value(), "PREFECT_API_KEY": PREFECT_API_KEY.value()}
    return {name: _plain(value) for name, value in found.items() if value}


def _plain(value: object) -> str:
    """Return a setting as text, a secret one too."""
    reveal = getattr(value, "get_secret_value", None)
    return str(reveal() if reveal else value)
