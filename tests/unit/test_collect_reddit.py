"""Reddit's API, spoken by a server of our own: what is asked, what is given on, and what is said of the rest."""

import base64
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from flows.collectors import Outcome, Page
from flows.collectors.reddit.api import RedditApi
from flows.errors import EpilakeError
from flows.sources.reddit import Reddit

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
UNTIL = NOW + timedelta(minutes=10)
NEXT = NOW + timedelta(hours=1)


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


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeReddit

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        wanted = "Basic " + base64.b64encode(b"client:secret").decode()
        if self.path != "/api/v1/access_token" or self.headers["Authorization"] != wanted:
            self._answer(401, {"WWW-Authenticate": 'Basic realm="reddit"'}, {"message": "Unauthorized", "error": 401})
            return
        assert form["grant_type"] == ["client_credentials"]
        self.server.count_tokens += 1
        token = {"access_token": "token", "token_type": "bearer", "expires_in": 86_400, "scope": "*"}
        self._answer(200, {}, token)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.server.asked.append((parts.path, query))
        if self.server.answers:
            status, headers, body = self.server.answers.pop(0)
            self._answer(status, headers, body)
        elif self.headers["Authorization"] != "bearer token":
            self._answer(401, {"WWW-Authenticate": 'Bearer realm="reddit", error="invalid_token"'}, {"error": 401})
        elif parts.path not in self.server.listings:
            self._answer(404, {}, {"message": "Not Found", "error": 404})
        else:
            self._answer(200, self.server.limit, self._list(self.server.listings[parts.path], query))

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

    def _answer(self, status: int, headers: dict[str, str], body: object) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the standard library
        pass


@contextmanager
def serving() -> Iterator[FakeReddit]:
    with FakeReddit() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def reddit() -> Iterator[FakeReddit]:
    with serving() as server:
        yield server


def collect(
    reddit: FakeReddit,
    *requests: str,
    cursors: dict[str, str] | None = None,
    now: datetime = NOW,
    secret: str = "secret",
) -> list[Page]:
    client = RedditApi(
        "client", secret, "linux:epilake:test", reddit_url=reddit.url, oauth_url=reddit.url, clock=lambda: now
    )
    return list(client.collect(requests, cursors or {}, until=now + timedelta(minutes=10)))


def ids(pages: list[Page]) -> list[str]:
    content = b"".join(page.content for page in pages)
    drafts = list(Reddit().parse(io.BytesIO(content), chunk_records=1_000)) if content else []
    assert [reject for draft in drafts for reject in draft.rejects] == []
    return [post_id for draft in drafts for post_id in draft.rows["post_id"].to_pylist()]


def names(things: list[dict[str, Any]]) -> list[str]:
    return [thing["data"]["name"] for thing in things]


def spans(page: Page) -> list[tuple[Outcome, float, float]]:
    """Return the outcome of each span, with its ends in minutes from now."""
    return [
        (span.outcome, (span.begins_at - NOW).total_seconds() / 60, (span.ends_at - NOW).total_seconds() / 60)
        for span in page.spans
    ]


def test_the_first_time_a_listing_is_read_to_its_end_and_the_last_page_alone_has_a_cursor(reddit: FakeReddit) -> None:
    posts = [submission(250 - n, minutes_ago=n) for n in range(250)]
    reddit.listings["/r/boston/new"] = posts
    pages = collect(reddit, "r/boston")
    assert ids(pages) == names(posts)
    assert [page.cursor for page in pages] == [None, None, f"{names(posts)[0]}@{int(NOW.timestamp())}"]
    assert [spans(page) for page in pages] == [[], [], [(Outcome.ANSWERED, -249, 0)]]
    assert [query.get("after") for _, query in reddit.asked] == [None, names(posts)[99], names(posts)[199]]
    assert {(query["limit"], query["raw_json"]) for _, query in reddit.asked} == {("100", "1")}
    assert reddit.count_tokens == 1


def test_the_first_time_goes_a_week_back(reddit: FakeReddit) -> None:
    reddit.listings["/r/boston/new"] = [submission(500 - n, minutes_ago=1_440 * n) for n in range(500)]
    pages = collect(reddit, "r/boston")
    assert (len(pages), len(ids(pages))) == (1, 100)
    assert spans(pages[0]) == [(Outcome.ANSWERED, -7 * 1_440, 0)]


def test_what_a_page_holds_is_read_by_the_source_field_for_field(reddit: FakeReddit) -> None:
    reddit.listings["/r/boston/new"] = [submission(1, minutes_ago=5, title="Fièvre 🤒")]
    (draft,) = Reddit().parse(io.BytesIO(collect(reddit, "r/boston")[0].content), chunk_records=9)
    row = draft.rows.to_pylist()[0]
    assert (row["author"], row["title"], row["text"], row["edited"]) == ("ann_1", "Fièvre 🤒", "Since Monday.", None)
    assert row["posted_at"] == NOW - timedelta(minutes=5)


