"""Live sources into RAW, against loopback servers that speak their protocols: topics, notices, cursors, coverage."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from websockets.sync.server import ServerConnection, serve

from flows.coverage_ledger import State, read_hours
from flows.lake.tables import query
from flows.settings import Settings

NOW = datetime.now(UTC)


def event(number: int, text: str, operation: str = "create", did: str = "did:plc:ann") -> dict[str, Any]:
    commit: dict[str, Any] = {
        "rev": f"rev{number}", "operation": operation, "collection": "app.bsky.feed.post", "rkey": f"key{number}",
    }  # fmt: skip
    if operation == "create":
        record = {"$type": "app.bsky.feed.post", "text": text, "createdAt": NOW.isoformat(), "langs": ["en"]}
        commit |= {"record": record, "cid": f"bafy{number}"}
    return {"did": did, "time_us": int((NOW.timestamp() - 10 + number) * 1_000_000), "kind": "commit", "commit": commit}


EVENTS = [
    event(1, "half my class is home with influenza"),
    event(2, "nice weather"),
    event(3, "dengue in our street", did="did:plc:ben"),
    event(4, "", operation="delete"),
]


@contextmanager
def jetstream(events: list[dict[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    """Serve events as Jetstream does: all from the cursor on, then silence; lend the address and the cursors asked."""
    cursors: list[str] = []

    def handle(connection: ServerConnection) -> None:
        assert connection.request
        asked = parse_qs(urlsplit(connection.request.path).query).get("cursor", [""])[0]
        cursors.append(asked)
        for each in events:
            if each["time_us"] >= int(asked or 0):
                connection.send(json.dumps(each))
        for _ in connection:
            pass

    with serve(handle, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/subscribe", cursors
        server.shutdown()


@pytest.fixture
def settings(make_home: Callable[[str], Path], prefect: None, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("EPILAKE_HOME", str(make_home("collect")))
    return Settings()


def collect(source: str, minutes: float = 0.05) -> dict[str, int]:
    from flows.collect import collect as flow

    return dict(flow(source, minutes))


def test_a_stream_is_narrowed_to_the_topics_and_goes_on_where_it_ended(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with jetstream(EVENTS) as (url, cursors):
        monkeypatch.setenv("EPILAKE_JETSTREAM_URL", url)
        counts = collect("bluesky")
        again = collect("bluesky")

    assert (counts["count_records"], counts["count_accepted"], counts["count_notices"]) == (4, 2, 1)
    assert counts["count_skipped"] == 1
    assert again["count_accepted"] == 0
    assert cursors[0] in {"", "0"} or int(cursors[0]) <= EVENTS[0]["time_us"]
    assert int(cursors[-1]) > 0
    rows = query(settings, "raw.bluesky_posts", "select * from rows order by text")
    assert [row["text"] for row in rows] == ["dengue in our street", "half my class is home with influenza"]
    assert all(row["did"].startswith("hmac:") and row["post_id"].startswith("hmac:") for row in rows)
    assert "did:plc" not in json.dumps(rows, default=str)

    hour = NOW.replace(minute=0, second=0, microsecond=0)
    ledger = query(settings, "ops.coverage", "select * from rows where topic = 'dengue'")
    assert sum(row["count_captured"] for row in ledger) == 1
    assert {row["outcome"] for row in ledger} == {"answered"}
    (state,) = read_hours(settings, "bluesky", "measles", hour - timedelta(days=1), hour - timedelta(hours=23))
    assert state.state is State.NOT_ASKED


@pytest.mark.spark
def test_a_live_source_goes_by_kafka_into_raw(
    broker: str, empty_lake: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.collect import collect as flow
    from flows.stream import stream

    with jetstream(EVENTS) as (url, cursors), feed([200]) as (address, _):
        monkeypatch.setenv("EPILAKE_JETSTREAM_URL", url)
        monkeypatch.setenv("EPILAKE_FEED_URLS", json.dumps([address]))
        counts = flow("bluesky", 0.05, "live")
        again = flow("bluesky", 0.05, "live")
        news = flow("feeds", 0.05, "live")
    assert (counts["count_records"], counts["count_notices"], counts["count_skipped"]) == (4, 1, 1)
    assert again["count_notices"] == 1  # it goes back a little, and what comes twice is known
    assert news["count_records"] == 2
    assert int(cursors[-1]) > 0
    ledger = query(empty_lake, "ops.coverage", "select * from rows where topic = 'dengue' and source = 'bluesky'")
    assert sum(row["count_captured"] for row in ledger) >= 1
    assert query(empty_lake, "ops.batches", "select * from rows") == []

    streamed = stream("live", available_now=True)
    assert (streamed["count_records"], streamed["count_accepted"]) == (7, 3)
    posts = query(empty_lake, "raw.bluesky_posts", "select text from rows order by text")
    assert [row["text"] for row in posts] == ["dengue in our street", "half my class is home with influenza"]
    notices = query(empty_lake, "raw.deletions", "select post_id from rows")
    assert len({row["post_id"] for row in notices}) == 1
    entries = query(empty_lake, "raw.feeds_posts", "select title from rows")
    assert [row["title"] for row in entries] == ["Cholera - Atlantis"]


RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>Outbreak News</title><link>http://x/</link>
<item><guid isPermaLink="false">don-1</guid><title>Cholera - Atlantis</title><link>http://x/1</link>
<description>Cases of cholera were reported.</description><pubDate>{date}</pubDate></item>
<item><guid isPermaLink="false">don-2</guid><title>A new director</title><link>http://x/2</link>
<description>Nothing about disease.</description><pubDate>{date}</pubDate></item></channel></rss>"""


@contextmanager
def feed(status: list[int]) -> Iterator[tuple[str, list[int]]]:
    """Serve a feed with an ETag; the status to answer with can be changed; lend the address and what was answered."""
    answered: list[int] = []
    body = RSS.format(date=NOW.strftime("%a, %d %b %Y %H:%M:%S GMT")).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code = 304 if self.headers.get("If-None-Match") == '"one"' and status[0] == 200 else status[0]
            answered.append(code)
            self.send_response(code)
            self.send_header("ETag", '"one"')
            content = body if code == 200 else b""
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/don.xml", answered
        server.shutdown()


def test_a_feed_that_is_down_is_an_outage_and_not_a_silence(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = [200]
    with feed(status) as (url, answered):
        monkeypatch.setenv("EPILAKE_FEED_URLS", json.dumps([url]))
        assert collect("feeds")["count_accepted"] == 1
        assert collect("feeds")["count_records"] == 0
        status[0] = 503
        collect("feeds")
    assert answered[:2] == [200, 304]
    outcomes = {row["outcome"] for row in query(settings, "ops.coverage", "select outcome from rows")}
    assert outcomes == {"answered", "failed"}
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    (now,) = read_hours(settings, "feeds", "cholera", hour, hour + timedelta(hours=1))
    assert now.state is State.OUTAGE
    assert "503" in now.reason


def test_a_source_without_a_client_or_without_credentials_is_one_sentence(settings: Settings) -> None:
    from flows.errors import EpilakeError

    with pytest.raises(EpilakeError, match="no live client for 'usenet'"):
        collect("usenet")
    with pytest.raises(EpilakeError, match="Reddit's API wants"):
        collect("reddit")
