"""Tweets in the two CSV schemas that Kaggle's collections share: "covid19 tweets" and "vaccination tweets".

A file is known by its header, not by its name: the 13 columns of the first schema in any order, with or without the
three that the second adds (`id`, `retweets`, `favorites`); columns beyond those are rescued as JSON. Every field is
kept as it stood; parsing only decides whether the record can be trusted and what its identity is.
"""

import hashlib
import json
import unicodedata
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from flows.errors import UnknownHeaderError
from flows.lake.contracts import TWITTER_FIELDS, TWITTER_POSTS
from flows.sources import Chunk, Reject
from flows.sources.csv_records import CsvRecord, read_csv_records

if TYPE_CHECKING:
    import pandas as pd

OPTIONAL_FIELDS = ("id", "retweets", "favorites")
FIELDS = tuple(name for name, _ in TWITTER_FIELDS)
REQUIRED_FIELDS = tuple(name for name in FIELDS if name not in OPTIONAL_FIELDS)
TIME_FORMATS = {"%Y-%m-%d %H:%M:%S": 19, "%d-%m-%Y %H:%M": 16}
"""Accepted spellings of a time, always UTC, and their length: as crawled, and as a spreadsheet re-saves it."""


class TwitterFiles:
    """CSV files of tweets; see the module."""

    name = "twitter"
    contract = TWITTER_POSTS

    def parse(self, stream: BinaryIO, *, chunk_records: int) -> Iterator[Chunk]:
        """Yield the records of one file in chunks; see `Source.parse`."""
        records = read_csv_records(stream)
        header = read_header(next(records, None))
        while batch := list(islice(records, chunk_records)):
            yield parse_chunk(header, batch)


def read_header(record: CsvRecord | None) -> list[str]:
    r"""Return the column names of a file, or refuse the file.

    >>> read_header(CsvRecord(0, 0, b"", ["a", "b"], None))
    Traceback (most recent call last):
    ...
    flows.errors.UnknownHeaderError: The first record is not a header of tweets: it lacks user_name, user_location, ...
    """
    names = [name.strip().removeprefix("\ufeff") for name in record.fields] if record else []
    missing = [name for name in REQUIRED_FIELDS if name not in names]
    if missing:
        raise UnknownHeaderError(
            f"The first record is not a header of tweets: it lacks {', '.join(missing)}. Give a CSV file whose first "
            f"record names the 13 columns of Kaggle's covid19 tweets, or the 16 of its vaccination tweets."
        )
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise UnknownHeaderError(f"The header names {', '.join(repeated)} more than once: which one counts?")
    return names


def parse_chunk(header: list[str], records: list[CsvRecord]) -> Chunk:
    """Return the trusted rows and the refused records of a run of records.

    Every record ends in exactly one of the two. Rows have the columns of `raw.twitter_posts` that a parser can know.
    """
    rejects = [_reject(record, reason) for record in records if (reason := shape_fault(record, len(header)))]
    refused = {reject.record_number for reject in rejects}
    whole = [record for record in records if record.number not in refused]
    rows = _frame(header, whole)
    reasons = content_faults(rows)
    rejects += [_reject(record, reason) for record, reason in zip(whole, reasons, strict=True) if reason]
    trusted = rows.loc[[number for number, reason in enumerate(reasons) if not reason]].reset_index(drop=True)
    return Chunk(_identify(trusted), sorted(rejects, key=lambda reject: reject.record_number))


def shape_fault(record: CsvRecord, width: int) -> str | None:
    """Return why a record cannot be read as fields at all, or None.

    >>> shape_fault(CsvRecord(1, 0, b",", ["", ""], None), 2), shape_fault(CsvRecord(1, 0, b"a", ["a"], None), 2)
    ('blank record', 'expected 2 fields, found 1')
    """
    if record.error:
        return record.error
    if not any(field.strip() for field in record.fields):
        return "blank record"
    if not record.record_bytes.isascii() and any(_has_surrogate(field) for field in record.fields):
        return "not valid UTF-8"
    if len(record.fields) != width:
        return f"expected {width} fields, found {len(record.fields)}"
    return None


