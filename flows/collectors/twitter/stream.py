"""X's filtered stream: posts as they come, by rules that are set to the requests.

https://docs.x.com/x-api/posts/filtered-stream/introduction. The stream has no cursor: what was posted while nobody
listened is lost but for the minutes that X sends again (`backfill_minutes`, by plan), and is reported as a gap. Every
20 seconds X sends an empty line; a connection without any sign of life is given up.
"""

import math
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from flows.collectors import Outcome, Page, UnansweredError
from flows.collectors.pace import Pace
from flows.collectors.twitter.client import (
    BASE_URL,
    POSTS_PER_RESULT,
    XClient,
    now,
    wanted_fields,
)
from flows.collectors.twitter.heard import Heard
from flows.collectors.twitter.rules import set_rules
from flows.collectors.twitter.walk import BUDGET_ENDED

if TYPE_CHECKING:
    import requests as http

PACE = Pace(page_seconds=15.0, silence_seconds=25.0)
MAX_BACKFILL_MINUTES = 5


class XStream:
    """Follows the filtered stream; see `Collector`. A request is a rule of X's."""

    source = "twitter"

    def __init__(
        self,
        token: str,
        *,
        budget_posts: int,
        base_url: str = BASE_URL,
        with_originals: bool = True,
        backfill_minutes: int = 0,
        pace: Pace = PACE,
    ) -> None:
        """Say as whom to listen, and how much.

        Args:
            token: Bearer token of an application.
            budget_posts: Posts that one run may read, those that come along included; never exceeded.
            base_url: Scheme and host of the API.
            with_originals: See `XSearch`.
            backfill_minutes: How many minutes X sends again after an interruption, from 0 to 5; not every plan has it.
            pace: Waiting times, and how long a page may be.
        """
        self.token, self.budget_posts, self.base_url = token, budget_posts, base_url
        self.with_originals, self.pace = with_originals, pace
        self.backfill_minutes = min(backfill_minutes, MAX_BACKFILL_MINUTES)

    def collect(self, requests: tuple[str, ...], cursors: dict[str, str], *, until: datetime) -> Iterator[Page]:
        """Yield what comes until then, a page of each request at a time; see `Collector.collect`.

        A post that several rules match is on the page of the first of them. The run may last some seconds longer, for
        the clock is looked at with every line that X sends.
        """
        if not requests:
            return
        with XClient(self.token, base_url=self.base_url, pace=self.pace) as client:
            heard = Heard(requests, cursors, self.budget_posts, self.pace, client.take_count)
            try:
                heard.rules = set_rules(client, requests, until=until)
                yield from self._follow(client, heard, until)
            except UnansweredError as error:
                yield from heard.report(now(), error.outcome, str(error))
                return
            if now() < until:
                yield from heard.report(until, Outcome.LIMITED, BUDGET_ENDED, is_over=False)

    def _follow(self, client: XClient, heard: Heard, until: datetime) -> Iterator[Page]:
        """Connect again and again, until the time is up or a further post could cost too much."""
        failures = 0
        while self._may_go_on(heard, until):
            minutes = min(self.backfill_minutes, math.ceil(heard.missing_minutes))
            fields = wanted_fields(with_originals=self.with_originals)
            response = client.open_stream(until=until, backfill_minutes=minutes, **fields)
            yield from heard.connect(timedelta(minutes=minutes))
            was_heard = False
            with closing(response):
                for line in _read_lines(response):
                    heard.add(line)
                    was_heard = True
                    if heard.is_full:
                        yield from heard.hand_over()
                    if heard.is_ended or not self._may_go_on(heard, until):
                        break
            yield from heard.hand_over()
            if heard.fault:
                raise heard.fault
            failures = 1 if was_heard else failures + 1
            if self._may_go_on(heard, until):
                time.sleep(min(self.pace.pause(failures), (until - now()).total_seconds()))

    def _may_go_on(self, heard: Heard, until: datetime) -> bool:
        return now() < until and heard.left >= (POSTS_PER_RESULT if self.with_originals else 1)


def _read_lines(response: "http.Response") -> Iterator[bytes]:
    """Yield the lines of a connection until it breaks, or nothing comes for too long; half a line is dropped."""
    import requests as http

    try:
        yield from response.iter_lines(chunk_size=512)
    except http.RequestException:
        return
