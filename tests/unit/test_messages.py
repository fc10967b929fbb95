"""Messages come out as the records that a file would hold, whatever stands in their neighbours."""

import io
import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.publish import split
from flows.sample import write_sample
from flows.sources import Draft
from flows.sources.boundary import check_draft
from flows.sources.files import InputFile, open_decompressed
from flows.sources.known import SOURCES, find_source
from flows.streaming.messages import Message, read_messages

NOW, KEY = datetime(2027, 1, 1, tzinfo=UTC), b"key"
TWITTER = find_source("twitter")
POST = {"id": "1", "created_at": "2020-07-25T12:27:21.000Z", "text": "flu", "author_id": "7"}


def tweet(number: int, **changes: object) -> bytes:
    return json.dumps({**POST, "id": str(10**15 + number), **changes}).encode()


def count(draft: Draft) -> int:
    return draft.rows.num_rows + len(draft.rejects) + len(draft.notices) + draft.count_skipped


def read(messages: list[Message]) -> tuple[dict[int, str], dict[int, str]]:
    """Return offset → post id of what is let in, and offset → reason of what is not."""
    rows: dict[int, str] = {}
    rejects: dict[int, str] = {}
    for name, draft in read_messages(messages, TWITTER).items():
        chunk = check_draft(SOURCES[name].fields, draft, now=NOW, key=KEY)
        rows |= dict(zip(chunk.rows["byte_offset"].to_pylist(), chunk.rows["post_id"].to_pylist(), strict=True))
        rejects |= {reject.byte_offset: reject.reason for reject in chunk.rejects}
    return rows, rejects


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, posts=800, days=14, seed=5)
    return sorted(folder.glob("*.csv.gz"))


def messages_of(path: Path) -> list[Message]:
    with open_decompressed(InputFile(path)) as stream:
        return [Message(at, each.content, "twitter", each.header or b"") for at, each in enumerate(split(stream))]


def test_a_file_by_messages_is_the_file(sample: list[Path]) -> None:
    for path in sample:
        messages = messages_of(path)
        (draft,) = read_messages(messages, TWITTER).values()
        found = check_draft(TWITTER.fields, draft, now=NOW, key=KEY)
        with open_decompressed(InputFile(path)) as stream:
            drafts = list(TWITTER.parse(stream, chunk_records=10_000))
        wanted = [check_draft(TWITTER.fields, draft, now=NOW, key=KEY) for draft in drafts]
        rows = pa.concat_tables([chunk.rows for chunk in wanted])
        assert sorted(found.rows["record_hash"].to_pylist()) == sorted(rows["record_hash"].to_pylist())
        rejects = sorted((each.reason, each.record_bytes) for chunk in wanted for each in chunk.rejects)
        assert sorted((each.reason, each.record_bytes) for each in found.rejects) == rejects
        assert rejects
        assert len(found) == len(messages)
        held = [*found.rows["byte_offset"].to_pylist(), *(each.byte_offset for each in found.rejects)]
        assert sorted(held) == [message.offset for message in messages]


def test_the_bytes_of_a_file_are_the_bytes_of_its_messages(sample: list[Path]) -> None:
    for path in sample:
        with open_decompressed(InputFile(path)) as stream:
            content = stream.read()
        records = list(split(io.BytesIO(content)))  # type: ignore[arg-type]
        assert (records[0].header or b"") + b"".join(record.content for record in records) == content


POISON = {
    "cut": (tweet(1)[:-20], "not JSON"),
    "cut inside a quote": (b'{"id": "12", "text": "never ends', "not JSON"),
    "wrong types": (tweet(2, text=None), "text is missing"),
    "id as a float": (tweet(5).replace(b'"1000000000000005"', b"1.00e15"), "not exact"),
    "wrong encoding": (tweet(3).replace(b"flu", b"caf\xe9"), "not valid UTF-8"),
    "a megabyte of text": (tweet(4, text="x" * 1_150_000), "longer than"),
    "a megabyte of nothing": (b'{"a":' * 200_000, "nested too deeply"),
    "nothing": (b"", "blank record"),
    "white space": (b" \r\n", "blank record"),
    "no post": (b"[1]", "not a JSON object"),
    "binary": (bytes(range(256)), "neither JSON nor"),
}


@pytest.mark.parametrize("name", POISON)
def test_poison_is_refused_alone(name: str) -> None:
    poison, reason = POISON[name]
    messages = [Message(at, tweet(100 + at), "twitter") for at in range(40)]
    messages[17] = Message(17, poison, "twitter")
    rows, rejects = read(messages)
    assert sorted(rows) == [at for at in range(40) if at != 17]
    assert set(rejects) == {17}
    assert reason in rejects[17]


@pytest.mark.parametrize("cut", [b'"a, b', b'a,b,"c\n', b'"x"y"', b"one,two"])
def test_a_cut_csv_record_swallows_no_neighbour(cut: bytes, sample: list[Path]) -> None:
    messages = messages_of(sample[0])[:60]
    before = read(messages)
    messages[30] = Message(30, cut, "twitter", messages[0].header)
    rows, rejects = read(messages)
    assert 30 in rejects
    assert {at: name for at, name in rows.items() if at != 30} == {at: n for at, n in before[0].items() if at != 30}


def test_a_message_of_several_records_counts_each() -> None:
    several = tweet(1) + b"\n" + tweet(2) + b'\n{"cut'
    (draft,) = read_messages([Message(5, several, "twitter"), Message(6, tweet(3), "twitter")], TWITTER).values()
    places = list(zip(draft.rows["byte_offset"].to_pylist(), draft.rows["record_number"].to_pylist(), strict=True))
    assert sorted(places) == [(5, 1), (5, 2), (6, 1)]
    assert [(each.byte_offset, each.record_number, each.record_bytes) for each in draft.rejects] == [(5, 3, b'{"cut\n')]


def test_messages_of_several_sources_and_of_none_are_told_apart() -> None:
    reddit = b'{"id": "fcmbepk", "body": "flu", "created_utc": 1587168000, "author": "a", "link_id": "t3_x"}'
    messages = [Message(1, tweet(1), ""), Message(2, reddit, "reddit"), Message(3, tweet(2), "nobody")]
    drafts = read_messages(messages, TWITTER)
    assert {name: count(draft) for name, draft in drafts.items()} == {"twitter": 2, "reddit": 1}
    assert [reject.reason for reject in drafts["twitter"].rejects] == ["no source is named 'nobody'"]


@given(
    st.lists(st.binary(max_size=30) | st.sampled_from([tweet(1), b'{"delete":1}', b"{}", b'"', b"{}\n{}"]), max_size=30)
)
def test_every_message_ends_somewhere(values: list[bytes]) -> None:
    messages = [Message(at, value, "twitter") for at, value in enumerate(values)]
    together = read_messages(messages, TWITTER)
    alone = [draft for message in messages for draft in read_messages([message], TWITTER).values()]
    assert sum(map(count, together.values())) == sum(map(count, alone)) >= len(messages)
    reasons = sorted((r.byte_offset, r.reason) for draft in together.values() for r in draft.rejects)
    assert reasons == sorted((r.byte_offset, r.reason) for draft in alone for r in draft.rejects)


def test_a_hundredth_of_poison_is_found_wherever_it_stands() -> None:
    draws = random.Random(7)
    names = list(POISON)
    values = {at: POISON[draws.choice(names)][0] for at in draws.sample(range(2_000), 20)}
    messages = [Message(at, values.get(at, tweet(at)), "twitter") for at in range(2_000)]
    rows, rejects = read(messages)
    assert set(rejects) == set(values)
    assert len(rows) == 2_000 - len(values)
