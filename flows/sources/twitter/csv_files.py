"""Tweets in the two CSV schemas that Kaggle's collections share, "covid19 tweets" and "vaccination tweets".

A file is known by its header, not by its name: the 13 columns of the first schema in any order, with or without those
that the second adds; any other field of a tweet is read by its name, and columns beyond those are rescued as JSON.
"""

import csv
import hashlib
import io
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

from flows.errors import UnknownHeaderError
from flows.sources import Draft, Reject
from flows.sources.csv_records import CsvRecord, CsvRecords, CsvRun
from flows.sources.drafts import has_surrogate, make_rows
from flows.sources.twitter.fields import CSV_SCHEMAS, FIELDS, VACCINATION_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

REPR_STARTS = ("b'", 'b"')
REPR = re.compile(r"""b(['"])(?:[^\\]|\\[\\'"ntr]|\\x[0-9a-f]{2})*\1""", re.DOTALL)
"""How Python spells bytes: nothing but these escapes."""
NAMES = tuple(field.name for field in FIELDS)
TIME_FORMATS = {"%Y-%m-%d %H:%M:%S": 19, "%Y-%m-%d %H:%M:%S%z": 25, "%d-%m-%Y %H:%M": 16, "%d-%m-%Y": 10}
"""Accepted spellings of a time and their length: as crawled, in UTC or with its offset, as a spreadsheet re-saves it,
and a day alone."""


def parse_csv(stream: BinaryIO, *, chunk_records: int) -> Iterator[Draft]:
    """Yield the records of one file in drafts; see `Source.parse`."""
    records = CsvRecords(stream)
    header, names = read_header(next(iter(records.take(1)), None))
    while len(run := records.take_run(chunk_records)):
        yield draft_run(header, names, run)


def read_header(record: CsvRecord | None) -> tuple[list[str], list[str]]:
    r"""Return the columns of a file as they are called and the fields that they are, or refuse the file.

    >>> read_header(CsvRecord(0, 0, b"", ["a", "b"], None))
    Traceback (most recent call last):
    ...
    flows.errors.UnknownHeaderError: The first record is not a header of tweets: it lacks user_name, user_location, ...
    """
    header = [name.strip().removeprefix("\ufeff") for name in record.fields] if record else []
    schema = next((schema for schema in CSV_SCHEMAS if schema.keys() <= set(header)), None)
    if schema is None:
        nearest = min(CSV_SCHEMAS, key=lambda schema: len(schema.keys() - set(header)) / len(schema))
        lacking = ", ".join(name for name in nearest if name not in header)
        raise UnknownHeaderError(
            f"The first record is not a header of tweets: it lacks {lacking}. Give a CSV file whose first record names "
            f"the 13 columns of Kaggle's covid19 tweets, the 16 of its vaccination tweets, or those of another "
            f"collection that the README lists."
        )
    names = [schema.get(name, name) for name in header]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise UnknownHeaderError(f"The header names {', '.join(repeated)} more than once: which one counts?")
    return header, names


def draft_run(header: list[str], names: list[str], run: CsvRun) -> Draft:
    """Return a run of records as rows, but for those that cannot be read as fields at all."""
    faults = find_shape_faults(header, run)
    rejects = [
        Reject(run.number + place, run.starts[place], reason, run.record_bytes(place))
        for place, reason in faults.items()
    ]
    places = [place for place in range(len(run)) if place not in faults] if faults else list(range(len(run)))
    whole = [run.fields[place] for place in places] if faults else run.fields
    columns = dict(zip(names, zip(*whole, strict=True), strict=True)) if whole else {}
    known = {name: columns[name] for name in NAMES if name in columns}
    if any(text[:2] in REPR_STARTS for text in known.get("text", ())):
        known["text"] = tuple(decode_repr(text) for text in known["text"])
    times = parse_times(known.get("date", ()))
    rows = make_rows(
        FIELDS,
        known,
        rescued=rescue_columns(names, columns, len(whole)),
        post_ids=identify_posts(known, times),
        times=times,
        numbers=[run.number + place for place in places],
        offsets=[run.starts[place] for place in places],
    )
    return Draft(rows, lambda at: run.record_bytes(places[at]), rejects)


def find_shape_faults(header: list[str], run: CsvRun) -> dict[int, str]:
    """Return place in the run → why the record there cannot be read as fields at all."""
    suspects = [
        place
        for place, fields in enumerate(run.fields)
        if len(fields) != len(header) or not fields[0] or fields[0] == header[0] or not run.is_clean
    ]
    faults = ((place, shape_fault(run.record(place), header)) for place in suspects)
    return {place: fault for place, fault in faults if fault}


