"""The gate before production: questions about a candidate, answered in sentences.

Stands apart from the registry because it is arithmetic: who asks, who approves and where it is written down is decided
elsewhere. Points decide and intervals are told, but for single groups: of ten groups one is worse by chance alone, so
a group counts as worse only if its whole interval says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from ml.features import FeatureError, check_features
from ml.paired import MISSING, gain_in_roc_auc
from ml.tallies import majority, measure, roc_auc

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from ml.paired import Pairs
    from ml.tallies import Interval

MIN_GROUP_ROWS: Final = 100
MIN_GROUP_RARER: Final = 20
"""A group with fewer rows, or fewer of its rarer class, is not judged by itself."""


@dataclass(frozen=True)
class Gate:
    """What a model must reach to be promoted.

    Attributes:
        margin_accuracy: How much its accuracy must lie above always giving the more frequent answer, [0, 1].
        tolerance_roc_auc: How far its ROC-AUC may lie below that of the model in production, [0, 1].
        tolerance_group_roc_auc: The same within one language.
        ceiling_roc_auc: ROC-AUC above which it is taken to know the outcome, [0, 1].
        max_megabytes: How large its files may be together.
        min_rows_per_second: How many posts it must score in a second.
    """

    margin_accuracy: float = 0.01
    tolerance_roc_auc: float = 0.005
    tolerance_group_roc_auc: float = 0.02
    ceiling_roc_auc: float = 0.95
    max_megabytes: float = 500.0
    min_rows_per_second: float = 20.0


class Check(NamedTuple):
    """One question: its name, whether it was passed, and the answer in a sentence."""

    name: str
    passed: bool
    reason: str


@dataclass(frozen=True)
class Decision:
    """Whether a model may go to production, and why: one sentence per question asked."""

    promoted: bool
    reasons: tuple[str, ...]
    checks: tuple[Check, ...] = ()


def decide(checks: Iterable[Check]) -> Decision:
    """Let a candidate pass if it passed every check.

    >>> decide([Check("size", True, "small"), Check("smoke", False, "no probability")]).promoted
    False
    """
    asked = tuple(checks)
    return Decision(
        promoted=bool(asked) and all(check.passed for check in asked),
        reasons=tuple(check.reason for check in asked),
        checks=asked,
    )


def check_inputs(read: Collection[str], *, signature: Collection[str], columns: Collection[str]) -> Check:
    """Ask whether a model reads what it says it reads, what the features table has, and nothing from after the outcome.

    Args:
        read: Columns that its stages read.
        signature: Columns that its signature names.
        columns: Columns of the features table.

    >>> check_inputs(["favorites"], signature=["favorites"], columns=["favorites"]).passed
    False
    >>> check_inputs(["user_friends"], signature=["user_friends"], columns=["user_friends"]).reason
    'it reads 1 feature, all in the features table and known at posting'
    """
    try:
        check_features(read)
    except FeatureError as error:
        return Check("inputs", passed=False, reason=f"it reads what no model may learn from: {error}")
    if unlike := sorted(set(read) ^ set(signature)):
        told = f"its stages read other columns than its signature names: {', '.join(unlike)}"
        return Check("inputs", passed=False, reason=told)
    if missing := sorted(set(read) - set(columns)):
        told = f"it reads what the features table does not have: {', '.join(missing)}"
        return Check("inputs", passed=False, reason=told)
    count = f"{len(read)} feature{'s' if len(read) > 1 else ''}"
    return Check("inputs", passed=True, reason=f"it reads {count}, all in the features table and known at posting")


def check_size(gate: Gate, megabytes: float) -> Check:
    """Ask whether the model's files are small enough to be loaded everywhere.

    >>> check_size(Gate(max_megabytes=1), 2.5).reason
    'its files have 2.5 MB, more than 1'
    """
    passed = megabytes <= gate.max_megabytes
    told = "at most" if passed else "more than"
    return Check("size", passed, f"its files have {megabytes:.1f} MB, {told} {gate.max_megabytes:g}")


def check_speed(gate: Gate, rows_per_second: float) -> Check:
    """Ask whether the model is not absurdly slow."""
    passed = rows_per_second >= gate.min_rows_per_second
    told = "at least" if passed else "fewer than"
    reason = f"it scored {rows_per_second:,.0f} posts a second, {told} {gate.min_rows_per_second:,.0f}"
    return Check("speed", passed, reason)


def check_pairs(gate: Gate, pairs: Pairs, *, seed: int) -> Iterator[Check]:
    """Ask what the held-out rows tell: whether scores are probabilities, and better than the majority and production.

    Yields nothing but the first answer where scores are no probabilities.
    """
    total = int(pairs.rows.sum())
    told = f"{pairs.missing:,} of {total:,} scores are no probability within [0, 1]"
    yield Check("smoke", passed=not pairs.missing, reason=told)
    if pairs.missing:
        return
    measured = measure(*pairs.tallies(pairs.candidate), seed=seed)
    yield _beats_majority(gate, pairs, measured["accuracy"])
    yield _is_believable(gate, measured["roc_auc"])
    if pairs.production is None:
        none = "no model is in production yet, so there is none to be compared with"
        yield Check("production", passed=True, reason=none)
    elif (pairs.production == MISSING).any():
        broken = "the model in production gives scores that are no probabilities, so there is none to be compared with"
        yield Check("production", passed=True, reason=broken)
    else:
        yield _holds_production(gate, pairs, seed=seed)
        yield _is_fair(gate, pairs, seed=seed)


def promise(pairs: Pairs, *, seed: int) -> Mapping[str, Interval]:
    """Give what a promoted model is held to later: its figures on the held-out rows, with intervals."""
    return measure(*pairs.tallies(pairs.candidate), seed=seed)


def _beats_majority(gate: Gate, pairs: Pairs, reached: Interval) -> Check:
    base = float(majority(*pairs.tallies(pairs.candidate)))
    wanted = base + gate.margin_accuracy
    passed = reached.value >= wanted - 1e-12
    return Check(
        "majority",
        passed,
        f"accuracy {reached} is {'at least' if passed else 'below'} {wanted:.4f} "
        f"(majority {base:.4f} + margin {gate.margin_accuracy:g})",
    )


def _is_believable(gate: Gate, area: Interval) -> Check:
    passed = area.value <= gate.ceiling_roc_auc
    told = (
        f"ROC-AUC {area} is not above {gate.ceiling_roc_auc:g}"
        if passed
        else f"ROC-AUC {area} is above {gate.ceiling_roc_auc:g}: a feature must know the outcome; look for the leak"
    )
    return Check("believable", passed, told)


def _holds_production(gate: Gate, pairs: Pairs, *, seed: int) -> Check:
    gain = gain_in_roc_auc(pairs, seed=seed)
    before = roc_auc(*pairs.tallies(pairs.production))  # type: ignore[arg-type]
    passed = gain.value >= -gate.tolerance_roc_auc - 1e-12
    return Check(
        "production",
        passed,
        f"ROC-AUC {before + gain.value:.4f} is {'at least' if passed else 'below'} "
        f"{before - gate.tolerance_roc_auc:.4f} (production {before:.4f} - tolerance {gate.tolerance_roc_auc:g}; "
        f"the difference on the same {int(pairs.rows.sum()):,} posts is {gain})",
    )


def _is_fair(gate: Gate, pairs: Pairs, *, seed: int) -> Check:
    """Compare both models within each group; the level of the intervals allows for the number of groups."""
    groups = [name for name in np.unique(pairs.group).tolist() if _is_large(pairs.of_group(name))]
    level = 1 - 0.05 / max(len(groups), 1)
    gains = {name: gain_in_roc_auc(pairs.of_group(name), seed=seed, level=level) for name in groups}
    worse = [
        f"{name} by {-gain.value:.4f} [{-gain.high:.4f}, {-gain.low:.4f}]"
        for name, gain in gains.items()
        if gain.value < -gate.tolerance_group_roc_auc and gain.high < 0
    ]
    if worse:
        told = f"it is worse than production for posts in {'; '.join(worse)}"
        return Check("fairness", passed=False, reason=told)
    named = ", ".join(f"{name} {gain.value:+.3f}" for name, gain in gains.items())
    told = f"no language loses more than {gate.tolerance_group_roc_auc:g} (ROC-AUC: {named})"
    return Check("fairness", passed=True, reason=told if gains else "no language has enough posts to be judged alone")


def _is_large(pairs: Pairs) -> bool:
    rows = int(pairs.rows.sum())
    positives = int((pairs.rows * pairs.label).sum())
    return rows >= MIN_GROUP_ROWS and min(positives, rows - positives) >= MIN_GROUP_RARER
