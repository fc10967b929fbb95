"""Files of official counts as they are read: known by their header, each record whole or refused with a reason."""

import io
from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as options
from hypothesis import strategies as st

from flows.errors import UnknownHeaderError
from flows.official import Reading
from flows.official.places import PLACELESS, jhu_places
from flows.official.reading import read_file

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JHU = "country,date,confirmed_cum,deaths_cum,confirmed_new,deaths_new"
STATES = "date,state,death,deathIncrease,hospitalizedCumulative,hospitalizedIncrease,positive,positiveIncrease"
STATES = f"{STATES},totalTestResults,totalTestResultsIncrease,grade"


def read(*lines: str, chunk_records: int = 1_000) -> Reading:
    content = "\n".join(lines).encode(errors="surrogateescape")
    return read_file(io.BytesIO(content), chunk_records=chunk_records, now=NOW)


def told(reading: Reading) -> list[tuple[Any, ...]]:
    rows = reading.rows.select(["place", "place_id", "day", "measure", "count_cumulative", "count_new"]).to_pylist()
    return [tuple(str(value) if isinstance(value, date) else value for value in row.values()) for row in rows]


def test_jhu_is_one_row_per_country_day_and_measure_and_keeps_what_was_taken_back() -> None:
    reading = read(JHU, "Italy,2020-06-24,239410,34644,-148,-31", "MS Zaandam,2020-06-24,9,2,0,0")
    assert reading.dataset.name == "jhu_csse"
    assert told(reading) == [
        ("Italy", "IT", "2020-06-24", "cases", 239410, -148),
        ("MS Zaandam", None, "2020-06-24", "cases", 9, 0),
        ("Italy", "IT", "2020-06-24", "deaths", 34644, -31),
        ("MS Zaandam", None, "2020-06-24", "deaths", 2, 0),
    ]
    assert reading.rows["record_number"].to_pylist() == [1, 2, 1, 2]
    assert reading.rows["byte_offset"].to_pylist() == [len(JHU) + 1, len(JHU) + 40] * 2
    assert set(reading.rows["vintage_date"].to_pylist()) == {date(2020, 6, 24)}


def test_the_tracking_project_is_read_month_first_and_says_nothing_where_a_field_is_empty() -> None:
    reading = read(STATES, "3/7/2021,AL,10148,-1,,0,499819,408,,,A", "2021-12-07,PR,,,,,7,,,,")
    assert reading.dataset.name == "covid_tracking_project"
    assert told(reading) == [
        ("AL", "US-AL", "2021-03-07", "cases", 499819, 408),
        ("PR", "US-PR", "2021-12-07", "cases", 7, None),
        ("AL", "US-AL", "2021-03-07", "deaths", 10148, -1),
        ("AL", "US-AL", "2021-03-07", "hospitalized", None, 0),
    ]
    assert reading.unread == ["grade"]
    assert reading.rejects == []


@pytest.mark.parametrize(
    "header", ["date,confirmed_cum,country", "\ufeffdate,confirmed_cum,country", '"date","confirmed_cum","country"']
)
def test_a_file_is_known_by_its_columns_in_any_order_and_needs_no_increments(header: str) -> None:
    assert told(read(header, "2020-03-01,5,Burma")) == [("Burma", "MM", "2020-03-01", "cases", 5, None)]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        pytest.param("Atlantis,2020-03-01,1,0,1,0", "country is not known", id="unknown place"),
        pytest.param("italy,2020-03-01,1,0,1,0", "country is not known", id="other spelling"),
        pytest.param(",2020-03-01,1,0,1,0", "country is not known", id="no place"),
        pytest.param("Italy,,1,0,1,0", "date is not a day", id="no day"),
        pytest.param("Italy,2021-02-29,1,0,1,0", "date is not a day", id="no such day"),
        pytest.param("Italy,3/7/2021,1,0,1,0", "date is not a day", id="other order"),
        pytest.param("Italy,20210307,1,0,1,0", "date is not a day", id="basic format"),
        pytest.param("Italy,2021-W09-7,1,0,1,0", "date is not a day", id="week date"),
        pytest.param("Italy,2099-01-01,1,0,1,0", "date lies in the future", id="2099"),
        pytest.param("Italy,1899-12-30,1,0,1,0", "date lies before 1990", id="a spreadsheet's day nought"),
        pytest.param('Italy,2020-03-01,"1,234",0,1,0', "confirmed_cum is not a whole number", id="thousands"),
        pytest.param("Italy,2020-03-01,1,0.0,1,0", "deaths_cum is not a whole number", id="decimals"),
        pytest.param("Italy,2020-03-01,1,0,1e3,0", "confirmed_new is not a whole number", id="exponent"),
        pytest.param("Italy,2020-03-01,1,0,+1,0", "confirmed_new is not a whole number", id="plus sign"),
        pytest.param("Italy,2020-03-01,1,0, 1,0", "confirmed_new is not a whole number", id="space"),
        pytest.param("Italy,2020-03-01,١,0,1,0", "confirmed_cum is not a whole number", id="other digits"),
        pytest.param("Italy,2020-03-01,nan,0,1,0", "confirmed_cum is not a whole number", id="nan"),
        pytest.param("Italy,2020-03-01,9999999999999,0,1,0", "at most 12 digits", id="beyond bounds"),
        pytest.param("Italy,2020-03-01,-1,0,1,0", "confirmed_cum is negative", id="negative cumulative"),
        pytest.param("Italy,2020-03-01,,,,", "record holds no count", id="no count"),
        pytest.param(",,,,,", "blank record", id="blank"),
        pytest.param("", "blank record", id="empty line"),
        pytest.param("Italy,2020-03-01,1,0,1", "expected 6 fields, found 5", id="short"),
        pytest.param(JHU, "header repeated", id="header again"),
        pytest.param('Italy,2020-03-01,1,0,1,"0', "record cut inside a quoted field", id="cut"),
    ],
)
def test_a_malformed_record_is_refused_with_its_reason_and_bytes_and_its_neighbour_stays(
    record: str, reason: str
) -> None:
    reading = read(JHU, "Italy,2020-02-29,1,0,1,0", f"{record}\n")
    (reject,) = reading.rejects
    assert reason in reject.reason
    assert reject.record_bytes == f"{record}\n".encode()
    assert (reject.record_number, reject.byte_offset) == (2, len(JHU) + 26)
    assert (reading.count_records, reading.rows.num_rows) == (2, 2)


