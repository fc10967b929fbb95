"""Intervals, calibration, the look at rows, and the search's draws: no JVM."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from ml.calibration import calibrate, calibration_error
from ml.candidates.in_memory import evaluate_rows
from ml.candidates.known import CANDIDATES, UnknownCandidateError, choose
from ml.candidates.search import draw_params
from ml.detail import alone
from ml.engineered import NUMBERS, numbers_of
from ml.features import ARTICLE_FEATURES, FEATURES, Known
from ml.intervals import FIGURES, draw_groups, draw_rows
from ml.leakage import SuspectedLeakError, check_single


def make_rows(seed: int, rows: int = 600):
    draw = np.random.default_rng(seed)
    scores = draw.random(rows).round(2)
    return scores, (draw.random(rows) < scores).astype(float)


@pytest.mark.parametrize("seed", range(3))
def test_a_draw_is_measured_as_scikit_learn_measures_the_rows_drawn(seed):
    scores, labels = make_rows(seed)
    groups = np.arange(len(scores)) // 3
    drawn = draw_groups(scores, labels, groups, seed=seed, draws=1)
    counts = groups.max() + 1
    times = np.random.default_rng(seed).multinomial(counts, np.full(counts, 1 / counts), size=1)[0]
    rows = np.repeat(np.arange(len(scores)), times[groups])
    assert drawn.figures["roc_auc"][0] == pytest.approx(metrics.roc_auc_score(labels[rows], scores[rows]))
    assert drawn.figures["pr_auc"][0] == pytest.approx(metrics.average_precision_score(labels[rows], scores[rows]))
    assert drawn.figures["brier"][0] == pytest.approx(metrics.brier_score_loss(labels[rows], scores[rows]))
    assert drawn.figures["accuracy"][0] == pytest.approx(metrics.accuracy_score(labels[rows], scores[rows] > 0.5))


@pytest.mark.parametrize("figure", FIGURES)
def test_an_interval_holds_the_figure_and_is_the_same_with_the_same_seed(figure):
    evaluation = evaluate_rows(*make_rows(1))
    interval = draw_rows(evaluation, seed=5).intervals()[figure]
    assert interval.low < getattr(evaluation, figure) < interval.high
    assert draw_rows(evaluation, seed=5).intervals()[figure] == interval
    assert draw_rows(evaluation, seed=6).intervals()[figure] != interval


def test_authors_whose_posts_are_alike_widen_the_interval():
    scores, labels = (np.repeat(values, 10) for values in make_rows(2, 100))
    alike = draw_groups(scores, labels, np.repeat(np.arange(100), 10), seed=1).intervals()["roc_auc"]
    each = draw_groups(scores, labels, np.arange(1_000), seed=1).intervals()["roc_auc"]
    assert alike.high - alike.low > 2 * (each.high - each.low)


def test_a_gain_of_nothing_is_nothing_in_every_draw():
    scores, labels = make_rows(3)
    groups = np.arange(len(scores)) // 2
    one, other = (draw_groups(some, labels, groups, seed=1) for some in (scores, scores / 2))
    assert np.allclose(one.figures["roc_auc"], other.figures["roc_auc"])


def test_scores_that_come_true_as_often_as_they_say_are_calibrated():
    scores, labels = make_rows(4, 50_000)
    bins = calibrate(evaluate_rows(scores, labels))
    assert len(bins) == 10
    assert sum(part.rows for part in bins) == 50_000
    assert calibration_error(bins) < 0.02
    assert calibration_error(calibrate(evaluate_rows(scores / 2, labels))) > 0.2


@given(st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=50))
@settings(max_examples=100, deadline=None)
def test_a_number_alone_ranks_as_scikit_learn_says_whichever_way_it_points(rows):
    values, labels = (np.array(part, dtype=float) for part in zip(*rows, strict=True))
    if len(set(labels)) == 2:
        area = metrics.roc_auc_score(labels, values)
        assert alone(values, labels) == pytest.approx(max(area, 1 - area))


def test_a_copy_of_the_outcome_under_another_name_is_refused():
    labels = make_rows(5)[1]
    told = {"log_followers": alone(make_rows(6)[0], labels), "count_answers": alone(3 * labels, labels)}
    with pytest.raises(SuspectedLeakError, match=r"count_answers alone reaches a held-out ROC-AUC of 1\.000"):
        check_single(told)


@pytest.mark.parametrize("candidate", CANDIDATES.values(), ids=lambda candidate: candidate.name)
def test_a_candidate_reads_only_what_is_known_at_posting(candidate):
    assert all(FEATURES[name].known is Known.AT_POSTING for name in candidate.features)
    assert set(candidate.space) <= set(candidate.defaults)


def test_every_number_is_made_of_columns_that_it_names():
    for number in NUMBERS.values():
        others = {name for name in FEATURES if name not in number.reads} - {"label"}
        assert all(name in number.sql for name in number.reads)
        assert not [name for name in others if name in number.sql.replace("unix_seconds", "")], number.name


def test_without_sentiment_no_number_is_made_of_it():
    rest = [name for name in ARTICLE_FEATURES if not name.endswith("_sentiment")]
    assert set(numbers_of(ARTICLE_FEATURES)) - set(numbers_of(rest)) == {"positive_sentiment", "negative_sentiment"}


@pytest.mark.parametrize("name", ["tree", "boosted", "logistic", "sklearn"])
def test_limits_are_drawn_once_each_the_defaults_first_and_alike_with_the_same_seed(name):
    candidate = CANDIDATES[name]
    drawn = draw_params(candidate, trials=6, seed=3)
    assert drawn[0] == candidate.defaults
    assert len({str(params) for params in drawn}) == 6
    assert drawn == draw_params(candidate, trials=6, seed=3)
    assert drawn != draw_params(candidate, trials=6, seed=4)


def test_a_candidate_without_a_choice_is_tried_once():
    assert draw_params(CANDIDATES["article"], trials=6, seed=3) == [CANDIDATES["article"].defaults]


def test_a_name_that_no_candidate_has_is_refused():
    with pytest.raises(UnknownCandidateError, match=r"expected a candidate among article, tree, .*, auto, found 'xgb'"):
        choose("xgb", train_rows=1, max_rows_in_memory=1)
