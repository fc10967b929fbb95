"""News feeds, polled over HTTP: a feed that has not changed is not sent again (RFC 9110, conditional requests).

A feed holds its last few entries only. If none of those of the last time is left in a feed that is as long as it was,
some may have come and gone between: a gap.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from flows.collectors import Outcome, Page, Span
from flows.errors import EpilakeError, OverblownFileError
from flows.sources.feeds import read_entry, read_feed, spell_entry

if TYPE_CHECKING:
    import httpx

ACCEPT = "application/atom+xml, application/rss+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1"
MAX_REDIRECTS = 5
FIRST_DAYS = timedelta(days=7)
"""How much of what a feed holds the first time counts as asked for."""
A_MOMENT = timedelta(seconds=1)
LOST = "the feed holds nothing any more of what it held the last time"


class Cursor(BaseModel):
    """What a feed said the last time: its validators, how many entries it had, and the time of the newest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    asked_until: datetime
    etag: str | None = None
    modified: str | None = None
    count: int = 0
    newest_at: datetime | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What makes a request conditional."""
        named = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: held for name, held in named.items() if held}


class FeedPoll:
    """Requests are addresses of feeds; see `Collector`. A feed that fails does not keep others from being asked."""

    source = "feeds"

    def __init__(
        self,
        user_agent: str = "epilake",
        *,
        max_bytes: int = 16_000_000,
        timeout_seconds: float = 30,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Limit an answer to so many bytes, decompressed, and so many seconds."""
        self._user_agent = user_agent
        self._max_bytes = max_bytes
        self._timeout_seconds = timeout_seconds
        self._clock = clock

    def collect(self, requests: tuple[str, ...], cursors: dict[str, str], *, until: datetime) -> Iterator[Page]:
        """Yield one page per feed; see `Collector.collect`."""
        import httpx

        todo = [(check_address(address), read_cursor(cursors.get(address))) for address in requests]
        headers = {"User-Agent": self._user_agent, "Accept": ACCEPT}
        with httpx.Client(
            headers=headers, timeout=self._timeout_seconds, follow_redirects=True, max_redirects=MAX_REDIRECTS
        ) as client:
            for address, cursor in todo:
                ends_at = min(until, self._clock())
                try:
                    yield self._poll(client, address, cursor, ends_at)
                except (httpx.HTTPError, httpx.InvalidURL) as error:
                    yield break_off(address, cursor, ends_at, Outcome.FAILED, f"{type(error).__name__}: {error}")
                except EpilakeError as error:
                    yield break_off(address, cursor, ends_at, Outcome.FAILED, str(error))

    def _poll(self, client: "httpx.Client", address: str, cursor: Cursor | None, ends_at: datetime) -> Page:
        """Ask for one feed and return what came of it."""
        deadline = time.monotonic() + self._timeout_seconds
        with client.stream("GET", address, headers=cursor.headers if cursor else {}) as response:
            status = response.status_code
            if status == HTTPStatus.NOT_MODIFIED and cursor:
                unchanged = cursor.model_copy(update={"asked_until": ends_at})
                span = Span(min(cursor.asked_until, ends_at), ends_at, Outcome.ANSWERED)
                return Page(address, b"", unchanged.model_dump_json(), spans=[span])
            if status != HTTPStatus.OK:
                outcome = Outcome.LIMITED if status == HTTPStatus.TOO_MANY_REQUESTS else Outcome.FAILED
                return break_off(address, cursor, ends_at, outcome, f"the feed answers {status}")
            content = self._read(response, deadline)
        return make_page(address, content, response.headers, cursor, ends_at)

    def _read(self, response: "httpx.Response", deadline: float) -> bytes:
        """Return the body; httpx itself limits only the time between two pieces."""
        import httpx

        content = bytearray()
        for piece in response.iter_bytes():
            content += piece
            if len(content) > self._max_bytes:
                raise OverblownFileError(f"the feed is larger than {self._max_bytes:,} bytes")
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout(f"the feed took longer than {self._timeout_seconds:g} seconds")
        return bytes(content)


def make_page(address: str, content: bytes, headers: "httpx.Headers", cursor: Cursor | None, ends_at: datetime) -> Page:
    """Return all entries of a feed, and whether some were missed since the last time."""
    entries = read_feed(content, address)
    times = [moment for entry in entries if (moment := read_entry(entry).posted_at)]
    oldest_at = min(times, default=ends_at)
    begins_at = min(cursor.asked_until if cursor else max(oldest_at, ends_at - FIRST_DAYS), ends_at)
    spans = [Span(begins_at, ends_at, Outcome.ANSWERED)]
    if times and cursor and cursor.newest_at and cursor.newest_at < oldest_at and len(entries) >= cursor.count:
        found_at = min(max(begins_at, oldest_at), ends_at)
        spans = [Span(begins_at, found_at, Outcome.GAP, LOST), Span(found_at, ends_at, Outcome.ANSWERED)]
    following = Cursor(
        asked_until=ends_at,
        etag=headers.get("ETag"),
        modified=headers.get("Last-Modified"),
        count=len(entries),
        newest_at=max(times, default=cursor.newest_at if cursor else None),
    )
    return Page(address, b"".join(map(spell_entry, entries)), following.model_dump_json(), spans=spans)


def break_off(address: str, cursor: Cursor | None, ends_at: datetime, outcome: Outcome, reason: str) -> Page:
    """Return an empty page that says why there is nothing; the cursor stays where it was."""
    begins_at = min(cursor.asked_until if cursor else ends_at - A_MOMENT, ends_at)
    kept = cursor.model_dump_json() if cursor else None
    return Page(address, b"", kept, spans=[Span(begins_at, ends_at, outcome, reason)])


def check_address(address: str) -> str:
    """Return an address that HTTP can ask, or refuse it.

    >>> check_address("https://www.who.int/rss-feeds/news-english.xml")
    'https://www.who.int/rss-feeds/news-english.xml'
    """
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(address)
        is_fit = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_fit = False
    if not is_fit:
        raise EpilakeError(f"{address!r} is no address of a feed: write one that begins with https:// or http://.")
    return address


def read_cursor(text: str | None) -> Cursor | None:
    """Return a cursor from its text.

    >>> read_cursor('{"asked_until": "2020-02-05T00:00:00Z", "etag": "x"}').headers
    {'If-None-Match': 'x'}
    """
    try:
        return Cursor.model_validate_json(text) if text else None
    except ValidationError as error:
        raise EpilakeError(f"{text!r} is no cursor of a feed: delete it, and the feed is read anew.") from error
