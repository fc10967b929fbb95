"""X's live API, against a server on this machine that answers in its words: search, stream and batch compliance."""

import io
import json
import socket
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.collectors import Outcome, Page
from flows.collectors.pace import Pace
from flows.collectors.twitter import Subject, XSearch, XStream, check_compliance, plan_budget
from flows.errors import EpilakeError
from flows.sources import NoticeKind
from flows.sources.twitter import Twitter
from flows.sources.twitter.values import id_of_moment, moment_of_id

TOKEN = "AAAA-token"
PACE = Pace(
    page_seconds=0.3, silence_seconds=0.6, first_pause_seconds=0.01, longest_pause_seconds=0.05, page_events=3
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


class XHandler(BaseHTTPRequestHandler):
    server: XServer
    protocol_version = "HTTP/1.1"

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

    def answer(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def x() -> Iterator[XServer]:
    with XServer() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def soon(seconds: float = 30) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def search(
    x: XServer, *requests: str, cursors: dict[str, str] | None = None, budget: int = 10_000, **more: Any
) -> list[Page]:
    until = more.pop("until", soon())
    collector = XSearch(more.pop("token", TOKEN), budget_posts=budget, base_url=x.url, pace=PACE, **more)
    return list(collector.collect(requests, cursors or {}, until=until))


def listen(
    x: XServer, *requests: str, cursors: dict[str, str] | None = None, seconds: float = 1.5, **more: Any
) -> list[Page]:
    collector = XStream(TOKEN, budget_posts=more.pop("budget", 10_000), base_url=x.url, pace=PACE, **more)
    return list(collector.collect(requests, cursors or {}, until=soon(seconds)))


def read_ids(pages: list[Page]) -> list[str]:
    content = b"".join(page.content for page in pages)
    drafts = Twitter().parse(io.BytesIO(content), chunk_records=1_000) if content else []
    return [name for draft in drafts for name in draft.rows["id"].to_pylist()]


def ids_of(x: XServer, query: str) -> list[str]:
    return sorted((post["id"] for post in x.posts[query]), key=int, reverse=True)


def outcomes(pages: list[Page]) -> list[tuple[Outcome, str]]:
    return [(span.outcome, span.reason) for page in pages for span in page.spans]


def last_cursors(pages: list[Page]) -> dict[str, str]:
    return {page.request: page.cursor for page in pages if page.cursor}


def test_the_search_reads_every_page_and_says_what_it_covers(x: XServer) -> None:
    x.fill("flu", 250)
    pages = search(x, "flu")
    assert read_ids(pages) == ids_of(x, "flu")
    assert [page.cost for page in pages] == [100, 100, 50]
    assert [page.count_asked for page in pages] == [1, 1, 1]
    spans = [span for page in pages for span in page.spans]
    assert {span.outcome for span in spans} == {Outcome.ANSWERED}
    assert all(later.begins_at == earlier.ends_at for later, earlier in pairwise(spans))
    assert timedelta(days=6, hours=23) < spans[0].ends_at - spans[-1].begins_at < WINDOW


def test_the_next_run_asks_for_what_is_new_only(x: XServer) -> None:
    x.fill("flu", 30, ends_at=datetime.now(UTC) - timedelta(hours=2))
    cursors = last_cursors(search(x, "flu"))
    x.fill("flu", 3)
    pages = search(x, "flu", cursors=cursors)
    assert read_ids(pages) == ids_of(x, "flu")[:3]
    (span,) = pages[0].spans
    assert span.ends_at - span.begins_at < timedelta(minutes=1)
    assert read_ids(search(x, "flu", cursors=last_cursors(pages))) == []


def test_a_request_that_finds_nothing_for_weeks_does_not_grow_too_old(x: XServer) -> None:
    x.fill("plague", 1, ends_at=datetime.now(UTC) - timedelta(days=9))
    cursors = {
        "plague": json.dumps({"asked_until": soon(-3_600).isoformat(), "newest_id": int(ids_of(x, "plague")[0])})
    }
    assert outcomes(search(x, "plague", cursors=cursors)) == [(Outcome.ANSWERED, "")]


def test_what_is_older_than_the_search_goes_back_is_a_gap(x: XServer) -> None:
    x.fill("flu", 5)
    cursors = {"flu": json.dumps({"asked_until": soon(-20 * 86_400).isoformat(), "newest_id": 5})}
    pages = search(x, "flu", cursors=cursors)
    assert outcomes(pages)[0] == (Outcome.GAP, "the search goes back seven days only")
    assert timedelta(days=12) < pages[0].spans[0].ends_at - pages[0].spans[0].begins_at < timedelta(days=14)
    assert read_ids(pages) == ids_of(x, "flu")


def test_a_run_that_was_killed_between_pages_is_taken_up_where_it_was(x: XServer) -> None:
    x.fill("flu", 250)
    asked = XSearch(TOKEN, budget_posts=9_999, base_url=x.url, pace=PACE).collect(("flu",), {}, until=soon())
    first = next(asked)
    del asked
    x.fill("flu", 1, ends_at=datetime.now(UTC) - timedelta(seconds=40))
    pages = search(x, "flu", cursors=last_cursors([first]))
    assert sorted(read_ids([first, *pages])) == sorted(ids_of(x, "flu"))
    assert "rest" not in json.loads(last_cursors(pages)["flu"])


def test_a_rate_limit_is_waited_for_if_it_ends_in_time(x: XServer) -> None:
    x.fill("flu", 5)
    x.refuse(429, reset_seconds=0)
    pages = search(x, "flu")
    assert (len(read_ids(pages)), pages[0].count_asked, outcomes(pages)) == (5, 2, [(Outcome.ANSWERED, "")])


def test_a_rate_limit_that_lasts_longer_ends_the_run_and_the_next_one_goes_on(x: XServer) -> None:
    x.fill("flu", 250)
    asked = XSearch(TOKEN, budget_posts=9_999, base_url=x.url, pace=PACE).collect(("flu", "mpox"), {}, until=soon())
    first = [next(asked), next(asked)]
    x.refuse(429, reset_seconds=900)
    began = time.monotonic()
    rest = list(asked)
    assert time.monotonic() - began < 5
    assert outcomes(rest) == [(Outcome.LIMITED, "the rate limit is used up")]
    pages = search(x, "flu", "mpox", cursors=last_cursors([*first, *rest]))
    assert sorted(read_ids([*first, *rest, *pages])) == sorted(ids_of(x, "flu"))


def test_a_rate_limit_ends_the_asking_for_every_other_request(x: XServer) -> None:
    x.refuse(429, times=9, reset_seconds=900)
    pages = search(x, "flu", "mpox", "covid")
    assert outcomes(pages) == [(Outcome.LIMITED, "the rate limit is used up")] * 3
    assert len(x.asked("/2/tweets/search/recent")) == 1
    assert {page.cursor for page in pages} == {None}


def test_a_fault_of_the_server_is_tried_again_and_then_given_up_as_failed(x: XServer) -> None:
    x.fill("flu", 5)
    x.refuse(503, times=2)
    assert len(read_ids(search(x, "flu"))) == 5
    x.refuse(503, times=9)
    pages = search(x, "flu")
    assert (outcomes(pages), pages[0].count_asked) == ([(Outcome.FAILED, "X answers 503")], 4)


def test_an_answer_that_is_none_is_a_failure_and_moves_no_cursor(x: XServer) -> None:
    for body in ({"errors": [{"title": "Internal"}]}, {}):
        x.refusals.append((200, {}, body))
        pages = search(x, "flu")
        assert (outcomes(pages), pages[0].cursor) == ([(Outcome.FAILED, "X's answer says nothing of its result")], None)


def test_a_server_that_is_not_there_is_a_failure_of_each_request(x: XServer) -> None:
    collector = XSearch(TOKEN, budget_posts=99, base_url="http://127.0.0.1:9", pace=PACE)
    pages = list(collector.collect(("flu", "mpox"), {}, until=soon()))
    assert outcomes(pages) == [(Outcome.FAILED, "X cannot be reached (ConnectionError)")] * 2


@pytest.mark.parametrize(
    ("status", "problem", "message"),
    [
        (
            403,
            {"detail": "your project must be enrolled"},
            r"refuses the request 'flu' \(403 .*your project must be enrolled",
        ),
        (401, {}, r"refuses the bearer token \(401 Unauthorized"),
    ],
)
def test_a_refused_application_is_an_error_with_a_sentence(
    x: XServer, status: int, problem: dict[str, Any], message: str
) -> None:
    x.refuse(status, **problem)
    with pytest.raises(EpilakeError, match=message):
        search(x, "flu")


def test_a_wrong_token_and_none_are_told_apart(x: XServer) -> None:
    with pytest.raises(EpilakeError, match="refuses the bearer token"):
        search(x, "flu", token="another")
    with pytest.raises(EpilakeError, match="wants the bearer token of an application"):
        search(x, "flu", token="")


@pytest.mark.parametrize(
    ("status", "title"), [(429, "UsageCapExceeded"), (403, "SpendCapReached"), (402, "CreditsDepleted")]
)
def test_credits_that_are_used_up_are_a_limit_that_is_not_waited_for(x: XServer, status: int, title: str) -> None:
    x.refuse(status, reset_seconds=5, title=title)
    pages = search(x, "flu")
    assert outcomes(pages) == [(Outcome.LIMITED, "the plan's posts or credits are used up")]


def test_the_budget_is_never_exceeded_and_small_requests_get_theirs(x: XServer) -> None:
    x.fill("covid", 900)
    x.fill("flu", 400)
    x.fill("mpox", 12)
    pages = search(x, "covid", "flu", "mpox", budget=330, with_originals=False)
    read = {name: len(read_ids([page for page in pages if page.request == name])) for name in ("covid", "flu", "mpox")}
    assert read["mpox"] == 12
    assert sum(read.values()) == sum(page.cost for page in pages) <= 330
    assert abs(read["covid"] - read["flu"]) <= 10
    assert sum(read.values()) > 310
    limited = {page.request for page in pages if Outcome.LIMITED in {span.outcome for span in page.spans}}
    assert limited == {"covid", "flu"}
    assert all("rest" not in json.loads(cursor) for cursor in last_cursors(pages).values())


def test_what_comes_along_is_paid_from_the_budget_too(x: XServer) -> None:
    x.originals = [{"id": "5", "text": "the whole of it", "author_id": "7"}, {"id": "6", "text": "x", "author_id": "7"}]
    links = [{"type": "quoted", "id": "5"}, {"type": "replied_to", "id": "6"}]
    x.fill("flu", 300, referenced_tweets=links)
    pages = search(x, "flu", budget=100)
    assert sum(page.cost for page in pages) <= 100
    assert read_ids(pages)
    assert search(x, "flu", budget=29)[0].content == b""


def test_a_retweet_is_read_with_the_whole_text_of_the_original(x: XServer) -> None:
    x.originals = [{"id": "5", "text": "the whole of it", "author_id": "9"}]
    x.fill("flu", 1, text="RT @ana_example: the wh…", referenced_tweets=[{"type": "retweeted", "id": "5"}])
    (page,) = search(x, "flu")
    (draft,) = Twitter().parse(io.BytesIO(page.content), chunk_records=9)
    assert draft.rows["text"].to_pylist() == ["RT @ana_example: the whole of it"]


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 10_000), max_size=8), st.integers(-5, 20_000))
def test_a_plan_gives_all_that_there_is_and_no_more_and_is_fair(expected: dict[str, int], budget: int) -> None:
    plan = plan_budget(expected, budget)
    assert plan.keys() == expected.keys()
    assert sum(plan.values()) == min(max(budget, 0), sum(expected.values()))
    assert all(0 <= plan[request] <= expected[request] for request in expected)
    unsatisfied = [plan[request] for request in expected if plan[request] < expected[request]]
    assert all(share >= max(plan.values()) - 1 for share in unsatisfied)