def content_faults(rows: "pd.DataFrame") -> list[str | None]:
    """Return per row why its content breaks the contract, reasons joined by a semicolon, or None.

    The rules are the pandera schema `posts_schema`; its failure cases are read back as reasons.
    """
    from pandera.errors import SchemaErrors

    from flows.sources.twitter_schema import posts_schema

    reasons: list[str | None] = [None] * len(rows)
    try:
        posts_schema().validate(rows, lazy=True)
    except SchemaErrors as errors:
        failures = errors.failure_cases.sort_values(["index", "column"]).drop_duplicates(["index", "check"])
        for index, reason in zip(failures["index"], failures["check"], strict=True):
            held = reasons[int(index)]
            reasons[int(index)] = f"{held}; {reason}" if held else reason
    return reasons


def content_id(user_created: str, posted_at: str, text: str) -> str:
    """Return the identity of a post that has no id: same account, same minute, same text.

    The account is known by the minute of its creation, because a spreadsheet damages names that begin with a sign and
    drops the seconds of times, while white space in the text may change with line ends. Times are `YYYY-MM-DD HH:MM…`.

    >>> content_id("2017-05-26 05:46:42", "2020-07-25 12:27:21", "a  b") == content_id(
    ...     "2017-05-26 05:46:00", "2020-07-25 12:27:00", "a b")
    True
    """
    words = " ".join(unicodedata.normalize("NFC", text).split())
    return f"sha256:{_digest((user_created[:16], posted_at[:16], words))}"


def parse_times(values: "pd.Series") -> "pd.Series":
    """Return UTC timestamps, NaT where a value is in none of `TIME_FORMATS`.

    >>> import pandas as pd
    >>> parse_times(pd.Series(["2020-07-25 12:27:21", "25-07-2020 12:27", "yesterday"])).astype(str).tolist()
    ['2020-07-25 12:27:21', '2020-07-25 12:27:00', 'NaT']
    """
    import pandas as pd

    parsed = pd.Series(pd.NaT, index=values.index, dtype="datetime64[s]")
    for spelling, length in TIME_FORMATS.items():
        fits = values.str.len() == length
        if fits.any():
            parsed[fits] = pd.to_datetime(values[fits], format=spelling, errors="coerce").astype("datetime64[s]")
    return parsed


def _frame(header: list[str], records: list[CsvRecord]) -> "pd.DataFrame":
    """One row per record: every known field as text (null if empty), the rest rescued, and where it stood."""
    import pandas as pd

    columns = (
        dict(zip(header, zip(*(record.fields for record in records), strict=True), strict=True)) if records else {}
    )
    rows = pd.DataFrame({name: columns.get(name, [None] * len(records)) for name in FIELDS}, dtype="object")
    rows = rows.replace({"": None})
    unknown = [name for name in header if name not in FIELDS]
    rows["rescued"] = [
        json.dumps({name: columns[name][i] for name in unknown}, ensure_ascii=False) if unknown else None
        for i in range(len(records))
    ]
    rows["record_hash"] = [
        _digest(values) for values in zip(*(rows[name] for name in (*FIELDS, "rescued")), strict=True)
    ]
    rows["record_number"] = [record.number for record in records]
    rows["byte_offset"] = [record.byte_offset for record in records]
    rows["posted_at"] = parse_times(rows["date"].fillna(""))
    rows["created_at"] = parse_times(rows["user_created"].fillna(""))  # any spelling is kept; it only helps identity
    return rows


def _identify(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Add `post_id` and `posted_date`, and drop what only parsing needed."""
    times = zip(rows["created_at"].astype(str), rows["posted_at"].astype(str), strict=True)
    hashed = (content_id(created, posted, text) for (created, posted), text in zip(times, rows["text"], strict=True))
    rows = rows.assign(
        post_id=[post_id or content for post_id, content in zip(rows["id"], hashed, strict=True)],
        posted_date=rows["posted_at"].dt.date,
    )
    return rows.drop(columns=["posted_at", "created_at"])


def _reject(record: CsvRecord, reason: str) -> Reject:
    return Reject(record.number, record.byte_offset, reason, record.record_bytes)


def _digest(values: tuple[str | None, ...]) -> str:
    """Name a row of values by 32 hexadecimal digits; JSON keeps the values apart whatever they hold."""
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:32]


def _has_surrogate(field: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in field)
