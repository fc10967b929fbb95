"""The gate on constructed counts: what it lets pass, what it refuses, and in which words."""

from datetime import UTC, datetime

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from ml.gate import Gate, check_inputs, check_pairs, check_speed, decide
from ml.paired import MISSING, Pairs, gain_in_roc_auc
from ml.tallies import accuracy, calibration_gap, measure, pr_auc, roc_auc, tally

GATE = Gate()
SEED = 1
ROWS = 2_000
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def draw(signal: float, *, seed: int = SEED, rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    """Labels, 30% positive, and calibrated scores that know so much of them."""
    stream = np.random.default_rng(seed)
    known = stream.normal(size=rows)
    probability = 1 / (1 + np.exp(-(signal * known - 1)))
    return (stream.random(rows) < probability).astype(np.int64), np.ceil(probability * 1000).astype(np.int64)


def make_pairs(candidate, label, production=None, group=None) -> Pairs:
    rows = np.ones(len(label), dtype=np.int64)
    names = np.array(["en"] * len(label)) if group is None else group
    return Pairs(names, candidate, production, label, rows, NOW)


def blur(scores: np.ndarray, share: float) -> np.ndarray:
    """A model that says so large a share of its scores at random."""
    stream = np.random.default_rng(9)
    return np.where(stream.random(len(scores)) < share, stream.permutation(scores), scores)


def ask(pairs: Pairs) -> dict[str, tuple[bool, str]]:
    return {name: (passed, reason) for name, passed, reason in check_pairs(GATE, pairs, seed=SEED)}


def test_figures_are_those_of_scikit_learn() -> None:
    label, scores = draw(1.5)
    parts = tally(scores, 1 - label), tally(scores, label)
    assert roc_auc(*parts) == pytest.approx(roc_auc_score(label, scores))
    assert pr_auc(*parts) == pytest.approx(average_precision_score(label, scores))
    assert accuracy(*parts) == pytest.approx(np.mean((scores > 500) == label))
    assert calibration_gap(*parts) == pytest.approx(0, abs=0.03)


def test_interval_holds_the_figure_of_new_rows_as_often_as_it_says() -> None:
    label, scores = draw(1.5, rows=200_000)
    truth = roc_auc(tally(scores, 1 - label), tally(scores, label))
    held = 0
    for start in range(0, 100_000, 1_000):
        some = slice(start, start + 1_000)
        parts = tally(scores[some], 1 - label[some]), tally(scores[some], label[some])
        found = measure(*parts, seed=start, replicates=100)["roc_auc"]
        held += found.low <= truth <= found.high
    assert 88 <= held <= 100


def test_first_model_better_than_the_majority_passes() -> None:
    label, scores = draw(1.5)
    decision = decide(check_pairs(GATE, make_pairs(scores, label), seed=SEED))
    assert decision.promoted, decision.reasons
    assert decision.reasons[-1] == "no model is in production yet, so there is none to be compared with"


def test_model_that_knows_nothing_is_below_the_majority() -> None:
    label, scores = draw(1.5)
    passed, reason = ask(make_pairs(blur(scores, 1.0), label))["majority"]
    assert not passed
    assert "is below" in reason
    assert "+ margin 0.01)" in reason


def test_same_model_is_as_good_as_itself() -> None:
    label, scores = draw(1.5)
    decision = decide(check_pairs(GATE, make_pairs(scores, label, scores), seed=SEED))
    assert decision.promoted, decision.reasons
    assert "the difference on the same 2,000 posts is 0.0000 [0.0000, 0.0000]" in decision.reasons[3]


def test_worse_model_is_refused_in_figures() -> None:
    label, scores = draw(1.5)
    passed, reason = ask(make_pairs(blur(scores, 0.15), label, scores))["production"]
    assert not passed
    assert "is below" in reason


def test_paired_interval_is_narrower_than_that_of_two_models_apart() -> None:
    label, scores = draw(1.5)
    other = blur(scores, 0.02)
    gain = gain_in_roc_auc(make_pairs(other, label, scores), seed=SEED)
    alone = measure(tally(scores, 1 - label), tally(scores, label), seed=SEED)["roc_auc"]
    assert gain.error < alone.error / 2


def test_model_that_is_too_good_is_taken_for_a_leak() -> None:
    label, _ = draw(1.5)
    passed, reason = ask(make_pairs(np.where(label == 1, 900, 100), label))["believable"]
    assert not passed
    assert "is above 0.95: a feature must know the outcome; look for the leak" in reason


def test_score_that_is_no_probability_ends_the_questions() -> None:
    label, scores = draw(1.5)
    scores[:3] = MISSING
    asked = ask(make_pairs(scores, label))
    assert asked == {"smoke": (False, "3 of 2,000 scores are no probability within [0, 1]")}


def test_language_that_gets_worse_is_named() -> None:
    label, scores = draw(1.5, rows=6_000)
    group = np.array(["en", "es", "pt"] * 2_000)
    candidate = np.where(group == "es", blur(scores, 0.5), scores)
    passed, reason = ask(make_pairs(candidate, label, scores, group))["fairness"]
    assert not passed
    assert reason.startswith("it is worse than production for posts in es by 0.")
    assert "pt" not in reason


def test_ten_languages_that_differ_by_chance_are_no_reason() -> None:
    label, scores = draw(1.5, rows=6_000)
    group = np.array([f"l{number}" for number in range(10)] * 600)
    stream = np.random.default_rng(4)
    candidate = np.clip(scores + stream.normal(0, 15, len(scores)).astype(np.int64), 1, 1000)
    assert ask(make_pairs(candidate, label, scores, group))["fairness"][0]


def test_small_language_is_not_judged_by_itself() -> None:
    label, scores = draw(1.5)
    group = np.array(["en"] * (ROWS - 90) + ["el"] * 90)
    candidate = np.where(group == "el", 500, scores)
    asked = ask(make_pairs(candidate, label, scores, group))["fairness"]
    assert asked[0]
    assert "el" not in asked[1].partition("(")[2]


@pytest.mark.parametrize(
    ("read", "signature", "told"),
    [
        (["favorites"], ["favorites"], "favorites is known only after the outcome"),
        (["user_friends", "favorites"], ["user_friends"], "favorites is known only after the outcome"),
        (["user_friends"], ["user_followers"], "other columns than its signature names: user_followers, user_friends"),
        (["hashtags"], ["hashtags"], "what the features table does not have: hashtags"),
        (["shoe_size"], ["shoe_size"], "it reads what no model may learn from"),
        ([], [], "it reads what no model may learn from"),
    ],
    ids=["a leak", "a leak that the signature hides", "another signature", "no such column", "unknown", "nothing"],
)
def test_model_that_reads_what_it_may_not_is_refused(read, signature, told) -> None:
    check = check_inputs(read, signature=signature, columns=["user_friends", "user_followers"])
    assert not check.passed
    assert told in check.reason


def test_absurdly_slow_model_is_refused() -> None:
    assert check_speed(GATE, 12.0) == ("speed", False, "it scored 12 posts a second, fewer than 20")
    assert check_speed(GATE, 40_000.0).passed


def test_no_question_asked_is_no_promotion() -> None:
    assert not decide([]).promoted
