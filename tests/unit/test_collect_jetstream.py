"""Jetstream over a loopback server that speaks its protocol: nothing is lost in silence, whatever the server does."""

import io
import json
import socket
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from websockets.http11 import Request

from flows.collectors import Outcome, Page
from flows.collectors.bluesky.jetstream import Jetstream
from flows.collectors.pace import Pace
from flows.errors import EpilakeError
from flows.sources.bluesky import Bluesky
from tests.unit.loopback.jetstream import DID, SECOND, START_US, JetstreamServer, post, serving

PACE = Pace(
    page_seconds=0.05, silence_seconds=5, heartbeat_seconds=5, first_pause_seconds=0.05, longest_pause_seconds=0.1
)


def follow(
    jetstream: JetstreamServer, *, cursor: str | None = None, count: int = 10**9, to: str | None = None,
    seconds: float = 20, **settings: Any,
) -> list[Page]:  # fmt: skip
    """Return the pages up to the one with the event of that number, or with that cursor."""
    collector = Jetstream(url=jetstream.url, **{"pace": PACE, **settings})
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    pages: list[Page] = []
    with closing(collector.collect(("",), {} if cursor is None else {"": cursor}, until=until)) as stream:
        for page in stream:
            pages.append(page)
            if (to and page.cursor == to) or sum(len(page.content.splitlines()) for page in pages) >= count:
                break
    return pages


def keys(pages: list[Page]) -> list[str]:
    """Return the record keys of what the pages hold."""
    return [json.loads(line)["commit"]["rkey"] for page in pages for line in page.content.splitlines()]


def spans(pages: list[Page], outcome: Outcome) -> list[tuple[float, float]]:
    """Return what had this outcome, in seconds since the start."""
    found = [span for page in pages for span in page.spans if span.outcome is outcome]
    return [(seconds(span.begins_at), seconds(span.ends_at)) for span in found]


def seconds(moment: datetime) -> float:
    return round(moment.timestamp() - START_US / SECOND, 3)


def cursor_at(second: int) -> str:
    return str(START_US + second * SECOND)


def test_what_the_server_replays_comes_as_the_parser_reads_it() -> None:
    with serving(JetstreamServer([post(1), post(2, operation="update"), post(3)])) as server:
        pages = follow(server, cursor=cursor_at(0), count=3)
    drafts = [draft for page in pages for draft in Bluesky().parse(io.BytesIO(page.content), chunk_records=9)]
    assert [row["text"] for draft in drafts for row in draft.rows.to_pylist()] == ["fever 1", "fever 2", "fever 3"]
    assert (pages[-1].request, pages[-1].cursor) == ("", cursor_at(3))
    assert [span.outcome for page in pages for span in page.spans] == [Outcome.ANSWERED] * len(pages)
    assert (spans(pages, Outcome.ANSWERED)[0][0], spans(pages, Outcome.ANSWERED)[-1][1]) == (0, 3)


def test_it_asks_for_its_collections_and_sizes_from_a_little_before_the_cursor() -> None:
    with serving(JetstreamServer([post(1)])) as server:
        follow(server, cursor=cursor_at(0), count=1, collections=("app.bsky.feed.post", "app.bsky.feed.repost"))
    assert server.queries[0] == {
        "wantedCollections": ["app.bsky.feed.post", "app.bsky.feed.repost"], "maxMessageSizeBytes": ["262144"],
        "cursor": [cursor_at(-5)],
    }  # fmt: skip


def test_without_a_cursor_it_begins_at_the_live_end() -> None:
    with serving(JetstreamServer([post(1)], live=[json.dumps(post(600))])) as server:
        pages = follow(server, count=1)
    assert ("cursor" in server.queries[0], keys(pages), pages[-1].cursor) == (False, ["3k600"], cursor_at(600))


def test_a_broken_connection_is_taken_up_again_with_nothing_lost() -> None:
    events = [post(number) for number in range(1, 41)]
    with serving(JetstreamServer(events, breaks_after=[7, 0, 12])) as server:
        pages = follow(server, cursor=cursor_at(0), count=40 + 2 * 6)
    assert set(keys(pages)) == {f"3k{number}" for number in range(1, 41)}
    assert len(server.queries) == 4
    assert server.queries[1]["cursor"] == [cursor_at(7 - 5)]
    assert not spans(pages, Outcome.GAP) + spans(pages, Outcome.FAILED)
    covered = spans(pages, Outcome.ANSWERED)
    assert (covered[0][0], covered[-1][1]) == (0, 40)
    assert all(before[1] == after[0] for before, after in pairwise(covered))
    assert sum(page.count_asked for page in pages) == 4


