"""How one instance is spoken to: a timeline asked by REST, and a stream of server-sent events, both by Mastodon.py.

Mastodon.py gives dates and numbers types of its own; RAW keeps what the instance wrote, so that the bytes are taken as
they come: of a timeline by a hook of its HTTP session, of a stream by a listener that reads the response itself.
"""

import json
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flows.collectors.pace import Pace
from flows.sources.json_values import objects

if TYPE_CHECKING:
    import requests
    from mastodon import Mastodon

PAGE_STATUSES = 40
"""What an instance gives at most."""
REQUEST_SECONDS = 30
READ_BYTES = 65_536
MAX_EVENT_BYTES = 16_000_000
STOP_SECONDS = 5


@dataclass(frozen=True)
class Opened:
    """A stream is open: from here on it brings every post."""

    request: str


@dataclass(frozen=True)
class Heard:
    """An event of a stream, its data as it was written."""

    request: str
    event: str
    data: str


@dataclass(frozen=True)
class Closed:
    """A stream ended or could not be opened; `status` is the HTTP status of a refusal, else 0."""

    request: str
    reason: str
    status: int


Signal = Opened | Heard | Closed


def make_client(url: str, access_token: str | None, hook: Callable[..., None]) -> "Mastodon":
    """Return a client whose every response goes by a hook first."""
    import requests
    from mastodon import Mastodon

    session = requests.Session()
    session.hooks["response"].append(hook)
    return Mastodon(
        api_base_url=url,
        access_token=access_token,
        ratelimit_method="throw",
        request_timeout=REQUEST_SECONDS,
        session=session,
        user_agent="epilake",
    )


class Timeline:
    """The REST timelines of an instance: the public one, and those of hashtags."""

    def __init__(self, url: str, access_token: str | None) -> None:
        self._client = make_client(url, access_token, self._remember)
        self._content = b""

    def newer_than(self, hashtag: str, status_id: str | None) -> list[dict[str, Any]]:
        """Return up to 40 statuses, newest first, as the instance wrote them.

        Args:
            hashtag: The hashtag without its #; empty for the public timeline.
            status_id: Id upon which they follow; None for the newest there are.

        Raises:
            MastodonError: The instance could not be reached, refused, or gave no JSON.
        """
        if hashtag:
            self._client.timeline_hashtag(hashtag, min_id=status_id, limit=PAGE_STATUSES)
        else:
            self._client.timeline_public(min_id=status_id, limit=PAGE_STATUSES)
        return objects(json.loads(self._content))

    @property
    def opens_at(self) -> float | None:
        """When the rate limit ends, in seconds since 1970; None if the instance did not say."""
        reset: float | None = self._client.ratelimit_reset
        return reset

    def close(self) -> None:
        """Let go of the connection."""
        self._client.session.close()

    def _remember(self, response: "requests.Response", **_: object) -> None:
        self._content = response.content


class EventStream:
    """One stream of an instance, read by a thread of its own that opens it again until it is stopped."""

    def __init__(self, url: str, access_token: str | None, request: str, hashtag: str, pace: Pace) -> None:
        self.request, self.hashtag, self.pace = request, hashtag, pace
        self._client = make_client(url, access_token, self._look_at)
        self._client.session.headers["Accept-Encoding"] = "identity"  # a packer would keep an event until the next
        self._response: requests.Response | None = None
        self._status = 0
        self._failures = 0
        self._is_stopped = threading.Event()
        self._inbox: queue.Queue[Signal] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name=f"mastodon {request}", daemon=True)

    def start(self, inbox: "queue.Queue[Signal]") -> None:
        """Begin; what is heard goes into the inbox."""
        self._inbox = inbox
        self._thread.start()

    def stop(self) -> None:
        """End the stream; a thread that waits for the network is woken."""
        self._is_stopped.set()
        if self._response is not None:
            with suppress(OSError, RuntimeError, ValueError):  # the connection was gone already
                self._response.raw.shutdown()
        self._thread.join(STOP_SECONDS)
        self._client.session.close()

    def handle_stream(self, response: "requests.Response") -> None:
        """Read a stream that is open to its end; Mastodon.py calls this."""
        self._response = response
        self._put(Opened(self.request))
        chunks = iter(lambda: b"" if self._is_stopped.is_set() else response.raw.read1(READ_BYTES), b"")
        for event, data in read_events(chunks):
            self._failures = 0
            self._put(Heard(self.request, event, data))

    def _run(self) -> None:
        while not self._is_stopped.is_set():
            reason = self._listen()
            self._failures += 1
            self._put(Closed(self.request, reason, self._status))
            self._is_stopped.wait(self.pace.pause(self._failures))

    def _listen(self) -> str:
        """Follow the stream until it breaks; return why it did."""
        from mastodon import MastodonError
        from urllib3.exceptions import HTTPError

        self._status = 0
        try:
            if self.hashtag:
                self._client.stream_hashtag(self.hashtag, self, timeout=self.pace.silence_seconds)
            else:
                self._client.stream_public(self, timeout=self.pace.silence_seconds)
        except (MastodonError, HTTPError, OSError, ValueError) as error:
            return f"{type(error).__name__}: {error}"
        return "the instance ended the stream"

    def _look_at(self, response: "requests.Response", **_: object) -> None:
        """Note how the instance answered the request for a stream: Mastodon.py does not say."""
        if "/streaming/" in response.url and not response.ok:
            self._status = response.status_code
            response.close()

    def _put(self, signal: Signal) -> None:
        """Wait for room in the inbox: a stream that is too fast waits in the network, not in memory."""
        while not self._is_stopped.is_set():
            with suppress(queue.Full):
                self._inbox.put(signal, timeout=0.5)
                break


def read_events(chunks: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    r"""Yield name and data of each event of a stream of server-sent events; comments keep a connection alive.

    The format: https://html.spec.whatwg.org/multipage/server-sent-events.html.

    Raises:
        ValueError: An event has no end.

    >>> list(read_events([b":)\n:thump\nevent: upd", b"ate\ndata: {\ndata: }\r\n\r\nevent: delete\ndata: 17\n\n"]))
    [('update', '{\n}'), ('delete', '17')]
    """
    held, event, data = b"", "", list[str]()
    for chunk in chunks:
        *lines, held = (held + chunk).split(b"\n")
        if len(held) + sum(map(len, data)) > MAX_EVENT_BYTES:
            raise ValueError(f"expected an event of at most {MAX_EVENT_BYTES:,} bytes, found a longer one")
        for line in lines:
            name, _, value = line.removesuffix(b"\r").decode("utf-8", "replace").partition(":")
            value = value.removeprefix(" ")
            if name == "event":
                event = value
            elif name == "data":
                data.append(value)
            elif not line.strip() and event:
                yield event, "\n".join(data)
                event, data = "", []
