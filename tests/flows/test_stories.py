"""Stories as posts come, are joined by one that came late, and go: what is held is what a full build would make."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.lake.contracts import DELETIONS
from flows.lake.tables import append_rows, query
from flows.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

FIRST = (
    "The ministry of health confirmed twelve new cases of cholera in the northern district and asked all to boil water"
)
EDITED = FIRST.replace("twelve", "thirteen")
AGAIN = EDITED.replace("all to boil", "everybody to boil all")
OTHER = "My neighbour has had a fever for three days and the doctor says that it may be dengue, so we all use nets now"
MODEL = "refined_post_stories"
POSTS = "+curated_posts"


def thing(key: str, text: str, second: int) -> dict[str, Any]:
    """Return a post of Reddit."""
    return {"id": key, "author": "ann", "created_utc": 1_608_400_000 + second, "subreddit": "health", "title": text}


def load(folder: Path, *things: dict[str, Any]) -> None:
    """Ingest posts, look at their texts and build their stories."""
    from prefect import flow

    from flows.build import build
    from flows.enrich import enrich_posts
    from flows.enrichments import list_enrichments
    from flows.ingest import ingest

    file = folder / f"{things[0]['id']}.jsonl"
    file.write_text("\n".join(map(json.dumps, things)), encoding="utf-8")
    assert ingest([str(file)], "reddit")["count_accepted"] == len(things)
    build(POSTS)
    (stories,) = [each for each in list_enrichments(Settings()) if each.name == "stories"]
    flow(enrich_posts.fn)(Settings(), stories)
    build(MODEL)


def read_stories(settings: Settings) -> dict[str, str]:
    """Return post → first post of its story, by the last letter of their ids."""
    rows = query(settings, f"refined.{MODEL}", "select post_id, story_id from rows")
    return {row["post_id"][-1]: row["story_id"][-1] for row in rows}


def test_a_story_grows_is_called_by_an_earlier_post_and_is_split_by_a_deletion(
    empty_lake: Settings, spark: "SparkSession", tmp_path: Path
) -> None:
    from flows.build import build, invoke_dbt, refuse_faults
    from flows.lake.locks import build_turn

    load(tmp_path, thing("b", EDITED, 2), thing("d", OTHER, 4))
    assert read_stories(empty_lake) == {"b": "b", "d": "d"}
    load(tmp_path, thing("c", AGAIN, 3), thing("a", FIRST, 1))
    assert read_stories(empty_lake) == {"a": "a", "b": "a", "c": "a", "d": "d"}

    held = query(empty_lake, "curated.curated_posts", "select post_id from rows where post_id like '%b'")
    notice = {
        "source": "reddit", "kind": "post_deleted", "post_id": held[0]["post_id"], "author_key": None,
        "noticed_at": None, "batch_id": "notice", "file_name": "", "record_number": 1, "byte_offset": 0,
        "received_at": datetime.now(UTC),
    }  # fmt: skip
    append_rows(empty_lake, DELETIONS, [notice])
    build(f"{POSTS} {MODEL}")
    left = read_stories(empty_lake)
    assert set(left) == {"a", "c", "d"}
    with build_turn(spark, empty_lake):
        refuse_faults(empty_lake, invoke_dbt(empty_lake, ["run", "--full-refresh", "--select", MODEL]))
    assert read_stories(empty_lake) == left
