"""A topic of Kafka into RAW as it arrives, with language, sentiment and prediction within seconds.

Spark Structured Streaming decides which messages a micro-batch is of, and remembers it before it is read. Python
workers read, check and protect the messages and stage them as Arrow files; the driver inserts what is staged by the
functions that the batch path uses (ADR 16). Every insertion adds what is not there yet and a micro-batch that was cut
off comes again with the same messages, so nothing is lost and nothing is there twice.
"""

import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import flow

from flows.admission import open_admission
from flows.batches import COUNTS, Batch, span_days
from flows.errors import EpilakeError
from flows.ingest import count_accepted, staging_folder
from flows.lake.contracts import BATCHES, CURSORS, DELETIONS, POSTS, REJECTS
from flows.lake.session import open_session
from flows.lake.staged import insert_staged
from flows.lake.tables import append_rows
from flows.runs import current_run_id, recorded
from flows.settings import Settings
from flows.sources import Source
from flows.sources.known import find_source
from flows.streaming.client import open_admin, spark_options
from flows.streaming.place import Place, find_ends, find_place, only_one
from flows.streaming.report import Report
from flows.streaming.scores import Scorer
from flows.streaming.worker import Errand, Summary, staged, without_secrets

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

STOPPING = "The stream was asked to stop"
POLL_SECONDS = 0.2
ARROW_BYTES = 32_000_000
"""What a worker is handed at a time, in bytes and in messages."""
ARROW_RECORDS = 10_000
SECRET_OPTIONS = "(?i)url|jaas|keystore|password"  # noqa: S105 - names of options that Spark shall not print


@flow(name="stream")
def stream(
    topic: str = "posts",
    source: str = "twitter",
    *,
    available_now: bool = False,
    accept_loss: bool = False,
    score: bool = True,
) -> dict[str, int]:
    """Bring a topic into RAW until SIGINT or SIGTERM; return the counts of micro-batches and of their records.

    Args:
        topic: The topic.
        source: Name of the source of messages that name none in their headers.
        available_now: End when what was there at the start has been read.
        accept_loss: Go on where messages are gone that were never read, instead of refusing to.
        score: Find language and sentiment of the new tweets, and their predictions, in the same micro-batch.

    Raises:
        EpilakeError: Kafka or the topic is not there, or messages are gone that were never read.
    """
    from pyspark.errors import StreamingQueryException

    settings, origin = Settings(), find_source(source)
    with (
        only_one(settings, topic),
        recorded(settings, "stream") as report,
        staging_folder(settings) as staging,
        stop_wanted() as stop,
    ):
        place = find_place(settings, topic, origin.name, accept_loss=accept_loss)
        spark, admin = open_session(settings), open_admin(settings)
        micro = MicroBatches(settings, origin, place, staging, stop, Scorer(spark, settings) if score else None)
        try:
            query = start_query(spark, settings, place, micro, available_now=available_now)
            await_query(query, stop, Report(settings, topic, lambda: find_ends(admin, topic)))
        except StreamingQueryException as error:
            find_place(settings, topic, origin.name, accept_loss=False)  # which messages are lost, if any are
            raise EpilakeError(in_a_sentence(error)) from error
        finally:
            report.update(micro.totals)
    return dict(micro.totals)


def start_query(
    spark: "SparkSession", settings: Settings, place: Place, micro: "MicroBatches", *, available_now: bool
) -> "StreamingQuery":
    """Start the query that hands over one micro-batch after the other."""
    spark.conf.set("spark.sql.redaction.options.regex", SECRET_OPTIONS)
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(ARROW_RECORDS))
    spark.conf.set("spark.sql.execution.arrow.maxBytesPerBatch", str(ARROW_BYTES))
    messages = (
        spark.readStream.format("kafka")
        .options(**spark_options(settings))
        .option("subscribe", place.topic)
        .option("startingOffsets", place.starting_offsets)
        .option("failOnDataLoss", "true")
        .option("includeHeaders", "true")
        .option("kafka.isolation.level", "read_committed")
        .option("maxOffsetsPerTrigger", str(settings.stream_max_offsets))
        .load()
        .select("partition", "offset", "value", "headers")
    )
    writer = messages.writeStream.foreachBatch(micro.take).option("checkpointLocation", str(place.checkpoint))
    if available_now:
        return writer.trigger(availableNow=True).start()
    return writer.trigger(processingTime=f"{settings.stream_trigger_seconds} seconds").start()


