"""The model on constructed posts: what it learns, what it refuses, and that the registry gives back what it got."""

import json
import random
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyspark.ml import PipelineModel
from pyspark.ml.linalg import Vectors
from pyspark.sql import functions as sf

from ml.candidates.in_memory import IN_MEMORY, collect, learn
from ml.candidates.known import CANDIDATES
from ml.candidates.search import best_of, search
from ml.card import write_card
from ml.dataset import SingleClassError, TooFewRowsError, open_dataset, story_of
from ml.evaluation import evaluate
from ml.features import (
    ARTICLE_FEATURES,
    WITHOUT_SENTIMENT,
    LeakedFeatureError,
    UnknownFeatureError,
    to_model_frame,
)
from ml.integrity import ModelTamperedError
from ml.leakage import ConstantFeatureError, SuspectedLeakError
from ml.model import (
    ARTICLE_TREE,
    Tree,
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
from ml.split import Counts, SplitKind
from ml.training import evaluate_on_held_out, fingerprint, train
from ml.training_set import describe, to_json
from ml.tree import count_answers, read_tree

pytestmark = pytest.mark.spark

SCHEMA = """source string, post_id string, author_id string, posted_at timestamp, posted_date date,
    user_location string, hashtags string, user_followers bigint, user_friends bigint, user_favourites bigint,
    user_verified boolean, positive_sentiment double, negative_sentiment double, was_retweeted boolean,
    text string, language string, client_name string, user_created_at timestamp"""
START = datetime(2021, 1, 1, tzinfo=UTC)
ROWS = 800
SEED = 7
SMALL = Tree(max_depth=4)


def make_post(number: int, *, label=None, **changed) -> dict:
    """One post of an author with five posts; authors with many followers beside few friends are retweeted."""
    draw = random.Random(number)
    followers = draw.choice([100, 100, 5_000])
    posted_at = START + timedelta(minutes=number // 2)
    post = {
        "source": "test",
        "post_id": f"p{number:04}",
        "author_id": f"a{number // 5}",
        "posted_at": posted_at,
        "posted_date": posted_at.date(),
        "user_location": draw.choice(["Kyiv", "Lima", None]),
        "hashtags": draw.choice(["['Flu']", "['COVID19', 'Vaccine']", None]),
        "user_followers": followers,
        "user_friends": 1_000,
        "user_favourites": 1_000,
        "user_verified": draw.random() < 0.1,
        "positive_sentiment": draw.random(),
        "negative_sentiment": None,
        "text": f"Fever in ward {number % 97} of the city! https://example.org/{number}",
        "language": draw.choice(["en", "es"]),
        "client_name": draw.choice(["Twitter for iPhone", "Twitter Web App", None]),
        "user_created_at": START - timedelta(days=draw.randrange(3_000)),
        "was_retweeted": (followers > 1_000) != (draw.random() < 0.1),
    }
    return post | ({} if label is None else {"was_retweeted": label}) | changed


@pytest.fixture(scope="module")
def features(spark):
    """800 labelled posts with a planted signal in the followers, one in ten turned round, and 10 without a label."""
    posts = [make_post(number) for number in range(ROWS)]
    unknown = [make_post(number) | {"was_retweeted": None} for number in range(ROWS, ROWS + 10)]
    frame = spark.createDataFrame([*posts, *unknown], SCHEMA).repartition(3).cache()
    yield frame
    frame.unpersist()


@pytest.fixture(scope="module")
def dataset(features):
    with open_dataset(features, seed=SEED) as dataset:
        yield dataset


@pytest.fixture(scope="module")
def trained(dataset):
    return train(dataset, tree=SMALL)


def test_model_frame_has_no_null_and_keeps_its_rows(spark):
    posts = [make_post(0), make_post(1) | dict.fromkeys(ARTICLE_FEATURES) | {"was_retweeted": None}]
    frame = to_model_frame(spark.createDataFrame(posts, SCHEMA)).orderBy("post_id")
    empty = frame.collect()[1]
    assert {name: empty[name] for name in ARTICLE_FEATURES} == {
        "user_location": "",
        "hashtags": "",
        "user_followers": 0.0,
        "user_friends": 0.0,
        "user_favourites": 0.0,
        "positive_sentiment": 0.0,
        "negative_sentiment": 0.0,
        "user_verified": 0.0,
    }
    assert empty["label"] is None
    assert to_model_frame(frame).orderBy("post_id").collect() == frame.collect()


def test_sentiment_that_is_not_a_number_becomes_0(spark):
    frame = spark.createDataFrame([make_post(0, positive_sentiment=float("nan"))], SCHEMA)
    assert to_model_frame(frame).first()["positive_sentiment"] == 0.0


def test_dataset_counts_labelled_rows_and_those_left_out(dataset):
    assert (dataset.counts.rows, dataset.unlabelled_rows) == (ROWS, 10)
    assert (dataset.first_posted_at, dataset.last_posted_at) == (START, START + timedelta(minutes=ROWS // 2 - 1))


def test_no_post_learnt_from_is_as_late_as_one_held_out(dataset):
    split = dataset.split(SplitKind.TIME)
    last = split.train.agg(sf.max("posted_seconds")).first()[0]
    first = split.held_out.agg(sf.min("posted_seconds")).first()[0]
    assert last < first
    assert split.held_out_counts.rows == ROWS // 4


def test_author_is_on_one_side_with_all_posts(dataset):
    split = dataset.split(SplitKind.AUTHOR)
    sides = [
        {row[0] for row in part.select("author_id").distinct().collect()} for part in (split.train, split.held_out)
    ]
    assert not sides[0] & sides[1]
    assert len(sides[0] | sides[1]) == ROWS // 5
    assert 0.15 < split.held_out_counts.rows / ROWS < 0.35


def test_story_is_on_one_side_with_all_posts_that_tell_it(dataset):
    split = dataset.split(SplitKind.STORY)
    told = sf.regexp_extract("text", r"ward (\d+)", 1)
    sides = [{row[0] for row in part.select(told).distinct().collect()} for part in (split.train, split.held_out)]
    assert sides[0] | sides[1] == {str(number) for number in range(97)}
    assert not sides[0] & sides[1]


def test_repeats_of_a_text_tell_its_story_and_a_known_story_goes_before_the_text(spark):
    texts = ["Stay home", "RT @who: Stay home", "b'RT @a: RT @b: Stay home", "Go out", None]
    posts = [make_post(number, text=text) for number, text in enumerate(texts)]
    frame = to_model_frame(spark.createDataFrame(posts, SCHEMA)).orderBy("post_id")
    assert [row[0] for row in frame.select(story_of(frame)).collect()] == ["Stay home"] * 3 + ["Go out", ""]
    known = frame.withColumn("story_id", sf.when(sf.col("post_id") == "p0003", sf.lit("test/p0000")))
    assert known.select(story_of(known)).collect()[3][0] == "test/p0000"


def test_one_text_for_all_is_no_refusal_but_leaves_the_figure_by_story_out(spark):
    posts = [make_post(number, text="the same") for number in range(400)]
    with open_dataset(spark.createDataFrame(posts, SCHEMA), seed=SEED) as alike:
        assert [split.kind for split in alike.splits] == [SplitKind.TIME, SplitKind.AUTHOR]
        assert "held-out part of the story split" in alike.notes[0] or "training part" in alike.notes[0]


def test_features_of_which_none_differs_are_named_and_refused(spark):
    posts = [make_post(number, user_verified=False, user_friends=3) for number in range(400)]
    with open_dataset(spark.createDataFrame(posts, SCHEMA), seed=SEED) as dull:
        assert {"user_verified", "user_friends"} <= set(dull.constants)
        with pytest.raises(ConstantFeatureError, match="one value in each of user_verified, user_friends"):
            train(dull, feature_names=["user_verified", "user_friends"])


@pytest.mark.parametrize("kind", list(SplitKind))
def test_counts_of_a_split_are_those_of_its_frames(dataset, kind):
    split = dataset.split(kind)
    for frame, counts in ((split.train, split.train_counts), (split.held_out, split.held_out_counts)):
        found = frame.agg(sf.count(sf.lit(1)), sf.sum("label").cast("long")).first()
        assert Counts(*found) == counts
    assert split.train_counts + split.held_out_counts == dataset.counts


def test_digest_names_the_rows_and_not_their_order(features, dataset):
    with open_dataset(features.orderBy(sf.rand(3)).repartition(5), seed=SEED) as shuffled:
        assert shuffled.digest == dataset.digest
    changed = features.withColumn(
        "user_friends", sf.when(sf.col("post_id") == "p0003", 1).otherwise(sf.col("user_friends"))
    )
    with open_dataset(changed, seed=SEED) as other:
        assert other.digest != dataset.digest


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


@pytest.mark.parametrize(
    ("posts", "error", "message"),
    [
        pytest.param(
            [make_post(number, label=False) for number in range(300)],
            SingleClassError,
            "every one of the 300 labelled posts has was_retweeted = false",
            id="one class",
        ),
        pytest.param(
            [make_post(number) for number in range(150)],
            TooFewRowsError,
            "at least 200 labelled posts, found 150",
            id="few",
        ),
        pytest.param(
            [make_post(number, label=number < 100) for number in range(300)],
            TooFewRowsError,
            "in the held-out part of the time split, found 0 of the rarer one among 76",
            id="no positive late",
        ),
        pytest.param(
            [make_post(number, posted_at=START, label=number % 2 == 0) for number in range(300)],
            TooFewRowsError,
            "in the training part of the time split, found 0 of the rarer one among 0",
            id="all at one moment",
        ),
        pytest.param([make_post(0)][:0], TooFewRowsError, "at least 200 labelled posts, found 0", id="no rows"),
    ],
)
def test_posts_that_teach_nothing_are_refused(spark, posts, error, message):
    with pytest.raises(error, match=message), open_dataset(spark.createDataFrame(posts, SCHEMA), seed=SEED):
        pass


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
