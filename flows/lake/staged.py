"""Arrow files staged beside the lake, put into a table without a JVM: what of them is new, in one commit (ADR 6)."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from flows.lake.contract import Contract
from flows.lake.locks import exclusive
from flows.lake.tables import arrow_schema, query_batches, table_path
from flows.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import pyarrow as pa


def insert_staged(
    settings: Settings,
    contract: Contract,
    files: list[Path],
    *,
    stamp: str,
    days: tuple[date, date] | None = None,
    where: str = "true",
) -> int:
    """Append the rows of staged Arrow files whose key the table does not have, in one commit; return their number.

    Of rows with the same key the first is taken. Memory is bounded by the keys of the staged rows and one batch of
    them: the table's own keys stream past. What the table has stays, so a second call changes nothing.

    Args:
        settings: The installation.
        contract: The table.
        files: Arrow files with every column of the contract but the stamp, in order.
        stamp: Timestamp column that says when the row was written; see `flows.lake.tables.merge_rows`.
        days: First and last `posted_date` of the rows, by which Delta skips the files of other days; None if the
            table has no such column.
        where: What else holds of the staged rows, in SQL, to the same end.
    """
    import pyarrow as pa
    from deltalake import CommitProperties, WriterProperties, write_deltalake

    if not files:
        return 0
    with exclusive(settings, contract.name):
        keys = _staged_keys(files, contract.key)
        is_new = first_occurrences(keys) & ~_held(settings, contract, keys, days, where)
        count = int(is_new.sum())
        if count:
            rows = pa.RecordBatchReader.from_batches(
                arrow_schema(contract), _new_batches(contract, files, is_new, stamp, datetime.now(UTC))
            )
            write_deltalake(
                table_path(settings, contract.name),
                rows,
                mode="append",
                writer_properties=WriterProperties(compression="ZSTD", compression_level=1),
                commit_properties=CommitProperties(custom_metadata={"rows": str(count)}),
            )
    return count


def first_occurrences(keys: "pa.Array") -> "np.ndarray":
    """Return per key whether it is the first of its kind.

    >>> import pyarrow as pa
    >>> first_occurrences(pa.array(["a", "b", "a", "c"])).tolist()
    [True, True, False, True]
    """
    import numpy as np

    places = keys.dictionary_encode().indices.to_numpy()  # numbered in the order of first appearance
    highest = np.maximum.accumulate(np.concatenate([[-1], places]))
    first: np.ndarray = places > highest[:-1]
    return first


def _staged_keys(files: list[Path], key: tuple[str, ...]) -> "pa.Array":
    from pyarrow import feather

    return _join_key([feather.read_table(str(file), columns=list(key)) for file in files], key)


def _join_key(tables: "list[pa.Table]", key: tuple[str, ...]) -> "pa.Array":
    """Return the columns of the key as one text per row."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = pa.concat_tables(tables)
    texts = [pc.cast(rows[name], pa.large_string()) for name in key]
    joined = pc.binary_join_element_wise(*texts, pa.scalar("\x1f", pa.large_string()))
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def _held(
    settings: Settings, contract: Contract, keys: "pa.Array", days: tuple[date, date] | None, where: str
) -> "np.ndarray":
    """Return per key whether the table has it."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    between = f" and posted_date between date '{days[0]}' and date '{days[1]}'" if days else ""
    sql = f"select {', '.join(contract.key)} from rows where {where}{between}"  # noqa: S608 - names and dates of our own
    held = []
    for batch in query_batches(settings, contract.name, sql):
        present = _join_key([pa.Table.from_batches([batch])], contract.key)
        held.append(present.filter(pc.is_in(present, value_set=keys)))
    if not any(map(len, held)):
        return np.zeros(len(keys), dtype=bool)
    is_held: np.ndarray = pc.is_in(keys, value_set=pa.concat_arrays(held)).to_numpy(zero_copy_only=False)
    return is_held


def _new_batches(
    contract: Contract, files: list[Path], is_new: "np.ndarray", stamp: str, now: datetime
) -> "Iterator[pa.RecordBatch]":
    """Yield the rows that are new, stamped, with the columns in the contract's order."""
    import pyarrow as pa

    schema, start = arrow_schema(contract), 0
    for file in files:
        with pa.memory_map(str(file)) as content, pa.ipc.open_file(content) as staged:
            for batch in map(staged.get_batch, range(staged.num_record_batches)):
                are_new = is_new[start : start + batch.num_rows]
                chosen = batch if are_new.all() else batch.filter(pa.array(are_new))
                start += batch.num_rows
                moment = pa.array([now] * chosen.num_rows, schema.field(stamp).type)
                columns = [moment if name == stamp else chosen[name] for name in schema.names]
                yield pa.record_batch(columns, schema=schema)
