"""How a stream is followed: how much makes a page, how long is too long, and when to try again."""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """Times in seconds; a page is handed over as soon as one of its three limits is reached."""

    page_seconds: float = 5.0
    page_events: int = 2_000
    page_bytes: int = 8_000_000
    heartbeat_seconds: float = 20.0
    """How often a WebSocket asks whether the other side is there, and how long it waits for the answer."""
    silence_seconds: float = 60.0
    """After so long without anything coming a stream is given up as dead."""
    first_pause_seconds: float = 1.0
    longest_pause_seconds: float = 60.0

    def pause(self, failures: int) -> float:
        """Return how long to wait after so many failures in a row: twice as long each time, by chance up to half less.

        The chance keeps clients that lost the same server from coming back all at once.

        >>> pace = Pace(first_pause_seconds=1, longest_pause_seconds=60)
        >>> [0.5 <= pace.pause(1) <= 1, 2 <= pace.pause(3) <= 4, 30 <= pace.pause(99) <= 60]
        [True, True, True]
        """
        longest = min(self.longest_pause_seconds, self.first_pause_seconds * 2.0 ** min(failures - 1, 30))
        return longest * random.uniform(0.5, 1)  # noqa: S311 - nothing is guarded by this chance
