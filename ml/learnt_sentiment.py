"""A sentiment method learnt from labelled texts: words, pieces of words and VADER's scores, weighed by a regression.

Multinomial logistic regression over TF-IDF of words and pairs of words, of two to five characters within words, and
VADER's four scores. How strongly the weights are held down, and whether rare labels count as much as frequent ones,
cross-validation decides within the texts that it learns from; no other text is looked at.

What was learnt is plain numbers and a list of terms, never an object: `flows.sentiment_models` keeps it in files that
hold no code.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from scipy import sparse, special
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from ml.sentiment import LANGUAGES, SENTIMENT_COLUMNS, score_texts
from ml.sentiment_methods import LABELS, name_labels, refuse_nulls

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml.sentiment_methods import Labels

    Floats = NDArray[np.float64]

METHOD: Final = "learnt"
REVISION: Final = 1
"""Raise it by one with any change of this module that alters a score."""
FOLDS: Final = 5
LEAST_TEXTS: Final = 10
"""Of each label, to learn from at all."""
WORDS: Final[dict[str, Any]] = {"ngram_range": (1, 2), "token_pattern": r"\w+|[^\w\s]"}
CHARACTERS: Final[dict[str, Any]] = {"ngram_range": (2, 5), "analyzer": "char_wb"}
LEAST_REPEATS: Final = 3
"""A term that fewer texts hold is not learnt: nothing could be said of it, and it may be somebody's name."""


class TooFewTextsError(ValueError):
    """The labelled texts at hand are too few to learn from."""


@dataclass(frozen=True)
class Recipe:
    """How the weights are found: `strength` is the inverse of the penalty on large weights; `balanced` as it says."""

    strength: float
    balanced: bool


RECIPES: Final = tuple(Recipe(*each) for each in product((0.3, 1.0, 3.0), (False, True)))


@dataclass(frozen=True, eq=False)
class Terms:
    """The terms that are known, words and characters, and what each weighs for being rare."""

    words: TfidfVectorizer
    characters: TfidfVectorizer

    def read(self, texts: pd.Series) -> sparse.csr_matrix:
        """Return the features of texts, none null: one row per text; words, characters and VADER's four scores."""
        scores = sparse.csr_matrix(score_texts(texts).to_numpy())
        return sparse.hstack([self.words.transform(texts), self.characters.transform(texts), scores], format="csr")


@dataclass(frozen=True, eq=False)
class LearntSentiment:
    """A `SentimentMethod`: terms, and for each label its weights and its bias.

    Attributes:
        terms: What is looked for in a text.
        weights: 3 x (number of terms + 4), rows as `LABELS`.
        bias: 3, as `LABELS`.
        version: Names scikit-learn's version, `REVISION`, and by a digest what was learnt from.
    """

    terms: Terms
    weights: "Floats"
    bias: "Floats"
    version: str
    name: str = METHOD
    languages: tuple[str, ...] = LANGUAGES

    def score(self, texts: pd.Series) -> pd.DataFrame:
        """Score texts, see `SentimentMethod.score`: the probability of each label, and positive minus negative.

        The probabilities are as if labels were as frequent as where it learnt or, of a balanced recipe, equally so.
        """
        scores = np.full((len(texts), len(SENTIMENT_COLUMNS)), np.nan)
        there = texts.notna().to_numpy()
        scores[there] = 0.0
        there[there] = texts[there].str.strip().ne("").to_numpy()
        if there.any():
            shares = special.softmax(weigh(self.terms.read(texts[there]), self.weights, self.bias), axis=1)
            scores[there] = np.column_stack([shares, shares[:, 2] - shares[:, 0]])
        return pd.DataFrame(scores, index=texts.index, columns=list(SENTIMENT_COLUMNS))

    def tell(self, scores: pd.DataFrame) -> "Labels":
        """Return the most probable label, see `SentimentMethod.tell`; neutral where nothing is more probable."""
        refuse_nulls(scores)
        negative, neutral, positive = (scores[name].to_numpy() for name in SENTIMENT_COLUMNS[:3])
        return name_labels(
            negative=(negative > neutral) & (negative >= positive),
            positive=(positive > neutral) & (positive > negative),
        )


@dataclass(frozen=True, eq=False)
class Lesson:
    """What came of learning.

    Attributes:
        method: Learnt from all texts.
        recipe: The one that won.
        macro_f1: What each recipe reached in cross-validation, in [0, 1].
        out_of_fold: For each text the label told by weights that were learnt without it. The recipe was chosen by them,
            so they flatter a little.
    """

    method: LearntSentiment
    recipe: Recipe
    macro_f1: dict[Recipe, float]
    out_of_fold: "Labels"


