"""Every figure against scikit-learn; the pictures and the card say what the figures say."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from ml.evaluation import EmptyEvaluationError, Evaluation, compare, evaluate_counts
from ml.plots import draw_confusion, draw_importances, draw_precision_recall, draw_roc, draw_tree
from ml.split import Counts
from ml.tree import Leaf, Question, count_answers, depth_of, parse_tree


def evaluate_rows(scores, labels) -> Evaluation:
    counts = Counter(zip(scores, labels, strict=True))
    distinct = sorted({score for score, _ in counts})
    return evaluate_counts(distinct, [counts[s, 0] for s in distinct], [counts[s, 1] for s in distinct])


def draw_rows(seed: int, *, rows: int, distinct: int):
    random = np.random.default_rng(seed)
    scores = (random.integers(0, distinct, rows) / distinct).round(6).tolist()
    labels = (random.random(rows) < np.array(scores) * 0.6 + 0.1).astype(int).tolist()
    return scores, labels


@pytest.mark.parametrize("distinct", [1, 2, 7, 100, 900])
@pytest.mark.parametrize("seed", range(3))
def test_figures_equal_those_of_scikit_learn_with_ties(seed, distinct):
    scores, labels = draw_rows(seed, rows=400, distinct=distinct)
    result = evaluate_rows(scores, labels)
    told = [score > 0.5 for score in scores]
    (tn, fp), (fn, tp) = metrics.confusion_matrix(labels, told, labels=[0, 1]).tolist()
    assert vars(result.confusion) == {
        "true_negatives": tn,
        "false_positives": fp,
        "false_negatives": fn,
        "true_positives": tp,
    }
    assert result.accuracy == pytest.approx(metrics.accuracy_score(labels, told))
    assert result.roc_auc == pytest.approx(metrics.roc_auc_score(labels, scores))
    assert result.pr_auc == pytest.approx(metrics.average_precision_score(labels, scores))
    assert result.brier == pytest.approx(metrics.brier_score_loss(labels, scores))
    clipped = np.clip(scores, 1e-15, 1 - 1e-15)
    assert result.log_loss == pytest.approx(metrics.log_loss(labels, clipped, labels=[0, 1]))
    assert result.majority_accuracy == pytest.approx(max(np.mean(labels), 1 - np.mean(labels)))


rows_of_both_classes = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 1)), min_size=2, max_size=60).filter(
    lambda rows: len({label for _, label in rows}) == 2
)


@given(rows_of_both_classes)
@settings(max_examples=100, deadline=None)
def test_areas_lie_between_0_and_1_and_the_parts_sum_to_the_whole(rows):
    result = evaluate_rows([score / 20 for score, _ in rows], [label for _, label in rows])
    assert 0 <= result.roc_auc <= 1
    assert 0 <= result.pr_auc <= 1
    assert sum(vars(result.confusion).values()) == result.rows == len(rows)
    assert result.roc[0] == (0.0, 0.0)
    assert result.roc[-1] == (1.0, 1.0)


@given(rows_of_both_classes)
@settings(max_examples=50, deadline=None)
def test_turning_the_scores_round_turns_the_area_round(rows):
    labels = [label for _, label in rows]
    forward = evaluate_rows([score / 20 for score, _ in rows], labels)
    backward = evaluate_rows([1 - score / 20 for score, _ in rows], labels)
    assert forward.roc_auc + backward.roc_auc == pytest.approx(1)


def test_constant_score_is_worth_the_baseline():
    result = evaluate_counts([0.3], [70], [30])
    assert (result.roc_auc, result.pr_auc, result.accuracy) == (0.5, 0.3, 0.7)
    assert result.majority_accuracy == result.accuracy


def test_curve_of_many_scores_is_thinned_but_its_area_is_not():
    random = np.random.default_rng(0)
    scores = random.random(5_000).round(6)
    labels = random.integers(0, 2, 5_000)
    result = evaluate_rows(scores.tolist(), labels.tolist())
    assert len(result.roc) <= 500
    assert result.roc_auc == pytest.approx(metrics.roc_auc_score(labels, scores))


@pytest.mark.parametrize(("negatives", "positives"), [([5], [0]), ([0], [5]), ([], [])])
def test_one_class_cannot_be_measured(negatives, positives):
    with pytest.raises(EmptyEvaluationError, match="expected held-out rows of both classes, found"):
        evaluate_counts([0.5] * len(negatives), negatives, positives)


def test_compare_tells_gain_in_standard_errors():
    better = evaluate_counts([0.2, 0.8], [60, 10], [10, 20])
    worse = evaluate_counts([0.2, 0.8], [50, 20], [10, 20])
    gain = compare(better, worse)
    assert gain.accuracy == pytest.approx(0.1)
    assert gain.roc_auc > 0
    assert gain.roc_auc_standard_errors == pytest.approx(gain.roc_auc / better.roc_auc_standard_error)


def test_compare_refuses_other_rows():
    one = evaluate_counts([0.2, 0.8], [6, 1], [1, 2])
    with pytest.raises(ValueError, match="expected evaluations of the same rows, found 10 and 11"):
        compare(one, replace(one, rows=11))


TEXT = """DecisionTreeClassificationModel: uid=x, depth=2, numNodes=5, numClasses=2, numFeatures=2
  If (feature 1 <= 3.6450090105588667E-8)
   Predict: 0.0
  Else (feature 1 > 3.6450090105588667E-8)
   If (feature 0 <= 0.25)
    Predict: 1.0
   Else (feature 0 > 0.25)
    Predict: 0.0
