"""dbt as its own users call it: no flow, no session of ours, only the project's folder and a lake."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.image import imread

from flows.build import DBT_PROJECT
from flows.lake.contracts import CONTRACTS
from flows.settings import Settings
from flows.status import read_status

pytestmark = pytest.mark.spark

WAITING = "Another build of this lake runs: waiting."
SOURCES = len(CONTRACTS)
MODELS = len(list(DBT_PROJECT.glob("models/*/*.sql")))


@pytest.fixture(scope="module")
def home(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the installation in which the pipeline ran: a lake can be copied."""
    return shutil.copytree(sample_home, tmp_path_factory.mktemp("plain-dbt") / "home")


def start(command: list[str], home: Path, output: Path) -> subprocess.Popen[bytes]:
    with output.open("wb") as file:
        return subprocess.Popen(
            command,
            cwd=DBT_PROJECT,
            env={**os.environ, "EPILAKE_HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )


@pytest.fixture
def dbt(home: Path, tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Start dbt with what it writes beside the checkout, not in it; each call with a name of its own."""
    program = str(Path(sys.executable).parent / "dbt")

    def run(name: str, *arguments: str) -> subprocess.Popen[bytes]:
        folder = tmp_path / name
        folder.mkdir()
        places = ["--target-path", str(folder / "target"), "--log-path", str(folder / "logs")]
        return start([program, "--no-use-colors", *arguments, *places], home, folder / "output.txt")

    return run


def said(tmp_path: Path, name: str) -> str:
    return (tmp_path / name / "output.txt").read_text(encoding="utf-8")


def rows(home: Path) -> dict[str, int]:
    return {name: table["rows"] for name, table in read_status(Settings(home=home))["tables"].items()}


def test_plain_build_passes_and_adds_nothing(
    home: Path, dbt: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    before = rows(home)
    assert dbt("build", "build").wait() == 0, said(tmp_path, "build")
    results = json.loads((tmp_path / "build" / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
    kinds = [result["unique_id"].split(".")[0] for result in results]
    assert {result["status"] for result in results} == {"success", "pass", "no-op"}  # exposures do nothing
    assert kinds.count("model") == MODELS
    assert kinds.count("unit_test") > 0
    assert rows(home) == before


@pytest.fixture(scope="module")
def documentation(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which dbt has made its documentation, as `make docs` does."""
    folder = tmp_path_factory.mktemp("docs")
    command = [str(Path(sys.executable).parent / "dbt"), "--no-use-colors", "docs", "generate", "--static"]
    places = ["--target-path", str(folder / "target"), "--log-path", str(folder / "logs")]
    output = folder / "output.txt"
    assert start([*command, *places], home, output).wait() == 0, output.read_text(encoding="utf-8")
    return folder / "target"


def test_catalog_holds_every_model_and_every_source(documentation: Path) -> None:
    catalog = json.loads((documentation / "catalog.json").read_text(encoding="utf-8"))
    manifest = json.loads((documentation / "manifest.json").read_text(encoding="utf-8"))
    models = {name for name, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    assert set(catalog["nodes"]) == models
    assert set(catalog["sources"]) == set(manifest["sources"])
    assert (len(models), len(manifest["sources"])) == (MODELS, SOURCES)
    assert not catalog["errors"]
    described = {**manifest["nodes"], **manifest["sources"]}
    for name, found in {**catalog["nodes"], **catalog["sources"]}.items():
        assert set(found["columns"]) == set(described[name]["columns"])


def test_documentation_opens_in_a_browser_with_its_columns_and_lineage(documentation: Path, tmp_path: Path) -> None:
    if not (chromium := shutil.which("chromium")):
        pytest.skip("Chromium is not there: `make browser` installs it")
    quiet = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
    window = ("--headless", "--no-sandbox", "--disable-gpu", "--window-size=1600,1000", "--virtual-time-budget=15000")
    browser = [chromium, *window, *quiet, f"--user-data-dir={tmp_path / 'browser'}"]
    address = f"{(documentation / 'static_index.html').as_uri()}#!/model/model.epilake.curated_posts"
    shown = subprocess.run([*browser, "--dump-dom", address], capture_output=True, text=True, check=True).stdout
    text = re.sub("<script.*?</script>", "", shown, flags=re.DOTALL)
    assert "One row per (source, post_id): of all captures" in text
    assert "SHA-256 of the text." in text

    picture = tmp_path / "lineage.png"
    graph = f"{address}?g_v=1&g_i=%2Bcurated_posts%2B"
    subprocess.run([*browser, f"--screenshot={picture}", graph], capture_output=True, check=True)
    colours = (imread(picture)[:, :, :3] * 255).round().astype(int)
    models, sources = ((abs(colours - colour).sum(axis=2) < 30).sum() for colour in ((0, 148, 179), (95, 184, 37)))
    assert models > 5_000
    assert sources > 500


@pytest.mark.slow
def test_plain_build_and_a_flow_take_turns(
    home: Path, dbt: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    before = rows(home)
    post = {"id": "a1", "author": "ann", "created_utc": 1608400000, "subreddit": "health", "title": "flu"}
    (tmp_path / "posts.jsonl").write_text(json.dumps(post), encoding="utf-8")
    ingest = [sys.executable, "-m", "flows.cli", "ingest", str(tmp_path / "posts.jsonl"), "--source", "reddit"]
    assert start(ingest, home, tmp_path / "ingest.txt").wait() == 0, (tmp_path / "ingest.txt").read_text("utf-8")
    plain = dbt("plain", "build", "--exclude-resource-type", "unit_test")
    flow = start([sys.executable, "-m", "flows.cli", "build"], home, tmp_path / "flow.txt")
    assert plain.wait() == 0, said(tmp_path, "plain")
    assert flow.wait() == 0, (tmp_path / "flow.txt").read_text(encoding="utf-8")
    # both started within a second and each build takes many: one of them found the other at work
    told = said(tmp_path, "plain") + (home / "logs" / "dbt.log").read_text(encoding="utf-8")
    assert WAITING in told
    after = rows(home)
    for table in ("raw.reddit_posts", "curated.curated_reddit_posts", "curated.curated_posts", "refined.refined_posts"):
        assert after[table] == before[table] + 1
    assert after["curated.curated_twitter_posts"] == before["curated.curated_twitter_posts"]
