"""Entries of news feeds, such as the World Health Organization's Disease Outbreak News: RSS and Atom of any version.

feedparser reads the XML, from memory and never from an address; an entry is then a JSON object with the names of the
fields, which is also the spelling of collected pages and of `render`.
"""

import html
import io
import json
import re
from calendar import timegm
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO, cast

from flows.errors import UnknownHeaderError
from flows.sources import Draft, Field, Kind
from flows.sources.drafts import ObjectRecord, ReadPost, as_text, draft_objects, read_iso_time, rescue
from flows.sources.json_records import read_json_records

MAX_FEED_BYTES = 64_000_000

FIELDS = (
    Field("id", Kind.POST_ID, "The entry's own id as its feed spells it; its address if it has none."),
    Field("title", Kind.TEXT, "Title as plain text."),
    Field("text", Kind.TEXT, "Content as plain text, else the summary; empty if the entry is a title only."),
    Field("url", Kind.URL, "Address of the entry's page."),
    Field("author", Kind.AUTHOR_NAME, "Names of the authors; null if the feed names none."),
    Field("published", Kind.TIME, "When the entry was first published."),
    Field("updated", Kind.TIME, "When the entry was last changed."),
    Field("language", Kind.LABEL, "Language as the feed states it, a BCP 47 tag."),
    Field("feed_title", Kind.LABEL, "Title of the feed."),
    Field("feed_url", Kind.URL, "Address of the feed."),
    Field("categories", Kind.LABEL, "Categories, a JSON list."),
)
NAMES = tuple(field.name for field in FIELDS)

READ_NAMES = frozenset(
    {
        *NAMES, "guidislink", "link", "links", "title_detail", "summary", "summary_detail", "content", "authors",
        "author_detail", "published_parsed", "updated_parsed", "tags",
    }
)  # fmt: skip
"""What feedparser makes of the elements that the fields are read from: the rest of an entry is rescued."""
BLOCKS = frozenset({"br", "p", "div", "li", "ul", "ol", "tr", "table", "blockquote", "h1", "h2", "h3", "h4"})
"""Elements of HTML that begin and end a line."""

# Each of these reads any text in one pass: the standard library's `html.parser` takes minutes for some of 100 kB.
_TAG = re.compile(r"<(?:(!--)|(/?[a-zA-Z][a-zA-Z0-9]*+)[^<>]*+>|[!?][^<>]*+>)")
_END = {
    "!--": re.compile("-->"),
    "script": re.compile(r"(?i)</script[^<>]*+>"),
    "style": re.compile(r"(?i)</style[^<>]*+>"),
}
"""What ends the markup that shows nothing."""
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class Feeds:
    """One record is one entry of a feed: a document of XML, or lines of JSON with the fields' names."""

    name = "feeds"
    fields = FIELDS

    def parse(self, stream: BinaryIO, *, chunk_records: int) -> Iterator[Draft]:
        """Yield the entries of one stream in drafts; see `Source.parse`."""
        peekable = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", stream))
        is_json = peekable.peek(1).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")
        records = read_json_records(peekable) if is_json else read_xml_records(peekable)
        yield from draft_objects(FIELDS, records, read_entry, chunk_records=chunk_records)

    def render(self, rows: list[dict[str, str | None]]) -> bytes:
        """Return entries as lines of JSON; see `Source.render`."""
        return b"".join(spell_entry({name: held for name, held in row.items() if held is not None}) for row in rows)


