"""JSON however it is handed around: every object comes out, every byte is kept, what is broken costs only itself."""

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.errors import RefusedRecordError
from flows.sources import json_records
from flows.sources.drafts import ObjectRecord, ReadPost, as_text, read_record, rescue
from flows.sources.json_records import InexactNumber, read_json_records

Object = dict[str, Any]
LARGE = 1_000_000


def read(content: bytes, read_bytes: int = LARGE) -> list[ObjectRecord]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_records, "READ_BYTES", read_bytes)
        return list(read_json_records(io.BytesIO(content)))


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
leaves = st.none() | st.booleans() | numbers | texts
objects = st.dictionaries(
    texts,
    st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
    ),
    max_size=4,
)
sizes = st.sampled_from([1, 2, 3, 7, 16, 17, 100, LARGE])

SPELLINGS: dict[str, tuple[int | None, str, str, str]] = {
    "array": (None, "[", ", ", "]"),
    "pretty array": (2, "[\r\n  ", ",\r\n  ", "\r\n]\r\n"),
    "lines": (None, "", "\n", ""),
    "lines with CRLF": (None, "", "\r\n", "\r\n"),
    "stream with keep-alive lines": (None, "\r\n", "\r\n\r\n\r\n", "\r\n\r\n"),
    "one after the other": (None, "", "", ""),
    "pretty ones after each other": (2, "", "", ""),
    "byte order mark": (None, "\ufeff", "\n", "\n"),
}
"""How far objects are indented, and what stands before, between and after them."""


@given(st.lists(objects, max_size=4), st.sampled_from(list(SPELLINGS)), st.booleans(), sizes)
@settings(max_examples=250, deadline=None)
def test_every_spelling_and_size_of_reads_gives_the_same_objects(
    rows: list[Object], spelling: str, is_ascii: bool, read_bytes: int
) -> None:
    indent, start, between, end = SPELLINGS[spelling]
    spelt = [json.dumps(row, ensure_ascii=is_ascii, indent=indent) for row in rows]
    content = (start + between.join(spelt) + end).encode()
    records = read(content, read_bytes)
    assert [record.value for record in records] == [json.loads(one, parse_float=str) for one in spelt]
    assert [record.record_bytes.decode() for record in records] == spelt
    assert [(record.number, record.error) for record in records] == [(at + 1, None) for at in range(len(rows))]
    assert all(content[record.byte_offset :].startswith(record.record_bytes) for record in records)


# Whatever the bytes