def test_the_next_time_only_what_is_new_is_given(reddit: FakeReddit) -> None:
    old = [submission(150 - n, minutes_ago=n) for n in range(150)]
    new = [submission(270 - n, minutes_ago=-50 + n / 10) for n in range(120)]
    reddit.listings["/r/boston/new"] = old
    cursor = collect(reddit, "r/boston")[-1].cursor
    reddit.listings["/r/boston/new"] = new + old
    pages = collect(reddit, "r/boston", cursors={"r/boston": cursor or ""}, now=NEXT)
    assert ids(pages) == names(new)
    assert [page.cursor for page in pages] == [cursor, f"{names(new)[0]}@{int(NEXT.timestamp())}"]
    assert [spans(page) for page in pages] == [[], [(Outcome.ANSWERED, 0, 60)]]


def test_a_quiet_listing_is_answered_with_nothing(reddit: FakeReddit) -> None:
    reddit.listings["/r/boston/new"] = []
    (first,) = collect(reddit, "r/boston")
    (second,) = collect(reddit, "r/boston", cursors={"r/boston": first.cursor or ""}, now=NEXT)
    assert (first.content, second.content, second.cursor) == (b"", b"", f"@{int(NEXT.timestamp())}")
    assert spans(second) == [(Outcome.ANSWERED, 0, 60)]


def test_the_deletion_of_the_newest_post_hides_nothing_that_follows(reddit: FakeReddit) -> None:
    old, new = [submission(9, minutes_ago=1), submission(8, minutes_ago=2)], [submission(10, minutes_ago=-5)]
    reddit.listings["/r/boston/new"] = old
    cursor = collect(reddit, "r/boston")[-1].cursor
    reddit.listings["/r/boston/new"] = new + old[1:]
    (page,) = collect(reddit, "r/boston", cursors={"r/boston": cursor or ""}, now=NEXT)
    assert ids([page]) == names(new)
    assert spans(page) == [(Outcome.ANSWERED, 0, 60)]


def test_a_listing_that_ends_before_the_last_time_leaves_a_gap(reddit: FakeReddit) -> None:
    reddit.longest = 150
    new = [submission(900 - n, minutes_ago=-60 + n / 10) for n in range(300)]
    reddit.listings["/r/boston/new"] = new
    cursor = f"{submission(1, minutes_ago=1)['data']['name']}@{int(NOW.timestamp())}"
    pages = collect(reddit, "r/boston", cursors={"r/boston": cursor}, now=NEXT)
    assert ids(pages) == names(new[:150])
    assert spans(pages[-1]) == [(Outcome.GAP, 0, pytest.approx(45.1)), (Outcome.ANSWERED, pytest.approx(45.1), 60)]


def test_comments_and_searches_are_asked_for_at_their_own_addresses(reddit: FakeReddit) -> None:
    reddit.listings = {"/r/boston/comments": [comment(1)], "/search": [submission(1, minutes_ago=5)]}
    pages = collect(reddit, "r/boston/comments", 'search:flu OR "sore throat"')
    assert ids(pages) == [*names([comment(1)]), *names([submission(1, minutes_ago=5)])]
    assert [page.request for page in pages] == ["r/boston/comments", 'search:flu OR "sore throat"']
    query = reddit.asked[1][1]
    assert (query["q"], query["sort"], query["type"]) == ('flu OR "sore throat"', "new", "link")


def test_a_rate_limit_that_outlasts_the_run_ends_it_for_every_request(reddit: FakeReddit) -> None:
    reddit.listings = {"/r/boston/new": [submission(1, minutes_ago=5)], "/r/alabama/new": []}
    reddit.answers = [(429, {"retry-after": "3600"}, b"Too Many Requests")]
    cursor = f"@{int((NOW - timedelta(hours=1)).timestamp())}"
    pages = collect(reddit, "r/boston", "r/alabama", cursors={"r/alabama": cursor})
    assert [(page.content, page.cursor, page.count_asked) for page in pages] == [(b"", None, 1), (b"", cursor, 0)]
    assert [spans(page) for page in pages] == [
        [(Outcome.LIMITED, pytest.approx(-1 / 60), 0)],
        [(Outcome.LIMITED, -60, 0)],
    ]
    assert len(reddit.asked) == 1


