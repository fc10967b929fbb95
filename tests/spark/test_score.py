"""Batch scoring by parts: each post once, whatever was scored before, by whom, and where a post has moved since."""

import threading
from collections import Counter
from datetime import date, timedelta

import pytest

from flows import score as stage
from flows.errors import EpilakeError
from flows.lake.contracts import RETWEET_PREDICTIONS
from flows.lake.session import attach_lake
from flows.lake.tables import append_rows_of, create_missing_tables, open_table, query, table_path
from flows.score import list_parts, predict, score_parts
from flows.train import FEATURES_TABLE
from ml.features import ARTICLE_FEATURES, to_model_frame
from ml.model import fit_model
from ml.registry import LoadedModel
from tests.spark.labelled_posts import SMALL

pytestmark = pytest.mark.spark

TABLE = RETWEET_PREDICTIONS.name


@pytest.fixture(scope="module")
def model(features):
    train = to_model_frame(features).where("label is not null")
    return LoadedModel(fit_model(train, ARTICLE_FEATURES, tree=SMALL, seed=1), 1)


@pytest.fixture
def lake(spark, empty_lake, features):
    """Features of 810 posts in their table; one waits for its sentiment."""
    create_missing_tables(empty_lake)
    rows = features.selectExpr(
        "* except (posted_at, posted_date)", "posted_at",
        "date_add(date'2021-01-01', int(int(substr(post_id, 2)) div 100)) as posted_date",
        "string(date_add(date'2021-01-01', int(int(substr(post_id, 2)) div 100))) as captured_dates",
        "if(post_id = 'p0000', null, posted_at) as sentiment_scored_at",
    )  # fmt: skip
    rows.write.format("delta").save(str(table_path(empty_lake, FEATURES_TABLE)))
    attach_lake(spark, empty_lake)
    return empty_lake


@pytest.fixture
def small_parts(monkeypatch):
    """Parts of one or two days of a hundred posts each."""
    monkeypatch.setattr(stage, "PART_ROWS", 250)


def score_all(spark, settings, model):
    return score_parts(spark, settings, model, list_parts(spark, model.version, stage.PART_ROWS), "run")


def held(settings):
    rows = query(settings, TABLE, "select post_id, posted_date, model_version from rows")
    return Counter((row["post_id"], row["model_version"]) for row in rows)


def commits(settings):
    return open_table(settings, TABLE).version()


def test_every_post_with_a_sentiment_is_scored_once_in_parts_of_whole_days(spark, lake, model, small_parts):
    assert score_all(spark, lake, model) == 809
    assert set(held(lake).values()) == {1}
    assert len(held(lake)) == 809
    assert commits(lake) == 4, "eight days of a hundred posts and one of ten, at most 250 at a time"
    by_commit = query(lake, TABLE, "select count(distinct scored_at) as moments, count(*) as n from rows")
    assert by_commit == [{"moments": 4, "n": 809}]


def test_scoring_twice_adds_no_row_and_no_commit(spark, lake, model):
    score_all(spark, lake, model)
    before = commits(lake)
    assert score_all(spark, lake, model) == 0
    assert commits(lake) == before


def test_another_version_scores_all_posts_beside_the_first(spark, lake, model):
    score_all(spark, lake, model)
    assert score_all(spark, lake, LoadedModel(model.pipeline, 2)) == 809
    assert Counter(version for _, version in held(lake)) == {1: 809, 2: 809}


def test_parts_hold_what_a_whole_scoring_gives(spark, lake, model, small_parts):
    score_all(spark, lake, model)
    columns = ["post_id", "posted_date", "retweet_probability", "is_retweet_expected"]
    whole = predict(model, spark.table(FEATURES_TABLE).where("sentiment_scored_at is not null"), "run").select(columns)
    found = spark.table(TABLE).select(columns)
    assert whole.exceptAll(found).count() == 0
    assert found.exceptAll(whole).count() == 0


def test_a_run_that_broke_off_leaves_whole_parts_and_the_next_scores_only_the_rest(spark, lake, model, small_parts):
    parts = list_parts(spark, 1, stage.PART_ROWS)
    assert score_parts(spark, lake, model, parts[:2], "broken") == sum(part.count_posts for part in parts[:2])
    rest = list_parts(spark, 1, stage.PART_ROWS)
    assert rest == parts[2:]
    assert score_parts(spark, lake, model, rest, "next") == 809 - sum(part.count_posts for part in parts[:2])
    assert set(held(lake).values()) == {1}
    runs = query(lake, TABLE, "select flow_run_id, max(posted_date) as last, min(posted_date) as first from rows "
                 "group by flow_run_id order by flow_run_id")  # fmt: skip
    assert runs[0]["last"] < runs[1]["first"]


def test_a_post_that_moved_to_another_day_keeps_its_score(spark, lake, model):
    score_all(spark, lake, model)
    moved = "post_id in ('p0010', 'p0110')"
    spark.sql(f"""update {FEATURES_TABLE} set posted_date = date'2021-03-01',
        captured_dates = concat(captured_dates, ' 2021-03-01') where {moved}""")
    before = held(lake)
    assert list_parts(spark, 1) == []
    # a run that had listed the day before it knew of the move asks again when it comes to it
    assert score_parts(spark, lake, model, [stage.Part(date(2021, 3, 1), date(2021, 3, 1), 2)], "late") == 0
    assert held(lake) == before


def test_two_at_once_leave_each_post_once(spark, lake, model, small_parts):
    parts = list_parts(spark, 1, stage.PART_ROWS)
    counts, errors = [], []

    def work(order):
        try:
            counts.append(score_parts(spark, lake, model, order, "together"))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(order,)) for order in (parts, parts[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert sum(counts) == 809
    assert set(held(lake).values()) == {1}


def test_a_writer_that_no_lock_held_back_is_refused_and_adds_nothing(spark, lake, model):
    """As on a cluster: another writer of the same application commits while this one is about to."""
    application = "score test"
    day = spark.table(FEATURES_TABLE).where("posted_date = date'2021-01-02'")

    def be_second():
        frame = predict(model, day, "first").selectExpr("*", "current_timestamp() as scored_at")
        identity = {"txnAppId": application, "txnVersion": str(commits(lake) + 1)}
        frame.write.format("delta").mode("append").options(**identity).save(str(table_path(lake, TABLE)))
        return predict(model, day, "second")

    with pytest.raises(EpilakeError, match=r"Another process wrote to scored\.retweet_predictions .*: run again"):
        append_rows_of(lake, RETWEET_PREDICTIONS, be_second, stamp="scored_at", application=application)
    assert query(lake, TABLE, "select flow_run_id, count(*) as n from rows group by 1") == [
        {"flow_run_id": "first", "n": 100}
    ]


def test_the_plan_runs_native_code_only(spark, lake, model):
    rows = predict(model, spark.table(FEATURES_TABLE), "run")
    plan = rows._jdf.queryExecution().executedPlan().toString()
    assert "UDF(" in plan, "MLlib's own functions are Scala's"
    assert "Python" not in plan


def test_days_far_apart_are_parts_in_order():
    days = [(date(2020, 1, 1) + timedelta(days=7 * week), 100) for week in range(5)]
    parts = stage.join_days(days, limit=200)
    assert [(part.first, part.last, part.count_posts) for part in parts] == [
        (days[0][0], days[1][0], 200), (days[2][0], days[3][0], 200), (days[4][0], days[4][0], 100),
    ]  # fmt: skip
