"""One listing of Reddit's, walked from its newest post back to the newest one of the last time.

Reddit's own parameter `before` is not used: once the post that it names is deleted or removed, Reddit answers it with
nothing, for ever after. A listing ends after about 1,000 posts: whoever asks too seldom has a gap, which is reported. A
post that a moderator lets through after later ones were stored is not seen.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flows.collectors import Outcome, Page, Span
from flows.errors import EpilakeError
from flows.sources.drafts import read_epoch_time
from flows.sources.reddit import spell_thing

MAX_PAGES = 20
"""Twice as many as Reddit's longest listing has."""
FIRST_DAYS = timedelta(days=7)
"""How far back a listing is walked that was never asked for."""
A_MOMENT = timedelta(seconds=1)
LOST = "the listing ended before the newest post of the last time"

_FULLNAME = re.compile(r"(?:t[13]_([0-9a-z]{1,13}))?")
_CURSOR = re.compile(rf"({_FULLNAME.pattern})@(\d{{1,11}})")


@dataclass(frozen=True)
class Cursor:
    """The fullname of the newest post that was stored, empty if there was none, and until when all was asked for."""

    name: str
    asked_until: datetime

    def __str__(self) -> str:
        """Return the cursor as a page carries it: `t3_fsfhli@1585675830`."""
        return f"{self.name}@{int(self.asked_until.timestamp())}"


class Walk:
    """One listing on the way from its newest post to where the last time ended, or a week back if there was none."""

    def __init__(self, request: str, cursor: Cursor | None, ends_at: datetime) -> None:
        self.after: str | None = None
        self.is_finished = False
        self._request = request
        self._cursor = cursor
        self._newest = cursor.name if cursor else ""
        self._stored = number_of(self._newest)
        self._ends_at = ends_at
        self._begins_at = min(cursor.asked_until, ends_at) if cursor else ends_at - FIRST_DAYS
        self._oldest_at = ends_at
        self._count_pages = 0

    def add(self, listing: dict[str, Any]) -> Page:
        """Return a page of what the next part of the listing has that is new."""
        things = [thing for thing in listing["children"] if name_of(thing)]
        fresh = [thing for thing in things if number_of(name_of(thing)) > self._stored]
        self._newest = max([self._newest, *map(name_of, fresh)], key=number_of)
        times = (read_epoch_time(thing["data"].get("created_utc")) for thing in fresh)
        self._oldest_at = min([self._oldest_at, *filter(None, times)])
        self._count_pages += 1
        self.after = listing.get("after")
        has_met = len(fresh) < len(things) or (self._stored < 0 and self._oldest_at < self._begins_at)
        self.is_finished = has_met or not self.after or self._count_pages >= MAX_PAGES
        content = b"".join(spell_thing(thing) + b"\n" for thing in fresh)
        if not self.is_finished:
            return Page(self._request, content, self._old_cursor)
        if not has_met and self._count_pages > 1:  # a listing of one page ends by itself
            spans = self._split(Outcome.GAP, LOST)[0 if self._cursor else 1 :]
        else:
            spans = [Span(self._begins_at, self._ends_at, Outcome.ANSWERED)]
        return Page(self._request, content, str(Cursor(self._newest, self._ends_at)), spans=spans)

    def break_off(self, outcome: Outcome, reason: str, *, count_asked: int = 1) -> Page:
        """Return an empty page that says what is missing; next time the whole walk is made again."""
        return Page(self._request, b"", self._old_cursor, count_asked, self._split(outcome, reason))

    @property
    def _old_cursor(self) -> str | None:
        return str(self._cursor) if self._cursor else None

    def _split(self, outcome: Outcome, reason: str) -> list[Span]:
        """Return what was not reached, and behind it what was; of a first time only the moment of asking is missing."""
        found_at = max(self._oldest_at, self._begins_at)
        begins_at = self._begins_at if self._cursor else found_at - A_MOMENT
        spans = [Span(begins_at, found_at, outcome, reason), Span(found_at, self._ends_at, Outcome.ANSWERED)]
        return [span for span in spans if span.begins_at < span.ends_at]


def read_cursor(text: str | None) -> Cursor | None:
    """Return a cursor from its text.

    >>> str(read_cursor("t3_fsfhli@1585675830")), read_cursor(None)
    ('t3_fsfhli@1585675830', None)
    """
    if text is None:
        return None
    if not (found := _CURSOR.fullmatch(text)):
        raise EpilakeError(f"{text!r} is no cursor of Reddit's: `t3_fsfhli@1585675830` is one.")
    return Cursor(found[1], datetime.fromtimestamp(int(found[3]), UTC))


def name_of(thing: Any) -> str:
    """Return the fullname of a thing in a listing, empty if it has none."""
    data = thing.get("data") if isinstance(thing, dict) else None
    name = data.get("name") if isinstance(data, dict) else None
    return name if isinstance(name, str) and _FULLNAME.fullmatch(name) else ""


def number_of(name: str) -> int:
    """Return the number in a fullname, which grows with time; -1 for an empty one.

    >>> number_of("t3_fsfhli") > number_of("t3_ehyie2") > number_of("")
    True
    """
    found = _FULLNAME.fullmatch(name)
    return int(found[1], 36) if found and found[1] else -1
