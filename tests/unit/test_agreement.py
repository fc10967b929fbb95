"""Every figure against scikit-learn, every interval against what is known of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from ml.agreement import compare, find_majority, measure
from ml.sentiment_methods import LABELS

pairs_of_every_label = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=3, max_size=60)
pairs_of_every_label = pairs_of_every_label.filter(lambda pairs: {truth for truth, _ in pairs} == set(LABELS))


@given(pairs_of_every_label)
@settings(max_examples=60, deadline=None)
def test_figures_equal_those_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    truth, told = zip(*pairs, strict=True)
    found = measure(truth, told, labels=LABELS, seed=1)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(truth, told, labels=LABELS, zero_division=0)
    assert found.count_texts == len(pairs)
    assert found.accuracy.value == pytest.approx(metrics.accuracy_score(truth, told))
    assert found.macro_f1.value == pytest.approx(f1.mean())
    assert found.macro_recall.value == pytest.approx(recall.mean())
    assert [found.precision[label].value for label in LABELS] == pytest.approx(precision)
    assert [found.recall[label].value for label in LABELS] == pytest.approx(recall)
    assert found.confusion == tuple(map(tuple, metrics.confusion_matrix(truth, told, labels=LABELS).tolist()))


@given(pairs_of_every_label)
@settings(max_examples=60, deadline=None)
def test_an_interval_lies_within_0_and_1_and_its_ends_are_in_order(pairs: list[tuple[str, str]]) -> None:
    truth, told = zip(*pairs, strict=True)
    found = measure(truth, told, labels=LABELS, seed=1)
    for each in (found.accuracy, found.macro_f1, *found.precision.values(), *found.recall.values()):
        assert 0 <= each.low <= each.high <= 1


def draw_pairs(seed: int, *, texts: int, right: float) -> tuple[list[str], list[str]]:
    random = np.random.default_rng(seed)
    truth = random.choice(LABELS, texts)
    told = np.where(random.random(texts) < right, truth, random.choice(LABELS, texts))
    return truth.tolist(), told.tolist()


def test_the_interval_of_accuracy_is_the_one_of_a_share() -> None:
    truth, told = draw_pairs(1, texts=2_000, right=0.4)
    found = measure(truth, told, labels=LABELS, seed=1).accuracy
    half = 1.96 * np.sqrt(found.value * (1 - found.value) / 2_000)
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half), abs=0.003)


def test_intervals_hold_the_true_figure_about_19_times_in_20() -> None:
    true_accuracy = 0.4 + 0.6 / 3
    found = [measure(*draw_pairs(seed, texts=200, right=0.4), labels=LABELS, seed=seed).accuracy for seed in range(100)]
    assert 88 <= sum(each.low <= true_accuracy <= each.high for each in found) <= 100


def test_what_never_changes_has_an_interval_of_no_width() -> None:
    found = measure(LABELS, LABELS, labels=LABELS, seed=1)
    assert (found.accuracy.value, found.accuracy.low, found.accuracy.high) == (1, 1, 1)


def test_a_label_that_is_never_told_has_precision_and_recall_0() -> None:
    found = measure(["negative", "neutral", "positive"], ["neutral"] * 3, labels=LABELS, seed=1)
    assert (found.precision["negative"].value, found.recall["negative"].value) == (0, 0)
    assert found.macro_f1.value == pytest.approx(0.5 / 3)


def test_a_method_gains_nothing_over_itself() -> None:
    truth, told = draw_pairs(2, texts=100, right=0.5)
    gain = compare(truth, told, told, labels=LABELS, seed=1)
    assert {gain.accuracy, gain.macro_f1} == {type(gain.accuracy)(0.0, 0.0, 0.0)}


def test_texts_told_alike_do_not_blur_the_gain() -> None:
    """Two methods that differ on ten texts of a thousand: drawn apart, the intervals would overlap widely."""
    truth, told = draw_pairs(3, texts=1_000, right=0.5)
    wrong = [place for place, label in enumerate(told) if label != truth[place]][:10]
    better = [truth[place] if place in wrong else label for place, label in enumerate(told)]
    gain = compare(truth, better, told, labels=LABELS, seed=1).accuracy
    assert gain.value == pytest.approx(0.01)
    assert 0 < gain.low < 0.01 < gain.high < 0.02


def test_a_gain_is_the_difference_of_the_figures() -> None:
    truth, first = draw_pairs(4, texts=300, right=0.6)
    second = draw_pairs(4, texts=300, right=0.3)[1]
    gain = compare(truth, first, second, labels=LABELS, seed=1)
    one, two = (measure(truth, told, labels=LABELS, seed=1) for told in (first, second))
    assert gain.accuracy.value == pytest.approx(one.accuracy.value - two.accuracy.value)
    assert gain.macro_f1.value == pytest.approx(one.macro_f1.value - two.macro_f1.value)


def test_the_same_seed_gives_the_same_intervals_and_another_others() -> None:
    rows = draw_pairs(5, texts=100, right=0.5)
    assert measure(*rows, labels=LABELS, seed=1) == measure(*rows, labels=LABELS, seed=1)
    assert measure(*rows, labels=LABELS, seed=1) != measure(*rows, labels=LABELS, seed=2)


@pytest.mark.parametrize("truth", [[], ["neutral", "positive"]], ids=["no text", "no negative text"])
def test_a_label_that_people_gave_to_no_text_is_refused(truth: list[str]) -> None:
    with pytest.raises(ValueError, match=r"expected texts of each label .*, found \d texts and none that is negative"):
        measure(truth, truth, labels=LABELS, seed=1)


def test_of_equally_frequent_labels_the_first_in_the_alphabet_is_the_majority() -> None:
    assert find_majority(["positive", "negative"]) == "negative"
