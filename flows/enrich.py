"""What is to be known of each post, found out where it is not known yet: language, topics, places, sentiment.

A post is looked at again when its text has changed, when the method has, or, where its language matters, when another
was found. Each enrichment is one task and one merge; what there is to find out says `flows.enrichments`.
"""

from datetime import date
from functools import reduce
from typing import TYPE_CHECKING

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.console import say, spinner
from flows.enrichments import Enrichment, find_languages, list_enrichments
from flows.lake.session import open_session
from flows.lake.tables import merge_rows
from flows.report import publish_counts
from flows.runs import recorded
from flows.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

IDENTITY = ["source", "post_id", "text_hash"]
"""What a finding is about: a post with one of its texts."""


@flow(name="enrich")
def enrich() -> dict[str, int]:
    """Find out what is not known yet of the posts of CURATED; return the posts looked at by enrichment.

    Languages come first; what asks for them, or for nothing, is found out side by side.
    """
    settings = Settings()
    with recorded(settings, "enrich") as report, spinner("Enriching posts"):
        languages, *others = list_enrichments(settings)
        counts = {f"count_{languages.name}": enrich_posts(settings, languages)}
        found = {f"count_{each.name}": enrich_posts.submit(settings, each) for each in others}
        counts |= {name: count.result() for name, count in found.items()}
        publish_counts("enrich", "Posts looked at", [dict(counts)])
        report.update(counts)
    return counts


@task(task_run_name="{enrichment.name}", cache_policy=NO_CACHE)
def enrich_posts(settings: Settings, enrichment: Enrichment) -> int:
    """Find out one thing about the posts that lack it; return how many they were."""
    spark = open_session(settings)
    posts = find_unknown(spark, enrichment)
    count, days = measure(posts)
    if count:
        rows = add_version(enrichment.add_facts(posts), enrichment)
        merge_rows(spark, settings, enrichment.contract, rows, stamp=enrichment.stamp, days=days, replace=True)
    say(f"{enrichment.name}: {count:,} posts looked at")
    return count


def find_unknown(spark: "SparkSession", enrichment: Enrichment) -> "DataFrame":
    """Return the posts of which the present version does not know yet: key, day, and what a finding may rest on."""
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own spelling

    whereabouts = F.sha2(F.to_json(F.struct("user_location", "community")), 256).alias("whereabouts_hash")
    posts = spark.table("curated.curated_posts")
    posts = posts.select(*IDENTITY, "posted_date", "text", "user_location", "community", whereabouts)
    if "language" in enrichment.follows:
        posts = posts.join(find_held(spark, find_languages()).select(*IDENTITY, "language"), IDENTITY)
    return posts.join(find_held(spark, enrichment), [*IDENTITY, *enrichment.follows], "left_anti")


def find_held(spark: "SparkSession", enrichment: Enrichment) -> "DataFrame":
    """Return the rows of an enrichment's table that are of its present version."""
    rows = spark.table(enrichment.contract.name)
    return reduce(lambda held, part: held.where(held[part[0]] == part[1]), enrichment.version.items(), rows)


def add_version(rows: "DataFrame", enrichment: Enrichment) -> "DataFrame":
    """Return the rows with the version that made them, in the columns of the contract but for the time."""
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own spelling

    stamped = rows.withColumns({column: F.lit(value) for column, value in enrichment.version.items()})
    return stamped.select(*(name for name in enrichment.contract.column_names if name != enrichment.stamp))


def measure(posts: "DataFrame") -> tuple[int, tuple[date, date] | None]:
    """Return the number of posts and the days that they span."""
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own spelling

    row = posts.select(F.count("*"), F.min("posted_date"), F.max("posted_date")).collect()[0]
    return row[0], (row[1], row[2]) if row[0] else None
