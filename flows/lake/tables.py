"""The only writes to the lake by Python: every one checks the contract and can be repeated without effect.

Small tables of our own bookkeeping are written by delta-rs, which needs no JVM; everything that grows with the posts
is written by Spark. On a local lake one writer at a time enters a table (a file lock that the kernel drops when its
holder dies); on object storage or a cluster Delta's own optimistic concurrency stands alone.
"""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.lake.contracts import CONTRACTS, Contract
from flows.lake.locks import exclusive
from flows.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa
    from delta.tables import DeltaMergeBuilder
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame, SparkSession


def table_path(settings: Settings, name: str) -> Path:
    """Return the folder of `schema.table`."""
    return settings.lake.joinpath(*name.split("."))


def create_missing_tables(settings: Settings) -> None:
    """Create each table of `CONTRACTS` that the lake does not have yet, empty, so that no reader finds a gap."""
    from deltalake import DeltaTable

    for contract in CONTRACTS.values():
        path = table_path(settings, contract.name)
        if not any((path / "_delta_log").glob("*.json")):
            with exclusive(settings, contract.name):
                DeltaTable.create(
                    path, arrow_schema(contract), mode="ignore", name=contract.name, description=contract.grain
                )


def merge_rows(
    spark: "SparkSession",
    settings: Settings,
    contract: Contract,
    rows: "DataFrame",
    *,
    stamp: str,
    days: tuple[date, date] | None,
    replace: bool = False,
) -> None:
    """Insert the rows whose key the table does not have; what it has stays, unless `replace`.

    Args:
        spark: The session.
        settings: The installation.
        contract: The table.
        rows: At most one row per key; every column of the contract but the stamp.
        stamp: Timestamp column that says when the row was written. The clock is read while the table is held, so
            rows written later never carry an earlier time and a reader may remember how far it has read.
        days: First and last `posted_date` of the rows, by which Delta skips the files of other days; None if the
            table has no such column.
        replace: Replace the row of a key that the table has.
    """
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own spelling

    with exclusive(settings, contract.name):
        stamped = rows.withColumn(stamp, F.lit(datetime.now(UTC))).select(*contract.column_names)
        contract.check(dict(stamped.dtypes))
        merge = _merge(spark, contract, stamped, days)
        if replace:
            merge = merge.whenMatchedUpdateAll()
        merge.whenNotMatchedInsertAll().execute()


def append_rows(settings: Settings, contract: Contract, rows: list[dict[str, Any]], *, only_new: bool = False) -> None:
    """Append a few rows of bookkeeping without Spark; values are of the contract's types.

    With `only_new`, a row whose key the table has already is left out: another process was first.
    """
    import pyarrow as pa
    from deltalake import write_deltalake

    with exclusive(settings, contract.name):
        if only_new:
            key = ", ".join(contract.key)
            held = {tuple(row.values()) for row in query(settings, contract.name, f"select {key} from rows")}  # noqa: S608 - names of our own
            rows = [row for row in rows if tuple(row[name] for name in contract.key) not in held]
        if rows:
            table = pa.Table.from_pylist(rows, schema=arrow_schema(contract))
            write_deltalake(table_path(settings, contract.name), table, mode="append")


def open_table(settings: Settings, name: str) -> "DeltaTable":
    """Return a table for reading without Spark."""
    from deltalake import DeltaTable

    return DeltaTable(table_path(settings, name))


def query(settings: Settings, name: str, sql: str) -> list[dict[str, Any]]:
    """Answer a question about one table without Spark; the query calls the table `rows`.

    delta-rs answers it itself. Its bridge to a pyarrow dataset is avoided: threads of that one outlive the interpreter
    and abort the process every few times.
    """
    import pyarrow as pa
    from deltalake import QueryBuilder

    found = QueryBuilder().register("rows", open_table(settings, name)).execute(sql)
    answers: list[dict[str, Any]] = pa.table(found.read_all()).to_pylist()
    return answers


def _merge(
    spark: "SparkSession", contract: Contract, rows: "DataFrame", days: tuple[date, date] | None
) -> "DeltaMergeBuilder":
    from delta.tables import DeltaTable

    condition = " and ".join(f"held.{name} = new.{name}" for name in contract.key)
    if days:
        condition += " and held.posted_date = new.posted_date"
        condition += f" and held.posted_date between date'{days[0]}' and date'{days[1]}'"
    return DeltaTable.forName(spark, contract.name).alias("held").merge(rows.alias("new"), condition)


def arrow_schema(contract: Contract, *, without: str = "") -> "pa.Schema":
    """Return the Arrow schema of a table, nullability and comments included, but for one column."""
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "bigint": pa.int64(),
        "int": pa.int32(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
        "binary": pa.binary(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", tz="UTC"),
    }
    return pa.schema(
        [
            pa.field(column.name, types[column.type], nullable=column.nullable, metadata={"comment": column.meaning})
            for column in contract.columns
            if column.name != without
        ]
    )
