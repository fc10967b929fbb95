"""Records: rows written out as CSV in the layout of the public "vaccination tweets" sets, some of them malformed."""

import csv
from collections.abc import Iterator
from itertools import repeat

import numpy as np

from flows.sample.phrasebook import LANGUAGES
from flows.sample.places import PLACES
from flows.sample.plan import Defect
from flows.sample.posts import EMOJI, SEPARATORS, SOURCES, Rows, World, posted_at

HEADER = (
    "id,user_name,user_location,user_description,user_created,user_followers,user_friends,user_favourites,"
    "user_verified,date,text,hashtags,source,retweets,favorites,is_retweet"
)
COLUMNS = HEADER.split(",")

REASONS = {
    Defect.BLANK: "blank record",
    Defect.FIELDS: "expected 16 fields, found {found}",
    Defect.ENCODING: "not valid UTF-8",
    Defect.ID: "id not exact",
    Defect.DATE: "date is not a timestamp",
    Defect.FOLLOWERS: "user_followers is not a whole number",
    Defect.TEXT: "text is missing",
    Defect.CUT: "record cut inside a quoted field",
}
"""What the rejection of a malformed record must say."""

_TEXT = COLUMNS.index("text")
_WRONG_LENGTHS = (9, 15, 17)
_REPLACEMENTS = {
    Defect.DATE: (COLUMNS.index("date"), ("yesterday", "12/01", "2026-13-45 99:00:00")),
    Defect.FOLLOWERS: (COLUMNS.index("user_followers"), ("12k", "1.5", "many")),
    Defect.TEXT: (_TEXT, ("",)),
}
_CITY_NAMES = [
    [place.native_name if code in {"hi", "ar", "ja"} else place.city for code in LANGUAGES] for place in PLACES
]
_EMOJI_TEXTS = ("", *(f" {emoji}" for emoji in EMOJI))

_RECORD = ",".join(["%s"] * len(COLUMNS)) + "\r\n"


def quote_field(value: str) -> str:
    """Write a field in quotation marks if it needs them; `csv` would take twice as long over a record.

    >>> quote_field("plain"), quote_field('so "old", they say')
    ('plain', '"so ""old"", they say"')
    """
    if "," in value or '"' in value or "\n" in value:
        return '"' + value.replace('"', '""') + '"'
    return value


def render_rows(world: World, rows: Rows) -> tuple[list[bytes], dict[int, str]]:
    """Write rows as CSV records in UTF-8 with their line ends.

    Returns:
        The records, and for each malformed one its index and the reason it must be rejected with.
    """
    sound = [_RECORD % fields for fields in _list_fields(world, rows)]
    records = [record.encode() for record in sound]
    reasons: dict[int, str] = {}
    for index in np.flatnonzero(rows["defect"]).tolist():
        variant = int(posted_at(rows["id"][index]).astype(np.int64))
        records[index], reasons[index] = spoil_record(sound[index], Defect(int(rows["defect"][index])), variant)
    return records, reasons


def spoil_record(record: str, defect: Defect, variant: int) -> tuple[bytes, str]:
    r"""Spoil a record; any whole number as `variant` chooses between ways of doing so.

    Returns:
        The bytes of the record, and the reason it must be rejected with.

    >>> sound = "1,a,,,,5,,,,2026-01-05 00:00:00,hello,,,0,0,False\r\n"
    >>> spoil_record(sound, Defect.DATE, 0)
    (b'1,a,,,,5,,,,yesterday,hello,,,0,0,False\r\n', 'date is not a timestamp')
    >>> spoil_record(sound, Defect.CUT, 0)
    (b'1,a,,,,5,,,,2026-01-05 00:00:00,"hel', 'record cut inside a quoted field')
    """
    fields = next(csv.reader([record], strict=True))
    text = fields[_TEXT]
    if defect is Defect.CUT:
        unquoted = text.replace('"', "")
        start = ",".join(map(quote_field, fields[:_TEXT]))
        return f'{start},"{unquoted[: len(unquoted) // 2 + 1]}'.encode(), REASONS[defect]
    if defect is Defect.BLANK:
        fields = [""] * len(fields)
    elif defect is Defect.FIELDS:
        fields = [*fields, "0"][: _WRONG_LENGTHS[variant % len(_WRONG_LENGTHS)]]
    elif defect is Defect.ENCODING:
        fields[_TEXT] = f"{text[:4]}\udcff{text[4:]}"  # encoded as the byte FF
    elif defect is Defect.ID:
        fields[0] = f"{int(fields[0]):.5E}"
    else:
        column, values = _REPLACEMENTS[defect]
        fields[column] = values[variant % len(values)]
    spoiled = ",".join(map(quote_field, fields)) + "\r\n"
    return spoiled.encode(errors="surrogateescape"), REASONS[defect].format(found=len(fields))


def _list_fields(world: World, rows: Rows) -> Iterator[tuple[object, ...]]:
    authors, author = world.authors, rows["author"]
    return zip(
        rows["id"].tolist(),
        *(map(quote_field, column) for column in authors.profiles[:, author].tolist()),
        rows["followers"].tolist(),
        authors.friends[author].tolist(),
        authors.favourites[author].tolist(),
        authors.is_verified[author].tolist(),
        posted_at(rows["id"]).tolist(),
        map(quote_field, _list_texts(world, rows)),
        [quote_field(world.phrasebook.tag_lists[tags]) for tags in rows["tags"].tolist()],
        [SOURCES[source] for source in rows["source"].tolist()],
        rows["retweets"].tolist(),
        rows["favorites"].tolist(),
        repeat("False", len(rows)),
        strict=True,
    )


def _list_texts(world: World, rows: Rows) -> list[str]:
    """Join the parts of each text: statement, feeling, mention, emoji, hashtags, address."""
    book = world.phrasebook
    numbers = ("statement", "place", "separator", "feeling", "mention", "emoji", "tags", "url")
    return [
        book.statements[statement].replace("{p}", _CITY_NAMES[place][language])
        + SEPARATORS[separator]
        + book.feelings[feeling]
        + book.mentions[mention]
        + _EMOJI_TEXTS[emoji]
        + book.tag_texts[tags]
        + (f" https://t.co/{url.decode()}" if url else "")
        for language, statement, place, separator, feeling, mention, emoji, tags, url in zip(
            world.authors.language[rows["author"]].tolist(), *(rows[name].tolist() for name in numbers), strict=True
        )
    ]
