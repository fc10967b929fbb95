"""A batch: one file, known by the hash of its bytes, and the exact account of its records."""

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

from flows.errors import RefusedBatchError
from flows.sources import Chunk

BLANK_RECORD = "blank record"


@dataclass(frozen=True)
class Batch:
    """One file and what became of its records; `days` spans the dates of its well-formed posts."""

    batch_id: str
    path: Path
    count_bytes: int
    started_at: datetime
    count_records: int = 0
    count_accepted: int = 0
    count_rejected: int = 0
    days: tuple[date, date] | None = None

    @property
    def count_duplicates(self) -> int:
        """Well-formed records that RAW had already, or that stood twice in the file."""
        return self.count_records - self.count_accepted - self.count_rejected

    def add_chunk(self, chunk: Chunk) -> "Batch":
        """Return the batch with a chunk's records counted in."""
        return replace(
            self,
            count_records=self.count_records + len(chunk),
            count_rejected=self.count_rejected + len(chunk.rejects),
            days=span_days([self.days, chunk.days]),
        )

    def to_row(self, source: str, flow_run_id: str) -> dict[str, object]:
        """Return the row of `ops.batches`."""
        return {
            "batch_id": self.batch_id,
            "source": source,
            "file_name": str(self.path),
            "count_bytes": self.count_bytes,
            "count_records": self.count_records,
            "count_accepted": self.count_accepted,
            "count_duplicates": self.count_duplicates,
            "count_rejected": self.count_rejected,
            "started_at": self.started_at,
            "completed_at": datetime.now(UTC),
            "flow_run_id": flow_run_id,
        }


def identify_batches(files: list[Path], seen: set[str]) -> list[Batch]:
    """Return a batch for each file whose bytes are not among those seen; the same bytes twice are one batch."""
    batches: dict[str, Batch] = {}
    for file in files:
        with file.open("rb") as stream:
            batch_id = hashlib.file_digest(stream, "sha256").hexdigest()[:32]
        if batch_id not in seen:
            batches.setdefault(batch_id, Batch(batch_id, file, file.stat().st_size, datetime.now(UTC)))
    return list(batches.values())


def refuse_bad_batch(batch: Batch, reasons: Counter[str], max_share: float) -> None:
    """Refuse a batch of which too much is malformed; blank records say nothing about the others.

    Raises:
        RefusedBatchError: Names the share and the reasons.
    """
    blank = reasons[BLANK_RECORD]
    filled, bad = batch.count_records - blank, batch.count_rejected - blank
    if filled and bad / filled > max_share:
        listed = ", ".join(f"{count:,} × {reason}" for reason, count in reasons.most_common(5))
        raise RefusedBatchError(
            f"{batch.path}: {bad:,} of {filled:,} records are malformed, more than the {max_share:.0%} allowed "
            f"({listed}). Nothing was written; mend the file or raise EPILAKE_MAX_REJECT_SHARE."
        )


def span_days(spans: list[tuple[date, date] | None]) -> tuple[date, date] | None:
    """Return the first and last day over all spans; None if there are none.

    >>> span_days([None, (date(2020, 1, 2), date(2020, 1, 3)), (date(2020, 1, 1), date(2020, 1, 2))])
    (datetime.date(2020, 1, 1), datetime.date(2020, 1, 3))
    """
    known = [span for span in spans if span]
    return (min(first for first, _ in known), max(last for _, last in known)) if known else None
