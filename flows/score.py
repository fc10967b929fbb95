"""Predictions by the promoted model, for the posts that its version has not scored yet."""

from typing import TYPE_CHECKING

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.console import say, spinner
from flows.enrich import measure
from flows.errors import NoModelYetError
from flows.lake.contracts import RETWEET_PREDICTIONS
from flows.lake.session import open_session
from flows.lake.tables import merge_rows
from flows.promotions import open_registry
from flows.report import publish_counts
from flows.runs import current_run_id, recorded
from flows.settings import Settings
from flows.train import FEATURES_TABLE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from ml.registry import LoadedModel


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
    posts = find_unscored(spark, version)
    with spinner("Scoring posts"):
        count, days = measure(posts)
        if count:
            loaded = open_registry(settings).load(alias)
            rows = predict(loaded, find_unscored(spark, loaded.version), flow_run_id)
            merge_rows(spark, settings, RETWEET_PREDICTIONS, rows, stamp="scored_at", days=days)
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


def find_unscored(spark: "SparkSession", version: int) -> "DataFrame":
    """Return the features of the posts that have a sentiment and no prediction of this model version."""
    from ml.model import MODEL_NAME

    held = spark.table(RETWEET_PREDICTIONS.name)
    held = held.where((held["model_name"] == MODEL_NAME) & (held["model_version"] == version))
    features = spark.table(FEATURES_TABLE).where("sentiment_scored_at is not null")
    return features.join(held, ["source", "post_id"], "left_anti")


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
