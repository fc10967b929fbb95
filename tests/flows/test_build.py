"""dbt as a flow calls it: what it leaves out, what it refuses, what it keeps of every node, and how it goes on."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jinja2 import Environment

from flows.build_inputs import DBT_PROJECT
from flows.errors import EpilakeError
from flows.lake.contracts import FLOW_RUNS
from flows.lake.tables import append_rows, query
from flows.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

SOURCE_TEST = "source_primary_key_"
KEY_TEST = "primary_key_curated_post_hashtags_source__post_id__hashtag"


def results(settings: Settings) -> list[dict[str, Any]]:
    """Return what was recorded of the latest invocation."""
    rows = query(settings, "ops.dbt_results", "select * from rows order by completed_at")
    return [row for row in rows if row["invocation_id"] == rows[-1]["invocation_id"]]


A_ROW = {
    "string": "'a'", "boolean": "false", "int": "1", "bigint": "1", "double": "0.5D", "date": "date'2020-01-02'",
    "timestamp": "timestamp'2020-01-02 03:04:05'", "decimal(18,4)": "1.5",
}  # fmt: skip
"""What stands in each column of a made-up row, by its type."""
SOUND = {
    "curated_author_versions": {"valid_to": "null", "is_current": "true"},
    "curated_posts": {"captured_dates": "'2020-01-02'"},
    "refined_post_places": {"place_id": "'b'"},
    "refined_published_weeks": {"place_id": "'US'"},
    "refined_sentiment_days": {"count_scored": "3", "count_posts": "3"},
    "refined_topic_hours": {"posted_hour": "timestamp'2020-01-02 03:00:00'"},
    "refined_topic_terms": {"term_kind": "'url'", "count_posts": "2", "count_authors": "2", "count_topic_posts": "2"},
}
"""What else must stand there for the row to be sound."""
OF_A_SERIES = {"key_is_whole": {"topic": "null"}, "are_parts_of_all_posts": {"expected_posts": "2"}}
OF_A_SOURCE = {"key_is_whole": {"record_hash": "null"}, "posted_date_is_the_day_of_posted_at": {"posted_at": "null"}}
BROKEN: dict[str, dict[str, dict[str, str]]] = {
    "curated_author_versions": {
        "interval_is_whole": {"valid_to": "timestamp'2019-01-01'", "is_current": "false"},
        "current_is_without_end": {"is_current": "false"},
    },
    "curated_authors": {
        "key_is_whole": {"author_id": "null"},
        "first_post_is_not_after_the_last": {"last_posted_at": "timestamp'2019-01-01'"},
    },
    "curated_bluesky_posts": OF_A_SOURCE,
    "curated_deleted_posts": {
        "key_is_whole": {"source": "null"}, "first_notice_is_not_after_the_last": {"count_captures": "0"},
    },
    "curated_feeds_posts": OF_A_SOURCE,
    "curated_mastodon_posts": OF_A_SOURCE,
    "curated_official_counts": {
        "key_is_whole": {"day": "null"}, "is_revised_down_says_what_count_new_is": {"count_new": "-1"},
    },
    "curated_post_hashtags": {
        "key_is_whole": {"post_id": "null"}, "hashtag_is_in_lower_case": {"hashtag": "'Flu'"},
    },
    "curated_post_mentions": {
        "key_is_whole": {"post_id": "null"}, "account_is_one_word_in_lower_case": {"mentioned_account": "'@who'"},
    },
    "curated_post_names": {"key_is_whole": {"known_as": "null"}},
    "curated_post_urls": {"key_is_whole": {"post_id": "null"}, "host_is_a_part_of_its_url": {"url_host": "'b'"}},
    "curated_posts": {
        "key_is_whole": {"post_id": "null"},
        "was_captured_and_seen_first_before_last": {"last_seen_at": "timestamp'2019-01-01'"},
        "captured_dates_hold_the_posted_date": {"captured_dates": "'2020-01-03'"},
    },
    "curated_reddit_posts": OF_A_SOURCE,
    "curated_twitter_posts": OF_A_SOURCE,
    "refined_coverage_days": {
        "key_is_whole": {"topic": "null"}, "a_day_has_no_more_than_24_hours": {"count_hours_outage": "22"},
    },
    "refined_official_weeks": {
        "key_is_whole": {"epiweek": "null"}, "days_are_at_most_seven": {"count_days": "8"},
    },
    "refined_post_places": {
        "key_is_whole": {"origin": "null"},
        "has_a_probability": {"probability": "1.5D"},
        "lies_in_its_country_and_region": {"level": "'country'"},
    },
    "refined_post_stories": {
        "key_is_whole": {"story_id": "null"}, "story_began_by_its_first_post": {"is_first_of_story": "true"},
    },
    "refined_post_topics": {
        "key_is_whole": {"source": "null"},
        "has_a_named_topic_and_its_version": {"topic": "''"},
    },
    "refined_posts": {
        "key_is_whole": {"post_id": "null"},
        "compound_sentiment_in_range": {"compound_sentiment": "2D"},
        "has_no_score_without_its_time": {"sentiment_scored_at": "null"},
        "has_all_four_scores_or_none": {"neutral_sentiment": "null"},
        "has_a_language_its_score_and_its_time_or_none": {"language_score": "null"},
    },
    "refined_published_weeks": {
        "key_is_whole": {"topic": "null"},
        "says_nothing_of_few": {"is_suppressed": "true"},
        "is_a_share_of_all_posts": {"share_of_posts": "1.5D"},
        "holds_countries_only": {"place_id": "'US-AL'"},
    },
    "refined_retweet_features": {
        "key_is_whole": {"post_id": "null"}, "shares_of_sentiment_are_whole": {"negative_sentiment": "0.8D"},
    },
    "refined_sentiment_days": {
        "key_is_whole": {"posted_date": "null"},
        "scored_posts_add_up": {"count_neutral": "2"},
        "no_count_is_above_that_of_the_posts": {"count_authors": "4"},
    },
    "refined_topic_days": OF_A_SERIES,
    "refined_topic_hours": {
        "key_is_whole": {"topic": "null"},
        "lies_in_its_day": {"posted_date": "date'2020-01-03'"},
        "are_parts_of_all_posts": {"expected_posts": "2"},
    },
    "refined_topic_terms": {
        "key_is_whole": {"term": "null"},
        "is_used_by_more_than_one_author": {"count_authors": "1"},
        "is_one_of_twenty_of_its_kind": {"term_rank": "21"},
        "a_word_sets_its_topic_apart": {"term_kind": "'word'", "lift": "1D"},
    },
    "refined_topic_weeks": OF_A_SERIES,
}  # fmt: skip
"""Model → its check → what in an otherwise sound row breaks it."""


@pytest.fixture(scope="module")
def home(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the installation in which the pipeline ran."""
    return shutil.copytree(sample_home, tmp_path_factory.mktemp("build") / "home")


