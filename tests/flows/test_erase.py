"""A person who asks to be forgotten is: hidden from the first write on, and gone from every file after the erasure."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.erasure_requests import read_rejects, request_erasure
from flows.lake.contracts import DELETIONS
from flows.lake.tables import append_rows, query
from flows.sample import write_sample
from flows.settings import Settings
from flows.sources.twitter import Twitter

NAME, HANDLE, MAIL, PHONE = "Zebulina Quackenbush", "zebuquack", "zebu.quack@example.org", "+49 30 90182473"
SAYING = "wombat measles in my street since tuesday"
ECHO = f"here: {SAYING}, write to or call".replace(" ", "  ")
"""What another person tells of it: the same story, which is called by the first who told it."""
IDS = ("1444000000000000001", "1444000000000000002")
DELETED_ID = "1444000000000000003"
HIDDEN = (NAME, HANDLE, MAIL, PHONE, "nurse of wombats", "drwombat")


def canary(post_id: str, text: str, **fields: str) -> dict[str, str | None]:
    return {
        "id": post_id, "user_name": NAME, "user_screen_name": HANDLE, "user_location": "12 Elm Rd, Springfield",
        "user_description": "nurse of wombats", "user_created": "2011-03-05 11:22:33", "user_followers": "10",
        "user_friends": "20", "user_favourites": "30", "user_verified": "False", "date": "2026-01-20 10:00:00",
        "text": text, "hashtags": "['wombatfever']", "source": "web", "retweets": "1", "favorites": "0",
        "is_retweet": "False", "mentions": "drwombat", "urls": "https://wombats.example/fever", **fields,
    }  # fmt: skip


def search(home: Path, *needles: str) -> dict[str, list[str]]:
    """Return needle → files below a home that hold it, in any case, as bytes or in a column of a Parquet file."""
    found: dict[str, list[str]] = {}
    for file in filter(Path.is_file, home.rglob("*")):
        content = b"\n".join(read_all(file)).lower()
        for needle in needles:
            if needle.lower().encode() in content:
                found.setdefault(needle, []).append(str(file.relative_to(home)))
    return found


def read_all(file: Path) -> Iterator[bytes]:
    import pyarrow.parquet as pq

    yield file.read_bytes()
    if file.suffix == ".parquet":
        with pq.ParquetFile(file) as rows:
            for batch in rows.iter_batches():
                for column in batch.columns:
                    yield repr(column.to_pylist()).encode()


@pytest.fixture(scope="module")
def lake(
    make_home: Callable[[str], Path], move_to: Callable[[Path], Settings], tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """A lake in which the pipeline has run on a small sample and on a person's posts, one of them malformed."""
    from flows.pipeline import pipeline

    folder = tmp_path_factory.mktemp("posts")
    write_sample(folder, posts=1_500, days=20)
    spoken = f"{NAME} here, @{HANDLE}: {SAYING}, write to {MAIL} or call {PHONE}"
    posts = [
        canary(IDS[0], spoken),
        canary(IDS[1], f"again: {SAYING}", date="2026-01-21 10:00:00"),
        canary(DELETED_ID, "gone by notice, as the measles are", user_name="Ann Other", user_screen_name="annother"),
        canary("1444000000000000004", spoken, date="yesterday"),
        canary("1444000000000000005", ECHO, user_name="Ben Other", user_screen_name="benother"),
    ]
    (folder / "canary.csv").write_bytes(Twitter().render(posts))
    settings = move_to(make_home("erase"))
    pipeline([str(folder)])
    return settings


def held_ids(settings: Settings, table: str) -> set[str]:
    return {row["post_id"] for row in query(settings, table, "select post_id from rows where post_id like '1444%'")}


def test_what_the_policy_hides_is_in_no_file(lake: Settings) -> None:
    assert search(lake.home, *HIDDEN) == {}
    assert set(search(lake.home, SAYING)) == {SAYING}
    rows = query(lake, "raw.twitter_posts", f"select * from rows where post_id = '{IDS[0]}'")
    assert rows[0]["text"] == f"[name] here, @user: {SAYING}, write to [email] or call [phone]"
    assert rows[0]["user_name"].startswith("hmac:")
    assert (rows[0]["user_description"], rows[0]["user_location"]) == (None, "Elm Rd, Springfield")
    assert rows[0]["user_created"] == "2011-03-05 00:00:00"