PIECES = [
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\n", b"\r\n", b" ", b'"a"', b'{"a":1}', b'{"b":"x"', b"\n{",
    b"\n  {", b"1", b"-", b".5", b"e5", b"true", b"nul", b"l", b"NaN", b"-Infinity", b"Inf", b"\\ud83d", b"\\u12",
    b"\xff", b"\xc3", b"\xa9", b"\xf0\x9f\x98\x80", b"\xef\xbb\xbf", b"\xef", b"\x00", b"9" * 5_000,
]  # fmt: skip
broken = st.binary(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=25).map(b"".join)


@given(broken, sizes)
@settings(max_examples=600, deadline=None)
def test_any_bytes_are_records_without_gap_or_error_whatever_the_size_of_reads(content: bytes, read_bytes: int) -> None:
    records = read(content, read_bytes)
    assert records == read(content)
    rest, end = b"", 0
    for record in records:
        assert record.byte_offset >= end
        assert content[record.byte_offset :].startswith(record.record_bytes)
        rest, end = rest + content[end : record.byte_offset], record.byte_offset + len(record.record_bytes)
    assert not (rest + content[end:]).replace(b"\xef\xbb\xbf", b"").strip(b" \t\r\n,[]")


MALFORMED = {
    "cut": b'{"a": {"b": 1}, "c"',
    "cut in a text": b'{"a": "fever',
    "without colon": b'{"a" 1}',
    "Python": b"{'a': 1}",
    "words": b"503 Service Unavailable".replace(b"503 ", b"Error "),
    "key twice": b'{"a": 1, "a": 2}',
    "no number": b'{"a": [NaN]}',
    "not UTF-8": b'{"a": "\xff"}',
    "half of a character": b'{"a": "\xed\xa0\xbd"}',
    "no object": b'"text"',
    "deep": b'{"a":' * 100_000,
}


@given(st.lists(objects, max_size=3), st.lists(objects, max_size=3), st.sampled_from(list(MALFORMED)), sizes)
@settings(max_examples=150, deadline=None)
def test_a_malformed_line_costs_only_itself(
    before: list[Object], after: list[Object], kind: str, read_bytes: int
) -> None:
    lines = [json.dumps(row).encode() for row in [*before, *after]]
    lines.insert(len(before), MALFORMED[kind])
    records = read(b"\n".join(lines), read_bytes)
    assert [record.error is None for record in records] == [True] * len(before) + [False] + [True] * len(after)
    assert [record.value for record in records] == [
        json.loads(line, parse_float=str) if record.error is None else {}
        for line, record in zip(lines, records, strict=True)
    ]


@pytest.mark.parametrize("margin", ["", "  ", "\t"], ids=repr)
@pytest.mark.parametrize("read_bytes", [1, 20, LARGE])
def test_a_malformed_object_of_a_pretty_array_costs_only_itself(margin: str, read_bytes: int) -> None:
    pretty = json.dumps({"a": {"b": [{"c": 1}]}}, indent="  ").replace("\n", f"\n{margin}")
    broken_twice = [pretty, pretty.replace(": 1", " 1"), pretty.replace('"a":', '"a"'), pretty]
    content = f"[\n{margin}" + f",\n{margin}".join(broken_twice) + "\n]"
    assert [record.error for record in read(content.encode(), read_bytes)] == [
        None, "not JSON: Expecting ':' delimiter", "not JSON: Expecting ':' delimiter", None,
    ]  # fmt: skip


@given(objects.filter(bool), st.data())
@settings(max_examples=100, deadline=None)
def test_an_object_that_is_cut_at_the_end_of_the_stream_is_one_refused_record(
    value: Object, data: st.DataObject
) -> None:
    line = json.dumps(value).encode()
    cut = line[: data.draw(st.integers(1, len(line) - 1))]
    first, last = read(b'{"a": 1}\r\n' + cut)
    assert (first.value, last.byte_offset, last.record_bytes.rstrip()) == ({"a": 1}, 10, cut.rstrip())
    assert last.error
    assert last.error.startswith("not JSON: ")


def test_an_object_that_is_never_closed_takes_bounded_memory_and_no_later_object(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(json_records, "MAX_RECORD_CHARACTERS", 1_000)
    content = b'{"open": "' + b"x" * 100_000 + b'\n{"a": 1}\n'
    records = read(content, 100)
    assert records[-1].value == {"a": 1}
    assert max(len(record.record_bytes) for record in records) < 5_000
    assert b"".join(record.record_bytes for record in records) == content[:-1]


# What no reader can trust


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ('{"a": 1, "a": 1}', "key 'a' stands twice"),
        ('{"a": [{"b": {"c": 1, "d": 2, "c": 3}}]}', "key 'c' stands twice"),
        ('{"a": NaN}', "NaN is no number"),
        ('[{"a": {"b": [Infinity]}}]', "Infinity is no number"),
        ('{"a": -Infinity}', "-Infinity is no number"),
        ('{"a": %s}' % ("9" * 100_000), "not JSON: a number is too long"),
        ('{"a": -%s}' % ("9" * 100_000), "not JSON: a number is too long"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested too deeply"),
        ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ("7", "not a JSON object"),
        ("-1.5e9", "not a JSON object"),
        ('"text"', "not a JSON object"),
        ("null", "not a JSON object"),
        ("[[true]]", "not a JSON object"),
        ("NaN", "NaN is no number"),
        ("[{}}]", "not JSON: Expecting value"),
        ('{"a": 01}', "not JSON: Expecting ',' delimiter"),
        ('{"a": "\t"}', "not JSON: Invalid control character at"),
        (r'{"a": "\x41"}', r"not JSON: Invalid \escape"),
    ],
    ids=lambda case: str(case)[:30],
)
@pytest.mark.parametrize("read_bytes", [1, 1_000, LARGE])
def test_a_record_is_refused_with_its_reason(content: str, error: str, read_bytes: int) -> None:
    records = read(content.encode() + b'\n{"next": 1}', read_bytes)
    assert [record.error for record in records if record.error] == [error]
    assert records[-1].value == {"next": 1}


def test_arrays_are_only_wrapping_however_deep() -> None:
    content = b"[" * 100_000 + b'{"a": [1]}, {"b": 2}' + b"]" * 100_000
    assert [(record.byte_offset, record.value) for record in read(content)] == [
        (100_000, {"a": [1]}),
        (100_012, {"b": 2}),
    ]


@pytest.mark.parametrize(
    "content",
    [b'{"a": "\xff"}', b'{"\xc3": 1}', b'{"a": "\xed\xa0\xbd\xed\xb8\x80"}', b'{"a": "\xc0\x80"}', b"\xfe\xff"],
    ids=repr,
)
def test_broken_utf8_is_refused_with_its_bytes(content: bytes) -> None:
    first, last = read(content + b'\n{"a": "\xf0\x9f\x98\xb7"}')
    assert (first.error, first.record_bytes.rstrip(), first.value) == ("not valid UTF-8", content, {})
    assert last.value == {"a": "😷"}


def read_any(value: Object) -> ReadPost:
    return ReadPost("1", None, {"text": as_text(value.get("text"))}, rescue(value, frozenset({"text"})))


@pytest.mark.parametrize(
    "content",
    [
        r'{"text": "half \ud83d"}',
        r'{"text": "\ude37\ud83d"}',
        r'{"text": ["\ud83d"]}',
        r'{"x": "\udfff"}',
        r'{"\ud800": 1}',
    ],
)
def test_half_of_a_surrogate_pair_is_refused_wherever_it_stands(content: str) -> None:
    (record,) = read(content.encode())
    with pytest.raises(RefusedRecordError, match=r"^holds half of a surrogate pair$"):
        read_record(record, read_any)


def test_a_whole_surrogate_pair_is_a_character() -> None:
    (record,) = read(rb'{"text": "\ud83d\ude37"}')
    assert read_record(record, read_any) == ReadPost("1", None, {"text": "😷"}, None)


def test_a_record_that_is_broken_is_refused_with_what_is_wrong() -> None:
    (record,) = read(b'{"text": ')
    with pytest.raises(RefusedRecordError, match=r"^not JSON: Expecting value$"):
        read_record(record, read_any)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param('{"text": %s}' % ("[" * depth + "]" * depth), id=f"{depth} deep")
        for depth in (200, 300, 900, *range(930, 1_000, 5))
    ]
    + [
        pytest.param('{"rest": %s}' % ("[" * depth + "]" * depth), id=f"{depth} deep, rescued")
        for depth in (300, 900, *range(930, 1_000, 5))
    ]
    + ['{"text": [%s]}' % ("9" * 100), '{"text": {"a": 1.50}}'],
)
def test_whatever_was_decoded_is_kept_as_text_or_refused(content: str) -> None:
    (record,) = read(content.encode())
    found, refused = None, None
    try:
        found = read_record(record, read_any)
    except RefusedRecordError as error:
        refused = str(error)
    assert isinstance(found, ReadPost) != (refused == "nested too deeply")


# Numbers


@pytest.mark.parametrize(
    "spelling", ["1.34054E+18", "1e3", "-0.0", "2.50", "1340539111971516416.0", "0.1", "1E400", f"{'9' * 100_000}.5"]
)
@pytest.mark.parametrize("read_bytes", [10, LARGE])
def test_an_id_that_was_a_float_stays_as_it_was_spelt(spelling: str, read_bytes: int) -> None:
    (record,) = read(f'{{"id": {spelling}}}'.encode(), read_bytes)
    assert isinstance(record.value["id"], InexactNumber)
    assert as_text(record.value["id"]) == record.value["id"] == spelling


@given(st.integers(-(10**60), 10**60))
def test_a_whole_number_is_exact(number: int) -> None:
    (record,) = read(f'{{"id": {number}}}'.encode())
    assert (record.value["id"], as_text(record.value["id"])) == (number, str(number))
