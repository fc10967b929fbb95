"""Broker, publisher and stream together: is a rate sustained, is anything lost or doubled, how long does a post take.

    python tests/benchmarks/stream.py MINUTES [RATE]    # EPILAKE_HOME: a lake whose model scores; 3,480 posts a second

Prints the slope of the lag after the first minute (at most 0 is sustained), lost and doubled against the publisher's
ledger, and the 50th and 95th percentile from publishing to RAW and to the prediction. The posts are invented.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WARM_SECONDS = 60
DEFAULT_RATE = 3 * 1_160
LINE = re.compile(r"micro-batch (\d+): ([\d,]+) messages in ([\d.]+) s .*, ([\d,]+) behind")


def write(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def start(home: Path, log: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a command of epilake with its output in a file."""
    environment = {**os.environ, "EPILAKE_HOME": str(home)}
    with log.open("wb") as output:
        command = [sys.executable, "-m", "flows.cli", *arguments]
        return subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)


def wait_for(log: Path, words: str, process: subprocess.Popen[bytes]) -> str:
    """Return the text of a log once it holds some words."""
    while words not in (text := log.read_text()):
        if process.poll() is not None:
            raise SystemExit(f"ended early: {text}")
        time.sleep(0.2)
    return text


def make_topic(home: Path, topic: str) -> None:
    """Make the topic before anybody asks for it."""
    from flows.settings import Settings
    from flows.streaming.client import ensure_topic, open_admin

    ensure_topic(open_admin(Settings(home=home)), topic, 2)


def slope_of(points: list[tuple[float, int]]) -> float:
    """Return the least-squares slope, messages a second."""
    import numpy as np

    seconds, lags = zip(*points, strict=True)
    return float(np.polyfit(seconds, lags, 1)[0])


def follow(log: Path, stream: subprocess.Popen[bytes], publisher: subprocess.Popen[bytes]) -> list[tuple[float, int]]:
    """Return seconds since the beginning and lag of each micro-batch, until all that was published has been read."""
    points: list[tuple[float, int]] = []
    began, seen, calm = time.monotonic(), 0, 0
    while calm < 3:
        found = LINE.findall(log.read_text())
        if publisher.poll() is None:
            points += [(time.monotonic() - began, int(lag.replace(",", ""))) for *_, lag in found[seen:]]
            calm = 0
        else:
            is_through = bool(found) and found[-1][3] == "0" and len(found) == seen
            calm = calm + 1 if is_through else 0
        seen = len(found)
        if stream.poll() is not None:
            raise SystemExit(f"the stream ended: {log.read_text()}")
        time.sleep(2)
    return points


def compare(home: Path, topic: str, ledger: Path) -> None:
    """Print what was lost, what doubled, and how long it took."""
    import pandas as pd

    from flows.lake.tables import query
    from flows.settings import Settings

    settings = Settings(home=home)
    sent = pd.read_csv(ledger, names=["partition", "byte_offset", "sent_at"]).set_index(["partition", "byte_offset"])
    mine = f"file_name like 'kafka:{topic}:%'"
    place = f"select post_id, record_hash, file_name, byte_offset, ingested_at from rows where {mine}"
    raw = pd.DataFrame(query(settings, "raw.twitter_posts", place))
    rejects = query(settings, "raw.rejects", f"select 1 from rows where {mine}")
    sums = "select sum(count_records) as n, sum(count_duplicates) as same from rows"
    (account,) = query(settings, "ops.batches", f"{sums} where {mine}")
    doubled = int(raw.duplicated(["post_id", "record_hash"]).sum() + raw.duplicated(["file_name", "byte_offset"]).sum())
    lost = len(sent) - len(raw) - len(rejects) - account["same"]
    write(
        f"published {len(sent):,}; in RAW {len(raw):,}, refused {len(rejects):,}, planted repeats {account['same']:,}"
    )
    write(f"lost {lost:,}; doubled {doubled:,}; recorded {account['n']:,}")
    raw["partition"] = raw["file_name"].str.rpartition(":")[2].astype(int)
    raw = raw.join(sent, on=["partition", "byte_offset"])
    scored = pd.DataFrame(query(settings, "scored.retweet_predictions", "select post_id, scored_at from rows"))
    raw["sent"] = pd.to_datetime(raw["sent_at"], unit="ms", utc=True)
    told = {"RAW": (pd.to_datetime(raw["ingested_at"]) - raw["sent"]).dt.total_seconds()}
    if len(scored):
        both = raw.drop_duplicates("post_id").merge(scored, on="post_id")
        told["prediction"] = (pd.to_datetime(both["scored_at"]) - both["sent"]).dt.total_seconds()
    for name, seconds in told.items():
        write(
            f"published to {name}: median {seconds.median():.1f} s, p95 {seconds.quantile(0.95):.1f} s, "
            f"{len(seconds):,} posts"
        )


def main() -> None:
    """Measure and print."""
    minutes = float(sys.argv[1])
    rate = float(sys.argv[2]) if len(sys.argv) > 2 else float(DEFAULT_RATE)
    home, topic = Path(os.environ["EPILAKE_HOME"]).resolve(), f"bench{os.getpid()}"
    scratch = Path(tempfile.mkdtemp())
    wanted = ["--posts", str(int(rate * minutes * 60)), "--seed", str(os.getpid())]
    subprocess.run([sys.executable, "-m", "flows.cli", "sample", str(scratch / "sample"), *wanted], check=True)
    logs = {name: scratch / f"{name}.log" for name in ("kafka", "publish", "stream")}
    kafka = start(scratch / "kafka", logs["kafka"], "kafka", "up")
    os.environ["EPILAKE_KAFKA_SERVERS"] = wait_for(logs["kafka"], "Press", kafka).split()[1]
    make_topic(home, topic)
    ledger = scratch / "ledger.csv"
    stream = start(home, logs["stream"], "stream", "--topic", topic)
    while not list((home / "checkpoints" / topic).glob("*/metadata")):
        time.sleep(0.2)
    arguments = [str(scratch / "sample"), "--topic", topic, "--rate", str(rate), "--ledger", str(ledger)]
    publisher = start(scratch / "publisher", logs["publish"], "publish", *arguments)
    points = follow(logs["stream"], stream, publisher)
    stream.send_signal(signal.SIGTERM)
    stream.wait()
    kafka.send_signal(signal.SIGINT)
    kafka.wait()
    if not points:
        raise SystemExit("no micro-batch ended while the publisher ran: measure for longer, or at a lower rate")
    warm = [point for point in points if point[0] >= min(WARM_SECONDS, points[-1][0] / 3)]
    write(f"load {os.getloadavg()[0]:.1f}; rate {rate:,.0f} posts a second for {minutes:g} minutes")
    write(
        f"slope of the lag {slope_of(warm):+.1f} messages a second over {len(warm)} micro-batches, "
        f"{points[-1][1]:,} as the publisher ended"
    )
    write(f"stream exit code {stream.returncode}")
    compare(home, topic, ledger)
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
