"""An ingest killed at twenty seeded moments, each then run again: nothing is lost and nothing is there twice."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from flows.lake.tables import query
from flows.sample import write_sample
from flows.settings import Settings

KILLS = 20
POSTS = 2_000
INGEST = """
import sys
from pathlib import Path
from flows import ingest as flow
from flows.admission import open_admission
from flows.lake.tables import create_missing_tables, query
from flows.settings import Settings
from flows.sources.known import find_source
import pandera.pandas, deltalake, pyarrow.parquet

settings, source = Settings(), find_source("twitter")
print("ready", flush=True)
create_missing_tables(settings)
with flow.staging_folder(settings) as staging:
    batches, admission = flow.find_new_batches.fn(settings, sys.argv[1:]), open_admission(settings)
    parsed = [
        flow.parse_batch.fn(settings, source, admission, batch, staging / f"{at:06}")
        for at, batch in enumerate(batches)
    ]
    loaded = flow.load_batches.fn(settings, source, parsed, staging) if parsed else []
    rows = [batch.to_row(source="twitter", flow_run_id="test", **admission.stamps) for batch in loaded]
    if rows:
        flow.append_rows(settings, flow.BATCHES, rows, only_new=True)
"""
"""The body of the flow in a process of its own, without Prefect: its server would be most of what is killed."""


def start(home: Path, folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "EPILAKE_HOME": str(home), "EPILAKE_CHUNK_RECORDS": "300"}
    process = subprocess.Popen(
        [sys.executable, "-c", INGEST, str(folder)], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def count(settings: Settings, table: str, what: str) -> int:
    return int(query(settings, table, f"select {what} as n from rows")[0]["n"])


def test_an_ingest_killed_at_any_moment_is_made_whole_by_running_it_again(tmp_path: Path) -> None:
    moments = random.Random(20261123)
    home, seconds = tmp_path / "home", 0.0
    settings = Settings(home=home)
    captures = rejects = records = killed = 0
    for number in range(KILLS + 1):
        folder = tmp_path / f"posts-{number}"
        expected = write_sample(folder, posts=POSTS, days=14, seed=number).expected
        captures, rejects = captures + expected.captures, rejects + sum(expected.rejects.values())
        records += expected.records
        if number:
            process = start(home, folder)
            time.sleep(moments.uniform(0, seconds))
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
            process.communicate()
        process, began = start(home, folder), time.monotonic()
        process.communicate()
        assert process.returncode == 0
        seconds = seconds if number else time.monotonic() - began

        assert count(settings, "raw.twitter_posts", "count(*)") == captures
        assert count(settings, "raw.twitter_posts", "count(distinct concat(post_id, record_hash))") == captures
        assert count(settings, "raw.rejects", "count(*)") == rejects
        assert count(settings, "ops.batches", "sum(count_records)") == records
        assert count(settings, "ops.batches", "sum(count_accepted)") == captures
        assert not list((home / "staging").iterdir())
    assert killed >= KILLS / 2, "most of the moments must lie within the run"
