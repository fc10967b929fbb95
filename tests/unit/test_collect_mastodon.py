"""A Mastodon instance on the loopback: whatever its streams and timelines do, nothing is lost in silence."""

import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from flows.collectors import Outcome, Page
from flows.collectors.mastodon.stream import MastodonStream
from flows.collectors.pace import Pace
from flows.errors import EpilakeError
from flows.sources.mastodon import Mastodon

PACE = Pace(page_seconds=0.2, silence_seconds=5, first_pause_seconds=0.05, longest_pause_seconds=0.1)
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


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP for an instance."""

    protocol_version = "HTTP/1.1"
    instance: ClassVar[Instance]

    def log_message(self, *_: object) -> None:
        pass

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

    def answer(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        held = {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(content))}
        for name, value in {**held, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

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
def serving(instance: Instance) -> Iterator[Instance]:
    handler = type("Bound", (Handler,), {"instance": instance})
    with Server(("127.0.0.1", 0), handler) as server:
        instance.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield instance
        instance.is_closing.set()
        server.shutdown()
        thread.join()


def follow(
    instance: Instance, *, requests: tuple[str, ...] = ("flu",), cursor: str | None = None, count: int = 10**9,
    to: int | None = None, seconds: float = 20, pace: Pace = PACE, token: str | None = None,
) -> list[Page]:  # fmt: skip
    """Return the pages up to the one with the line of that number, or whose cursor stands at that status."""
    collector = MastodonStream(url=instance.url, access_token=token, pace=pace)
    cursors = {} if cursor is None else {requests[0]: cursor}
    pages: list[Page] = []
    with closing(collector.collect(requests, cursors, until=datetime.now(UTC) + timedelta(seconds=seconds))) as stream:
        for page in stream:
            pages.append(page)
            if len(lines(pages)) >= count or (to and page.cursor == cursor_at(instance, to)):
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


def test_what_a_stream_sends_comes_as_the_parser_reads_it() -> None:
    edited = {**status(1, "measles"), "edited_at": "2026-07-04T05:00:00.000Z"}
    script = [
        b":thump\n", event("update", status(1)), b":thump\n", event("status.update", edited),
        event("filters_changed", "undefined"), event("update", status(2)), event("delete", status_id(1)),
    ]  # fmt: skip
    with serving(Instance(scripts=[script])) as instance:
        pages = follow(instance, requests=("#flu",), count=5)
    drafts = [draft for page in pages for draft in Mastodon().parse(io.BytesIO(page.content), chunk_records=9)]
    rows = [row for draft in drafts for row in draft.rows.to_pylist()]
    notices = [notice for draft in drafts for notice in draft.notices]
    assert [row["text"] for row in rows] == ["fever 1", "measles 1", "fever 2"]
    assert [notice.post_id for notice in notices] == [rows[0]["local_id"]] == [f"{instance.host}/{status_id(1)}"]
    assert {page.request for page in pages} == {"#flu"}
    assert instance.paths("/streaming/hashtag") == [{"tag": ["flu"]}]


@pytest.mark.parametrize("pieces", [1, 7, 10_000], ids=["a byte at a time", "seven bytes at a time", "all at once"])
def test_events_come_whole_however_the_network_cuts_them(pieces: int) -> None:
    content = event("update", status(1, "Fièvre 🤒")) + event("delete", "17")
    script = [content[at : at + pieces] for at in range(0, len(content), pieces)]
    with serving(Instance(scripts=[script])) as instance:
        pages = follow(instance, count=2)
    assert [line["payload"] for line in lines(pages)] == [status(1, "Fièvre 🤒"), "17"]


def test_the_public_stream_is_the_empty_request() -> None:
    with serving(Instance([status(1)], scripts=[[event("update", status(2))]])) as instance:
        pages = follow(instance, requests=("",), count=2, token="secret")
    assert (sorted(numbers(pages)), pages[-1].request) == ([1, 2], "")
    assert (instance.paths("/streaming/public"), len(instance.paths("/timelines/public"))) == ([{}], 1)
    assert instance.tokens == {"Bearer secret"}


def test_a_first_run_takes_the_newest_posts_and_then_the_stream() -> None:
    held = [status(number) for number in range(1, 101)]
    with serving(Instance(held, scripts=[[event("update", status(101))]])) as instance:
        pages = follow(instance, count=41)
    assert sorted(numbers(pages)) == list(range(61, 102))
    assert pages[-1].cursor == cursor_at(instance, 101)


def test_what_came_since_the_cursor_is_asked_for_page_by_page() -> None:
    held = [status(number) for number in range(1, 401)]
    with serving(Instance(held)) as instance:
        pages = follow(instance, cursor=cursor_at(instance, 200), to=400)
    assert set(numbers(pages)) == set(range(81, 401)), "from two minutes before the cursor"
    assert pages[-1].cursor == cursor_at(instance, 400)
    asked = instance.paths("/timelines/tag/flu")
    assert [query["limit"] for query in asked] == [["40"]] * 9
    assert asked[2]["min_id"] == [status_id(120)]
    assert outcomes(pages) == [Outcome.ANSWERED] * len(outcomes(pages))
    assert sum(page.count_asked for page in pages) == 10


def test_a_post_that_came_late_from_another_instance_is_found_although_its_id_is_older() -> None:
    with serving(Instance([status(number) for number in (1, 150, 300)])) as instance:
        instance.statuses.insert(1, status(250, "came late"))
        pages = follow(instance, cursor=cursor_at(instance, 300), count=4)
    assert 250 in numbers(pages)
    assert pages[-1].cursor == cursor_at(instance, 300)


def test_nothing_is_lost_while_a_stream_is_broken() -> None:
    instance = Instance([status(1)])

    def publish(first: int, last: int) -> Callable[[], object]:
        return lambda: instance.statuses.extend(status(number) for number in range(first, last))

    instance.scripts = [
        [publish(2, 4), event("update", status(2)), event("update", status(3)), publish(4, 60), None],
        [publish(60, 62), event("update", status(60)), None],
        [None],
        [publish(62, 64), event("update", status(62)), event("update", status(63))],
    ]
    with serving(instance):
        pages = follow(instance, cursor=cursor_at(instance, 1), to=63)
    assert set(numbers(pages)) == set(range(1, 64))
    assert set(outcomes(pages)) == {Outcome.ANSWERED}
    spans = [span for page in pages for span in page.spans]
    assert all(before.ends_at == after.begins_at for before, after in pairwise(spans))


def test_a_timeline_that_grows_as_fast_as_it_is_asked_comes_to_an_end() -> None:
    instance = Instance([status(number) for number in range(1, 301)])
    numbering = iter(range(301, 10_000))
    instance.on_timeline = lambda: instance.statuses.append(status(next(numbering)))
    with serving(instance):
        follow(instance, cursor=cursor_at(instance, 200), seconds=1.5)
    assert len(instance.paths("/timelines/")) < 9


def test_a_rate_limit_is_waited_for_until_it_ends() -> None:
    held = [status(number) for number in range(1, 401)]
    with serving(Instance(held, timeline_statuses=[0, 0, 429])) as instance:
        began = time.monotonic()
        pages = follow(instance, cursor=cursor_at(instance, 300), count=40 + 220)
    assert time.monotonic() - began > 0.5
    assert (set(numbers(pages)), pages[-1].cursor) == (set(range(181, 401)), cursor_at(instance, 400))
    assert set(outcomes(pages)) <= {Outcome.ANSWERED}


def test_a_rate_limit_beyond_the_end_is_told_and_the_cursor_stays_before_the_hole() -> None:
    held = [status(number) for number in range(1, 401)]
    script = [event("update", status(number)) for number in (401, 402)]
    limits = [0, 0, 429]
    with serving(Instance(held, [script], timeline_statuses=limits, resets_in=60)) as instance:
        pages = follow(instance, cursor=cursor_at(instance, 200), seconds=4)
    assert {401, 402} <= set(numbers(pages)), "what the stream brings meanwhile is handed over"
    assert {page.cursor for page in pages} == {cursor_at(instance, 200)}
    last = pages[-1].spans[-1]
    assert (last.outcome, last.reason) == (Outcome.LIMITED, "Hit rate limit.")
    assert abs(last.begins_at.timestamp() - START_MS / 1000 - 200) < 1
    assert len(instance.paths("/timelines/")) == 3, "a limit is not knocked at"


def test_what_was_walked_before_a_limit_need_not_be_walked_again() -> None:
    held = [status(number) for number in range(1, 401)]
    with serving(Instance(held, timeline_statuses=[0] * 6 + [429], resets_in=60)) as instance:
        pages = follow(instance, cursor=cursor_at(instance, 200), count=6 * LIMIT)
    assert pages[-1].cursor == cursor_at(instance, 80 + 5 * LIMIT)


def test_while_no_stream_can_be_opened_the_timeline_stands_in() -> None:
    instance = Instance([status(1)], stream_statuses=[503] * 999)
    with serving(instance):
        threading.Timer(0.5, lambda: instance.statuses.append(status(2))).start()
        pages = follow(instance, cursor=cursor_at(instance, 1), seconds=3)
    assert set(numbers(pages)) == {1, 2}
    assert pages[-1].cursor == cursor_at(instance, 2)
    assert outcomes(pages)[-1] is Outcome.FAILED
    assert "Service Unavailable" in pages[-1].spans[-1].reason


def test_an_instance_that_cannot_be_reached_is_told_at_the_end_and_moves_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    until = datetime.now(UTC) + timedelta(seconds=0.6)
    cursor = f"{host}/{status_id(5)}"
    pages = list(MastodonStream(url=f"http://{host}", pace=PACE).collect(("flu",), {"flu": cursor}, until=until))
    assert [(page.content, page.cursor) for page in pages] == [(b"", cursor)]
    assert [(span.outcome, span.ends_at) for span in pages[0].spans] == [(Outcome.FAILED, until)]


@pytest.mark.parametrize("code", [401, 403, 404])
def test_a_stream_that_is_refused_for_good_is_an_error(code: int) -> None:
    with (
        serving(Instance(stream_statuses=[code])) as instance,
        pytest.raises(EpilakeError, match=f"refused the stream of #flu with HTTP {code}: give an access token"),
    ):
        follow(instance)


@pytest.mark.parametrize("code", [401, 422])
def test_a_timeline_that_is_refused_for_good_is_an_error(code: int) -> None:
    with (
        serving(Instance(timeline_statuses=[code])) as instance,
        pytest.raises(EpilakeError, match=f"refused the timeline of all public posts with HTTP {code}"),
    ):
        follow(instance, requests=("",))


@pytest.mark.parametrize("code", [500, 502, 503])
def test_a_timeline_that_fails_is_asked_again(code: int) -> None:
    with serving(Instance([status(1), status(2)], timeline_statuses=[code])) as instance:
        pages = follow(instance, count=2)
    assert numbers(pages) == [1, 2]


def test_each_hashtag_has_its_own_stream_and_cursor() -> None:
    with serving(Instance([status(1), status(2)])) as instance:
        pages = follow(instance, requests=("flu", "Fièvre", "flu"), seconds=2)
    assert {page.request: page.cursor for page in pages} == dict.fromkeys(("flu", "Fièvre"), cursor_at(instance, 2))
    assert sorted(query["tag"] for query in instance.paths("/streaming/")) == [["Fièvre"], ["flu"]]


def test_a_cursor_of_another_instance_says_nothing_here() -> None:
    with serving(Instance([status(number) for number in range(1, 101)])) as instance:
        pages = follow(instance, cursor=f"other.example/{status_id(5)}", count=40)
    assert numbers(pages) == list(range(61, 101))


def test_a_quiet_stream_says_at_the_end_that_it_was_heard() -> None:
    with serving(Instance()) as instance:
        pages = follow(instance, seconds=2)
    assert [(page.content, page.cursor) for page in pages] == [(b"", None)]
    assert outcomes(pages) == [Outcome.ANSWERED]


def test_a_stream_without_a_sign_of_life_is_given_up_and_opened_again() -> None:
    pace = Pace(page_seconds=0.1, silence_seconds=0.3, first_pause_seconds=0.05)
    with serving(Instance([status(1)], thumps=False)) as instance:
        follow(instance, seconds=3, pace=pace)
    assert len(instance.paths("/streaming/")) > 1


def test_a_page_is_bounded() -> None:
    held = [status(number) for number in range(1, 301)]
    with serving(Instance(held)) as instance:
        pages = follow(instance, cursor=cursor_at(instance, 121), count=300, pace=Pace(page_seconds=9, page_events=50))
    assert max(len(page.content.splitlines()) for page in pages) < 50 + LIMIT


def test_data_that_is_no_status_reaches_the_parser_which_refuses_it() -> None:
    script = [event("update", '{"id": "1", cut'), event("update", '{"id": "\\ud83d"}'), event("update", "[1]")]
    with serving(Instance(scripts=[script])) as instance:
        pages = follow(instance, count=3)
    drafts = [draft for page in pages for draft in Mastodon().parse(io.BytesIO(page.content), chunk_records=9)]
    assert sum(len(draft.rejects) for draft in drafts) == 3


@pytest.mark.parametrize(
    ("requests", "message"),
    [
        (("flu OR fever",), "Expected a hashtag, or nothing for the public stream, found 'flu OR fever'"),
        (("flu&local=1",), "Expected a hashtag"),
        (
            tuple(f"flu{number}" for number in range(51)),
            "Expected at most 50 hashtags, found 51: follow all public posts",
        ),
    ],
)
def test_requests_that_no_instance_could_answer_are_refused_at_once(requests: tuple[str, ...], message: str) -> None:
    with pytest.raises(EpilakeError, match=message):
        list(
            MastodonStream(url="http://127.0.0.1:1").collect(
                requests, {}, until=datetime.now(UTC) + timedelta(seconds=5)
            )
        )


def test_no_thread_outlives_a_run_that_is_broken_off() -> None:
    with serving(Instance([status(1)])) as instance:
        follow(instance, count=1)
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("mastodon")]