"""


def test_tree_is_read_from_its_text_with_counts_from_left_to_right():
    tree = parse_tree(TEXT, ["followers", "verified"], {0: Counts(5, 1), 2: Counts(3, 3)})
    assert tree == Question(
        "verified",
        3.6450090105588667e-8,
        yes=Leaf(Counts(5, 1)),
        no=Question("followers", 0.25, yes=Leaf(Counts(0, 0)), no=Leaf(Counts(3, 3))),
    )
    assert (depth_of(tree), count_answers(tree), tree.counts) == (2, 3, Counts(8, 4))


def test_tree_that_asks_for_a_category_is_refused():
    with pytest.raises(ValueError, match="expected a question on a number or an answer"):
        parse_tree("Tree\n If (feature 0 in {0.0,2.0})\n", ["place"], {})


def texts_of(figure) -> str:
    (axes,) = figure.axes
    legends = [*figure.legends, *([legend] if (legend := axes.get_legend()) else [])]
    texts = [*axes.texts, *(text for legend in legends for text in legend.get_texts())]
    return "\n".join([axes.get_xlabel(), axes.get_ylabel(), *(text.get_text() for text in texts)])


def test_pictures_hold_the_figures_and_name_their_axes(tmp_path):
    result = evaluate_counts([0.2, 0.8], [60, 10], [10, 20])
    tree = parse_tree(TEXT, ["followers", "verified"], {0: Counts(5, 1), 2: Counts(3, 3)})
    pictures = {
        "roc": (draw_roc({"by time": result}), [f"{result.roc_auc:.3f}", "False positive rate", "0.500"]),
        "pr": (draw_precision_recall({"by time": result}), [f"{result.pr_auc:.3f}", "Recall", "base rate: 0.300"]),
        "bars": (draw_importances({"verified": 0.9, "positive_sentiment": 0.1}), ["90.0%", "10.0%", "goes by"]),
        "confusion": (draw_confusion(result.confusion), ["60", "10", "20", "What came true"]),
        "tree": (draw_tree(tree), ["verified", "followers", "3.6e-08", "20% retweeted", "none came here"]),
    }
    for name, (figure, wanted) in pictures.items():
        missing = [text for text in wanted if text not in texts_of(figure)]
        assert not missing, f"{name} lacks {missing}"
        figure.savefig(tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").stat().st_size > 5_000


def test_deep_tree_is_cut_and_says_what_it_leaves_out():
    tree = parse_tree(TEXT, ["followers", "verified"], {})
    assert "(2 leaves below)" in texts_of(draw_tree(tree, levels=1))