def stream_post(number: int, *rules: str) -> dict[str, Any]:
    data = {"id": str(id_of_moment(datetime.now(UTC)) + number), "text": f"post {number}", "author_id": "7",
            "created_at": datetime.now(UTC).isoformat(timespec="milliseconds")}  # fmt: skip
    return {"data": data, "matching_rules": [{"id": rule, "tag": ""} for rule in rules]}


def test_the_rules_of_the_stream_become_the_requests(x: XServer) -> None:
    x.rules = {"1": "old", "2": "flu"}
    listen(x, "flu", "mpox", seconds=0.2)
    assert sorted(x.rules.values()) == ["flu", "mpox"]
    with pytest.raises(
        EpilakeError, match=r"does not take the rule 'mpox \(' \(UnprocessableEntity, no viable alternative"
    ):
        listen(x, "mpox (")


def test_a_post_of_the_stream_is_on_the_page_of_its_request(x: XServer) -> None:
    x.rules = {"1": "flu", "2": "mpox"}
    x.scripts.append(
        [stream_post(1, "1"), b"", stream_post(2, "2"), stream_post(3, "2", "1"), b'{"data": {"cut', *KEPT]
    )
    pages = listen(x, "flu", "mpox", seconds=0.5)
    texts = {
        request: b"".join(page.content for page in pages if page.request == request) for request in ("flu", "mpox")
    }
    assert [b"post %d" % number in texts["flu"] for number in (1, 2, 3)] == [True, False, True]
    assert (b"post 2" in texts["mpox"], b"post 3" in texts["mpox"], b'{"cut' in texts["flu"]) == (True, False, True)
    assert {outcome for outcome, _ in outcomes(pages)} == {Outcome.ANSWERED}


