"""Where requests for scores wait their turn, and what is counted of them: never what they hold."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final

from fastapi import HTTPException
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from flows.serve.scoring import Scorer
from flows.settings import Settings

RETRY: Final = {"Retry-After": "1"}
BUCKETS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Meters:
    """What is counted: how many, how long, which version; never what."""

    def __init__(self) -> None:
        """Register all of them."""
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "epilake_serve_requests", "Requests answered, by path and code.", ["path", "code"], registry=self.registry
        )
        self.seconds = Histogram(
            "epilake_serve_request_seconds", "Seconds from the head of a request for scores to its answer.",
            buckets=BUCKETS, registry=self.registry,
        )  # fmt: skip
        self.posts = Counter("epilake_serve_posts", "Posts, by outcome.", ["outcome"], registry=self.registry)
        self.waiting = Gauge("epilake_serve_waiting", "Requests that wait or are scored.", registry=self.registry)
        self.version = Gauge("epilake_serve_model_version", "Version that answers; 0 is none.", registry=self.registry)
        self.reloads = Counter(
            "epilake_serve_reloads", "Loads of another version, by outcome.", ["outcome"], registry=self.registry
        )


class Desk:
    """Where requests wait for the one thread that scores."""

    def __init__(self, scorer: Scorer, settings: Settings, meters: Meters) -> None:
        """Open the desk; `close` it in the end."""
        self._scorer, self._settings, self._meters = scorer, settings, meters
        self._thread = ThreadPoolExecutor(1, "scoring")
        self._waiting = 0

    @property
    def is_full(self) -> bool:
        """Whether a further request would wait behind too many others."""
        return self._waiting >= self._settings.serve_max_waiting

    async def answer(self, content: bytes) -> list[dict[str, Any]]:
        """Score a request when it is its turn.

        Raises:
            HTTPException: It took too long; if it was still waiting, it is not scored at all.
        """
        future = self._thread.submit(self._scorer.run, content)
        self._count(1)
        loop = asyncio.get_running_loop()

        def leave(_: Future[Any]) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody counts any more
                loop.call_soon_threadsafe(self._count, -1)

        future.add_done_callback(leave)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._settings.serve_timeout_seconds)
        except TimeoutError:
            raise HTTPException(503, "It took too long: come again, with fewer posts.", RETRY) from None

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _count(self, change: int) -> None:
        self._waiting += change
        self._meters.waiting.set(self._waiting)
