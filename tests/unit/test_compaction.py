"""A table that takes in a little at a time stays a few files, and loses nothing by it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from flows.lake.compaction import MOST_SMALL_FILES, compact, count_small_files
from flows.lake.contracts import COVERAGE
from flows.lake.tables import append_rows, create_missing_tables, open_table, query, table_path
from flows.settings import Settings

MORNING = datetime(2026, 1, 1, tzinfo=UTC)


def hour(number: int) -> dict[str, Any]:
    moment = MORNING + timedelta(hours=number)
    return {
        "source": "bluesky", "topic": "measles/1", "hour_at": moment, "outcome": "answered", "reason": "",
        "covered_seconds": 3600.0, "count_asked": 1, "count_answered": number, "count_captured": number,
        "count_refused": 0, "batch_id": f"batch-{number}", "recorded_at": moment,
    }  # fmt: skip


def numbers(settings: Settings) -> list[int]:
    found = query(settings, COVERAGE.name, "select count_answered as n from rows order by n")
    return [row["n"] for row in found]


def test_files_do_not_grow_with_a_hundred_runs(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    create_missing_tables(settings)
    most = 0
    for number in range(100):
        append_rows(settings, COVERAGE, [hour(number)])
        if number % 10 == 9:
            compact(settings, COVERAGE.name)
        most = max(most, count_small_files(settings, COVERAGE.name))
    assert most <= MOST_SMALL_FILES + 10
    assert compact(settings, COVERAGE.name) == 0
    assert numbers(settings) == list(range(100))
    assert open_table(settings, COVERAGE.name).schema().fields[2].nullable is False


def test_few_files_are_left_alone_and_the_past_can_still_be_read(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    create_missing_tables(settings)
    for number in range(MOST_SMALL_FILES):
        append_rows(settings, COVERAGE, [hour(number)])
    assert compact(settings, COVERAGE.name) == 0
    append_rows(settings, COVERAGE, [hour(MOST_SMALL_FILES)])
    before = open_table(settings, COVERAGE.name).version()
    assert compact(settings, COVERAGE.name) == MOST_SMALL_FILES
    past = DeltaTable(table_path(settings, COVERAGE.name), version=before)
    assert len(past.file_uris()) == MOST_SMALL_FILES + 1
    assert all(Path(file.removeprefix("file://")).exists() for file in past.file_uris())
    append_rows(settings, COVERAGE, [hour(99)])
    assert numbers(settings) == [*range(MOST_SMALL_FILES + 1), 99]