def await_query(query: "StreamingQuery", stop: threading.Event, report: Report) -> None:
    """Return when the query has ended, telling of each micro-batch; asked to stop, it finishes the one at hand."""
    while query.isActive:
        report.tell(query.lastProgress)
        if stop.is_set() and not query.status["isTriggerActive"]:
            query.stop()
        time.sleep(POLL_SECONDS)
    report.tell(query.lastProgress)
    error = query.exception()
    if error and STOPPING not in str(error):
        raise error


@contextmanager
def stop_wanted() -> Iterator[threading.Event]:
    """Lend an event that SIGINT and SIGTERM set."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # of a test
        yield stop
        return
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass
class MicroBatches:
    """What is done with each micro-batch."""

    settings: Settings
    source: Source
    place: Place
    staging: Path
    stop: threading.Event
    scorer: Scorer | None
    flow_run_id: str = field(default_factory=current_run_id)
    _stamps: dict[str, str] = field(default_factory=dict)
    totals: Counter[str] = field(
        default_factory=lambda: Counter(dict.fromkeys(("count_batches", *COUNTS, "count_scored"), 0))
    )

    def take(self, messages: "DataFrame", number: int) -> None:
        """Bring one micro-batch into RAW, and score it; the second time it adds nothing."""
        if self.stop.is_set():
            raise EpilakeError(STOPPING)
        folder = self.staging / f"{number:09}"
        summaries = self.read(messages, number, folder)
        batches = self.load(summaries, folder)
        if self.scorer:
            self.totals["count_scored"] += self.scorer.score(folder, self.flow_run_id)
        self.record(summaries, batches)
        shutil.rmtree(folder, ignore_errors=True)

    def read(self, messages: "DataFrame", number: int, folder: Path) -> list[Summary]:
        """Let the workers read, check, protect and stage the messages; return what came of each partition."""
        admission = open_admission(self.settings)
        errand = Errand(
            settings=without_secrets(self.settings),
            source=self.source.name,
            topic=self.place.topic,
            identity=f"{self.place.topic_id}/{self.place.stream_id}/{number}",
            folder=folder,
            shut_out=admission.shut_out,
            is_scored=self.scorer is not None,
        )
        self._stamps = {**admission.stamps, "flow_run_id": self.flow_run_id}
        found = messages.mapInArrow(errand.run, "summary string").collect()
        return [Summary.from_json(row["summary"]) for row in found]

    def load(self, summaries: list[Summary], folder: Path) -> list[tuple[str, Batch]]:
        """Insert what is staged; return source and batch, with the count of rows that it brought."""
        insert_staged(self.settings, REJECTS, staged(folder, "rejects"), stamp="rejected_at")
        insert_staged(self.settings, DELETIONS, staged(folder, "notices"), stamp="received_at")
        batches = []
        for name in sorted({summary.source for summary in summaries}):
            mine = [summary.to_batch() for summary in summaries if summary.source == name]
            days = span_days([batch.days for batch in mine])
            files = staged(folder / name, "posts")
            insert_staged(self.settings, POSTS[name], files, stamp="ingested_at", days=days)
            accepted = count_accepted(self.settings, POSTS[name], mine) if files else {}
            batches += [(name, replace(each, count_accepted=accepted.get(each.batch_id, 0))) for each in mine]
        return batches

    def record(self, summaries: list[Summary], batches: list[tuple[str, Batch]]) -> None:
        """Record the batches as wholly in RAW, and how far the topic was read."""
        rows = [batch.to_row(source=name, **self._stamps) for name, batch in batches]
        append_rows(self.settings, BATCHES, rows, only_new=True)
        append_rows(self.settings, CURSORS, self.place.cursors(summaries), only_new=True)
        self.totals["count_batches"] += 1
        for _, batch in batches:
            self.totals.update({name: getattr(batch, name) for name in COUNTS})


def in_a_sentence(error: Exception) -> str:
    """Return what ended the query, without the trace that Spark adds to it."""
    told = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line for line in told if "Error: " in line or "Exception: " in line]
    return (
        f"The stream ended ({(causes or told or ['no reason given'])[-1][:300]}): run it again, it goes on from there."
    )