def test_every_fault_of_a_record_is_named() -> None:
    (reject,) = read(JHU, "Atlantis,soon,x,0,1,0").rejects
    faults = {"country is not known", "date is not a day", "confirmed_cum is not a whole number of at most 12 digits"}
    assert set(reject.reason.split("; ")) == faults


def test_bytes_that_are_no_text_are_refused() -> None:
    reading = read(JHU, "Italy,2020-03-01,1,0,1,0", "\udcff,2020-03-01,1,0,1,0")
    assert [reject.reason for reject in reading.rejects] == ["not valid UTF-8"]


def test_tomorrow_is_no_future_for_it_has_begun_somewhere() -> None:
    reading = read(JHU, "Kiribati,2026-01-02,1,0,1,0", "Kiribati,2026-01-03,1,0,1,0")
    assert [reject.reason for reject in reading.rejects] == ["date lies in the future"]


@pytest.mark.parametrize("chunk_records", [1, 2, 100])
def test_a_record_that_contradicts_an_earlier_one_is_refused_however_far_apart(chunk_records: int) -> None:
    same = ("Burma,2020-03-01,1,0,1,0", "Italy,2020-03-01,5,0,1,0", "Italy,2020-03-01,5,0,1,0")
    others = ("Italy,2020-03-01,6,0,1,0", "Myanmar,2020-03-01,2,0,1,0")
    reading = read(JHU, *same, *others, chunk_records=chunk_records)
    found = [(reject.record_number, reject.reason) for reject in reading.rejects]
    assert found == [(number, "an earlier record holds other counts of the same place and day") for number in (4, 5)]
    assert reading.rows["record_number"].to_pylist() == [1, 2, 3, 1, 2, 3]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param("Italy,2020-03-01,1,0,1,0\n", "no header of official counts", id="no header"),
        pytest.param("", "no header of official counts", id="empty"),
        pytest.param("country,date\n", "no header of official counts", id="no counts"),
        pytest.param("user_name,text,date\n", "no header of official counts", id="posts"),
        pytest.param("country,date,deaths_cum,date\n", "names date more than once", id="a column twice"),
    ],
)
def test_a_file_of_no_known_data_set_is_refused(content: str, sentence: str) -> None:
    with pytest.raises(UnknownHeaderError, match=sentence):
        read(content)


PLACES = st.sampled_from(["Italy", "Burma", "Myanmar", "MS Zaandam", "Atlantis"])
DAYS = st.sampled_from(["2020-03-01", "2020-03-02", "2099-01-01", "soon"])
COUNTS = st.lists(st.sampled_from(["", "1", "2", "-1", "1.0"]), min_size=4, max_size=4).map(",".join)
LINES = st.lists(st.tuples(PLACES, DAYS, COUNTS).map(",".join) | st.sampled_from(["", ",,,,,", "x,1"]), max_size=30)


@options(deadline=None, max_examples=40)
@given(LINES, st.integers(1, 7))
def test_every_record_ends_among_the_rows_or_the_rejects_whatever_the_chunks(lines: list[str], size: int) -> None:
    reading, again = read(JHU, *lines), read(JHU, *lines, chunk_records=size)
    kept = set(reading.rows["record_number"].to_pylist())
    refused = [reject.record_number for reject in reading.rejects]
    assert sorted([*kept, *refused]) == list(range(1, reading.count_records + 1))
    assert (told(again), again.rejects, again.vintage_id) == (told(reading), reading.rejects, reading.vintage_id)


def test_every_code_is_of_one_country_and_has_two_letters() -> None:
    codes = {place: code for place, code in jhu_places().items() if code}
    assert {place for place, code in jhu_places().items() if code is None} == set(PLACELESS)
    assert all(len(code) == 2 and code.isalpha() and code.isupper() for code in codes.values())
    assert max(Counter(codes.values()).values()) == 2  # GeoNames' name, and JHU's where it is another
