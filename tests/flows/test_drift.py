"""Drift that was planted in a sample, through a whole ingest, build and scoring: the first night's check finds it."""

import csv
import gzip
import io
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from flows.sample import write_sample
from flows.settings import Settings

pytestmark = [pytest.mark.spark, pytest.mark.slow]
POSTS, START, LEARNT_DAYS, PLANT_DAY = 12_000, date(2026, 1, 5), 45, 50
LAST_DAY = PLANT_DAY + Settings().watch_days - 1
FOUND: dict[str, tuple[str, set[str]]] = {
    "": ("", set()),
    "languages": ("drift", {"language"}),
    "followers": ("drift", {"user_followers"}),
    "labels": ("metrics", {"accuracy", "roc_auc"}),
}
"""Plant → the trigger that fires and what it must name; without a plant none does.

Where its features moved, a model may be worth less too: metrics may fall with the followers. Labels move no feature.
"""


def write_days(folder: Path, plant: str, first: int, last: int) -> Path:
    """Write the posts of some days of a sample as one file, without its malformed records."""
    write_sample(folder / "sample", posts=POSTS, plant=plant, plant_day=PLANT_DAY if plant else None)
    begin, end = (str(START + timedelta(days=day)) for day in (first, last))
    file = folder / "posts.csv"
    with file.open("w", encoding="utf-8", newline="") as output:
        writer = None
        for path in sorted((folder / "sample").glob("posts-*.csv.gz")):
            text = gzip.decompress(path.read_bytes()).decode(errors="replace")
            for row in csv.DictReader(io.StringIO(text, newline="")):
                if row["user_followers"].isdigit() and begin <= (row["date"] or "")[:10] <= end and None not in row:
                    writer = writer or csv.DictWriter(output, list(row))
                    if not output.tell():
                        writer.writeheader()
                    writer.writerow(row)
    return file


@pytest.fixture(scope="module")
def learnt(
    make_home: Callable[[str], Path], move_to: Callable[[Path], Settings], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An installation whose model in production learnt from the days before."""
    from flows.pipeline import pipeline

    home = make_home("learnt")
    move_to(home)
    pipeline([str(write_days(tmp_path_factory.mktemp("learnt"), "", 0, LEARNT_DAYS - 1))])
    return home


@pytest.mark.parametrize("plant", FOUND)
def test_the_first_check_of_a_window_full_of_a_plant_finds_it(
    learnt: Path, move_to: Callable[[Path], Settings], tmp_path: Path, plant: str
) -> None:
    from flows.build import build
    from flows.enrich import enrich
    from flows.ingest import ingest
    from flows.monitor import monitor
    from flows.score import score

    move_to(shutil.copytree(learnt, tmp_path / "home"))
    ingest([str(write_days(tmp_path, plant, LEARNT_DAYS, LAST_DAY))])
    build("tag:curated")
    enrich()
    build("tag:refined")
    assert score()["count_scored"] > 0
    found = monitor()
    trigger, shown = FOUND[plant]
    fired = [name for name, numbers in found.items() if numbers["is_found"]]
    assert fired in ([trigger], [trigger, "metrics"]) if trigger else not fired, found
    if trigger:
        told = found[trigger]["drifted" if trigger == "drift" else "fallen"]
        assert shown <= {name.partition(".")[0] for name in told}
