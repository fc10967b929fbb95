"""The light predictor: a registered pipeline as plain numbers, which says what MLlib says and starts no JVM.

A pipeline that lies in the registry is taken apart (`ml.stored_pipeline`) and written as one JSON document beside its
files, so that their hash covers it too. Python spells a double so that it reads back the same. How equal the answers
are: every number, index, share and path through a tree is the same double; a decision tree's probability is too. The
margin of boosted trees and of a regression is a sum that Spark may take in several lanes at once, as its processor
allows, and `exp` is Java's there and the C library's here: those probabilities agree to 1e-14, as a test shows.

What a letter is, and which capital sigma ends a word, Python's Unicode tells here and Java's there: words of letters
that one of them does not know, or of Greek capitals run together with digits or other scripts, may be other words to
MLlib's regression.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ml.engineered import NUMBERS, TOLD, spell_numbers
from ml.evaluation import PROBABILITY, THRESHOLD
from ml.features import FEATURES, Kind
from ml.model import EXPECTED
from ml.plain_numbers import PLAIN_NUMBERS, told_text
from ml.predictor_document import DOCUMENT, FORMAT, Document, Trees, Words, numbers_in, take_apart
from ml.stored_pipeline import read_stages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_GAPS: Final = re.compile(r"https?://[^ \t\n\x0b\f\r]+|[^\w#@]+")
"""`ml.predictor_document.TOKENS` in Python's words; a letter is what this Python's Unicode calls one."""
_HASH_SEED: Final = 42
"""Of MLlib's HashingTF: MurmurHash3 (x86, 32 bits) of a word's UTF-8."""


class PredictorError(ValueError):
    """A pipeline of which no predictor can be made, or a document that is none."""


def read_predictor(file: Path) -> Predictor:
    """Read a predictor that was written.

    Raises:
        PredictorError: The document is none of this release.
    """
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
        found = about.pop("format")
        if found != FORMAT:
            raise PredictorError(f"expected a predictor of format {FORMAT}, found {found}: train and register again.")
        words, trees = about.pop("words"), about.pop("trees")
        document = Document(**about, words=words and Words(**words), trees=trees and Trees(**trees))
    except (OSError, TypeError, KeyError, AttributeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise PredictorError(f"expected a predictor in {file.name}, found none: register the model again.") from error
    return Predictor(document)


def open_predictor(files: Path) -> Predictor:
    """Open the predictor among a registered model's files; of a version without one, it is made of the pipeline.

    Args:
        files: Folder of the model, checked before (`ml.integrity`).

    Raises:
        PredictorError: The document is none of this release.
        UnreadablePipelineError: A stage is not understood.
    """
    if (files / DOCUMENT).is_file():
        return read_predictor(files / DOCUMENT)
    return Predictor(take_apart(read_stages(files / "sparkml")))


class Predictor:
    """A model that says how likely posts are to be retweeted, in numpy alone."""

    def __init__(self, document: Document) -> None:
        """Prepare the arrays.

        Raises:
            PredictorError: The numbers are made otherwise in this release than when the model was learnt.
        """
        self.reads = tuple(document.reads)
        self._document = document
        numbers = [name for name in document.vector if name in NUMBERS and name not in FEATURES]
        if document.statement and document.statement != spell_numbers(numbers_in(document.vector)):
            raise PredictorError(
                "the numbers that this model reads are made otherwise in this release: score with the release that "
                "trained it, or train again."
            )
        self._numbers = {name: PLAIN_NUMBERS[name] for name in numbers if document.statement}
        self._reads_text = bool(document.words) or any("text" in NUMBERS[name].reads for name in self._numbers)
        self._indices = {
            name: {label: float(index) for index, label in enumerate(labels)}
            for name, labels in document.labels.items()
        }
        self._say: Callable[[Floats, Sequence[str]], Floats] = (
            _Forest(document.trees, is_boosted=document.is_boosted).say if document.trees else self._regress
        )
        self._means, self._factors = np.array(document.means), np.array(document.factors)
        self._coefficients = np.array(document.coefficients)
        self._word_weights = np.array(document.words.weights) if document.words else None

    def predict(self, posts: Mapping[str, Sequence[Any]]) -> Floats:
        """Say how likely each post is to be retweeted: probabilities in [0, 1], in order.

        Args:
            posts: Values by feature, as `refined.refined_retweet_features` has them (null is None); moments are
                microseconds since 1970. Features that the model does not read may be there, or not.

        Raises:
            PredictorError: A feature that the model reads is not there.
        """
        missing = [name for name in self.reads if name not in posts]
        if missing:
            raise PredictorError(f"expected the features {', '.join(missing)}, found none of that name.")
        columns = {name: [to_plain(FEATURES[name].kind, value) for value in posts[name]] for name in self.reads}
        texts: Sequence[str] = ()
        if self._reads_text:
            texts = columns[TOLD] = [told_text(text) for text in columns["text"]]
        vectors = self._assemble(columns)
        if self._document.is_normalised:
            vectors = normalise(vectors)
        if self._means.size:
            vectors = (vectors - self._means) * self._factors
        return self._say(vectors, texts) if len(vectors) else np.zeros(0)

    def _assemble(self, columns: Mapping[str, Sequence[Any]]) -> Floats:
        """Give a row of the vector per post."""
        made: list[Iterable[float]] = []
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        for name in self._document.vector:
            if name in self._indices:
                known = self._indices[name]
                made.append([known.get(value, float(len(known))) for value in columns[name]])
            elif name in self._numbers:
                number = self._numbers[name]
                made.append([number(row) for row in rows])
            else:
                made.append(columns[name])
        return np.array(made, dtype=np.float64).T.reshape(-1, len(self._document.vector))

    def _regress(self, vectors: Floats, texts: Sequence[str]) -> Floats:
        margins = [self._margin(vector, texts[place] if texts else "") for place, vector in enumerate(vectors)]
        return sigmoid(np.array(margins) + self._document.intercept)

    def _margin(self, vector: Floats, text: str) -> float:
        products = vector * self._coefficients[: len(vector)]
        if self._word_weights is not None:
            buckets = hash_words(text, len(self._word_weights))
            weighed = self._word_weights[buckets] * self._coefficients[len(vector) :][buckets]
            products = np.concatenate([products, weighed])
        return float(np.add.accumulate(products)[-1])


class _Forest:
    """Trees as numpy walks them: all of them for all posts at once, one question after the other."""

    def __init__(self, trees: Trees, *, is_boosted: bool) -> None:
        self._roots, self._feature = np.array(trees.roots), np.array(trees.feature)
        self._left, self._right = np.array(trees.left), np.array(trees.right)
        self._threshold, self._answer = np.array(trees.threshold), np.array(trees.answer)
        self._weights, self._depth, self._is_boosted = np.array(trees.weights), trees.depth, is_boosted

    def say(self, vectors: Floats, _: Sequence[str]) -> Floats:
        node = np.broadcast_to(self._roots, (len(vectors), len(self._roots)))
        rows = np.arange(len(vectors))[:, np.newaxis]
        for _question in range(self._depth):
            is_left = vectors[rows, self._feature[node]] <= self._threshold[node]
            node = np.where(is_left, self._left[node], self._right[node])
        answers: Floats = self._answer[node]
        if not self._is_boosted:
            return answers[:, 0]
        margins = np.add.accumulate(answers * self._weights, axis=1)[:, -1]
        return 1.0 - sigmoid(-2.0 * margins)


def to_plain(kind: Kind, value: Any) -> Any:
    """Give one value as the model takes it: what `ml.features.to_model_value` does to a column.

    >>> to_plain(Kind.CATEGORY, None), to_plain(Kind.COUNT, None), to_plain(Kind.FLAG, True)
    ('', 0.0, 1.0)
    """
    if kind is Kind.MOMENT:
        return value
    if kind in (Kind.CATEGORY, Kind.TEXT):
        return "" if value is None else value
    number = 0.0 if value is None else float(value)
    return 0.0 if kind is Kind.SHARE and number != number else number  # noqa: PLR0124 - not a number


def normalise(vectors: Floats) -> Floats:
    """Divide each row by the sum of its absolute values, added from the first to the last; zeros stay.

    >>> normalise(np.array([[1.0, -3.0], [0.0, 0.0]])).tolist()
    [[0.25, -0.75], [0.0, 0.0]]
    """
    sums = np.add.accumulate(np.abs(vectors), axis=1)[:, -1:]
    return np.divide(vectors, sums, out=vectors.copy(), where=sums != 0.0)


def sigmoid(margins: Floats) -> Floats:
    """Give 1 / (1 + exp(-m)); a margin too far below zero gives 0.

    >>> sigmoid(np.array([0.0, -1e9])).tolist()
    [0.5, 0.0]
    """
    with np.errstate(over="ignore"):
        probabilities: Floats = 1.0 / (1.0 + np.exp(-margins))
    return probabilities


def hash_words(text: str, buckets: int) -> NDArray[np.int64]:
    """Give the buckets of the words of a text, each once, in order.

    >>> hash_words("flu  flu", 16).tolist() == hash_words("FLU", 16).tolist()
    True
    """
    from sklearn.utils import murmurhash3_32

    words = {word for word in _GAPS.split(text.lower()) if word}
    return np.array(sorted({int(murmurhash3_32(word, seed=_HASH_SEED)) % buckets for word in words}), dtype=np.int64)


class _PythonFunction:
    """The predictor as MLflow calls it: a frame of features in, a frame of both answers out."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def predict(self, frame: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        import pandas as pd

        del params
        plain = {str(name): _to_values(str(name), frame[name]) for name in frame.columns if name in FEATURES}
        probabilities = self._predictor.predict(plain)
        return pd.DataFrame({PROBABILITY: probabilities, EXPECTED: probabilities > THRESHOLD}, index=frame.index)


def _to_values(name: str, column: pd.Series) -> list[Any]:
    import pandas as pd

    if FEATURES[name].kind is Kind.MOMENT:
        moments = pd.to_datetime(column, utc=True).astype("datetime64[us, UTC]")
        return [None if pd.isna(moment) else int(moment.value // 1_000) for moment in moments]
    return [None if pd.isna(value) else value for value in column]


def _load_pyfunc(path: str) -> _PythonFunction:
    """Open a predictor for MLflow's `python_function` flavour; MLflow looks for this name."""
    from pathlib import Path

    return _PythonFunction(read_predictor(Path(path)))
