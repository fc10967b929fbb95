"""Live posts of Bluesky from Jetstream, its stream of events as JSON over a WebSocket.

The protocol: https://github.com/bluesky-social/jetstream, `/subscribe`. A cursor is a moment in microseconds since
1970, `time_us` of an event, and holds on every server; servers replay about a day from it. Events are only nearly in
the order of their times, so that after a pause the stream is asked for again from some seconds before the last event:
each event comes at least once, and what came twice is dropped by the lake. A server that has forgotten the cursor
begins, without a word, at its oldest event: what lies between is reported as a gap.

There is no query: a stream brings everything of its collections, and `keep` decides what is worth handing over.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flows.collectors import Outcome, Page, Span
from flows.collectors.bluesky.page import PageDraft, Position
from flows.collectors.pace import Pace
from flows.errors import EpilakeError

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

PUBLIC_URL = "wss://jetstream2.us-east.bsky.network/subscribe"
POSTS = ("app.bsky.feed.post",)
REWIND = timedelta(seconds=5)
MAX_MESSAGE_BYTES = 262_144
"""A post's text has 3,000 bytes at most; the server leaves out what is larger than this."""
PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
"""Refusals that waiting mends; every other one below 500 is about what was asked."""


class Jetstream:
    """Follows one Jetstream server; see `Collector`."""

    source = "bluesky"

    def __init__(
        self,
        *,
        url: str = PUBLIC_URL,
        collections: tuple[str, ...] = POSTS,
        keep: Callable[[bytes], bool] | None = None,
        pace: Pace | None = None,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
    ) -> None:
        """Say what to follow.

        Args:
            url: Address of the server's `/subscribe`.
            collections: Collections of records to follow; `app.bsky.feed.repost` brings the reposts.
            keep: Whether to hand an event over, by its JSON. What says that a post or an account is gone is always
                handed over, for it may be about what was kept long ago.
            pace: Sizes and waiting times.
            max_message_bytes: The server leaves out events that are larger.
        """
        self.url, self.collections, self.keep = url, collections, keep
        self.pace, self.max_message_bytes = pace or Pace(), max_message_bytes

    def collect(self, requests: tuple[str, ...], cursors: dict[str, str], *, until: datetime) -> Iterator[Page]:
        """Yield what comes until then; see `Collector.collect`.

        The only request is the empty one. If the server cannot be reached to the end, the last page is empty and its
        span says so.
        """
        from websockets.exceptions import WebSocketException

        if any(requests):
            raise EpilakeError(
                f"Jetstream cannot search: expected no request, found {requests[0]!r}; give `keep` instead."
            )
        position, failures, outcome, reason = Position.of(cursors.get("")), 0, Outcome.FAILED, ""
        while datetime.now(UTC) < until:
            position.count_asked += 1
            try:
                connection = self._connect(position)
                with connection:
                    for page in self._pages(connection, position, until):
                        failures = 0
                        yield page
                continue  # not a success yet: a connection on which nothing came proves nothing
            except (WebSocketException, OSError) as error:
                outcome, reason = refusal(error, self.url)
            failures += 1
            self._wait(failures, until)
        if failures:
            spans = [Span(position.came_to, until, outcome, reason)]
            yield Page("", b"", position.cursor, position.count_asked, spans)

    def _connect(self, position: Position) -> "ClientConnection":
        from websockets.sync.client import connect

        wanted = [("wantedCollections", name) for name in self.collections]
        sizes = [("maxMessageSizeBytes", str(self.max_message_bytes))]
        since = [("cursor", position.rewound(REWIND))] if position.cursor else []
        return connect(
            f"{self.url}?{urlencode([*wanted, *sizes, *since])}",
            user_agent_header="epilake",
            ping_interval=self.pace.heartbeat_seconds,
            ping_timeout=self.pace.heartbeat_seconds,
            close_timeout=1,  # a server in full flow does not hear that we leave
            max_size=2 * self.max_message_bytes,
            max_queue=self.pace.page_events,
        )

    def _pages(self, connection: "ClientConnection", position: Position, until: datetime) -> Iterator[Page]:
        """Yield the pages of one connection; what a page holds when the connection breaks is handed over first.

        Raises:
            ConnectionClosed: The server, or the network, ended it.
            TimeoutError: Nothing came for too long.
        """
        from websockets.exceptions import ConnectionClosed

        position.is_checked = False
        heard_at, broken = time.monotonic(), None
        while not broken and datetime.now(UTC) < until:
            draft = PageDraft(position, self._is_kept)
            try:
                self._fill(connection, draft, until)
            except ConnectionClosed as error:
                broken = error
            if draft.count_events:
                heard_at = time.monotonic()
                yield draft.finish()
            elif time.monotonic() - heard_at > self.pace.silence_seconds:
                raise TimeoutError(f"no event for {self.pace.silence_seconds:g} seconds")
        if broken:
            raise broken

    def _fill(self, connection: "ClientConnection", draft: PageDraft, until: datetime) -> None:
        """Read events into the page until it is large enough or its time is up."""
        ends_at = time.monotonic() + min(self.pace.page_seconds, (until - datetime.now(UTC)).total_seconds())
        while draft.count_events < self.pace.page_events and draft.count_bytes < self.pace.page_bytes:
            try:
                draft.add(connection.recv(timeout=max(0, ends_at - time.monotonic()), decode=False))
            except TimeoutError:
                return
            if time.monotonic() > ends_at:
                return

    def _is_kept(self, message: bytes, event: dict[str, Any]) -> bool:
        """Say whether to hand an event over; one that cannot be read is, for the parser to refuse it."""
        commit = event.get("commit")
        is_deletion = isinstance(commit, dict) and commit.get("operation") == "delete"
        return self.keep is None or not event or event.get("kind") == "account" or is_deletion or self.keep(message)

    def _wait(self, failures: int, until: datetime) -> None:
        time.sleep(max(0, min(self.pace.pause(failures), (until - datetime.now(UTC)).total_seconds())))


def refusal(error: Exception, url: str) -> tuple[Outcome, str]:
    """Return what came of asking, and why, if waiting may mend it.

    Raises:
        EpilakeError: It will not.

    >>> refusal(ConnectionRefusedError(111, "Connection refused"), "ws://localhost:1")
    (<Outcome.FAILED: 'failed'>, '[Errno 111] Connection refused')
    """
    from websockets.exceptions import InvalidStatus, InvalidURI

    if isinstance(error, InvalidURI):
        raise EpilakeError(f"Expected the address of a Jetstream server, wss://…/subscribe, found {url!r}.") from error
    status = error.response.status_code if isinstance(error, InvalidStatus) else 0
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in PASSING:
        raise EpilakeError(
            f"{url} refused the stream with HTTP {status}: check the address and the collections."
        ) from error
    return Outcome.LIMITED if status == HTTPStatus.TOO_MANY_REQUESTS else Outcome.FAILED, str(error)
