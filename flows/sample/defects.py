"""Defects: the kinds of malformed record, how each is made, and the reason it must be rejected with."""

import csv
import io
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from flows.sample.layout import COLUMNS, quote_field

_WRONG_LENGTHS = (9, 15, 17)


class Defect(IntEnum):
    """What is wrong with a record; 0 is nothing."""

    NONE = 0
    BLANK = 1
    FIELDS = 2
    ENCODING = 3
    ID = 4
    DATE = 5
    FOLLOWERS = 6
    TEXT = 7
    CUT = 8


REASONS = {
    Defect.BLANK: "blank record",
    Defect.FIELDS: "expected 16 fields, found {found}",
    Defect.ENCODING: "not valid UTF-8",
    Defect.ID: "id is not a whole number",
    Defect.DATE: "date is not a timestamp",
    Defect.FOLLOWERS: "user_followers is not a whole number",
    Defect.TEXT: "text is missing",
    Defect.CUT: "record cut inside a quoted field",
}

SPRINKLED = (
    Defect.BLANK,
    Defect.FIELDS,
    Defect.ENCODING,
    Defect.ID,
    Defect.DATE,
    Defect.FOLLOWERS,
    Defect.TEXT,
)
"""The kinds that occur anywhere; the cut record only ends the last file."""

_REPLACEMENTS = {
    Defect.DATE: ("date", ("yesterday", "12/01", "2026-13-45 99:00:00")),
    Defect.FOLLOWERS: ("user_followers", ("12k", "1.5", "many")),
    Defect.TEXT: ("text", ("",)),
}


def choose_defects(
    stream: np.random.Generator, candidates: npt.NDArray[np.int64], count: int, before: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Choose which of the candidates are spoiled, and how; the kinds take turns over the whole sample.

    Args:
        stream: The stream to draw from.
        candidates: Indexes of rows that may be spoiled.
        count: How many are.
        before: How many were spoiled on earlier days.

    Returns:
        The chosen indexes in ascending order, and a `Defect` each.
    """
    chosen = np.sort(stream.choice(candidates, size=count, replace=False))
    kinds = np.array(SPRINKLED)[(before + np.arange(count)) % len(SPRINKLED)]
    return chosen, kinds


def spoil_record(record: str, defect: Defect, variant: int) -> tuple[bytes, str]:
    r"""Spoil a sound record: its new bytes, and the reason it must be rejected with.

    Args:
        record: A CSV record of 16 fields with its line end.
        defect: What to do to it.
        variant: Any whole number; chooses between ways of doing so.

    >>> sound = "1,a,,,,5,,,,2026-01-05 00:00:00,hello,,,0,0,False\r\n"
    >>> spoil_record(sound, Defect.DATE, 0)
    (b'1,a,,,,5,,,,yesterday,hello,,,0,0,False\r\n', 'date is not a timestamp')
    >>> spoil_record(sound, Defect.CUT, 0)
    (b'1,a,,,,5,,,,2026-01-05 00:00:00,"hel', 'record cut inside a quoted field')
    """
    fields = next(csv.reader(io.StringIO(record, newline=""), strict=True))
    text = COLUMNS.index("text")
    if defect is Defect.CUT:
        whole = fields[text].replace('"', "")
        return f'{_join(fields[:text])},"{whole[: len(whole) // 2 + 1]}'.encode(), REASONS[defect]
    if defect is Defect.ENCODING:
        fields[text] = f"{fields[text][:4]}\N{REPLACEMENT CHARACTER}{fields[text][4:]}"
        spoiled = f"{_join(fields)}\r\n".encode().replace("\N{REPLACEMENT CHARACTER}".encode(), b"\xff")
        return spoiled, REASONS[defect]
    fields = _change_fields(fields, defect, variant)
    return f"{_join(fields)}\r\n".encode(), REASONS[defect].format(found=len(fields))


def _change_fields(fields: list[str], defect: Defect, variant: int) -> list[str]:
    if defect is Defect.BLANK:
        return [""] * len(fields)
    if defect is Defect.FIELDS:
        return [*fields, "0"][: _WRONG_LENGTHS[variant % len(_WRONG_LENGTHS)]]
    if defect is Defect.ID:
        column, value = "id", f"{int(fields[0]):.5E}"
    else:
        column, values = _REPLACEMENTS[defect]
        value = values[variant % len(values)]
    position = COLUMNS.index(column)
    return [*fields[:position], value, *fields[position + 1 :]]


def _join(fields: list[str]) -> str:
    return ",".join(map(quote_field, fields))
