"""News feeds: what an entry is in each kind of XML, what is refused, and that markup leaves nothing but words."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.errors import UnknownHeaderError
from flows.sources import Chunk, Kind
from flows.sources.boundary import check_draft
from flows.sources.feeds import MAX_FEED_BYTES, Feeds, plain_text, read_feed

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RSS = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom">
<channel><title>Outbreak news</title><link>https://health.example/</link><language>en</language>
<atom:link href="https://health.example/rss.xml" rel="self" type="application/rss+xml"/>
<item><guid isPermaLink="false">2020-DON229</guid><link>https://health.example/don/229</link>
<title>Cholera &amp; fever</title>
<description>&lt;p&gt;Cases &amp;lt; 5&lt;/p&gt;&lt;p&gt;No &lt;b&gt;deaths&lt;/b&gt;.&lt;/p&gt;</description>
<dc:creator>Ann Lee</dc:creator><category>Cholera</category><category>Africa</category>
<pubDate>Wed, 05 Feb 2020 01:00:00 +0100</pubDate>
<comments>https://health.example/don/229#talk</comments></item>
</channel></rss>
"""
ATOM = """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="fr"><title>Nouvelles</title><id>urn:feed</id>
<updated>2023-08-07T00:14:59Z</updated>
<entry><id>tag:sante.example,2023:1</id><title type="html">Grippe &lt;i&gt;saisonnière&lt;/i&gt;</title>
<link href="https://sante.example/1"/><author><name>Bo Ng</name><email>bo@sante.example</email></author>
<published>2023-08-06T02:00:00+02:00</published><updated>2023-08-07T00:14:59Z</updated>
<summary>Court.</summary>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Plus de cas</p><p>à Lyon</p></div></content></entry>
</feed>
"""
RDF = """<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://old.example/"><title>Old</title></channel>
<item rdf:about="https://old.example/7"><title>Dengue</title><link>https://old.example/7</link>
<description>Many.</description><dc:date>2012-05-01T10:00:00Z</dc:date></item></rdf:RDF>
"""


def read(content: bytes, chunk_records: int = 1_000) -> Chunk:
    drafts = Feeds().parse(io.BytesIO(content), chunk_records=chunk_records)
    chunks = [check_draft(Feeds.fields, draft, now=NOW, key=b"key") for draft in drafts]
    return Chunk(
        pa.concat_tables([chunk.rows for chunk in chunks]),
        [reject for chunk in chunks for reject in chunk.rejects],
    )


def only(content: bytes) -> dict[str, Any]:
    chunk = read(content)
    assert (chunk.rejects, chunk.rows.num_rows) == ([], 1)
    row: dict[str, Any] = chunk.rows.to_pylist()[0]
    return row


def test_an_item_of_rss_becomes_a_post() -> None:
    row = only(RSS.encode())
    assert {field.name: row[field.name] for field in Feeds.fields} == {
        "id": "2020-DON229", "title": "Cholera & fever", "text": "Cases < 5\nNo deaths.", "author": "Ann Lee",
        "url": "https://health.example/don/229", "published": "Wed, 05 Feb 2020 01:00:00 +0100", "updated": None,
        "language": "en", "feed_title": "Outbreak news", "feed_url": "https://health.example/rss.xml",
        "categories": '["Cholera","Africa"]',
    }  # fmt: skip
    assert row["posted_at"] == datetime(2020, 2, 5, tzinfo=UTC)
    assert json.loads(row["rescued"]) == {"comments": "https://health.example/don/229#talk"}


def test_an_entry_of_atom_becomes_a_post_with_its_whole_content() -> None:
    row = only(ATOM.encode())
    assert (row["post_id"], row["title"], row["text"]) == (
        "tag:sante.example,2023:1",
        "Grippe saisonnière",
        "Plus de cas\nà Lyon",
    )
    assert (row["author"], row["language"], row["updated"]) == ("Bo Ng", "fr", "2023-08-07T00:14:59Z")
    assert row["posted_at"] == datetime(2023, 8, 6, tzinfo=UTC)


def test_the_oldest_kind_of_rss_has_its_time_in_another_place() -> None:
    row = only(RDF.encode())
    assert (row["post_id"], row["posted_at"]) == ("https://old.example/7", datetime(2012, 5, 1, 10, tzinfo=UTC))


def test_an_author_is_a_name_that_the_policy_hides() -> None:
    assert {field.name: field.kind for field in Feeds.fields}["author"] is Kind.AUTHOR_NAME


def test_an_id_that_is_no_uri_is_the_feeds_own() -> None:
    assert only(RSS.encode())["post_id"] == "https://health.example/rss.xml#2020-DON229"


def test_an_entry_without_an_id_is_known_by_its_address() -> None:
    content = RSS.replace('<guid isPermaLink="false">2020-DON229</guid>', "")
    assert only(content.encode())["post_id"] == "https://health.example/don/229"


def test_an_entry_that_is_a_title_only_has_an_empty_text() -> None:
    begin, end = RSS.index("<description>"), RSS.index("<dc:creator>")
    assert only((RSS[:begin] + RSS[end:]).encode())["text"] == ""


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("<pubDate>Wed, 05 Feb 2020 01:00:00 +0100</pubDate>", "", "date is not a timestamp"),
        ("Wed, 05 Feb 2020", "Wed, 05 Feb 1970", "date lies before 1990"),
        ("Cholera &amp; fever", '=HYPERLINK("x")', "title holds a spreadsheet formula"),
    ],
)
def test_an_entry_that_breaks_the_contract_is_kept_with_its_reason(old: str, new: str, reason: str) -> None:
    (reject,) = read(RSS.replace(old, new).encode()).rejects
    assert reject.reason == reason
    assert json.loads(reject.record_bytes)["id"] == "2020-DON229"


