"""Official counts through flow and dbt: a revised file moves the days and weeks that it speaks of, once."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jinja2 import Environment

from flows.build import DBT_PROJECT
from flows.settings import Settings
from ml.epiweeks import epiweek, epiweek_start

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

MODELS = "curated_official_counts refined_official_weeks"
EARLY = {"2020-12-25": 100, "2020-12-26": 110, "2020-12-27": 121, "2021-01-02": 150, "2021-01-03": 149}
REVISED = {"2020-12-26": 120, "2021-01-04": 149}
"""The day after the revised one is of another week, and told by the other file."""


def write(path: Path, counts: dict[str, int]) -> str:
    lines = [f"Italy,{day},{count}" for day, count in counts.items()]
    path.write_text("\n".join(["country,date,confirmed_cum", *lines, "MS Zaandam,2020-12-25,9"]), encoding="utf-8")
    return str(path)


def weeks(spark: "SparkSession") -> dict[str, tuple[int | None, int, int]]:
    rows = spark.table("refined.refined_official_weeks").collect()
    assert {(row.place_id, row.level, row.measure, row.is_complete) for row in rows} == {
        ("IT", "country", "cases", False)
    }
    return {row.epiweek: (row.count_new, row.count_days, row.count_negative_days) for row in rows}


def test_a_revised_file_moves_the_weeks_and_the_same_files_again_move_nothing(
    empty_lake: Settings, spark: "SparkSession", tmp_path: Path
) -> None:
    from flows.build import build
    from flows.ingest_counts import ingest_counts

    build(MODELS)  # as a pipeline without counts does
    assert spark.table("refined.refined_official_weeks").count() == 0

    early, revised = write(tmp_path / "early.csv", EARLY), write(tmp_path / "revised.csv", REVISED)

    counts = ingest_counts([early])
    assert (counts["count_records"], counts["count_accepted"], counts["count_rejected"]) == (6, 6, 0)
    build(MODELS)
    # what the first day added is not known
    assert weeks(spark) == {"2020-W52": (10, 1, 0), "2020-W53": (11 + 29, 2, 0), "2021-W01": (-1, 1, 1)}

    assert ingest_counts([revised])["count_accepted"] == 3
    build(MODELS)
    moved = {"2020-W52": (20, 1, 0), "2020-W53": (1 + 29, 2, 0), "2021-W01": (-1 + 0, 2, 1)}
    assert weeks(spark) == moved
    days = {str(row.day): row.count_vintages for row in spark.table("curated.curated_official_counts").collect()}
    assert days == {**dict.fromkeys(EARLY, 1), "2020-12-26": 2, "2021-01-04": 1}

    assert ingest_counts([early, revised])["count_batches"] == 0
    build(MODELS)
    assert weeks(spark) == moved


def test_the_macros_weeks_are_those_of_python(spark: "SparkSession") -> None:
    macros = Environment(autoescape=False).from_string((DBT_PROJECT / "macros" / "epiweek.sql").read_text()).module
    start, week = macros.epiweek_start("day"), macros.epiweek("day")
    days = "select explode(sequence(date'1999-12-20', date'2031-01-10')) as day"
    found = spark.sql(f"select day, {start} as start, {week} as week from ({days})").collect()
    assert (found[0].day, found[-1].day) == (date(1999, 12, 20), date(2031, 1, 10))
    assert [(row.start, row.week) for row in found] == [(epiweek_start(row.day), epiweek(row.day)) for row in found]
