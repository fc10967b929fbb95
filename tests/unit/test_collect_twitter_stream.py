"""X's filtered stream, from a server on this machine that answers in X's words."""

import json
from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from flows.collectors import Outcome, Page
from flows.collectors.twitter import XStream
from flows.errors import EpilakeError
from flows.sources.twitter.values import id_of_moment
from tests.unit.loopback.twitter import KEPT, PACE, TOKEN, Drop, XServer, outcomes, read_ids, soon


def listen(
    x: XServer, *requests: str, cursors: dict[str, str] | None = None, seconds: float = 20, count: int = 10**9,
    **more: Any,
) -> list[Page]:  # fmt: skip
    """Return the pages up to the one with the post of that number."""
    pages: list[Page] = []
    collector = XStream(TOKEN, budget_posts=more.pop("budget", 10_000), base_url=x.url, pace=PACE, **more)
    with closing(collector.collect(requests, cursors or {}, until=soon(seconds))) as stream:
        for page in stream:
            pages.append(page)
            if len(read_ids(pages)) >= count:
                break
    return pages


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
    pages = listen(x, "flu", count=3)
    assert len(read_ids(pages)) == 3
    spans = [span for page in pages for span in page.spans]
    assert [span.outcome for span in spans if span.outcome is Outcome.GAP] == [Outcome.GAP] * 2
    assert all(before.ends_at == after.begins_at for before, after in pairwise(spans))


def test_a_silent_connection_is_given_up_but_keep_alives_hold_it(x: XServer) -> None:
    x.rules = {"1": "flu"}
    x.scripts.extend([[b"", 0.2, b"", 0.2, b"", 0.2, stream_post(1, "1"), 9.0], [stream_post(2, "1"), *KEPT]])
    pages = listen(x, "flu", count=2)
    assert len(read_ids(pages)) == 2
    assert len(x.asked("/2/tweets/search/stream")) == 2


def test_what_x_says_before_it_disconnects_is_no_post_and_leads_to_a_new_connection(x: XServer) -> None:
    x.rules = {"1": "flu"}
    problem = {"title": "operational-disconnect", "disconnect_type": "UpstreamOperationalDisconnect",
               "type": "https://api.twitter.com/2/problems/operational-disconnect"}  # fmt: skip
    x.scripts.extend([[{"errors": [problem]}, 9.0], [stream_post(1, "1"), *KEPT]])
    pages = listen(x, "flu", count=1)
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
