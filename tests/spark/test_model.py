"""The model on constructed posts: what it learns, what it refuses, and that the registry gives back what it got."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.ml import PipelineModel
from pyspark.ml.linalg import Vectors
from pyspark.sql import functions as sf

from ml.candidates.in_memory import IN_MEMORY, collect, learn
from ml.candidates.known import CANDIDATES
from ml.candidates.search import best_of, search
from ml.card import write_card
from ml.dataset import open_dataset
from ml.evaluation import evaluate
from ml.features import (
    ARTICLE_FEATURES,
    WITHOUT_SENTIMENT,
    LeakedFeatureError,
    UnknownFeatureError,
    to_model_frame,
)
from ml.integrity import ModelTamperedError
from ml.leakage import SuspectedLeakError
from ml.model import (
    ARTICLE_TREE,
    feature_names,
    fit_indexers,
    fit_model,
    importances,
    make_stages,
    predict,
    score,
    tree_of,
)
from ml.plots import draw_all
from ml.registry import STAGING, NoModelError, Registry
from ml.report import write_report
from ml.run_log import TableVersion
from ml.split import SplitKind
from ml.training import evaluate_on_held_out, fingerprint, train
from ml.training_set import describe, to_json
from ml.tree import count_answers, read_tree
from tests.spark.labelled_posts import ROWS, SCHEMA, SEED, SMALL, START, make_post

pytestmark = pytest.mark.spark


def test_fingerprint_changes_with_all_that_makes_a_model(dataset):
    known = fingerprint(dataset, tree=SMALL, code_version="1")
    assert known == fingerprint(dataset, tree=SMALL, code_version="1")
    others = {
        fingerprint(dataset, tree=SMALL, code_version="2"),
        fingerprint(dataset, tree=ARTICLE_TREE, code_version="1"),
        fingerprint(dataset, tree=SMALL, feature_names=WITHOUT_SENTIMENT, code_version="1"),
        fingerprint(replace(dataset, seed=8), tree=SMALL, code_version="1"),
        fingerprint(replace(dataset, digest="0"), tree=SMALL, code_version="1"),
    }
    assert len(others - {known}) == 5


def test_leaked_feature_is_refused_before_anything_is_fitted(dataset):
    with pytest.raises(LeakedFeatureError, match="favorites is known only after the outcome"):
        train(dataset, feature_names=[*ARTICLE_FEATURES, "favorites"])


def test_planted_signal_is_learnt_and_sentiment_adds_nothing(trained):
    assert trained.evaluation.roc_auc > 0.8
    assert trained.evaluation.accuracy > trained.evaluation.majority_accuracy + 0.1
    assert next(iter(importances(trained.pipeline))) == "user_followers"
    for kind in (SplitKind.TIME, SplitKind.AUTHOR):
        assert abs(trained.result(kind).gain_of_sentiment.roc_auc) < 0.05
    gain = trained.detail.gain_of_sentiment["roc_auc"]
    assert gain.low <= trained.result(SplitKind.TIME).gain_of_sentiment.roc_auc <= gain.high
    assert next(iter(trained.detail.single)).startswith("log_followers")


def test_metrics_are_named_by_split_and_feature_set(trained):
    names = set(trained.metrics())
    assert {"time.roc_auc", "author.accuracy", "time.without_sentiment.roc_auc", "time.majority_accuracy"} <= names


def test_same_rows_and_seed_give_the_same_model(features, trained):
    with open_dataset(features.repartition(7), seed=SEED) as again:
        model = train(again, tree=SMALL)
    assert (
        tree_of(model.pipeline).toDebugString.split("\n")[1:] == tree_of(trained.pipeline).toDebugString.split("\n")[1:]
    )
    assert model.results == trained.results


def test_pipeline_is_the_articles(trained):
    stages = trained.pipeline.stages
    names = [type(stage).__name__ for stage in stages]
    assert names == ["StringIndexerModel", "VectorAssembler", "Normalizer", "DecisionTreeClassificationModel"]
    assert stages[0].getHandleInvalid() == "keep"
    assert stages[1].getInputCols() == ["indexedLocations", "indexedhashtags", *ARTICLE_FEATURES[2:]]
    assert stages[2].getP() == 1.0
    assert feature_names(trained.pipeline) == ARTICLE_FEATURES


def test_equally_frequent_categories_are_indexed_by_the_alphabet(spark):
    places = ["b", "c", "a", "c", "b", "a", "z", "z", "z"]
    posts = [make_post(number, user_location=place) for number, place in enumerate(places)]
    frame = to_model_frame(spark.createDataFrame(posts, SCHEMA).repartition(4))
    (indexer,) = fit_indexers(frame, ["user_location"])
    assert list(indexer.labelsArray[0]) == ["z", "a", "b", "c"]


def test_normaliser_leaves_an_all_zero_post_alone_and_forgets_that_an_index_is_a_category(spark):
    posts = [make_post(number, user_location="one", hashtags="[]", user_verified=False) for number in range(2)]
    zeros = dict.fromkeys(("user_followers", "user_friends", "user_favourites"), 0) | {"positive_sentiment": 0.0}
    frame = to_model_frame(spark.createDataFrame([post | zeros for post in posts], SCHEMA))
    (indexer,) = fit_indexers(frame, ARTICLE_FEATURES)
    assembler, normaliser, _ = make_stages(ARTICLE_FEATURES, tree=SMALL, seed=SEED)
    normalised = normaliser.transform(assembler.transform(indexer.transform(frame)))
    assert normalised.first()["features"] == Vectors.sparse(8, {})
    assert "nominal" not in str(normalised.schema["features"].metadata)


def test_unseen_place_null_place_and_unlabelled_post_are_scored(spark, trained):
    posts = [make_post(0, user_location="never seen"), make_post(1, user_location=None)]
    frame = spark.createDataFrame(posts, SCHEMA).drop("was_retweeted")
    scored = score(trained.pipeline, frame).collect()
    assert [row["post_id"] for row in scored] == ["p0000", "p0001"]
    for row in scored:
        assert 0 <= row["retweet_probability"] <= 1
        assert row["is_retweet_expected"] == (row["retweet_probability"] > 0.5)


FEW = {"boosted": {"trees": 3, "max_depth": 2}, "logistic": {"buckets": 64}, "sklearn": {"trees": 10}}


@pytest.mark.parametrize("name", FEW)
def test_candidate_learns_the_planted_signal_and_is_scored_again_without_a_label(dataset, spark, tmp_path, name):
    candidate, split = CANDIDATES[name], dataset.split(SplitKind.TIME)
    params = candidate.defaults | FEW[name]
    model = candidate.fit(split.train, candidate.features, params=params, seed=SEED)
    assert evaluate(score(model, split.held_out)).roc_auc > 0.8
    assert sum(importances(model).values()) == pytest.approx(1)
    model.write().save(str(tmp_path / name))
    again = PipelineModel.load(str(tmp_path / name))
    posts = [make_post(0), make_post(1, text=None, language=None, user_created_at=None, client_name=None)]
    frame = spark.createDataFrame(posts, SCHEMA).drop("was_retweeted")
    first, second = (score(pipeline, frame).select("retweet_probability").collect() for pipeline in (model, again))
    assert first == second
    assert all(0 <= row[0] <= 1 for row in first)


def test_trees_of_scikit_learn_say_the_same_as_a_model_of_mllib(dataset):
    split = dataset.split(SplitKind.TIME)
    model = IN_MEMORY.fit(split.train, IN_MEMORY.features, params=IN_MEMORY.defaults, seed=SEED)
    learner = learn(*collect(split.train, IN_MEMORY.features)[:2], params=IN_MEMORY.defaults, seed=SEED)
    expected = learner.predict_proba(collect(split.held_out, IN_MEMORY.features)[0])[:, 1]
    rows = predict(model, split.held_out).orderBy("source", "post_id").select("retweet_probability").collect()
    assert [row[0] for row in rows] == pytest.approx(expected.tolist(), abs=1e-12)


def test_search_reads_the_training_part_alone_and_finds_the_signal(dataset):
    train_rows = dataset.split(SplitKind.TIME).train
    trials = list(search(IN_MEMORY, train_rows, IN_MEMORY.features, trials=2, seed=SEED))
    assert len(trials) == 2
    assert trials[0].params == IN_MEMORY.defaults
    assert best_of(trials).mean_roc_auc > 0.75
    assert trials == list(search(IN_MEMORY, train_rows, IN_MEMORY.features, trials=2, seed=SEED))


def test_column_that_knows_the_outcome_under_an_honest_name_is_refused(features):
    leaked = features.withColumn("user_friends", sf.col("was_retweeted").cast("int") * 7 + 1)
    with (
        open_dataset(leaked, seed=SEED) as dataset,
        pytest.raises(SuspectedLeakError, match=r"log_friends alone reaches a held-out ROC-AUC of 1\.000"),
    ):
        train(dataset, tree=SMALL)


def test_a_frame_that_lacks_what_a_candidate_reads_is_refused(features):
    with (
        open_dataset(features.drop("client_name"), seed=SEED) as dataset,
        pytest.raises(UnknownFeatureError, match="expected the columns client_name in the features"),
    ):
        train(dataset, candidate=IN_MEMORY)


def test_report_holds_its_pictures_and_asks_no_other_host(dataset, trained):
    weights = importances(trained.pipeline)
    tree = read_tree(trained.pipeline, dataset.split(SplitKind.TIME).held_out)
    page = write_report(
        trained, figures=draw_all(trained, tree, weights), importances=weights, tables={"refined.t": 3},
        trained_at=START, code_version="1",
    )  # fmt: skip
    assert page.count("data:image/png;base64,") == 6
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page)
    low, high = vars(trained.detail.draws.intervals()["roc_auc"]).values()
    for wanted in (
        f"{trained.evaluation.roc_auc:.3f} ({low:.3f} to {high:.3f})",
        "the author&#39;s own earlier rate",
        "Twitter for iPhone",
        dataset.digest,
    ):
        assert wanted in page, wanted


def test_training_set_names_rows_and_fit_so_that_both_can_be_had_again(dataset, trained):
    document = json.loads(to_json(describe(trained, {"refined.t": 3}, code_version="1")))
    assert document["tables"] == {"refined.t": 3}
    assert document["class_balance"]["retweeted"] == dataset.counts.positives
    assert (document["digest"], document["seed"]) == (dataset.digest, SEED)
    candidate = CANDIDATES[document["candidate"]]
    split = dataset.split(SplitKind.TIME)
    again = candidate.fit(split.train, document["features"], params=document["params"], seed=document["seed"])
    both = [score(model, split.held_out).orderBy("post_id").collect() for model in (again, trained.pipeline)]
    assert both[0] == both[1]


def test_model_without_categories_needs_no_indexer(dataset):
    split = dataset.split(SplitKind.TIME)
    model = fit_model(split.train, ["user_followers", "user_friends"], tree=SMALL, seed=SEED)
    assert len(model.stages) == 3
    assert evaluate(score(model, split.held_out)).roc_auc > 0.8


def test_tree_holds_every_held_out_post(dataset, trained):
    held_out = dataset.split(SplitKind.TIME)
    tree = read_tree(trained.pipeline, held_out.held_out)
    assert tree.counts == held_out.held_out_counts
    assert count_answers(tree) == tree_of(trained.pipeline).numNodes // 2 + 1
    assert tree.feature == "user_followers"


def test_registered_model_comes_back_and_a_tampered_one_is_refused(tmp_path, dataset, trained):
    registry = Registry(f"sqlite:///{tmp_path / 'mlflow.db'}", (tmp_path / "artifacts").as_uri())
    weights = importances(trained.pipeline)
    tree = read_tree(trained.pipeline, dataset.split(SplitKind.TIME).held_out)
    card = write_card(trained, importances=weights, tables={"refined.t": 0}, trained_at=START, code_version="1")
    version = registry.log_and_register(
        trained,
        fingerprint="f",
        tables=[TableVersion("refined.t", "/lake/refined/t", 0)],
        code_version="1",
        figures=draw_all(trained, tree, weights),
        card=card,
        documents={"training_set.json": "{}"},
    )
    assert registry.read_document(version, "training_set.json") == "{}"
    with pytest.raises(NoModelError, match=r"no other\.json was recorded with version 1"):
        registry.read_document(version, "other.json")
    registry.set_alias(STAGING, version)
    assert (version, registry.find_trained("f")) == (1, 1)

    loaded = registry.load(STAGING)
    assert loaded.version == version
    assert evaluate_on_held_out(loaded.pipeline, dataset) == trained.evaluation

    (row,) = registry.describe()
    assert row["metrics"] == pytest.approx(trained.metrics())
    tags = registry.connect().get_model_version(registry.model_name, "1").tags
    assert tags["delta_versions"] == '{"refined.t": 0}'
    assert tags["dataset_digest"] == dataset.digest

    stored = Path(tmp_path / "artifacts" / row["run_id"] / "artifacts")
    assert {"roc.png", "precision_recall.png", "importances.png", "tree.png", "confusion.png"} <= {
        path.name for path in stored.iterdir()
    }
    assert (stored / "model_card.md").read_text() == card
    (stored / "model" / "requirements.txt").write_text("something==1\n")
    with pytest.raises(ModelTamperedError, match="they are not what was registered"):
        registry.load(STAGING)


def test_card_says_what_it_is_worth(dataset, trained):
    card = write_card(trained, importances={}, tables={"refined.t": 3}, trained_at=START, code_version="1")
    for wanted in (
        "Table `refined.t`, Delta version 3",
        f"{ROWS:,} labelled posts, 2021-01-01 to 2021-01-01 UTC",
        dataset.digest,
        f"| time | always the majority | {trained.evaluation.majority_accuracy:.3f} |",
        f"{trained.evaluation.roc_auc:.3f} ±",
        "not to be told from chance",
        "at posting",
    ):
        assert wanted in card, wanted