def test_a_refused_record_is_kept_whole_under_seal(lake: Settings) -> None:
    from flows.privacy.secret import load_secret

    records = [content for row, content in read_rejects(lake, load_secret(lake), "reason = 'date is not a timestamp'")]
    (mine,) = [content for content in records if NAME.encode() in content]
    (fields,) = csv.reader(io.StringIO(mine.decode()))
    assert MAIL in fields[10] or any(MAIL in field for field in fields)


def test_a_sources_notice_takes_the_post_out_of_every_table_with_the_next_build(lake: Settings) -> None:
    from flows.build import build

    assert DELETED_ID in held_ids(lake, "refined.refined_posts")
    days = "select sum(count_posts) as posts from rows"
    before = query(lake, "refined.refined_sentiment_days", days)[0]["posts"]
    versions = "select sum(count_captures) as captures from rows"
    captures = query(lake, "curated.curated_author_versions", versions)[0]["captures"]
    notice = {
        "source": "twitter", "kind": "post_deleted", "post_id": DELETED_ID, "author_key": None, "noticed_at": None,
        "batch_id": "notice", "file_name": "", "record_number": 1, "byte_offset": 0, "received_at": datetime.now(UTC),
    }  # fmt: skip
    append_rows(lake, DELETIONS, [notice])
    build("tag:curated tag:refined")
    for table in ("curated.curated_posts", "curated.curated_post_hashtags", "curated.curated_post_mentions",
                  "curated.curated_post_names", "curated.curated_post_urls", "refined.refined_posts",
                  "refined.refined_post_stories", "refined.refined_post_topics",
                  "refined.refined_retweet_features"):  # fmt: skip
        assert DELETED_ID not in held_ids(lake, table)
        assert IDS[0] in held_ids(lake, table)
    assert query(lake, "refined.refined_sentiment_days", days)[0]["posts"] == before - 1
    assert query(lake, "curated.curated_author_versions", versions)[0]["captures"] == captures - 1
    names = query(lake, "curated.curated_authors", "select count(*) as n from rows")[0]["n"]
    build("tag:curated tag:refined")
    assert query(lake, "curated.curated_authors", "select count(*) as n from rows")[0]["n"] == names


def test_after_an_erasure_nothing_of_the_person_is_left(lake: Settings, tmp_path: Path) -> None:
    from flows.erase import erase
    from flows.ingest import ingest

    stories = "select story_id from rows where post_id = '1444000000000000005'"
    assert query(lake, "refined.refined_post_stories", stories) == [{"story_id": f"twitter/{IDS[0]}"}]
    request_erasure(lake, source="twitter", post=None, author=f"@{HANDLE.upper()}")
    removed = erase()

    assert search(lake.home, *IDS, DELETED_ID, SAYING, *HIDDEN) == {}
    assert query(lake, "refined.refined_post_stories", stories) == [{"story_id": "twitter/1444000000000000005"}]
    assert removed["raw.twitter_posts"] == 3
    assert removed["scored.retweet_predictions"] == 3
    for table in ("enriched.post_languages", "enriched.post_topics", "enriched.post_sentiment"):
        assert removed[table] == 3
    assert query(lake, "raw.deletions", "select * from rows") == []
    receipts = query(lake, "ops.erasures", "select * from rows where kind = 'post'")
    assert len(receipts) == 3

    again = tmp_path / "again.csv"
    again.write_bytes(Twitter().render([canary(IDS[0], "back again"), canary("1444000000000000009", "and anew"),
                                        canary("1444000000000000005", ECHO, user_name="Ben Other",
                                               user_screen_name="benother")]))  # fmt: skip
    counts = ingest([str(again)])
    assert (counts["count_refused"], counts["count_duplicates"], counts["count_accepted"]) == (2, 1, 0)


def test_the_lake_goes_on_after_an_erasure(lake: Settings, tmp_path: Path) -> None:
    from flows.pipeline import pipeline

    new = tmp_path / "new.csv"
    new.write_bytes(Twitter().render([canary("1444000000000000010", "somebody new", user_name="Cy Other",
                                             user_screen_name="cyother")]))  # fmt: skip
    pipeline([str(new)])
    assert "1444000000000000010" in held_ids(lake, "scored.retweet_predictions")


def test_erasing_twice_changes_nothing(lake: Settings) -> None:
    from flows.erase import erase

    rows = query(lake, "raw.twitter_posts", "select count(*) as n from rows")
    assert erase() == {}
    assert query(lake, "raw.twitter_posts", "select count(*) as n from rows") == rows
