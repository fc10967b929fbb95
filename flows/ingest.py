"""Files of posts into RAW: read, checked and protected in chunks, staged as Arrow files, inserted in one commit.

A batch's row in `ops.batches` is written last, so a run that was killed is simply run again: the insertion adds what is
missing and the batch is then recorded with the counts that an undisturbed run would have had.
"""

import fcntl
import gc
import os
import shutil
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.admission import Admission, open_admission
from flows.batches import COUNTS, Batch, identify_batches, refuse_bad_batch, span_days
from flows.console import say, track
from flows.lake.contract import Contract
from flows.lake.contracts import BATCHES, DELETIONS, POSTS, REJECTS
from flows.lake.locks import exclusive
from flows.lake.staged import insert_staged
from flows.lake.tables import append_rows, arrow_schema, query
from flows.report import publish_counts
from flows.runs import current_run_id, recorded
from flows.settings import Settings
from flows.sources import Chunk, Source
from flows.sources.boundary import check_draft
from flows.sources.files import expand_paths, open_decompressed
from flows.sources.fill import fill_drafts, read_fill
from flows.sources.known import find_source

if TYPE_CHECKING:
    import pyarrow as pa


@flow(name="ingest")
def ingest(paths: list[str], source: str = "twitter", fill: list[str] | None = None) -> dict[str, int]:
    """Bring files into RAW; return the counts of batches and of their records.

    Args:
        paths: Files, folders, patterns or `-`; see `flows.sources.files`.
        source: Name of the source whose files these are.
        fill: `FIELD=VALUE` for posts that lack the field; see `flows.sources.fill`.

    Raises:
        EpilakeError: A file cannot be read, is not of the source, or holds too many malformed records; nothing of any
            of the files was then written.
    """
    settings, origin = Settings(), find_source(source)
    filled = read_fill(origin, fill or [])
    with recorded(settings, "ingest") as report, staging_folder(settings) as staging:
        batches, admission = find_new_batches(settings, paths, fill=filled), open_admission(settings)
        parsed = [
            parse_batch(settings, origin, admission, batch, staging / f"{at:06}", fill=filled)
            for at, batch in enumerate(batches)
        ]
        loaded = load_batches(settings, origin, parsed, staging) if parsed else []
        run_id = current_run_id()
        record_batches(
            settings, [batch.to_row(source=source, flow_run_id=run_id, **admission.stamps) for batch in loaded]
        )
        counts = count_batches(loaded)
        report.update(counts)
    return counts


@task(cache_policy=NO_CACHE)
def find_new_batches(
    settings: Settings, paths: list[str], what: str = "posts", fill: Mapping[str, str] | None = None
) -> list[Batch]:
    """Return a batch for each file whose bytes are in no recorded batch."""
    seen = {row["batch_id"] for row in query(settings, BATCHES.name, "select batch_id from rows")}
    return identify_batches(expand_paths(paths, what=what), seen, fill)


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


