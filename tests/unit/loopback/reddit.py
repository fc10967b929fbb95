"""Reddit's API on the loopback address: listings, a token, a rate limit."""

import base64
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.unit.loopback.server import QuietHandler

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def number(place: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    text = ""
    while place:
        place, digit = divmod(place, 36)
        text = digits[digit] + text
    return text


def submission(place: int, *, minutes_ago: float, title: str = "Fever?") -> dict[str, Any]:
    """Return the `place`th submission of all, as the API gives it."""
    post_id = number(10_000_000 + place)
    created = NOW.timestamp() - 60 * minutes_ago
    return {
        "kind": "t3",
        "data": {
            "approved_at_utc": None, "author": f"ann_{place}", "author_fullname": f"t2_{number(5_000 + place)}",
            "created": created, "created_utc": created, "edited": False, "id": post_id, "is_self": True, "likes": None,
            "name": f"t3_{post_id}", "num_comments": 0, "over_18": False, "score": 1, "selftext": "Since Monday.",
            "permalink": f"/r/boston/comments/{post_id}/fever/", "subreddit": "boston", "title": title, "ups": 1,
            "url": f"https://www.reddit.com/r/boston/comments/{post_id}/fever/",
        },
    }  # fmt: skip


def comment(place: int) -> dict[str, Any]:
    own = number(20_000_000 + place)
    data = {"body": "Mine too.", "link_id": "t3_5yc1s", "parent_id": "t3_5yc1s", "author": "bo_ng", "score": -2}
    return {"kind": "t1", "data": {**data, "id": own, "name": f"t1_{own}", "created_utc": NOW.timestamp() - 60}}


class FakeReddit(ThreadingHTTPServer):
    """Holds listings by path, newest first, and refuses whatever it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.listings: dict[str, list[dict[str, Any]]] = {}
        self.longest = 1_000
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        """Answers that stand in for those of the next calls: status, headers, body."""
        self.limit = {"x-ratelimit-remaining": "99.0", "x-ratelimit-used": "1", "x-ratelimit-reset": "1"}
        self.count_tokens = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(QuietHandler):
    server: FakeReddit

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        wanted = "Basic " + base64.b64encode(b"client:secret").decode()
        if self.path != "/api/v1/access_token" or self.headers["Authorization"] != wanted:
            self.answer(401, {"message": "Unauthorized", "error": 401}, {"WWW-Authenticate": 'Basic realm="reddit"'})
            return
        assert form["grant_type"] == ["client_credentials"]
        self.server.count_tokens += 1
        token = {"access_token": "token", "token_type": "bearer", "expires_in": 86_400, "scope": "*"}
        self.answer(200, token)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.server.asked.append((parts.path, query))
        if self.server.answers:
            status, headers, body = self.server.answers.pop(0)
            self.answer(status, body, headers)
        elif self.headers["Authorization"] != "bearer token":
            self.answer(401, {"error": 401}, {"WWW-Authenticate": 'Bearer realm="reddit", error="invalid_token"'})
        elif parts.path not in self.server.listings:
            self.answer(404, {"message": "Not Found", "error": 404})
        else:
            self.answer(200, self._list(self.server.listings[parts.path], query), self.server.limit)

    def _list(self, things: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
        """Return a part of a listing as Reddit's own code cuts it: behind a post that is not in it there is nothing."""
        things, count = things[: self.server.longest], int(query.get("limit", "25"))
        names = [thing["data"]["name"] for thing in things]
        if "after" in query:
            things = things[names.index(query["after"]) + 1 :] if query["after"] in names else []
        part, rest = things[:count], things[count:]
        after = part[-1]["data"]["name"] if part and rest else None
        return {
            "kind": "Listing",
            "data": {
                "after": after,
                "before": None,
                "children": part,
                "dist": len(part),
                "geo_filter": "",
                "modhash": None,
            },
        }
