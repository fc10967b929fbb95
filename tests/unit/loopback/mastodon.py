"""A Mastodon instance on the loopback address, and what a client got from it."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from flows.collectors import Outcome, Page
from flows.collectors.mastodon.stream import MastodonStream
from flows.collectors.pace import Pace
from tests.unit.loopback.server import QuietHandler, serving

PACE = Pace(page_seconds=0.05, silence_seconds=5, first_pause_seconds=0.05, longest_pause_seconds=0.1)
START_MS = time.time_ns() // 1_000_000 - 600_000
LIMIT = 40


def status_id(number: int) -> str:
    """Return the id that Mastodon makes of so many seconds after the start."""
    return str((START_MS + number * 1_000 << 16) + number)


def status(number: int, text: str = "fever") -> dict[str, Any]:
    account = {"id": "108", "username": "ana", "acct": "ana@clinic.example", "uri": "https://clinic.example/users/ana"}
    return {
        "id": status_id(number), "uri": f"https://clinic.example/users/ana/statuses/{number}", "visibility": "public",
        "created_at": "2026-07-04T03:48:33.901Z", "content": f"<p>{text} {number}</p>", "account": account,
        "tags": [{"name": "flu"}], "mentions": [], "media_attachments": [], "reblog": None, "language": "en",
    }  # fmt: skip


def event(name: str, payload: Any) -> bytes:
    data = payload if isinstance(payload, str) else json.dumps(payload)
    return f"event: {name}\ndata: {data}\n\n".encode()


@dataclass
class Instance:
    """Timelines and streams of one instance.

    Attributes:
        statuses: What the timelines hold, oldest first.
        scripts: For each stream in turn, what it sends; None breaks it, what has no end stays open. A function is
            called at that point. Absent: nothing is sent.
        stream_statuses: For each stream in turn, the HTTP status of a refusal; absent or 0: none.
        timeline_statuses: For each timeline in turn, likewise.
        resets_in: Seconds until the rate limit ends, from the moment it is met.
        on_timeline: Called before each timeline is answered.
    """

    statuses: list[dict[str, Any]] = field(default_factory=list)
    scripts: list[list[bytes | Callable[[], object] | None]] = field(default_factory=list)
    stream_statuses: list[int] = field(default_factory=list)
    timeline_statuses: list[int] = field(default_factory=list)
    resets_in: float = 0.5
    on_timeline: Callable[[], object] = lambda: None
    thumps: bool = True
    asked: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    is_closing: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    def paths(self, part: str) -> list[dict[str, list[str]]]:
        """Return the queries of the requests whose path holds this."""
        return [query for path, query in self.asked if part in path]

    def page(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        """Return a page of the timeline, as Mastodon pages: with `min_id` upwards from there, newest first in both."""
        limit = int(query.get("limit", ["20"])[0])
        known = sorted(self.statuses, key=lambda held: int(held["id"]))
        if "min_id" in query:
            return [held for held in known if int(held["id"]) > int(query["min_id"][0])][:limit][::-1]
        return known[::-1][:limit]


class Handler(QuietHandler):
    """Speaks HTTP for an instance."""

    instance: ClassVar[Instance]

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        self.instance.asked.append((parts.path, query))
        self.instance.tokens.add(self.headers["Authorization"])
        if parts.path == "/api/v2/instance/":
            self.answer(200, {"domain": "town.example", "version": "4.5.0", "api_versions": {"mastodon": 7}})
        elif parts.path == "/api/v1/instance/":
            self.answer(
                200, {"uri": "town.example", "urls": {"streaming_api": self.instance.url.replace("http", "ws")}}
            )
        elif "/api/v1/timelines/" in parts.path:
            self.answer_timeline(parts.path, query)
        elif "/api/v1/streaming/" in parts.path:
            self.answer_stream()
        else:
            self.answer(404, {"error": "Not found"})

    def answer_timeline(self, path: str, query: dict[str, list[str]]) -> None:
        self.instance.on_timeline()
        resets_at = datetime.now(UTC) + timedelta(seconds=self.instance.resets_in)
        headers = {"X-RateLimit-Limit": "300", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": resets_at.isoformat()}
        refusal = self.instance.timeline_statuses.pop(0) if self.instance.timeline_statuses else 0
        if refusal:
            self.answer(refusal, {"error": "Too many requests" if refusal == 429 else "No"}, headers)
            return
        page = self.instance.page(query)
        if page:
            links = {"next": f"max_id={page[-1]['id']}", "prev": f"min_id={page[0]['id']}"}
            url = f"{self.instance.url}{path}?limit={LIMIT}"
            headers["Link"] = ", ".join(f'<{url}&{held}>; rel="{name}"' for name, held in links.items())
        self.answer(200, page, headers)

    def answer_stream(self) -> None:
        refusal = self.instance.stream_statuses.pop(0) if self.instance.stream_statuses else 0
        if refusal:
            self.answer(refusal, {"error": "Missing access token"})
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        with suppress(OSError):
            self.write(b":)\n")
            for step in self.instance.scripts.pop(0) if self.instance.scripts else []:
                if isinstance(step, bytes):
                    self.write(step)
                elif step is None:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                else:
                    step()
            while not self.instance.is_closing.wait(0.05):
                self.write(b":thump\n" if self.instance.thumps else b"")

    def write(self, content: bytes) -> None:
        """Send one chunk; an empty one would end the answer."""
        if content:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
            self.wfile.flush()


class Server(ThreadingHTTPServer):
    """Waits at the end for those it still serves; a client that has left is no error."""

    daemon_threads = False

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@contextmanager
def lending(instance: Instance) -> Iterator[Instance]:
    """Serve an instance on an address of its own."""
    handler = type("Bound", (Handler,), {"instance": instance})
    with serving(Server(("127.0.0.1", 0), handler)) as server:
        instance.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield instance
        finally:
            instance.is_closing.set()


def follow(
    instance: Instance, *, requests: tuple[str, ...] = ("flu",), cursor: str | None = None, count: int = 10**9,
    to: int | None = None, streams: int | None = None, seconds: float = 20, pace: Pace = PACE,
    token: str | None = None,
) -> list[Page]:  # fmt: skip
    """Return the pages up to the one with the line of that number, whose cursor stands at that status, or that comes
    when so many streams have been asked for.
    """
    collector = MastodonStream(url=instance.url, access_token=token, pace=pace)
    cursors = {} if cursor is None else {requests[0]: cursor}
    pages: list[Page] = []
    with closing(collector.collect(requests, cursors, until=datetime.now(UTC) + timedelta(seconds=seconds))) as stream:
        for page in stream:
            pages.append(page)
            is_there = to is not None and page.cursor == cursor_at(instance, to)
            if is_there or len(lines(pages)) >= count or (streams and len(instance.paths("/streaming/")) >= streams):
                break
    return pages


def cursor_at(instance: Instance, number: int) -> str:
    return f"{instance.host}/{status_id(number)}"


def lines(pages: list[Page]) -> list[dict[str, Any]]:
    return [json.loads(line) for page in pages for line in page.content.splitlines()]


def numbers(pages: list[Page]) -> list[int]:
    """Return the numbers of the statuses in the pages."""
    payloads = [line["payload"] for line in lines(pages)]
    return [int(payload["uri"].rpartition("/")[2]) for payload in payloads if isinstance(payload, dict)]


def outcomes(pages: list[Page]) -> list[Outcome]:
    return [span.outcome for page in pages for span in page.spans]
