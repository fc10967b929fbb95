"""Predictions by the promoted model, for the posts that its version has not scored yet.

A backlog is scored in parts of some days, each read, predicted by MLlib's own transform and committed by itself: memory
does not grow with it, and a run that was killed has left whole parts, after which the next one goes on (ADR 18).
"""

from datetime import date
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.console import counted, say, spinner
from flows.errors import NoModelYetError
from flows.lake.contracts import RETWEET_PREDICTIONS
from flows.lake.session import open_session
from flows.lake.tables import append_rows_of, open_table, table_path
from flows.promotions import open_registry
from flows.report import publish_counts
from flows.runs import current_run_id, recorded
from flows.settings import Settings
from flows.train import FEATURES_TABLE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from ml.registry import LoadedModel

PART_ROWS = 500_000
"""Posts that are scored and committed at a time; a day is never cut."""


class Part(NamedTuple):
    """Some days on end, and how many posts of them are to be scored."""

    first: date
    last: date
    count_posts: int


@flow(name="score")
def score(alias: str = "production") -> dict[str, int]:
    """Score what the model behind the alias has not scored; return its version and the number of posts scored.

    Args:
        alias: Alias in the model registry.

    Raises:
        NoModelYetError: No version has the alias.
    """
    settings = Settings()
    with recorded(settings, "score") as report:
        counts = score_posts(settings, alias, current_run_id())
        publish_counts("score", "Posts scored", [dict(counts)])
        report.update(counts)
    return counts


@task(cache_policy=NO_CACHE)
def score_posts(settings: Settings, alias: str, flow_run_id: str) -> dict[str, int]:
    """Load the model by alias and write its predictions; return its version and the number of posts scored.

    Raises:
        NoModelYetError: No version has the alias.
    """
    version = find_version(settings, alias)
    spark = open_session(settings)
    with spinner("Looking for posts without a score"):
        parts = list_parts(spark, version)
        loaded = open_registry(settings).load(alias) if parts else None
    count = score_parts(spark, settings, loaded, parts, flow_run_id) if loaded else 0
    version = loaded.version if loaded else version
    say(f"scored {count:,} posts with model version {version}")
    return {"model_version": version, "count_scored": count}


def find_version(settings: Settings, alias: str) -> int:
    """Return the version behind an alias.

    Raises:
        NoModelYetError: There is none.
    """
    found = open_registry(settings).find_version(alias)
    if found is None:
        raise NoModelYetError(
            f"No model has the alias {alias}: run `epilake train`, and see why the gate refused, or what "
            "`epilake promote` has waiting."
        )
    return found


def list_parts(spark: "SparkSession", version: int, limit: int = PART_ROWS) -> list[Part]:
    """Return what a version has to score yet, the earliest days first; only keys and days are read."""
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own spelling

    unscored = leave_out(find_scorable(spark.table(FEATURES_TABLE)), spark.table(RETWEET_PREDICTIONS.name), version)
    days = unscored.groupBy("posted_date").agg(F.count("*").alias("count")).orderBy("posted_date")
    return join_days([(row["posted_date"], row["count"]) for row in days.collect()], limit)


def join_days(days: list[tuple[date, int]], limit: int = PART_ROWS) -> list[Part]:
    """Put days, in order, together to parts of at most `limit` posts, but of one day at least.

    >>> counts = [(date(2021, 1, 1), 3), (date(2021, 1, 2), 1), (date(2021, 1, 9), 5), (date(2021, 1, 10), 1)]
    >>> [(f"{part.first:%d}", f"{part.last:%d}", part.count_posts) for part in join_days(counts, limit=4)]
    [('01', '02', 4), ('09', '09', 5), ('10', '10', 1)]
    """
    parts: list[Part] = []
    for day, count in days:
        if parts and parts[-1].count_posts + count <= limit:
            parts[-1] = Part(parts[-1].first, day, parts[-1].count_posts + count)
        else:
            parts.append(Part(day, day, count))
    return parts


def score_parts(
    spark: "SparkSession", settings: Settings, model: "LoadedModel", parts: list[Part], flow_run_id: str
) -> int:
    """Score and commit one part after the other; return how many posts were scored."""
    from ml.model import MODEL_NAME

    scored = 0
    with counted("Scoring posts", sum(part.count_posts for part in parts)) as advance:
        for part in parts:
            scored += append_rows_of(
                settings,
                RETWEET_PREDICTIONS,
                partial(predict_part, spark, settings, model, part, flow_run_id),
                stamp="scored_at",
                application=f"score {MODEL_NAME} {model.version}",
            )
            advance(part.count_posts)
    return scored


def predict_part(
    spark: "SparkSession", settings: Settings, model: "LoadedModel", part: Part, flow_run_id: str
) -> "DataFrame":
    """Return the predictions for what is not scored of a part now, but for the time."""
    return predict(model, find_unscored(spark, settings, model.version, part), flow_run_id)


def find_unscored(spark: "SparkSession", settings: Settings, version: int, part: Part) -> "DataFrame":
    """Return the features of the posts of a part that have a sentiment and no prediction of this model version.

    The features are read at one version of their table, and of the predictions only the days that these posts were
    ever dated to: a post that has moved to another day since it was scored is found where it was.
    """
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own spelling

    path, present = table_path(settings, FEATURES_TABLE), open_table(settings, FEATURES_TABLE).version()
    features = spark.read.format("delta").option("versionAsOf", present).load(str(path))
    posts = find_scorable(features).where(F.col("posted_date").between(part.first, part.last))
    days = F.split("captured_dates", " ")
    first, last = posts.select(F.min(F.array_min(days)), F.max(F.array_max(days))).collect()[0]
    first, last = min(first or str(part.first), str(part.first)), max(last or str(part.last), str(part.last))
    held = spark.table(RETWEET_PREDICTIONS.name).where(f"posted_date between date'{first}' and date'{last}'")
    return leave_out(posts, held, version)


def find_scorable(features: "DataFrame") -> "DataFrame":
    """Return the features of the posts that have a sentiment, or of which it is known that they can have none."""
    return features.where("sentiment_scored_at is not null")


def leave_out(posts: "DataFrame", predictions: "DataFrame", version: int) -> "DataFrame":
    """Return the posts without a prediction of this model version."""
    from ml.model import MODEL_NAME

    is_held = (predictions["model_name"] == MODEL_NAME) & (predictions["model_version"] == version)
    return posts.join(predictions.where(is_held).select("source", "post_id"), ["source", "post_id"], "left_anti")


def predict(model: "LoadedModel", posts: "DataFrame", flow_run_id: str) -> "DataFrame":
    """Return the rows of `scored.retweet_predictions` but for the time."""
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own spelling

    from ml.model import MODEL_NAME
    from ml.model import score as predict_retweets

    return predict_retweets(model.pipeline, posts).select(
        "source",
        "post_id",
        "posted_date",
        F.lit(MODEL_NAME).alias("model_name"),
        F.lit(model.version).cast("int").alias("model_version"),
        "retweet_probability",
        "is_retweet_expected",
        F.lit(flow_run_id).alias("flow_run_id"),
    )
