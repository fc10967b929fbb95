"""Files of posts into RAW: parsed and checked in chunks, staged as Parquet, merged once.

A batch's row in `ops.batches` is written last, so a run that was killed is simply run again: the merge adds what is
missing and the batch is then recorded with the counts that an undisturbed run would have had.
"""

import fcntl
import os
import shutil
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.batches import Batch, identify_batches, refuse_bad_batch, span_days
from flows.console import say, track
from flows.lake.contracts import BATCHES, REJECTS
from flows.lake.locks import exclusive
from flows.lake.session import open_session, start_early
from flows.lake.tables import append_rows, arrow_schema, merge_rows, query
from flows.report import publish_counts
from flows.runs import current_run_id, recorded
from flows.settings import Settings
from flows.sources import Chunk, Source
from flows.sources.files import expand_paths, open_decompressed
from flows.sources.known import find_source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@flow(name="ingest")
def ingest(paths: list[str], source: str = "twitter") -> dict[str, int]:
    """Bring files into RAW; return the counts of batches and of their records.

    Args:
        paths: Files, or folders that stand for the CSV files in them.
        source: Name of the source whose files these are.

    Raises:
        EpilakeError: A file cannot be read, is not of the source, or holds too many refused records; nothing of any of
            the files was then written.
    """
    settings = Settings()
    with recorded(settings, "ingest") as report, staging_folder(settings) as staging:
        batches = find_new_batches(settings, paths)
        if batches:
            start_early(settings)
        parsed = [parse_batch(settings, find_source(source), batch, staging) for batch in batches]
        loaded = load_batches(settings, find_source(source), parsed, staging) if parsed else []
        rows = [batch.to_row(source, current_run_id()) for batch in loaded]
        record_batches(settings, rows)
        counts = count_batches(loaded)
        report.update(counts)
    return counts


@task(cache_policy=NO_CACHE)
def find_new_batches(settings: Settings, paths: list[str]) -> list[Batch]:
    """Return a batch for each file whose bytes are in no recorded batch."""
    seen = {row["batch_id"] for row in query(settings, BATCHES.name, "select batch_id from rows")}
    return identify_batches(expand_paths(paths), seen)


@contextmanager
def staging_folder(settings: Settings) -> Iterator[Path]:
    """Lend an empty folder for the duration of a run, and remove those that killed runs left.

    The folder is held by a lock of the operating system, so that one whose run is gone is known by its being free.
    """
    folder = settings.staging / uuid.uuid4().hex
    with ExitStack() as stack:
        with exclusive(settings, "staging"):
            folder.mkdir(parents=True)
            stack.enter_context(held(folder))
            for other in settings.staging.iterdir():
                with suppress(BlockingIOError, FileNotFoundError), held(other):
                    shutil.rmtree(other)
        stack.callback(shutil.rmtree, folder)
        yield folder


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder; raises BlockingIOError if another process does."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


@task(task_run_name="parse {batch.path.name}", cache_policy=NO_CACHE)
def parse_batch(settings: Settings, source: Source, batch: Batch, staging: Path) -> Batch:
    """Parse and check one file into Parquet files of the staging folder, a chunk at a time; return its counts.

    Raises:
        EpilakeError: The file cannot be read, is not of the source, or too many of its records were refused.
    """
    reasons: Counter[str] = Counter()
    with open_decompressed(batch.path) as stream:
        chunks = source.parse(stream, chunk_records=settings.chunk_records)
        for number, chunk in enumerate(track(chunks, f"Reading {batch.path.name}", Chunk.__len__)):
            stage_chunk(source, batch, chunk, staging, number)
            reasons.update(reject.reason for reject in chunk.rejects)
            batch = batch.add_chunk(chunk)
    refuse_bad_batch(batch, reasons, settings.max_reject_share)
    say(f"read {batch.path.name}: {batch.count_records:,} records, {batch.count_rejected:,} refused")
    return batch


def stage_chunk(source: Source, batch: Batch, chunk: Chunk, staging: Path, number: int) -> None:
    """Write a chunk's rows and rejects as Parquet files below `posts/` and `rejects/` of the staging folder."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    origin = {"batch_id": batch.batch_id, "file_name": batch.path.name}
    rejects = [{"source": source.name, **origin, **vars(reject)} for reject in chunk.rejects]
    posts_schema = arrow_schema(source.contract, without="ingested_at")
    for folder, table in (
        ("posts", pa.Table.from_pandas(chunk.rows.assign(**origin), posts_schema, preserve_index=False)),
        ("rejects", pa.Table.from_pylist(rejects, arrow_schema(REJECTS, without="rejected_at"))),
    ):
        if table.num_rows:
            (staging / folder).mkdir(exist_ok=True)
            pq.write_table(table, staging / folder / f"{batch.batch_id}-{number:05}.parquet", compression="zstd")


@task(cache_policy=NO_CACHE)
def load_batches(settings: Settings, source: Source, batches: list[Batch], staging: Path) -> list[Batch]:
    """Merge the staged records of all batches into RAW; return the batches with the count of rows each brought."""
    spark = open_session(settings)
    days = span_days([batch.days for batch in batches])
    for contract, folder, stamp, span in (
        (REJECTS, staging / "rejects", "rejected_at", None),
        (source.contract, staging / "posts", "ingested_at", days),
    ):
        if folder.exists():
            rows = first_of_each(spark.read.parquet(str(folder)), contract.key)
            merge_rows(spark, settings, contract, rows, stamp=stamp, days=span)
    accepted = count_accepted(spark, source.contract.name, batches, days)
    return [replace(batch, count_accepted=accepted.get(batch.batch_id, 0)) for batch in batches]


def first_of_each(rows: "DataFrame", key: tuple[str, ...]) -> "DataFrame":
    """Keep one row per key: the one that stands first, by file and then by number."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own spelling

    place = Window.partitionBy(*key).orderBy("file_name", "batch_id", "record_number")
    return rows.withColumn("_place", F.row_number().over(place)).where("_place = 1").drop("_place")


def count_accepted(
    spark: "SparkSession", table: str, batches: list[Batch], days: tuple[date, date] | None
) -> dict[str, int]:
    """Return batch → rows of RAW that it brought, in this run or in one that was killed."""
    from pyspark.sql import functions as F  # noqa: N812

    if not days:
        return {}
    wanted = F.col("batch_id").isin([batch.batch_id for batch in batches]) & F.col("posted_date").between(*days)
    counts = spark.table(table).where(wanted).groupBy("batch_id").count().collect()
    return {row["batch_id"]: row["count"] for row in counts}


@task(cache_policy=NO_CACHE)
def record_batches(settings: Settings, rows: list[dict[str, object]]) -> None:
    """Record the batches as wholly in RAW, and show them."""
    if rows:
        append_rows(settings, BATCHES, rows, only_new=True)
    shown = ("file_name", "count_records", "count_accepted", "count_duplicates", "count_rejected")
    publish_counts("ingest", "Records by batch", [{name: row[name] for name in shown} for row in rows])


def count_batches(batches: list[Batch]) -> dict[str, int]:
    """Return the sums over all batches."""
    names = ("count_records", "count_accepted", "count_duplicates", "count_rejected")
    return {"count_batches": len(batches), **{name: sum(getattr(batch, name) for batch in batches) for name in names}}
