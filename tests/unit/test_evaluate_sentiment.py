"""`epilake evaluate sentiment`: on invented texts what it does, on the real sets the figures that are known.

Real posts are only counted: no failure prints one.
"""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from flows.labelled_sets import VADER_LABELLED, LabelledSets, read_labelled_sets
from flows.sentiment_evaluation import HELD_OUT, KNOWN_LABELS, OUT_OF_FOLD, Report, evaluate_sentiment, tell
from flows.sentiment_models import read_method
from flows.settings import Settings
from ml.sentiment_methods import LABELS, Vader
from tests.unit.labelled_texts import invent, write_pair


def call(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["evaluate", "sentiment", *arguments], env={"EPILAKE_HOME": str(home / "home")})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two invented sets, of which the second holds ten texts of the first, and a file that is no evidence."""
    found = tmp_path / "sets"
    found.mkdir()
    to_learn_from = invent(40, seed=1)
    write_pair(found, "tweets_val", to_learn_from)
    write_pair(
        found,
        "tweets_test",
        [*invent(30, seed=2), *((f" {text.upper()}", "neutral") for text, _ in to_learn_from[:10])],
    )
    (found / "Corona_NLP_test.csv").write_text(",".join(VADER_LABELLED) + "\n1,2,,,good,Positive\n")
    return found


def read_json(result: Result) -> dict[str, Any]:
    assert (result.exit_code, result.stderr) == (0, "")
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def test_every_method_is_measured_on_every_set_beside_the_majority(tmp_path: Path, folder: Path) -> None:
    report = read_json(call(tmp_path, str(folder), "--json"))
    assert report["labels"] == [*LABELS]
    assert [each["name"] for each in report["sets"]] == ["tweets_test", "tweets_val"]
    for each in report["sets"]:
        assert [result["method"] for result in each["results"]] == ["majority", "vader", "learnt"]
        for result in each["results"]:
            confusion = np.array(result["agreement"]["confusion"])
            assert confusion.sum(axis=1).tolist() == list(each["counts"].values())
            assert result["agreement"]["accuracy"]["value"] == pytest.approx(confusion.trace() / confusion.sum())
        assert each["results"][0]["agreement"]["accuracy"]["value"] == pytest.approx(1 / 3)
        assert each["results"][2]["gain"]["accuracy"]["low"] > 0


def test_nothing_is_measured_on_texts_that_were_learnt_from(tmp_path: Path, folder: Path) -> None:
    test, val = read_json(call(tmp_path, str(folder), "--json"))["sets"]
    assert (test["count_learnt_from"], val["count_learnt_from"]) == (10, 0)
    assert [sum(each["counts"].values()) for each in (test, val)] == [90, 120]
    assert [result["basis"] for result in test["results"]] == [KNOWN_LABELS, HELD_OUT, HELD_OUT]
    assert [result["basis"] for result in val["results"]] == [KNOWN_LABELS, HELD_OUT, OUT_OF_FOLD]


def test_the_page_says_the_figures_and_what_was_refused(tmp_path: Path, folder: Path) -> None:
    report = read_json(call(tmp_path, str(folder), "--json"))
    page = call(tmp_path, str(folder)).stdout
    for result in report["sets"][0]["results"]:
        accuracy = result["agreement"]["accuracy"]
        assert f"{accuracy['value']:.3f} [{accuracy['low']:.3f}, {accuracy['high']:.3f}]" in page
    assert "tweets_test: 90 texts; left out: 10 learnt from" in page
    assert "Corona_NLP_test.csv: it is refused as evidence: the labels of Corona_NLP are VADER's own scores" in page
    assert f"learnt {report['learnt']['version']}: from tweets_val" in page
    assert "* out of fold" in page


def test_the_learnt_method_is_kept_without_a_pickle(tmp_path: Path, folder: Path) -> None:
    learnt = read_json(call(tmp_path, str(folder), "--json", "--keep", str(tmp_path / "kept")))["learnt"]
    method = read_method(tmp_path / "kept", expected=learnt["sha256"])
    assert method.version == learnt["version"]
    assert tell(method, pd.Series(["a great and happy day"])).tolist() == ["positive"]


def test_without_a_set_to_learn_from_vader_stands_alone(tmp_path: Path) -> None:
    write_pair(tmp_path, "test", invent(5, seed=1))
    report = read_json(call(tmp_path, str(tmp_path), "--json"))
    assert [result["method"] for result in report["sets"][0]["results"]] == ["majority", "vader"]
    assert report["learnt"] is None
    assert "Nothing was learnt: there is no set named …_val" in call(tmp_path, str(tmp_path)).stdout


def refuse(result: Result, sentence: str) -> None:
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1
    assert sentence in result.stderr


def test_a_folder_of_nothing_but_vaders_own_labels_is_one_sentence(tmp_path: Path, folder: Path) -> None:
    for path in folder.glob("tweets_*"):
        path.unlink()
    refuse(call(tmp_path, str(folder)), "Corona_NLP_test.csv: it is refused as evidence")


def test_nothing_to_keep_is_one_sentence(tmp_path: Path) -> None:
    write_pair(tmp_path, "test", invent(5, seed=1))
    refuse(call(tmp_path, str(tmp_path), "--keep", str(tmp_path / "kept")), "expected a set named …_val to learn from")


def test_a_taken_place_is_one_sentence_before_anything_is_learnt(tmp_path: Path, folder: Path) -> None:
    refuse(call(tmp_path, str(folder), "--keep", str(folder)), "Something is already at")


def test_two_sets_to_learn_from_are_one_sentence(tmp_path: Path, folder: Path) -> None:
    write_pair(folder, "more_val", invent(40, seed=3))
    refuse(call(tmp_path, str(folder)), "expected one set named …_val to learn from, found more_val, tweets_val")


def test_a_set_that_is_too_small_to_learn_from_is_one_sentence(tmp_path: Path) -> None:
    write_pair(tmp_path, "val", invent(5, seed=1))
    refuse(call(tmp_path, str(tmp_path)), "expected at least 10 texts of each label to learn from, found 5 negative")


VAL, TEST, VACCINE = (
    "tweeteval_sentiment_val",
    "tweeteval_sentiment_test",
    "covid19_vaccine_tweets_with_sentiment",
)


@pytest.fixture(scope="module")
def real_sets(real_data: Path) -> LabelledSets:
    return read_labelled_sets(real_data / "sentiment")


@pytest.fixture(scope="module")
def real_report(real_sets: LabelledSets) -> Report:
    return evaluate_sentiment(real_sets, seed=Settings().seed)


def spell(report: Report, method: str, name: str) -> str:
    """Return accuracy and macro-F1 of a method on a set, three decimals each."""
    (found,) = (
        result.agreement
        for each in report.sets
        if each.name == name
        for result in each.results
        if result.method == method
    )
    return f"{found.accuracy.value:.3f} {found.macro_f1.value:.3f}"


def test_the_real_sets_are_read_whole(real_sets: LabelledSets) -> None:
    counts = {each.name: (len(each.texts), each.count_left_out) for each in real_sets.sets}
    assert counts == {VAL: (2_000, 0), TEST: (12_284, 0), VACCINE: (4_774, 6)}
    assert list(real_sets.refused) == ["Corona_NLP_train.csv.gz"]


@pytest.mark.parametrize(
    ("name", "vader", "majority"),
    [
        pytest.param(VAL, "0.573 0.560", "0.434 0.202", id="TweetEval val"),
        pytest.param(TEST, "0.530 0.529", "0.483 0.217", id="TweetEval test"),
        pytest.param(VACCINE, "0.453 0.408", "0.611 0.253", id="vaccine"),
    ],
)
def test_vader_reaches_what_is_known_of_it(real_report: Report, name: str, vader: str, majority: str) -> None:
    assert spell(real_report, "vader", name) == vader
    assert spell(real_report, "majority", name) == majority


@pytest.mark.parametrize("name", [VAL, TEST, VACCINE])
def test_the_learnt_method_beats_vader_by_more_than_chance(real_report: Report, name: str) -> None:
    (gain,) = (result.gain for each in real_report.sets if each.name == name for result in each.results if result.gain)
    assert gain.accuracy.low > 0.03
    assert gain.macro_f1.low > 0.03


def test_on_the_vaccine_set_the_most_frequent_answer_is_still_right_more_often(real_report: Report) -> None:
    """The README says so; should a method ever do better, it has good news to tell."""
    (vaccine,) = (each for each in real_report.sets if each.name == VACCINE)
    majority, vader, learnt = (result.agreement for result in vaccine.results)
    assert vader.accuracy.high < learnt.accuracy.low < learnt.accuracy.high < majority.accuracy.low
    assert learnt.recall["positive"].high < vader.recall["positive"].low


def test_no_real_text_is_both_learnt_from_and_measured_on(real_report: Report) -> None:
    assert [each.count_learnt_from for each in real_report.sets] == [0, 0, 0]


def test_vader_agrees_with_the_refused_labels_because_they_are_its_own(real_data: Path) -> None:
    """With people VADER agrees on one text in two; with these labels on 95 in 100."""
    content = gzip.decompress((real_data / "sentiment" / "Corona_NLP_train.csv.gz").read_bytes())
    rows = csv.DictReader(io.StringIO(content.decode("latin-1").replace("\r\r\n", "\n"), newline=""))
    pairs = [(row["OriginalTweet"], row["Sentiment"].split()[-1].lower()) for row in rows]
    told = tell(Vader(), pd.Series([text for text, _ in pairs]))
    assert np.mean(told == np.array([label for _, label in pairs])) > 0.94
