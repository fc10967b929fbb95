"""A batch: one file, known by the hash of its bytes, and the exact account of its records."""

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from flows.errors import RefusedBatchError
from flows.sources import Chunk
from flows.sources.files import InputFile, open_decompressed

BLANK_RECORD = "blank record"


@dataclass(frozen=True)
class Batch:
    """One file and what became of its records; `days` spans the dates of its well-formed posts."""

    batch_id: str
    file: InputFile
    count_bytes: int
    started_at: datetime
    count_records: int = 0
    count_accepted: int = 0
    count_rejected: int = 0
    count_notices: int = 0
    count_skipped: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    days: tuple[date, date] | None = None

    @property
    def count_refused(self) -> int:
        """Well-formed records that the privacy policy does not let in."""
        return self.refused.total()

    @property
    def count_duplicates(self) -> int:
        """Well-formed records that RAW had already, or that stood twice in the file."""
        others = self.count_accepted + self.count_rejected + self.count_refused + self.count_notices
        return self.count_records - others - self.count_skipped

    def add_chunk(self, chunk: Chunk) -> "Batch":
        """Return the batch with a chunk's records counted in."""
        return replace(
            self,
            count_records=self.count_records + len(chunk),
            count_rejected=self.count_rejected + len(chunk.rejects),
            count_notices=self.count_notices + len(chunk.notices),
            count_skipped=self.count_skipped + chunk.count_skipped,
            refused=self.refused + Counter(chunk.refused),
            days=span_days([self.days, chunk.days]),
        )

    def to_row(self, *, source: str, flow_run_id: str, policy: str, secret_fingerprint: str) -> dict[str, object]:
        """Return the row of `ops.batches`."""
        return {
            "batch_id": self.batch_id,
            "source": source,
            "file_name": str(self.file),
            "count_bytes": self.count_bytes,
            **{name: getattr(self, name) for name in COUNTS},
            "refused": json.dumps(self.refused),
            "policy": policy,
            "secret_fingerprint": secret_fingerprint,
            "started_at": self.started_at,
            "completed_at": datetime.now(UTC),
            "flow_run_id": flow_run_id,
        }


COUNTS = (
    "count_records",
    "count_accepted",
    "count_duplicates",
    "count_rejected",
    "count_refused",
    "count_notices",
    "count_skipped",
)
"""The account of a batch: the first is the sum of the others."""


def identify_batches(files: Iterable[InputFile], seen: set[str], fill: Mapping[str, str] | None = None) -> list[Batch]:
    """Return a batch for each file whose bytes are not among those seen; the same bytes twice are one batch.

    Standard input can be read only once, so it is a batch of its own each time. With other fields filled the same bytes
    are another batch.
    """
    batches: dict[str, Batch] = {}
    for file in files:
        batch_id, count_bytes = _identify(file)
        if fill:
            batch_id = hashlib.sha256(json.dumps([batch_id, sorted(fill.items())]).encode()).hexdigest()[:32]
        if batch_id not in seen:
            batches.setdefault(batch_id, Batch(batch_id, file, count_bytes, datetime.now(UTC)))
    return list(batches.values())


def _identify(file: InputFile) -> tuple[str, int]:
    """Return 32 hexadecimal digits that name the file's content, and its size."""
    if file.is_standard_input:
        return uuid.uuid4().hex, 0
    if not file.member:
        with file.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()[:32], file.path.stat().st_size
    with open_decompressed(file) as member:
        digest, count = hashlib.sha256(), 0
        while content := member.read(1_000_000):
            digest.update(content)
            count += len(content)
    return digest.hexdigest()[:32], count


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
            f"{batch.file}: {bad:,} of {filled:,} records are malformed, more than the {max_share:.0%} allowed "
            f"({listed}). Nothing was written; mend the file or raise EPILAKE_MAX_REJECT_SHARE."
        )


def span_days(spans: list[tuple[date, date] | None]) -> tuple[date, date] | None:
    """Return the first and last day over all spans; None if there are none.

    >>> span_days([None, (date(2020, 1, 2), date(2020, 1, 3)), (date(2020, 1, 1), date(2020, 1, 2))])
    (datetime.date(2020, 1, 1), datetime.date(2020, 1, 3))
    """
    known = [span for span in spans if span]
    return (min(first for first, _ in known), max(last for _, last in known)) if known else None
