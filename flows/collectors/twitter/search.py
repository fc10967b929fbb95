"""X's recent search: the posts of the last seven days, newest first, page by page.

https://docs.x.com/x-api/posts/search/introduction. The cursor of every page says what is left, so a run that ends early
is taken up where it ended. Only where the budget ended the asking is the rest given up: the next run would never catch
up, and there would be days without any post.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from flows.collectors import Outcome, Page, UnansweredError
from flows.collectors.pace import Pace
from flows.collectors.twitter.budget import Purse, plan_budget
from flows.collectors.twitter.client import (
    BASE_URL,
    POSTS_PER_RESULT,
    XClient,
    count_posts,
    now,
    wanted_fields,
)
from flows.collectors.twitter.cursor import read_cursor
from flows.collectors.twitter.walk import Stretch, Walk
from flows.errors import EpilakeError


class XSearch:
    """Searches the last seven days; see `Collector`. A request is a query of X's recent search."""

    source = "twitter"

    def __init__(
        self,
        token: str,
        *,
        budget_posts: int,
        base_url: str = BASE_URL,
        with_originals: bool = True,
        pace: Pace | None = None,
    ) -> None:
        """Say as whom to ask, and how much.

        Args:
            token: Bearer token of an application.
            budget_posts: Posts that one run may read, those that come along included; never exceeded.
            base_url: Scheme and host of the API.
            with_originals: Whether to read what posts repeat, quote or answer too: X cuts the text of retweets, which
                is whole in the original only. It is billed as a post.
            pace: Waiting times.
        """
        self.token, self.budget_posts, self.base_url = token, budget_posts, base_url
        self.with_originals, self.pace = with_originals, pace
        self.posts_per_result = POSTS_PER_RESULT if with_originals else 1

    def collect(self, requests: tuple[str, ...], cursors: dict[str, str], *, until: datetime) -> Iterator[Page]:
        """Yield what each request finds up to now, small requests first; see `Collector.collect`.

        `until` is how long a rate limit may be waited for. Rate limits are the application's: one that cannot be waited
        for ends the asking for the other requests too.
        """
        purse = Purse(self.budget_posts, self.posts_per_result)
        with XClient(self.token, base_url=self.base_url, pace=self.pace) as client:
            walks = [Walk(request, read_cursor(cursors.get(request)), now()) for request in requests]
            expected = self._expect(client, walks)
            blocked: UnansweredError | None = None
            for walk in sorted(walks, key=lambda walk: expected[walk.request]):
                try:
                    if blocked:
                        raise blocked
                    yield from self._follow(client, walk, purse, expected, until)
                except UnansweredError as error:
                    yield walk.break_off(error, count_asked=client.take_count())
                    blocked = error if error.outcome is Outcome.LIMITED else None
                del expected[walk.request]

    def _expect(self, client: XClient, walks: list[Walk]) -> dict[str, int]:
        """Return how many posts each request would read; where X does not tell, as many as there may be."""
        if len(walks) == 1:
            return {walks[0].request: self.budget_posts}
        return {walk.request: self._count(client, walk) for walk in walks}

    def _count(self, client: XClient, walk: Walk) -> int:
        parameters = {"since_id": walk.stretches[-1].since_id, "granularity": "day"}
        try:
            _, answer = client.ask_json(
                "the count of posts",
                lambda: client.api.get_recent_tweets_count(walk.request, **parameters),
                until=now(),
            )
            return int(answer["meta"]["total_tweet_count"]) * self.posts_per_result
        except (EpilakeError, LookupError, TypeError, ValueError):  # the search itself will say what is wrong
            return self.budget_posts

    def _follow(
        self, client: XClient, walk: Walk, purse: Purse, expected: dict[str, int], until: datetime
    ) -> Iterator[Page]:
        """Yield the pages of one request, within what the others leave to it."""
        plan = plan_budget(expected, purse.left)
        kept_for_others = sum(plan.values()) - plan[walk.request]
        yield from walk.report_lost()
        for stretch in walk.stretches:
            while not stretch.is_finished:
                size = purse.page_size(keep=kept_for_others, is_first=not stretch.count_pages)
                if not size:
                    yield walk.give_up(stretch)
                    return
                content, answer = self._ask(client, walk.request, stretch, size, until)
                cost = count_posts(answer)
                purse.left -= cost
                yield walk.add(stretch, content, answer, cost=cost, count_asked=client.take_count())

    def _ask(
        self, client: XClient, request: str, stretch: Stretch, size: int, until: datetime
    ) -> tuple[bytes, dict[str, Any]]:
        fields = wanted_fields(with_originals=self.with_originals)
        parameters = {name.replace(".", "_"): names for name, names in fields.items()}
        content, answer = client.ask_json(
            f"the request {request!r}",
            lambda: client.api.search_recent_tweets(request, max_results=size, **parameters, **stretch.parameters),
            until=until,
        )
        if not isinstance(answer.get("meta"), dict):
            raise UnansweredError(Outcome.FAILED, "X's answer says nothing of its result")
        return content, answer
