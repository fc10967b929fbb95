"""What has become too old, deleted: each layer keeps its rows for as long as the privacy policy says, and no longer."""

from datetime import UTC, datetime, timedelta

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.console import say
from flows.lake.locks import DBT_LAYERS, build_turn
from flows.lake.purge import delete_before, list_tables, scrub
from flows.lake.session import open_session
from flows.privacy.policy import load_policy
from flows.report import publish_counts
from flows.runs import recorded
from flows.settings import Settings

REJECTS_TABLE = "raw.rejects"


@flow(name="maintain")
def maintain() -> dict[str, int]:
    """Delete what is older than the policy's retention; return the rows removed by table."""
    settings = Settings()
    with recorded(settings, "maintain") as report:
        removed = expire_rows(settings, datetime.now(UTC))
        report.update(removed)
    return removed


@task(cache_policy=NO_CACHE)
def expire_rows(settings: Settings, now: datetime) -> dict[str, int]:
    """Delete the rows of every table that were written, or last changed, before its layer's retention.

    A table that dbt writes is entered in a build's turn only.
    """
    days = load_policy(settings.policy).retention_days.model_dump(exclude_none=True)
    moments = {name: now - timedelta(days=days[key]) for name, key in keep_by_table(settings).items() if key in days}
    removed = {name: expire_table(settings, name, moment) for name, moment in moments.items() if not _is_of_dbt(name)}
    built = {name: moment for name, moment in moments.items() if _is_of_dbt(name)}
    if built:
        with build_turn(open_session(settings), settings):
            removed |= {name: expire_table(settings, name, moment) for name, moment in built.items()}
    publish_counts("retention", "Rows removed by table", [{"table": name, "rows": n} for name, n in removed.items()])
    say(f"retention: {sum(removed.values()):,} rows removed")
    return {name: rows for name, rows in removed.items() if rows}


def keep_by_table(settings: Settings) -> dict[str, str]:
    """Return table → the name under which the policy says how long it is kept: its layer, or `rejects`."""
    layers = ("raw", "curated", "enriched", "refined", "scored")
    tables = list_tables(settings, layers)
    return {name: "rejects" if name == REJECTS_TABLE else name.partition(".")[0] for name in tables}


def expire_table(settings: Settings, name: str, moment: datetime) -> int:
    """Delete a table's rows from before a moment, from its past too; return their number."""
    removed = delete_before(settings, name, moment)
    if removed:
        scrub(settings, name)
    return removed


def _is_of_dbt(name: str) -> bool:
    return name.startswith(tuple(f"{layer}." for layer in DBT_LAYERS))