def test_a_run_that_was_killed_goes_on_from_the_cursor_of_its_last_page() -> None:
    pace = Pace(page_events=10, page_seconds=0.1)
    with serving(JetstreamServer([post(number) for number in range(1, 31)])) as server:
        first = follow(server, cursor=cursor_at(0), count=10, pace=pace)
        second = follow(server, cursor=first[-1].cursor, count=26, pace=pace)
    assert set(keys(first + second)) == {f"3k{number}" for number in range(1, 31)}


def test_the_cursor_never_goes_back_though_events_come_twice_and_out_of_order() -> None:
    with serving(JetstreamServer([post(1), post(9), post(3), post(8), post(2)])) as server:
        pages = follow(server, cursor=cursor_at(0), count=5, pace=Pace(page_events=1, page_seconds=1))
    assert [page.cursor for page in pages] == [cursor_at(number) for number in (1, 9, 9, 9, 9)]


def test_a_server_that_forgot_the_cursor_leaves_a_gap_with_both_its_ends() -> None:
    with serving(JetstreamServer([post(301), post(302)])) as server:
        pages = follow(server, cursor=cursor_at(100), count=2)
    assert spans(pages, Outcome.GAP) == [(100, 301)]
    assert spans(pages, Outcome.ANSWERED)[-1][1] == 302


def test_a_quiet_minute_after_the_cursor_is_no_gap() -> None:
    with serving(JetstreamServer([post(160), post(400)])) as server:
        pages = follow(server, cursor=cursor_at(100), count=2)
    assert spans(pages, Outcome.GAP) == []


def test_a_server_that_begins_long_before_the_cursor_does_no_harm() -> None:
    with serving(JetstreamServer(live=[json.dumps(post(number)) for number in (1, 2, 400, 401)])) as server:
        pages = follow(server, cursor=cursor_at(399), count=4)
    assert (pages[-1].cursor, spans(pages, Outcome.GAP)) == (cursor_at(401), [])


def test_a_gap_while_the_connection_was_broken_is_told() -> None:
    with serving(JetstreamServer([post(1), post(2), post(500)], breaks_after=[2, 0])) as server:
        until = datetime.now(UTC) + timedelta(minutes=1)
        stream = Jetstream(url=server.url, pace=PACE).collect(("",), {"": cursor_at(0)}, until=until)
        pages = [next(stream)]
        server.events = [post(500)]
        pages.append(next(stream))
        stream.close()
    assert spans(pages, Outcome.GAP) == [(2, 500)]


def test_an_event_from_the_future_makes_no_cursor_from_the_future() -> None:
    with serving(JetstreamServer([post(1), post(10**6)])) as server:
        pages = follow(server, cursor=cursor_at(0), count=2)
    assert pages[-1].cursor is not None
    assert int(pages[-1].cursor) <= time.time_ns() // 1_000


@pytest.mark.parametrize(
    ("pace", "most"), [(Pace(page_seconds=0.1, page_events=10), 10), (Pace(page_seconds=0.1, page_bytes=2_000), 9)]
)
def test_a_page_is_bounded(pace: Pace, most: int) -> None:
    with serving(JetstreamServer([post(number) for number in range(1, 36)])) as server:
        pages = follow(server, cursor=cursor_at(0), count=35, pace=pace)
    sizes = [len(page.content.splitlines()) for page in pages]
    assert (sum(sizes), max(sizes) <= most) == (35, True)


def test_a_filter_lets_deletions_and_accounts_pass_and_the_cursor_moves_over_the_rest() -> None:
    deletion = post(3, operation="delete")
    del deletion["commit"]["record"]
    gone = {"did": DID, "time_us": START_US + 4 * SECOND, "kind": "account", "account": {"active": False, "did": DID}}
    renamed = {"did": DID, "time_us": START_US + 5 * SECOND, "kind": "identity", "identity": {"did": DID}}
    held = [post(1), post(2, "cat"), deletion, gone, renamed, post(6, "cat")]
    with serving(JetstreamServer(held, live=["no JSON"])) as server:
        pages = follow(server, cursor=cursor_at(0), count=4, keep=lambda message: b"fever" in message)
    lines = [line for page in pages for line in page.content.splitlines()]
    assert lines == [*(json.dumps(event).encode() for event in (post(1), deletion, gone)), b"no JSON"]
    assert pages[-1].cursor == cursor_at(6)


