"""dbt as a flow calls it: what came of every node is kept, and a failed build goes on where it broke."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.errors import EpilakeError
from flows.lake.tables import query
from flows.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

KEY_TEST = "primary_key_curated_post_hashtags_source__post_id__hashtag"


def results(settings: Settings) -> list[dict[str, Any]]:
    """Return what was recorded of the latest invocation."""
    rows = query(settings, "ops.dbt_results", "select * from rows order by completed_at")
    return [row for row in rows if row["invocation_id"] == rows[-1]["invocation_id"]]


def test_a_failed_build_names_the_fault_keeps_it_and_is_taken_up_again(
    sample_home: Path, move_to: Callable[[Path], Settings], spark: "SparkSession", tmp_path: Path
) -> None:
    from flows.build import build

    settings = move_to(shutil.copytree(sample_home, tmp_path / "home"))
    spark.table("curated.curated_post_hashtags").limit(1).write.mode("append").saveAsTable(
        "curated.curated_post_hashtags"
    )
    with pytest.raises(EpilakeError, match=f"dbt found 1 faults: {KEY_TEST}: .*`epilake build --retry`"):
        build("curated_post_hashtags")
    failed = {row["node_name"]: row["count_failures"] for row in results(settings) if row["status"] == "fail"}
    assert failed == {KEY_TEST: 1}

    held = query(settings, "curated.curated_post_hashtags", "select count(*) as n from rows")[0]["n"]
    rows = spark.table("curated.curated_post_hashtags").distinct().localCheckpoint()
    rows.write.mode("overwrite").saveAsTable("curated.curated_post_hashtags")
    assert build(retry=True) == {"pass": 1}
    assert [(row["node_name"], row["status"]) for row in results(settings)] == [(KEY_TEST, "pass")]
    assert query(settings, "curated.curated_post_hashtags", "select count(*) as n from rows")[0]["n"] == held - 1