def test_a_rate_limit_that_is_soon_over_is_waited_for(reddit: FakeReddit) -> None:
    posts = [submission(1, minutes_ago=5)]
    reddit.listings["/r/boston/new"] = posts
    reddit.answers = [(429, {"retry-after": "1"}, b"{}")]
    pages = collect(reddit, "r/boston")
    assert ids(pages) == names(posts)
    assert [spans(page)[0][0] for page in pages] == [Outcome.ANSWERED]


def test_a_limit_that_is_used_up_is_not_tried(reddit: FakeReddit) -> None:
    posts = [submission(150 - n, minutes_ago=n) for n in range(150)]
    reddit.listings["/r/boston/new"] = posts
    reddit.limit = {"x-ratelimit-remaining": "0.0", "x-ratelimit-used": "100", "x-ratelimit-reset": "3600"}
    first, second = collect(reddit, "r/boston")
    assert ids([first]) == names(posts[:100])
    assert spans(second) == [(Outcome.LIMITED, pytest.approx(-99 - 1 / 60), -99), (Outcome.ANSWERED, -99, 0)]
    assert (second.spans[0].reason, second.cursor, len(reddit.asked)) == ("the rate limit is used up", None, 1)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param((403, {}, b'{"reason": "private"}'), "Reddit answers 403: the subreddit is closed", id="private"),
        pytest.param((404, {}, b"{}"), "Reddit answers 404: there is no such subreddit", id="unknown"),
        pytest.param((302, {"location": "/search?q=x"}, b""), "Reddit answers 302: there is no such", id="moved"),
        pytest.param((200, {}, b"<html>"), "Reddit answers 200, but no JSON", id="a page"),
        pytest.param((200, {}, b"[]"), "Reddit's answer is no listing", id="a list"),
        pytest.param((200, {}, b'{"data": {"children": 7}}'), "Reddit's answer is no listing", id="no children"),
        pytest.param((400, {}, b'{"reason": "BAD", "explanation": "no"}'), "Reddit's answer cannot be read", id="400"),
    ],
)  # fmt: skip
def test_a_request_that_fails_does_not_keep_others_from_being_asked(
    reddit: FakeReddit, answer: tuple[int, dict[str, str], bytes], reason: str
) -> None:
    posts = [submission(1, minutes_ago=5)]
    reddit.listings["/r/boston/new"] = posts
    reddit.answers = [answer]
    failed, answered = collect(reddit, "r/alabama", "r/boston")
    assert (failed.content, failed.cursor, failed.spans[0].outcome) == (b"", None, Outcome.FAILED)
    assert failed.spans[0].reason.startswith(reason)
    assert ids([answered]) == names(posts)


def test_a_server_that_stays_broken_is_a_failure_with_its_status(reddit: FakeReddit) -> None:
    reddit.answers = [(503, {}, b"{}")] * 3
    (page,) = collect(reddit, "r/boston", cursors={"r/boston": f"t3_5yc1s@{int(NOW.timestamp())}"}, now=NEXT)
    assert (page.spans[0].reason, spans(page)) == ("Reddit answers 503", [(Outcome.FAILED, 0, 60)])
    assert page.cursor == f"t3_5yc1s@{int(NOW.timestamp())}"


def test_a_server_that_is_not_there_is_a_failure() -> None:
    with serving() as gone:
        pass
    (page,) = collect(gone, "r/boston")
    assert page.spans[0].reason == "Reddit cannot be reached (ConnectionError)"


def test_a_wrong_secret_ends_the_run(reddit: FakeReddit) -> None:
    with pytest.raises(EpilakeError, match="Reddit refuses the application"):
        collect(reddit, "r/boston", secret="wrong")


def test_a_token_that_is_not_accepted_ends_the_run(reddit: FakeReddit) -> None:
    reddit.answers = [(401, {}, b"{}")] * 3
    with pytest.raises(EpilakeError, match=r"Reddit refuses the application \(401\)"):
        collect(reddit, "r/boston")


@pytest.mark.parametrize(
    "request_", ["boston", "r/bos ton", "r/boston/new", "r/../api", "search:", "search:" + "x" * 513]
)
def test_what_is_no_request_is_refused_before_anything_is_asked(reddit: FakeReddit, request_: str) -> None:
    with pytest.raises(EpilakeError, match="is no request to Reddit"):
        collect(reddit, "r/boston", request_)
    assert reddit.count_tokens == 0


def test_a_cursor_of_another_source_is_refused(reddit: FakeReddit) -> None:
    with pytest.raises(EpilakeError, match="is no cursor of Reddit's"):
        collect(reddit, "r/boston", cursors={"r/boston": "1585675830"})


def test_without_credentials_there_is_no_client() -> None:
    with pytest.raises(EpilakeError, match="wants the id and the secret of an application"):
        RedditApi("", "", "linux:epilake:test")
