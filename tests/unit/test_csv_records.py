"""Records, their bytes and their offsets: nothing is lost, whatever the file holds."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.sources.csv_records import CUT_RECORD, MAX_FIELD_CHARACTERS, CsvRecord, CsvRecords


def read_records(content: bytes, run: int = 3) -> list[CsvRecord]:
    records = CsvRecords(io.BytesIO(content))
    return [record for taken in iter(lambda: records.take(run), []) for record in taken]


def read(content: bytes) -> list[tuple[list[str], str | None]]:
    return [(record.fields, record.error) for record in read_records(content)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b'a,b\r\n1,"x\ny"\r\n', [(["a", "b"], None), (["1", "x\ny"], None)], id="newline in quotes"),
        pytest.param(b'"a ""b"" c",d\n', [(['a "b" c', "d"], None)], id="doubled quotes"),
        pytest.param(b"a,b\n\nc,d", [(["a", "b"], None), ([], None), (["c", "d"], None)], id="blank line"),
        pytest.param(b'a\nb,"cut', [(["a"], None), ([], CUT_RECORD)], id="cut inside quotes"),
        pytest.param(
            b'"a"b,c\nd,e\n', [([], "not CSV: ',' expected after '\"'"), (["d", "e"], None)], id="text after quote"
        ),
        pytest.param(b"", [], id="empty file"),
        pytest.param(b"\xff,\xc3\n", [(["\udcff", "\udcc3"], None)], id="not UTF-8"),
    ],
)
def test_records_are_those_of_rfc_4180(content: bytes, expected: list[tuple[list[str], str | None]]) -> None:
    assert read(content) == expected


def test_a_field_that_never_closes_takes_no_more_than_its_line() -> None:
    content = b'a,b\n"open,' + b"x" * MAX_FIELD_CHARACTERS + b"\n" + b"c,d\n" * 3
    *_, last = found = read(content)
    assert found[1][1] == f"not CSV: field larger than field limit ({MAX_FIELD_CHARACTERS})"
    assert last == (["c", "d"], None)


@given(st.binary(max_size=200))
def test_the_bytes_of_all_records_are_the_file(content: bytes) -> None:
    records = read_records(content)
    assert b"".join(record.record_bytes for record in records) == content
    assert [record.number for record in records] == list(range(len(records)))
    assert all(content[r.byte_offset :].startswith(r.record_bytes) for r in records)


@given(st.binary(max_size=200), st.integers(1, 5))
def test_records_do_not_depend_on_how_many_are_taken_at_once(content: bytes, run: int) -> None:
    assert read_records(content, run) == read_records(content, 1_000)


texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=20)


@given(st.lists(st.lists(texts, min_size=2, max_size=4), max_size=5))
def test_what_a_writer_rendered_is_read_back(rows: list[list[str]]) -> None:
    rendered = io.StringIO(newline="")
    csv.writer(rendered, quoting=csv.QUOTE_ALL).writerows(rows)
    assert read(rendered.getvalue().encode()) == [(row, None) for row in rows]
