"""The watch over the model of a lake: posts counted by Spark as by hand, and a night in which nothing is wrong."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pyspark.sql import functions as sf

from flows.lake.models import DRIFT, LIVE_METRICS
from flows.lake.tables import query
from flows.live_check import check_metrics
from flows.monitor import check_schedule, monitor
from flows.monitored import read_posts
from flows.promotions import find_promise, open_registry
from flows.settings import Settings
from ml.bins import CATEGORIES, NUMBERS, count_days, learn_bins

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

FIRST = date(2026, 1, 1)
COLUMNS = """posted_date date, user_followers bigint, user_friends bigint, user_favourites bigint,
    positive_sentiment double, negative_sentiment double, score double, user_location string, hashtags string,
    user_verified boolean, language string"""


def test_spark_counts_each_post_in_one_bin_of_each_feature(spark: "SparkSession") -> None:
    stream = np.random.default_rng(1)
    followers = stream.integers(0, 1_000, 300).tolist()
    posts = [
        (
            FIRST + timedelta(days=number % 4), number_of, 1, None, 0.1, 0.2, number % 10 / 10,
            ["Lima", None][number % 2], f"tag {number % 30}", number % 3 == 0, ["en", "es", "en"][number % 3],
        )
        for number, number_of in enumerate(followers)
    ]  # fmt: skip
    frame = spark.createDataFrame(posts, COLUMNS)
    bins = learn_bins(frame)
    counts = count_days(frame, bins, first=FIRST, last=FIRST + timedelta(days=4))
    assert set(counts) == {*NUMBERS, *CATEGORIES}
    for one in counts.values():
        assert one.counts.sum(1).tolist() == [75, 75, 75, 75, 0]
    edges = np.array(bins.edges["user_followers"])
    by_hand = np.bincount(np.searchsorted(edges, followers), minlength=len(edges) + 2)
    assert counts["user_followers"].counts.sum(0).tolist() == by_hand.tolist()
    assert bins.values["language"] == ("en", "es")
    assert counts["language"].counts.sum(0).tolist() == [0, 200, 100, 0]
    assert counts["user_location"].counts.sum(0).tolist() == [0, 150, 150]
    assert counts["hashtags"].counts.sum(0)[0] == 100
    assert counts["user_favourites"].counts.sum(0).tolist() == [0, 300]


def test_night_without_a_plant_is_silent_and_leaves_its_account(sample_lake: Settings) -> None:
    found = monitor()
    assert [numbers["is_found"] for numbers in found.values()] == [False, False, False]
    rows = query(sample_lake, DRIFT.name, "select * from rows")
    assert {(row["feature"], row["statistic"]) for row in rows} == {
        *((name, statistic) for name in NUMBERS for statistic in ("psi", "ks")),
        *((name, statistic) for name in CATEGORIES for statistic in ("psi", "js")),
    }
    assert all(row["threshold"] >= row["floor"] and not row["is_drifted"] for row in rows)
    page = Path(found["drift"]["report"]).read_text()
    assert "Nothing lies above its threshold" in page
    assert "Lagos" not in page
    assert found["metrics"]["told"] == "no predicted post is newer than those that the model was judged on"
    assert datetime.fromisoformat(found["drift"]["until"]).date() == rows[0]["window_until"]


def test_training_is_due_when_the_last_one_is_older_than_the_settings_allow(sample_lake: Settings) -> None:
    soon = check_schedule(sample_lake.model_copy(update={"retrain_after_days": 1e-6}))
    assert soon["is_found"]
    assert not check_schedule(sample_lake)["is_found"]


def test_old_predictions_are_held_to_the_promise_once_their_labels_are_known(sample_lake: Settings) -> None:
    version = open_registry(sample_lake).find_version("production")
    assert version is not None
    promise = find_promise(sample_lake, version)
    assert promise is not None
    assert promise.learnt_until is not None
    posts = read_posts(sample_lake, version)
    earlier = replace(promise, judged_until=promise.learnt_until)
    honest = check_metrics(sample_lake, posts, earlier, "honest")
    assert not honest["is_found"], honest
    flipped = posts.withColumn("was_retweeted", ~posts["was_retweeted"])
    found = check_metrics(sample_lake, flipped, earlier, "flipped")
    assert {"accuracy", "roc_auc"} <= set(found["fallen"])
    rows = query(sample_lake, LIVE_METRICS.name, "select * from rows where check_id = 'honest'")
    assert {row["metric"] for row in rows} == {"accuracy", "roc_auc", "pr_auc", "calibration_gap"}
    last = posts.agg(sf.max("posted_date")).first()[0]
    window = posts.where(sf.col("posted_date") > last - timedelta(days=sample_lake.watch_days))
    assert {row["count_posts"] for row in rows} == {window.count()}
    assert {row["count_positives"] for row in rows} == {window.where("was_retweeted").count()}
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows)