def spell_entry(entry: dict[str, Any]) -> bytes:
    r"""Return an entry as a line of JSON.

    >>> spell_entry({"id": "2020-DON229", "title": "Cholera"})
    b'{"id": "2020-DON229", "title": "Cholera"}\n'
    """
    return json.dumps(entry, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def read_xml_records(stream: BinaryIO) -> Iterator[ObjectRecord]:
    """Yield the entries of one document; they have no bytes of their own in it, so each is kept as JSON."""
    content = stream.read(MAX_FEED_BYTES + 1)
    for number, entry in enumerate(read_feed(content), 1):
        yield ObjectRecord(number, 0, spell_entry(entry), entry)


def read_feed(content: bytes, address: str | None = None) -> list[dict[str, Any]]:
    """Return the entries of a feed by the fields' names, with whatever else they hold.

    Args:
        content: One document of RSS or Atom; a damaged one yields the entries that can be read.
        address: Where it was fetched from, for feeds that do not say so themselves.

    Raises:
        UnknownHeaderError: It is no feed, too large, or declares entities, which could grow without bound.
    """
    import feedparser  # type: ignore[import-untyped]
    from feedparser.encodings import convert_to_utf8  # type: ignore[import-untyped]

    if len(content) > MAX_FEED_BYTES:
        raise UnknownHeaderError(f"The feed is larger than {MAX_FEED_BYTES:,} bytes, as no feed is: give a part of it.")
    decoded = convert_to_utf8({}, content, {}) if content else content  # so that no encoding hides a declaration
    if b"<!ENTITY" in decoded:
        raise UnknownHeaderError("The feed declares entities, by which it could grow without bound: take them out.")
    # Relative addresses and unsafe elements need no care of feedparser's, as all markup is taken out here.
    found = feedparser.parse(io.BytesIO(decoded), sanitize_html=False, resolve_relative_uris=False)
    if not found.entries and (found.bozo or not found.get("version")):
        raise UnknownHeaderError("It is no feed: give a document of RSS or Atom, or lines of JSON that hold entries.")
    return [_name_entry(dict(entry), dict(found.feed), address) for entry in found.entries]


def _name_entry(entry: dict[str, Any], feed: dict[str, Any], address: str | None) -> dict[str, Any]:
    """Return an entry of feedparser's by the fields' names; absent ones are left out."""
    body = (entry.get("content") or [entry.get("summary_detail") or {}])[0]
    title = entry.get("title_detail") or {}
    own_addresses = [link.get("href") for link in feed.get("links", []) if link.get("rel") == "self"]
    named = {
        "id": "%20".join((entry.get("id") or entry.get("link") or "").split()),
        "title": _plain(title),
        "text": _plain(body),
        "url": entry.get("link"),
        "author": ", ".join(dict.fromkeys(who["name"] for who in entry.get("authors", []) if who.get("name"))),
        "published": _spell_time(entry, "published"),
        "updated": _spell_time(entry, "updated"),
        "language": body.get("language") or title.get("language") or feed.get("language"),
        "feed_title": feed.get("title"),
        "feed_url": (own_addresses or [address])[0],
        "categories": [tag["term"] for tag in entry.get("tags", []) if tag.get("term")],
    }
    rest = {name: held for name, held in entry.items() if name not in READ_NAMES and not name.endswith("_detail")}
    enclosed = [link for link in entry.get("links", []) if link.get("rel") != "alternate"]
    return {name: held for name, held in {**rest, "links": enclosed, **named}.items() if held}


def _plain(detail: dict[str, Any]) -> str | None:
    """Return a text of feedparser's without markup, if it has any."""
    value = detail.get("value")
    return plain_text(value) if value and "html" in detail.get("type", "") else value


def plain_text(markup: str) -> str:
    r"""Return what a piece of HTML says, a line for each of its blocks.

    >>> plain_text("<p>Cases &lt; 5,<br/>deaths 0</p><script>if (a < b) {}</script><!-- draft --><P>No  more.")
    'Cases < 5,\ndeaths 0\nNo more.'
    """
    kept, at = [], 0
    while tag := _TAG.search(markup, at):
        name = (tag[1] or tag[2] or "").lower()
        kept += [markup[at : tag.start()], "\n" if name.removeprefix("/") in BLOCKS else ""]
        at = tag.end()
        if name in _END:
            end = _END[name].search(markup, at)
            at = end.end() if end else len(markup)
    lines = html.unescape("".join([*kept, markup[at:]])).splitlines()
    return "\n".join(words for line in lines if (words := " ".join(line.split())))


def _spell_time(entry: dict[str, Any], name: str) -> str | None:
    """Return a time as the feed spells it; in ISO 8601 if only feedparser can read it."""
    spelling, parsed = entry.get(name), entry.get(f"{name}_parsed")
    if parsed and not read_time(spelling):
        return datetime.fromtimestamp(timegm(parsed), UTC).isoformat()
    return spelling


def read_time(spelling: str | None) -> datetime | None:
    """Return the moment of an ISO 8601 or RFC 822 spelling in UTC, which is assumed if it names no zone; else None.

    >>> read_time("Wed, 05 Feb 2020 01:00:00 +0100") == read_time("2020-02-05T00:00:00Z"), read_time("soon")
    (True, None)
    """
    if moment := read_iso_time(spelling):
        return moment
    try:
        moment = parsedate_to_datetime(spelling or "")
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def read_entry(entry: dict[str, Any]) -> ReadPost:
    """Read one entry."""
    values = {name: as_text(entry.get(name)) for name in NAMES}
    if values["title"]:
        values["text"] = values["text"] or ""
    posted_at = read_time(values["published"]) or read_time(values["updated"])
    return ReadPost(identify_entry(values), posted_at, values, rescue(entry, frozenset(NAMES)))


def identify_entry(values: dict[str, str | None]) -> str | None:
    """Return the identity of an entry: an id that is no URI is unique within its feed only.

    >>> identify_entry({"id": "229", "feed_url": "https://who.int/rss"}), identify_entry({"id": "tag:who.int,2020:229"})
    ('https://who.int/rss#229', 'tag:who.int,2020:229')
    """
    own, feed = values["id"], values.get("feed_url")
    return own if not own or not feed or _URI.match(own) else f"{feed}#{own}"
