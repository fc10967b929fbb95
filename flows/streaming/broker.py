"""`epilake kafka up`: a Kafka broker of one node (KRaft), started, watched and stopped; no Docker, no ZooKeeper.

Its data lie under `<home>/kafka`. A broker that was killed is started again on the same port with all that it had
acknowledged, so that whoever was talking to it goes on.
"""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from flows.errors import EpilakeError
from flows.lake.jars import find_java, resolve_broker_jars
from flows.lake.locks import alone
from flows.prefect_server import LOOPBACK, listen
from flows.servers import Child, Crew
from flows.settings import Settings
from flows.streaming.client import check_broker, read_broker

START_SECONDS = 60
MAX_MESSAGE_BYTES = 16_777_216
HEAP = "512m"
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
log.dirs={data}
num.partitions=2
auto.create.topics.enable=false
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
message.max.bytes={max_message}
replica.fetch.max.bytes={max_message}
"""
LOGGING = """\
<Configuration><Appenders><Console name="out"><PatternLayout pattern="%d %p %c{{1}} %m%n"/></Console></Appenders>
<Loggers><Root level="INFO"><AppenderRef ref="out"/></Root></Loggers></Configuration>
"""


def serve_broker(settings: Settings, *, port: int | None, announce: Callable[[str], None]) -> None:
    """Run a broker until SIGINT or SIGTERM.

    Args:
        settings: The installation.
        port: Port on the loopback address; None takes that of the last time, else a free one.
        announce: Called with each line that the user should read.

    Raises:
        EpilakeError: No Java, no jars, the port is taken, it runs already, or the broker ended by itself.
    """
    jars, java = resolve_broker_jars(settings), find_java()
    settings.broker.mkdir(parents=True, exist_ok=True)
    settings.logs.mkdir(parents=True, exist_ok=True)
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with alone(settings.broker / "up.lock", lambda: _tell_running(settings)), ExitStack() as stack:
            address = _write_properties(settings, port)
            _format(settings, java, jars)
            crew = Crew(settings, settings.home, stack)
            child = crew.start("kafka", _command(settings, java, jars, "kafka.Kafka"), {})
            _wait_until_up(child, address, stop)
            announce(f"Kafka    {address}")
            announce(f"Data     {settings.broker}")
            announce("Press Ctrl-C to stop.")
            while not stop.wait(0.5):
                child.check()
        announce("Stopped.")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait_until_up(child: Child, address: str, stop: threading.Event) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not stop.is_set() and not check_broker(address):
        child.check()
        if time.monotonic() > deadline:
            raise EpilakeError(f"Kafka does not answer at {address} after {START_SECONDS} s: see {child.log}.")
        time.sleep(0.2)


def _write_properties(settings: Settings, port: int | None) -> str:
    """Write the broker's configuration; return its address."""
    known = read_broker(settings)
    ports = {"port": _free_port(port or known.get("port"), is_wanted=port is not None)}
    ports["controller_port"] = _free_port(known.get("controller_port"), is_wanted=False)
    content = PROPERTIES.format(host=LOOPBACK, data=settings.broker / "data", max_message=MAX_MESSAGE_BYTES, **ports)
    (settings.broker / "server.properties").write_text(content, encoding="utf-8")
    (settings.broker / "log4j2.xml").write_text(LOGGING.format(), encoding="utf-8")
    (settings.broker / "broker.json").write_text(json.dumps({"host": LOOPBACK, **ports}), encoding="utf-8")
    return f"{LOOPBACK}:{ports['port']}"


def _free_port(port: Any, *, is_wanted: bool) -> int:
    """Return a port that can be listened on: the one given if possible, else, unless it is wanted, any."""
    try:
        with closing(listen(port or 0)) as listener:
            return int(listener.getsockname()[1])
    except EpilakeError:
        if is_wanted:
            raise
    with closing(listen()) as listener:
        return int(listener.getsockname()[1])


def _format(settings: Settings, java: Path, jars: Path) -> None:
    """Give the data folder its identity, once."""
    if (settings.broker / "data" / "meta.properties").exists():
        return
    tool = _command(settings, java, jars, "kafka.tools.StorageTool")[:-1]
    made = subprocess.run([*tool, "random-uuid"], capture_output=True, text=True, check=False)
    cluster = made.stdout.split()[-1] if made.stdout.split() else ""
    properties = str(settings.broker / "server.properties")
    done = subprocess.run(
        [*tool, "format", "--cluster-id", cluster, "--config", properties, "--ignore-formatted"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode or done.returncode:
        log = settings.logs / "kafka.log"
        with log.open("a", encoding="utf-8") as file:
            file.write(made.stdout + made.stderr + done.stdout + done.stderr)
        raise EpilakeError(f"Kafka's data folder {settings.broker / 'data'} could not be made: see {log}.")


def _command(settings: Settings, java: Path, jars: Path, program: str) -> list[str]:
    logging = f"-Dlog4j2.configurationFile={(settings.broker / 'log4j2.xml').as_uri()}"
    options = [f"-Xmx{HEAP}", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", logging]
    return [str(java), *options, "-cp", f"{jars}/*", program, str(settings.broker / "server.properties")]


def _tell_running(settings: Settings) -> str:
    known = read_broker(settings)
    return f"Kafka is up already for {settings.home}, at {known.get('host')}:{known.get('port')}."
