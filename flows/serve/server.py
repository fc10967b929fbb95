"""The service as a process: one socket, one event loop, a stop that lets running requests end."""

import asyncio
import gc
import ipaddress
import logging
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, Final

import uvicorn
from starlette.middleware.trustedhost import TrustedHostMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from flows.errors import EpilakeError
from flows.serve.app import log_error, make_app
from flows.serve.scoring import Scorer
from flows.settings import Settings

LEAST_TOKEN: Final = 16
KEEP_ALIVE_SECONDS: Final = 75
"""Longer than those before a service keep a connection, so that they hang up first and never send into a closed one."""
LONGEST_HEAD_BYTES: Final = 65_536
SWITCH_SECONDS: Final = 0.001
"""How long the thread that scores keeps the event loop waiting; Python's own 5 ms are a quarter of a request's time."""


class DeadlineProtocol(HttpToolsProtocol):
    """HTTP/1.1 in which a request's head must have come in time and be short; uvicorn waits forever, for any length."""

    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Go on waiting as long as no whole head is there."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
            self._head_bytes = 0
            return
        self._head_bytes += len(data)
        if self._head_bytes > LONGEST_HEAD_BYTES:
            self._give_up()
        elif self._deadline is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._deadline = self.loop.call_later(self.config.timeout_notify, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


def serve(settings: Settings, *, host: str, port: int, is_open: bool, announce: Callable[[str], None]) -> None:
    """Answer requests for scores until the process is told to stop; what runs then is answered first.

    Args:
        settings: The installation.
        host: Address to listen at.
        port: Port; 0 is a free one.
        is_open: Serve without a token, which only this machine may use.
        announce: Called with the address once it listens.

    Raises:
        EpilakeError: There is no token, or the address cannot be listened at.
    """
    check_access(settings, host, is_open=is_open)
    sys.setswitchinterval(SWITCH_SECONDS)
    scorer = Scorer(settings)
    try:
        scorer.refresh()
    except EpilakeError:
        raise
    except Exception as error:
        log_error(error)
        raise EpilakeError(f"The model in production cannot be loaded: {error}") from error
    listening = listen(host, port)
    app = make_app(settings, scorer)
    if is_open:  # a page of another name, led here by its own DNS, is no client
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=["localhost", "127.0.0.1", "[::1]"])
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # its warnings tell of each malformed request
    seconds = max(1, round(settings.serve_timeout_seconds))
    config = uvicorn.Config(
        app,
        http=DeadlineProtocol,
        loop="uvloop",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_notify=seconds,
        timeout_graceful_shutdown=2 * seconds,
        lifespan="on",
    )
    gc.collect()
    gc.freeze()  # a million objects of libraries that stay: to look through them again takes 0.2 s
    standing = f"model version {scorer.version}" if scorer.version else "no model in production yet"
    shown = f"[{host}]" if ":" in host else host
    announce(f"scores at http://{shown}:{listening.getsockname()[1]}/score ({standing}); Ctrl-C stops")
    run_until_told(uvicorn.Server(config), listening)


def run_until_told(server: uvicorn.Server, listening: socket.socket) -> None:
    """Run a server until SIGINT or SIGTERM, which it takes as the wish to end well and raises again afterwards."""
    before = {number: signal.signal(number, _ignore) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run(sockets=[listening])
    finally:
        listening.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore(_number: int, _frame: Any) -> None:
    pass


def check_access(settings: Settings, host: str, *, is_open: bool) -> None:
    """Refuse to serve without a token, unless it was asked for and nobody else can reach it.

    Raises:
        EpilakeError: The message says what to set.
    """
    token = settings.serve_token.get_secret_value()
    if is_open and token:
        raise EpilakeError("EPILAKE_SERVE_TOKEN is set and --no-token is given: take one of them away.")
    if is_open and not is_loopback(host):
        raise EpilakeError(f"Without a token only this machine may ask: serve at 127.0.0.1, not at {host}.")
    if not is_open and len(token) < LEAST_TOKEN:
        raise EpilakeError(
            f"Requests must show a token: set EPILAKE_SERVE_TOKEN to {LEAST_TOKEN} characters or more, or give "
            "--no-token to serve this machine alone."
        )


def is_loopback(host: str) -> bool:
    """Say whether an address is this machine's own.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("example.org")
    (True, True, False, False)
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        EpilakeError: The port is taken, or there is no such address here.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise EpilakeError(f"Cannot listen at {host}:{port} ({error.strerror}): choose another --port.") from error
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else the body of an answer waits 40 ms
    return listening
