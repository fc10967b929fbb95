"""What was heard of X's stream and is not yet handed over, by request, and since when nothing was missed."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flows.collectors import Outcome, Page, Span, UnansweredError
from flows.collectors.pace import Pace
from flows.collectors.twitter.client import SPENT, count_posts, now
from flows.collectors.twitter.cursor import Cursor, read_cursor

NOBODY_LISTENED = "nobody listened"


class Heard:
    """One run of the stream: lines come in, pages go out, one of each request at a time."""

    def __init__(
        self,
        requests: tuple[str, ...],
        cursors: dict[str, str],
        budget_posts: int,
        pace: Pace,
        take_count: Callable[[], int],
    ) -> None:
        """Begin a run; `take_count` says how many calls were made since it was last asked."""
        found = {request: read_cursor(cursors.get(request)) for request in requests}
        self._cursors = {request: cursor for request, cursor in found.items() if cursor}
        self._requests, self._pace, self._take_count = requests, pace, take_count
        self._began_at = now()
        self._last_at = self._began_at
        self._begins_at: dict[str, datetime] = {}
        self.rules: dict[str, str] = {}
        """Id of a rule → the request."""
        self.left = budget_posts
        self.is_ended = False
        """Whether X has said that it ends the connection."""
        self.fault: UnansweredError | None = None
        """Why to connect again would be of no use."""
        self._lines: dict[str, list[bytes]] = {}
        self._costs: dict[str, int] = {}
        self._count, self._size, self._cleared_at = 0, 0, 0.0
        self._clear()

    @property
    def missing_minutes(self) -> float:
        """How long ago the stream was last heard for all requests; 0 if it never was."""
        since = min((cursor.asked_until for cursor in self._cursors.values()), default=now())
        return (now() - since).total_seconds() / 60

    @property
    def is_full(self) -> bool:
        """Whether what is held is worth handing over."""
        is_late = time.monotonic() - self._cleared_at >= self._pace.page_seconds
        return is_late or self._count >= self._pace.page_events or self._size >= self._pace.page_bytes

    def connect(self, backfill: timedelta) -> Iterator[Page]:
        """Note that a connection begins, and yield what was missed before."""
        self.is_ended, connected_at = False, now()
        gaps = {}
        for request in self._requests:
            heard_at = self._heard_at(request, connected_at)
            self._begins_at[request] = max(heard_at, connected_at - backfill)
            gaps[request] = Span(heard_at, self._begins_at[request], Outcome.GAP, NOBODY_LISTENED)
        self._last_at = connected_at
        yield from self._pages(gaps)

    def add(self, line: bytes) -> None:
        """Take in one line of the stream; an empty one is a sign of life only."""
        self._last_at = now()
        if not line:
            return
        answer = read_line(line)
        if answer is None or answer.get("data"):
            self._hold(line, answer or {})
            return
        self.is_ended = True
        if any(word in line.decode(errors="replace").lower() for word in SPENT):
            self.fault = UnansweredError(Outcome.LIMITED, "the plan's posts or credits are used up")

    def _hold(self, line: bytes, answer: dict[str, Any]) -> None:
        request, cost = self._request_of(answer), count_posts(answer) if answer else 1
        self._lines[request].append(line)
        self._costs[request] += cost
        self.left -= cost
        self._count, self._size = self._count + 1, self._size + len(line)

    def hand_over(self) -> Iterator[Page]:
        """Yield what is held, with the stretch of time for which it is all that there was."""
        spans = {
            request: Span(begins_at, self._last_at, Outcome.ANSWERED) for request, begins_at in self._begins_at.items()
        }
        self._begins_at = dict.fromkeys(self._begins_at, self._last_at)
        yield from self._pages(spans, heard_until=self._last_at)

    def report(self, until: datetime, outcome: Outcome, reason: str, *, is_over: bool = True) -> Iterator[Page]:
        """Yield pages that say why nothing was heard up to then; if that is over, it is said once for all."""
        spans = {
            request: Span(self._heard_at(request, self._began_at), until, outcome, reason) for request in self._requests
        }
        yield from self._pages(spans, heard_until=until if is_over else None)

    def _pages(self, spans: dict[str, Span], heard_until: datetime | None = None) -> Iterator[Page]:
        lines, costs = self._lines, self._costs
        self._clear()
        for request in self._requests:
            if heard_until:
                known = self._cursors.get(request) or Cursor(heard_until)
                self._cursors[request] = replace(known, asked_until=heard_until)
            cursor, span = self._cursors.get(request), spans.get(request)
            held = [span] if span and span.begins_at < span.ends_at else []
            if held or lines[request]:
                content = b"".join(line + b"\n" for line in lines[request])
                yield Page(request, content, str(cursor) if cursor else None, self._take_count(), held, costs[request])

    def _heard_at(self, request: str, otherwise: datetime) -> datetime:
        cursor = self._cursors.get(request)
        return min(cursor.asked_until, otherwise) if cursor else otherwise

    def _request_of(self, answer: dict[str, Any]) -> str:
        """Return the first request of whose rules the answer names one; what names none counts for the first of all."""
        matched = answer.get("matching_rules")
        ids = {rule.get("id") for rule in matched if isinstance(rule, dict)} if isinstance(matched, list) else set()
        found = {self.rules[name] for name in ids if name in self.rules}
        return next((request for request in self._requests if request in found), self._requests[0])

    def _clear(self) -> None:
        self._lines = {request: [] for request in self._requests}
        self._costs = dict.fromkeys(self._requests, 0)
        self._count = self._size = 0
        self._cleared_at = time.monotonic()


def read_line(line: bytes) -> dict[str, Any] | None:
    """Return the object in a line of the stream; None if there is none, for the parser to refuse it.

    >>> read_line(b'{"data": {"id": "7"}}'), read_line(b'{"data": {"i')
    ({'data': {'id': '7'}}, None)
    """
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None
