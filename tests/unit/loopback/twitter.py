"""X on the loopback address: it answers in X's words, and what a client read there."""

import io
import json
import socket
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flows.collectors import Outcome, Page
from flows.collectors.pace import Pace
from flows.sources.twitter import Twitter
from flows.sources.twitter.values import id_of_moment
from tests.unit.loopback.server import QuietHandler

TOKEN = "AAAA-token"
PACE = Pace(
    page_seconds=0.05, silence_seconds=0.4, first_pause_seconds=0.01, longest_pause_seconds=0.05, page_events=3
)  # fmt: skip
TITLES = {
    401: "Unauthorized",
    402: "CreditsDepleted",
    403: "Client Forbidden",
    429: "Too Many Requests",
    503: "Service Unavailable",
}
WINDOW = timedelta(days=7)
Drop = object()
"""In a script of the stream: the connection breaks."""
KEPT = [b"", 0.2] * 50
"""A quiet stream; numbers are seconds of silence."""


class XServer(ThreadingHTTPServer):
    """What X keeps: posts by query, rules, scripts of its stream, one compliance job; and refusals to give first."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), XHandler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.posts: dict[str, list[dict[str, Any]]] = {}
        self.originals: list[dict[str, Any]] = []
        self.refusals: deque[tuple[int, dict[str, str], dict[str, Any]]] = deque()
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.rules: dict[str, str] = {}
        self.scripts: deque[list[Any]] = deque()
        self.job_states: deque[str] = deque()
        self.results = b""
        self.uploaded: tuple[bytes, str | None] = (b"", None)

    def refuse(self, status: int, *, times: int = 1, reset_seconds: int | None = None, **problem: Any) -> None:
        headers = {"x-rate-limit-reset": str(int(time.time()) + reset_seconds)} if reset_seconds is not None else {}
        body = {"title": TITLES[status], "detail": TITLES[status], "type": "about:blank", "status": status, **problem}
        self.refusals.extend([(status, headers, body)] * times)

    def fill(self, query: str, count: int, *, ends_at: datetime | None = None, **more: Any) -> None:
        """Post so often about something, a minute apart, the newest at `ends_at`."""
        newest = ends_at or datetime.now(UTC) - timedelta(minutes=1)
        moments = [newest - timedelta(minutes=place) for place in range(count)]
        self.posts.setdefault(query, []).extend(
            {"id": str(id_of_moment(at) + len(query)), "text": f"about {query}", "author_id": "7",
             "created_at": at.isoformat(timespec="milliseconds"), "edit_history_tweet_ids": ["1"], **more}
            for at in moments
        )  # fmt: skip

    def asked(self, path: str) -> list[dict[str, str]]:
        return [parameters for called, parameters in self.calls if called == path]


class XHandler(QuietHandler):
    server: XServer

    def do_GET(self) -> None:  # noqa: PLR0911
        url = urlsplit(self.path)
        parameters = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.server.calls.append((url.path, parameters))
        if url.path == "/download":
            return self.answer(200, self.server.results, {"Content-Type": "text/plain"})
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self.answer(
                401, {"title": "Unauthorized", "detail": "Unauthorized", "type": "about:blank", "status": 401}
            )
        if self.server.refusals:
            status, headers, body = self.server.refusals.popleft()
            return self.answer(status, body, headers)
        if url.path == "/2/tweets/search/recent":
            return self.search(parameters)
        if url.path == "/2/tweets/counts/recent":
            return self.answer(200, {"meta": {"total_tweet_count": len(self.found(parameters))}})
        if url.path == "/2/tweets/search/stream/rules":
            rules = [{"id": key, "value": value, "tag": ""} for key, value in self.server.rules.items()]
            return self.answer(200, {"data": rules, "meta": {}} if rules else {"meta": {}})
        if url.path == "/2/tweets/search/stream":
            return self.play(self.server.scripts.popleft() if self.server.scripts else KEPT)
        assert url.path == "/2/compliance/jobs/88"
        return self.answer(200, {"data": self.job(self.server.job_states.popleft())})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        path = urlsplit(self.path).path
        self.server.calls.append((path, body))
        if path == "/2/compliance/jobs":
            return self.answer(200, {"data": self.job("created")})
        for rule_id in body.get("delete", {}).get("ids", []):
            del self.server.rules[rule_id]
        errors = []
        for rule in body.get("add", []):
            if rule["value"].endswith("("):
                errors.append(
                    {"value": rule["value"], "title": "UnprocessableEntity", "details": ["no viable alternative"]}
                )
            else:
                self.server.rules[str(900 + len(self.server.rules))] = rule["value"]
        return self.answer(201, {"meta": {}, **({"errors": errors} if errors else {})})

    def do_PUT(self) -> None:
        self.server.uploaded = (self.rfile.read(int(self.headers["Content-Length"])), self.headers["Authorization"])
        self.answer(200, b"")

    def found(self, parameters: dict[str, str]) -> list[dict[str, Any]]:
        since = int(parameters.get("since_id", id_of_moment(datetime.now(UTC) - WINDOW)))
        until = int(parameters.get("until_id", 2**63))
        found = [post for post in self.server.posts.get(parameters["query"], []) if since < int(post["id"]) < until]
        return sorted(found, key=lambda post: int(post["id"]), reverse=True)

    def search(self, parameters: dict[str, str]) -> None:
        oldest = id_of_moment(datetime.now(UTC) - WINDOW)
        if int(parameters.get("since_id", oldest)) < oldest:
            message = (
                f"'since_id' must be a tweet id created after … Please use a 'since_id' that is larger than {oldest}"
            )
            return self.answer(
                400, {"errors": [{"message": message}], "title": "Invalid Request", "type": "about:blank"}
            )
        size = int(parameters["max_results"])
        assert 10 <= size <= 100
        begin = int(parameters.get("next_token", "b26v0").removeprefix("b26v"))
        found = self.found(parameters)
        page = found[begin : begin + size]
        meta: dict[str, Any] = {"result_count": len(page)}
        if page:
            meta |= {"newest_id": page[0]["id"], "oldest_id": page[-1]["id"]}
        if begin + size < len(found):
            meta["next_token"] = f"b26v{begin + size}"
        users = [{"id": "7", "username": "ana_example", "name": "Ana Example", "protected": False}]
        wanted = {link["id"] for post in page for link in post.get("referenced_tweets", [])}
        tweets = [post for post in self.server.originals if post["id"] in wanted]
        is_asked = "referenced_tweets.id" in parameters["expansions"]
        includes = {"users": users, **({"tweets": tweets} if tweets and is_asked else {})}
        return self.answer(200, {**({"data": page, "includes": includes} if page else {}), "meta": meta})

    def play(self, script: list[Any]) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for act in script:
                if act is Drop:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                if isinstance(act, float):
                    time.sleep(act)
                    continue
                line = (json.dumps(act).encode() if isinstance(act, dict) else act) + b"\r\n"
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
        except OSError:  # who listened has gone
            self.close_connection = True

    def job(self, status: str) -> dict[str, Any]:
        addresses = {"upload_url": f"{self.server.url}/upload", "download_url": f"{self.server.url}/download"}
        return {"id": "88", "type": "tweets", "status": status, **addresses}


def soon(seconds: float = 30) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def read_ids(pages: list[Page]) -> list[str]:
    content = b"".join(page.content for page in pages)
    drafts = Twitter().parse(io.BytesIO(content), chunk_records=1_000) if content else []
    return [name for draft in drafts for name in draft.rows["id"].to_pylist()]


def outcomes(pages: list[Page]) -> list[tuple[Outcome, str]]:
    return [(span.outcome, span.reason) for page in pages for span in page.spans]
