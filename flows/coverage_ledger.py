"""The coverage ledger: what was asked of a source, hour by hour, and what came of it.

"Nobody posted" and "nobody listened" both leave an empty hour in a table of posts. Here they are different states, so
that a later stage can tell a fall in a disease from a fall of a collector.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from flows.collectors import Outcome, Span
from flows.lake.contracts import COVERAGE
from flows.lake.tables import query, spell_moment
from flows.settings import Settings

HOUR = timedelta(hours=1)
WHOLE_SECONDS = 3_540
"""An hour that was answered for so long is whole: a reconnection takes some seconds."""


class State(StrEnum):
    """What is known about one hour of a source and topic."""

    CAPTURED = "captured"
    """The whole hour was answered, and there were posts."""
    NOBODY_POSTED = "nobody_posted"
    """The whole hour was answered, and there were none."""
    PARTLY_COVERED = "partly_covered"
    """A part of the hour was answered, and nothing failed: it was not asked for the rest."""
    OUTAGE = "outage"
    """A part of the hour or all of it is missing although it was asked for; the reason says why."""
    NOT_ASKED = "not_asked"
    """Nobody asked."""


@dataclass(frozen=True)
class Hour:
    """One hour of a source and topic: its beginning, its state, posts captured, seconds answered, and what failed."""

    begins_at: datetime
    state: State
    count_captured: int = 0
    count_refused: int = 0
    answered_seconds: float = 0.0
    reason: str = ""


def split_by_hour(span: Span) -> Iterator[tuple[datetime, float]]:
    """Yield each hour that a span touches, with the seconds of the span in it.

    >>> from datetime import UTC
    >>> span = Span(datetime(2026, 1, 1, 9, 50, tzinfo=UTC), datetime(2026, 1, 1, 10, 5, tzinfo=UTC), Outcome.ANSWERED)
    >>> [(hour.hour, seconds) for hour, seconds in split_by_hour(span)]
    [(9, 600.0), (10, 300.0)]
    """
    begin = span.begins_at
    while begin < span.ends_at:
        hour = begin.replace(minute=0, second=0, microsecond=0)
        end = min(hour + HOUR, span.ends_at)
        yield hour, (end - begin).total_seconds()
        begin = end


def describe_hours(rows: Iterable[dict[str, Any]], begins_at: datetime, ends_at: datetime) -> list[Hour]:
    """Return the state of every hour from `begins_at` until before `ends_at`, both whole hours.

    Args:
        rows: Rows of `ops.coverage` of one source and topic, of any hours.
        begins_at: First hour.
        ends_at: Hour after the last.
    """
    by_hour = defaultdict(list)
    for row in rows:
        by_hour[row["hour_at"]].append(row)
    hours = []
    while begins_at < ends_at:
        hours.append(_describe(begins_at, by_hour[begins_at]))
        begins_at += HOUR
    return hours


def _describe(hour: datetime, rows: list[dict[str, Any]]) -> Hour:
    answered = sum(row["covered_seconds"] for row in rows if row["outcome"] == Outcome.ANSWERED)
    captured = sum(row["count_captured"] for row in rows)
    failures = Counter(row["reason"] or row["outcome"] for row in rows if row["outcome"] != Outcome.ANSWERED)
    if answered >= WHOLE_SECONDS:
        state = State.CAPTURED if captured else State.NOBODY_POSTED
    elif failures:
        state = State.OUTAGE
    else:
        state = State.PARTLY_COVERED if rows else State.NOT_ASKED
    reason = "; ".join(failures) if state is State.OUTAGE else ""
    return Hour(hour, state, captured, sum(row["count_refused"] for row in rows), answered, reason)


def read_hours(settings: Settings, source: str, topic: str, begins_at: datetime, ends_at: datetime) -> list[Hour]:
    """Return the state of every hour of a source and topic; see `describe_hours`. Later stages ask here."""
    span = f"hour_at >= {spell_moment(begins_at)} and hour_at < {spell_moment(ends_at)}"
    sql = f"select * from rows where source = '{source}' and topic = '{topic}' and {span}"  # noqa: S608 - names of our own
    return describe_hours(query(settings, COVERAGE.name, sql), begins_at, ends_at)
