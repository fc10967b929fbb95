"""The days of the coverage ledger in SQL say what the ledger's own hours say, as rows come."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flows.coverage_ledger import describe_hours
from flows.lake.contracts import COVERAGE
from flows.lake.tables import append_rows, create_missing_tables, query
from flows.settings import Settings

pytestmark = pytest.mark.spark

DAY = datetime(2026, 3, 1, tzinfo=UTC)
MODEL = "refined_coverage_days"
Row = dict[str, Any]


def draw_rows(seed: int, count: int) -> list[Row]:
    """Return rows of the ledger of two days: whole, partly answered and failed hours, with posts and without."""
    draw = random.Random(seed)
    rows: dict[tuple[Any, ...], Row] = {}
    for _ in range(count):
        outcome = draw.choice(["answered", "answered", "answered", "failed", "gap", "limited"])
        row = {
            "source": draw.choice(["bluesky", "reddit"]),
            "topic": draw.choice(["mpox/1", "cholera/1"]),
            "hour_at": DAY + timedelta(hours=draw.randrange(48)),
            "outcome": outcome,
            "reason": "" if outcome == "answered" else "429",
            "covered_seconds": draw.choice([3600.0, 3540.0, 3539.0, 1800.0, 1.5]),
            "count_asked": draw.randrange(3),
            "count_answered": draw.randrange(9),
            "count_captured": draw.choice([0, 0, 5]),
            "count_refused": draw.randrange(2),
            "batch_id": f"{seed}",
            "recorded_at": DAY + timedelta(days=9, hours=2 * seed),
        }
        rows[tuple(row[name] for name in COVERAGE.key)] = row
    return list(rows.values())


def expect(rows: list[Row]) -> dict[tuple[str, str, int], dict[str, int]]:
    """Return (source, topic, day) → hours by state and counts, by `describe_hours`."""
    found = {}
    keys = {(row["source"], row["topic"], (row["hour_at"] - DAY).days) for row in rows}
    for source, topic, day in keys:
        begin = DAY + timedelta(days=day)
        mine = [row for row in rows if (row["source"], row["topic"]) == (source, topic)]
        hours = describe_hours(mine, begin, begin + timedelta(days=1))
        states = Counter(str(hour.state) for hour in hours)
        found[source, topic.partition("/")[0], day] = {
            **{
                f"count_hours_{state}": states[state]
                for state in ("captured", "nobody_posted", "partly_covered", "outage")
            },
            "count_captured": sum(hour.count_captured for hour in hours),
            "count_refused": sum(hour.count_refused for hour in hours),
        }
    return found


def test_the_days_are_those_of_the_ledgers_hours_as_rows_come(
    empty_lake: Settings, run_models: Callable[..., None]
) -> None:
    create_missing_tables(empty_lake)
    written: list[Row] = []
    for seed, count in enumerate((60, 25)):
        rows = draw_rows(seed, count)
        append_rows(empty_lake, COVERAGE, rows)
        written += rows
        run_models(empty_lake, MODEL)
        held = query(empty_lake, f"refined.{MODEL}", "select * from rows")
        expected = expect(written)
        assert len(held) == len(expected)
        for row in held:
            day = (row["posted_date"] - DAY.date()).days
            assert {name: row[name] for name in expected[row["source"], row["topic"], day]} == expected[
                row["source"], row["topic"], day
            ]
