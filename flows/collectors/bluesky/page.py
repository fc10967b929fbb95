"""Where a follower of Jetstream stands, and the page that it is filling."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from flows.collectors import Outcome, Page, Span
from flows.errors import EpilakeError

GAP = timedelta(minutes=1)
"""If the first event comes so long after the moment that was asked for, the server had forgotten what lay between."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass
class Position:
    """How far the stream was followed.

    Attributes:
        came_to: Time of the newest event; at first that of the cursor, or of the beginning.
        cursor: The same in microseconds since 1970; None until there was a cursor or an event.
        is_checked: Whether the first event of the present connection was compared with what was asked for.
        count_asked: Connections that were tried since the last page.
    """

    came_to: datetime
    cursor: str | None = None
    is_checked: bool = False
    count_asked: int = 0

    @classmethod
    def of(cls, cursor: str | None) -> Self:
        """Return the position of a cursor, or the beginning: now.

        Raises:
            EpilakeError: It is no cursor of Jetstream.
        """
        if cursor is None:
            return cls(datetime.now(UTC))
        try:
            return cls(EPOCH + int(cursor) * MICROSECOND, cursor)
        except (ValueError, OverflowError) as error:
            raise EpilakeError(
                f"Expected a cursor in microseconds since 1970, found {cursor!r}: begin anew."
            ) from error

    def rewound(self, by: timedelta) -> str:
        """Return the cursor of a moment before.

        >>> Position(EPOCH + timedelta(seconds=7), "7000000").rewound(timedelta(seconds=5))
        '2000000'
        """
        return str(max(0, (self.came_to - by - EPOCH) // MICROSECOND))

    def move_to(self, moment: datetime) -> None:
        """Go on to an event; never back, and never ahead of the clock.

        An event from the future would make a cursor from which nothing is replayed, whatever was missed until then.
        """
        moment = min(moment, datetime.now(UTC))
        if self.cursor is None or moment > self.came_to:
            self.came_to, self.cursor = moment, str((moment - EPOCH) // MICROSECOND)


@dataclass
class PageDraft:
    """The page that is being filled; it moves the position as it takes events."""

    position: Position
    is_kept: Callable[[bytes, dict[str, Any]], bool]
    lines: list[bytes] = field(default_factory=list)
    count_events: int = 0
    count_bytes: int = 0
    spans: list[Span] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._begins_at = self.position.came_to

    def add(self, message: bytes) -> None:
        """Take one event; one without a time moves nothing."""
        event = read_event(message)
        self.count_events += 1
        if self.is_kept(message, event):
            self.lines.append(message)
            self.count_bytes += len(message)
        seen_at = event.get("time_us")
        if isinstance(seen_at, int):
            self._move_to(EPOCH + seen_at * MICROSECOND)

    def finish(self) -> Page:
        """Return the page, with what it says about coverage."""
        if self.position.came_to > self._begins_at:
            self.spans.append(Span(self._begins_at, self.position.came_to, Outcome.ANSWERED))
        count_asked, self.position.count_asked = self.position.count_asked, 0
        content = b"".join(line + b"\n" for line in self.lines)
        return Page("", content, self.position.cursor, count_asked, self.spans)

    def _move_to(self, moment: datetime) -> None:
        if not self.position.is_checked and moment - self._begins_at > GAP:
            self.spans.append(Span(self._begins_at, moment, Outcome.GAP, "the server begins later than the cursor"))
            self._begins_at = moment
        self.position.is_checked = True
        self.position.move_to(moment)


def read_event(message: bytes) -> dict[str, Any]:
    """Return an event, or an empty object if it is none.

    >>> read_event(b'{"kind": "commit"}'), read_event(b"[]"), read_event(b"{")
    ({'kind': 'commit'}, {}, {})
    """
    import orjson

    try:
        event = orjson.loads(message)
    except orjson.JSONDecodeError:
        return {}
    return event if isinstance(event, dict) else {}
