"""Calls of X's API v2 through tweepy: which refusals waiting mends, and for how long it is waited.

What X answers is documented at https://docs.x.com/x-api/fundamentals/response-codes-and-errors and `rate-limits` beside
it. tweepy's own waiting knows no end, so it is not used.
"""

import logging
import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

from flows.collectors import Outcome, UnansweredError
from flows.collectors.pace import Pace
from flows.errors import EpilakeError

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

BASE_URL = "https://api.x.com"
STREAM_URL = "https://api.twitter.com/2/tweets/search/stream"
"""As tweepy names it; `HostAdapter` puts the host in its place."""
TIMEOUT_SECONDS = 30.0
MAX_FAILURES = 4
SPENT = ("usage-capped", "usagecap", "spendcap", "creditsdepleted", "credit")
"""By what X's answers tell that nothing may be read any more this month, whatever their status."""
TWEET_FIELDS = (
    "created_at", "edit_history_tweet_ids", "entities", "geo", "in_reply_to_user_id", "lang", "note_tweet",
    "public_metrics", "referenced_tweets", "source", "withheld",
)  # fmt: skip
USER_FIELDS = (
    "created_at", "description", "location", "name", "protected", "public_metrics", "username", "verified", "withheld",
)  # fmt: skip
PLACE_FIELDS = ("country", "full_name")
EXPANSIONS = ("author_id", "geo.place_id")
ORIGINALS = "referenced_tweets.id"
"""The expansion by which what a post repeats, quotes or answers comes along, and is billed."""
POSTS_PER_RESULT = 3
"""The most posts that one result can bring along with the originals: itself, what it quotes and what it answers."""


class RefusedRequestError(EpilakeError):
    """X does not take what was asked: asking again would not mend it."""


