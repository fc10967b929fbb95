"""X's search, from a server on this machine that answers in X's words: pages, limits, budget."""

import io
import json
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.collectors import Outcome, Page
from flows.collectors.twitter import XSearch, plan_budget
from flows.errors import EpilakeError
from flows.sources.twitter import Twitter
from flows.sources.twitter.values import id_of_moment, moment_of_id
from tests.unit.loopback.twitter import PACE, TOKEN, XServer, outcomes, read_ids, soon


def search(
    x: XServer, *requests: str, cursors: dict[str, str] | None = None, budget: int = 10_000, **more: Any
) -> list[Page]:
    until = more.pop("until", soon())
    collector = XSearch(more.pop("token", TOKEN), budget_posts=budget, base_url=x.url, pace=PACE, **more)
    return list(collector.collect(requests, cursors or {}, until=until))


def ids_of(x: XServer, query: str) -> list[str]:
    return sorted((post["id"] for post in x.posts[query]), key=int, reverse=True)


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
    assert timedelta(days=6, hours=23) < spans[0].ends_at - spans[-1].begins_at < timedelta(days=7)


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


def test_a_cursor_that_is_none_is_an_error_with_a_sentence(x: XServer) -> None:
    with pytest.raises(EpilakeError, match="is no cursor of X's"):
        search(x, "flu", cursors={"flu": "t3_fsfhli@1585675830"})


def test_ids_of_the_server_tell_their_time() -> None:
    assert moment_of_id(id_of_moment(datetime(2026, 1, 1, tzinfo=UTC))) == datetime(2026, 1, 1, tzinfo=UTC)
