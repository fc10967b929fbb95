"""The gate before production: two questions about held-out rows, answered in sentences.

Stands apart from the registry because it is arithmetic: who asks, who approves and where it is written down is decided
elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ml.evaluation import Evaluation


@dataclass(frozen=True)
class Gate:
    """What a model must reach to be promoted.

    Attributes:
        margin_accuracy: How much its accuracy must lie above always giving the more frequent answer, [0, 1].
        tolerance_roc_auc: How far its ROC-AUC may lie below that of the model in production, [0, 1].
    """

    margin_accuracy: float
    tolerance_roc_auc: float


@dataclass(frozen=True)
class Decision:
    """Whether a model may go to production, and why: one sentence per question asked."""

    promoted: bool
    reasons: tuple[str, ...]


def decide(gate: Gate, candidate: Evaluation, production: Evaluation | None) -> Decision:
    """Ask both questions of a candidate.

    Args:
        gate: What it must reach.
        candidate: What it reached on the held-out part of the time split.
        production: What the model in production reached on the same rows; None if there is none.

    Raises:
        ValueError: The two were measured on different rows.
    """
    answers = [_beats_majority(gate, candidate)]
    if production is not None:
        answers.append(_holds_production(gate, candidate, production))
    else:
        answers.append((True, "no model is in production yet, so there is none to be compared with"))
    return Decision(promoted=all(passed for passed, _ in answers), reasons=tuple(reason for _, reason in answers))


def _beats_majority(gate: Gate, candidate: Evaluation) -> tuple[bool, str]:
    wanted = candidate.majority_accuracy + gate.margin_accuracy
    passed = candidate.accuracy >= wanted
    return passed, (
        f"accuracy {candidate.accuracy:.4f} is {'at least' if passed else 'below'} {wanted:.4f} "
        f"(majority {candidate.majority_accuracy:.4f} + margin {gate.margin_accuracy:g})"
    )


def _holds_production(gate: Gate, candidate: Evaluation, production: Evaluation) -> tuple[bool, str]:
    if (candidate.rows, candidate.positives) != (production.rows, production.positives):
        msg = (
            f"expected both models measured on the same rows, found {candidate.rows:,} and {production.rows:,}: "
            "measure the model in production on the candidate's held-out rows"
        )
        raise ValueError(msg)
    wanted = production.roc_auc - gate.tolerance_roc_auc
    passed = candidate.roc_auc >= wanted
    return passed, (
        f"ROC-AUC {candidate.roc_auc:.4f} is {'at least' if passed else 'below'} {wanted:.4f} "
        f"(production {production.roc_auc:.4f} - tolerance {gate.tolerance_roc_auc:g})"
    )
