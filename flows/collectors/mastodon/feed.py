"""How far one stream of an instance was heard, and the page that is being filled from it."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from flows.collectors import Outcome, Page, Span
from flows.collectors.pace import Pace
from flows.sources.json_values import texts

REWIND = timedelta(minutes=2)
"""A post of another instance is filed under the time at which it was written, not at which it came: to find those that
came late a timeline is asked from a little before the last post known."""
SNOWFLAKE_EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
"""Ids that give an earlier time were counted, not made from the time."""


@dataclass
class Feed:
    """One request: what was taken of it, and what its cursor may say.

    What the timeline gives is walked through upwards, from the last post before which none is missing to the newest
    that there was when the stream opened: what came after that one the stream brings.

    Attributes:
        instance: Host of the instance.
        request: The request as it was given.
        hashtag: Its hashtag; empty for everything that is public.
        stored_cursor: Cursor of the last page that was stored; begin anew if it is none of this instance.
        lines: What the page holds so far, one line of JSON each.
        failures: How often in a row the timeline did not answer.
    """

    instance: str
    request: str
    hashtag: str
    stored_cursor: str | None = None
    lines: list[bytes] = field(default_factory=list)
    count_bytes: int = 0
    failures: int = 0

    def __post_init__(self) -> None:
        instance, _, known = (self.stored_cursor or "").rpartition("/")
        self._known = known if instance == self.instance and known else None
        self._streamed: str | None = None
        self._newest: str | None = None
        self._walked: str | None = None
        self._is_open = self._is_whole = False
        self._due_at: datetime | None = None
        self._trouble = (Outcome.FAILED, "the stream was not opened in time")
        self._heard_to = self._told_to = (self._known and snowflake_time(self._known)) or datetime.now(UTC)
        self._count_asked = 0

    @property
    def title(self) -> str:
        """How the request is named to people."""
        return f"of #{self.hashtag}" if self.hashtag else "of all public posts"

    @property
    def cursor(self) -> str | None:
        """Where to go on: after the newest post before which none is missing."""
        known = max_id(self._known, self._streamed if self._is_whole else None)
        return f"{self.instance}/{known}" if known else None

    @property
    def asks_from(self) -> str | None:
        """Id after which the timeline is to be asked next; None for the newest posts."""
        return self._walked if self._newest else None

    def is_due(self) -> bool:
        """Say whether the timeline is to be asked now."""
        return self._due_at is not None and datetime.now(UTC) >= self._due_at

    def is_full(self, pace: Pace) -> bool:
        """Say whether the page is large enough."""
        return len(self.lines) >= pace.page_events or self.count_bytes >= pace.page_bytes

    def open(self) -> None:
        """The stream is open; what came before it is to be asked for."""
        self._is_open, self._is_whole = True, False
        self._count_asked += 1
        self._begin_walk()

    def close(self, reason: str, *, is_limited: bool = False) -> None:
        """The stream has broken; until it is open again the timeline stands in for it."""
        if self._is_whole and self._is_open:
            self._known, self._heard_to = max_id(self._known, self._streamed), datetime.now(UTC)
        self._is_open = self._is_whole = False
        if not self.failures:
            self._trouble = (Outcome.LIMITED if is_limited else Outcome.FAILED, reason)
        self._begin_walk()

    def hear(self, event: str, data: str) -> None:
        """Take one event of the stream; what is no object stands in its line as a text."""
        import orjson

        payload = data.replace("\n", " ").encode()
        status_id = None
        try:
            status = orjson.loads(payload)
            status_id = status.get("id") if isinstance(status, dict) and event == "update" else None
        except orjson.JSONDecodeError:
            status = None
        self._add(event, payload if isinstance(status, dict) else orjson.dumps(data))
        self._streamed = max_id(self._streamed, status_id if isinstance(status_id, str) else None)

    def take(self, statuses: list[dict[str, Any]], *, asked_at: datetime) -> None:
        """Take what the timeline gave, newest first, and see how much of it is still to be asked for."""
        self.failures = 0
        self._count_asked += 1
        for status in reversed(statuses):
            self._add("update", json.dumps(status).encode())
        ids = texts(status.get("id") for status in statuses)
        if self._newest is None:
            self._newest, self._walked = max_id(*ids), rewind(self._known) if self._known else None
            is_through = not self._walked or not ids or max_id(ids[-1], self._walked) == self._walked
        else:
            before, self._walked = self._walked, max_id(self._walked, *ids)
            self._known = max_id(self._known, self._walked)
            is_through = self._walked == before or max_id(self._newest, self._walked) == self._walked
        if is_through:
            self._known, self._heard_to = max_id(self._known, self._newest), asked_at
            self._is_whole, self._due_at = True, None

    def put_off(self, outcome: Outcome, reason: str, due_at: datetime) -> None:
        """The timeline did not answer and is to be asked again then."""
        self.failures += 1
        self._count_asked += 1
        self._trouble, self._due_at = (outcome, reason), due_at

    def finish_page(self) -> Page:
        """Return what was taken since the last page, and the time that is covered."""
        if self._is_open and self._is_whole:
            self._heard_to = datetime.now(UTC)
        return self._make_page([])

    def finish(self, until: datetime) -> Page:
        """Return the last page: it says how far the request was heard, and if not to the end, why."""
        if self._is_open and self._is_whole:
            self._heard_to = until
        return self._make_page([Span(self._heard_to, until, *self._trouble)] if self._heard_to < until else [])

    def _make_page(self, spans: list[Span]) -> Page:
        if self._heard_to > self._told_to:
            spans = [Span(self._told_to, self._heard_to, Outcome.ANSWERED), *spans]
            self._told_to = self._heard_to
        page = Page(self.request, b"".join(self.lines), self.cursor, self._count_asked, spans)
        self.lines, self.count_bytes, self._count_asked = [], 0, 0
        return page

    def _begin_walk(self) -> None:
        self._newest = self._walked = None
        if not self.failures:  # else it is known when the timeline will answer again
            self._due_at = datetime.now(UTC)

    def _add(self, event: str, payload: bytes) -> None:
        import orjson

        line = b'{"event":%s,"instance":%s,"payload":%s}\n' % (
            orjson.dumps(event),
            orjson.dumps(self.instance),
            payload,
        )
        self.lines.append(line)
        self.count_bytes += len(line)


def max_id(*ids: str | None) -> str | None:
    """Return the newest of some ids; the longer is the newer, and of equal length the one that sorts last.

    That holds of numbers, and of the ids of letters and digits that other programs make from the time.

    >>> max_id("99", None, "115270115826048975", "115270115826048974"), max_id(None)
    ('115270115826048975', None)
    """
    return max((held for held in ids if held), key=lambda held: (len(held), held), default=None)


def snowflake_time(status_id: str) -> datetime | None:
    """Return the time from which Mastodon made an id; None if it made it otherwise.

    An id is the milliseconds since 1970, and 16 bits to tell apart what came in the same (lib/mastodon/snowflake.rb).

    >>> snowflake_time("103270115826048975"), snowflake_time("9xGRz"), snowflake_time("4711")
    (datetime.datetime(2019, 12, 8, 3, 48, 33, 849000, tzinfo=datetime.timezone.utc), None, None)
    """
    if not status_id.isdecimal():
        return None
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(status_id) >> 16)
    except OverflowError:
        return None
    return moment if moment > SNOWFLAKE_EARLIEST else None


def rewind(status_id: str) -> str:
    """Return an id of some minutes before; an id that was not made from the time stays as it is.

    >>> snowflake_time("103270115826048975") - snowflake_time(rewind("103270115826048975")), rewind("9xGRz")
    (datetime.timedelta(seconds=120), '9xGRz')
    """
    if snowflake_time(status_id) is None:
        return status_id
    return str(int(status_id) - (REWIND // timedelta(milliseconds=1) << 16))
