"""Files of official counts into RAW: read whole, staged as Arrow files, inserted in one commit, recorded last.

The same account as for posts (`flows.ingest`), but no policy has a say: the counts are of nobody in particular. Only
the refused records are kept as the policy keeps those of posts, for what stands in them is not known.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.admission import Admission, open_admission
from flows.batches import Batch, refuse_bad_batch
from flows.console import say
from flows.ingest import count_batches, find_new_batches, record_batches, staged, staging_folder
from flows.lake.contracts import OFFICIAL_COUNTS, REJECTS
from flows.lake.staged import insert_staged
from flows.lake.tables import arrow_schema, query
from flows.official import Reading
from flows.official.reading import read_file
from flows.privacy.protect import protect_reject
from flows.runs import current_run_id, recorded
from flows.settings import Settings
from flows.sources.files import open_decompressed


@dataclass(frozen=True)
class Vintage:
    """A file that was read and staged."""

    batch: Batch
    dataset: str
    vintage_id: str


@flow(name="ingest_counts")
def ingest_counts(paths: list[str]) -> dict[str, int]:
    """Bring files of official counts into RAW; return the counts of batches and of their records.

    A record is accepted if any count of it is new: the same file again adds nothing, one with other bytes is a vintage
    of its own.

    Args:
        paths: Files, folders, patterns or `-`; see `flows.sources.files`.

    Raises:
        EpilakeError: A file cannot be read, is of no data set that is known, or holds too many malformed records;
            nothing of any of the files was then written.
    """
    settings = Settings()
    with recorded(settings, "ingest_counts") as report, staging_folder(settings) as staging:
        batches, admission = find_new_batches(settings, paths, "official counts"), open_admission(settings)
        read = [
            read_counts(settings, admission, batch, staging / f"{at:06}" / "all") for at, batch in enumerate(batches)
        ]
        loaded = load_counts(settings, read, staging) if read else []
        stamps = {**admission.stamps, "flow_run_id": current_run_id()}
        record_batches(settings, [vintage.batch.to_row(source=vintage.dataset, **stamps) for vintage in loaded])
        counts = count_batches([vintage.batch for vintage in loaded])
        report.update(counts)
    return counts


@task(task_run_name="read {batch.file.name}", cache_policy=NO_CACHE)
def read_counts(settings: Settings, admission: Admission, batch: Batch, folder: Path) -> Vintage:
    """Read one file into Arrow files of its folder; return its counts and what it is.

    Raises:
        EpilakeError: The file cannot be read, is of no data set, or too many of its records are malformed.
    """
    with open_decompressed(batch.file) as stream:
        reading = read_file(stream, chunk_records=settings.chunk_records, now=datetime.now(UTC))
    batch = replace(batch, count_records=reading.count_records, count_rejected=len(reading.rejects))
    refuse_bad_batch(batch, Counter(reject.reason for reject in reading.rejects), settings.max_reject_share)
    stage_reading(admission, batch, reading, folder)
    unread = f", {len(reading.unread)} columns not read" if reading.unread else ""
    said = f"{batch.count_records:,} records of {reading.dataset.name}, {batch.count_rejected:,} malformed"
    say(f"read {batch.file.name}: {said}{unread}")
    return Vintage(batch, reading.dataset.name, reading.vintage_id)


def stage_reading(admission: Admission, batch: Batch, reading: Reading, folder: Path) -> None:
    """Write what a file holds as Arrow files of its folder."""
    import pyarrow as pa
    from pyarrow import feather

    origin = {"batch_id": batch.batch_id, "file_name": batch.file.name}
    rows = reading.rows
    for name, value in origin.items():
        rows = rows.append_column(name, pa.repeat(pa.scalar(value, pa.string()), rows.num_rows))
    schema = arrow_schema(OFFICIAL_COUNTS, without="vintage_at")
    kept = [protect_reject(admission.policy, reject, admission.secret) for reject in reading.rejects]
    origin |= {"source": reading.dataset.name}
    rejects = [{**origin, "is_sealed": admission.seals_rejects, **vars(reject)} for reject in kept]
    folder.mkdir(parents=True, exist_ok=True)
    for kind, table in (
        ("counts", pa.table({name: rows[name] for name in schema.names}, schema=schema)),
        ("rejects", pa.Table.from_pylist(rejects, arrow_schema(REJECTS, without="rejected_at"))),
    ):
        feather.write_feather(table, str(folder / f"{kind}.arrow"), compression="uncompressed")


@task(cache_policy=NO_CACHE)
def load_counts(settings: Settings, read: list[Vintage], staging: Path) -> list[Vintage]:
    """Insert the staged records of all files into RAW; return them with the count of records that each brought."""
    ids = ", ".join(f"'{vintage.vintage_id}'" for vintage in read)
    insert_staged(settings, REJECTS, staged(staging, "rejects"), stamp="rejected_at")
    insert_staged(
        settings,
        OFFICIAL_COUNTS,
        staged(staging, "counts"),
        stamp="vintage_at",
        where=f"vintage_id in ({ids})",
    )
    accepted = count_accepted(settings, [vintage.batch.batch_id for vintage in read])
    return [
        replace(vintage, batch=replace(vintage.batch, count_accepted=accepted.get(vintage.batch.batch_id, 0)))
        for vintage in read
    ]


def count_accepted(settings: Settings, batch_ids: list[str]) -> dict[str, int]:
    """Return batch → its records of which RAW has a row, from this run or from one that was killed."""
    wanted = ", ".join(f"'{batch_id}'" for batch_id in batch_ids)
    accepted = "select batch_id, count(distinct record_number) as accepted"
    sql = f"{accepted} from rows where batch_id in ({wanted}) group by batch_id"
    return {row["batch_id"]: row["accepted"] for row in query(settings, OFFICIAL_COUNTS.name, sql)}
