"""The light predictor says what MLlib says, of every candidate, on posts that lie outside of what any has seen."""

import json
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import functions as sf

from ml.candidates.known import CANDIDATES
from ml.engineered import NUMBERS, TOLD, make_numbers
from ml.features import FEATURES, POSTING_FEATURES, to_model_frame
from ml.model import score
from ml.plain_numbers import PLAIN_NUMBERS, strict_log, told_text
from ml.predictor import PredictorError, open_predictor, read_predictor, to_plain
from ml.predictor_document import DOCUMENT, write_predictor
from ml.stored_pipeline import UnreadablePipelineError
from tests.spark.hostile_posts import make_hostile
from tests.spark.labelled_posts import ROWS, SCHEMA, make_post

pytestmark = pytest.mark.spark

POSTS = 10_000
TOLERANCE = 1e-14
"""How far a probability may lie from MLlib's where a sum of doubles and `exp` stand before it."""


@pytest.fixture(scope="module")
def hostile(spark):
    posts = [make_hostile(number) for number in range(POSTS)]
    frame = spark.createDataFrame(posts, SCHEMA).repartition(3).cache()
    yield frame
    frame.unpersist()


@pytest.fixture(scope="module")
def columns(hostile):
    """The same posts as the predictor takes them, in the order of their ids."""
    rows = hostile.toArrow().sort_by("post_id")
    return {
        name: (rows[name].cast("int64") if name.endswith("_at") else rows[name]).to_pylist()
        for name in POSTING_FEATURES
    }


@pytest.fixture(scope="module")
def learnt(spark):
    """Posts with planted signals in followers and words, some of them hostile, to learn from."""
    posts = [make_post(number) for number in range(ROWS)]
    strange = [make_hostile(number) | {"post_id": f"s{number}"} for number in range(3 * ROWS)]
    strange = [post | {"was_retweeted": "flu" in (post["text"] or "")} for post in strange]
    frame = to_model_frame(spark.createDataFrame([*posts, *strange], SCHEMA)).cache()
    yield frame
    frame.unpersist()


@pytest.fixture(scope="module", params=[*CANDIDATES, "logistic without text", "tree with language"])
def fitted(request, learnt):
    name = request.param.split()[0]
    candidate = CANDIDATES[name]
    features = tuple(candidate.features)
    if request.param.endswith("text"):
        features = tuple(feature for feature in features if feature != "text")
    if request.param.endswith("language"):
        features = (*features, "language")
    return request.param, candidate.fit(learnt, features, params=candidate.defaults, seed=7)


@pytest.fixture(scope="module")
def predictor(fitted, tmp_path_factory):
    _, pipeline = fitted
    folder = tmp_path_factory.mktemp("predictor")
    pipeline.write().overwrite().save((folder / "sparkml").as_uri())
    write_predictor(folder / "sparkml", folder / DOCUMENT)
    assert "NaN" not in (folder / DOCUMENT).read_text()
    return folder


def test_probabilities_are_mllibs(fitted, predictor, hostile, columns):
    name, pipeline = fitted
    rows = score(pipeline, hostile).select("post_id", "retweet_probability", "is_retweet_expected").toArrow()
    rows = rows.sort_by("post_id")
    wanted, found = rows["retweet_probability"].to_numpy(), read_predictor(predictor / DOCUMENT).predict(columns)
    assert len(found) == POSTS
    assert len(set(wanted)) > 5
    if name.split()[0] in ("article", "tree"):
        assert np.array_equal(found, wanted)
    else:
        assert np.max(np.abs(found - wanted)) <= TOLERANCE
    assert np.array_equal(found > 0.5, rows["is_retweet_expected"].to_numpy(zero_copy_only=False))


def test_one_post_is_answered_as_among_others(predictor, columns):
    light = read_predictor(predictor / DOCUMENT)
    together = light.predict(columns)
    for at in range(0, POSTS, 97):
        assert light.predict({name: values[at : at + 1] for name, values in columns.items()})[0] == together[at]


def test_a_version_without_a_document_is_taken_apart_when_it_is_opened(predictor, columns):
    written = (predictor / DOCUMENT).read_text()
    (predictor / DOCUMENT).unlink()
    try:
        found = open_predictor(predictor).predict(columns)
    finally:
        (predictor / DOCUMENT).write_text(written)
    assert np.array_equal(found, open_predictor(predictor).predict(columns))