def test_a_page_of_which_nothing_is_kept_still_moves_the_cursor() -> None:
    with serving(JetstreamServer([post(1, "cat"), post(2, "cat")])) as server:
        pages = follow(server, cursor=cursor_at(0), to=cursor_at(2), keep=lambda _: False)
    assert ({page.content for page in pages}, pages[-1].cursor) == ({b""}, cursor_at(2))


def test_a_server_that_cannot_be_reached_is_told_at_the_end_and_moves_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{free.getsockname()[1]}/subscribe"
    until = datetime.now(UTC) + timedelta(seconds=0.6)
    pages = list(Jetstream(url=url, pace=PACE).collect(("",), {"": cursor_at(0)}, until=until))
    assert [(page.content, page.cursor) for page in pages] == [(b"", cursor_at(0))]
    assert pages[0].count_asked > 2
    assert [(span.outcome, seconds(span.begins_at), span.ends_at) for span in pages[0].spans] == [
        (Outcome.FAILED, 0, until)
    ]
    assert "refused" in pages[0].spans[0].reason


def test_a_server_that_is_busy_is_asked_again() -> None:
    with serving(JetstreamServer([post(1)], refuses=[503, 502])) as server:
        pages = follow(server, cursor=cursor_at(0), count=1)
    assert (keys(pages), len(server.queries)) == (["3k1"], 3)


def test_a_rate_limit_that_lasts_is_told_as_such() -> None:
    with serving(JetstreamServer(refuses=[429] * 99)) as server:
        pages = follow(server, cursor=cursor_at(0), seconds=0.4)
    assert [span.outcome for page in pages for span in page.spans] == [Outcome.LIMITED]


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_refusal_that_waiting_would_not_mend_is_an_error(status: int) -> None:
    with (
        serving(JetstreamServer(refuses=[status])) as server,
        pytest.raises(EpilakeError, match=f"refused the stream with HTTP {status}: check the address"),
    ):
        follow(server)


@pytest.mark.parametrize(
    ("url", "requests", "cursor", "message"),
    [
        ("https://127.0.0.1/subscribe", ("",), None, "Expected the address of a Jetstream server, wss"),
        ("ws://127.0.0.1:1", ("fever",), None, "Jetstream cannot search: expected no request, found 'fever'"),
        ("ws://127.0.0.1:1", ("",), "3k1", "Expected a cursor in microseconds since 1970, found '3k1'"),
        ("ws://127.0.0.1:1", ("",), "9" * 30, "Expected a cursor in microseconds since 1970, found '999"),
    ],
)
def test_wrong_settings_are_refused_at_once(
    url: str, requests: tuple[str, ...], cursor: str | None, message: str
) -> None:
    cursors = {} if cursor is None else {"": cursor}
    with pytest.raises(EpilakeError, match=message):
        list(Jetstream(url=url).collect(requests, cursors, until=datetime.now(UTC) + timedelta(seconds=5)))


def test_a_stream_that_has_fallen_silent_is_given_up_and_opened_again() -> None:
    pace = Pace(page_seconds=0.05, silence_seconds=0.2, first_pause_seconds=0.05)
    with serving(JetstreamServer([post(1)])) as server:
        pages = follow(server, cursor=cursor_at(0), count=3, pace=pace)
    assert (len(server.queries), set(keys(pages))) == (3, {"3k1"})


def test_a_peer_that_answers_no_heartbeat_is_given_up() -> None:
    """The network is gone, and nobody says so: only a ping finds out."""
    from websockets.server import ServerProtocol

    connections = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                connections.append(peer)
                protocol = ServerProtocol()
                protocol.receive_data(peer.recv(65_536))
                for request in protocol.events_received():
                    assert isinstance(request, Request)
                    protocol.send_response(protocol.accept(request))
                    peer.sendall(b"".join(protocol.data_to_send()))

        thread = threading.Thread(target=accept)
        thread.start()
        pace = Pace(page_seconds=0.1, silence_seconds=60, heartbeat_seconds=0.1, first_pause_seconds=0.05)
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}/subscribe"
        until = datetime.now(UTC) + timedelta(seconds=2.2)
        pages = list(Jetstream(url=url, pace=pace).collect(("",), {"": cursor_at(0)}, until=until))
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    for peer in connections:
        peer.close()
    assert len(connections) > 1
    assert [span.outcome for span in pages[-1].spans] == [Outcome.FAILED]
