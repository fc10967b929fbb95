"""Sentiment for the posts that have none yet at the present version of the method."""

from datetime import date
from typing import TYPE_CHECKING

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.console import say, spinner
from flows.lake.contracts import POST_SENTIMENT
from flows.lake.session import open_session
from flows.lake.tables import merge_rows
from flows.report import publish_counts
from flows.runs import recorded
from flows.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@flow(name="enrich")
def enrich() -> dict[str, int]:
    """Score the sentiment of every post of CURATED that has no score of its present text at this method version."""
    settings = Settings()
    with recorded(settings, "enrich") as report:
        counts = {"count_scored": score_sentiment(settings)}
        publish_counts("enrich", "Posts scored for sentiment", [dict(counts)])
        report.update(counts)
    return counts


@task(cache_policy=NO_CACHE)
def score_sentiment(settings: Settings) -> int:
    """Score what is missing and return the number of posts scored."""
    spark = open_session(settings)
    posts = find_unscored(spark)
    with spinner("Scoring sentiment"):
        count, days = measure(posts)
        if count:
            rows = with_sentiment(posts)
            merge_rows(spark, settings, POST_SENTIMENT, rows, stamp="scored_at", days=days, replace=True)
    say(f"sentiment: {count:,} posts scored")
    return count


def find_unscored(spark: "SparkSession") -> "DataFrame":
    """Return source, post_id, posted_date, text and text_hash of the posts without a score at this method version."""
    from ml.sentiment import METHOD, METHOD_VERSION

    held = spark.table(POST_SENTIMENT.name)
    held = held.where((held["method"] == METHOD) & (held["method_version"] == METHOD_VERSION))
    posts = spark.table("curated.curated_posts").select("source", "post_id", "posted_date", "text", "text_hash")
    return posts.join(held, ["source", "post_id", "text_hash"], "left_anti")


def measure(posts: "DataFrame") -> tuple[int, tuple[date, date] | None]:
    """Return the number of posts and the days that they span."""
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own spelling

    row = posts.select(F.count("*"), F.min("posted_date"), F.max("posted_date")).collect()[0]
    return row[0], (row[1], row[2]) if row[0] else None


def with_sentiment(posts: "DataFrame") -> "DataFrame":
    """Return the rows of `enriched.post_sentiment` but for the time."""
    from pyspark.sql import functions as F  # noqa: N812

    from ml.sentiment import METHOD, METHOD_VERSION, sentiment_column

    scored = posts.withColumn("sentiment", sentiment_column(F.col("text")))
    return scored.select(
        "source",
        "post_id",
        "posted_date",
        "text_hash",
        F.lit(METHOD).alias("method"),
        F.lit(METHOD_VERSION).alias("method_version"),
        "sentiment.negative_sentiment",
        "sentiment.neutral_sentiment",
        "sentiment.positive_sentiment",
        "sentiment.compound_sentiment",
    )