def test_every_number_is_the_double_that_its_sql_gives(spark, hostile, columns):
    frame = make_numbers(NUMBERS).transform(to_model_frame(hostile))
    wanted = frame.select("post_id", TOLD, *(sf.col(name) for name in NUMBERS)).toArrow().sort_by("post_id")
    plain = {name: [to_plain(FEATURES[name].kind, value) for value in values] for name, values in columns.items()}
    plain[TOLD] = [told_text(text) for text in plain["text"]]
    posts = [dict(zip(plain, values, strict=True)) for values in zip(*plain.values(), strict=True)]
    assert plain[TOLD] == wanted[TOLD].to_pylist()
    assert list(PLAIN_NUMBERS) == list(NUMBERS)
    for name, number in PLAIN_NUMBERS.items():
        values = wanted[name].to_pylist()
        assert [number(post) for post in posts] == values, name
        assert len(set(values)) > 1, name


def test_logarithms_are_javas_to_the_last_bit(spark):
    values = [1.0 + step for step in range(20_000)] + [float(2**power) + 0.5 for power in range(63)]
    values += [1.0 + 2.0**-power for power in range(1, 53)] + [1.0 + step / 86_400 for step in range(1, 9_999)]
    frame = spark.createDataFrame([(value,) for value in values], "value double").selectExpr(
        "value", "ln(value) as log"
    )
    assert [row for row in frame.collect() if strict_log(row["value"]) != row["log"]] == []


@pytest.mark.slow
def test_words_of_a_text_are_mllibs_but_for_letters_that_one_unicode_does_not_know(spark):
    from pyspark.ml.feature import RegexTokenizer

    from ml.predictor import _GAPS
    from ml.predictor_document import TOKENS

    signs = [chr(code) for code in range(1, sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    frame = spark.createDataFrame([(f"a{sign}b",) for sign in signs], "text string").repartition(4)
    tokens = RegexTokenizer(inputCol="text", outputCol="words", pattern=TOKENS).transform(frame)
    differ = [
        row["text"][1:-1]
        for row in tokens.toLocalIterator()
        if [word for word in _GAPS.split(row["text"].lower()) if word] != list(row["words"])
    ]
    known = [sign for sign in differ if unicodedata.category(sign) != "Cn"]
    age = spark.createDataFrame([(sign,) for sign in known], "sign string")
    unassigned = age.where(r"sign not rlike r'^\p{Cn}$'").collect()
    assert [(row["sign"], hex(ord(row["sign"]))) for row in unassigned] == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": 99}, "expected a predictor of format 1, found 99"),
        ({"further": 1}, "expected a predictor in predictor.json, found none"),
        ({"statement": "select * from __THIS__"}, "made otherwise in this release"),
    ],
)
def test_a_document_of_another_release_is_refused(learnt, tmp_path, change, told):
    candidate = CANDIDATES["boosted"]
    pipeline = candidate.fit(learnt.limit(300), candidate.features, params=candidate.defaults | {"trees": 1}, seed=7)
    pipeline.write().overwrite().save((tmp_path / "sparkml").as_uri())
    write_predictor(tmp_path / "sparkml", tmp_path / DOCUMENT)
    about = json.loads((tmp_path / DOCUMENT).read_text())
    (tmp_path / DOCUMENT).write_text(json.dumps(about | change))
    with pytest.raises(PredictorError, match=told):
        read_predictor(tmp_path / DOCUMENT)


def test_a_pipeline_of_other_stages_is_refused(learnt, tmp_path: Path):
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import RandomForestClassifier
    from pyspark.ml.feature import MinMaxScaler, VectorAssembler

    assembler = VectorAssembler(inputCols=["user_followers"], outputCol="raw")
    scaler = MinMaxScaler(inputCol="raw", outputCol="features")
    forest = RandomForestClassifier(numTrees=2, maxDepth=2)
    for name, stages, told in (
        ("scaled", [assembler, scaler, forest], "LogisticRegressionModel in the pipeline, found MinMaxScalerModel"),
        ("forest", [assembler.copy().setOutputCol("features"), forest], "found RandomForestClassificationModel"),
    ):
        Pipeline(stages=stages).fit(learnt).write().overwrite().save((tmp_path / name).as_uri())
        with pytest.raises(UnreadablePipelineError, match=told):
            write_predictor(tmp_path / name, tmp_path / DOCUMENT)
    with pytest.raises(UnreadablePipelineError, match="expected the JSON document of a stage"):
        write_predictor(tmp_path, tmp_path / DOCUMENT)