def learn(texts: pd.Series, labels: Sequence[str], *, seed: int) -> Lesson:
    """Learn from labelled texts; the recipe with the highest macro-F1 in cross-validation wins.

    Args:
        texts: None null.
        labels: One of `LABELS` for each text.
        seed: The same texts, labels and seed give the same method.

    Raises:
        TooFewTextsError: A label has fewer than `LEAST_TEXTS` texts, or they have nothing in common.
    """
    given = np.asarray(labels)
    refuse_too_few(given)
    with threadpool_limits(1):  # many threads on matrices this small wait for each other: 7 s a fit instead of 0.3 s
        told = cross_validate(texts, given, seed=seed)
        macro_f1 = {recipe: float(f1_score(given, told[recipe], average="macro")) for recipe in RECIPES}
        recipe = max(RECIPES, key=lambda each: macro_f1[each])
        terms = find_terms(texts)
        weights, bias = find_weights(terms.read(texts), given, recipe)
    method = LearntSentiment(terms, weights, bias, version=name_version(texts, given, recipe))
    return Lesson(method=method, recipe=recipe, macro_f1=macro_f1, out_of_fold=told[recipe])


def cross_validate(texts: pd.Series, labels: "Labels", *, seed: int) -> dict[Recipe, "Labels"]:
    """Return what each recipe tells of each text after learning, terms and weights, from the other folds."""
    told = {recipe: np.empty_like(labels) for recipe in RECIPES}
    for known, held_out in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(texts, labels):
        terms = find_terms(texts.iloc[known])
        known_features, features = terms.read(texts.iloc[known]), terms.read(texts.iloc[held_out])
        for recipe in RECIPES:
            weights, bias = find_weights(known_features, labels[known], recipe)
            told[recipe][held_out] = np.asarray(LABELS)[weigh(features, weights, bias).argmax(axis=1)]
    return told


def find_terms(texts: pd.Series) -> Terms:
    """Find the terms that at least `LEAST_REPEATS` of the texts hold.

    Raises:
        TooFewTextsError: There is none.
    """
    try:
        return Terms(
            words=make_vectorizer(WORDS, min_df=LEAST_REPEATS).fit(texts),
            characters=make_vectorizer(CHARACTERS, min_df=LEAST_REPEATS).fit(texts),
        )
    except ValueError as error:
        raise TooFewTextsError(
            f"expected texts that share words, found {len(texts):,} of which no {LEAST_REPEATS} share one: give more."
        ) from error


def find_weights(features: sparse.csr_matrix, labels: "Labels", recipe: Recipe) -> tuple["Floats", "Floats"]:
    """Find the weights (label x feature) and biases (label) of a multinomial logistic regression, rows as `LABELS`."""
    weight = "balanced" if recipe.balanced else None
    fitted = LogisticRegression(C=recipe.strength, class_weight=weight, max_iter=2_000).fit(features, labels)
    return fitted.coef_, fitted.intercept_


def weigh(features: sparse.csr_matrix, weights: "Floats", bias: "Floats") -> "Floats":
    """Return the logit of each label for each text.

    >>> weigh(sparse.csr_matrix([[1.0, 2.0]]), np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0.5, 0.0])).tolist()
    [[1.5, 2.0]]
    """
    logits: Floats = features @ weights.T + bias
    return logits


def make_vectorizer(kind: dict[str, Any], **more: object) -> TfidfVectorizer:
    """Make a vectorizer of `WORDS` or `CHARACTERS`, to be fitted or given its terms."""
    return TfidfVectorizer(sublinear_tf=True, **kind, **more)


def restore_vectorizer(kind: dict[str, Any], terms: Sequence[str], rarity: "Floats") -> TfidfVectorizer:
    """Return a vectorizer as it was when fitted.

    Raises:
        ValueError: Terms and rarities are not equally many.

    >>> known = make_vectorizer(WORDS).fit(["good day", "bad day"])
    >>> again = restore_vectorizer(WORDS, known.get_feature_names_out().tolist(), known.idf_)
    >>> (again.transform(["good bad day"]) != known.transform(["good bad day"])).nnz
    0
    """
    vectorizer = make_vectorizer(kind, vocabulary=list(terms))
    vectorizer.idf_ = rarity
    return vectorizer


def name_version(texts: pd.Series, labels: "Labels", recipe: Recipe) -> str:
    """Name what the scores depend on: scikit-learn, `REVISION`, and a digest of the texts, labels and recipe.

    >>> name_version(pd.Series(["good"]), np.array(["positive"]), Recipe(1.0, balanced=False)).split("+")[1]
    '1.df949470'
    """
    digest = hashlib.sha256(f"{recipe}\n".encode())
    for text, label in zip(texts, labels, strict=True):
        digest.update(f"{label}\0{text}\0".encode("utf-8", "surrogatepass"))
    return f"scikit-learn-{version('scikit-learn')}+{REVISION}.{digest.hexdigest()[:8]}"


def refuse_too_few(labels: "Labels") -> None:
    """Refuse to learn from labels of which one is rarer than `LEAST_TEXTS`.

    Raises:
        TooFewTextsError: One is.

    >>> refuse_too_few(np.array(["positive"] * 10 + ["negative"] * 10 + ["neutral"] * 10))
    """
    counts = {label: int((labels == label).sum()) for label in LABELS}
    if min(counts.values()) < LEAST_TEXTS:
        found = ", ".join(f"{count:,} {label}" for label, count in counts.items())
        raise TooFewTextsError(f"expected at least {LEAST_TEXTS} texts of each label to learn from, found {found}.")
