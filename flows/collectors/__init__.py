"""Clients of live sources: what to ask, pages of answers out, each in the spelling that the source's parser reads.

A collector only speaks its network's protocol. It writes nothing: a page is handed over in memory, and its cursor is
recorded by `flows.collect` once the page is in RAW, so that a run that was killed asks again for what it had not
stored. What a page holds is refused, protected and counted by the same code as a file's records.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from flows.errors import EpilakeError


class Outcome(StrEnum):
    """What came of asking for a span of time."""

    ANSWERED = "answered"
    """The source gave all that it has of the span, which may be nothing."""
    LIMITED = "limited"
    """A rate limit or the spending cap ended the asking before the span was through."""
    FAILED = "failed"
    """The source could not be reached or gave an error."""
    GAP = "gap"
    """The source says, or its cursor shows, that posts of the span are lost to us."""


class UnansweredError(EpilakeError):
    """A call brought nothing, for a reason that may pass; the message is the reason of the span."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


@dataclass(frozen=True)
class Span:
    """What was asked about one stretch of time, and what came of it; both ends in UTC, the second exclusive."""

    begins_at: datetime
    ends_at: datetime
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True)
class Page:
    """One answer: bytes that the source's `parse` reads, for which request, and from where to go on after it.

    Attributes:
        request: The request that it answers, in the source's own query language; empty for a stream without filter.
        content: The posts and notices as the source spelt them, one JSON object a line; empty if there were none.
        cursor: Where to go on, in the source's own terms; None if the request cannot be resumed.
        count_asked: Calls of the network that it took.
        spans: What the page says about coverage, if anything.
        cost: What the call cost, in units of the source's own price list (posts read, for X).
    """

    request: str
    content: bytes
    cursor: str | None
    count_asked: int = 1
    spans: list[Span] = field(default_factory=list)
    cost: int = 0


class Collector(Protocol):
    """What `flows.collect` asks of a live source."""

    source: str
    """Name of the source whose `parse` reads the pages."""

    def collect(self, requests: tuple[str, ...], cursors: dict[str, str], *, until: datetime) -> Iterator[Page]:
        """Yield pages until everything up to `until` was asked for, or a stream has run until then.

        Args:
            requests: What to ask, in the source's own query language, as `flows.topics.translate` spells it.
            cursors: Request → cursor of the last page of it that was stored; absent: begin anew.
            until: When to stop, in UTC.

        Raises:
            EpilakeError: The credentials are refused or the settings are wrong: nothing that waiting would mend.
        """
        ...
