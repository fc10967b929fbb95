"""dbt on our own session: CURATED and REFINED, each with its data tests.

dbt-spark's session method takes the session of this process (ADR 1), and only one dbt invocation at a time can run in a
process; between processes the lock of `dbt_project/macros/build_lock.sql` lets one build at a time into a lake.
"""

import os
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.build_inputs import (
    DBT_PROJECT,
    count_models,
    find_idle_sources,
    find_unchanged,
    is_parsed,
    read_versions,
    record_inputs,
)
from flows.console import say, spinner
from flows.errors import EpilakeError
from flows.lake.contracts import DBT_RESULTS
from flows.lake.locks import build_turn
from flows.lake.session import attach_lake, open_session, restore_ansi
from flows.lake.tables import append_rows
from flows.orchestrator import is_api_known
from flows.report import publish_counts
from flows.runs import current_run_id, recorded
from flows.settings import Settings

if TYPE_CHECKING:
    from dbt.artifacts.schemas.run import RunResult


@flow(name="build")
def build(select: str = "", *, retry: bool = False) -> dict[str, int]:
    """Build dbt's models and run their data tests; return the counts of nodes by status.

    Args:
        select: dbt's selection, such as `tag:curated`; empty: everything.
        retry: Instead of a selection: what failed or was skipped in the last build.

    Raises:
        EpilakeError: A model or a data test failed; the message names it.
    """
    settings = Settings()
    with recorded(settings, "build") as report:
        counts = run_dbt(settings, select, retry=retry)
        report.update(select=select, retry=retry, **counts)
    return counts


@task(task_run_name="dbt build {select}", cache_policy=NO_CACHE)
def run_dbt(settings: Settings, select: str, *, retry: bool = False) -> dict[str, int]:
    """Run `dbt build` through prefect-dbt on this process's session; unit tests are for developers, not for the data.

    Raises:
        EpilakeError: A node failed; what came of every node stands in `ops.dbt_results` all the same.
    """
    spark = open_session(settings)
    title = "dbt retry" if retry else f"dbt build {select}"
    try:
        with spinner(title), build_turn(spark, settings):
            if not is_parsed(settings):
                parse_project(settings)  # what reads what is in its manifest
            before = read_versions(settings)
            unchanged = [] if retry else find_unchanged(settings, before)
            if unchanged and len(unchanged) == count_models(settings):
                say(f"{title}: nothing new to read")
                return {}
            idle = find_idle_sources(settings, before, unchanged)
            results = invoke_dbt(settings, ["retry"] if retry else spell_build(select, unchanged, idle))
            rows = record_results(settings, results)
            if not list_faults(results):
                built = [result.node.unique_id for result in results if result.status == "success"]
                record_inputs(settings, built, before, read_versions(settings))
    finally:
        restore_ansi(spark)
        attach_lake(spark, settings)
    publish_counts("dbt", title, rows)
    refuse_faults(settings, results)
    counts = Counter(str(result.status) for result in results)
    say(f"{title}: {', '.join(f'{count} {status}' for status, count in sorted(counts.items()))}")
    return dict(counts)


@task(task_run_name="dbt test source:*", cache_policy=NO_CACHE)
def check_sources(settings: Settings) -> int:
    """Run the data tests of every source, those too that builds leave out; return their number.

    Raises:
        EpilakeError: A test failed.
    """
    spark = open_session(settings)
    try:
        with spinner("dbt test of every source"), build_turn(spark, settings):
            results = invoke_dbt(settings, ["test", "--select", "source:*", "--indirect-selection", "cautious"])
    finally:
        restore_ansi(spark)
    refuse_faults(settings, results)
    say(f"dbt test of every source: {len(results)} pass")
    return len(results)


