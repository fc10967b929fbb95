"""The coverage ledger: nobody posted, nobody listened and nobody asked are three states."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flows.collectors import Outcome, Span
from flows.coverage_ledger import State, describe_hours, split_by_hour

NINE = datetime(2026, 1, 1, 9, tzinfo=UTC)


def row(outcome: str, seconds: float, captured: int = 0, reason: str = "") -> dict[str, Any]:
    return {"hour_at": NINE, "outcome": outcome, "reason": reason, "covered_seconds": seconds,
            "count_captured": captured, "count_refused": 0}  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "state", "reason"),
    [
        pytest.param([row("answered", 3_600, 7)], State.CAPTURED, "", id="posts"),
        pytest.param([row("answered", 3_600)], State.NOBODY_POSTED, "", id="heard, and nothing said"),
        pytest.param([row("answered", 1_800), row("answered", 1_790, 1)], State.CAPTURED, "", id="two batches"),
        pytest.param([row("answered", 600)], State.PARTLY_COVERED, "", id="asked for ten minutes"),
        pytest.param([row("answered", 600, 3), row("failed", 3_000, reason="503")], State.OUTAGE, "503", id="down"),
        pytest.param([row("gap", 3_600)], State.OUTAGE, "gap", id="lost"),
        pytest.param([], State.NOT_ASKED, "", id="nobody asked"),
    ],
)
def test_an_hour_is_what_its_rows_say(rows: list[dict[str, Any]], state: State, reason: str) -> None:
    (hour,) = describe_hours(rows, NINE, NINE + timedelta(hours=1))
    assert (hour.state, hour.reason) == (state, reason)
    assert hour.count_captured == sum(each["count_captured"] for each in rows)


def test_every_hour_of_the_span_is_told() -> None:
    hours = describe_hours([row("answered", 3_600, 1)], NINE - timedelta(hours=2), NINE + timedelta(hours=2))
    assert [hour.state for hour in hours] == [State.NOT_ASKED, State.NOT_ASKED, State.CAPTURED, State.NOT_ASKED]


def test_the_parts_of_a_span_are_the_span() -> None:
    span = Span(NINE + timedelta(minutes=50), NINE + timedelta(hours=3, seconds=7), Outcome.ANSWERED)
    parts = dict(split_by_hour(span))
    assert list(parts) == [NINE + timedelta(hours=number) for number in range(4)]
    assert sum(parts.values()) == (span.ends_at - span.begins_at).total_seconds()