@task(task_run_name="parse {batch.file.name}", cache_policy=NO_CACHE)
def parse_batch(
    settings: Settings,
    source: Source,
    admission: Admission,
    batch: Batch,
    staging: Path,
    *,
    fill: Mapping[str, str] | None = None,
) -> Batch:
    """Read, check and protect one file into Arrow files of the staging folder, a chunk at a time; return its counts.

    Raises:
        EpilakeError: The file cannot be read, is not of the source, or too many of its records are malformed.
    """
    reasons: Counter[str] = Counter()
    now = datetime.now(UTC)
    with open_decompressed(batch.file) as stream, without_garbage_collection():
        drafts = fill_drafts(source.parse(stream, chunk_records=settings.chunk_records), fill or {})
        checked = (check_draft(source.fields, draft, now=now, key=admission.secret.record_key) for draft in drafts)
        chunks = (admission.admit(source, chunk) for chunk in checked)
        for number, chunk in enumerate(track(chunks, f"Reading {batch.file.name}", Chunk.__len__)):
            stage_chunk(source, admission, batch, chunk, staging / f"{number:06}")
            reasons.update(reject.reason for reject in chunk.rejects)
            batch = batch.add_chunk(chunk)
    refuse_bad_batch(batch, reasons, settings.max_reject_share)
    said = f"{batch.count_records:,} records, {batch.count_rejected:,} malformed"
    say(f"read {batch.file.name}: {said}, {batch.count_refused:,} refused by the policy {admission.policy.name}")
    return batch


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Keep the cyclic collector away from millions of short texts, none of them in a cycle: a fifth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def stage_chunk(source: Source, admission: Admission, batch: Batch, chunk: Chunk, folder: Path) -> None:
    """Write what a chunk holds as Arrow files of its folder, one kind of record each."""
    import pyarrow as pa
    from pyarrow import feather

    origin = {"source": source.name, "batch_id": batch.batch_id, "file_name": batch.file.name}
    is_sealed = {"is_sealed": admission.seals_rejects}
    rejects = [{**origin, **is_sealed, **vars(reject)} for reject in chunk.rejects]
    notices = [{**origin, **admission.protect_notice(source, notice)} for notice in chunk.notices]
    for kind, rows in (
        ("posts", _with_origin(chunk.rows, arrow_schema(POSTS[source.name], without="ingested_at"), origin)),
        ("rejects", pa.Table.from_pylist(rejects, arrow_schema(REJECTS, without="rejected_at"))),
        ("notices", pa.Table.from_pylist(notices, arrow_schema(DELETIONS, without="received_at"))),
    ):
        if rows.num_rows:
            folder.mkdir(parents=True, exist_ok=True)
            feather.write_feather(rows, str(folder / f"{kind}.arrow"), compression="uncompressed")


def _with_origin(rows: "pa.Table", schema: "pa.Schema", origin: dict[str, str]) -> "pa.Table":
    """Return the rows with the columns that say where they came from, in the schema's order."""
    import pyarrow as pa

    def column(name: str) -> Any:
        if name in rows.column_names:
            return rows[name]
        return pa.repeat(pa.scalar(origin[name], pa.string()), rows.num_rows)

    return pa.table({name: column(name) for name in schema.names}, schema=schema)


@task(cache_policy=NO_CACHE)
def load_batches(settings: Settings, source: Source, batches: list[Batch], staging: Path) -> list[Batch]:
    """Insert the staged records of all batches into RAW; return the batches with the count of rows each brought."""
    days = span_days([batch.days for batch in batches])
    posts = POSTS[source.name]
    insert_staged(settings, REJECTS, staged(staging, "rejects"), stamp="rejected_at")
    insert_staged(settings, DELETIONS, staged(staging, "notices"), stamp="received_at")
    insert_staged(settings, posts, staged(staging, "posts"), stamp="ingested_at", days=days)
    accepted = count_accepted(settings, posts, batches)
    return [replace(batch, count_accepted=accepted.get(batch.batch_id, 0)) for batch in batches]


def staged(staging: Path, kind: str) -> list[Path]:
    """Return the staged files of one kind of record, in the order of the batches and of their chunks."""
    return sorted(staging.glob(f"*/*/{kind}.arrow"))


def count_accepted(settings: Settings, contract: Contract, batches: list[Batch]) -> dict[str, int]:
    """Return batch → rows of RAW that it brought, in this run or in one that was killed."""
    wanted = ", ".join(f"'{batch.batch_id}'" for batch in batches)
    counts = f"select batch_id, count(*) as accepted from rows where batch_id in ({wanted}) group by batch_id"  # noqa: S608 - hexadecimal digits
    return {row["batch_id"]: row["accepted"] for row in query(settings, contract.name, counts)}


@task(cache_policy=NO_CACHE)
def record_batches(settings: Settings, rows: list[dict[str, object]]) -> None:
    """Record the batches as wholly in RAW, and show them."""
    if rows:
        append_rows(settings, BATCHES, rows, only_new=True)
    publish_counts("ingest", "Records by batch", [{name: row[name] for name in ("file_name", *COUNTS)} for row in rows])


def count_batches(batches: list[Batch]) -> dict[str, int]:
    """Return the sums over all batches."""
    return {"count_batches": len(batches), **{name: sum(getattr(batch, name) for batch in batches) for name in COUNTS}}
