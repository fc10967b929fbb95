"""A Mastodon instance on the loopback: whatever its streams do, nothing is lost in silence."""

import io
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from flows.collectors import Outcome
from flows.collectors.mastodon.stream import MastodonStream
from flows.collectors.pace import Pace
from flows.errors import EpilakeError
from flows.sources.mastodon import Mastodon
from tests.unit.loopback.mastodon import (
    PACE,
    Instance,
    cursor_at,
    event,
    follow,
    lending,
    lines,
    numbers,
    outcomes,
    status,
    status_id,
)


def test_what_a_stream_sends_comes_as_the_parser_reads_it() -> None:
    edited = {**status(1, "measles"), "edited_at": "2026-07-04T05:00:00.000Z"}
    script = [
        b":thump\n", event("update", status(1)), b":thump\n", event("status.update", edited),
        event("filters_changed", "undefined"), event("update", status(2)), event("delete", status_id(1)),
    ]  # fmt: skip
    with lending(Instance(scripts=[script])) as instance:
        pages = follow(instance, requests=("#flu",), count=5)
    drafts = [draft for page in pages for draft in Mastodon().parse(io.BytesIO(page.content), chunk_records=9)]
    rows = [row for draft in drafts for row in draft.rows.to_pylist()]
    notices = [notice for draft in drafts for notice in draft.notices]
    assert [row["text"] for row in rows] == ["fever 1", "measles 1", "fever 2"]
    assert [notice.post_id for notice in notices] == [rows[0]["local_id"]] == [f"{instance.host}/{status_id(1)}"]
    assert {page.request for page in pages} == {"#flu"}
    assert instance.paths("/streaming/hashtag") == [{"tag": ["flu"]}]


@pytest.mark.parametrize("pieces", [1, 7, 10_000], ids=["a byte at a time", "seven bytes at a time", "all at once"])
def test_events_come_whole_however_the_network_cuts_them(pieces: int) -> None:
    content = event("update", status(1, "Fièvre 🤒")) + event("delete", "17")
    script = [content[at : at + pieces] for at in range(0, len(content), pieces)]
    with lending(Instance(scripts=[script])) as instance:
        pages = follow(instance, count=2)
    assert [line["payload"] for line in lines(pages)] == [status(1, "Fièvre 🤒"), "17"]


def test_the_public_stream_is_the_empty_request() -> None:
    with lending(Instance([status(1)], scripts=[[event("update", status(2))]])) as instance:
        pages = follow(instance, requests=("",), count=2, token="secret")
    assert (sorted(numbers(pages)), pages[-1].request) == ([1, 2], "")
    assert (instance.paths("/streaming/public"), len(instance.paths("/timelines/public"))) == ([{}], 1)
    assert instance.tokens == {"Bearer secret"}


def test_nothing_is_lost_while_a_stream_is_broken() -> None:
    instance = Instance([status(1)])

    def publish(first: int, last: int) -> Callable[[], object]:
        return lambda: instance.statuses.extend(status(number) for number in range(first, last))

    instance.scripts = [
        [publish(2, 4), event("update", status(2)), event("update", status(3)), publish(4, 60), None],
        [publish(60, 62), event("update", status(60)), None],
        [None],
        [publish(62, 64), event("update", status(62)), event("update", status(63))],
    ]
    with lending(instance):
        pages = follow(instance, cursor=cursor_at(instance, 1), to=63)
    assert set(numbers(pages)) == set(range(1, 64))
    assert set(outcomes(pages)) == {Outcome.ANSWERED}
    spans = [span for page in pages for span in page.spans]
    assert all(before.ends_at == after.begins_at for before, after in pairwise(spans))


def test_an_instance_that_cannot_be_reached_is_told_at_the_end_and_moves_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    until = datetime.now(UTC) + timedelta(seconds=0.6)
    cursor = f"{host}/{status_id(5)}"
    pages = list(MastodonStream(url=f"http://{host}", pace=PACE).collect(("flu",), {"flu": cursor}, until=until))
    assert [(page.content, page.cursor) for page in pages] == [(b"", cursor)]
    assert [(span.outcome, span.ends_at) for span in pages[0].spans] == [(Outcome.FAILED, until)]


@pytest.mark.parametrize("code", [401, 403, 404])
def test_a_stream_that_is_refused_for_good_is_an_error(code: int) -> None:
    with (
        lending(Instance(stream_statuses=[code])) as instance,
        pytest.raises(EpilakeError, match=f"refused the stream of #flu with HTTP {code}: give an access token"),
    ):
        follow(instance)


def test_each_hashtag_has_its_own_stream_and_cursor() -> None:
    with lending(Instance([status(1), status(2)])) as instance:
        pages = follow(instance, requests=("flu", "Fièvre", "flu"), count=4)
    assert {page.request: page.cursor for page in pages} == dict.fromkeys(("flu", "Fièvre"), cursor_at(instance, 2))
    assert sorted(query["tag"] for query in instance.paths("/streaming/")) == [["Fièvre"], ["flu"]]


def test_a_quiet_stream_says_at_the_end_that_it_was_heard() -> None:
    with lending(Instance()) as instance:
        pages = follow(instance, seconds=1)
    assert [(page.content, page.cursor) for page in pages] == [(b"", None)]
    assert outcomes(pages) == [Outcome.ANSWERED]


def test_a_stream_without_a_sign_of_life_is_given_up_and_opened_again() -> None:
    pace = Pace(page_seconds=0.1, silence_seconds=0.3, first_pause_seconds=0.05)
    with lending(Instance([status(1)], thumps=False)) as instance:
        follow(instance, streams=2, pace=pace)
    assert len(instance.paths("/streaming/")) > 1


def test_data_that_is_no_status_reaches_the_parser_which_refuses_it() -> None:
    script = [event("update", '{"id": "1", cut'), event("update", '{"id": "\\ud83d"}'), event("update", "[1]")]
    with lending(Instance(scripts=[script])) as instance:
        pages = follow(instance, count=3)
    drafts = [draft for page in pages for draft in Mastodon().parse(io.BytesIO(page.content), chunk_records=9)]
    assert sum(len(draft.rejects) for draft in drafts) == 3


@pytest.mark.parametrize(
    ("requests", "message"),
    [
        (("flu OR fever",), "Expected a hashtag, or nothing for the public stream, found 'flu OR fever'"),
        (("flu&local=1",), "Expected a hashtag"),
        (
            tuple(f"flu{number}" for number in range(51)),
            "Expected at most 50 hashtags, found 51: follow all public posts",
        ),
    ],
)
def test_requests_that_no_instance_could_answer_are_refused_at_once(requests: tuple[str, ...], message: str) -> None:
    with pytest.raises(EpilakeError, match=message):
        list(
            MastodonStream(url="http://127.0.0.1:1").collect(
                requests, {}, until=datetime.now(UTC) + timedelta(seconds=5)
            )
        )


def test_no_thread_outlives_a_run_that_is_broken_off() -> None:
    with lending(Instance([status(1)])) as instance:
        follow(instance, count=1)
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("mastodon")]
