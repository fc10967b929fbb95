"""The whole pipeline on the generated sample, against the manifest of what was planted."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from flows.enrich import enrich, find_unknown
from flows.enrichments import list_enrichments
from flows.errors import EpilakeError
from flows.lake.contract import Contract
from flows.lake.contracts import CONTRACTS, RUN_LOGS
from flows.lake.enriched import POST_FINGERPRINTS, POST_LANGUAGES, POST_PLACES, POST_SENTIMENT, POST_TOPICS
from flows.lake.session import table_logs
from flows.lake.tables import merge_rows
from flows.sample.phrasebook import LANGUAGES, PHRASES
from flows.settings import Settings
from flows.status import read_status
from flows.topics import load_topics, match_topics

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from flows.sample import Manifest

pytestmark = pytest.mark.spark


def rows(settings: Settings, name: str) -> int:
    return int(read_status(settings)["tables"][name]["rows"])


def test_every_layer_holds_what_the_manifest_says(
    sample_lake: Settings, sample_folder: tuple[Path, "Manifest"]
) -> None:
    expected = sample_folder[1].expected
    assert rows(sample_lake, "raw.twitter_posts") == expected.captures
    for table in ("curated.curated_posts", "refined.refined_posts", "refined.refined_retweet_features"):
        assert rows(sample_lake, table) == expected.posts
    for table in ("enriched.post_languages", "enriched.post_topics", "enriched.post_sentiment"):
        assert rows(sample_lake, table) == expected.posts
    assert rows(sample_lake, "scored.retweet_predictions") == expected.posts


def test_rejects_are_those_planted_with_their_reasons(
    sample_lake: Settings, sample_folder: tuple[Path, "Manifest"]
) -> None:
    assert read_status(sample_lake)["rejects"] == dict(sample_folder[1].expected.rejects)


def test_each_reject_stands_at_the_offset_that_the_manifest_names(
    sample_lake: Settings, sample_folder: tuple[Path, "Manifest"], spark: "SparkSession"
) -> None:
    found = spark.table("raw.rejects").select("file_name", "record_number", "byte_offset", "reason").collect()
    planted = [(bad.file, bad.record_number, bad.byte_offset, bad.reason) for bad in sample_folder[1].malformed]
    assert sorted(map(tuple, found)) == sorted(planted)


def test_records_are_accounted_for_exactly(sample_lake: Settings, sample_folder: tuple[Path, "Manifest"]) -> None:
    batches = read_status(sample_lake)["batches"]
    assert sum(batch["count_records"] for batch in batches) == sample_folder[1].expected.records
    for batch in batches:
        parts = ("count_accepted", "count_duplicates", "count_rejected")
        assert batch["count_records"] == sum(batch[part] for part in parts)


def test_the_label_is_that_of_the_latest_capture(
    sample_lake: Settings, sample_folder: tuple[Path, "Manifest"], spark: "SparkSession"
) -> None:
    found = spark.table("refined.refined_retweet_features").where("was_retweeted").count()
    assert found == sample_folder[1].expected.posts_retweeted


def test_the_outage_is_a_gap_and_the_outbreak_a_peak(sample_lake: Settings, spark: "SparkSession") -> None:
    days = spark.table("refined.refined_sentiment_days").orderBy("posted_date").collect()
    assert len(days) == 60
    assert all(day["count_posts"] >= day["count_authors"] > 0 for day in days)


def test_languages_are_those_that_the_sample_is_written_in(sample_lake: Settings, spark: "SparkSession") -> None:
    language_of = {text: code for code in LANGUAGES for text in PHRASES["languages"][code]["feelings"]}
    found = spark.table("refined.refined_posts").select("text", "language").collect()
    written = [max((feeling for feeling in language_of if feeling in row["text"]), key=len) for row in found]
    is_right = [row["language"] == language_of[feeling] for row, feeling in zip(found, written, strict=True)]
    assert sum(is_right) > 0.99 * len(is_right)
    assert {row["language"] for row in found} >= set(LANGUAGES)


def test_sentiment_is_of_english_posts_alone(sample_lake: Settings, spark: "SparkSession") -> None:
    posts = spark.table("refined.refined_posts").where("sentiment_scored_at is not null")
    kinds = set(map(tuple, posts.select("language", posts["compound_sentiment"].isNotNull()).distinct().collect()))
    assert {language for language, is_scored in kinds if is_scored} == {"en"}
    assert {language for language, is_scored in kinds if not is_scored} >= set(LANGUAGES) - {"en"}
    assert ("en", False) not in kinds
    features = spark.table("refined.refined_retweet_features")
    assert features.where("positive_sentiment is null or negative_sentiment is null").count() == 0
    days = spark.table("refined.refined_sentiment_days").selectExpr("sum(count_scored)").collect()[0][0]
    assert days == posts.where("language = 'en'").count() > 0


def test_english_posts_that_name_the_disease_of_the_outbreak_are_about_it(
    sample_lake: Settings, sample_folder: tuple[Path, "Manifest"], spark: "SparkSession"
) -> None:
    outbreak = sample_folder[1].outbreak
    about = spark.table("refined.refined_post_topics").where(f"topic = '{outbreak.disease}'")
    matched = {row["post_id"] for row in about.select("post_id").collect()}
    posts = spark.table("refined.refined_posts").select("post_id", "text", "language").collect()
    named = [row for row in posts if any(term in row["text"].casefold() for term in outbreak.terms)]
    assert {row["post_id"] for row in named if row["language"] == "en"} <= matched
    assert matched <= {row["post_id"] for row in named}
    assert len(matched) > outbreak.added_posts / 2


def test_topics_are_those_of_the_matcher(sample_lake: Settings, spark: "SparkSession") -> None:
    topics = load_topics(sample_lake.topics_file)
    posts = spark.table("refined.refined_posts").select("post_id", "text", "language").orderBy("post_id").limit(500)
    read = [tuple(row) for row in posts.collect()]
    about = spark.table("refined.refined_post_topics").select("post_id", "topic", "topic_version").collect()
    ids = {post_id for post_id, _, _ in read}
    found = {(row["post_id"], row["topic"], row["topic_version"]) for row in about if row["post_id"] in ids}
    names = match_topics(topics, [text for _, text, _ in read], [code.replace("und", "") for _, _, code in read])
    version = {topic.name: topic.version for topic in topics}
    assert found == {(post[0], name, version[name]) for post, own in zip(read, names, strict=True) for name in own}


def test_a_model_is_in_production_with_honest_figures(sample_lake: Settings) -> None:
    status = read_status(sample_lake)
    (model,), (decision,) = status["models"], status["decisions"]
    assert (decision["model_version"], decision["decision"], decision["approved_by"]) == (1, "promoted", "gate")
    assert all(reason["passed"] for reason in decision["reasons"])
    assert model["aliases"] == ["production", "staging"]
    assert 0.6 < model["metrics"]["time.roc_auc"] < 0.85
    assert model["metrics"]["time.accuracy"] > model["metrics"]["time.majority_accuracy"]


def test_every_flow_left_its_account(sample_lake: Settings) -> None:
    runs = read_status(sample_lake)["runs"]
    assert {name: run["state"] for name, run in runs.items()} == dict.fromkeys(
        ("pipeline", "ingest", "build", "enrich", "train", "score"), "completed"
    )


def test_the_logs_of_delta_hold_days_and_times_and_nothing_that_a_person_wrote(sample_lake: Settings) -> None:
    bounds = {
        (log.parent.parent.name, field.name.removeprefix("min."), str(field.type))
        for log in table_logs(sample_lake)
        for field in pa.schema(DeltaTable(log.parent).get_add_actions(flatten=True).schema)
        if log.parent.parent.name != "ops" and field.name.startswith("min.")
    }
    assert {schema for schema, _, _ in bounds} == {"raw", "enriched", "curated", "refined", "scored"}
    texts = {name for _, name, kind in bounds if not kind.startswith(("date", "timestamp", "int"))}
    assert texts <= {"batch_id", "dataset", "vintage_id"}


def test_python_wrote_what_its_contracts_say(sample_lake: Settings, spark: "SparkSession") -> None:
    for contract in CONTRACTS.values():
        contract.check(dict(spark.table(contract.name).dtypes))


def test_a_second_run_adds_no_row_anywhere_and_trains_nothing(
    sample_lake: Settings, sample_folder: tuple[Path, "Manifest"]
) -> None:
    from flows.pipeline import pipeline

    def count() -> dict[str, Any]:
        status = read_status(sample_lake)
        tables = {name: table["rows"] for name, table in status["tables"].items() if name not in RUN_LOGS}
        return {**tables, "models": len(status["models"])}

    before = count()
    report = pipeline([str(sample_folder[0])])
    assert count() == before
    assert report["enrich"] == {"count_language": 0, "count_topics": 0, "count_places": 0, "count_sentiment": 0,
                                "count_stories": 0}  # fmt: skip
    assert report["ingest"]["count_batches"] == 0  # type: ignore[index]
    assert report["train"]["is_new"] is False  # type: ignore[index]
    assert report["score"]["count_scored"] == 0  # type: ignore[index]


def test_another_topic_list_matches_every_post_anew(
    sample_lake: Settings, sample_folder: tuple[Path, "Manifest"], spark: "SparkSession", tmp_path: Path
) -> None:
    file = tmp_path / "topics.yaml"
    file.write_text("version: 1\ntopics: [{name: flu, version: 1, meaning: Flu., queries: {en: flu}}]\n")
    changed = list_enrichments(sample_lake.model_copy(update={"topics_file": file}))
    counts = {each.name: find_unknown(spark, each).count() for each in changed}
    assert counts == {"language": 0, "topics": sample_folder[1].expected.posts, "places": 0, "sentiment": 0,
                      "stories": 0}  # fmt: skip


def test_a_corrected_language_takes_the_sentiment_with_it_and_brings_it_back(
    sample_lake: Settings, spark: "SparkSession"
) -> None:
    scored = "select * from enriched.post_sentiment where compound_sentiment > 0.5 order by post_id limit 1"
    before = spark.sql(scored).collect()[0].asDict()
    mine = f"post_id = '{before['post_id']}'"

    def take_for(language: str) -> dict[str, Any]:
        rows = spark.table(POST_LANGUAGES.name).where(mine).selectExpr("* except (language, detected_at)")
        rows = spark.createDataFrame(rows.collect(), rows.schema).selectExpr("*", f"'{language}' as language")
        days = (before["posted_date"], before["posted_date"])
        merge_rows(spark, sample_lake, POST_LANGUAGES, rows, stamp="detected_at", days=days, replace=True)
        assert enrich() == {"count_language": 0, "count_topics": 1, "count_places": 0, "count_sentiment": 1,
                            "count_stories": 0}  # fmt: skip
        return spark.table(POST_SENTIMENT.name).where(mine).collect()[0].asDict()

    german = take_for("de")
    assert (german["language"], german["compound_sentiment"], german["positive_sentiment"]) == ("de", None, None)
    assert {**take_for("en"), "scored_at": before["scored_at"]} == before


@pytest.mark.parametrize(
    "contract",
    [POST_FINGERPRINTS, POST_LANGUAGES, POST_TOPICS, POST_PLACES, POST_SENTIMENT],
    ids=lambda each: str(each.name),
)
def test_rows_that_break_a_contract_are_not_written(
    sample_lake: Settings, spark: "SparkSession", contract: Contract
) -> None:
    stamp = str(contract.loaded_at)
    broken = spark.table(contract.name).selectExpr(f"* except ({stamp}, posted_date)", "'today' as posted_date")
    refusal = rf"^A frame for {contract.name} breaks its contract: posted_date \(date expected, string found\)\.$"
    with pytest.raises(EpilakeError, match=refusal):
        merge_rows(spark, sample_lake, contract, broken, stamp=stamp, days=None)
