"""Reddit's API through praw: new submissions and comments of subreddits, and what a search finds.

See `walk` for how a listing is read.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flows.collectors import Outcome, Page, UnansweredError
from flows.collectors.reddit.walk import Walk, read_cursor
from flows.errors import EpilakeError

if TYPE_CHECKING:
    import praw
    import requests

POSTS_PER_PAGE = 100
"""The most that Reddit gives."""
TIMEOUT_SECONDS = 30
MIN_USER_AGENT_CHARACTERS = 7
MAX_QUERY_CHARACTERS = 512
STATUSES = {
    200: ", but no JSON",
    302: ": there is no such subreddit",
    403: ": the subreddit is closed",
    404: ": there is no such subreddit",
}
"""Status → what Reddit means by it."""

_SUBREDDIT = re.compile(r"r/[A-Za-z0-9_+-]{2,}(/comments)?")


class RateLimit:
    """What the answers say of the rate limit, and the patience for it."""

    def __init__(self, until: datetime, clock: Callable[[], datetime]) -> None:
        self._until = until
        self._clock = clock
        self._free_at: datetime | None = None

    def note(self, response: "requests.Response", **_: Any) -> None:
        """Take note of an answer, before praw sees it."""
        headers, is_refused = response.headers, response.status_code == HTTPStatus.TOO_MANY_REQUESTS
        is_used_up = is_refused or headers.get("x-ratelimit-remaining", "1").startswith("0")
        seconds = (headers.get("retry-after") if is_refused else None) or headers.get("x-ratelimit-reset") or ""
        self._free_at = None
        if is_used_up and re.fullmatch(r"\d{1,6}", seconds):
            self._free_at = self._clock() + timedelta(seconds=max(1, int(seconds)))

    def wait(self) -> bool:
        """Wait until the limit is over, if it is known when and that is before the run's end; say whether it is."""
        if self._free_at is None or self._free_at > self._until:
            return False
        time.sleep(max(0.0, (self._free_at - self._clock()).total_seconds()))
        self._free_at = None
        return True

    @property
    def is_used_up(self) -> bool:
        """Whether the next call would be refused."""
        return self._free_at is not None and self._free_at > self._clock()


class RedditApi:
    """Signs in as an application, not as an account, and so sees what everybody sees; see `Collector`.

    Requests are `r/name` for submissions, `r/name/comments`, and `search:` with a query of Reddit's.
    """

    source = "reddit"

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        user_agent: str,
        *,
        reddit_url: str = "https://www.reddit.com",
        oauth_url: str = "https://oauth.reddit.com",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if not client_id or not client_secret or len(user_agent) < MIN_USER_AGENT_CHARACTERS:
            raise EpilakeError(
                "Reddit's API wants the id and the secret of an application (reddit.com/prefs/apps) and a user agent "
                "that says who asks, such as `linux:epilake:0.1 (by /u/name)`: set all three."
            )
        self._settings: dict[str, Any] = {
            "client_id": client_id,
            "client_secret": client_secret,
            "user_agent": user_agent,
            "reddit_url": reddit_url,
            "oauth_url": oauth_url,
        }
        self._clock = clock

    def collect(self, requests: tuple[str, ...], cursors: dict[str, str], *, until: datetime) -> Iterator[Page]:
        """Yield each listing once, its newest posts first; see `Collector.collect`.

        Only the last page of a request moves its cursor: before it, older posts are still to come. A rate limit is the
        application's, so it ends the asking for the other requests too.
        """
        todo = [(request, read_request(request), read_cursor(cursors.get(request))) for request in requests]
        limit, refusal = RateLimit(until, self._clock), None
        with self._connect(limit) as reddit:
            for request, (path, parameters), cursor in todo:
                walk = Walk(request, cursor, min(until, self._clock()))
                if refusal:
                    yield walk.break_off(refusal.outcome, str(refusal), count_asked=0)
                    continue
                try:
                    while not walk.is_finished:
                        yield walk.add(ask_patiently(reddit, limit, path, parameters | {"after": walk.after}))
                except UnansweredError as error:
                    refusal = error if error.outcome is Outcome.LIMITED else None
                    yield walk.break_off(error.outcome, str(error))

    @contextmanager
    def _connect(self, limit: RateLimit) -> "Iterator[praw.Reddit]":
        """Lend a client for one run: what praw knows of the rate limit does not age."""
        import praw
        import requests

        with requests.Session() as session:
            session.hooks["response"].append(limit.note)
            reddit = praw.Reddit(
                **self._settings,
                timeout=TIMEOUT_SECONDS,
                check_for_updates=False,
                check_for_async=False,
                requestor_kwargs={"session": session},
            )
            reddit.read_only = True  # whatever account a praw.ini may name
            yield reddit