def shape_fault(record: CsvRecord, header: list[str]) -> str | None:
    """Return why a record cannot be read as fields at all, or None.

    >>> [shape_fault(CsvRecord(1, 0, b"", fields, None), ["a", "b"]) for fields in (["", ""], ["x"], ["a", "b"])]
    ['blank record', 'expected 2 fields, found 1', 'header repeated']
    """
    fields = record.fields
    if record.error:
        return record.error
    if not "".join(fields).strip():
        return "blank record"
    if not record.record_bytes.isascii() and has_surrogate("".join(fields)):
        return "not valid UTF-8"
    if len(fields) != len(header):
        return f"expected {len(header)} fields, found {len(fields)}"
    return "header repeated" if fields == header else None


def decode_repr(text: str) -> str:
    r"""Return what a Python `b'…'` stands for, which collectors write that forgot to decode; other texts as they are.

    >>> decode_repr("b'RT @who: caf\\xc3\\xa9'"), decode_repr("b'broken"), decode_repr("b'\\xff'")
    ('RT @who: café', "b'broken", "b'\\xff'")
    """
    if text[:2] not in REPR_STARTS or not REPR.fullmatch(text):
        return text
    try:
        return text[2:-1].encode("ascii").decode("unicode_escape").encode("latin-1").decode()
    except UnicodeError:
        return text


def rescue_columns(header: list[str], columns: dict[str, tuple[str, ...]], count: int) -> list[str] | None:
    """Return, per record, a JSON object of the columns that no schema knows; None if there are none."""
    unknown = [name for name in header if name not in NAMES]
    if not unknown:
        return None
    rest = zip(*(columns[name] for name in unknown), strict=True) if count else ()
    return [json.dumps(dict(zip(unknown, values, strict=True)), ensure_ascii=False) for values in rest]


def identify_posts(columns: dict[str, tuple[str, ...]], times: "pd.Series") -> list[str | None]:
    """Return each post's id: its own, else the hash of its content."""
    ids = columns.get("id") or ("",) * len(times)
    if all(ids):
        return list(ids)
    accounts = name_accounts(columns, len(times))
    return [
        own or (content_id(account, moment, text) if text else None)
        for own, account, moment, text in zip(ids, accounts, times.astype(str), columns["text"], strict=True)
    ]


def name_accounts(columns: dict[str, tuple[str, ...]], count: int) -> list[str]:
    """Return by what each record's account is known: the minute of its creation, else its handle."""
    if "user_created" not in columns:
        return list(columns.get("user_screen_name") or ("",) * count)
    return [moment[:16] for moment in parse_times(columns["user_created"]).astype(str)]  # any other spelling is kept


def content_id(account: str, posted_at: str, text: str) -> str:
    """Return the identity of a post that has no id: same account, same minute, same text.

    Where the file has it, the account is known by the minute of its creation, because a spreadsheet damages names that
    begin with a sign and drops the seconds of times, while white space in the text may change with line ends. Times are
    `YYYY-MM-DD HH:MM…`.

    >>> content_id("2017-05-26 05:46", "2020-07-25 12:27:21", "a  b") == content_id(
    ...     "2017-05-26 05:46", "2020-07-25 12:27:00", "a b")
    True
    """
    words = " ".join(unicodedata.normalize("NFC", text).split())
    content = json.dumps((account, posted_at[:16], words)).encode()
    return f"sha256:{hashlib.sha256(content).hexdigest()[:32]}"


def parse_times(values: Sequence[str]) -> "pd.Series":
    """Return UTC timestamps, NaT where a value is in none of `TIME_FORMATS`.

    >>> parse_times(["2020-07-25 12:27:21", "25-07-2020 12:27", "yesterday", ""]).astype(str).tolist()
    ['2020-07-25 12:27:21', '2020-07-25 12:27:00', 'NaT', 'NaT']
    """
    import pandas as pd

    spelt = pd.Series(list(values), dtype=object)
    parsed = pd.Series(pd.NaT, index=spelt.index, dtype="datetime64[s]")
    lengths = spelt.str.len()
    for spelling, length in TIME_FORMATS.items():
        fits = lengths == length
        if fits.any():
            moments = pd.to_datetime(spelt[fits], format=spelling, errors="coerce", utc=True)
            parsed[fits] = moments.dt.tz_localize(None).astype("datetime64[s]")
    return parsed


def render_csv(rows: list[dict[str, str | None]]) -> bytes:
    """Return posts as a CSV file of the second schema, with a column for each further field that any of them has."""
    further = [name for name in NAMES if name not in VACCINATION_COLUMNS and any(row.get(name) for row in rows)]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, [*VACCINATION_COLUMNS, *further], extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()
