"""Stories as posts come, are joined by one that came late, and go: what is held is what a full build would say."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import pytest

from flows.lake.tables import query
from flows.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

MODEL = "refined_post_stories"
MORNING = datetime(2026, 3, 1, 6, tzinfo=UTC)


class Told(NamedTuple):
    """A post and the bands of its text; its id tells when it was posted, a day for each letter."""

    post_id: str
    bands: tuple[int, ...]

    @property
    def posted_at(self) -> datetime:
        return MORNING + timedelta(days=ord(self.post_id) - ord("a"))


FIRST, LATER, LAST = Told("b", (1, 2)), Told("d", (2, 3)), Told("f", (3, 4))
ALONE, SHORT = Told("c", (9,)), Told("e", ())
BEFORE_ALL = Told("a", (5, 2))


def expect(posts: Sequence[Told]) -> dict[str, str]:
    """Return post → first post of its story, as the definition has it."""
    ordered = sorted(posts)
    earliest = {
        post.post_id: next((other.post_id for other in ordered if {*post.bands} & {*other.bands}), post.post_id)
        for post in ordered
    }
    for post in ordered:  # what it points to was answered before
        earliest[post.post_id] = earliest[earliest[post.post_id]]
    return earliest


class Lake:
    """A lake whose posts and fingerprints are written by hand, and whose stories are built."""

    def __init__(self, spark: "SparkSession", settings: Settings, run_models: Callable[..., None]) -> None:
        self.spark, self.settings, self.steps = spark, settings, 0
        self.run_models = partial(run_models, settings)
        self.posts: dict[str, Told] = {}
        self.run_models("+curated_posts", "+curated_deleted_posts", MODEL)

    def now(self) -> str:
        self.steps += 1
        return f"timestamp'{MORNING + timedelta(days=365, hours=self.steps):%Y-%m-%d %H:%M:%S}'"

    def bring(self, *posts: Told) -> None:
        now = self.now()
        for post in posts:
            day = f"{post.posted_at:%Y-%m-%d}"
            bands = f"cast(array({', '.join(map(str, post.bands))}) as array<bigint>)"
            what = f"'reddit' as source, '{post.post_id}' as post_id, '{post.post_id}' as text_hash"
            self.spark.sql(f"""
                insert into curated.curated_posts by name
                select {what}, date'{day}' as posted_date, timestamp'{post.posted_at:%Y-%m-%d %H:%M:%S}' as posted_at,
                1 as count_captures, '{day}' as captured_dates, {now} as first_seen_at, {now} as last_seen_at
            """)
            self.spark.sql(f"""
                insert into enriched.post_fingerprints by name
                select {what}, date'{day}' as posted_date, 'by hand' as method, '1' as method_version,
                {bands} as story_bands, {now} as fingerprinted_at
            """)
            self.posts[post.post_id] = post
        self.run_models(MODEL)

    def take_back(self, post: Told) -> None:
        now = self.now()
        self.spark.sql(f"delete from curated.curated_posts where post_id = '{post.post_id}'")
        self.spark.sql(f"""
            insert into curated.curated_deleted_posts by name
            select 'reddit' as source, '{post.post_id}' as post_id, 'post_deleted' as deletion_kind,
            1 as count_captures, '{post.posted_at:%Y-%m-%d}' as captured_dates, {now} as last_seen_at,
            {now} as first_noticed_at, {now} as last_noticed_at
        """)
        del self.posts[post.post_id]
        self.run_models(MODEL)

    def check(self) -> dict[str, str]:
        rows = query(self.settings, f"refined.{MODEL}", "select post_id, story_id, is_first_of_story from rows")
        found = {row["post_id"]: row["story_id"].removeprefix("reddit/") for row in rows}
        assert len(found) == len(rows)
        assert found == expect(list(self.posts.values()))
        assert {row["post_id"] for row in rows if row["is_first_of_story"]} == set(found.values())
        return found


@pytest.fixture
def lake(empty_lake: Settings, spark: "SparkSession", run_models: Callable[..., None]) -> Lake:
    from flows.lake.tables import create_missing_tables

    create_missing_tables(empty_lake)
    return Lake(spark, empty_lake, run_models)


def test_stories_grow_are_called_by_an_earlier_post_and_are_split_by_a_deletion(lake: Lake) -> None:
    lake.bring(LATER, LAST, ALONE, SHORT)
    assert lake.check() == {"c": "c", "d": "d", "e": "e", "f": "d"}
    lake.bring(FIRST)
    assert lake.check() == {"b": "b", "c": "c", "d": "b", "e": "e", "f": "b"}
    lake.bring(BEFORE_ALL)
    assert lake.check() == {"a": "a", "b": "a", "c": "c", "d": "a", "e": "e", "f": "a"}
    lake.take_back(LATER)
    assert lake.check() == {"a": "a", "b": "a", "c": "c", "e": "e", "f": "f"}