def ask_patiently(reddit: "praw.Reddit", limit: RateLimit, path: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return one part of a listing, waiting for the rate limit if that is over before the run's end; see `ask`."""
    if limit.is_used_up and not limit.wait():
        raise UnansweredError(Outcome.LIMITED, "the rate limit is used up")
    try:
        return ask(reddit, path, parameters)
    except UnansweredError as error:
        if error.outcome is not Outcome.LIMITED or not limit.wait():
            raise
    return ask(reddit, path, parameters)


def ask(reddit: "praw.Reddit", path: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return one part of a listing.

    Raises:
        UnansweredError: There is none now.
        EpilakeError: Reddit refuses the application.
    """
    from praw.exceptions import PRAWException
    from prawcore.exceptions import OAuthException, RequestException, ResponseException

    try:
        answer = reddit.request(method="GET", path=path, params=parameters)
    except OAuthException as error:
        raise EpilakeError(f"Reddit refuses the application ({error}): check its id and secret.") from error
    except ResponseException as error:
        raise judge_status(error.response.status_code) from error
    except RequestException as error:
        reason = f"Reddit cannot be reached ({type(error.original_exception).__name__})"
        raise UnansweredError(Outcome.FAILED, reason) from error
    except KeyError as error:  # a status 401 whose challenge prawcore has no name for
        raise judge_status(HTTPStatus.UNAUTHORIZED) from error
    except (PRAWException, ValueError) as error:
        raise UnansweredError(Outcome.FAILED, f"Reddit's answer cannot be read ({error})") from error
    listing = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(listing, dict) or not isinstance(listing.get("children"), list):
        raise UnansweredError(Outcome.FAILED, "Reddit's answer is no listing")
    return listing


def judge_status(status: int) -> EpilakeError:
    """Return what a status of HTTP means for the asking.

    >>> judge_status(429).outcome, judge_status(503)
    (<Outcome.LIMITED: 'limited'>, UnansweredError('Reddit answers 503'))
    """
    if status == HTTPStatus.UNAUTHORIZED:
        return EpilakeError("Reddit refuses the application (401): check its id and secret.")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return UnansweredError(Outcome.LIMITED, "Reddit answers 429")
    return UnansweredError(Outcome.FAILED, f"Reddit answers {status}" + STATUSES.get(status, ""))


def read_request(request: str) -> tuple[str, dict[str, Any]]:
    """Return the path and the parameters of a request.

    >>> read_request("r/boston"), read_request("r/boston/comments")[0], read_request("search:flu OR grippe")[1]["q"]
    (('r/boston/new', {'limit': 100}), 'r/boston/comments', 'flu OR grippe')
    """
    query = request.removeprefix("search:").strip()
    if query != request and 0 < len(query) <= MAX_QUERY_CHARACTERS:
        return "search", {"q": query, "sort": "new", "type": "link", "limit": POSTS_PER_PAGE}
    if found := _SUBREDDIT.fullmatch(request):
        return request if found[1] else f"{request}/new", {"limit": POSTS_PER_PAGE}
    raise EpilakeError(
        f"{request!r} is no request to Reddit: write `r/name`, `r/name/comments` or `search:` and a query of at most "
        f"{MAX_QUERY_CHARACTERS} characters."
    )
