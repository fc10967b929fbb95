"""The same files in any order, with builds at any moments between them, make the same tables."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from flows.lake.purge import list_tables
from flows.lake.tables import query
from flows.settings import Settings
from flows.sources.twitter import Twitter

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.slow]

ARRIVAL = {
    "batch_id", "first_noticed_at", "first_seen_at", "ingested_at", "last_noticed_at", "last_seen_at",
    "sentiment_scored_at", "clustered_at",
}  # fmt: skip
"""Columns that tell when something came, and so may differ."""
Object = dict[str, Any]


def tweet(post_id: str, clock: str, author: str, followers: int, text: str, **more: Any) -> Object:
    """Return a tweet of API v1.1, of 2020-12-20."""
    user = {"id_str": f"9{len(author)}", "screen_name": author.lower(), "name": author, "followers_count": followers,
            "created_at": "Wed Apr 08 17:52:46 +0000 2009", "location": "Lagos", "verified": False}  # fmt: skip
    return {"id_str": post_id, "created_at": f"Sun Dec 20 {clock} +0000 2020", "text": text, "user": user, **more}


def status(  # noqa: PLR0917 - a table of statuses is read by its columns
    instance: str, local_id: str, name: str, clock: str, author: str, followers: int, **more: Any
) -> Object:
    """Return a status as an instance gives it; `name` is its address, the same on each."""
    account = {"id": "3", "acct": author, "uri": f"https://home.example/users/{author}", "followers_count": followers,
               "created_at": "2019-01-01T00:00:00.000Z", "display_name": author}  # fmt: skip
    return {"instance": instance, "id": local_id, "uri": f"https://home.example/p/{name}", "visibility": "public",
            "created_at": f"2020-12-{clock}.000Z", "content": f"<p>fever {name}</p>", "account": account,
            **more}  # fmt: skip


def event(key: str, did: str, created: str, seen_us: int, **more: Any) -> Object:
    """Return the event of Jetstream that a post was made."""
    record = {"$type": "app.bsky.feed.post", "createdAt": created, "text": f"cough {key}", "langs": ["en"], **more}
    commit = {"operation": "create", "collection": "app.bsky.feed.post", "rkey": key, "cid": key, "record": record}
    return {"did": did, "time_us": seen_us, "kind": "commit", "commit": commit}


def thing(name: str, **more: Any) -> Object:
    """Return a post of Reddit, a comment if its name says so."""
    texts = {"body": f"cold {name}"} if name.startswith("t1_") else {"title": f"cold {name}", "selftext": ""}
    return {"id": name[3:], "name": name, "author": "ann", "author_fullname": "t2_ann", "created_utc": 1608400000,
            "subreddit": "Atlantis", **texts, **more}  # fmt: skip


ORIGINAL = tweet("100", "06:00:00", "Ana", 10, "fever", retweet_count=2,
                 edit_history={"initial_tweet_id": "99", "edit_tweet_ids": ["99", "100"]})  # fmt: skip
LINKED = {"urls": [{"expanded_url": "https://www.news.example/a"}], "user_mentions": [{"screen_name": "Ben"}],
          "hashtags": [{"text": "Flu"}]}  # fmt: skip
REPEAT = tweet("200", "07:00:00", "Ben", 5, "RT @ana: fever", retweeted_status=ORIGINAL)
SPREADSHEETS = {
    "id": "104", "user_name": "#NAME?", "user_created": "08-04-2009 17:52", "user_followers": "999",
    "date": "20-12-2020 09:00", "text": "still", "retweets": "50", "favorites": "9",
}  # fmt: skip
"""A worse copy of a tweet, without seconds and name, for all its higher counts."""
MIDNIGHT_US = 1_608_508_800_000_000
"""2020-12-21, in microseconds since 1970."""
WANDERER = event("wanders", "did:plc:ann", "2020-12-25T00:00:00Z", MIDNIGHT_US - 1)
"""A post from the future: it counts for the day on which it was seen, which two servers tell differently."""

LOADS: tuple[tuple[tuple[str, list[Object] | bytes], ...], ...] = (
    (
        ("twitter", [
            REPEAT, REPEAT,
            tweet("105", "10:00:00", "Ana", 12, "and more", entities=LINKED, in_reply_to_status_id_str="99"),
            {"delete": {"status": {"id_str": "103", "user_id_str": "93"}}},
        ]),
        ("mastodon", [
            status("m.example", "11", "reblog", "20T08:00:00", "eva", 7,
                   reblog=status("m.example", "10", "first", "20T06:00:00", "dan", 70)),
            status("n.example", "95", "reply", "20T09:00:00", "eva", 8, in_reply_to_id="90"),
        ]),
    ),
    (
        ("twitter", [
            ORIGINAL, {**REPEAT, "retweet_count": 4},
            tweet("103", "08:00:00", "Ana", 99, "taken back", entities=LINKED),
            tweet("104", "09:00:01", "Ana", 10, "still", retweet_count=1),
        ]),
    ),
    (
        ("twitter", Twitter().render([SPREADSHEETS])),
        ("mastodon", [
            status("m.example", "10", "first", "20T06:00:00", "dan", 70, reblogs_count=3),
            {"event": "delete", "payload": "77", "instance": "n.example"},
            status("m.example", "17", "gone", "20T10:00:00", "eva", 8),
        ]),
    ),
    (
        ("bluesky", [
            WANDERER, event("reply", "did:plc:bo", "2020-12-21T01:00:00Z", MIDNIGHT_US + 9_000_000_000, reply={
                "parent": {"uri": "at://did:plc:ann/app.bsky.feed.post/wanders"},
                "root": {"uri": "at://did:plc:ann/app.bsky.feed.post/wanders"}}),
            {"did": "did:plc:cy", "time_us": MIDNIGHT_US, "kind": "account",
             "account": {"active": False, "status": "deleted"}},
            event("after", "did:plc:cy", "2020-12-22T00:00:00Z", MIDNIGHT_US + 99_000_000_000),
        ]),
        ("reddit", [thing("t1_c", parent_id="t3_a", link_id="t3_a"), thing("t3_b", crosspost_parent="t3_a")]),
    ),
    (
        ("mastodon", [
            status("n.example", "90", "first", "20T06:00:00", "dan", 72, edited_at="2020-12-20T07:00:00.000Z"),
            status("n.example", "77", "gone", "20T10:00:00", "eva", 9),
        ]),
        ("bluesky", [
            {"uri": "at://did:plc:ann/app.bsky.feed.post/wanders", "cid": "wanders", "author": {"did": "did:plc:ann"},
             "record": WANDERER["commit"]["record"], "indexedAt": "2020-12-21T00:00:05Z", "repostCount": 1,
             "likeCount": 1},
            event("before", "did:plc:cy", "2020-12-20T00:00:00Z", MIDNIGHT_US - 9_000_000_000),
        ]),
        ("reddit", [thing("t3_a", url="https://clinic.example/"), thing("t1_d", parent_id="t1_c", link_id="t3_a"),
                    thing("t1_d", body="[deleted]", author="[deleted]")]),
    ),
)  # fmt: skip
"""Five loads: source and records of each file. What refers comes before what it refers to, and notices before posts."""
IN_ORDER = list(range(len(LOADS)))


def ingest_load(number: int, folder: Path) -> None:
    from flows.ingest import ingest

    for source, content in LOADS[number]:
        file = folder / f"{number}-{source}"
        lines = (
            content if isinstance(content, bytes) else b"".join(json.dumps(each).encode() + b"\n" for each in content)
        )
        file.write_bytes(lines)
        counts = ingest([str(file)], source)
        assert counts["count_rejected"] == 0, f"{file.name}: {counts}"


def read_lake(installation: Settings) -> dict[str, list[str]]:
    """Return table → its rows without the columns of arrival, sorted."""
    tables = {}
    for name in list_tables(installation, ("curated", "refined")):
        rows = query(installation, name, "select * from rows")
        told = [{key: value for key, value in row.items() if key not in ARRIVAL} for row in rows]
        tables[name] = sorted(repr(sorted(row.items())) for row in told)
    return tables


Fill = Callable[..., Settings]


@pytest.fixture(scope="module")
def fill(make_home: Callable[[str], Path], move_to: Callable[[Path], Settings], spark: "SparkSession") -> Fill:
    """Fill an empty lake with the loads in some order, with the models built after some of them and at the end.

    Their data tests are run where `is_tested`.
    """
    from flows.build import build, invoke_dbt, refuse_faults
    from flows.lake.locks import build_turn
    from flows.lake.session import attach_lake, restore_ansi

    def build_models(installation: Settings) -> None:
        attach_lake(spark, installation)
        with build_turn(spark, installation):
            refuse_faults(installation, invoke_dbt(installation, ["run"]))
        restore_ansi(spark)

    def load(order: list[int], build_after: set[int], *, is_tested: bool = False) -> Settings:
        home = make_home("order")
        installation = move_to(home)
        for place, number in enumerate(order):
            ingest_load(number, home)
            if place in build_after:
                build_models(installation)
        if is_tested:
            build()
        else:
            build_models(installation)
        return installation

    return load


@pytest.fixture(scope="module")
def at_once(fill: Fill) -> tuple[Settings, dict[str, list[str]]]:
    """The lake of one build, after all loads in the order in which they stand here, and its tables.

    Its data tests are run too: what equals these tables has passed them.
    """
    installation = fill(IN_ORDER, set(), is_tested=True)
    return installation, read_lake(installation)


def test_every_table_has_something_to_compare(at_once: tuple[Settings, dict[str, list[str]]]) -> None:
    tables = at_once[1]
    reached = {name: len(rows) for name, rows in tables.items() if name.startswith("curated.")}
    without_posts = {"curated.curated_feeds_posts", "curated.curated_official_counts"}
    assert {name for name, count in reached.items() if not count} == without_posts
    assert tables["refined.refined_posts"]


def test_what_a_post_repeats_quotes_or_answers_joins_the_post(
    at_once: tuple[Settings, dict[str, list[str]]], move_to: Callable[[Path], Settings], spark: "SparkSession"
) -> None:
    move_to(at_once[0].home)
    found = spark.sql("""
        select posts.source, posts.text, referred.text
        from curated.curated_posts as posts
        inner join curated.curated_post_names as names
            on posts.source = names.source and coalesce(posts.repeats_post_id, posts.answers_post_id) = names.known_as
        inner join curated.curated_posts as referred
            on names.source = referred.source and names.post_id = referred.post_id
    """)
    assert sorted(map(tuple, found.collect())) == [
        ("bluesky", "cough reply", "cough wanders"),
        ("mastodon", "fever first", "fever first"),
        ("mastodon", "fever reply", "fever first"),
        ("reddit", "cold t1_c", "cold t3_a"),
        ("reddit", "cold t3_b", "cold t3_a"),
        ("twitter", "RT @user: fever", "fever"),
        ("twitter", "and more", "fever"),
    ]


def test_a_retweets_reference_is_the_originals_post_id(at_once: tuple[Settings, dict[str, list[str]]]) -> None:
    rows = query(at_once[0], "curated.curated_posts", "select post_id, repeats_post_id from rows where is_retweet")
    assert {row["post_id"]: row["repeats_post_id"] for row in rows if row["post_id"] == "200"} == {"200": "99"}
    held = query(at_once[0], "curated.curated_posts", "select text from rows where post_id = '99'")
    assert held == [{"text": "fever"}]


def test_what_was_taken_back_is_in_no_table(at_once: tuple[Settings, dict[str, list[str]]]) -> None:
    deleted = query(at_once[0], "curated.curated_deleted_posts", "select source, count_captures from rows")
    assert sorted((row["source"], row["count_captures"]) for row in deleted) == [
        ("bluesky", 1), ("mastodon", 2), ("reddit", 1), ("twitter", 1)
    ]  # fmt: skip
    texts = " ".join(at_once[1]["curated.curated_posts"])
    for gone in ("taken back", "fever gone", "cough before", "cold t1_d"):
        assert gone not in texts
    assert "cough after" in texts


def test_an_authors_history_is_that_of_the_posts(at_once: tuple[Settings, dict[str, list[str]]]) -> None:
    rows = query(
        at_once[0],
        "curated.curated_author_versions",
        "select user_followers, is_current, count_captures from rows "
        "where source = 'twitter' and user_followers in (10, 12, 99) order by valid_from",
    )
    assert [(row["user_followers"], row["is_current"]) for row in rows] == [(10, False), (12, True)]
    assert [row["count_captures"] for row in rows] == [3, 1]  # the worse copy stands behind the better one


# threads of Prefect draw random numbers while hypothesis draws an order
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
def test_any_order_and_any_moments_of_building_make_the_same_tables(
    at_once: tuple[Settings, dict[str, list[str]]], fill: Fill
) -> None:
    expected = at_once[1]

    @settings(
        max_examples=5,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @example(order=IN_ORDER[::-1], build_after={1})
    @given(
        order=st.permutations(IN_ORDER).filter(lambda order: order != IN_ORDER),
        build_after=st.sets(st.integers(0, len(LOADS) - 2), min_size=1, max_size=2),
    )
    def make_the_same(order: list[int], build_after: set[int]) -> None:
        found = read_lake(fill(order, build_after))
        assert found.keys() == expected.keys()
        for name, rows in found.items():
            assert rows == expected[name], f"{name} is another after {order} with builds after {sorted(build_after)}"

    make_the_same()