def test_a_time_that_only_feedparser_can_read_is_spelt_anew() -> None:
    row = only(RSS.replace("Wed, 05 Feb 2020 01:00:00 +0100", "Wed, 2020/02/05 01:00:00 EST").encode())
    assert (row["published"], row["posted_at"].hour) == ("2020-02-05T06:00:00+00:00", 6)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "iso-8859-1", "utf-16"])
def test_the_encoding_is_the_one_that_the_document_names(encoding: str) -> None:
    named = ATOM.replace('encoding="utf-8"', f'encoding="{encoding.removesuffix("-sig")}"')
    assert only(named.encode(encoding))["title"] == "Grippe saisonnière"


def test_a_damaged_feed_still_gives_its_entries() -> None:
    damaged = RSS.replace("Cholera &amp; fever", "Cholera & &nbsp;fever").replace(
        "</channel></rss>", "<item><title>Cut"
    )
    chunk = read(damaged.encode())
    assert chunk.rows["id"].to_pylist() == ["2020-DON229"]
    assert "id is missing" in chunk.rejects[0].reason


def test_a_feed_without_entries_is_a_feed() -> None:
    assert read_feed(b'<?xml version="1.0"?><rss version="2.0"><channel><title>New</title></channel></rss>') == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"<html><body>Not found</body></html>",
        b"<rss",
        b"/etc/hostname",
        b"http://127.0.0.1:9/feed",
        b"\x00" * 99,
    ],
    ids=["empty", "words", "a page", "cut", "a path", "an address", "zeros"],
)
def test_what_is_no_feed_is_refused(content: bytes) -> None:
    with pytest.raises(UnknownHeaderError, match="It is no feed: give a document of RSS or Atom"):
        read(content)


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><rss version="2.0"><channel/></rss>'
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-7", "cp037"])
def test_a_feed_that_declares_entities_is_refused_however_it_is_encoded(encoding: str) -> None:
    declared, body = f'<?xml version="1.0" encoding="{encoding}"?>', BOMB.partition("?>")[2]
    readable = "ascii" if encoding == "utf-7" else encoding
    whole = (declared + body).encode(encoding) if readable == encoding else declared.encode() + body.encode(encoding)
    with pytest.raises(UnknownHeaderError, match="declares entities"):
        read_feed(whole)


def test_a_document_type_without_entities_is_no_harm() -> None:
    old = '<?xml version="1.0"?>\n<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://127.0.0.1:9/rss.dtd">\n'
    assert only((old + RSS.partition("?>")[2]).encode())["id"] == "2020-DON229"


def test_a_feed_beyond_all_measure_is_refused() -> None:
    with pytest.raises(UnknownHeaderError, match="larger than 64,000,000 bytes"):
        read(b"<" * (MAX_FEED_BYTES + 1))


@pytest.mark.parametrize("piece", ["<a ", "<a href='", "<!--", "<", "<script>", "&", "</", "<!", "<![CDATA["])
def test_markup_without_end_takes_no_longer_than_it_is(piece: str) -> None:
    assert len(plain_text(piece * 100_000)) <= len(piece) * 100_000


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8")))
def test_plain_text_has_no_tags_and_no_blank_lines(markup: str) -> None:
    text = plain_text(f"<p>{markup.replace('<', '').replace('>', '').replace('&', '')}</p>")
    assert "<" not in text
    assert all(line.strip() == line != "" for line in text.splitlines())


def test_lines_of_json_are_entries_too() -> None:
    entry = {"id": "tag:x,2020:1", "title": "a < b", "published": "2020-02-05", "categories": ["x"], "mood": "calm"}
    chunk = read(json.dumps(entry).encode() + b"\n{broken\n" + json.dumps({**entry, "id": None}).encode())
    assert [(row["title"], row["rescued"]) for row in chunk.rows.to_pylist()] == [("a < b", '{"mood": "calm"}')]
    assert [reject.record_number for reject in chunk.rejects] == [2, 3]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
ROW = st.fixed_dictionaries(
    {"id": st.uuids().map(lambda own: own.urn), "title": TEXT, "text": TEXT | st.just("")},
    optional={
        "url": TEXT, "author": TEXT, "language": TEXT, "feed_title": TEXT, "feed_url": TEXT, "categories": TEXT,
        "published": st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat), "updated": TEXT,
    },
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(ROW, min_size=1, max_size=5))
def test_what_is_rendered_is_read_again_field_for_field(rows: list[dict[str, str | None]]) -> None:
    (draft,) = Feeds().parse(io.BytesIO(Feeds().render(rows)), chunk_records=9)
    names = [field.name for field in Feeds.fields]
    assert [{name: row[name] for name in names} for row in draft.rows.to_pylist()] == [
        {name: row.get(name) for name in names} for row in rows
    ]


@pytest.mark.parametrize("chunk_records", [1, 2, 100])
def test_the_size_of_chunks_changes_nothing(chunk_records: int) -> None:
    item = RSS[RSS.index("<item>") : RSS.index("</channel>")]
    content = RSS.replace(item, "".join(item.replace("DON229", f"DON{n}") for n in range(5)))
    assert read(content.encode(), chunk_records).rows["id"].to_pylist() == [f"2020-DON{n}" for n in range(5)]
