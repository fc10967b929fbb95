"""An archive of the JVM's classes, which halves the time that a session takes to start (ADR 1).

Spark loads some twenty thousand classes before the first row moves. Java can keep them parsed and linked in a file
(class data sharing); a rehearsal that does what the flows do, once, decides which. The JVM ignores the file when a jar
or the Java version has changed, and everything works without it.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.lake.enriched import POST_SENTIMENT
from flows.lake.session import archive_path, java_options, open_session
from flows.lake.tables import create_missing_tables, merge_rows
from flows.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

REHEARSED_POSTS = 400


def make_class_archive(settings: Settings) -> bool:
    """Make the archive if there is none; return whether there is one now. A failure costs speed, nothing else."""
    target = archive_path(settings)
    if target.exists():
        return True
    with tempfile.TemporaryDirectory(dir=settings.home) as scratch, (settings.logs / "archive.log").open("ab") as log:
        archive = Path(scratch) / target.name
        variables = {**os.environ, "EPILAKE_HOME": scratch, "EPILAKE_JARS": str(settings.jars)}
        command = [sys.executable, "-m", "flows.lake.archive", str(archive)]
        subprocess.run(command, env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
        if archive.exists():
            archive.replace(target)
    return target.exists()


def rehearse(spark: "SparkSession", settings: Settings) -> None:
    """Do once what the flows do: write Parquet, merge, window, parse, rebuild a table, fit a tree."""
    scores = _invent_scores(spark)
    merge_rows(spark, settings, POST_SENTIMENT, scores, stamp="scored_at", days=None, replace=True)
    latest = f"""
        select *, row_number() over (partition by source, post_id order by scored_at desc) as score_rank,
            sha2(post_id, 256) as author_id, regexp_extract_all(text_hash, '([a-z])', 1) as hashtags,
            try_to_timestamp('2026-01-05 00:00:00', 'yyyy-MM-dd HH:mm:ss') as posted_at
        from {POST_SENTIMENT.name}"""  # noqa: S608 - a name of our own
    place = settings.lake / "refined" / "rehearsal"
    spark.sql(f"create schema if not exists refined location '{place.parent}'")
    spark.sql(f"create or replace table refined.rehearsal using delta location '{place}' as {latest}")
    spark.sql("alter table refined.rehearsal add constraint whole check (post_id is not null)")
    spark.sql(
        "select posted_date, count(distinct author_id), avg(compound_sentiment) from refined.rehearsal group by 1"
    ).collect()
    _fit_tree(spark.table("refined.rehearsal"))


def _invent_scores(spark: "SparkSession") -> "DataFrame":
    number = "cast(id as string)"
    return spark.range(REHEARSED_POSTS).selectExpr(
        "'twitter' as source", f"{number} as post_id", "date'2026-01-05' as posted_date", f"{number} as text_hash",
        "'en' as language", "'vader' as method", "'1' as method_version", "id / 400 as negative_sentiment",
        "0D as neutral_sentiment", "1 - id / 400 as positive_sentiment", "id / 400 as compound_sentiment",
    )  # fmt: skip


def _fit_tree(rows: "DataFrame") -> None:
    from pyspark.ml import Estimator, Pipeline, Transformer
    from pyspark.ml.classification import DecisionTreeClassifier
    from pyspark.ml.feature import Normalizer, StringIndexer, VectorAssembler

    stages: list[Estimator[Any] | Transformer] = [
        StringIndexer(inputCols=["text_hash"], outputCols=["indexed"], handleInvalid="keep"),
        VectorAssembler(inputCols=["indexed", "positive_sentiment", "negative_sentiment"], outputCol="assembled"),
        Normalizer(inputCol="assembled", outputCol="features", p=1.0),
        DecisionTreeClassifier(labelCol="label"),
    ]
    labelled = rows.selectExpr("*", "cast(post_id % 3 = 0 as double) as label").cache()
    Pipeline(stages=stages).fit(labelled).transform(labelled).groupBy("prediction").count().collect()


def _main() -> None:
    from pyspark import SparkContext

    settings = Settings()
    dumping = f"{java_options(settings)} -XX:ArchiveClassesAtExit={sys.argv[1]}"
    settings = settings.model_copy(update={"spark_conf": {"spark.driver.extraJavaOptions": dumping}})
    create_missing_tables(settings)
    spark = open_session(settings)
    rehearse(spark, settings)
    gateway = SparkContext._gateway
    spark.stop()
    if gateway:
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait()


if __name__ == "__main__":
    _main()
