"""How right the sentiment methods are: VADER and one learnt from TweetEval's validation texts, on what people labelled.

Nothing is measured on texts that a method was learnt from: there the figures are those of cross-validation, and say so,
and a text of another set that was also learnt from is left out for every method.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from flows.console import spinner
from flows.labelled_sets import LabelledSet, LabelledSets
from flows.sentiment_models import write_method
from ml.agreement import Agreement, Gain, compare, find_majority, measure
from ml.learnt_sentiment import Lesson, Recipe, learn
from ml.sentiment_methods import LABELS, SentimentMethod, Vader

if TYPE_CHECKING:
    from ml.sentiment_methods import Labels

MAJORITY: Final = "majority"
HELD_OUT, OUT_OF_FOLD, KNOWN_LABELS = "held out", "out of fold", "the labels themselves"


@dataclass(frozen=True)
class Result:
    """What one method reached on one set.

    `basis` says what it knew of the texts: nothing (held out), the other folds of them (out of fold), or, the majority,
    the labels themselves, so that no answer that is always the same could be right more often. `gain` is over VADER,
    for a method that is neither VADER nor the majority.
    """

    method: str
    version: str
    basis: str
    agreement: Agreement
    gain: Gain | None = None


@dataclass(frozen=True)
class SetReport:
    """What every method reached on one set.

    Attributes:
        name: Name of the set.
        counts: Label → texts.
        count_left_out: Records without a text or a known label.
        count_learnt_from: Texts left out because they also stand in the set that was learnt from.
        results: The majority first.
    """

    name: str
    counts: dict[str, int]
    count_left_out: int
    count_learnt_from: int
    results: list[Result]


@dataclass(frozen=True)
class Learnt:
    """The method that was learnt: from which set, how, and where it was written with which hash, if it was."""

    source: str
    version: str
    recipe: Recipe
    cross_validated_macro_f1: float
    folder: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Report:
    """The whole evaluation.

    Attributes:
        sets: One report for each set.
        refused: File → why it is no evidence.
        learnt: Null if there was nothing to learn from.
    """

    sets: list[SetReport]
    refused: dict[str, str]
    learnt: Learnt | None

    def to_dict(self) -> dict[str, object]:
        """Return the report as JSON may hold it."""
        return {"labels": list(LABELS), **asdict(self)}


def evaluate_sentiment(found: LabelledSets, *, seed: int, keep: Path | None = None) -> Report:
    """Measure every method on every set.

    Args:
        found: The labelled sets.
        seed: Of the folds and of the draws.
        keep: New folder for the learnt method; none: it is forgotten.

    Raises:
        FileExistsError: Something is at `keep`.
        TooFewTextsError: The set to learn from is too small.
        ValueError: There are several sets to learn from, or none and the method is to be kept.
    """
    source = find_source(found.sets)
    if keep and keep.exists():
        raise FileExistsError(f"Something is already at {keep}: give the name of a new folder for the method.")
    if source is None:
        if keep:
            raise ValueError("expected a set named …_val to learn from, found none: there is no method to keep.")
        return Report([report_set(each, None, seed=seed) for each in found.sets], found.refused, None)
    with spinner(f"Learning from {source.name}"):
        lesson = learn(source.texts, source.labels.tolist(), seed=seed)
    learnt = Learnt(source.name, lesson.method.version, lesson.recipe, lesson.macro_f1[lesson.recipe])
    if keep:
        learnt = replace(learnt, folder=str(keep), sha256=write_method(keep, lesson.method))
    reports = [report_set(each, (source, lesson), seed=seed) for each in found.sets]
    return Report(reports, found.refused, learnt)


def find_source(sets: list[LabelledSet]) -> LabelledSet | None:
    """Return the set to learn from; null if there is none.

    Raises:
        ValueError: There are several.
    """
    sources = [each for each in sets if each.is_to_learn_from]
    if len(sources) > 1:
        names = ", ".join(each.name for each in sources)
        raise ValueError(f"expected one set named …_val to learn from, found {names}: leave one of them in the folder.")
    return sources[0] if sources else None


def report_set(each: LabelledSet, learnt: tuple[LabelledSet, Lesson] | None, *, seed: int) -> SetReport:
    """Measure every method on one set, on the same texts."""
    source, lesson = learnt or (None, None)
    is_source = source is each
    kept = np.ones(len(each.texts), dtype=bool)
    if source is not None and not is_source:
        kept = ~normalise(each.texts).isin(set(normalise(source.texts))).to_numpy()
    texts, truth = each.texts[kept], each.labels[kept]
    majority, vader = np.full(len(truth), find_majority(truth.tolist())), tell(Vader(), texts)
    results = [
        Result(MAJORITY, "", KNOWN_LABELS, _measure(truth, majority, seed)),
        Result(Vader().name, Vader().version, HELD_OUT, _measure(truth, vader, seed)),
    ]
    if lesson:
        method, told = lesson.method, lesson.out_of_fold if is_source else tell(lesson.method, texts)
        gain = compare(truth.tolist(), told.tolist(), vader.tolist(), labels=LABELS, seed=seed)
        basis = OUT_OF_FOLD if is_source else HELD_OUT
        results.append(Result(method.name, method.version, basis, _measure(truth, told, seed), gain))
    counts = {label: int((truth == label).sum()) for label in LABELS}
    return SetReport(each.name, counts, each.count_left_out, int((~kept).sum()), results)


def tell(method: SentimentMethod, texts: pd.Series) -> "Labels":
    """Return the label that a method gives each text.

    >>> tell(Vader(), pd.Series(["so good", "so bad", "a day"])).tolist()
    ['positive', 'negative', 'neutral']
    """
    return method.tell(method.score(texts))


def normalise(texts: pd.Series) -> pd.Series:
    """Return texts such that equal ones differ in no more than case and white space.

    >>> normalise(pd.Series([" So  good"])).tolist()
    ['so good']
    """
    return texts.map(lambda text: " ".join(text.split()).casefold())


def _measure(truth: "Labels", told: "Labels", seed: int) -> Agreement:
    return measure(truth.tolist(), told.tolist(), labels=LABELS, seed=seed)
