"""The language of a post: py3langid's verdict on what is left of a text without links, handles, hashtags and emoji.

py3langid 0.4.0 (BSD-3-Clause) brings its own model: naive Bayes over byte n-grams, after Lui & Baldwin 2012,
"langid.py: An Off-the-shelf Language Identification Tool", ACL. Its probability is normalised by the length of the
text, so one threshold serves short and long posts. Below it, and for a text without letters, the answer is `und`,
undetermined: an honest "unknown" costs a post its sentiment, a wrong language gives it a false one. How right it is,
measured on posts:

    at `THRESHOLD`                        unknown   right of the known
    tweets about vaccination, English      7.3%     99.7%
    tweets about COVID-19, English         5.5%     99.7%
    TweetEval sentiment, English           9.2%     99.7%
    generated sample, ten languages        0.1%     99.8%

The unknown are texts of a few words. "English" is what the sets are said to be: a foreign post there counts as an
error.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.metadata import version
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier
    from pyspark.sql import Column

METHOD = "py3langid"
RULES = 2
"""Raise it by one with any change of this module that alters a verdict."""
METHOD_VERSION: str = f"py3langid-{version('py3langid')}+{RULES}"

UNDETERMINED = "und"
"""ISO 639-2's code for a language that is not known."""

THRESHOLD = 0.3
"""Least probability of a verdict. At 0.2 two more English posts of a hundred are named, up to twice as many wrongly,
and single words such as "hahaha" get a language; at 0.4 two fewer are named and hardly one error is avoided."""

MAX_CHARACTERS = 2_000
"""What is read of a text: more makes no verdict surer, and a text of a megabyte costs no more than this."""

MEMBER_OF = {"arz": "ar", "ary": "ar", "yue": "zh", "wuu": "zh", "nn": "no", "pcm": "en", "zxx": UNDETERMINED}
"""What is counted as the larger language beside it: dialects by what they are asked for as; Nigerian Pidgin, for which
the model takes two of three of the English posts that it gets wrong. `zxx` is "no language"."""

EXTINCT = frozenset({"la", "sa", "grc", "hbo", "vo"})
"""Languages that the model knows and nobody posts in: short texts of others are taken for them."""

LANGUAGE_COLUMNS = ("language", "language_score")

AT_ONCE = 1_024
"""Texts whose n-grams are multiplied together: bounds the memory of it to a few megabytes."""

_UNSPACED = "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u312f\u31a0-\u31ff\u3400-\u9fff\uf900-\ufaff"
"""Thai to Tibetan, Burmese, Khmer, kana, Han: a hashtag in them has no end but the text's, so only its `#` goes."""

_SIGNS = "\u2190-\u2bff\u3030\u303d\ufe0f\U0001f000-\U0001faff\U000e0020-\U000e007f"
"""Arrows to emoji, flags included; the joiner between two of them is a letter's elsewhere."""

_NOISE = re.compile(
    r"(?i)(?:https?://|www\.|pic\.twitter\.com/)\S+"
    r"|[@＠][\w.-]+"
    rf"|[#＃](?:[^\W{_UNSPACED}]+|(?=[{_UNSPACED}]))"
    r"|\[(?:name|email|phone)\]"  # what a privacy policy puts in the place of what it hides
    r"|&#?\w{1,8};"
    rf"|[{_SIGNS}][{_SIGNS}\u200d]*"
    r"|\d+"
)


class Language(NamedTuple):
    """The verdict on one text.

    Attributes:
        code: ISO 639-1 code, or 639-3 where there is none; `und` if it is not known.
        score: Probability of the likeliest language, in [0, 1], named or not; 0 if there is nothing to read.
    """

    code: str
    score: float


def detect_language(text: str | None) -> Language:
    """Tell the language of one text; a null text is as unknown as an empty one.

    >>> detect_language("I have had the flu for three days").code, detect_language("Tengo gripe desde el lunes").code
    ('en', 'es')
    >>> detect_language("@who https://who.int #COVID19 💉💉 100%")
    Language(code='und', score=0.0)
    """
    return detect_all([text])[0]


