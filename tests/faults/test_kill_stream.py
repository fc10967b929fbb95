"""A stream and its broker killed at seeded moments while messages arrive: nothing is lost, nothing is there twice.

`EPILAKE_STREAM_KILLS` says at how many moments (3 by default), `EPILAKE_BROKER_KILLS` how often the broker (1).
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.lake.tables import query
from flows.sample import write_sample
from flows.settings import Settings
from tests.conftest import read_address, start_broker

pytestmark = [pytest.mark.spark, pytest.mark.slow]
KILLS = int(os.environ.get("EPILAKE_STREAM_KILLS", "3"))
BROKER_KILLS = int(os.environ.get("EPILAKE_BROKER_KILLS", "1"))
RATE = 400
POSTS_PER_KILL = 40 * RATE
"""So many that messages arrive until the last kill."""


def start(home: Path, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "EPILAKE_HOME": str(home), "EPILAKE_STREAM_TRIGGER_SECONDS": "1"}
    environment |= {"EPILAKE_STREAM_MAX_OFFSETS": "2000"}
    with (home / "commands.log").open("ab") as log:
        command = [sys.executable, "-m", "flows.cli", *arguments]
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a stream with its JVM and its workers, as the machine's end would."""
    for pid in (process.pid, *descendants(process.pid)):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()


def descendants(root: int) -> list[int]:
    table = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(pid): int(parent) for pid, parent in map(str.split, table.splitlines())}
    found = {root}
    while new := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= new
    return sorted(found - {root})


def count_read(settings: Settings) -> int:
    """Return how many rows RAW has, 0 before there is a table."""
    if not (settings.lake / "raw" / "twitter_posts" / "_delta_log").exists():
        return 0
    return int(query(settings, "raw.twitter_posts", "select count(*) as n from rows")[0]["n"])


def test_a_stream_killed_at_any_moment_loses_and_doubles_nothing(
    make_home: Callable[[str], Path], sample_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EPILAKE_MLFLOW_TRACKING_URI", Settings(home=sample_home).tracking_uri)  # a model that scores
    moments = random.Random(20261128)
    home, kafka = make_home("kill"), make_home("kill-broker")
    write_sample(tmp_path / "sample", posts=POSTS_PER_KILL * KILLS, days=14, seed=9)
    broker = start_broker(kafka)
    monkeypatch.setenv("EPILAKE_KAFKA_SERVERS", read_address(broker))
    settings, ledger = Settings(home=home), tmp_path / "ledger.csv"
    publisher = start(
        kafka, "publish", str(tmp_path / "sample"), "--topic", "kill", "--rate", str(RATE), "--ledger", str(ledger)
    )
    try:
        while not (ledger.exists() and ledger.stat().st_size):
            assert publisher.poll() is None
            time.sleep(0.2)
        for number in range(KILLS):
            process, before = start(home, "stream", "--topic", "kill"), count_read(settings)
            while count_read(settings) == before:  # at work: from here on the moment is drawn
                assert process.poll() is None
                time.sleep(0.1)
            time.sleep(moments.uniform(0, 6))
            kill_group(process)
            if number < BROKER_KILLS:
                for pid in descendants(broker.pid):
                    os.kill(pid, signal.SIGKILL)
                broker.communicate()
                broker = start_broker(kafka)
                assert read_address(broker) == os.environ["EPILAKE_KAFKA_SERVERS"]
        assert publisher.wait() == 0
        assert start(home, "stream", "--topic", "kill", "--available-now").wait() == 0
    finally:
        publisher.kill()
        publisher.wait()
        broker.send_signal(signal.SIGINT)
        broker.communicate()

    sent = [tuple(map(int, line.split(",")))[:2] for line in ledger.read_text().splitlines()]
    assert len(set(sent)) == len(sent)
    held = [
        (int(row["file_name"].rpartition(":")[2]), row["byte_offset"])
        for table in ("raw.twitter_posts", "raw.rejects")
        for row in query(settings, table, "select file_name, byte_offset from rows")
    ]
    keys = query(settings, "raw.twitter_posts", "select count(distinct concat(post_id, record_hash)) as n from rows")
    (account,) = query(
        settings,
        "ops.batches",
        "select sum(count_records) as records, sum(count_accepted) as accepted, sum(count_duplicates) as duplicates, "
        "sum(count_rejected) as rejected from rows",
    )
    assert len(held) == len(set(held))
    assert set(held) <= set(sent)
    assert account["records"] == len(sent)
    assert account["accepted"] == count_read(settings) == keys[0]["n"]
    assert account["accepted"] + account["rejected"] == len(held)
    posts = query(settings, "raw.twitter_posts", "select distinct post_id from rows")
    scored = [row["post_id"] for row in query(settings, "scored.retweet_predictions", "select post_id from rows")]
    assert len(scored) == len(set(scored))
    assert set(scored) == {row["post_id"] for row in posts}
    assert account["accepted"] + account["rejected"] + account["duplicates"] == len(sent)
