"""A host of feeds on the loopback address."""

import time
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer

from tests.unit.loopback.server import QuietHandler


@dataclass
class Resource:
    content: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pause_seconds: float = 0.0


class FakeHost(ThreadingHTTPServer):
    """Serves resources by path, with validators."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.resources: dict[str, Resource] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(QuietHandler):
    server: FakeHost

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        resource = self.server.resources.get(self.path, Resource(b"gone", 404))
        etag, modified = resource.headers.get("ETag"), resource.headers.get("Last-Modified")
        is_known = self.headers["If-None-Match"] or self.headers["If-Modified-Since"]
        if is_known and (self.headers["If-None-Match"], self.headers["If-Modified-Since"]) == (etag, modified):
            self._answer(304, resource.headers, b"", 0)
        else:
            self._answer(resource.status, resource.headers, resource.content, resource.pause_seconds)

    def _answer(self, status: int, headers: dict[str, str], content: bytes, pause_seconds: float) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        for begin in range(0, len(content), 1_000):
            try:
                self.wfile.write(content[begin : begin + 1_000])
                self.wfile.flush()
            except OSError:  # the client has had enough
                self.close_connection = True
                return
            time.sleep(pause_seconds)
