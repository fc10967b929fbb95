"""Files of posts into a Kafka topic: one message per record, its bytes as they stood.

What a reader needs beside the bytes stands in the message's headers: the source and, of a CSV file, the header line.
So a message is read by the very code that reads the file (`flows.streaming.messages`), broken records included.
"""

import hashlib
import io
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from prefect import flow

from flows.console import say, track
from flows.errors import EpilakeError
from flows.runs import recorded
from flows.settings import Settings
from flows.sources.csv_records import CsvRecords
from flows.sources.files import InputFile, expand_paths, open_decompressed
from flows.sources.json_records import read_json_records
from flows.sources.known import find_source
from flows.streaming.broker import MAX_MESSAGE_BYTES
from flows.streaming.client import client_options, ensure_topic, open_admin
from flows.streaming.messages import HEADER_HEADER, SOURCE_HEADER

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message, Producer

PEEK_BYTES = 1_000_000
BEFORE_CONTENT = b"\xef\xbb\xbf \t\r\n"
RUN_RECORDS = 1_000
PARTITIONS = 2
"""Of a topic that is made, unless told otherwise."""
TICK_SECONDS = 0.02
"""How long the publisher rests when it is ahead of its rate."""
DELIVERY_SECONDS = 300
"""How long a message may wait for a broker that is away before the publisher gives up."""
STALL_SECONDS = 60


@dataclass(frozen=True)
class Record:
    """One record of a file: its bytes, and the header line if the file has one."""

    content: bytes
    header: bytes | None = None


@dataclass
class Ledger:
    """What the broker has acknowledged, counted, and written down line by line if asked: `partition,offset,sent at`."""

    file: IO[str] | None = None
    count_acknowledged: int = 0
    failures: list[str] = field(default_factory=list)

    def note(self, error: "KafkaError | None", message: "Message") -> None:
        """Take the broker's answer for one message."""
        if error is not None:
            self.failures.append(error.str())
            return
        self.count_acknowledged += 1
        if self.file:
            self.file.write(f"{message.partition()},{message.offset()},{message.timestamp()[1]}\n")


@flow(name="publish")
def publish(
    paths: list[str],
    topic: str,
    source: str = "twitter",
    *,
    rate: float = 0.0,
    ledger: str = "",
    partitions: int = PARTITIONS,
) -> dict[str, int]:
    """Replay files into a topic; return the counts of files and of messages that the broker acknowledged.

    Args:
        paths: Files, folders, patterns or `-`; see `flows.sources.files`.
        topic: The topic; it is made if there is none.
        source: Name of the source whose files these are.
        rate: Records a second; 0 is as fast as the broker takes them.
        ledger: File to write a line per message to, `partition,offset,sent at` in milliseconds since 1970; empty: none.
        partitions: Partitions of a topic that is made.

    Raises:
        EpilakeError: A file cannot be read, or the broker does not take a message.
    """
    settings, origin = Settings(), find_source(source)
    files = expand_paths(paths)
    with recorded(settings, "publish") as report, ExitStack() as stack:
        ensure_topic(open_admin(settings), topic, partitions)
        file = stack.enter_context(Path(ledger).open("w", encoding="utf-8")) if ledger else None
        account = Ledger(file)
        records = (record for each in files for record in read_records(each))
        paced = pace(track(records, f"Publishing to {topic}"), rate)
        send_all(settings, topic, origin.name, paced, account)
        counts = {"count_files": len(files), "count_messages": account.count_acknowledged}
        report.update(counts)
        say(f"published {account.count_acknowledged:,} messages to {topic}")
    return counts


def send_all(settings: Settings, topic: str, source: str, records: Iterator[Record], account: Ledger) -> None:
    """Send every record and wait until the broker has acknowledged all of them.

    Raises:
        EpilakeError: The broker refused a message, or did not answer for minutes; how many it has is said.
    """
    from confluent_kafka import KafkaException

    producer = open_producer(settings)
    count = 0
    try:
        for record in records:
            _send(producer, topic, source, record, account)
            count += 1
            producer.poll(0)
            if account.failures:
                break
    except KafkaException as error:
        account.failures.append(error.args[0].str())
    finally:
        producer.flush(DELIVERY_SECONDS)
    if account.failures or account.count_acknowledged < count:
        reason = account.failures[0] if account.failures else "no answer"
        raise EpilakeError(
            f"Kafka took {account.count_acknowledged:,} of {count:,} messages ({reason}): see that the broker is up, "
            f"and publish again; what arrives twice is known by its content."
        )


def open_producer(settings: Settings) -> "Producer":
    """Return a producer by which every message arrives once and in order, or an error tells."""
    from confluent_kafka import Producer

    return Producer(
        {
            **client_options(settings),
            "acks": "all",
            "enable.idempotence": True,
            "compression.type": "zstd",
            "linger.ms": 20,
            "message.max.bytes": MAX_MESSAGE_BYTES,
            "message.timeout.ms": DELIVERY_SECONDS * 1_000,
            "reconnect.backoff.max.ms": 1_000,
            "queue.buffering.max.kbytes": 65_536,
        }
    )


def _send(producer: "Producer", topic: str, source: str, record: Record, account: Ledger) -> None:
    headers: list[tuple[str, str | bytes | None]] = [(SOURCE_HEADER, source)]
    if record.header is not None:
        headers.append((HEADER_HEADER, record.header))
    key = hashlib.blake2b(record.content, digest_size=8).digest()
    deadline = time.monotonic() + DELIVERY_SECONDS
    while True:
        try:
            producer.produce(topic, record.content, key, headers=headers, on_delivery=account.note)
        except BufferError as error:  # the broker is slower than we are, or away
            if time.monotonic() > deadline:
                raise EpilakeError("Kafka does not take any more messages: see that the broker is up.") from error
            producer.poll(0.1)
        else:
            return


def pace(records: Iterator[Record], rate: float) -> Iterator[Record]:
    """Yield the records at so many a second; 0 is as they come. A pause of the reader is not caught up with."""
    if not rate:
        yield from records
        return
    due = time.monotonic()
    for record in records:
        now = time.monotonic()
        if due - now > TICK_SECONDS:
            time.sleep(due - now)
        due = max(due, now - STALL_SECONDS) + 1 / rate
        yield record


def read_records(file: InputFile) -> Iterator[Record]:
    """Yield the records of a file as they stood, broken ones included; a document of XML is one record.

    Raises:
        EpilakeError: The file cannot be read, or a record is larger than a broker takes.
    """
    with open_decompressed(file) as stream:
        for record in split(stream):
            if len(record.content) > MAX_MESSAGE_BYTES - PEEK_BYTES:
                raise EpilakeError(f"{file} holds a record of {len(record.content):,} bytes, more than Kafka takes.")
            yield record


def split(stream: BinaryIO) -> Iterator[Record]:
    """Yield the records of a stream; by its first byte that is not blank it is JSON, XML or CSV with a header."""
    held = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", stream))
    start = held.peek(PEEK_BYTES).lstrip(BEFORE_CONTENT)[:1]
    if start in (b"{", b"["):
        return (Record(record.record_bytes) for record in read_json_records(cast("BinaryIO", held)))
    if start == b"<":
        return iter([Record(held.read())])
    return _split_csv(held)


def _split_csv(stream: Any) -> Iterator[Record]:
    records = CsvRecords(stream)
    header = b"".join(record.record_bytes for record in records.take(1))
    while len(run := records.take_run(RUN_RECORDS)):
        for place in range(len(run)):
            yield Record(run.record_bytes(place), header)
