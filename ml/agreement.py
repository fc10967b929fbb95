"""How far a method agrees with people who read the same texts, with intervals, beside the most frequent answer.

All figures of one method follow from its confusion matrix, and those of two methods on the same texts from the counts
of (people's label, first method's, second method's). To draw texts with replacement is to draw such counts from a
multinomial distribution: that is the bootstrap here (Efron & Tibshirani 1993, chapter 13: percentile intervals).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.metrics import confusion_matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Counts = NDArray[np.int64]

DRAWS: Final = 2_000
INTERVAL: Final = (2.5, 97.5)
"""Percentiles between which a figure lies in 95% of the draws."""


@dataclass(frozen=True)
class Estimate:
    """A figure, and the ends of its 95% bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Agreement:
    """What one method reached on one labelled set.

    Attributes:
        count_texts: Labelled texts.
        confusion: Counts of texts: a row for each label that people gave, a column for each that the method gave.
        accuracy: Share of texts told right, in [0, 1].
        macro_f1: Mean over the labels of the harmonic mean of precision and recall, in [0, 1].
        macro_recall: Mean over the labels of recall, in [0, 1]; the official figure of SemEval 2017 and TweetEval.
        precision: Label → share of the texts told so that are so; 0 if none is told so.
        recall: Label → share of the texts that are so that are told so.
    """

    count_texts: int
    confusion: tuple[tuple[int, ...], ...]
    accuracy: Estimate
    macro_f1: Estimate
    macro_recall: Estimate
    precision: dict[str, Estimate]
    recall: dict[str, Estimate]


@dataclass(frozen=True)
class Gain:
    """What the first of two methods gains over the second on the same texts, drawn together; positive is better."""

    accuracy: Estimate
    macro_f1: Estimate
    macro_recall: Estimate


def measure(truth: Sequence[str], told: Sequence[str], *, labels: Sequence[str], seed: int) -> Agreement:
    """Measure how far the labels that a method told agree with those that people gave, text by text.

    Raises:
        ValueError: People gave one of the labels to no text, or there is no text.

    >>> found = measure(["bad", "bad", "good", "good"], ["bad", "good", "good", "good"], labels=["bad", "good"], seed=1)
    >>> found.confusion, found.accuracy.value, found.recall["bad"].value
    (((1, 1), (0, 2)), 0.75, 0.5)
    """
    _refuse_missing(truth, labels)
    counts = confusion_matrix(truth, told, labels=list(labels))
    found, drawn = take_figures(counts), take_figures(_draw(counts, seed))

    def spread(name: str) -> dict[str, Estimate]:
        return {
            label: estimate(value, draws)
            for label, value, draws in zip(labels, found[name], drawn[name].T, strict=True)
        }

    return Agreement(
        count_texts=len(truth),
        confusion=tuple(tuple(row) for row in counts.tolist()),
        accuracy=estimate(found["accuracy"], drawn["accuracy"]),
        macro_f1=estimate(found["macro_f1"], drawn["macro_f1"]),
        macro_recall=estimate(found["macro_recall"], drawn["macro_recall"]),
        precision=spread("precision"),
        recall=spread("recall"),
    )


def compare(
    truth: Sequence[str], first: Sequence[str], second: Sequence[str], *, labels: Sequence[str], seed: int
) -> Gain:
    """Say what the first of two methods gains over the second, from the same draws of the same texts.

    >>> gain = compare(["bad", "good"] * 9, ["bad", "good"] * 9, ["bad", "bad"] * 9, labels=["bad", "good"], seed=1)
    >>> gain.accuracy.value, gain.accuracy.low > 0
    (0.5, True)
    """
    _refuse_missing(truth, labels)
    place = {label: number for number, label in enumerate(labels)}
    joint = np.zeros((len(labels),) * 3, dtype=np.int64)
    np.add.at(joint, tuple([place[label] for label in column] for column in (truth, first, second)), 1)
    found, drawn = _subtract(joint), _subtract(_draw(joint, seed))
    return Gain(**{name: estimate(found[name], drawn[name]) for name in ("accuracy", "macro_f1", "macro_recall")})


def find_majority(truth: Sequence[str]) -> str:
    """Return the label that most texts have, the first in the alphabet of equals: the answer without a method.

    >>> find_majority(["good", "bad", "good"])
    'good'
    """
    labels, counts = np.unique(np.asarray(truth), return_counts=True)
    return str(labels[counts.argmax()])


def take_figures(confusions: "Counts") -> dict[str, "Floats"]:
    """Return the figures of confusion matrices, which are the last two axes: scalars, or one for each label.

    >>> take_figures(np.array([[3, 1], [0, 4]]))["recall"].tolist()
    [0.75, 1.0]
    """
    right = np.diagonal(confusions, axis1=-2, axis2=-1)
    told, given = confusions.sum(axis=-2), confusions.sum(axis=-1)
    recall = _divide(right, given)
    return {
        "accuracy": _divide(right.sum(axis=-1), given.sum(axis=-1)),
        "macro_f1": _divide(2 * right, told + given).mean(axis=-1),
        "macro_recall": recall.mean(axis=-1),
        "precision": _divide(right, told),
        "recall": recall,
    }


def estimate(found: "float | Floats", drawn: "Floats") -> Estimate:
    """Return a figure with the interval in which it lay when the texts were drawn again.

    >>> estimate(0.5, np.linspace(0, 1, 1001))
    Estimate(value=0.5, low=0.025, high=0.975)
    """
    low, high = np.percentile(drawn, INTERVAL)
    return Estimate(value=float(found), low=float(low), high=float(high))


def _draw(counts: "Counts", seed: int) -> "Counts":
    """Return the counts of `DRAWS` draws of as many texts, with replacement, along a new first axis."""
    total = int(counts.sum())
    drawn = np.random.default_rng(seed).multinomial(total, counts.ravel() / total, size=DRAWS)
    return drawn.reshape(DRAWS, *counts.shape)


def _subtract(joint: "Counts") -> dict[str, Any]:
    first, second = take_figures(joint.sum(axis=-1)), take_figures(joint.sum(axis=-2))
    return {name: first[name] - second[name] for name in first}


def _divide(parts: "Counts", wholes: "Counts") -> "Floats":
    shares: Floats = np.divide(parts, wholes, out=np.zeros(np.shape(parts)), where=np.asarray(wholes) > 0)
    return shares


def _refuse_missing(truth: Sequence[str], labels: Sequence[str]) -> None:
    missing = [label for label in labels if label not in set(truth)]
    if missing:
        raise ValueError(
            f"expected texts of each label ({', '.join(labels)}), found {len(truth):,} texts and none that is "
            f"{' or '.join(missing)}: give a set that holds them all."
        )