class XClient:
    """One application at X's API; a context, which closes its connections."""

    def __init__(
        self,
        token: str,
        *,
        base_url: str = BASE_URL,
        pace: Pace | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        import requests
        import tweepy  # type: ignore[import-untyped]

        from flows.collectors.twitter.host import HostAdapter

        if not token:
            raise EpilakeError("X's API wants the bearer token of an application (developer.x.com): set it.")
        logging.getLogger("tweepy.client").setLevel(logging.INFO)  # below that it would log the token
        self.pace = pace or Pace()
        self.count_asked = 0
        self.timeout_seconds = timeout_seconds
        self.api = tweepy.Client(token, return_type=requests.Response)
        self.stream = tweepy.StreamingClient(token, return_type=requests.Response)
        self.plain = requests.Session()
        """For addresses that X has signed: the token is not sent there."""
        for session in (self.api.session, self.stream.session):
            session.mount("https://", HostAdapter(base_url, timeout_seconds=timeout_seconds))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for session in (self.api.session, self.stream.session, self.plain):
            session.close()

    def take_count(self) -> int:
        """Return how many calls were made since the last time that this was asked."""
        count, self.count_asked = self.count_asked, 0
        return count

    def ask(self, what: str, call: "Callable[[], requests.Response]", *, until: datetime) -> "requests.Response":
        """Return the answer to a call, which is made again where that may help.

        A rate limit is waited for if it ends by `until`; a server's fault a few times, for some seconds.

        Raises:
            UnansweredError: There is none by then.
            RefusedRequestError: X does not take the request.
            EpilakeError: X refuses the application.
        """
        failures = 0
        while True:
            self.count_asked += 1
            response, reason = _try(call)
            if response is not None and response.ok:
                return response
            outcome, resets_at = Outcome.FAILED, None
            if response is not None:
                outcome = judge_status(response.status_code, read_problem(response), what)
                resets_at = read_reset(response.headers.get("x-rate-limit-reset"), outcome, now())
                reason = f"X answers {response.status_code}"
            if resets_at and resets_at > until.timestamp():
                raise UnansweredError(outcome, "the rate limit is used up")
            failures += not resets_at
            if failures >= MAX_FAILURES:
                raise UnansweredError(outcome, reason)
            pause = resets_at - time.time() if resets_at else self.pace.pause(failures)
            time.sleep(max(pause, self.pace.first_pause_seconds))

    def ask_json(
        self, what: str, call: "Callable[[], requests.Response]", *, until: datetime
    ) -> tuple[bytes, dict[str, Any]]:
        """Return the answer to a call, as it stands and as an object; see `ask`."""
        response = self.ask(what, call, until=until)
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise UnansweredError(Outcome.FAILED, "X's answer is no JSON object")
        return response.content, answer

    def open_stream(self, *, until: datetime, **parameters: object) -> "requests.Response":
        """Return the filtered stream as a response that goes on; see `ask`.

        tweepy's own loop would sleep for minutes without a look at the clock, and calls back from another thread: what
        it had handed over and was not yet stored would be lost with the process.
        """
        given = {name: str(value) for name, value in parameters.items() if value}
        headers = {"Authorization": f"Bearer {self.stream.bearer_token}", "User-Agent": self.stream.user_agent}
        timeouts = (self.timeout_seconds, self.pace.silence_seconds)
        return self.ask(
            "the stream",
            lambda: self.stream.session.get(STREAM_URL, params=given, headers=headers, stream=True, timeout=timeouts),
            until=until,
        )


def _try(call: "Callable[[], requests.Response]") -> "tuple[requests.Response | None, str]":
    """Return what X answered, be it a refusal; None, and the reason, if nothing can be made of it."""
    import requests
    import tweepy

    try:
        return call(), ""
    except tweepy.HTTPException as error:
        return error.response, ""
    except (
        requests.RequestException,
        ValueError,
        AttributeError,
    ) as error:  # tweepy trips over answers not of X's form
        return None, f"X cannot be reached ({type(error).__name__})"


def judge_status(status: int, problem: str, what: str) -> Outcome:
    """Return as what a refusal counts if waiting does not mend it.

    Raises:
        UnansweredError: Waiting for minutes cannot mend it.
        EpilakeError: Waiting cannot mend it at all.

    >>> judge_status(429, "Too Many Requests", "the search"), judge_status(503, "", "the search")
    (<Outcome.LIMITED: 'limited'>, <Outcome.FAILED: 'failed'>)
    >>> judge_status(401, "Unauthorized", "the search")
    Traceback (most recent call last):
    ...
    flows.errors.EpilakeError: X refuses the bearer token (401 Unauthorized): check that it is whole and not revoked.
    """
    said = f"{status} {problem}".strip()
    is_spent = any(word in problem.lower() for word in SPENT)
    if status == HTTPStatus.PAYMENT_REQUIRED or (
        is_spent and status in (HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)
    ):
        raise UnansweredError(Outcome.LIMITED, "the plan's posts or credits are used up")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Outcome.LIMITED
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Outcome.FAILED
    if status == HTTPStatus.UNAUTHORIZED:
        raise EpilakeError(f"X refuses the bearer token ({said}): check that it is whole and not revoked.")
    if status == HTTPStatus.FORBIDDEN:
        raise EpilakeError(f"X refuses {what} ({said}): the application's plan must include it.")
    raise RefusedRequestError(f"X does not take {what} ({said}): correct it.")


def read_problem(response: "requests.Response") -> str:
    """Return what X says of a refusal, in one line: its title, its sentence, and those of its parts."""
    try:
        problem = response.json()
    except ValueError:
        return str(response.reason or "")
    parts = [problem, *(problem.get("errors") or [])] if isinstance(problem, dict) else []
    names = ("title", "detail", "message", "type")
    found = [str(part[name]) for part in parts if isinstance(part, dict) for name in names if part.get(name)]
    return ", ".join(dict.fromkeys(found)) or str(response.reason or "")


def read_reset(header: str | None, outcome: Outcome, at: datetime) -> float | None:
    """Return when a rate limit ends, in seconds since 1970; None if that is not said, is over, or is not the matter.

    >>> at = datetime(2020, 4, 17, tzinfo=UTC)
    >>> read_reset("1587168000", Outcome.LIMITED, at), read_reset("1587168000", Outcome.FAILED, at)
    (1587168001.0, None)
    """
    is_said = outcome is Outcome.LIMITED and header is not None and header.isdecimal()
    ends_at = float(header) + 1 if header and is_said else 0.0
    return ends_at if ends_at > at.timestamp() else None


def wanted_fields(*, with_originals: bool) -> dict[str, str]:
    """Return what is asked of each post, as X names it.

    >>> wanted_fields(with_originals=False)["expansions"]
    'author_id,geo.place_id'
    """
    return {
        "expansions": ",".join((*EXPANSIONS, ORIGINALS) if with_originals else EXPANSIONS),
        "place.fields": ",".join(PLACE_FIELDS),
        "tweet.fields": ",".join(TWEET_FIELDS),
        "user.fields": ",".join(USER_FIELDS),
    }


def count_posts(answer: dict[str, Any]) -> int:
    """Return how many posts an answer brought, those that came along included.

    >>> count_posts({"data": [{"id": "1"}], "includes": {"tweets": [{"id": "2"}]}}), count_posts({"data": {"id": "1"}})
    (2, 1)
    """
    data, includes = answer.get("data") or [], answer.get("includes")
    others = includes.get("tweets") if isinstance(includes, dict) else None
    return (len(data) if isinstance(data, list) else 1) + len(others or [])


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)