def detect_all(texts: Sequence[str | None]) -> list[Language]:
    """Tell the language of each text as `LanguageIdentifier.classify` does, but of many at once in a third of the time.

    A text's verdict is the same to the last bit whichever texts are beside it.
    """
    verdicts = [Language(UNDETERMINED, 0.0)] * len(texts)
    stripped = enumerate(strip_noise(text or "") for text in texts)
    words = [(place, told) for place, told in stripped if any(map(str.isalpha, told))]
    for start in range(0, len(words), AT_ONCE):
        some = words[start : start + AT_ONCE]
        codes, scores = _classify([told for _, told in some])
        for (place, _), code, score in zip(some, codes, scores, strict=True):
            verdicts[place] = Language(code if score >= THRESHOLD else UNDETERMINED, min(score, 1.0))
    return verdicts


def strip_noise(text: str) -> str:
    """Return the beginning of a text without what is of no language: links, handles, hashtags, emoji, digits.

    >>> strip_noise("RT @who: stay  home! https://t.co/x #COVID19 😷 &amp; wait 14 days")
    'RT : stay home! wait days'
    """
    return " ".join(_NOISE.sub(" ", text[:MAX_CHARACTERS]).split())


@lru_cache(maxsize=1)
def load_identifier() -> "LanguageIdentifier":
    """Return the model, with normalised probabilities and dialects counted as their language; it takes a second.

    Its table, of single precision and with the languages of an n-gram side by side, takes 55 MB.
    """
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages(set(model.labels) - EXTINCT)
    codes = [MEMBER_OF.get(code, code) for code in model.nb_classes]  # equal ones are added up
    table = np.ascontiguousarray(model.nb_ptc, dtype=np.float32)
    return LanguageIdentifier(
        table, model.nb_pc, codes, model.tk_nextmove, model.tk_output, norm_probs=True, tk_row=model.tk_row
    )


def _classify(words: list[str]) -> tuple[list[str], list[float]]:
    """Return the likeliest language of each text and its probability: naive Bayes, as one product of matrices."""
    from py3langid.langid import visit_counts
    from scipy.sparse import csr_array

    model = load_identifier()
    encoded = [model._encode(text) for text in words]
    grams = [visit_counts(model.tk_nextmove, model._rowbase, model.tk_output, text) or {} for text in encoded]
    ends = np.cumsum([0, *map(len, grams)])
    which = np.fromiter(chain.from_iterable(grams), np.int32, ends[-1])
    often = np.fromiter(chain.from_iterable(found.values() for found in grams), np.float32, ends[-1])
    counts = csr_array((np.log1p(often), which, ends), shape=(len(words), len(model.nb_ptc)))
    likely = counts @ model.nb_ptc
    likely[np.diff(ends) > 0] += model.nb_pc
    likely *= 1 / np.sqrt(np.array([len(text) or 1 for text in encoded], dtype=np.float32))[:, None]
    np.exp(likely - likely.max(axis=1, keepdims=True), out=likely)
    likely /= likely.sum(axis=1, keepdims=True)
    for first, other in model._alias_pairs:
        likely[:, first] += likely[:, other]
        likely[:, other] = 0
    return [model.nb_classes[place] for place in likely.argmax(axis=1)], likely.max(axis=1).tolist()


def detect_languages(texts: pd.Series) -> pd.DataFrame:
    """Tell the languages of a series of texts: one row per text, on the same index; the same text is read once.

    Columns are `LANGUAGE_COLUMNS`: a string and a float64, never null.

    >>> detect_languages(pd.Series(["Bonjour tout le monde", None])).language.tolist()
    ['fr', 'und']
    """
    places, distinct = pd.factorize(texts)
    verdicts = [*detect_all(list(distinct)), Language(UNDETERMINED, 0.0)]  # a null's place is -1, the last one
    codes = np.array([verdict.code for verdict in verdicts], dtype=object)
    scores = np.array([verdict.score for verdict in verdicts])
    return pd.DataFrame({"language": codes[places], "language_score": scores[places]}, index=texts.index)


def language_column(text: "Column") -> "Column":
    """Tell the languages of a column of texts in Spark: a struct of the two `LANGUAGE_COLUMNS`, neither null.

    Python workers load the model once each.
    """
    from pyspark.sql.pandas.functions import pandas_udf

    detect = pandas_udf(detect_batches, "language string, language_score double")  # type: ignore[call-overload]  # knows no iterator of frames
    verdicts: Column = detect(text)
    return verdicts


def detect_batches(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
    """Tell the languages of the batches of texts that a Spark worker is given."""
    yield from map(detect_languages, batches)