def test_a_dropped_connection_is_made_again_and_the_time_between_is_a_gap(x: XServer) -> None:
    x.rules = {"1": "flu"}
    x.scripts.extend([[stream_post(1, "1"), Drop], [b"", stream_post(2, "1"), Drop], [stream_post(3, "1"), *KEPT]])
    pages = listen(x, "flu", seconds=1.0)
    assert len(read_ids(pages)) == 3
    spans = [span for page in pages for span in page.spans]
    assert [span.outcome for span in spans if span.outcome is Outcome.GAP] == [Outcome.GAP] * 2
    assert all(before.ends_at == after.begins_at for before, after in pairwise(spans))


def test_a_silent_connection_is_given_up_but_keep_alives_hold_it(x: XServer) -> None:
    x.rules = {"1": "flu"}
    x.scripts.extend([[b"", 0.35, b"", 0.35, b"", 0.35, stream_post(1, "1"), 9.0], [stream_post(2, "1"), *KEPT]])
    pages = listen(x, "flu", seconds=2.0)
    assert len(read_ids(pages)) == 2
    assert len(x.asked("/2/tweets/search/stream")) == 2


def test_what_x_says_before_it_disconnects_is_no_post_and_leads_to_a_new_connection(x: XServer) -> None:
    x.rules = {"1": "flu"}
    problem = {"title": "operational-disconnect", "disconnect_type": "UpstreamOperationalDisconnect",
               "type": "https://api.twitter.com/2/problems/operational-disconnect"}  # fmt: skip
    x.scripts.extend([[{"errors": [problem]}, 9.0], [stream_post(1, "1"), *KEPT]])
    pages = listen(x, "flu", seconds=0.6)
    assert len(read_ids(pages)) == 1
    assert b"operational" not in b"".join(page.content for page in pages)


