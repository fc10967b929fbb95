"""A past state of the lake rebuilt from what it was built from, and compared with what was published then.

Every build notes in `ops.dbt_inputs` which version of each table each model read, and which version came of it. A
replay clones what Python wrote at those versions into a lake of its own, lets dbt build CURATED and REFINED from
nothing, and predicts anew with the model versions of then. The clones are shallow: they hold no post themselves, and
read the files of the lake that they were made from for as long as it keeps its past.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.build import invoke_dbt, refuse_faults
from flows.build_inputs import Versions, hash_project, read_last_inputs
from flows.console import say, spinner
from flows.errors import EpilakeError
from flows.lake.contracts import DBT_INPUTS, RETWEET_PREDICTIONS
from flows.lake.locks import DBT_LAYERS, build_turn
from flows.lake.session import attach_lake, detach_lake, open_session, restore_ansi
from flows.lake.tables import create_missing_tables, merge_rows, query, spell_moment, table_path
from flows.promotions import open_registry
from flows.report import publish_counts
from flows.runs import current_run_id, recorded
from flows.score import predict
from flows.settings import Settings
from flows.train import FEATURES_TABLE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

BUILT_AT = {"clustered_at"}
"""Columns that tell when a build made a row, not what it holds."""
Difference = dict[str, str | int]
"""`table`, `count_rows` as published, and how many of them are `only_published` or `only_replayed`."""


@dataclass(frozen=True)
class Past:
    """What REFINED published last before some moment.

    Attributes:
        as_of: The moment.
        moment: When that build had ended; what was scored since and by `as_of` was scored on it.
        read: Table that Python wrote → version that the models read.
        published: Table that dbt wrote → version that came of it.
        projects: Digests of the dbt projects that built them.
    """

    as_of: datetime
    moment: datetime
    read: Versions
    published: Versions
    projects: set[str]


@flow(name="replay")
def replay(as_of: datetime, into: str) -> dict[str, object]:
    """Rebuild posts, counts and predictions as they were published at a moment; return the moment and the differences.

    Args:
        as_of: The moment; what REFINED had published last by then is rebuilt.
        into: Folder of the new installation; nothing may be there.

    Raises:
        EpilakeError: Nothing was published by then, the folder is taken, or the past is no longer kept.
    """
    settings = Settings()
    with recorded(settings, "replay") as report:
        past = find_past(settings, as_of)
        differences = rebuild(settings, past, Path(into).expanduser().resolve())
        publish_counts("replay", "Rows that differ from what was published", [dict(row) for row in differences])
        report.update(as_of=past.moment.isoformat(), tables=differences)
    return dict(report)


def find_past(settings: Settings, as_of: datetime) -> Past:
    """Find what was published last by a moment.

    Raises:
        EpilakeError: Nothing was.
    """
    ended = f"""
        select max(completed_at) as moment from rows
        where node_id like 'model.%.refined_%' and completed_at <= {spell_moment(as_of)}
    """  # noqa: S608 - a moment
    (latest,) = query(settings, DBT_INPUTS.name, ended)
    if latest["moment"] is None:
        raise EpilakeError(f"No build of REFINED is known to have ended by {as_of:%Y-%m-%d %H:%M:%S} UTC.")
    built = read_last_inputs(settings, until=latest["moment"])
    read: Versions = {}
    published: Versions = {}
    for node, (_, versions) in built.items():
        for table, version in versions.items():
            layer, name = table.split(".")
            if layer not in DBT_LAYERS:
                read[table] = max(version, read.get(table, 0))
            elif name == node.split(".")[-1]:
                published[table] = version
    return Past(as_of, latest["moment"], read, published, {project for project, _ in built.values()})


@task(cache_policy=NO_CACHE)
def rebuild(settings: Settings, past: Past, into: Path) -> list[Difference]:
    """Make an installation of the past and compare each of its tables with what was published then.

    Raises:
        EpilakeError: The folder is taken, or the past is no longer kept.
    """
    if into.exists() and any(into.iterdir()):
        raise EpilakeError(f"{into} is not empty: a replay makes a lake of its own.")
    there = settings.model_copy(update={"home": into, "mlflow_tracking_uri": settings.tracking_uri})
    spark = open_session(settings)
    try:
        make_lake(spark, settings, there, past)
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)  # nothing was there before
        raise
    differences = [
        compare(table, read_version(spark, settings, table, version), read_table(spark, there, table))
        for table, version in sorted(past.published.items())
    ]
    columns = [*RETWEET_PREDICTIONS.key, "retweet_probability", "is_retweet_expected"]
    then = read_table(spark, settings, RETWEET_PREDICTIONS.name).where(f"scored_at <= {spell_for_spark(past.as_of)}")
    again = read_table(spark, there, RETWEET_PREDICTIONS.name)
    differences.append(compare(RETWEET_PREDICTIONS.name, then.select(columns), again.select(columns)))
    tell(differences, past)
    return differences


def make_lake(spark: "SparkSession", settings: Settings, there: Settings, past: Past) -> None:
    """Clone what was read, build what was published, and predict what was predicted."""
    for table, version in past.read.items():
        clone(spark, table_path(settings, table), table_path(there, table), version)
    create_missing_tables(there)
    with lake_of(spark, settings, there):
        with spinner("dbt run"), build_turn(spark, there):
            refuse_faults(there, invoke_dbt(there, ["run"]))
        restore_ansi(spark)
        attach_lake(spark, there)
        predict_again(spark, settings, there, past)


def clone(spark: "SparkSession", old: Path, new: Path, version: int) -> None:
    """Make a table that is another at one of its versions, without copying a row.

    Raises:
        EpilakeError: That version is no longer kept.
    """
    try:
        spark.sql(f"create table delta.`{new}` shallow clone delta.`{old}` version as of {version}")
        files = spark.read.format("delta").load(str(new)).inputFiles()
        is_whole = all(Path(unquote(urlsplit(file).path)).exists() for file in files)
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise EpilakeError(f"{old.parent.name}.{old.name} cannot be read at version {version}: {reason}") from error
    if not is_whole:
        raise EpilakeError(
            f"Version {version} of {old.parent.name}.{old.name} is no longer kept: its files were erased or vacuumed."
        )


@contextmanager
def lake_of(spark: "SparkSession", settings: Settings, there: Settings) -> Iterator[None]:
    """Point the session's catalog at another lake for a while."""
    detach_lake(spark)
    attach_lake(spark, there)
    try:
        yield
    finally:
        restore_ansi(spark)
        detach_lake(spark)
        attach_lake(spark, settings)
        os.environ["EPILAKE_HOME"] = str(settings.home)


