"""Live posts of one Mastodon instance: its public stream or those of hashtags, and its timelines for what they missed.

A stream (https://docs.joinmastodon.org/methods/streaming) has no cursor and replays nothing. So whenever one opens or
breaks, the timeline of the same posts is asked for what lies between the last one known and the newest there is; only
when that is through does the cursor follow the stream. A cursor is `<instance>/<id>`, for an id says something only
where it was given.

What the timeline cannot bring back are deletions and edits that came while a stream was broken. What it brings is what
the instance knows: posts of accounts that nobody there follows are not among it. An access token, which most instances
ask for, brings its account's blocks and languages with it: it should have none.
"""

import queue
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from urllib.parse import urlsplit

from flows.collectors import Outcome, Page
from flows.collectors.mastodon.client import Closed, EventStream, Heard, Opened, Signal, Timeline
from flows.collectors.mastodon.feed import Feed
from flows.collectors.pace import Pace
from flows.errors import EpilakeError

MAX_STREAMS = 50
"""Each hashtag is a connection of its own, and a request for each time it breaks, of 300 in five minutes."""
MAX_REASON_CHARACTERS = 200
_HASHTAG = re.compile(r"#?(\w+)")


class MastodonStream:
    """Follows one instance; see `Collector`."""

    source = "mastodon"

    def __init__(self, *, url: str, access_token: str | None = None, pace: Pace | None = None) -> None:
        """Say which instance to follow.

        Args:
            url: Its address, such as `https://mastodon.example`.
            access_token: Token of an account there, with the scope `read:statuses`; None to ask as a stranger.
            pace: Sizes and waiting times.
        """
        self.url = url if "://" in url else f"https://{url}"
        self.instance, self.access_token, self.pace = urlsplit(self.url).netloc, access_token, pace or Pace()

    def collect(self, requests: tuple[str, ...], cursors: dict[str, str], *, until: datetime) -> Iterator[Page]:
        """Yield what comes until then; see `Collector.collect`.

        A request is a hashtag, with or without its #, or empty for the public stream, which holds all of them. At the
        end each request has a page that says how far it was heard.
        """
        feeds = {request: self._make_feed(request, cursors) for request in dict.fromkeys(requests)}
        if len(feeds) > MAX_STREAMS:
            raise EpilakeError(
                f"Expected at most {MAX_STREAMS} hashtags, found {len(feeds)}: follow all public posts of "
                f"{self.instance} instead, which is the empty request."
            )
        inbox: queue.Queue[Signal] = queue.Queue(self.pace.page_events)
        timeline = Timeline(self.url, self.access_token)
        streams = [
            EventStream(self.url, self.access_token, feed.request, feed.hashtag, self.pace) for feed in feeds.values()
        ]
        try:
            for stream in streams:
                stream.start(inbox)
            yield from self._follow(feeds, inbox, timeline, until)
        finally:
            for stream in streams:
                stream.stop()
            timeline.close()

    def _follow(
        self, feeds: dict[str, Feed], inbox: "queue.Queue[Signal]", timeline: Timeline, until: datetime
    ) -> Iterator[Page]:
        page_due = time.monotonic() + self.pace.page_seconds
        while (left := (until - datetime.now(UTC)).total_seconds()) > 0:
            self._hear(feeds, inbox, min(page_due, time.monotonic() + left))
            for feed in feeds.values():
                if feed.is_due():
                    self._ask(feed, timeline)
            is_time = time.monotonic() >= page_due
            for feed in feeds.values():
                if feed.lines and (is_time or feed.is_full(self.pace)):
                    yield feed.finish_page()
            if is_time:
                page_due = time.monotonic() + self.pace.page_seconds
        self._hear(feeds, inbox, ends_at=0)
        for feed in feeds.values():
            yield feed.finish(until)

    def _make_feed(self, request: str, cursors: dict[str, str]) -> Feed:
        found = _HASHTAG.fullmatch(request)
        if request and not found:
            raise EpilakeError(f"Expected a hashtag, or nothing for the public stream, found {request!r}.")
        return Feed(self.instance, request, found[1] if found else "", cursors.get(request))

    def _hear(self, feeds: dict[str, Feed], inbox: "queue.Queue[Signal]", ends_at: float) -> None:
        """Take what the streams bring until then, or until a page is full; if a timeline is due, what there is."""
        while True:
            is_due = any(feed.is_due() for feed in feeds.values())
            try:
                signal = inbox.get(timeout=0 if is_due else max(0, ends_at - time.monotonic()))
            except queue.Empty:
                return
            feed = feeds[signal.request]
            match signal:
                case Opened():
                    feed.open()
                case Closed():
                    self._check_status(signal.status, f"the stream {feed.title}")
                    feed.close(signal.reason, is_limited=signal.status == HTTPStatus.TOO_MANY_REQUESTS)
                case Heard():
                    feed.hear(signal.event, signal.data)
            if feed.is_full(self.pace):
                return

    def _ask(self, feed: Feed, timeline: Timeline) -> None:
        """Ask the timeline for the next of what the stream did not bring."""
        from mastodon import MastodonError

        asked_at = datetime.now(UTC)
        try:
            feed.take(timeline.newer_than(feed.hashtag, feed.asks_from), asked_at=asked_at)
        except (MastodonError, ValueError) as error:
            outcome = self._outcome(error, feed)
            pause = timedelta(seconds=self.pace.pause(feed.failures + 1))
            opens_at = datetime.fromtimestamp(timeline.opens_at, UTC) if timeline.opens_at else asked_at + pause
            feed.put_off(
                outcome,
                str(error)[:MAX_REASON_CHARACTERS],
                opens_at if outcome is Outcome.LIMITED else asked_at + pause,
            )

    def _outcome(self, error: Exception, feed: Feed) -> Outcome:
        """Return what came of asking a timeline.

        Raises:
            EpilakeError: The instance refuses, and waiting will not mend it.
        """
        from mastodon import MastodonAPIError, MastodonRatelimitError

        if isinstance(error, MastodonRatelimitError):
            return Outcome.LIMITED
        status = error.args[1] if isinstance(error, MastodonAPIError) and len(error.args) > 1 else 0
        self._check_status(status, f"the timeline {feed.title}")
        return Outcome.FAILED

    def _check_status(self, status: object, what: str) -> None:
        """Refuse to go on if the instance will always refuse: 408 and 429 pass, and errors of its own."""
        is_refusal = isinstance(status, int) and HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        if is_refusal and status not in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS):
            raise EpilakeError(
                f"{self.instance} refused {what} with HTTP {status}: give an access token of an account there, with "
                "the scope read:statuses, or choose another instance."
            )
