"""What batch scoring costs: rows per CPU second, Delta read and written, beside scikit-learn's like tree.

    EPILAKE_JARS=FOLDER python -m tests.benchmarks.score [--rows 1200000] [--days 90] [--rounds 3]

With EPILAKE_SPARK_COMPILERS=both the JVM is one that scores for long. The features are invented, a Delta table
clustered by day as dbt makes it, texts included. The model is the article's tree at our limits, fitted on some of them.
Scoring is the flow's own steps without the registry and Prefect's bookkeeping: into an empty table, then the same again
with nothing left. The peer reads the same columns with delta-rs, encodes the same categories, predicts, and writes the
same columns in one commit; its bare `predict_proba` on a matrix in memory is printed beside it. CPU seconds are those
of the whole process tree, the JVM included; each is the least of some rounds after one that is not counted.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from flows.lake.contracts import RETWEET_PREDICTIONS
from flows.lake.session import attach_lake, detach_lake, open_session
from flows.lake.tables import create_missing_tables, open_table, table_path
from flows.score import list_parts, score_parts
from flows.settings import Settings
from flows.train import FEATURES_TABLE
from ml.features import ARTICLE_FEATURES, to_model_frame
from ml.model import Tree, fit_model
from ml.registry import LoadedModel

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.ml import PipelineModel
    from pyspark.sql import SparkSession

FITTED_ROWS = 100_000
CATEGORIES = ("user_location", "hashtags")
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and all that descend from it so far."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found[int(stat.parent.name)] = (int(fields[1]), sum(map(int, fields[11:15])))
    tree, grown = {os.getpid()}, True
    while grown:
        grown = bool(more := {pid for pid, (parent, _) in found.items() if parent in tree} - tree)
        tree |= more
    return sum(found[pid][1] for pid in tree) / TICKS


def make_features(spark: "SparkSession", settings: Settings, rows: int, days: int) -> None:
    """Write invented features: some thousand places and lists of hashtags, followers over five orders of magnitude."""
    drawn = "pmod(xxhash64(id, {0}), {1})"
    at = f"timestamp'2021-01-01' + make_interval(0, 0, 0, id * {days} div {rows}, 0, 0, {drawn.format(1, 86_400)})"
    frame = spark.range(rows).selectExpr(
        "'twitter' as source", "cast(1340000000000000000 + id * 977 as string) as post_id",
        f"concat('a', {drawn.format(2, 200_000)}) as author_id", f"{at} as posted_at", f"to_date({at}) as posted_date",
        "concat('A post about a fever in ward ', id, ' of the city https://example.org/', sha1(string(id))) as text",
        "'en' as language", "'Twitter Web App' as client_name",
        f"concat('Place ', int(sqrt({drawn.format(3, 16_000_000)}))) as user_location",
        f"if({drawn.format(4, 3)} = 0, null, concat('Tag', int(sqrt({drawn.format(5, 9_000_000)})))) as hashtags",
        f"bigint(exp({drawn.format(6, 12_000)} / 1000.0)) as user_followers",
        f"{drawn.format(7, 5_000)} as user_friends", f"{drawn.format(8, 50_000)} as user_favourites",
        f"{drawn.format(9, 10)} = 0 as user_verified", f"{drawn.format(10, 500)} / 1000.0D as positive_sentiment",
        f"{drawn.format(11, 500)} / 1000.0D as negative_sentiment", "timestamp'2012-01-01' as user_created_at",
    )  # fmt: skip
    place = table_path(settings, FEATURES_TABLE)
    spark.sql(f"create schema if not exists refined location '{place.parent}'")
    frame.selectExpr(
        "*", "ln(user_followers + 1) + pmod(xxhash64(post_id), 40) / 10 > 9 as was_retweeted",
        "string(posted_date) as captured_dates", "posted_at as last_seen_at", "posted_at as language_detected_at",
        "posted_at as sentiment_scored_at",
    ).createOrReplaceTempView("invented")  # fmt: skip
    spark.sql(
        f"create table {FEATURES_TABLE} using delta cluster by (posted_date) location '{place}' as "
        "select * from invented"
    )  # fmt: skip


def measure(work: Callable[[], int], prepare: Callable[[], None], rounds: int) -> tuple[int, float]:
    """Return the rows and the least CPU seconds of some rounds, the first not counted."""
    costs = []
    for _ in range(rounds + 1):
        prepare()
        began = cpu_seconds()
        rows = work()
        costs.append(cpu_seconds() - began)
    write("  CPU seconds per round: " + ", ".join(f"{cost:.1f}" for cost in costs))
    return rows, min(costs[1:])


def fit_peer(model: "PipelineModel", settings: Settings) -> tuple[object, dict[str, "pa.Array"]]:
    """Fit scikit-learn's tree with the same limits on rows of the same table; return it with the categories."""
    import pyarrow as pa
    from sklearn.tree import DecisionTreeClassifier

    labels = {name: pa.array(model.stages[0].labelsArray[place]) for place, name in enumerate(CATEGORIES)}
    rows = read_rows(settings, (*ARTICLE_FEATURES, "was_retweeted"), limit=FITTED_ROWS)
    limits = Tree()
    tree = DecisionTreeClassifier(max_depth=limits.max_depth, min_samples_leaf=limits.min_instances_per_node)
    return tree.fit(to_matrix(rows, labels), rows["was_retweeted"].to_numpy()), labels