def predict_again(spark: "SparkSession", settings: Settings, there: Settings, past: Past) -> None:
    """Predict for the posts that were scored by then, each by the model versions that had scored it."""
    scored = read_table(spark, settings, RETWEET_PREDICTIONS.name)
    scored = scored.where(f"scored_at <= {spell_for_spark(past.as_of)}")
    features = spark.table(FEATURES_TABLE)
    for row in scored.select("model_version").distinct().collect():
        keys = scored.where(scored["model_version"] == row["model_version"]).select("source", "post_id")
        model = open_registry(settings).load_version(row["model_version"])
        rows = predict(model, features.join(keys, ["source", "post_id"], "left_semi"), current_run_id())
        merge_rows(spark, there, RETWEET_PREDICTIONS, rows, stamp="scored_at", days=None)


def compare(table: str, published: "DataFrame", replayed: "DataFrame") -> Difference:
    """Count the rows that one has and the other has not; only the moments of the build itself may differ."""
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own spelling

    columns = [name for name in replayed.columns if name not in BUILT_AT]
    both = published.select(*columns, F.lit(1).alias("side")).union(replayed.select(*columns, F.lit(-1).alias("side")))
    rows = both.groupBy(columns).agg(F.sum("side").alias("more"), F.count_if(F.col("side") > 0).alias("count_rows"))
    counts = rows.agg(
        F.coalesce(F.sum("count_rows"), F.lit(0)).alias("count_rows"),
        F.coalesce(F.sum(F.greatest("more", F.lit(0))), F.lit(0)).alias("only_published"),
        F.coalesce(F.sum(F.greatest(-F.col("more"), F.lit(0))), F.lit(0)).alias("only_replayed"),
    )
    return {"table": table, **counts.collect()[0].asDict()}


def tell(differences: list[Difference], past: Past) -> None:
    """Say what came of it."""
    different = [row for row in differences if row["only_published"] or row["only_replayed"]]
    for row in different:
        say(
            f"{row['table']}: {row['only_published']:,} of {row['count_rows']:,} rows are other than published, "
            f"{row['only_replayed']:,} new"
        )
    if past.projects != {hash_project()}:
        say("the dbt project has changed since")
    same = len(differences) - len(different)
    say(f"as of {past.moment:%Y-%m-%d %H:%M:%S} UTC: {same} of {len(differences)} tables as they were published")


def read_table(spark: "SparkSession", settings: Settings, table: str) -> "DataFrame":
    """Read a table of any lake."""
    return spark.read.format("delta").load(str(table_path(settings, table)))


def read_version(spark: "SparkSession", settings: Settings, table: str, version: int) -> "DataFrame":
    """Read a table at one of its versions."""
    return spark.read.format("delta").option("versionAsOf", version).load(str(table_path(settings, table)))


def spell_for_spark(moment: datetime) -> str:
    """Return a moment as Spark's SQL spells it.

    >>> spell_for_spark(datetime(2026, 1, 1, tzinfo=UTC))
    "timestamp'2026-01-01 00:00:00.000000+00:00'"
    """
    return f"timestamp'{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00:00'"
