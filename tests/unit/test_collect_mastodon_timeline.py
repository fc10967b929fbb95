"""A Mastodon instance on the loopback: what its streams missed, its timelines bring, however they fail."""

import threading
import time

import pytest

from flows.collectors import Outcome
from flows.collectors.pace import Pace
from flows.errors import EpilakeError
from tests.unit.loopback.mastodon import (
    LIMIT,
    START_MS,
    Instance,
    cursor_at,
    event,
    follow,
    lending,
    numbers,
    outcomes,
    status,
    status_id,
)


def test_a_first_run_takes_the_newest_posts_and_then_the_stream() -> None:
    held = [status(number) for number in range(1, 101)]
    with lending(Instance(held, scripts=[[event("update", status(101))]])) as instance:
        pages = follow(instance, count=41)
    assert sorted(numbers(pages)) == list(range(61, 102))
    assert pages[-1].cursor == cursor_at(instance, 101)


def test_what_came_since_the_cursor_is_asked_for_page_by_page() -> None:
    held = [status(number) for number in range(1, 401)]
    with lending(Instance(held)) as instance:
        pages = follow(instance, cursor=cursor_at(instance, 200), to=400)
    assert set(numbers(pages)) == set(range(81, 401)), "from two minutes before the cursor"
    assert pages[-1].cursor == cursor_at(instance, 400)
    asked = instance.paths("/timelines/tag/flu")
    assert [query["limit"] for query in asked] == [["40"]] * 9
    assert asked[2]["min_id"] == [status_id(120)]
    assert outcomes(pages) == [Outcome.ANSWERED] * len(outcomes(pages))
    assert sum(page.count_asked for page in pages) == 10


def test_a_post_that_came_late_from_another_instance_is_found_although_its_id_is_older() -> None:
    with lending(Instance([status(number) for number in (1, 150, 300)])) as instance:
        instance.statuses.insert(1, status(250, "came late"))
        pages = follow(instance, cursor=cursor_at(instance, 300), count=4)
    assert 250 in numbers(pages)
    assert pages[-1].cursor == cursor_at(instance, 300)


def test_a_timeline_that_grows_as_fast_as_it_is_asked_comes_to_an_end() -> None:
    instance = Instance([status(number) for number in range(1, 301)])
    numbering = iter(range(301, 10_000))
    instance.on_timeline = lambda: instance.statuses.append(status(next(numbering)))
    with lending(instance):
        follow(instance, cursor=cursor_at(instance, 200), seconds=0.8)
    assert len(instance.paths("/timelines/")) < 9


def test_a_rate_limit_is_waited_for_until_it_ends() -> None:
    held = [status(number) for number in range(1, 401)]
    with lending(Instance(held, timeline_statuses=[0, 0, 429])) as instance:
        began = time.monotonic()
        pages = follow(instance, cursor=cursor_at(instance, 300), count=40 + 220)
    assert time.monotonic() - began > 0.5
    assert (set(numbers(pages)), pages[-1].cursor) == (set(range(181, 401)), cursor_at(instance, 400))
    assert set(outcomes(pages)) <= {Outcome.ANSWERED}


def test_a_rate_limit_beyond_the_end_is_told_and_the_cursor_stays_before_the_hole() -> None:
    held = [status(number) for number in range(1, 401)]
    script = [event("update", status(number)) for number in (401, 402)]
    limits = [0, 0, 429]
    with lending(Instance(held, [script], timeline_statuses=limits, resets_in=60)) as instance:
        pages = follow(instance, cursor=cursor_at(instance, 200), seconds=1.2)
    assert {401, 402} <= set(numbers(pages)), "what the stream brings meanwhile is handed over"
    assert {page.cursor for page in pages} == {cursor_at(instance, 200)}
    last = pages[-1].spans[-1]
    assert (last.outcome, last.reason) == (Outcome.LIMITED, "Hit rate limit.")
    assert abs(last.begins_at.timestamp() - START_MS / 1000 - 200) < 1
    assert len(instance.paths("/timelines/")) == 3, "a limit is not knocked at"


def test_what_was_walked_before_a_limit_need_not_be_walked_again() -> None:
    held = [status(number) for number in range(1, 401)]
    with lending(Instance(held, timeline_statuses=[0] * 6 + [429], resets_in=60)) as instance:
        pages = follow(instance, cursor=cursor_at(instance, 200), count=6 * LIMIT)
    assert pages[-1].cursor == cursor_at(instance, 80 + 5 * LIMIT)


def test_while_no_stream_can_be_opened_the_timeline_stands_in() -> None:
    instance = Instance([status(1)], stream_statuses=[503] * 999)
    with lending(instance):
        threading.Timer(0.2, lambda: instance.statuses.append(status(2))).start()
        pages = follow(instance, cursor=cursor_at(instance, 1), seconds=1.2)
    assert set(numbers(pages)) == {1, 2}
    assert pages[-1].cursor == cursor_at(instance, 2)
    assert outcomes(pages)[-1] is Outcome.FAILED
    assert "Service Unavailable" in pages[-1].spans[-1].reason


@pytest.mark.parametrize("code", [401, 422])
def test_a_timeline_that_is_refused_for_good_is_an_error(code: int) -> None:
    with (
        lending(Instance(timeline_statuses=[code])) as instance,
        pytest.raises(EpilakeError, match=f"refused the timeline of all public posts with HTTP {code}"),
    ):
        follow(instance, requests=("",))


@pytest.mark.parametrize("code", [500, 502, 503])
def test_a_timeline_that_fails_is_asked_again(code: int) -> None:
    with lending(Instance([status(1), status(2)], timeline_statuses=[code])) as instance:
        pages = follow(instance, count=2)
    assert numbers(pages) == [1, 2]


def test_a_cursor_of_another_instance_says_nothing_here() -> None:
    with lending(Instance([status(number) for number in range(1, 101)])) as instance:
        pages = follow(instance, cursor=f"other.example/{status_id(5)}", count=40)
    assert numbers(pages) == list(range(61, 101))


def test_a_page_is_bounded() -> None:
    held = [status(number) for number in range(1, 301)]
    with lending(Instance(held)) as instance:
        pages = follow(instance, cursor=cursor_at(instance, 121), count=300, pace=Pace(page_seconds=9, page_events=50))
    assert max(len(page.content.splitlines()) for page in pages) < 50 + LIMIT
