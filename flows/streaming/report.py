"""What is told of a running stream: a live line on a terminal, plain lines in a pipe, numbers for Prometheus."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flows.console import say
from flows.settings import Settings


@dataclass(frozen=True)
class Pace:
    """One micro-batch: its messages and seconds, and how many messages Kafka has beyond it now that it is through."""

    number: int
    count: int
    seconds: float
    lag: int

    @property
    def line(self) -> str:
        """The micro-batch in a line."""
        rate = self.count / self.seconds if self.seconds else 0
        return (
            f"micro-batch {self.number}: {self.count:,} messages in {self.seconds:.1f} s ({rate:,.0f}/s), "
            f"{self.lag:,} behind"
        )


class Report:
    """Tells of each micro-batch once."""

    def __init__(self, settings: Settings, topic: str, find_ends: Callable[[], Mapping[int, int]]) -> None:
        """Tell of one topic; the numbers go to `<home>/metrics/stream-<topic>.prom`.

        `find_ends` returns partition → the offset that its next message gets: Spark tells only what was there as the
        micro-batch began.
        """
        self._topic, self._told, self._find_ends = topic, -1, find_ends
        self._file = settings.home / "metrics" / f"stream-{topic}.prom"
        self._totals = {"messages": 0, "micro_batches": 0}

    def tell(self, progress: Any) -> None:
        """Tell of the latest micro-batch, unless that was done or it was empty."""
        from confluent_kafka import KafkaException

        if progress is None or progress.batchId == self._told or not progress.numInputRows:
            return
        try:
            pace = read_pace(json.loads(progress.json), self._find_ends())
        except KafkaException:  # the broker is away: told when it is back
            return
        self._told = progress.batchId
        self._totals["messages"] += pace.count
        self._totals["micro_batches"] += 1
        self._write(pace)
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{pace.line}")
            sys.stderr.flush()
        else:
            say(pace.line)

    def _write(self, pace: Pace) -> None:
        numbers = {
            ("lag_messages", "gauge"): pace.lag,
            ("micro_batch_seconds", "gauge"): pace.seconds,
            ("micro_batch_messages", "gauge"): pace.count,
            ("messages_total", "counter"): self._totals["messages"],
            ("micro_batches_total", "counter"): self._totals["micro_batches"],
        }
        lines = [
            f'# TYPE epilake_stream_{name} {kind}\nepilake_stream_{name}{{topic="{self._topic}"}} {value}\n'
            for (name, kind), value in numbers.items()
        ]
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(".new")
        draft.write_text("".join(lines), encoding="utf-8")
        draft.replace(self._file)


def read_pace(progress: Mapping[str, Any], ends: Mapping[int, int]) -> Pace:
    """Return the pace of a micro-batch from Spark's own account of it and the topic's present ends.

    >>> told = {"batchId": 3, "numInputRows": 12, "durationMs": {"triggerExecution": 4000},
    ...     "sources": [{"endOffset": {"t": {"0": 5, "1": 7}}}]}
    >>> read_pace(told, {0: 9, 1: 7}).line
    'micro-batch 3: 12 messages in 4.0 s (3/s), 4 behind'
    """
    read = {
        int(partition): offset
        for source in progress["sources"]
        for offsets in (source.get("endOffset") or {}).values()
        for partition, offset in offsets.items()
    }
    lag = sum(end - read.get(partition, 0) for partition, end in ends.items())
    seconds = progress["durationMs"].get("triggerExecution", 0) / 1_000
    return Pace(progress["batchId"], progress["numInputRows"], seconds, lag)
