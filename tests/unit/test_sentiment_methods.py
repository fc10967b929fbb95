"""What holds for every sentiment method, and what the learnt one makes of invented texts."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flows.errors import EpilakeError
from flows.sentiment_models import FACTS, WEIGHTS, read_method, write_method
from ml.integrity import ModelTamperedError, PickledModelError, hash_folder
from ml.learnt_sentiment import RECIPES, Lesson, TooFewTextsError, learn
from ml.sentiment import SENTIMENT_COLUMNS
from ml.sentiment_methods import LABELS, SentimentMethod, Vader
from tests.unit.labelled_texts import invent

TRICKY = ["so good", None, "", " \n", "bad", float("nan"), "\ud83d", "词", "x" * 5_000]


def teach(seed: int = 1, count: int = 40) -> Lesson:
    rows = invent(count, seed=seed)
    return learn(pd.Series([text for text, _ in rows]), [label for _, label in rows], seed=1)


@pytest.fixture(scope="module")
def lesson() -> Lesson:
    return teach()


@pytest.fixture(scope="module", params=["vader", "learnt"])
def method(request: pytest.FixtureRequest, lesson: Lesson) -> SentimentMethod:
    methods: dict[str, SentimentMethod] = {"vader": Vader(), "learnt": lesson.method}
    return methods[request.param]


def test_each_method_names_itself_its_version_and_its_languages(method: SentimentMethod) -> None:
    assert method.name in {"vader", "learnt"}
    assert method.version
    assert method.languages == ("en",)


def test_each_method_keeps_the_index_and_knows_null_from_blank(method: SentimentMethod) -> None:
    texts = pd.Series(TRICKY, index=[f"post {number}" for number in range(len(TRICKY))], dtype="object")
    scores = method.score(texts)
    assert tuple(scores.columns) == SENTIMENT_COLUMNS
    assert list(scores.index) == list(texts.index)
    assert (scores.dtypes == "float64").all()
    assert scores.isna().all(axis=1).tolist() == texts.isna().tolist() == scores.isna().any(axis=1).tolist()
    assert scores.loc[["post 2", "post 3"]].eq(0.0).all(axis=None)


def test_each_method_gives_shares_that_sum_to_1_and_a_compound_within_1_of_0(method: SentimentMethod) -> None:
    scores = method.score(pd.Series([text for text, _ in invent(20, seed=7)]))
    shares = scores[list(SENTIMENT_COLUMNS[:3])]
    assert shares.ge(0).all(axis=None)
    assert shares.sum(axis=1).to_numpy() == pytest.approx(1, abs=0.0016)
    assert scores.compound_sentiment.between(-1, 1).all()


def test_each_method_scores_a_text_alone_as_among_others(method: SentimentMethod) -> None:
    texts = pd.Series([text for text, _ in invent(5, seed=8)])
    alone = pd.concat([method.score(texts.iloc[[place]]) for place in range(len(texts))])
    pd.testing.assert_frame_equal(method.score(texts), alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("texts", [[], [None, None], [""]], ids=["no rows", "only nulls", "only blank"])
def test_each_method_takes_a_series_without_texts(method: SentimentMethod, texts: list[str | None]) -> None:
    assert method.score(pd.Series(texts, dtype="object")).shape == (len(texts), len(SENTIMENT_COLUMNS))


def test_each_method_tells_labels_and_calls_a_blank_text_neutral(method: SentimentMethod) -> None:
    told = method.tell(method.score(pd.Series(["a great and happy day", "", "a sad and bad affair"])))
    assert told.tolist() == ["positive", "neutral", "negative"]


def test_each_method_refuses_to_tell_anything_of_no_text(method: SentimentMethod) -> None:
    with pytest.raises(ValueError, match="expected scores of texts, found 2 nulls"):
        method.tell(method.score(pd.Series(["good", None, None])))


def test_what_was_learnt_holds_for_texts_that_were_not_seen(lesson: Lesson) -> None:
    rows = invent(60, seed=9)
    told = lesson.method.tell(lesson.method.score(pd.Series([text for text, _ in rows])))
    right = np.mean(told == np.array([label for _, label in rows]))
    vader = Vader().tell(Vader().score(pd.Series([text for text, _ in rows])))
    assert right > 0.85
    assert right > np.mean(vader == np.array([label for _, label in rows]))


def test_out_of_fold_labels_are_not_those_of_the_fitted_method() -> None:
    """Labels at random: whoever was told them beforehand is right, whoever was not is as good as a die."""
    chance = np.random.default_rng(1)
    texts, labels = pd.Series([text for text, _ in invent(100, seed=3)]), chance.choice(LABELS, 300)
    lesson = learn(texts, labels.tolist(), seed=1)
    assert np.mean(lesson.method.tell(lesson.method.score(texts)) == labels) > 0.5
    assert 0.2 < np.mean(lesson.out_of_fold == labels) < 0.45


def test_the_recipe_is_the_best_in_cross_validation(lesson: Lesson) -> None:
    assert set(lesson.macro_f1) == set(RECIPES)
    assert lesson.macro_f1[lesson.recipe] == max(lesson.macro_f1.values())


def test_the_same_texts_and_seed_give_the_same_method(lesson: Lesson) -> None:
    again = teach()
    assert again.method.version == lesson.method.version
    assert (again.method.weights == lesson.method.weights).all()


def test_other_texts_give_another_version(lesson: Lesson) -> None:
    assert teach(seed=2).method.version != lesson.method.version


@pytest.mark.parametrize(
    ("texts", "labels", "found"),
    [
        pytest.param([], [], "found 0 negative, 0 neutral, 0 positive", id="none"),
        pytest.param(["a"] * 29, ["negative"] * 10 + ["neutral"] * 10 + ["positive"] * 9, "9 positive", id="one label"),
        pytest.param(
            [chr(0x4E00 + number) for number in range(60)], [*LABELS] * 20, "no 3 share one", id="nothing in common"
        ),
    ],
)
def test_too_few_texts_are_refused(texts: list[str], labels: list[str], found: str) -> None:
    with pytest.raises(TooFewTextsError, match=found):
        learn(pd.Series(texts, dtype="object"), labels, seed=1)


def test_a_method_that_was_written_scores_as_before(lesson: Lesson, tmp_path: Path) -> None:
    digest = write_method(tmp_path / "method", lesson.method)
    again = read_method(tmp_path / "method", expected=digest)
    texts = pd.Series([*TRICKY, *(text for text, _ in invent(20, seed=4))], dtype="object")
    pd.testing.assert_frame_equal(again.score(texts), lesson.method.score(texts), check_exact=True)
    assert (again.name, again.version, again.languages) == ("learnt", lesson.method.version, ("en",))


def test_a_method_written_twice_has_one_hash_and_no_place_is_written_twice(lesson: Lesson, tmp_path: Path) -> None:
    assert write_method(tmp_path / "one", lesson.method) == write_method(tmp_path / "deep" / "two", lesson.method)
    with pytest.raises(FileExistsError, match=r"Something is already at .*one: give the name of a new folder"):
        write_method(tmp_path / "one", lesson.method)


def change_a_weight(folder: Path) -> None:
    with np.load(folder / WEIGHTS) as arrays:
        changed = dict(arrays)
    changed["bias"] = changed["bias"] + 1
    np.savez(folder / WEIGHTS, **changed)


def change_a_term(folder: Path) -> None:
    facts = json.loads((folder / FACTS).read_text())
    facts["words"][0] = "planted"
    (folder / FACTS).write_text(json.dumps(facts))


@pytest.mark.parametrize(
    "tamper", [change_a_weight, change_a_term, lambda folder: (folder / "more").touch()], ids=["weight", "term", "file"]
)
def test_a_method_that_was_changed_is_not_read(
    lesson: Lesson, tmp_path: Path, tamper: Callable[[Path], object]
) -> None:
    digest = write_method(tmp_path / "method", lesson.method)
    tamper(tmp_path / "method")
    with pytest.raises(ModelTamperedError, match=f"to hash to {digest}, found"):
        read_method(tmp_path / "method", expected=digest)


class Planted:
    """Leaves a file if it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.trace,)


def test_a_pickle_among_the_weights_is_not_opened_whatever_its_hash(lesson: Lesson, tmp_path: Path) -> None:
    folder, trace = tmp_path / "method", tmp_path / "trace"
    write_method(folder, lesson.method)
    with np.load(folder / WEIGHTS) as arrays:
        changed = dict(arrays)
    changed["bias"] = np.array([Planted(trace)] * 3, dtype="object")
    np.savez(folder / WEIGHTS, **changed)
    with pytest.raises(PickledModelError, match=r"found weights\.npz: bias\.npy in it"):
        read_method(folder, expected=hash_folder(folder))
    assert not trace.exists()


def test_a_method_of_another_format_is_not_read(lesson: Lesson, tmp_path: Path) -> None:
    write_method(tmp_path / "m", lesson.method)
    facts = json.loads((tmp_path / "m" / FACTS).read_text())
    (tmp_path / "m" / FACTS).write_text(json.dumps(facts | {"format": 2}))
    with pytest.raises(EpilakeError, match="expected format 1 of a sentiment method, found 2: learn it again"):
        read_method(tmp_path / "m", expected=hash_folder(tmp_path / "m"))
