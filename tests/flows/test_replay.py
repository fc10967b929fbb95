"""A past state rebuilt: the tables that a replay makes are those that were published then, row by row."""

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flows.errors import EpilakeError
from flows.lake.contracts import DELETIONS
from flows.lake.tables import append_rows, query
from flows.sample import write_sample
from flows.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.slow]


def count(settings: Settings, table: str) -> int:
    return int(query(settings, table, "select count(*) as n from rows")[0]["n"])


def test_a_replay_makes_what_was_published_then_and_leaves_the_lake_as_it_is(
    sample_home: Path, move_to: Callable[[Path], Settings], spark: "SparkSession", tmp_path: Path
) -> None:
    from flows.build import build
    from flows.ingest import ingest
    from flows.replay import replay

    settings = move_to(shutil.copytree(sample_home, tmp_path / "home"))
    posts = count(settings, "curated.curated_posts")
    moment = datetime.now(UTC)

    write_sample(tmp_path / "later", posts=300, days=14, seed=7)
    added = ingest([str(tmp_path / "later")])["count_accepted"]
    first = query(settings, "curated.curated_posts", "select post_id from rows order by post_id limit 1")[0]["post_id"]
    notice = {
        "source": "twitter", "kind": "post_deleted", "post_id": first, "author_key": None, "noticed_at": None,
        "batch_id": "notice", "file_name": "", "record_number": 1, "byte_offset": 0, "received_at": datetime.now(UTC),
    }  # fmt: skip
    append_rows(settings, DELETIONS, [notice])
    build()
    assert count(settings, "curated.curated_posts") != posts
    assert added

    report = replay(moment, str(tmp_path / "then"))
    tables = {row["table"]: row for row in report["tables"]}
    assert {name for name, row in tables.items() if row["only_published"] or row["only_replayed"]} == set()
    assert tables["curated.curated_posts"]["count_rows"] == posts
    assert tables["scored.retweet_predictions"]["count_rows"] == posts
    assert len(tables) == len(list((settings.lake / "curated").iterdir())) + len(
        list((settings.lake / "refined").iterdir())
    ) + 1  # fmt: skip
    assert first in {row["post_id"] for row in spark.read.format("delta").load(
        str(tmp_path / "then/lake/refined/refined_posts")).select("post_id").collect()}  # fmt: skip

    assert os.environ["EPILAKE_HOME"] == str(settings.home)
    assert spark.table("curated.curated_posts").count() == count(settings, "curated.curated_posts") != posts
    with pytest.raises(EpilakeError, match="is not empty: a replay makes a lake of its own"):
        replay(moment, str(tmp_path / "then"))
    with pytest.raises(EpilakeError, match=r"^No build of REFINED is known to have ended by 2020-01-01 "):
        replay(datetime(2020, 1, 1, tzinfo=UTC), str(tmp_path / "never"))


def test_a_replay_of_what_was_erased_says_so(
    sample_home: Path, move_to: Callable[[Path], Settings], tmp_path: Path
) -> None:
    from flows.ingest import ingest
    from flows.lake.purge import scrub
    from flows.replay import replay

    settings = move_to(shutil.copytree(sample_home, tmp_path / "home"))
    moment = datetime.now(UTC)
    write_sample(tmp_path / "later", posts=300, days=14, seed=7)
    ingest([str(tmp_path / "later")])
    scrub(settings, "raw.twitter_posts")
    with pytest.raises(EpilakeError, match=r"raw\.twitter_posts cannot be read at version|is no longer kept"):
        replay(moment, str(tmp_path / "then"))
    assert not (tmp_path / "then").exists()