def test_a_build_leaves_out_what_has_nothing_new_to_read(
    home: Path, move_to: Callable[[Path], Settings], tmp_path: Path
) -> None:
    from flows.build import build
    from flows.ingest import ingest

    settings = move_to(home)
    ran = len(query(settings, "ops.dbt_results", "select * from rows"))
    assert build() == {}
    assert len(query(settings, "ops.dbt_results", "select * from rows")) == ran

    post = {
        "id": "a1",
        "author": "ann",
        "created_utc": 1608400000,
        "subreddit": "health",
        "title": "flu",
        "selftext": "",
    }
    (tmp_path / "posts.jsonl").write_text(json.dumps(post), encoding="utf-8")
    assert ingest([str(tmp_path / "posts.jsonl")], "reddit")["count_accepted"] == 1
    assert set(build("tag:curated")) == {"pass", "success"}
    built = {row["node_name"] for row in results(settings) if row["resource_type"] == "model"}
    assert {"curated_reddit_posts", "curated_posts", "curated_authors", "curated_post_names"} <= built
    assert not built & {"curated_twitter_posts", "curated_bluesky_posts", "curated_official_counts"}
    tested = {row["node_name"] for row in results(settings) if row["node_name"].startswith(SOURCE_TEST)}
    assert tested == {f"{SOURCE_TEST}raw_reddit_posts_post_id__record_hash"}

    versions = "select table_name, table_version from rows where node_id = 'model.epilake.curated_reddit_posts'"
    inputs = query(settings, "ops.dbt_inputs", f"{versions} order by completed_at")
    assert [row["table_version"] for row in inputs if row["table_name"] == "raw.reddit_posts"] == [0, 1]
    assert build("tag:curated") == {}


