"""A Jetstream server on the loopback address: it replays what it holds from a cursor on, then sends what comes."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

SECOND = 1_000_000
NOW_US = time.time_ns() // 1_000
START_US = NOW_US - 600 * SECOND
DID = "did:plc:ana7mk2v5x3q4w6e8r9t0y1u"


def post(number: int, text: str = "fever", **changes: Any) -> dict[str, Any]:
    """Return the post of so many seconds after the start."""
    seen_us = START_US + number * SECOND
    record = {"$type": "app.bsky.feed.post", "createdAt": "2026-07-04T14:38:07.323Z", "text": f"{text} {number}"}
    held = {
        "rev": "3m",
        "operation": "create",
        "collection": "app.bsky.feed.post",
        "rkey": f"3k{number}",
        "cid": "bafy",
    }
    return {"did": DID, "time_us": seen_us, "kind": "commit", "commit": {**held, "record": record, **changes}}


@dataclass
class JetstreamServer:
    """Replays from a cursor whatever it still holds, then sends what comes, as `/subscribe` does.

    Attributes:
        events: What it holds, oldest first; a cursor from before gets all of it, without a word.
        breaks_after: For each connection in turn, after how many events the network fails; absent: never.
        refuses: For each connection in turn, the HTTP status of a refusal; absent or 0: none.
        queries: What each connection asked for.
        live: What comes after that, as it is sent.
    """

    events: list[dict[str, Any]] = field(default_factory=list)
    breaks_after: list[int] = field(default_factory=list)
    refuses: list[int] = field(default_factory=list)
    queries: list[dict[str, list[str]]] = field(default_factory=list)
    live: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        self.queries.append(parse_qs(urlsplit(request.path).query))
        status = self.refuses.pop(0) if self.refuses else 0
        return connection.respond(HTTPStatus(status), "no\n") if status else None

    def follow(self, connection: ServerConnection) -> None:
        cursor = int(self.queries[-1].get("cursor", [str(NOW_US)])[0])
        held = [json.dumps(event) for event in self.events if event["time_us"] >= cursor]
        with suppress(ConnectionClosed, OSError):
            if self.breaks_after:
                for message in held[: self.breaks_after.pop(0)]:
                    connection.send(message)
                connection.socket.shutdown(socket.SHUT_RDWR)
                return
            for message in [*held, *self.live]:
                connection.send(message)
            connection.recv()


@contextmanager
def serving(jetstream: JetstreamServer) -> Iterator[JetstreamServer]:
    with serve(jetstream.follow, "127.0.0.1", 0, process_request=jetstream.answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        jetstream.url = f"ws://127.0.0.1:{port_of(server)}/subscribe"
        yield jetstream
        server.shutdown()
        thread.join()


def port_of(server: Server) -> int:
    port: int = server.socket.getsockname()[1]
    return port
