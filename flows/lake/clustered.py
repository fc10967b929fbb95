"""What delta-rs cannot write: tables that dbt clusters by day.

delta-rs reads them, but commits nothing to a table with liquid clustering. What deletes rows or joins files of such a
table goes through Spark instead, which also lays the rows of a day together when it joins files. The callers hold the
build's turn, and so a session.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flows.lake.session import open_session
from flows.lake.tables import open_table, table_path
from flows.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

FEATURE = "clustering"
_INTERVAL = "delta.checkpointInterval"
_CHECKED = "spark.databricks.delta.retentionDurationCheck.enabled"


def is_clustered(settings: Settings, name: str) -> bool:
    """Return whether a table is one that only Spark can write."""
    return FEATURE in (open_table(settings, name).protocol().writer_features or ())


def delete_keys(settings: Settings, name: str, keys: "pa.Table") -> int:
    """Delete the rows that agree with any of the keys in all of its columns; return their number."""
    matches = " and ".join(f"held.{column} = gone.{column}" for column in keys.column_names)
    gone = open_session(settings).createDataFrame(keys).distinct()
    return _run(settings, f"merge into {name} as held using {{gone}} as gone on {matches} when matched then delete",
                gone=gone)  # fmt: skip


def delete_before(settings: Settings, name: str, stamp: str, moment: datetime) -> int:
    """Delete the rows whose time in the column `stamp` lies before a moment; return their number."""
    in_utc = f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
    return _run(settings, f"delete from {name} where {stamp} < timestamp '{in_utc}'")  # noqa: S608 - names of our own


def join_files(settings: Settings, name: str) -> int:
    """Write a table's files anew as few, each day's rows together; return by how many files it became smaller."""
    metrics = open_session(settings).sql(f"optimize {name}").select("metrics").collect()[0][0]
    return int(metrics["numFilesRemoved"]) - int(metrics["numFilesAdded"])


def drop_old_files(settings: Settings, name: str) -> None:
    """Remove the data files that no version of the last seven days needs, which is what Delta keeps by itself."""
    open_session(settings).sql(f"vacuum {name}").collect()


def drop_past_files(settings: Settings, name: str) -> int:
    """Remove the data files that the present version does not need; return how many went."""
    spark, folder = open_session(settings), table_path(settings, name)
    spark.conf.set(_CHECKED, "false")
    try:
        before = len(list(folder.rglob("*.parquet")))
        spark.sql(f"vacuum {name} retain 0 hours").collect()
        return before - len(list(folder.rglob("*.parquet")))
    finally:
        spark.conf.unset(_CHECKED)


def checkpoint(settings: Settings, name: str) -> int:
    """Write the present state of a table into one file of its log; return the version that it describes."""
    spark = open_session(settings)
    spark.sql(f"alter table {name} set tblproperties ('{_INTERVAL}' = '1')")
    version = open_table(settings, name).version()
    spark.sql(f"alter table {name} unset tblproperties ('{_INTERVAL}')")
    return version


def _run(settings: Settings, statement: str, **frames: Any) -> int:
    counts = open_session(settings).sql(statement, **frames).collect()[0].asDict()
    return int(counts.get("num_affected_rows") or 0)
