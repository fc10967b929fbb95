"""The lake kept in order: what has become too old is deleted, small files are joined, every source is tested.

Each layer keeps its rows for as long as the privacy policy says, and no longer. A table that dbt writes is entered in a
build's turn only.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.build import check_sources
from flows.console import say
from flows.lake.compaction import MOST_SMALL_FILES, compact, count_small_files
from flows.lake.locks import DBT_LAYERS, build_turn
from flows.lake.purge import delete_before, list_tables, scrub
from flows.lake.session import open_session
from flows.privacy.policy import load_policy
from flows.report import publish_counts
from flows.runs import recorded
from flows.settings import Settings

REJECTS_TABLE = "raw.rejects"
KEPT_LAYERS = ("raw", "curated", "enriched", "refined", "scored")
"""Layers of which the policy says how long they are kept."""


@flow(name="maintain")
def maintain() -> dict[str, int]:
    """Delete what is older than the policy's retention and join small files; return the rows removed by table.

    Raises:
        EpilakeError: Done, but a source breaks a test: builds test only what they read anew.
    """
    settings = Settings()
    with recorded(settings, "maintain") as report:
        removed = expire_rows(settings, datetime.now(UTC))
        report.update(removed, count_files_joined=sum(join_files(settings).values()))
        report.update(count_source_tests=check_sources(settings))
    return removed


@task(cache_policy=NO_CACHE)
def expire_rows(settings: Settings, now: datetime) -> dict[str, int]:
    """Delete the rows of every table that were written, or last changed, before its layer's retention."""
    days = load_policy(settings.policy).retention_days.model_dump(exclude_none=True)
    moments = {name: now - timedelta(days=days[key]) for name, key in keep_by_table(settings).items() if key in days}
    removed = for_each_table(settings, list(moments), lambda name: expire_table(settings, name, moments[name]))
    publish_counts("retention", "Rows removed by table", [{"table": name, "rows": n} for name, n in removed.items()])
    say(f"retention: {sum(removed.values()):,} rows removed")
    return {name: rows for name, rows in removed.items() if rows}


@task(cache_policy=NO_CACHE)
def join_files(settings: Settings) -> dict[str, int]:
    """Join the small files of every table that has many; return by how many files each became smaller."""
    tables = [
        name
        for name in list_tables(settings, (*KEPT_LAYERS, "ops"))
        if count_small_files(settings, name) > MOST_SMALL_FILES
    ]
    joined = for_each_table(settings, tables, lambda name: compact(settings, name))
    publish_counts("compaction", "Files fewer by table", [{"table": name, "files": n} for name, n in joined.items()])
    say(f"compaction: {sum(joined.values()):,} files fewer in {len(joined)} tables")
    return joined


def for_each_table(settings: Settings, names: list[str], work: Callable[[str], int]) -> dict[str, int]:
    """Do something to each table and return its count by table; those that dbt writes in one turn of a build."""
    done = {name: work(name) for name in names if not _is_of_dbt(name)}
    built = [name for name in names if _is_of_dbt(name)]
    if built:
        with build_turn(open_session(settings), settings):
            done |= {name: work(name) for name in built}
    return done


def keep_by_table(settings: Settings) -> dict[str, str]:
    """Return table → the name under which the policy says how long it is kept: its layer, or `rejects`."""
    layers = {name: name.partition(".")[0] for name in list_tables(settings, KEPT_LAYERS)}
    return {name: "rejects" if name == REJECTS_TABLE else layer for name, layer in layers.items()}


def expire_table(settings: Settings, name: str, moment: datetime) -> int:
    """Delete a table's rows from before a moment, from its past too; return their number."""
    removed = delete_before(settings, name, moment)
    if removed:
        scrub(settings, name)
    return removed


def _is_of_dbt(name: str) -> bool:
    return name.startswith(tuple(f"{layer}." for layer in DBT_LAYERS))