def spell_build(select: str, unchanged: list[str], idle: list[str]) -> list[str]:
    """Return the arguments of a build of what is selected, and of the tests of the sources that it reads.

    Args:
        select: dbt's selection; empty: everything. A part with an operator of its own is left as it stands.
        unchanged: The ids of models that have nothing new to read.
        idle: Sources, as dbt selects them, whose tests would find nothing new.
    """
    arguments = ["build", "--exclude-resource-type", "unit_test", "--indirect-selection", "buildable"]
    parts = select.split()
    sources = [f"1+{part},source:*" for part in parts if not set(part) & set("+@,")]
    arguments += ["--select", *parts, *sources] if parts else []
    left_out = [*(node.split(".")[-1] for node in unchanged), *idle]
    return arguments + (["--exclude", *left_out] if left_out else [])


def record_results(settings: Settings, results: list["RunResult"]) -> list[dict[str, Any]]:
    """Keep what came of each node in `ops.dbt_results`; return its rows."""
    from dbt_common.invocation import get_invocation_id

    origin = {"invocation_id": get_invocation_id(), "completed_at": datetime.now(UTC), "flow_run_id": current_run_id()}
    rows = [{**origin, **describe_result(result)} for result in results]
    append_rows(settings, DBT_RESULTS, rows)
    return rows


def list_faults(results: list["RunResult"]) -> list[str]:
    """Return a sentence for each node that failed."""
    return [f"{result.node.name}: {result.message}" for result in results if result.status in ("error", "fail")]


def refuse_faults(settings: Settings, results: list["RunResult"]) -> None:
    """Raise EpilakeError if any node failed, with the name of each."""
    if failed := list_faults(results):
        log = settings.logs / "dbt.log"
        raise EpilakeError(
            f"dbt found {len(failed)} faults: {'; '.join(failed)}. See {log}; once they are mended, "
            f"`epilake build --retry` goes on from there."
        )


def invoke_dbt(settings: Settings, arguments: list[str]) -> list["RunResult"]:
    """Invoke dbt and return the results of its nodes, and of a hook that failed; its own output goes to a log.

    Raises:
        EpilakeError: dbt could not run at all.
    """
    from prefect_dbt import PrefectDbtRunner, PrefectDbtSettings

    os.environ["EPILAKE_HOME"] = str(settings.home)  # profiles.yml and dbt_project.yml read it
    paths = PrefectDbtSettings(project_dir=DBT_PROJECT, profiles_dir=DBT_PROJECT, target_path=settings.home / "dbt")
    runner = PrefectDbtRunner(
        settings=paths,
        raise_on_failure=False,
        disable_assets=True,
        # a task run per node costs a tenth of a build, and on a temporary server nobody can look at it
        _disable_callbacks=not is_api_known(),
    )
    done = runner.invoke([*arguments, "--log-path", str(settings.logs)])
    if done.exception:
        raise EpilakeError(f"dbt could not run: {done.exception}. See {settings.logs / 'dbt.log'}.")
    return [result for result in done.result if result.node.resource_type != "operation" or result.status == "error"]


def parse_project(settings: Settings) -> None:
    """Parse the dbt project into `<home>/dbt`, so that a build only parses what has changed since."""
    from dbt.cli.main import dbtRunner

    os.environ["EPILAKE_HOME"] = str(settings.home)
    folders = {"--project-dir": DBT_PROJECT, "--profiles-dir": DBT_PROJECT, "--target-path": settings.home / "dbt"}
    arguments = [str(part) for pair in folders.items() for part in pair]
    done = dbtRunner().invoke(["parse", *arguments, "--log-path", str(settings.logs), "--quiet"])
    if not done.success:
        raise EpilakeError(f"The dbt project cannot be parsed: {done.exception}.")


def describe_result(result: "RunResult") -> dict[str, Any]:
    """Return what there is to know of a node."""
    return {
        "node_id": result.node.unique_id,
        "node_name": result.node.name,
        "resource_type": str(result.node.resource_type),
        "status": str(result.status),
        "execution_seconds": round(result.execution_time, 2),
        "count_failures": result.failures,
        "message": result.message,
    }
