"""Datasets of constructed posts: what is learnt from, what is held out, and what teaches nothing."""

from datetime import timedelta

import pytest
from pyspark.sql import functions as sf

from ml.dataset import SingleClassError, TooFewRowsError, open_dataset, story_of
from ml.features import (
    ARTICLE_FEATURES,
    to_model_frame,
)
from ml.leakage import ConstantFeatureError
from ml.split import Counts, SplitKind
from ml.training import train
from tests.spark.labelled_posts import ROWS, SCHEMA, SEED, START, make_post

pytestmark = pytest.mark.spark


def test_model_frame_has_no_null_and_keeps_its_rows(spark):
    posts = [make_post(0), make_post(1) | dict.fromkeys(ARTICLE_FEATURES) | {"was_retweeted": None}]
    frame = to_model_frame(spark.createDataFrame(posts, SCHEMA)).orderBy("post_id")
    empty = frame.collect()[1]
    assert {name: empty[name] for name in ARTICLE_FEATURES} == {
        "user_location": "",
        "hashtags": "",
        "user_followers": 0.0,
        "user_friends": 0.0,
        "user_favourites": 0.0,
        "positive_sentiment": 0.0,
        "negative_sentiment": 0.0,
        "user_verified": 0.0,
    }
    assert empty["label"] is None
    assert to_model_frame(frame).orderBy("post_id").collect() == frame.collect()


def test_sentiment_that_is_not_a_number_becomes_0(spark):
    frame = spark.createDataFrame([make_post(0, positive_sentiment=float("nan"))], SCHEMA)
    assert to_model_frame(frame).first()["positive_sentiment"] == 0.0


def test_dataset_counts_labelled_rows_and_those_left_out(dataset):
    assert (dataset.counts.rows, dataset.unlabelled_rows) == (ROWS, 10)
    assert (dataset.first_posted_at, dataset.last_posted_at) == (START, START + timedelta(minutes=ROWS // 2 - 1))


def test_no_post_learnt_from_is_as_late_as_one_held_out(dataset):
    split = dataset.split(SplitKind.TIME)
    last = split.train.agg(sf.max("posted_seconds")).first()[0]
    first = split.held_out.agg(sf.min("posted_seconds")).first()[0]
    assert last < first
    assert split.held_out_counts.rows == ROWS // 4


def test_author_is_on_one_side_with_all_posts(dataset):
    split = dataset.split(SplitKind.AUTHOR)
    sides = [
        {row[0] for row in part.select("author_id").distinct().collect()} for part in (split.train, split.held_out)
    ]
    assert not sides[0] & sides[1]
    assert len(sides[0] | sides[1]) == ROWS // 5
    assert 0.15 < split.held_out_counts.rows / ROWS < 0.35


def test_story_is_on_one_side_with_all_posts_that_tell_it(dataset):
    split = dataset.split(SplitKind.STORY)
    told = sf.regexp_extract("text", r"ward (\d+)", 1)
    sides = [{row[0] for row in part.select(told).distinct().collect()} for part in (split.train, split.held_out)]
    assert sides[0] | sides[1] == {str(number) for number in range(97)}
    assert not sides[0] & sides[1]


def test_repeats_of_a_text_tell_its_story_and_a_known_story_goes_before_the_text(spark):
    texts = ["Stay home", "RT @who: Stay home", "b'RT @a: RT @b: Stay home", "Go out", None]
    posts = [make_post(number, text=text) for number, text in enumerate(texts)]
    frame = to_model_frame(spark.createDataFrame(posts, SCHEMA)).orderBy("post_id")
    assert [row[0] for row in frame.select(story_of(frame)).collect()] == ["Stay home"] * 3 + ["Go out", ""]
    known = frame.withColumn("story_id", sf.when(sf.col("post_id") == "p0003", sf.lit("test/p0000")))
    assert known.select(story_of(known)).collect()[3][0] == "test/p0000"


def test_one_text_for_all_is_no_refusal_but_leaves_the_figure_by_story_out(spark):
    posts = [make_post(number, text="the same") for number in range(400)]
    with open_dataset(spark.createDataFrame(posts, SCHEMA), seed=SEED) as alike:
        assert [split.kind for split in alike.splits] == [SplitKind.TIME, SplitKind.AUTHOR]
        assert "held-out part of the story split" in alike.notes[0] or "training part" in alike.notes[0]


def test_features_of_which_none_differs_are_named_and_refused(spark):
    posts = [make_post(number, user_verified=False, user_friends=3) for number in range(400)]
    with open_dataset(spark.createDataFrame(posts, SCHEMA), seed=SEED) as dull:
        assert {"user_verified", "user_friends"} <= set(dull.constants)
        with pytest.raises(ConstantFeatureError, match="one value in each of user_verified, user_friends"):
            train(dull, feature_names=["user_verified", "user_friends"])


@pytest.mark.parametrize("kind", list(SplitKind))
def test_counts_of_a_split_are_those_of_its_frames(dataset, kind):
    split = dataset.split(kind)
    for frame, counts in ((split.train, split.train_counts), (split.held_out, split.held_out_counts)):
        found = frame.agg(sf.count(sf.lit(1)), sf.sum("label").cast("long")).first()
        assert Counts(*found) == counts
    assert split.train_counts + split.held_out_counts == dataset.counts


def test_digest_names_the_rows_and_not_their_order(features, dataset):
    with open_dataset(features.orderBy(sf.rand(3)).repartition(5), seed=SEED) as shuffled:
        assert shuffled.digest == dataset.digest
    changed = features.withColumn(
        "user_friends", sf.when(sf.col("post_id") == "p0003", 1).otherwise(sf.col("user_friends"))
    )
    with open_dataset(changed, seed=SEED) as other:
        assert other.digest != dataset.digest


@pytest.mark.parametrize(
    ("posts", "error", "message"),
    [
        pytest.param(
            [make_post(number, label=False) for number in range(300)],
            SingleClassError,
            "every one of the 300 labelled posts has was_retweeted = false",
            id="one class",
        ),
        pytest.param(
            [make_post(number) for number in range(150)],
            TooFewRowsError,
            "at least 200 labelled posts, found 150",
            id="few",
        ),
        pytest.param(
            [make_post(number, label=number < 100) for number in range(300)],
            TooFewRowsError,
            "in the held-out part of the time split, found 0 of the rarer one among 76",
            id="no positive late",
        ),
        pytest.param(
            [make_post(number, posted_at=START, label=number % 2 == 0) for number in range(300)],
            TooFewRowsError,
            "in the training part of the time split, found 0 of the rarer one among 0",
            id="all at one moment",
        ),
        pytest.param([make_post(0)][:0], TooFewRowsError, "at least 200 labelled posts, found 0", id="no rows"),
    ],
)
def test_posts_that_teach_nothing_are_refused(spark, posts, error, message):
    with pytest.raises(error, match=message), open_dataset(spark.createDataFrame(posts, SCHEMA), seed=SEED):
        pass
