"""`epilake up`: Prefect's server and worker, MLflow and the deployments, started, watched and stopped together.

Every process that `epilake up` starts has a guard: a small parent at the other end of a pipe. The pipe closes when we
close it or when we die, even by kill -9; the guard then ends its command and all that descends from it.
"""

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from flows.deployment import WORK_POOL, bury_lost_runs, deploy_scoring, ensure_work_pool, promoted_version
from flows.errors import EpilakeError
from flows.lake.locks import alone
from flows.orchestrator import is_healthy, read_up
from flows.prefect_server import LOOPBACK, STOP_SECONDS, listen, server_command, server_environment
from flows.settings import PROJECT_ROOT, Settings

START_SECONDS = 180
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Child:
    """A process that `epilake up` started, by way of its guard."""

    name: str
    guard: subprocess.Popen[bytes]
    log: Path

    def check(self) -> None:
        """Raise if it has ended."""
        if self.guard.poll() is not None:
            raise EpilakeError(f"{self.name} ended by itself (exit code {self.guard.returncode}): see {self.log}.")

    def wait_until_healthy(self, url: str) -> None:
        """Return once `url` answers; raise if the process ends before or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while not is_healthy(url):
            self.check()
            if time.monotonic() > deadline:
                raise EpilakeError(f"{self.name} does not answer at {url} after {START_SECONDS} s: see {self.log}.")
            time.sleep(0.1)

    def stop(self) -> None:
        """Let the guard end the process and all that descends from it, and wait for that."""
        if self.guard.stdin:
            self.guard.stdin.close()
        self.guard.wait()


@dataclass(frozen=True)
class Crew:
    """The processes of one `epilake up`; leaving `stack` stops them, the last one first."""

    settings: Settings
    project: Path
    stack: ExitStack
    children: list[Child] = field(default_factory=list)

    def start(
        self, name: str, command: Sequence[str], env: Mapping[str, str], inherited: Collection[int] = ()
    ) -> Child:
        """Start a command under a guard, with its output in `<logs>/<name>.log`."""
        log = self.settings.logs / f"{name}.log"
        with log.open("ab") as output:
            guard = subprocess.Popen(
                [sys.executable, "-P", "-m", "flows.servers", *command],
                env={**os.environ, "DO_NOT_TRACK": "1", "EPILAKE_HOME": str(self.settings.home), **env},
                cwd=self.project,
                pass_fds=inherited,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for us; we stop the others in order
            )
        child = Child(name, guard, log)
        self.stack.callback(child.stop)
        self.children.append(child)
        return child

    def start_prefect(self, port: int | None) -> tuple[Child, str]:
        """Start the Prefect server and return it and its API's URL."""
        with closing(listen(port or 0)) as listener:
            url = f"http://{LOOPBACK}:{listener.getsockname()[1]}/api"
            env = server_environment(self.settings) | {"PREFECT_UI_API_URL": url}
            return self.start("prefect-server", server_command(listener), env, [listener.fileno()]), url

    def start_mlflow(self, port: int | None) -> tuple[Child | None, str]:
        """Start MLflow's server on the tracking database; one that is a server already is only named."""
        uri = self.settings.tracking_uri
        if uri.startswith("http"):
            return None, uri
        with closing(listen(port or 0)) as listener:
            port = listener.getsockname()[1]
        (self.settings.home / "mlflow").mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "mlflow", "server", "--host", LOOPBACK, "--port", str(port), "--workers", "1"]
        root = self.settings.artifact_location
        command += ["--backend-store-uri", uri, *(["--default-artifact-root", root] if root else [])]
        return self.start("mlflow", command, _mlflow_environment(port)), f"http://{LOOPBACK}:{port}"

    def start_worker(self, env: Mapping[str, str]) -> tuple[Child, str]:
        """Start a worker on the work pool and return it and the URL that answers once it polls."""
        with closing(listen()) as listener:
            port = str(listener.getsockname()[1])
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", WORK_POOL, "--type", "process"]
        own = {"PREFECT_WORKER_WEBSERVER_HOST": LOOPBACK, "PREFECT_WORKER_WEBSERVER_PORT": port}
        url = f"http://{LOOPBACK}:{port}/health"
        return self.start("worker", [*command, "--with-healthcheck"], {**env, **own}), url

    def deploy(self, env: Mapping[str, str]) -> None:
        """Create or update every deployment of `prefect.yaml`."""
        child = self.start("deploy", [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"], env)
        self.children.remove(child)
        if child.guard.wait():
            raise EpilakeError(f"The deployments of {self.project / 'prefect.yaml'} were refused: see {child.log}.")


def serve_all(
    settings: Settings,
    *,
    announce: Callable[[str], None],
    prefect_port: int | None = None,
    mlflow_port: int | None = None,
    project: Path = PROJECT_ROOT,
) -> None:
    """Run Prefect's server and worker, MLflow, and the deployments of `project`, until SIGINT or SIGTERM.

    Args:
        settings: The installation; its databases are the ones that commands without a server use too.
        announce: Called with each line that the user should read.
        prefect_port: Port on the loopback address; None takes a free one.
        mlflow_port: The same for MLflow.
        project: Folder that holds `prefect.yaml`.

    Raises:
        EpilakeError: This installation is up already, a port is taken, or a process ended by itself.
    """
    settings.logs.mkdir(parents=True, exist_ok=True)
    # SIGINT too: a shell starts a background command with SIGINT ignored
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with alone(settings.home / "up.lock", lambda: _tell_running(settings)), ExitStack() as stack:
            crew = Crew(settings, project, stack)
            addresses = _start(crew, prefect_port, mlflow_port)
            stack.enter_context(_published(settings, addresses, crew.children))
            announce(f"Prefect  {addresses['prefect_url'].removesuffix('/api')}")
            announce(f"MLflow   {addresses['mlflow_url']}")
            announce(f"Logs     {settings.logs}")
            announce("Press Ctrl-C to stop.")
            _watch(crew.children)
    except KeyboardInterrupt:
        announce("Stopped.")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _start(crew: Crew, prefect_port: int | None, mlflow_port: int | None) -> dict[str, str]:
    """Start everything, what can at once at once, and return the addresses when all of it answers."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    prefect, prefect_url = crew.start_prefect(prefect_port)
    mlflow, mlflow_url = crew.start_mlflow(mlflow_port)
    prefect.wait_until_healthy(f"{prefect_url}/health")
    with temporary_settings({PREFECT_API_URL: prefect_url}):
        ensure_work_pool()
        bury_lost_runs()
        version = promoted_version()
    env = {
        "PREFECT_API_URL": prefect_url,
        "PREFECT_LOCAL_STORAGE_PATH": str(crew.settings.home / "prefect" / "storage"),
        "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), LOOPBACK])),
    }
    worker, worker_url = crew.start_worker({"PREFECT_WORKER_QUERY_SECONDS": "5", **env})
    crew.deploy(env)
    if version is not None:
        with temporary_settings({PREFECT_API_URL: prefect_url}):
            deploy_scoring(version, crew.settings)
    worker.wait_until_healthy(worker_url)
    if mlflow:
        mlflow.wait_until_healthy(f"{mlflow_url}/health")
    return {"prefect_url": prefect_url, "mlflow_url": mlflow_url}


def _mlflow_environment(port: int) -> dict[str, str]:
    """Return MLflow's own settings: the names it answers to, and neither telemetry nor background jobs."""
    hosts = ",".join(f"{name}{suffix}" for name in (LOOPBACK, "localhost") for suffix in ("", f":{port}"))
    return {
        "MLFLOW_SERVER_ALLOWED_HOSTS": os.environ.get("MLFLOW_SERVER_ALLOWED_HOSTS", hosts),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def _tell_running(settings: Settings) -> str:
    up = read_up(settings)
    where = f"Prefect at {up['prefect_url']}, MLflow at {up['mlflow_url']}" if up else "it starts or stops now"
    return f"Epilake is up already for {settings.home}: {where}."


@contextmanager
def _published(settings: Settings, addresses: Mapping[str, str], children: Sequence[Child]) -> Iterator[None]:
    """Tell other commands where the servers are, in `up.json`."""
    path = settings.home / "up.json"
    draft = path.with_suffix(".json.new")
    pids = {"up": os.getpid(), **{child.name: child.guard.pid for child in children}}
    draft.write_text(json.dumps({**addresses, "pids": pids}, indent=2), encoding="utf-8")
    draft.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _watch(children: Sequence[Child]) -> None:
    """Return never; raise when a process ends."""
    while True:
        for child in children:
            child.check()
        time.sleep(0.5)


def _guard(command: list[str]) -> int:
    """Run a command until it ends or the pipe closes, then end all that descends from it; return its exit code."""
    if sys.platform == "linux":  # orphans, such as flow runs in sessions of their own, become our children
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # unlike SIG_IGN not inherited by the command
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, close_fds=False)
    while child.poll() is None and not select.select([sys.stdin], [], [], 0.2)[0]:
        pass
    # what it started first: a flow run still has to report its end, which its worker would cut short
    for number, spared in ((signal.SIGTERM, {child.pid}), (signal.SIGTERM, set()), (signal.SIGKILL, set())):
        _signal_all(number, spared)
        deadline = time.monotonic() + STOP_SECONDS / 2
        while _reap(child) - spared and time.monotonic() < deadline:
            time.sleep(0.05)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode  # as shells report a signal


def _reap(child: subprocess.Popen[bytes]) -> set[int]:
    """Bury the child and the orphans that ended; return the pids of what still descends from this process."""
    if child.poll() is not None:
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    return _descendants()


def _signal_all(number: signal.Signals, spared: Collection[int]) -> None:
    """Send a signal to all that descends from this process, but for the pids to spare."""
    for pid in _descendants() - set(spared):
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _descendants() -> set[int]:
    """Return the pids of all that descends from this process."""
    parents, found = _parents(), {os.getpid()}
    while new := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= new
    return found - {os.getpid()}


def _parents() -> dict[int, int]:
    """Return the parent's pid of every process that can be seen."""
    if not Path("/proc/self/stat").exists():  # macOS; a slim Linux image has no `ps`
        table = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        return {int(pid): int(parent) for pid, parent in map(str.split, table.splitlines())}
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            found[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    return found


if __name__ == "__main__":
    sys.exit(_guard(sys.argv[1:]))