def test_what_was_missed_since_the_last_run_is_a_gap_but_for_what_x_sends_again(x: XServer) -> None:
    x.rules = {"1": "flu"}
    cursors = {"flu": json.dumps({"asked_until": soon(-600).isoformat()})}
    whole = listen(x, "flu", cursors=cursors, seconds=0.3)
    part = listen(x, "flu", cursors=cursors, seconds=0.3, backfill_minutes=4)
    gaps = [page.spans[0] for page in (whole[0], part[0])]
    assert [span.outcome for span in gaps] == [Outcome.GAP] * 2
    assert [round((span.ends_at - span.begins_at).total_seconds() / 60) for span in gaps] == [10, 6]
    assert [asked.get("backfill_minutes") for asked in x.asked("/2/tweets/search/stream")] == [None, "4"]


def test_the_stream_stops_when_its_budget_is_used_up(x: XServer) -> None:
    x.rules = {"1": "flu"}
    x.scripts.append([*(stream_post(number, "1") for number in range(20))])
    pages = listen(x, "flu", budget=5, with_originals=False, seconds=20)
    assert (len(read_ids(pages)), sum(page.cost for page in pages)) == (5, 5)
    assert outcomes(pages)[-1] == (Outcome.LIMITED, "the budget of posts to read is used up")


