"""Feeds over HTTP, from a server of our own: what is asked, what is given on, and what is said of the rest."""

import gzip
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from xml.sax.saxutils import escape

import pytest

from flows.collectors import Outcome, Page
from flows.collectors.feeds import LOST, Cursor, FeedPoll
from flows.errors import EpilakeError
from flows.sources.feeds import Feeds
from tests.unit.loopback.feeds import FakeHost, Resource
from tests.unit.loopback.server import serving

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
NEXT = NOW + timedelta(hours=1)


def rss(*minutes_ago: float) -> bytes:
    """Return a feed with an entry for each age."""
    items = "".join(
        f"<item><guid>https://health.example/{-age:g}</guid><title>{escape('Fever & cough')}</title>"
        f"<description>{escape('<p>More cases.</p>')}</description>"
        f"<pubDate>{format_datetime(NOW - timedelta(minutes=age))}</pubDate></item>"
        for age in minutes_ago
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>{items}</channel></rss>'.encode()


@pytest.fixture
def host() -> Iterator[FakeHost]:
    with serving(FakeHost()) as server:
        yield server


def poll(*addresses: str, cursors: dict[str, str] | None = None, now: datetime = NOW, **limits: int) -> list[Page]:
    client = FeedPoll("epilake-test", clock=lambda: now, **limits)
    return list(client.collect(addresses, cursors or {}, until=now + timedelta(minutes=10)))


def again(page: Page, **limits: int) -> Page:
    """Poll an hour later, from where a page ended."""
    (following,) = poll(page.request, cursors={page.request: page.cursor or ""}, now=NEXT, **limits)
    return following


def ids(page: Page) -> list[str]:
    (draft,) = Feeds().parse(io.BytesIO(page.content), chunk_records=1_000)
    assert draft.rejects == []
    found: list[str] = draft.rows["post_id"].to_pylist()
    return found


def spans(page: Page) -> list[tuple[Outcome, float, float]]:
    """Return the outcome of each span, with its ends in minutes from now."""
    return [
        (span.outcome, (span.begins_at - NOW).total_seconds() / 60, (span.ends_at - NOW).total_seconds() / 60)
        for span in page.spans
    ]


def test_a_feed_is_given_on_in_the_spelling_that_the_source_reads(host: FakeHost) -> None:
    host.resources["/rss"] = Resource(rss(30, 90))
    (page,) = poll(host.url("/rss"))
    (draft,) = Feeds().parse(io.BytesIO(page.content), chunk_records=9)
    first = draft.rows.to_pylist()[0]
    assert (first["title"], first["text"], first["feed_url"]) == ("Fever & cough", "More cases.", host.url("/rss"))
    assert first["posted_at"] == NOW - timedelta(minutes=30)
    assert (ids(page), spans(page)) == (
        ["https://health.example/-30", "https://health.example/-90"],
        [(Outcome.ANSWERED, -90, 0)],
    )
    assert host.asked[0][1]["User-Agent"] == "epilake-test"


@pytest.mark.parametrize(
    "validators",
    [
        {"ETag": '"a1"'},
        {"Last-Modified": "Thu, 01 Jan 2026 11:30:00 GMT"},
        {"ETag": 'W/"a1"', "Last-Modified": "Thu, 01 Jan 2026 11:30:00 GMT"},
    ],
    ids=str,
)
def test_a_feed_that_has_not_changed_is_answered_with_nothing(host: FakeHost, validators: dict[str, str]) -> None:
    host.resources["/rss"] = Resource(rss(30), headers=validators)
    (first,) = poll(host.url("/rss"))
    second = again(first)
    assert (second.content, spans(second)) == (b"", [(Outcome.ANSWERED, 0, 60)])
    assert Cursor.model_validate_json(second.cursor or "") == Cursor.model_validate_json(first.cursor or "").model_copy(
        update={"asked_until": NEXT}
    )


def test_a_feed_that_has_changed_is_given_whole(host: FakeHost) -> None:
    host.resources["/rss"] = Resource(rss(30, 90), headers={"ETag": '"a1"'})
    (first,) = poll(host.url("/rss"))
    host.resources["/rss"] = Resource(rss(-20, 30), headers={"ETag": '"a2"'})
    second = again(first)
    assert ids(second) == ["https://health.example/20", "https://health.example/-30"]
    assert spans(second) == [(Outcome.ANSWERED, 0, 60)]


def test_a_feed_of_which_nothing_is_left_has_lost_something(host: FakeHost) -> None:
    host.resources["/rss"] = Resource(rss(30, 90))
    (first,) = poll(host.url("/rss"))
    host.resources["/rss"] = Resource(rss(-50, -20))
    second = again(first)
    assert spans(second) == [(Outcome.GAP, 0, 20), (Outcome.ANSWERED, 20, 60)]
    assert second.spans[0].reason == LOST


def test_a_feed_that_keeps_less_than_before_has_lost_nothing(host: FakeHost) -> None:
    host.resources["/rss"] = Resource(rss(30, 90))
    (first,) = poll(host.url("/rss"))
    host.resources["/rss"] = Resource(rss(-50))
    assert spans(again(first)) == [(Outcome.ANSWERED, 0, 60)]


def test_the_first_time_what_a_feed_holds_counts_as_asked_for_a_week(host: FakeHost) -> None:
    host.resources["/rss"] = Resource(rss(30, 100 * 1_440))
    (page,) = poll(host.url("/rss"))
    assert (len(ids(page)), spans(page)) == (2, [(Outcome.ANSWERED, -7 * 1_440, 0)])


@pytest.mark.parametrize(
    ("resource", "outcome", "reason"),
    [
        pytest.param(Resource(b"", 404), Outcome.FAILED, "the feed answers 404", id="gone"),
        pytest.param(Resource(b"", 503), Outcome.FAILED, "the feed answers 503", id="broken"),
        pytest.param(Resource(b"", 401), Outcome.FAILED, "the feed answers 401", id="closed"),
        pytest.param(Resource(b"", 429, {"Retry-After": "60"}), Outcome.LIMITED, "the feed answers 429", id="limited"),
        pytest.param(Resource(b"<html></html>"), Outcome.FAILED, "It is no feed", id="a page"),
        pytest.param(Resource(b"<!DOCTYPE r [\n<!ENTITY a 'b'>]><r/>"), Outcome.FAILED, "The feed declares", id="bomb"),
        pytest.param(Resource(rss(*range(500))), Outcome.FAILED, "the feed is larger than 50,000 bytes", id="large"),
        pytest.param(
            Resource(gzip.compress(b" " * 9_000_000), headers={"Content-Encoding": "gzip"}),
            Outcome.FAILED, "the feed is larger than 50,000 bytes", id="large once unpacked",
        ),
        pytest.param(
            Resource(b"no gzip", headers={"Content-Encoding": "gzip"}), Outcome.FAILED, "DecodingError", id="damaged"
        ),
        pytest.param(Resource(rss(*range(100)), pause_seconds=0.2), Outcome.FAILED, "ReadTimeout", id="slow"),
        pytest.param(Resource(b"", 302, {"Location": "/bad"}), Outcome.FAILED, "TooManyRedirects", id="loop"),
        pytest.param(Resource(b"", 302, {"Location": "file:///etc/host"}), Outcome.FAILED, "Unsupported", id="file"),
    ],
)  # fmt: skip
def test_a_feed_that_fails_does_not_keep_others_from_being_asked(
    host: FakeHost, resource: Resource, outcome: Outcome, reason: str
) -> None:
    host.resources = {"/bad": resource, "/good": Resource(rss(30))}
    failed, answered = poll(host.url("/bad"), host.url("/good"), max_bytes=50_000, timeout_seconds=1)
    assert (failed.content, failed.cursor, failed.spans[0].outcome) == (b"", None, outcome)
    assert failed.spans[0].reason.startswith(reason)
    assert ids(answered) == ["https://health.example/-30"]


def test_a_failure_leaves_the_cursor_where_it_was(host: FakeHost) -> None:
    host.resources["/rss"] = Resource(rss(30), headers={"ETag": '"a1"'})
    (first,) = poll(host.url("/rss"))
    host.resources["/rss"] = Resource(b"", 500)
    second = again(first)
    assert (second.cursor, spans(second)) == (first.cursor, [(Outcome.FAILED, 0, 60)])


def test_a_host_that_is_not_there_is_a_failure(host: FakeHost) -> None:
    host.resources["/good"] = Resource(rss(30))
    failed, answered = poll("http://127.0.0.1:9/rss", host.url("/good"))
    assert (failed.spans[0].outcome, failed.spans[0].reason.partition(":")[0]) == (Outcome.FAILED, "ConnectError")
    assert answered.content


def test_a_feed_that_has_moved_is_followed(host: FakeHost) -> None:
    host.resources = {"/old": Resource(b"", 301, {"Location": "/new"}), "/new": Resource(rss(30))}
    (page,) = poll(host.url("/old"))
    assert (page.request, ids(page)) == (host.url("/old"), ["https://health.example/-30"])


@pytest.mark.parametrize("address", ["health.example/rss", "file:///etc/hostname", "https://", "http://[::1/rss", ""])
def test_what_is_no_address_is_refused_before_anything_is_asked(host: FakeHost, address: str) -> None:
    with pytest.raises(EpilakeError, match="is no address of a feed"):
        poll(host.url("/rss"), address)
    assert host.asked == []


def test_a_cursor_of_another_source_is_refused(host: FakeHost) -> None:
    with pytest.raises(EpilakeError, match="is no cursor of a feed"):
        poll(host.url("/rss"), cursors={host.url("/rss"): "t3_fsfhli@1585675830"})
