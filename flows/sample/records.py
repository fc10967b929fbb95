"""Records: rows of whole numbers written out as CSV. Nothing is drawn here."""

import numpy as np

from flows.sample.defects import Defect, spoil_record
from flows.sample.layout import quote_field
from flows.sample.phrasebook import Phrasebook
from flows.sample.phrases import EMOJI, SEPARATORS, SOURCES, URL_PREFIX
from flows.sample.posts import Rows, World, posted_at

_EMOJI_TEXTS = ("", *(f" {emoji}" for emoji in EMOJI))
_VERIFIED_TEXTS = ("False", "True")


def render_rows(world: World, rows: Rows) -> tuple[list[bytes], dict[int, str]]:
    """Write rows as CSV records in UTF-8 with their line ends.

    Returns:
        The records, and for each malformed one its index and the reason it must be rejected with.
    """
    sound = _render_sound(world, rows)
    records = [record.encode() for record in sound]
    reasons: dict[int, str] = {}
    for index in np.flatnonzero(rows["defect"]).tolist():
        variant = int(posted_at(rows["id"][index : index + 1]).astype(np.int64)[0])
        records[index], reasons[index] = spoil_record(sound[index], Defect(int(rows["defect"][index])), variant)
    return records, reasons


def render_texts(book: Phrasebook, rows: Rows) -> list[str]:
    """Join the parts of each text: statement, feeling, mention, emoji, hashtags, address; quoted for CSV."""
    return [
        quote_field(
            book.statements[statement]
            + SEPARATORS[separator]
            + book.feelings[feeling]
            + book.mentions[mention]
            + _EMOJI_TEXTS[emoji]
            + book.tag_texts[tags]
            + (URL_PREFIX + url.decode() if url else "")
        )
        for statement, separator, feeling, mention, emoji, tags, url in zip(
            *(rows[name].tolist() for name in ("statement", "separator", "feeling", "mention", "emoji", "tags", "url")),
            strict=True,
        )
    ]


def _render_sound(world: World, rows: Rows) -> list[str]:
    authors, book, author = world.authors, world.phrasebook, rows["author"]
    dates = np.datetime_as_string(posted_at(rows["id"]), unit="s").tolist()
    columns = zip(
        rows["id"].tolist(),
        author.tolist(),
        rows["followers"].tolist(),
        authors.friends[author].tolist(),
        authors.favourites[author].tolist(),
        authors.is_verified[author].tolist(),
        dates,
        render_texts(book, rows),
        rows["tags"].tolist(),
        rows["source"].tolist(),
        rows["retweets"].tolist(),
        rows["favorites"].tolist(),
        strict=True,
    )
    return [
        f"{post_id},{authors.profiles[who]},{followers},{friends},{favourites},{_VERIFIED_TEXTS[verified]},"
        f"{date[:10]} {date[11:]},{text},{book.tag_lists[tags]},{SOURCES[source]},{retweets},{likes},False\r\n"
        for post_id, who, followers, friends, favourites, verified, date, text, tags, source, retweets, likes in columns
    ]
