"""The features without Spark are those that dbt builds, of every post of the sample and of hostile spellings."""

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from flows.build_inputs import DBT_PROJECT
from flows.lake.session import restore_ansi
from flows.raw_features import raw_features
from flows.settings import Settings
from flows.sources.twitter import Twitter
from ml.features import KEYS, POSTING_FEATURES

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

COLUMNS = (*KEYS, *POSTING_FEATURES)

SPELLINGS = {
    "user_created": [
        "2009-04-08 17:52:46", "08-04-2009 17:52", "2021-02-29 00:00:00", "29-02-2020 10:00", "+12345-01-01 00:00:00",
        "12345-01-01 00:00:00", "-0001-01-01 00:00:00", "-0000-01-01 00:00:00", "0000-02-29 00:00:00",
        "2020-13-01 00:00:00", "2020-02-29 24:00:00", "2020-02-29 23:59:60", " 2020-02-29 23:59:59",
        "2020-02-29 23:59:59.5", "2020-2-9 23:59:59", "२०२०-02-29 23:59:59", "31-12-+12019 23:59",
        "31-12--2019 23:59", "+294247-01-10 04:00:54", "1582-10-10 00:00:00", "+0002011-01-01 00:00:00",
        "-290308-12-21 19:59:06", "+999999999-01-01 00:00:00", "31-12-+999999999 23:59",
        "2020-02-29T23:59:59", "1500-02-29 00:00:00", "", None,
    ],
    "user_followers": [
        "0", "007", " 1", "1\t", "\x011", "1\x7f", "+1", "-1", "1.0", "1e3", "١", "\u00a01", "9223372036854775807",
        "9223372036854775808", "-9223372036854775808", "-", "", None,
    ],
    "user_verified": ["true", "True", "TRUE", "false", "falſe", "yes", "", None],
    "user_location": ["Kano", " Kano  ", "\tKano", "\u00a0", "\u3000", "   ", "", None],
    "hashtags": ["['flu']", "[]", "", None],
    "source": ["Twitter Web App", "", None],
}  # fmt: skip
"""Field of RAW → spellings, some of which the boundary would refuse."""


def test_features_of_the_sample_are_those_that_dbt_built(spark: "SparkSession", sample_lake: Settings) -> None:
    raw = spark.table("raw.twitter_posts").toArrow()
    captures: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in raw_features("twitter", raw).select(COLUMNS).to_pylist():
        captures[row["post_id"]].append(row)
    built = spark.table("refined.refined_retweet_features").select(*COLUMNS).toArrow().to_pylist()
    assert len(built) == len(captures) > 5_000
    assert [row for row in built if row not in captures[row["post_id"]]] == []
    single = [row for row in built if len(captures[row["post_id"]]) == 1]
    for name in COLUMNS:
        assert [row[name] for row in single] == [captures[row["post_id"]][0][name] for row in single]
    assert len({row["language"] for row in built}) > 5
    assert {row["user_created_at"] is None for row in built} == {False}


def test_the_types_are_those_of_the_built_table(spark: "SparkSession", sample_lake: Settings) -> None:
    built = spark.table("refined.refined_retweet_features").select(*COLUMNS).limit(1).toArrow()
    found = raw_features("twitter", spark.table("raw.twitter_posts").limit(1).toArrow())
    assert {field.name: field.type for field in found.schema} == {field.name: field.type for field in built.schema}


def test_hostile_spellings_are_read_as_the_model_of_dbt_reads_them(spark: "SparkSession") -> None:
    posts = [{name: spelling} for name, spellings in SPELLINGS.items() for spelling in spellings]
    names = [field.name for field in Twitter.fields]
    fields = ", ".join([*(f"{name} string" for name in names), "post_id string", "record_hash string"])
    values = [[post.get(name) for name in names] + [str(at), "hash"] for at, post in enumerate(posts)]
    frame = spark.createDataFrame(values, fields).selectExpr(
        "*", "timestamp '2021-03-04 05:06:07' as posted_at", "date '2021-03-04' as posted_date", "'a' as author_key",
        "'b' as batch_id", "current_timestamp() as ingested_at",
    )  # fmt: skip
    frame.createOrReplaceTempView("hostile_captures")
    model = (DBT_PROJECT / "models" / "curated" / "curated_twitter_posts.sql").read_text(encoding="utf-8")
    typed = model.split("typed as (")[1].split("from captures")[0]
    spark.conf.set("spark.sql.ansi.enabled", "false")  # as dbt-spark has it
    try:
        # the moments as numbers: some lie where no datetime reaches
        made = spark.sql(
            f"with typed as ({typed} from hostile_captures) select *, unix_micros(user_created_at) as made from typed"
        )
        wanted = {row["post_id"]: row for row in made.drop("user_created_at", "posted_at", "ingested_at").collect()}
    finally:
        restore_ansi(spark)
        spark.catalog.dropTempView("hostile_captures")
    found = raw_features("twitter", frame.drop("ingested_at").toArrow())
    moments = found["user_created_at"].cast("int64").to_pylist()
    for row, moment in zip(found.drop(["user_created_at", "posted_at"]).to_pylist(), moments, strict=True):
        built = wanted[row["post_id"]]
        assert moment == built["made"], posts[int(row["post_id"])]
        for name in ("user_location", "hashtags", "client_name", "user_verified", "user_followers"):
            assert row[name] == built[name], posts[int(row["post_id"])]
