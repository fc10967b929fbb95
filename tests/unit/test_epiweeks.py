"""MMWR weeks: as the CDC's calendar has them, and each of seven days."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.epiweeks import epiweek, epiweek_start

DAYS = st.dates(date(1990, 1, 1), date(2099, 12, 31))
LONG_YEARS = {2003, 2008, 2014, 2020, 2025}
"""The years from 2000 to 2026 with 53 weeks in the CDC's calendar."""


@pytest.mark.parametrize(
    ("day", "week"),
    [
        ("2015-01-03", "2014-W53"),
        ("2015-01-04", "2015-W01"),
        ("2016-01-02", "2015-W52"),
        ("2019-12-28", "2019-W52"),
        ("2019-12-29", "2020-W01"),
        ("2020-03-01", "2020-W10"),
        ("2020-12-26", "2020-W52"),
        ("2020-12-27", "2020-W53"),
        ("2021-01-02", "2020-W53"),
        ("2021-01-03", "2021-W01"),
        ("2022-01-01", "2021-W52"),
        ("2022-12-31", "2022-W52"),
        ("2023-01-01", "2023-W01"),
    ],
)
def test_a_day_at_the_end_of_a_year_is_in_the_week_of_the_cdcs_calendar(day: str, week: str) -> None:
    assert epiweek(date.fromisoformat(day)) == week


def test_years_have_53_weeks_where_the_cdcs_calendar_has_them() -> None:
    assert {year for year in range(2000, 2027) if epiweek(date(year, 12, 31)).endswith("53")} == LONG_YEARS


@given(DAYS)
def test_a_week_begins_on_the_sunday_before_and_the_next_one_sorts_after_it(day: date) -> None:
    start = epiweek_start(day)
    assert start.strftime("%A") == "Sunday"
    assert 0 <= (day - start).days <= 6
    assert {epiweek(start + timedelta(days=count)) for count in range(7)} == {epiweek(day)}
    assert epiweek(start + timedelta(days=7)) > epiweek(day)


@given(DAYS)
def test_the_year_of_a_week_holds_most_of_its_days(day: date) -> None:
    years = [(epiweek_start(day) + timedelta(days=count)).year for count in range(7)]
    assert epiweek(day)[:4] == str(max(years, key=years.count))
