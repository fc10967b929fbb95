"""The whole pipeline on the generated sample, against the manifest of what was planted."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.lake.contracts import CONTRACTS, RUN_LOGS
from flows.settings import Settings
from flows.status import read_status

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from flows.sample import Manifest

pytestmark = pytest.mark.spark


def rows(settings: Settings, name: str) -> int:
    return int(read_status(settings)["tables"][name]["rows"])


def test_every_layer_holds_what_the_manifest_says(
    sample_lake: Settings, sample_folder: tuple[Path, "Manifest"]
) -> None:
    expected = sample_folder[1].expected
    assert rows(sample_lake, "raw.twitter_posts") == expected.captures
    for table in ("curated.curated_posts", "refined.refined_posts", "refined.refined_retweet_features"):
        assert rows(sample_lake, table) == expected.posts
    assert rows(sample_lake, "enriched.post_sentiment") == expected.posts
    assert rows(sample_lake, "scored.retweet_predictions") == expected.posts


def test_rejects_are_those_planted_with_their_reasons(
    sample_lake: Settings, sample_folder: tuple[Path, "Manifest"]
) -> None:
    assert read_status(sample_lake)["rejects"] == dict(sample_folder[1].expected.rejects)


def test_each_reject_stands_at_the_offset_that_the_manifest_names(
    sample_lake: Settings, sample_folder: tuple[Path, "Manifest"], spark: "SparkSession"
) -> None:
    found = spark.table("raw.rejects").select("file_name", "record_number", "byte_offset", "reason").collect()
    planted = [(bad.file, bad.record_number, bad.byte_offset, bad.reason) for bad in sample_folder[1].malformed]
    assert sorted(map(tuple, found)) == sorted(planted)


def test_records_are_accounted_for_exactly(sample_lake: Settings, sample_folder: tuple[Path, "Manifest"]) -> None:
    batches = read_status(sample_lake)["batches"]
    assert sum(batch["count_records"] for batch in batches) == sample_folder[1].expected.records
    for batch in batches:
        parts = ("count_accepted", "count_duplicates", "count_rejected")
        assert batch["count_records"] == sum(batch[part] for part in parts)


def test_the_label_is_that_of_the_latest_capture(
    sample_lake: Settings, sample_folder: tuple[Path, "Manifest"], spark: "SparkSession"
) -> None:
    found = spark.table("refined.refined_retweet_features").where("was_retweeted").count()
    assert found == sample_folder[1].expected.posts_retweeted


def test_the_outage_is_a_gap_and_the_outbreak_a_peak(sample_lake: Settings, spark: "SparkSession") -> None:
    days = spark.table("refined.refined_sentiment_days").orderBy("posted_date").collect()
    assert len(days) == 60
    assert all(day["count_posts"] >= day["count_authors"] > 0 for day in days)


def test_a_model_is_in_production_with_honest_figures(sample_lake: Settings) -> None:
    (model,) = read_status(sample_lake)["models"]
    assert model["aliases"] == ["production", "staging"]
    assert 0.6 < model["metrics"]["time.roc_auc"] < 0.85
    assert model["metrics"]["time.accuracy"] > model["metrics"]["time.majority_accuracy"]


def test_every_flow_left_its_account(sample_lake: Settings) -> None:
    runs = read_status(sample_lake)["runs"]
    assert {name: run["state"] for name, run in runs.items()} == dict.fromkeys(
        ("pipeline", "ingest", "build", "enrich", "train", "score"), "completed"
    )


def test_python_wrote_what_its_contracts_say(sample_lake: Settings, spark: "SparkSession") -> None:
    for contract in CONTRACTS.values():
        contract.check(dict(spark.table(contract.name).dtypes))


def test_a_second_run_adds_no_row_anywhere_and_trains_nothing(
    sample_lake: Settings, sample_folder: tuple[Path, "Manifest"]
) -> None:
    from flows.pipeline import pipeline

    def count() -> dict[str, Any]:
        status = read_status(sample_lake)
        tables = {name: table["rows"] for name, table in status["tables"].items() if name not in RUN_LOGS}
        return {**tables, "models": len(status["models"])}

    before = count()
    report = pipeline([str(sample_folder[0])])
    assert count() == before
    assert report["ingest"]["count_batches"] == 0  # type: ignore[index]
    assert report["train"]["is_new"] is False  # type: ignore[index]
    assert report["score"]["count_scored"] == 0  # type: ignore[index]
