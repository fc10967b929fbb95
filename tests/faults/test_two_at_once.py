"""Two commands on one installation at once, and one that is interrupted."""

import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from flows.lake.tables import query
from flows.sample import write_sample
from flows.settings import Settings
from flows.sources.files import InputFile, open_decompressed
from flows.status import read_status

if TYPE_CHECKING:
    from flows.sample import Manifest

pytestmark = [pytest.mark.spark, pytest.mark.slow]


class Files(NamedTuple):
    """Two files, a third that holds all records of both, and what was planted in them."""

    first: Path
    second: Path
    both: Path
    manifest: "Manifest"


def start(home: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *map(str, arguments)],
        env={**os.environ, "EPILAKE_HOME": str(home)},
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=hear_interrupts,  # noqa: PLW1509 - no thread of ours holds a lock here
    )


def hear_interrupts() -> None:
    """Undo what a shell does to whatever it runs in the background, this test included: ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("posts")
    manifest = write_sample(folder, posts=1_500, days=20)
    contents = []
    for file in manifest.files:
        with open_decompressed(InputFile(folder / file.name)) as stream:
            contents.append(stream.read().removeprefix(b"\xef\xbb\xbf"))
    header = contents[0][: contents[0].index(b"\n") + 1]
    middle = len(contents) // 2
    parts = {"first": contents[:middle], "second": contents[middle:], "both": contents}
    for name, part in parts.items():
        records = b"".join(content.removeprefix(header) for content in part)
        (folder / f"{name}.csv.gz").write_bytes(gzip.compress(header + records))
    return Files(folder / "first.csv.gz", folder / "second.csv.gz", folder / "both.csv.gz", manifest)


def test_two_ingests_of_overlapping_files_at_once_leave_each_record_once(
    make_home: Callable[[str], Path], files: Files
) -> None:
    home = make_home("two")
    # each process is given a file that the other is given too, and one that overlaps with the other's
    processes = [
        start(home, "ingest", files.first, files.second),
        start(home, "ingest", files.second, files.both),
    ]
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs

    settings = Settings(home=home)
    status = read_status(settings)
    expected = files.manifest.expected
    (held,) = query(
        settings,
        "raw.twitter_posts",
        "select count(*) as count_rows, count(distinct post_id || record_hash) as count_keys from rows",
    )
    assert held == {"count_rows": expected.captures, "count_keys": expected.captures}
    assert status["rejects"] == {reason: 2 * count for reason, count in expected.rejects.items()}

    batches = status["batches"]
    names = sorted(Path(batch["file_name"]).name for batch in batches)
    assert names == ["both.csv.gz", "first.csv.gz", "second.csv.gz"]
    for batch in batches:
        parts = ("count_accepted", "count_duplicates", "count_rejected")
        assert batch["count_records"] == sum(batch[part] for part in parts)
        assert min(batch[part] for part in parts) >= 0
    assert sum(batch["count_accepted"] for batch in batches) == expected.captures
    assert sum(batch["count_records"] for batch in batches) == 2 * expected.records


@pytest.mark.parametrize("moment", ["before anything is written", "after RAW is written"])
def test_interrupted_run_says_so_and_leaves_no_process(
    make_home: Callable[[str], Path], files: Files, moment: str
) -> None:
    home = make_home("interrupted")
    process = start(home, "run", files.first)
    seen = {
        "before anything is written": home / "lake" / "ops" / "flow_runs" / "_delta_log",
        "after RAW is written": home / "lake" / "ops" / "batches" / "_delta_log" / f"{1:020}.json",
    }[moment]
    while not seen.exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does: to all of the foreground, the JVM included
    output, _ = process.communicate()
    assert process.returncode == 130
    assert output.splitlines()[-1] == ("Interrupted: what was written stands, and the same command goes on from there.")
    assert "Traceback" not in output
    while is_group_alive(process.pid):  # the JVM notices that its pipe is closed
        time.sleep(0.05)


def is_group_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
