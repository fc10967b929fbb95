"""Tables of the lake as Python makes, writes and reads them: a write checks the contract and can be repeated.

RAW and our own bookkeeping are written by delta-rs, which needs no JVM (ADR 6; RAW from `staged` files); what Spark has
computed, Spark merges. On a local lake one writer at a time enters a table (a file lock that the kernel drops when its
holder dies); on object storage or a cluster Delta's own optimistic concurrency stands alone.
"""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from flows.errors import EpilakeError
from flows.lake.contract import Contract
from flows.lake.contracts import CONTRACTS
from flows.lake.enriched import PLACES
from flows.lake.locks import exclusive
from flows.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
                    path,
                    _described_schema(contract),
                    mode="ignore",
                    name=contract.name,
                    description=contract.grain,
                    configuration=_table_properties(contract),
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


def append_rows_of(
    settings: Settings, contract: Contract, find_rows: "Callable[[], DataFrame]", *, stamp: str, application: str
) -> int:
    """Append, by Spark, what a question to the lake finds that the table does not have yet; return the number of rows.

    Where a merge keeps what it computes until it knows what to insert, this writes as it goes.
    What may be written is asked while the table is held; where no lock holds it (a cluster, object storage), two
    writers of one application meet at Delta's transaction id, and the second fails and writes nothing.

    Args:
        settings: The installation.
        contract: The table.
        find_rows: Gives at most one row per key, none that the table has; every column of the contract but the stamp.
        stamp: Timestamp column that says when the row was written; see `merge_rows`.
        application: Who writes, as Delta's `txnAppId`: the same for all who might write the same keys.

    Raises:
        EpilakeError: Another writer was first; what is missing can be asked anew.
    """
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own spelling

    with exclusive(settings, contract.name):
        before = open_table(settings, contract.name).version()
        rows = find_rows().withColumn(stamp, F.lit(datetime.now(UTC))).select(*contract.column_names)
        contract.check(dict(rows.dtypes))
        token = uuid4().hex
        identity = {"txnAppId": application, "txnVersion": str(before + 1), "userMetadata": token}
        try:
            rows.write.format("delta").mode("append").options(**identity).save(str(table_path(settings, contract.name)))
        except Exception as error:
            if "Concurrent" not in type(error).__name__:
                raise
            raise EpilakeError(f"Another process wrote to {contract.name} meanwhile: run again.") from error
        commits = open_table(settings, contract.name).history()
    for commit in commits:
        if commit.get("userMetadata") == token:
            return int(commit["operationMetrics"]["numOutputRows"])
        if commit["version"] <= before:
            break
    raise EpilakeError(f"Another process wrote to {contract.name} first, and nothing was added: run again.")


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


def spell_moment(moment: datetime) -> str:
    """Return a moment as delta-rs's SQL spells it.

    >>> print(spell_moment(datetime(2026, 1, 1, tzinfo=UTC)))
    arrow_cast('2026-01-01T00:00:00.000000', 'Timestamp(Microsecond, Some("UTC"))')
    """
    in_utc = f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"
    return f"arrow_cast('{in_utc}', 'Timestamp(Microsecond, Some(\"UTC\"))')"


def _table_properties(contract: Contract) -> dict[str, str | None] | None:
    """Return the table's properties: which columns' least and greatest values the log may hold."""
    return {"delta.dataSkippingStatsColumns": ",".join(contract.statistics)} if contract.statistics else None


def open_table(settings: Settings, name: str) -> "DeltaTable":
    """Return a table for reading without Spark."""
    from deltalake import DeltaTable

    return DeltaTable(table_path(settings, name))


def query(settings: Settings, name: str, sql: str) -> list[dict[str, Any]]:
    """Answer a question about one table without Spark; the query calls the table `rows`.

    delta-rs answers it itself. Its bridge to a pyarrow dataset is avoided: threads of that one outlive the interpreter
    and abort the process every few times.
    """
    return [row for batch in query_batches(settings, name, sql) for row in batch.to_pylist()]


def query_batches(settings: Settings, name: str, sql: str) -> "Iterator[pa.RecordBatch]":
    """Answer a question about one table batch by batch: for answers that grow with the posts; see `query`."""
    import pyarrow as pa
    from deltalake import QueryBuilder

    for batch in QueryBuilder().register("rows", open_table(settings, name)).execute(sql):
        yield pa.record_batch(batch)


def _merge(
    spark: "SparkSession", contract: Contract, rows: "DataFrame", days: tuple[date, date] | None
) -> "DeltaMergeBuilder":
    from delta.tables import DeltaTable

    condition = " and ".join(f"held.{name} = new.{name}" for name in contract.key)
    if days:
        condition += " and held.posted_date = new.posted_date"
        condition += f" and held.posted_date between date'{days[0]}' and date'{days[1]}'"
    return DeltaTable.forName(spark, contract.name).alias("held").merge(rows.alias("new"), condition)


def _described_schema(contract: Contract) -> "pa.Schema":
    """Return the schema with each column's meaning, as a table is created; what is written later does not repeat it.

    So a meaning may be put in better words without refusing to write to the tables that were there before.
    """
    import pyarrow as pa

    meanings = {column.name: {"comment": column.meaning} for column in contract.columns}
    return pa.schema([field.with_metadata(meanings[field.name]) for field in arrow_schema(contract)])


def arrow_schema(contract: Contract, *, without: str = "") -> "pa.Schema":
    """Return the Arrow schema of a table, nullability included, but for one column."""
    import pyarrow as pa

    of_place = ("place_id", "level", "country_id", "region_id")
    types = {
        "string": pa.string(),
        "bigint": pa.int64(),
        "int": pa.int32(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
        "binary": pa.binary(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "array<string>": pa.list_(pa.string()),
        "array<bigint>": pa.list_(pa.int64()),
        PLACES: pa.list_(pa.struct([*((name, pa.string()) for name in of_place), ("probability", pa.float64())])),
    }
    return pa.schema(
        [
            pa.field(column.name, types[column.type], nullable=column.nullable)
            for column in contract.columns
            if column.name != without
        ]
    )
