"""What is told of a running stream: a live line on a terminal, plain lines in a pipe, numbers for Prometheus."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.console import say
from flows.settings import Settings


@dataclass(frozen=True)
class Pace:
    """One micro-batch: its messages and seconds, and how many messages Kafka has beyond it.

    Of a micro-batch that was begun by an earlier run Spark does not say what lies beyond: the lag is None.
    """

    number: int
    count: int
    seconds: float
    lag: int | None

    @property
    def line(self) -> str:
        """The micro-batch in a line."""
        rate = self.count / self.seconds if self.seconds else 0
        told = f"micro-batch {self.number}: {self.count:,} messages in {self.seconds:.1f} s ({rate:,.0f}/s)"
        return told if self.lag is None else f"{told}, {self.lag:,} behind"


class Report:
    """Tells of each micro-batch once."""

    def __init__(self, settings: Settings, topic: str) -> None:
        """Tell of one topic; the numbers go to `<home>/metrics/stream-<topic>.prom`."""
        self._topic, self._told = topic, -1
        self._file = settings.home / "metrics" / f"stream-{topic}.prom"
        self._totals = {"messages": 0, "micro_batches": 0}

    def tell(self, progress: Any) -> None:
        """Tell of the latest micro-batch, unless that was done or it was empty."""
        if progress is None or progress.batchId == self._told or not progress.numInputRows:
            return
        self._told = progress.batchId
        pace = read_pace(json.loads(progress.json))
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
            if value is not None
        ]
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(".new")
        draft.write_text("".join(lines), encoding="utf-8")
        draft.replace(self._file)


def read_pace(progress: Mapping[str, Any]) -> Pace:
    """Return the pace of a micro-batch from Spark's own account of it.

    >>> source = {"endOffset": {"t": {"0": 5, "1": 7}}, "latestOffset": {"t": {"0": 9, "1": 7}}}
    >>> told = {"batchId": 3, "numInputRows": 12, "durationMs": {"triggerExecution": 4000}, "sources": [source]}
    >>> read_pace(told).line
    'micro-batch 3: 12 messages in 4.0 s (3/s), 4 behind'
    >>> read_pace({**told, "sources": [{**source, "latestOffset": None}]}).lag is None
    True
    """
    is_known = all(source.get("latestOffset") for source in progress["sources"])
    lag = sum(
        latest - (source.get("endOffset") or {}).get(topic, {}).get(partition, 0)
        for source in progress["sources"]
        for topic, offsets in (source.get("latestOffset") or {}).items()
        for partition, latest in offsets.items()
    )
    seconds = progress["durationMs"].get("triggerExecution", 0) / 1_000
    return Pace(progress["batchId"], progress["numInputRows"], seconds, lag if is_known else None)
