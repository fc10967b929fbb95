"""Rows removed for good: from a table's present, from its past, and from the files of its log.

A Delta table keeps what it replaced, for time travel, and least and greatest values in its log. What a person wants
gone must leave those too, so after the deletion the old files, the old log and its checksums are removed. Versions from
before can then no longer be read, by time travel or by a reader that had begun: that is what was asked for.
"""

import re
from datetime import datetime
from typing import TYPE_CHECKING

from flows.lake import clustered
from flows.lake.locks import exclusive
from flows.lake.session import table_logs
from flows.lake.tables import open_table, spell_moment, table_path
from flows.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

LOG_RETENTION = "delta.logRetentionDuration"
DEFAULT_LOG_RETENTION = "interval 30 days"
STAMPS = (
    "ingested_at", "rejected_at", "received_at", "scored_at", "last_seen_at", "detected_at", "matched_at",
    "placed_at", "fingerprinted_at",
)  # fmt: skip
"""By what column a row's age is told: when it was written, or last changed."""


def list_tables(settings: Settings, layers: tuple[str, ...]) -> dict[str, set[str]]:
    """Return `schema.table` → names of its columns, for every table of some layers that the lake has."""
    return {
        f"{log.parent.parent.name}.{log.parent.name}": {
            field.name for field in open_table(settings, f"{log.parent.parent.name}.{log.parent.name}").schema().fields
        }
        for log in table_logs(settings)
        if log.parent.parent.name in layers
    }


def delete_keys(settings: Settings, name: str, keys: "pa.Table") -> int:
    """Delete the rows of a table that agree with any of the keys in all of its columns; return their number.

    The keys are joined, not spelt out: the log of the deletion names none of them.
    """
    if not keys.num_rows:
        return 0
    if clustered.is_clustered(settings, name):
        return clustered.delete_keys(settings, name, keys)
    condition = " and ".join(f"held.{column} = gone.{column}" for column in keys.column_names)
    with exclusive(settings, name):
        merge = open_table(settings, name).merge(keys, condition, source_alias="gone", target_alias="held")
        return int(merge.when_matched_delete().execute()["num_target_rows_deleted"])


def delete_before(settings: Settings, name: str, moment: datetime) -> int:
    """Delete the rows of a table that were written, or last changed, before a moment; return their number."""
    table = open_table(settings, name)
    columns = [field.name for field in table.schema().fields]
    stamp = next((column for column in STAMPS if column in columns), None)
    if not stamp:
        return 0
    if clustered.is_clustered(settings, name):
        return clustered.delete_before(settings, name, stamp, moment)
    with exclusive(settings, name):
        counts = table.delete(f"{stamp} < {spell_moment(moment)}")
    return int(counts.get("num_deleted_rows") or 0)


def scrub(settings: Settings, name: str) -> int:
    """Remove every file of a table that its present state does not need; return how many data files went.

    Nobody may be writing to the table: the caller holds the build's lock for what dbt writes.
    """
    if clustered.is_clustered(settings, name):
        removed = clustered.drop_past_files(settings, name)
        _remove_log_before(clustered.checkpoint(settings, name), settings, name)
        return removed
    with exclusive(settings, name):
        table = open_table(settings, name)
        files = table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False, full=True)
        table.alter.set_table_properties({LOG_RETENTION: "interval 0 seconds"})
        table.update_incremental()
        table.create_checkpoint()
        table.cleanup_metadata()
        _remove_log_before(table.version(), settings, name)
        open_table(settings, name).alter.set_table_properties({LOG_RETENTION: DEFAULT_LOG_RETENTION})
    return len(files)


def _remove_log_before(version: int, settings: Settings, name: str) -> None:
    """Remove what a table's log says of the versions before one that a checkpoint describes."""
    for file in (table_path(settings, name) / "_delta_log").glob("*"):
        found = re.match(r"\.?(\d{20})\.", file.name)
        if found and int(found[1]) < version:
            file.unlink(missing_ok=True)
