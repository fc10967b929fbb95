"""Reddit's API, spoken by a server of our own: what is asked, what is given on, and what is said of the rest."""

import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from flows.collectors import Outcome, Page
from flows.collectors.reddit.api import RedditApi
from flows.errors import EpilakeError
from flows.sources.reddit import Reddit
from tests.unit.loopback.reddit import NOW, FakeReddit, comment, submission
from tests.unit.loopback.server import serving

NEXT = NOW + timedelta(hours=1)


@pytest.fixture
def reddit() -> Iterator[FakeReddit]:
    with serving(FakeReddit()) as server:
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
    with serving(FakeReddit()) as gone:
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
