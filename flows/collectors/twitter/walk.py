"""One request on its way through X's search: what is to be asked, what a page says, what is lost."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from flows.collectors import Outcome, Page, Span, UnansweredError
from flows.collectors.twitter.cursor import Cursor, Rest
from flows.sources.twitter.values import id_of_moment, moment_of_id

WINDOW = timedelta(days=7) - timedelta(minutes=10)
"""How far back the search goes, with some room for clocks that differ."""
LAG = timedelta(seconds=30)
"""The search ends so long before the present."""
SKEW = timedelta(minutes=10)
"""A post may come into the search so late."""
BUDGET_ENDED = "the budget of posts to read is used up"
TOO_OLD = "the search goes back seven days only"


@dataclass
class Stretch:
    """A stretch of time that is asked for from its end back to its beginning; `ends_at` moves down with every page."""

    begins_at: datetime
    ends_at: datetime
    since_id: int | None = None
    until_id: int | None = None
    token: str | None = None
    is_resumed: bool = False
    count_pages: int = 0

    @property
    def is_finished(self) -> bool:
        """Whether X has no further page of it."""
        return self.count_pages > 0 and not self.token

    @property
    def parameters(self) -> dict[str, object]:
        """What the next call says of time: X's own token, and the same ends with every page of a run."""
        until_id = self._first_until_id if self.is_resumed else None
        return {"since_id": self.since_id, "until_id": until_id, "next_token": self.token}

    def __post_init__(self) -> None:
        self._first_until_id = self.until_id


class Walk:
    """What is asked for one request: the rest of the last time, if there is one, and then what is new."""

    def __init__(self, request: str, cursor: Cursor | None, asked_at: datetime) -> None:
        self.request, self.cursor = request, cursor
        self.stretches: list[Stretch] = []
        self.lost: list[Span] = []
        self._asked_until = asked_at - LAG
        self._earliest = asked_at - WINDOW
        if cursor and cursor.rest:
            self._resume(cursor.rest)
        self._go_on(cursor)

    def add(self, stretch: Stretch, content: bytes, answer: dict[str, Any], *, cost: int, count_asked: int) -> Page:
        """Return a page of an answer of the search, and go on behind it."""
        posts, meta = answer.get("data") or [], answer.get("meta") or {}
        ids = [int(post["id"]) for post in posts if str(post.get("id", "")).isdecimal()]
        stretch.token, stretch.count_pages = meta.get("next_token"), stretch.count_pages + 1
        stretch.until_id = min(ids, default=stretch.until_id)
        reached = moment_of_id(stretch.until_id or 0) or stretch.ends_at
        reached = stretch.begins_at if stretch.is_finished else max(stretch.begins_at, min(reached, stretch.ends_at))
        span = Span(reached, stretch.ends_at, Outcome.ANSWERED)
        stretch.ends_at = reached
        self._move_cursor(stretch, max(ids, default=0))
        return self._page(content + b"\n" if posts else b"", [span], count_asked, cost)

    def give_up(self, stretch: Stretch) -> Page:
        """Return a page that says that the budget ended here; what was begun is not taken up again."""
        if self.cursor and stretch.count_pages:
            self.cursor = replace(self.cursor, rest=None)
        return self._page(b"", [Span(stretch.begins_at, stretch.ends_at, Outcome.LIMITED, BUDGET_ENDED)])

    def break_off(self, error: UnansweredError, *, count_asked: int = 0) -> Page:
        """Return a page that says what is missing; the next run takes it up."""
        missing = [stretch for stretch in self.stretches if not stretch.is_finished]
        spans = [Span(stretch.begins_at, stretch.ends_at, error.outcome, str(error)) for stretch in missing]
        return self._page(b"", spans, count_asked)

    def report_lost(self) -> Iterator[Page]:
        """Yield a page that says what can no longer be asked for, if there is any."""
        if self.lost:
            yield self._page(b"", self.lost)

    def _resume(self, rest: Rest) -> None:
        ends_at = moment_of_id(rest.until_id) or rest.begins_at
        begins_at, since_id = rest.begins_at, rest.since_id
        if begins_at < self._earliest:
            begins_at, since_id = min(self._earliest, ends_at), None
            self.lost.append(Span(rest.begins_at, begins_at, Outcome.GAP, TOO_OLD))
        if begins_at < ends_at:
            self.stretches.append(Stretch(begins_at, ends_at, since_id, rest.until_id, is_resumed=True))
        elif self.cursor:
            self.cursor = replace(self.cursor, rest=None)

    def _go_on(self, cursor: Cursor | None) -> None:
        begins_at, since_id = self._earliest, None
        if cursor and cursor.asked_until < self._earliest:
            self.lost.append(Span(cursor.asked_until, self._earliest, Outcome.GAP, TOO_OLD))
            self.cursor = Cursor(self._earliest)
        elif cursor:
            begins_at = min(cursor.asked_until, self._asked_until)
            since_id = max(cursor.newest_id, id_of_moment(max(begins_at - SKEW, self._earliest)))
        self.stretches.append(Stretch(begins_at, self._asked_until, since_id))

    def _move_cursor(self, stretch: Stretch, newest_id: int) -> None:
        is_open = not stretch.is_finished
        rest = Rest(stretch.begins_at, stretch.since_id, stretch.until_id) if is_open and stretch.until_id else None
        if stretch.is_resumed and self.cursor:
            self.cursor = replace(self.cursor, rest=rest)
        elif rest or not is_open:
            before = self.cursor.newest_id if self.cursor else 0
            self.cursor = Cursor(self._asked_until, max(before, newest_id), rest)

    def _page(self, content: bytes, spans: list[Span], count_asked: int = 0, cost: int = 0) -> Page:
        cursor = str(self.cursor) if self.cursor else None
        spans = [span for span in spans if span.begins_at < span.ends_at]
        return Page(self.request, content, cursor, count_asked, spans, cost)
