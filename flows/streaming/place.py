"""How far a topic was read, and whether what comes next is still there.

The lake says how far (`ops.cursors`); Spark's checkpoint is derived from it and may be lost. A topic that was made anew
under the same name is another topic.
"""

import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.errors import EpilakeError
from flows.lake.contracts import CURSORS
from flows.lake.locks import alone
from flows.lake.tables import query
from flows.settings import Settings
from flows.streaming.client import ANSWER_SECONDS, identify_topic, open_admin
from flows.streaming.worker import Summary

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

EARLIEST = -2
"""How Spark spells the first offset that there is."""


@dataclass(frozen=True)
class Place:
    """Where a stream goes on.

    Attributes:
        topic: The topic.
        topic_id: Kafka's own id of it.
        source: Name of the source of messages that name none.
        checkpoint: Spark's notes; the folder's name is the stream's own.
        starting_offsets: Where to begin without such notes, as Spark spells it.
    """

    topic: str
    topic_id: str
    source: str
    checkpoint: Path
    starting_offsets: str

    @property
    def stream_id(self) -> str:
        """The name of the stream: a new one where the checkpoint is new."""
        return self.checkpoint.name

    def cursors(self, summaries: list[Summary]) -> list[dict[str, object]]:
        """Return the rows of `ops.cursors` after a micro-batch."""
        last: dict[int, Summary] = {}
        for summary in summaries:
            if summary.partition not in last or summary.last_offset > last[summary.partition].last_offset:
                last[summary.partition] = summary
        return [
            {
                "source": self.source,
                "request": summary.file_name,
                "cursor": f"{self.topic_id}/{summary.last_offset + 1}",
                "batch_id": summary.batch_id,
                "recorded_at": datetime.now(UTC),
            }
            for summary in last.values()
        ]


@contextmanager
def only_one(settings: Settings, topic: str) -> Iterator[None]:
    """Hold the right to be the one stream of a topic.

    Raises:
        EpilakeError: Another process reads it into this lake.
    """
    told = f"Another stream reads {topic!r} into {settings.lake}: stop it first."
    with alone(settings.locks / f"stream-{topic}.lock", lambda: told):
        yield


def find_place(settings: Settings, topic: str, source: str, *, accept_loss: bool) -> Place:
    """Return where to go on.

    Args:
        settings: The installation.
        topic: The topic.
        source: Name of the source of messages that name none.
        accept_loss: Go on where messages are gone that were never read, with a new checkpoint.

    Raises:
        EpilakeError: Kafka or the topic is not there, or messages are gone that were never read.
    """
    admin = open_admin(settings)
    topic_id = identify_topic(admin, topic)
    spans = list_offsets(admin, topic)
    read = read_places(settings, topic)
    known = {partition: offset for partition, (held, offset) in read.items() if held == topic_id}
    if not accept_loss:
        if read and not known:
            raise EpilakeError(
                f"The topic {topic!r} was deleted and made anew since it was read last, and what was not read of the "
                f"earlier one is lost: run with --accept-loss to read the new one."
            )
        refuse_loss(topic, spans, known)
    folder = settings.checkpoints / topic
    if accept_loss and folder.exists():
        shutil.rmtree(folder)
    present = sorted(folder.glob("*"))
    checkpoint = present[0] if present else folder / uuid.uuid4().hex[:12]
    starts = {str(number): _start(known.get(number), first) for number, (first, _) in spans.items()}
    return Place(topic, topic_id, source, checkpoint, json.dumps({topic: starts}))


def _start(known: int | None, first: int) -> int:
    return EARLIEST if known is None else max(known, first)


def read_places(settings: Settings, topic: str) -> dict[int, tuple[str, int]]:
    """Return partition → id of the topic and next offset, after the last micro-batch that is wholly in the lake."""
    if not (settings.lake / "ops" / "cursors").exists():
        return {}
    last = "last_value(cursor order by recorded_at) as cursor"
    sql = f"select request, {last} from rows where request like 'kafka:{topic}:%' group by request"  # noqa: S608 - Kafka allows letters, digits, dots and dashes
    found = {}
    for row in query(settings, CURSORS.name, sql):
        topic_id, _, offset = row["cursor"].rpartition("/")
        found[int(row["request"].rpartition(":")[2])] = (topic_id, int(offset))
    return found


def list_offsets(admin: "AdminClient", topic: str) -> dict[int, tuple[int, int]]:
    """Return partition → first offset that there is, and the one that the next message gets."""
    from confluent_kafka import TopicPartition
    from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

    partitions = admin.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic].partitions

    def ask(what: Any) -> dict[int, int]:
        asked = {TopicPartition(topic, number): what for number in partitions}
        answers = admin.list_offsets(asked, request_timeout=ANSWER_SECONDS)
        return {place.partition: answer.result().offset for place, answer in answers.items()}

    specs: Any = OffsetSpec
    first, end = ask(specs.earliest()), ask(specs.latest())
    return {number: (first[number], end[number]) for number in sorted(partitions)}


def find_ends(admin: "AdminClient", topic: str) -> dict[int, int]:
    """Return partition → the offset that its next message gets."""
    return {partition: end for partition, (_, end) in list_offsets(admin, topic).items()}


def refuse_loss(topic: str, spans: dict[int, tuple[int, int]], known: dict[int, int]) -> None:
    """Refuse to go on where messages are gone.

    Raises:
        EpilakeError: Says which.

    >>> refuse_loss("posts", {0: (40, 90), 1: (0, 9)}, {0: 30, 1: 9})
    Traceback (most recent call last):
        ...
    flows.errors.EpilakeError: 10 messages of 'posts' are gone that were never read (partition 0: offsets 30 to 39): \
Kafka deleted them by its retention. Nothing was skipped; run with --accept-loss to go on with what there is.
    """
    gone = {number: (known[number], first) for number, (first, _) in spans.items() if known.get(number, first) < first}
    if gone:
        listed = "; ".join(f"partition {number}: offsets {a} to {b - 1}" for number, (a, b) in gone.items())
        raise EpilakeError(
            f"{sum(b - a for a, b in gone.values()):,} messages of {topic!r} are gone that were never read ({listed}): "
            f"Kafka deleted them by its retention. Nothing was skipped; run with --accept-loss to go on with what "
            f"there is."
        )
    ahead = [number for number, (_, end) in spans.items() if known.get(number, end) > end]
    fewer = sorted({*ahead, *set(known) - set(spans)})
    if fewer:
        raise EpilakeError(
            f"Kafka has fewer messages of {topic!r} than were read (partition {', '.join(map(str, fewer))}): it lost "
            f"some. Run with --accept-loss to go on with what there is."
        )