def test_a_merge_reads_the_days_of_what_is_new_and_tables_are_clustered_by_day(
    home: Path, move_to: Callable[[Path], Settings], spark: "SparkSession", tmp_path: Path
) -> None:
    from flows.build import build
    from flows.ingest import ingest

    settings = move_to(home)
    post = {"id": "a2", "author": "ben", "created_utc": 1608500000, "subreddit": "health", "title": "cough"}
    (tmp_path / "posts.jsonl").write_text(json.dumps(post), encoding="utf-8")
    assert ingest([str(tmp_path / "posts.jsonl")], "reddit")["count_accepted"] == 1
    build("tag:curated")
    for table in ("curated.curated_reddit_posts", "curated.curated_posts"):
        merge = spark.sql(f"describe history {table}").where("operation = 'MERGE'").head()
        assert merge is not None
        assert merge["operationParameters"]["predicate"].count("2020-12-20") == 2
    manifest = json.loads((settings.home / "dbt" / "manifest.json").read_text(encoding="utf-8"))
    for model in (node for node in manifest["nodes"].values() if node["resource_type"] == "model"):
        day = next((name for name in ("posted_date", "day", "epiweek_start") if name in model["columns"]), None)
        detail = spark.sql(f"describe detail {model['relation_name']}").collect()[0]
        assert detail["clusteringColumns"] == ([day] if day else [])


def test_a_day_of_a_series_is_replaced_in_one_commit_and_no_other_day_is(
    home: Path, move_to: Callable[[Path], Settings], spark: "SparkSession", tmp_path: Path
) -> None:
    from flows.build import build
    from flows.ingest import ingest

    settings = move_to(home)
    post = {"id": "a3", "author": "eva", "created_utc": 1608600000, "subreddit": "health", "title": "fever"}
    (tmp_path / "posts.jsonl").write_text(json.dumps(post), encoding="utf-8")
    build("tag:curated refined_posts refined_sentiment_days")
    before = spark.sql("describe history refined.refined_sentiment_days").count()
    assert ingest([str(tmp_path / "posts.jsonl")], "reddit")["count_accepted"] == 1
    build("tag:curated refined_posts refined_sentiment_days")
    commits = spark.sql("describe history refined.refined_sentiment_days").collect()
    assert len(commits) == before + 1
    assert commits[0]["operation"] == "WRITE"
    told = commits[0]["operationParameters"]["predicate"]
    assert ("2020-12-22" in told, told.count("20"), "twitter" in told) == (True, 2, False)
    days = query(settings, "refined.refined_sentiment_days", "select * from rows where source = 'reddit'")
    assert {str(row["posted_date"]): row["count_posts"] for row in days}["2020-12-22"] == 1


def test_every_check_refuses_a_row_that_breaks_it(
    home: Path, move_to: Callable[[Path], Settings], spark: "SparkSession"
) -> None:
    settings = move_to(home)
    manifest = json.loads((settings.home / "dbt" / "manifest.json").read_text(encoding="utf-8"))
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    checks = {model["name"]: [check["name"] for check in model["constraints"]] for model in models}
    assert checks == {name: list(broken) for name, broken in BROKEN.items()}
    for model in models:
        name, table = model["name"], spark.table(model["relation_name"])
        sound = {column: A_ROW[kind] for column, kind in table.dtypes} | SOUND.get(name, {})

        def insert(row: dict[str, str], into: str = model["relation_name"]) -> None:
            columns = ", ".join(f"{value} as {column}" for column, value in row.items())
            spark.sql(f"insert into {into} by name select {columns}")

        insert(sound)
        for check, change in BROKEN[name].items():
            with pytest.raises(Exception, match=rf"DELTA_VIOLATE_CONSTRAINT_WITH_VALUES.*CHECK constraint {check} "):
                insert(sound | change)


def break_models(settings: Settings, project: Path, change: str) -> dict[str, str]:
    """Make a project of models that break their contracts, each in its last column; return model → column."""
    manifest = json.loads((settings.home / "dbt" / "manifest.json").read_text(encoding="utf-8"))
    shutil.copytree(DBT_PROJECT, project, ignore=shutil.ignore_patterns("target", "logs"))
    broken = {}
    for model in (node for node in manifest["nodes"].values() if node["resource_type"] == "model"):
        *kept, last = ((name, column["data_type"]) for name, column in model["columns"].items())
        columns = kept if change == "a column is dropped" else [*kept, (last[0], "array<int>")]
        spelt = ", ".join(f"cast(null as {kind}) as {name}" for name, kind in columns)
        (project / model["original_file_path"]).write_text(f"select {spelt} where false", encoding="utf-8")
        broken[model["name"]] = last[0]
    return broken