def read_rows(settings: Settings, columns: tuple[str, ...], *, limit: int | None = None) -> "pa.Table":
    """Read columns of the features without Spark."""
    import pyarrow as pa
    from deltalake import QueryBuilder

    sql = f"select {', '.join(columns)} from rows" + (f" limit {limit}" if limit else "")
    return pa.table(QueryBuilder().register("rows", open_table(settings, FEATURES_TABLE)).execute(sql).read_all())


def to_matrix(rows: "pa.Table", labels: dict[str, "pa.Array"]) -> np.ndarray:
    """Return the vectors that the article's tree is asked about: indices, numbers, shares of their sum."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = []
    for name in ARTICLE_FEATURES:
        if name in CATEGORIES:
            texts = pc.fill_null(pc.cast(rows[name], pa.string()), "")
            column = pc.fill_null(pc.index_in(texts, value_set=labels[name]), len(labels[name]))
        else:
            column = pc.fill_null(pc.cast(rows[name], pa.float64()), 0.0)
        columns.append(column.to_numpy().astype(np.float64))
    matrix = np.column_stack(columns)
    sums = np.abs(matrix).sum(axis=1, keepdims=True)
    return np.divide(matrix, sums, out=matrix, where=sums > 0)


def score_with_peer(settings: Settings, tree: object, labels: dict[str, "pa.Array"], folder: Path) -> int:
    """Read, predict and write the columns of a prediction with scikit-learn and delta-rs, all at once."""
    import pyarrow as pa
    from deltalake import write_deltalake

    rows = read_rows(settings, ("source", "post_id", "posted_date", *ARTICLE_FEATURES))
    said = tree.predict_proba(to_matrix(rows, labels))[:, 1]  # type: ignore[attr-defined]
    predictions = {name: rows[name] for name in ("source", "post_id", "posted_date")} | {
        "model_name": pa.array(["peer"] * len(said)),
        "model_version": pa.array(np.ones(len(said), dtype=np.int32)),
        "retweet_probability": pa.array(said),
        "is_retweet_expected": pa.array(said > 0.5),
        "flow_run_id": pa.array(["none"] * len(said)),
    }
    write_deltalake(folder, pa.table(predictions), mode="overwrite")
    return len(said)


def write(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_200_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder))
        create_missing_tables(settings)
        spark = open_session(settings)
        make_features(spark, settings, given.rows, given.days)
        train = to_model_frame(spark.table(FEATURES_TABLE).limit(FITTED_ROWS))
        pipeline = fit_model(train, ARTICLE_FEATURES, tree=Tree(), seed=1)
        model = LoadedModel(pipeline, 1)

        def empty() -> None:
            detach_lake(spark)
            shutil.rmtree(table_path(settings, RETWEET_PREDICTIONS.name))
            create_missing_tables(settings)
            attach_lake(spark, settings)

        def score() -> int:
            return score_parts(spark, settings, model, list_parts(spark, 1), "benchmark")

        rows, ours = measure(score, empty, given.rounds)
        _, again = measure(score, lambda: None, 1)
        tree, labels = fit_peer(pipeline, settings)
        _, peer = measure(
            lambda: score_with_peer(settings, tree, labels, Path(folder) / "peer"), lambda: None, given.rounds
        )
        matrix = to_matrix(read_rows(settings, ARTICLE_FEATURES), labels)
        _, bare = measure(
            lambda: len(tree.predict_proba(matrix)),  # type: ignore[attr-defined]
            lambda: None,
            given.rounds,
        )
    write(f"load {os.getloadavg()[0]:.1f}; {rows:,} rows of {given.days} days")
    write(f"epilake score:              {rows / ours:,.0f} rows per CPU second, {ours:.1f} CPU s")
    write(f"the same with nothing left: {again:.1f} CPU s")
    write(f"scikit-learn and delta-rs:  {rows / peer:,.0f} rows per CPU second; ours / the peer's {peer / ours:.3f}")
    write(f"bare predict_proba:         {rows / bare:,.0f} rows per CPU second; ours / that {bare / ours:.3f}")


if __name__ == "__main__":
    main()
