"""The command line: what it offers, and one sentence for each wrong use of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flows.cli import app

COMMANDS = ("run", "ingest", "counts", "build", "enrich", "train", "score", "evaluate", "sample", "status", "up")
STATUS_WITHOUT_A_JVM = """
import sys
from pathlib import Path

from flows.cli import app

app(["status", "--json"], standalone_mode=False)
children = [Path(f"/proc/{pid}/comm").read_text() for pid in Path("/proc/self/task").glob("*/children")
            for pid in pid.read_text().split()]
sys.exit(f"loaded: {'pyspark' in sys.modules}, children: {children}" if "pyspark" in sys.modules or children else 0)
"""


def call(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments], env={"EPILAKE_HOME": str(home)})


def plain(text: str) -> str:
    """Return a message without the frame and the line ends that rich puts into it."""
    return " ".join("".join(" " if "─" <= each <= "╿" else each for each in text).split())


def test_help_lists_every_command(tmp_path: Path) -> None:
    result = call(tmp_path, "--help")
    assert result.exit_code == 0
    assert [name for name in COMMANDS if f" {name} " not in plain(result.output)] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_help_of_its_own(tmp_path: Path, command: str) -> None:
    result = call(tmp_path, command, "--help")
    assert result.exit_code == 0
    assert f" {command} " in plain(result.output)


def test_no_command_shows_the_help(tmp_path: Path) -> None:
    assert "Usage:" in call(tmp_path).output


@pytest.mark.parametrize(
    ("arguments", "exit_code", "sentence"),
    [
        pytest.param(["--posts", "99"], 2, "should be greater than or equal to 100", id="too few posts"),
        pytest.param(["--days", "13"], 2, "should be greater than or equal to 14", id="too few days"),
        pytest.param(["--seed", "-1"], 2, "should be greater than or equal to 0", id="negative seed"),
        pytest.param(["--posts", "many"], 2, "should be a valid integer", id="not a number"),
        pytest.param(["--days", "4000"], 1, "days", id="too many days"),
    ],
)
def test_sample_with_a_bad_argument_writes_nothing(
    tmp_path: Path, arguments: list[str], exit_code: int, sentence: str
) -> None:
    result = call(tmp_path / "home", "sample", str(tmp_path / "out"), *arguments)
    assert result.exit_code == exit_code
    assert sentence in plain(result.stderr)
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


def test_sample_into_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    result = call(tmp_path / "home", "sample", str(tmp_path / "out"), "--posts", "100", "--days", "14")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1


def test_sample_says_as_json_what_it_planted(tmp_path: Path) -> None:
    arguments = ("--posts", "100", "--days", "14", "--json")
    result = call(tmp_path / "home", "sample", str(tmp_path / "out"), *arguments)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))


def test_status_of_an_empty_home_is_json_and_makes_nothing(tmp_path: Path) -> None:
    result = call(tmp_path / "home", "status", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "home": str(tmp_path / "home"),
        "tables": {},
        "batches": [],
        "rejects": {},
        "models": [],
        "decisions": [],
        "runs": {},
    }
    assert not (tmp_path / "home").exists()


def test_status_of_an_empty_home_says_that_there_is_nothing(tmp_path: Path) -> None:
    result = call(tmp_path, "status")
    assert result.exit_code == 0
    assert "Tables: none" in result.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["promote"], "Error: No version is on staging: run `epilake train` first."),
        (["sample", "--plant", "moon"], "plant: expected one of languages, followers, labels, found moon"),
        (["ingest", "-", "--source", "reddit", "--fill", "author=ann"], "Error: 'author' is no label of reddit"),
    ],
    ids=["nothing waits", "unknown plant", "not to be filled"],
)
def test_what_cannot_be_done_is_one_sentence(tmp_path: Path, arguments: list[str], told: str) -> None:
    result = call(tmp_path, *arguments)
    assert result.exit_code == 1
    assert told in result.output
    assert "Traceback" not in result.output


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds child processes in /proc")
def test_status_starts_no_jvm(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STATUS_WITHOUT_A_JVM],
        env={**os.environ, "EPILAKE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["tables"] == {}


def test_setting_out_of_range_is_one_sentence(tmp_path: Path) -> None:
    settings = {"EPILAKE_HOME": str(tmp_path), "EPILAKE_MAX_REJECT_SHARE": "2"}
    result = CliRunner().invoke(app, ["status"], env=settings)
    assert result.exit_code == 1
    assert "max_reject_share" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(("command", "what"), [("ingest", "posts"), ("run", "posts"), ("counts", "official counts")])
def test_missing_file_is_one_sentence(tmp_path: Path, command: str, what: str) -> None:
    done = run_command(tmp_path, command, "missing.csv")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"Error: There is no file of {what} at missing.csv: give a file, a folder of them, a pattern or -."
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("paths", [[], ["posts.csv"]], ids=["no file", "a file"])
def test_unknown_source_is_one_sentence(tmp_path: Path, paths: list[str]) -> None:
    (tmp_path / "posts.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    done = run_command(tmp_path, "run", *paths, "--source", "usenet")
    assert done.returncode == 1
    assert (
        done.stderr.splitlines()[-1]
        == "Error: There is no source named 'usenet': choose one of bluesky, feeds, mastodon, reddit, twitter."
    )


def run_command(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        env={**os.environ, "EPILAKE_HOME": str(home)},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
