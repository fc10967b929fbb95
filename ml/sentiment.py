"""The sentiment of a post: VADER's compound score and its three shares.

The method is Hutto & Gilbert 2014, "VADER: A Parsimonious Rule-based Model for
Sentiment Analysis of Social Media Text", ICWSM. The scores are those of vaderSentiment
3.3.2 to the last bit, in time that grows with the length of a text instead of its
square: see `ml.vader`, which weighs the words. This module sums them up and offers the
result for one text, a pandas series and a Spark column.

How right VADER is on posts of this kind is another question: against human labels it
agrees on about one in two. Report it beside the scores.
"""

import heapq
import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer, normalize

from ml.vader import load_lexicon, weigh_pieces

if TYPE_CHECKING:
    from pyspark.sql import Column

BEFORE_BUT, AFTER_BUT = 0.5, 1.5

METHOD = "vader"
REWRITE = 1
"""Raise it by one with any change of this module or `ml.vader` that alters a score."""
METHOD_VERSION: str = f"vaderSentiment-{version('vaderSentiment')}+{REWRITE}"

LANGUAGES = ("en",)
"""What VADER speaks: in a text of another language it finds no word, which is not the same as no feeling."""

SENTIMENT_COLUMNS = (
    "negative_sentiment",
    "neutral_sentiment",
    "positive_sentiment",
    "compound_sentiment",
)


class Sentiment(NamedTuple):
    """The four scores of one text.

    Attributes:
        negative: Share of negative words, weighted, in [0, 1], three decimals.
        neutral: Share of words without a valence, in [0, 1], three decimals.
        positive: Share of positive words, weighted, in [0, 1], three decimals.
        compound: Sum of the valences, squeezed into [-1, 1], four decimals.

    The shares sum to 1 but for rounding; all four are 0 if the text holds no word.
    """

    negative: float
    neutral: float
    positive: float
    compound: float


def score_text(text: str | None) -> Sentiment | None:
    """Score one text: null for a null text, all zeros for an empty or blank one.

    Raises:
        TypeError: If the text is neither a string nor null.

    >>> score_text("VADER is smart, handsome, and funny!")
    Sentiment(negative=0.0, neutral=0.248, positive=0.752, compound=0.8439)
    >>> score_text("")
    Sentiment(negative=0.0, neutral=0.0, positive=0.0, compound=0.0)
    >>> score_text(None) is None
    True
    """
    if text is None:
        return None
    if not isinstance(text, str):
        found = type(text).__name__  # type: ignore[unreachable]  # mypy does not see what a frame holds
        raise TypeError(f"a text to score must be a string or null, found {found}: decode or cast the column first")
    pieces = load_lexicon().read(text)
    if not pieces:
        return EMPTY
    places, valences, count_words, but = weigh_pieces(pieces)
    if not valences:
        return NEUTRAL
    shifted = valences if but < 0 else shift_around_but(places, valences, but)
    return sum_up(shifted, count_words, measure_emphasis(text))


EMPTY = Sentiment(0.0, 0.0, 0.0, 0.0)
NEUTRAL = Sentiment(0.0, 1.0, 0.0, 0.0)


def shift_around_but(places: Sequence[int], valences: Sequence[float], but: int) -> list[float]:
    """Halve valences before the first "but", raise those after it, in the library's own order.

    For each valence in turn the library changes the *first* one that equals it at that moment, so that one may be
    changed twice and another never. Here equal ones are kept as heaps of places: n log n steps instead of n squared.
    Zeros are passed over, as they stay zero; "but" itself is always one.

    >>> shift_around_but([0, 2], [3.0, 2.0], but=1)
    [1.5, 3.0]
    >>> shift_around_but([0, 2], [1.0, 0.5], but=1)  # 1.0 is halved twice, 0.5 never raised
    [0.25, 0.5]
    """
    shifted = dict(zip(places, valences, strict=True))
    places_of: defaultdict[float, list[int]] = defaultdict(list)
    for place, valence in zip(places, valences, strict=True):
        if valence:
            first = heapq.heappushpop(places_of[valence], place)
            shifted[first] = valence * (BEFORE_BUT if first < but else AFTER_BUT)
            heapq.heappush(places_of[shifted[first]], first)
    return list(shifted.values())


def measure_emphasis(text: str) -> float:
    """Rate the exclamation and question marks of a text, in [0, 2.128].

    >>> measure_emphasis("Really?! Really?!")
    0.944
    """
    amplify = SentimentIntensityAnalyzer  # keeps these rates nowhere else, and counts in linear time
    text = load_lexicon().name_loud_emoji(text)
    return float(amplify._amplify_ep(text) + amplify._amplify_qm(text))


def sum_up(valences: list[float], count_words: int, emphasis: float) -> Sentiment:
    """Sum the valences of a text's words up to its four scores.

    The order of the additions is the library's, so the last bit is too.

    Args:
        valences: One for each scored word, in the order of the text.
        count_words: All words of the text, at least as many as valences.
        emphasis: What its punctuation adds to the side that prevails.

    >>> sum_up([2.0, -1.0], count_words=4, emphasis=0.0)
    Sentiment(negative=0.286, neutral=0.286, positive=0.429, compound=0.25)
    """
    total = float(sum(valences))
    if total:
        total += emphasis if total > 0 else -emphasis
    positive = negative = 0.0
    neutral = count_words
    for valence in valences:
        if valence > 0:
            positive += valence + 1
            neutral -= 1
        elif valence < 0:
            negative += 1 - valence
            neutral -= 1
    if positive > negative:
        positive += emphasis
    elif positive < negative:
        negative += emphasis
    size = positive + negative + neutral
    return Sentiment(
        negative=round(negative / size, 3),
        neutral=round(neutral / size, 3),
        positive=round(positive / size, 3),
        compound=round(normalize(total), 4),
    )


def score_texts(texts: pd.Series) -> pd.DataFrame:
    """Score a series of texts: one row per text, on the same index.

    Columns are `SENTIMENT_COLUMNS`, float64; see `Sentiment` for range and unit. A null
    text gives four nulls.

    >>> score_texts(pd.Series(["good", None])).compound_sentiment.tolist()
    [0.4404, nan]
    """
    is_text = texts.notna().to_numpy()
    scores = np.full((len(texts), len(SENTIMENT_COLUMNS)), np.nan)
    found = (score_text(text) or EMPTY for text in texts[is_text])
    scores[is_text] = np.fromiter(itertools.chain.from_iterable(found), dtype=np.float64).reshape(
        -1, len(SENTIMENT_COLUMNS)
    )
    return pd.DataFrame(scores, index=texts.index, columns=list(SENTIMENT_COLUMNS))


def sentiment_column(text: "Column") -> "Column":
    """Score a column of texts in Spark: a struct of the four `SENTIMENT_COLUMNS`.

    Each is a double, null where the text is. Python workers load the lexicon once each.
    """
    from pyspark.sql.pandas.functions import pandas_udf

    schema = ", ".join(f"{name} double" for name in SENTIMENT_COLUMNS)
    score = pandas_udf(score_batches, schema)  # type: ignore[call-overload]  # knows no iterator of frames
    scores: Column = score(text)
    return scores


def score_batches(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
    """Score the batches of texts that a Spark worker is given."""
    yield from map(score_texts, batches)