def test_a_stream_that_cannot_be_opened_is_reported_with_what_is_missing(x: XServer) -> None:
    x.rules = {"1": "flu"}
    x.refuse(503, times=9)
    assert outcomes(listen(x, "flu")) == [(Outcome.FAILED, "X answers 503")]
    x.refusals.clear()
    x.refuse(429, reset_seconds=900, detail="This stream is currently at the maximum allowed connection limit.")
    assert outcomes(listen(x, "flu")) == [(Outcome.LIMITED, "the rate limit is used up")]


def test_a_compliance_job_brings_notices_about_posts(x: XServer) -> None:
    x.job_states.extend(["in_progress", "complete"])
    line = b'{"id":"1265324480517361664","action":"delete","created_at":"2019-10-29T17:02:47.000Z","reason":"deleted"}'
    x.results = line + b"\r\n"
    page = check_compliance(
        ["1265324480517361664", "12"], subject=Subject.TWEETS, token=TOKEN, until=soon(), base_url=x.url,
        poll_seconds=0.02, pace=PACE,
    )  # fmt: skip
    assert x.uploaded == (b"1265324480517361664\n12", None)
    assert (page.content, page.cursor) == (line + b"\n", None)
    (draft,) = Twitter().parse(io.BytesIO(page.content), chunk_records=9)
    assert [(notice.kind, notice.post_id) for notice in draft.notices] == [
        (NoticeKind.POST_DELETED, "1265324480517361664")
    ]


def test_a_job_about_accounts_brings_notices_about_accounts(x: XServer) -> None:
    x.job_states.append("complete")
    reasons = ("protected", "suspended", "deactivated", "scrub_geo")
    x.results = b"".join(b'{"id": "7", "action": "delete", "reason": "%s"}\n' % reason.encode() for reason in reasons)
    page = check_compliance(["7"], subject=Subject.USERS, token=TOKEN, until=soon(), base_url=x.url, poll_seconds=0.02)
    (draft,) = Twitter().parse(io.BytesIO(page.content), chunk_records=9)
    assert [notice.kind for notice in draft.notices] == [
        NoticeKind.AUTHOR_PROTECTED, NoticeKind.AUTHOR_DELETED, NoticeKind.AUTHOR_DELETED, NoticeKind.PLACE_REMOVED
    ]  # fmt: skip
    assert {notice.author_id for notice in draft.notices} == {"7"}


def test_a_job_that_is_not_ready_is_looked_at_again_later(x: XServer) -> None:
    x.job_states.extend(["in_progress", "complete"])
    page = check_compliance(["7"], subject=Subject.TWEETS, token=TOKEN, until=soon(0), base_url=x.url)
    assert (page.content, page.cursor) == (b"", "88")
    again = check_compliance(
        (), subject=Subject.TWEETS, token=TOKEN, until=soon(), job_id="88", base_url=x.url, poll_seconds=0.02
    )
    assert again.cursor is None
    assert len(x.asked("/2/compliance/jobs")) == 1


@pytest.mark.parametrize("state", ["failed", "expired"])
def test_a_job_that_x_gives_up_is_an_error(x: XServer, state: str) -> None:
    x.job_states.append(state)
    with pytest.raises(EpilakeError, match=rf"given up the compliance job 88 \({state}\)"):
        check_compliance(["7"], subject=Subject.TWEETS, token=TOKEN, until=soon(), base_url=x.url, poll_seconds=0.02)


def test_a_cursor_that_is_none_is_an_error_with_a_sentence(x: XServer) -> None:
    with pytest.raises(EpilakeError, match="is no cursor of X's"):
        search(x, "flu", cursors={"flu": "t3_fsfhli@1585675830"})


def test_ids_of_the_server_tell_their_time() -> None:
    assert moment_of_id(id_of_moment(datetime(2026, 1, 1, tzinfo=UTC))) == datetime(2026, 1, 1, tzinfo=UTC)
