"""The Prefect server of this machine: the temporary one that commands share, and how any of ours is started.

Stands apart because the server's own process begins here, and must import little: its socket listens before that, and
whoever calls early waits in the socket's queue instead of being refused.

Commands that run at the same time share one temporary server, because two servers on one SQLite database lock each
other out. Two locks, which the kernel frees however a process ends, keep the account:

- `users.lock` is held shared by every command; the server waits to hold it alone, and then nobody needs it: it stops.
- `server.lock` is held by the server as long as it lives; the file names its URL.
"""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO

from flows.errors import EpilakeError
from flows.settings import Settings

LOOPBACK = "127.0.0.1"
STOP_SECONDS = 10
"""How long a server may take to stop before it is killed."""


def listen(port: int = 0) -> socket.socket:
    """Return a socket that listens on the loopback address; port 0 takes a free one.

    Raises:
        EpilakeError: The port is taken.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError as error:
        listener.close()
        raise EpilakeError(
            f"Port {port} cannot be used ({error.strerror}): name another, or none to get a free one."
        ) from error
    listener.listen(128)
    return listener


def server_environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a Prefect server that keeps its state under `home` and reports to nobody."""
    folder = settings.home / "prefect"
    unwanted = {"PREFECT_API_URL", "PREFECT_API_DATABASE_CONNECTION_URL"}
    return {
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # task runs are written from events: one by one they lag behind, and what waits is lost when the server stops
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "5000",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "500",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "1",
        **{name: value for name, value in os.environ.items() if name not in unwanted},
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{folder / 'prefect.db'}",
        "PREFECT_UI_STATIC_DIRECTORY": str(folder / "ui"),
    }


@contextmanager
def temporary_server(settings: Settings) -> Iterator[str]:
    """Yield the URL of the temporary server of this `home`: the one that runs, else a new one."""
    folder = settings.home / "prefect"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "users.lock").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        url, process = _join_or_start(settings, users.name)
        try:
            yield url
        finally:
            is_last = _try_lock(users)
            fcntl.flock(users, fcntl.LOCK_UN)
            if process:
                _leave(process, is_last=is_last)


def _join_or_start(settings: Settings, users_lock: str) -> tuple[str, subprocess.Popen[bytes] | None]:
    """Return the URL of the temporary server and, if this process started it, the process."""
    folder = settings.home / "prefect"
    with (folder / "turn.lock").open("a") as turn, (folder / "server.lock").open("a+") as lock:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not _try_lock(lock):
            lock.seek(0)
            return lock.read(), None
        with closing(listen()) as listener:
            url = f"http://{LOOPBACK}:{listener.getsockname()[1]}/api"
            lock.truncate(0)
            lock.write(url)
            lock.flush()
            return url, _start(settings, listener, lock, users_lock)


def _start(settings: Settings, listener: socket.socket, lock: IO[str], users_lock: str) -> subprocess.Popen[bytes]:
    """Start the temporary server; it inherits the listening socket and the held lock."""
    settings.logs.mkdir(parents=True, exist_ok=True)
    lean = {
        # loading every installed collection, dbt among them, only to see that its blocks are registered: 2 s
        "PREFECT_SERVER_MEMOIZE_BLOCK_AUTO_REGISTRATION": "false",
        "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
    }
    with (settings.logs / "prefect-server.log").open("ab") as log:
        return subprocess.Popen(
            server_command(listener, users_lock),
            env=server_environment(settings) | lean,
            pass_fds=(listener.fileno(), lock.fileno()),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C ends the flow first, which still has to report it
        )


def _leave(process: subprocess.Popen[bytes], *, is_last: bool) -> None:
    """Wait until the server that we started has stopped, unless it serves another command now."""
    if is_last:
        with suppress(subprocess.TimeoutExpired):  # a command came at the last moment: the server stops with that one
            process.wait(STOP_SECONDS + 1)
    if process.returncode is None:
        process.returncode = 0  # else Popen warns that it still runs, which here is meant


def _try_lock(file: IO[str]) -> bool:
    """Take a lock for this process alone if nobody else holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def server_command(listener: socket.socket, users_lock: str = "") -> list[str]:
    """Return the command of a Prefect server on an inherited socket; with `users_lock` it stops with its last user."""
    return [sys.executable, "-P", "-m", "flows.prefect_server", str(listener.fileno()), users_lock]


def _serve(listener: socket.socket, *, is_temporary: bool) -> None:
    """Run a Prefect server in this process; a temporary one has no UI and schedules nothing."""
    import uvicorn
    from prefect.server.api.server import create_app

    _lock_before_reading()
    app = create_app(ephemeral=is_temporary, final=True)
    config = uvicorn.Config(app, log_level="warning", lifespan="on", timeout_graceful_shutdown=STOP_SECONDS // 2)
    uvicorn.Server(config).run(sockets=[listener])


def _lock_before_reading() -> None:
    """Make Prefect's transactions on SQLite take the write lock when they begin.

    Prefect takes it at the first write; if another transaction wrote since the first read, SQLite refuses at once
    ("database is locked", whatever the timeout), and the client tries again after 2, 4 and 8 s: a flow of 1 s took
    16 s beside two others.
    """
    from prefect.server.database.configurations import AioSqliteConfiguration
    from prefect.server.database.dependencies import set_database_config
    from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL

    config = AioSqliteConfiguration(connection_url=PREFECT_API_DATABASE_CONNECTION_URL.value())
    begin = config.begin_transaction
    config.begin_transaction = lambda session, **_: begin(session, with_for_update=True)  # type: ignore[method-assign]
    set_database_config(config)


def _stop_without_users(users_lock: Path) -> None:
    """Stop this process when no command holds the lock any more, and let none have it until we are gone."""
    users = users_lock.open("a")
    fcntl.flock(users, fcntl.LOCK_EX)
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(STOP_SECONDS)
    os._exit(1)


def _main() -> None:
    listener, users_lock = socket.socket(fileno=int(sys.argv[1])), sys.argv[2]
    if users_lock:
        threading.Thread(target=_stop_without_users, args=(Path(users_lock),), daemon=True).start()
    _serve(listener, is_temporary=bool(users_lock))


if __name__ == "__main__":
    _main()