@pytest.mark.parametrize("change", ["a column is dropped", "a type is changed"])
def test_every_contract_refuses_a_model_that_breaks_it(
    home: Path,
    move_to: Callable[[Path], Settings],
    spark: "SparkSession",
    tmp_path: Path,
    *,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
) -> None:
    from flows import build as flow
    from flows.lake.locks import build_turn

    settings = move_to(shutil.copytree(home, tmp_path / "home"))
    broken = break_models(settings, tmp_path / "project", change)
    monkeypatch.setattr(flow, "DBT_PROJECT", tmp_path / "project")
    for arguments in (["run"], ["run", "--full-refresh"]):
        with build_turn(spark, settings):
            found = flow.invoke_dbt(settings, arguments)
        assert {result.node.name for result in found} == set(BROKEN)
        for result in found:
            assert "This model has an enforced contract that failed." in str(result.message)
            assert f"| {broken[result.node.name]} " in str(result.message)


def rows_of(*rows: tuple[str, int | None]) -> str:
    """Spell a table of sources and counts in SQL."""
    values = ", ".join(f"('{source}', {'null' if count is None else count})" for source, count in rows)
    return f"(select * from values {values} as rows (source, n))"


@pytest.mark.parametrize(
    ("here", "expected"),
    [
        ([("reddit", 2), ("twitter", 1), ("twitter", 2)], []),
        ([("reddit", 3), ("twitter", 2)], [("reddit", 3, 2), ("twitter", 2, 3)]),
        ([("twitter", 3)], [("reddit", None, 2)]),
        ([("reddit", 2), ("twitter", 3), ("feeds", 1)], [("feeds", 1, None)]),
        ([("reddit", 2), ("twitter", 3), ("feeds", None)], []),
    ],
    ids=["alike", "moved to another source", "a source is missing", "a source too many", "nothing is zero"],
)
def test_parts_sum_to_the_whole_per_source(
    spark: "SparkSession", here: list[tuple[str, int | None]], expected: list[tuple[str, int | None, int | None]]
) -> None:
    text = (DBT_PROJECT / "tests" / "generic" / "same_sum.sql").read_text(encoding="utf-8")
    macros = Environment(autoescape=False).from_string(text.replace("% test", "% macro").replace("endtest", "endmacro"))
    sql = macros.module.same_sum(rows_of(*here), "sum(n)", rows_of(("twitter", 3), ("reddit", 2)), "sum(n)")  # type: ignore[attr-defined]
    assert sorted(tuple(row) for row in spark.sql(sql).collect()) == expected


def test_a_failed_build_names_the_fault_keeps_it_and_is_taken_up_again(
    sample_home: Path, move_to: Callable[[Path], Settings], spark: "SparkSession", tmp_path: Path
) -> None:
    from flows.build import build

    settings = move_to(shutil.copytree(sample_home, tmp_path / "home"))
    spark.table("curated.curated_post_hashtags").limit(1).write.mode("append").saveAsTable(
        "curated.curated_post_hashtags"
    )
    with pytest.raises(EpilakeError, match=f"dbt found 1 faults: {KEY_TEST}: .*`epilake build --retry`"):
        build("curated_post_hashtags")
    failed = {row["node_name"]: row["count_failures"] for row in results(settings) if row["status"] == "fail"}
    assert failed == {KEY_TEST: 1}

    held = query(settings, "curated.curated_post_hashtags", "select count(*) as n from rows")[0]["n"]
    rows = spark.table("curated.curated_post_hashtags").distinct().localCheckpoint()
    rows.write.mode("overwrite").saveAsTable("curated.curated_post_hashtags")
    assert build(retry=True) == {"pass": 1}
    assert [(row["node_name"], row["status"]) for row in results(settings)] == [(KEY_TEST, "pass")]
    assert query(settings, "curated.curated_post_hashtags", "select count(*) as n from rows")[0]["n"] == held - 1


def test_maintenance_finds_a_fault_in_a_source_that_no_build_reads(
    home: Path, move_to: Callable[[Path], Settings], tmp_path: Path
) -> None:
    from flows.maintain import maintain

    settings = move_to(shutil.copytree(home, tmp_path / "home"))
    run = {"flow_run_id": "twice", "flow_name": "ingest", "state": "completed", "message": None}
    append_rows(settings, FLOW_RUNS, [{**run, "changed_at": datetime.now(UTC)}] * 2)
    with pytest.raises(EpilakeError, match=r"^dbt found 1 faults: source_primary_key_ops_flow_runs"):
        maintain()
