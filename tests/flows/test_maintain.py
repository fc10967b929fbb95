"""Retention: what the policy keeps for so many days is gone after them, and not before."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect import flow

from flows.lake.contracts import FLOW_RUNS
from flows.lake.tables import append_rows, create_missing_tables, query
from flows.sample import write_sample
from flows.settings import Settings


def count(settings: Settings, table: str) -> int:
    return int(query(settings, table, "select count(*) as n from rows")[0]["n"])


def test_rows_go_when_the_policys_days_are_over(
    make_home: Callable[[str], Path], prefect: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.ingest import ingest
    from flows.maintain import expire_rows as task

    @flow
    def expire_rows(settings: Settings, now: datetime) -> dict[str, int]:
        return task(settings, now)

    monkeypatch.setenv("EPILAKE_HOME", str(make_home("maintain")))
    settings = Settings()
    expected = write_sample(tmp_path, posts=300, days=14).expected
    ingest([str(tmp_path)])
    now = datetime.now(UTC)

    assert expire_rows(settings, now + timedelta(days=89)) == {}
    assert expire_rows(settings, now + timedelta(days=91)) == {"raw.rejects": sum(expected.rejects.values())}
    assert count(settings, "raw.twitter_posts") == expected.captures
    assert expire_rows(settings, now + timedelta(days=366)) == {"raw.twitter_posts": expected.captures}
    assert (count(settings, "raw.twitter_posts"), count(settings, "raw.rejects")) == (0, 0)
    files = [path for path in (settings.lake / "raw").rglob("*.parquet") if "_delta_log" not in str(path)]
    assert files == []
    assert ingest([str(tmp_path)])["count_batches"] == 0


def test_tables_of_many_small_files_are_joined_and_the_others_left(
    make_home: Callable[[str], Path], prefect: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.maintain import join_files as task

    @flow
    def join_files(settings: Settings) -> dict[str, int]:
        return task(settings)

    monkeypatch.setenv("EPILAKE_HOME", str(make_home("join")))
    settings = Settings()
    create_missing_tables(settings)
    assert join_files(settings) == {}
    now = datetime.now(UTC)
    run = {"flow_name": "ingest", "state": "completed", "changed_at": now, "message": None}
    for number in range(10):
        append_rows(settings, FLOW_RUNS, [{"flow_run_id": str(number), **run}])
    assert join_files(settings) == {FLOW_RUNS.name: 9}
    assert count(settings, FLOW_RUNS.name) == 10
