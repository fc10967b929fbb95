"""`epilake run` killed at one stage after the other, and run again: it ends where an undisturbed run ends.

The moment of each kill is a state of the lake or of the registry, seen from outside, never a time. One installation is
killed at every state in turn, each run going on from what the one before it left.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from flows.lake.contracts import RUN_LOGS
from flows.sample import write_sample
from flows.settings import Settings
from flows.status import read_status

if not Path("/proc/self/environ").exists():
    pytest.skip("finds what is left over in /proc", allow_module_level=True)

pytestmark = [pytest.mark.spark, pytest.mark.slow]


def commits(home: Path, table: str) -> int:
    """Return the number of commits of a table; the first of a table of ours is its empty creation."""
    return len(list(home.joinpath("lake", *table.split("."), "_delta_log").glob("*.json")))


def ask_registry(home: Path, query: str) -> int:
    """Return the number that a query on MLflow's database gives; 0 while there is no such table yet."""
    path = home / "mlflow" / "mlflow.db"
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return int(database.execute(query).fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def is_staged(home: Path) -> bool:
    staged = any((home / "staging").glob("*/*/*/posts.arrow"))
    return staged and commits(home, "raw.twitter_posts") == 1


def is_merged_but_not_recorded(home: Path) -> bool:
    return commits(home, "raw.twitter_posts") > 1 and commits(home, "ops.batches") == 1


def is_build_lock_half_made(home: Path) -> bool:
    """Derby writes `service.properties` last."""
    made = [folder for folder in (home / "locks").glob("*") if folder.is_dir()]
    return any(not (folder / "service.properties").exists() for folder in made)


def is_first_model_half_written(home: Path) -> bool:
    logs = home.glob("lake/curated/*/_delta_log")
    return any(not list(log.glob("*.json")) for log in logs)


def is_curated_but_not_refined(home: Path) -> bool:
    return commits(home, "curated.curated_posts") > 0 and not (home / "lake" / "refined").exists()


def is_enriched(home: Path) -> bool:
    return commits(home, "enriched.post_sentiment") > 1 and not (home / "lake" / "refined").exists()


def is_training(home: Path) -> bool:
    logged = ask_registry(home, "select count(*) from metrics")
    return bool(logged) and not ask_registry(home, "select count(*) from model_versions")


def parts_of_decision(home: Path) -> int:
    """Return how much of the gate's decision is written: three tags, and the alias of a version that it promotes."""
    tags = ask_registry(home, "select count(*) from model_version_tags where key like 'gate%'")
    return tags + ask_registry(home, "select count(*) from registered_model_aliases where alias = 'production'")


def is_registered_but_not_judged(home: Path) -> bool:
    return bool(ask_registry(home, "select count(*) from model_versions")) and parts_of_decision(home) == 0


def is_decision_half_written(home: Path) -> bool:
    return 0 < parts_of_decision(home) < 4


def is_promoted_but_not_scored(home: Path) -> bool:
    return parts_of_decision(home) == 4 and commits(home, "scored.retweet_predictions") == 1


STATES: tuple[Callable[[Path], bool], ...] = (
    is_staged,
    is_merged_but_not_recorded,
    is_build_lock_half_made,
    is_first_model_half_written,
    is_curated_but_not_refined,
    is_enriched,
    is_training,
    is_registered_but_not_judged,
    is_decision_half_written,
    is_promoted_but_not_scored,
)


COUNT_LONG_STATES = 4
"""States that last long enough to be seen on a busy machine too."""


def is_scored(home: Path) -> bool:
    return commits(home, "scored.retweet_predictions") > 1


def start(home: Path, sample: Path) -> subprocess.Popen[str]:
    """Start `epilake run` in a session of its own, so that all of it can be killed at once."""
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "run", str(sample)],
        env={**os.environ, "EPILAKE_HOME": str(home)},
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(home: Path, sample: Path) -> None:
    """Run to the end."""
    process = start(home, sample)
    output, _ = process.communicate()
    assert process.returncode == 0, output


def kill_when(is_reached: Callable[[Path], bool], home: Path, sample: Path) -> bool:
    """Start a run and kill it, its JVM included, as soon as the state is seen; return whether it was.

    Some states last for milliseconds, and a busy machine may not look in time: the run then ends by itself, well.
    """
    process = start(home, sample)
    try:
        while not is_reached(home) and process.poll() is None:
            time.sleep(0.001)
    finally:
        is_killed = process.poll() is None
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
    assert is_killed or process.returncode == 0, output
    wait_until_gone(home)
    return is_killed


def wait_until_gone(home: Path) -> None:
    """Return once no process works for this home: the temporary server, in a session of its own, notices by itself."""
    deadline = time.monotonic() + 60
    while left := processes_of(home):
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.05)


def processes_of(home: Path) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"EPILAKE_HOME={home}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append((folder / "cmdline").read_text().replace("\0", " ")[:200])
        except OSError:
            continue
    return found


def sums(home: Path) -> dict[str, Any]:
    """Return every count that must not depend on how often a run was killed."""
    status = read_status(Settings(home=home))
    counts = ("count_records", "count_accepted", "count_duplicates", "count_rejected")
    return {
        "rows": {name: table["rows"] for name, table in status["tables"].items() if name not in RUN_LOGS},
        "rejects": status["rejects"],
        "batches": sorted((Path(row["file_name"]).name, *(row[name] for name in counts)) for row in status["batches"]),
        "versions": len(status["models"]),
        "in production": sum("production" in model["aliases"] for model in status["models"]),
    }


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("posts")
    write_sample(folder, posts=1_500, days=20)
    return folder


@pytest.fixture(scope="module")
def undisturbed(make_home: Callable[[str], Path], sample: Path) -> dict[str, Any]:
    home = make_home("undisturbed")
    finish(home, sample)
    return sums(home)


def test_run_killed_at_every_state_ends_like_an_undisturbed_one(
    make_home: Callable[[str], Path], sample: Path, undisturbed: dict[str, Any]
) -> None:
    homes, seen = [make_home("killed")], []
    for is_reached in STATES:
        if is_scored(homes[-1]):  # the last state was missed, and the run went on to its end
            homes.append(make_home("killed"))
        if kill_when(is_reached, homes[-1], sample):
            seen.append(is_reached.__name__)
    finish(homes[-1], sample)
    assert len(seen) >= COUNT_LONG_STATES, f"only {seen} were seen"
    assert undisturbed["in production"] == 1
    for home in homes:
        assert sums(home) == undisturbed
        assert not list((home / "staging").iterdir())
