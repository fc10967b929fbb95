"""Epidemiological weeks as the CDC counts them (MMWR weeks), in Python; `dbt_project/macros/epiweek.sql` is the SQL.

A week runs from Sunday to Saturday. The first of a year is the one that holds the fourth of January: at least four of
its days lie in the year. Source: CDC, National Notifiable Diseases Surveillance System, "MMWR Week Fact Sheet".
"""

from datetime import date, timedelta

FOURTH = 4


def epiweek_start(day: date) -> date:
    """Return the Sunday on which the week of a day begins.

    >>> epiweek_start(date(2021, 1, 2))
    datetime.date(2020, 12, 27)
    """
    return day - timedelta(days=day.isoweekday() % 7)


def epiweek(day: date) -> str:
    """Return the week of a day, spelled so that weeks sort as text.

    >>> [epiweek(date(2021, 1, day)) for day in (2, 3)]
    ['2020-W53', '2021-W01']
    """
    start = epiweek_start(day)
    year = next(year for year in (day.year + 1, day.year, day.year - 1) if start >= _first_start(year))
    return f"{year}-W{(start - _first_start(year)).days // 7 + 1:02}"


def _first_start(year: int) -> date:
    return epiweek_start(date(year, 1, FOURTH))
