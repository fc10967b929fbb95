"""What a Python worker of Spark does with the messages of a partition: read, check, protect, stage as Arrow files."""

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from flows.admission import Admission
from flows.batches import Batch
from flows.ingest import stage_chunk, without_garbage_collection
from flows.privacy.policy import load_policy
from flows.privacy.secret import load_secret
from flows.settings import Settings
from flows.sources import Chunk
from flows.sources.boundary import check_draft
from flows.sources.files import InputFile
from flows.sources.known import SOURCES, find_source
from flows.streaming.messages import HEADER_HEADER, SOURCE_HEADER, Message, read_messages

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa


@dataclass
class Summary:
    """The account of one source's messages in one partition of a micro-batch; see `flows.batches.Batch`."""

    source: str
    topic: str
    partition: int
    batch_id: str
    started_at: str
    last_offset: int = -1
    count_bytes: int = 0
    count_records: int = 0
    count_rejected: int = 0
    count_notices: int = 0
    count_skipped: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    days: tuple[str, str] | None = None

    @property
    def file_name(self) -> str:
        """Topic and partition, as the tables name them."""
        return f"kafka:{self.topic}:{self.partition}"

    def to_json(self) -> str:
        """Return the summary as a worker hands it over."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> "Summary":
        """Return what `to_json` wrote."""
        return Summary(**json.loads(text))

    def to_batch(self) -> Batch:
        """Return the batch; what RAW had already is not known here."""
        days = tuple(map(date.fromisoformat, self.days)) if self.days else None
        return Batch(
            batch_id=self.batch_id,
            file=InputFile(Path(self.file_name)),
            count_bytes=self.count_bytes,
            started_at=datetime.fromisoformat(self.started_at),
            count_records=self.count_records,
            count_rejected=self.count_rejected,
            count_notices=self.count_notices,
            count_skipped=self.count_skipped,
            refused=Counter(self.refused),
            days=(days[0], days[1]) if days else None,
        )

    def add(self, batch: Batch, chunk: Chunk) -> Batch:
        """Count a chunk in."""
        counted = batch.add_chunk(chunk)
        self.count_records, self.count_rejected = counted.count_records, counted.count_rejected
        self.count_notices, self.count_skipped = counted.count_notices, counted.count_skipped
        self.refused = dict(counted.refused)
        self.days = (counted.days[0].isoformat(), counted.days[1].isoformat()) if counted.days else None
        return counted


@dataclass(frozen=True)
class Errand:
    """What the workers are sent for in one micro-batch.

    Attributes:
        settings: The installation, without its secrets: they would travel with the plan.
        source: Source of the messages that name none.
        topic: The topic.
        identity: Names the micro-batch: the same messages have the same when they come again.
        folder: Where to stage.
        shut_out: Pseudonyms of whom was erased and must not come back.
        is_scored: Whether to find out what a prediction rests on.
    """

    settings: Settings
    source: str
    topic: str
    identity: str
    folder: Path
    shut_out: frozenset[str]
    is_scored: bool

    def run(self, batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
        """Stage the messages of one task, and yield one summary per source and partition."""
        import pyarrow as pa

        summaries: dict[tuple[str, int], Summary] = {}
        with without_garbage_collection():
            for batch in batches:
                for partition, messages in _by_partition(batch).items():
                    self._stage(partition, messages, summaries)
        texts = [summary.to_json() for summary in summaries.values()]
        yield pa.record_batch({"summary": pa.array(texts, pa.string())})

    def _stage(self, partition: int, messages: list[Message], summaries: dict[tuple[str, int], Summary]) -> None:
        admission = Admission(load_policy(self.settings.policy), load_secret(self.settings), self.shut_out)
        now, drafts = datetime.now(UTC), read_messages(messages, find_source(self.source))
        sizes: Counter[str] = Counter()
        for message in messages:
            sizes[message.source if message.source in SOURCES else self.source] += len(message.value)
        for name, draft in drafts.items():
            source, key = SOURCES[name], (name, partition)
            summary = summaries.setdefault(key, self._summary(name, partition, now))
            batch = summary.to_batch()
            checked = check_draft(source.fields, draft, now=now, key=admission.secret.record_key)
            chunk = admission.admit(source, checked)
            place = self.folder / name / f"{partition:06}-{messages[0].offset:020}"
            stage_chunk(source, admission, batch, chunk, place)
            if self.is_scored:
                _stage_facts(name, chunk, place)
            summary.add(batch, chunk)
            summary.count_bytes += sizes[name]
            summary.last_offset = max(summary.last_offset, messages[-1].offset)

    def _summary(self, source: str, partition: int, now: datetime) -> Summary:
        named = f"{self.identity}/{partition}/{source}".encode()
        return Summary(source, self.topic, partition, hashlib.sha256(named).hexdigest()[:32], now.isoformat())


def _stage_facts(source: str, chunk: Chunk, place: Path) -> None:
    from pyarrow import feather

    from flows.streaming.facts import find_facts

    facts = find_facts(source, chunk.rows)
    if facts is not None:
        feather.write_feather(facts, str(place / "facts.arrow"), compression="uncompressed")


def staged(folder: Path, kind: str) -> list[Path]:
    """Return the staged files of one kind of record, in the order of sources, partitions and offsets."""
    return sorted(folder.glob(f"**/{kind}.arrow"))


def without_secrets(settings: Settings) -> Settings:
    """Return the settings with every secret blank."""
    secrets = {name: SecretStr("") for name, held in settings if isinstance(held, SecretStr)}
    return settings.model_copy(update=secrets)


def _by_partition(batch: "pa.RecordBatch") -> dict[int, list[Message]]:
    """Return partition → messages, in order."""
    found: dict[int, list[Message]] = {}
    columns = [batch[name].to_pylist() for name in ("partition", "offset", "value", "headers")]
    for partition, offset, value, headers in zip(*columns, strict=True):
        told = {header["key"]: header["value"] or b"" for header in headers or ()}
        source = told.get(SOURCE_HEADER, b"").decode("utf-8", "backslashreplace")
        message = Message(offset, value or b"", source, told.get(HEADER_HEADER, b""))
        found.setdefault(partition, []).append(message)
    return found
