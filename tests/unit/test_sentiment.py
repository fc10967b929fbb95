"""Our rewrite of VADER against vaderSentiment itself: the same bits, in a time that grows with the text."""

import csv
import gzip
import io
import json
import os
import random
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from vaderSentiment.vaderSentiment import (
    BOOSTER_DICT,
    SENTIMENT_LADEN_IDIOMS,
    SPECIAL_CASES,
    SentimentIntensityAnalyzer,
)

from ml import vader
from ml.sentiment import METHOD_VERSION, SENTIMENT_COLUMNS, Sentiment, score_text, score_texts

STOCK = SentimentIntensityAnalyzer()
EMOJI = sorted(STOCK.emojis)
PROPERTY = settings(max_examples=500, derandomize=True, deadline=None, database=None)


def score_with_stock(text: str) -> Sentiment:
    scores = STOCK.polarity_scores(text)
    return Sentiment(scores["neg"], scores["neu"], scores["pos"], scores["compound"])


def read_bits(sentiment: Sentiment | None) -> list[str]:
    assert sentiment is not None
    return [score.hex() for score in sentiment]


FRAGMENTS = st.one_of(
    st.sampled_from(["good", "bad", "GOOD", "kind", "no", "hate", "love", "lol", ":)", ":D", "<3", "heart", "warm"]),
    st.sampled_from(sorted(STOCK.lexicon)),
    st.sampled_from(sorted(vader.VISIBLE_WORDS)),
    st.sampled_from([*SPECIAL_CASES, *SENTIMENT_LADEN_IDIOMS, "kind of", "sort of", "just enough"]),
    st.sampled_from(["but", "But", "BUT", "but,", "'but'", "butt", "rebut"]),
    st.sampled_from(["never so", "never this", "without a doubt", "without doubt", "at least", "very least", "LEAST"]),
    st.sampled_from(["don't", "DON'T", "y'n't", "n't", "don’t", "no or", "no nor", "no very", "so", "this"]),
    st.sampled_from([emoji for emoji in EMOJI if len(emoji) == 1]),
    st.sampled_from([*EMOJI, "👩‍👩‍👧", "👍🏽", "\u200d", "\ufe0f", "🇦", "🆙", "🔛", "🙅", "🙂", "💓", "😂"]),
    st.sampled_from(
        ["!", "!!!!!", "?", "???", "...", "'", '"', "-", "\u0301", "x", "ab", "İ", "ΑΣ", "\ud83d", "\udc00"]
    ),
)
SPELLINGS = st.sampled_from([str, str, str, str.upper, str.title, str.swapcase])
BLANKS = st.sampled_from([" "] * 6 + ["", "  ", "\n", "\t", "\u00a0", "\u2003", "\u200b", "\x1c", ", ", "!"])
TEXTS = st.lists(st.tuples(FRAGMENTS, SPELLINGS, BLANKS), max_size=25).map(
    lambda parts: "".join(spell(fragment) + blank for fragment, spell, blank in parts)
)


@PROPERTY
@given(TEXTS)
def test_posts_of_all_that_vader_looks_for_score_as_the_library_scores_them(text: str) -> None:
    assert read_bits(score_text(text)) == read_bits(score_with_stock(text))


@PROPERTY
@given(st.text(alphabet=st.characters(exclude_categories=[])))
@example("\ud83d\ude00 \udc00 good")
def test_any_text_scores_as_the_library_scores_it(text: str) -> None:
    assert read_bits(score_text(text)) == read_bits(score_with_stock(text))


@PROPERTY
@given(TEXTS | st.text())
def test_compound_is_within_one_of_zero_and_shares_sum_to_one(text: str) -> None:
    sentiment = score_text(text)
    assert sentiment is not None
    shares = sentiment[:3]
    assert -1 <= sentiment.compound <= 1
    assert all(0 <= share <= 1 for share in shares)
    assert sum(shares) == pytest.approx(0.0 if sentiment == (0, 0, 0, 0) else 1.0, abs=0.0016)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(" \t\n\u2003", id="only white space"),
        pytest.param("!!!! ???", id="only punctuation"),
        pytest.param("but", id="only but"),
        pytest.param("good good but good good", id="equal valences around but"),
        pytest.param("good but good but good", id="second but is no but"),
        pytest.param("great 😀 but great 😀 great", id="a halved valence equals a later one"),
        pytest.param("x y but x y", id="zeros around but"),
        pytest.param("no good no but no good", id="zero-valued no around but"),
        pytest.param("NO GOOD here", id="no in capitals loses its zero"),
        pytest.param("it is kind of good", id="kind of before"),
        pytest.param("good and kind OF", id="kind of at the end"),
        pytest.param("they are kind", id="kind alone"),
        pytest.param("it is the shit", id="idiom at the end"),
        pytest.param("bad ass bus stop yeah right", id="idioms side by side"),
        pytest.param("it is a kiss of death, to die for", id="idioms of three words"),
        pytest.param("my beating heart", id="idiom of two lexicon words"),
        pytest.param("not just enough good", id="booster of two words"),
        pytest.param("never so good, never this good", id="never so"),
        pytest.param("so good", id="so at the start"),
        pytest.param("a b this good", id="this directly before, as after never"),
        pytest.param("without a doubt good, without doubt good", id="without doubt"),
        pytest.param("least good; the least good; at least good; very least good", id="least"),
        pytest.param("this is VERY good", id="booster in capitals"),
        pytest.param("VERY GOOD", id="all in capitals"),
        pytest.param("incredibly very hugely sad", id="three boosters"),
        pytest.param("I xn't like y'n't", id="n't inside any word"),
        pytest.param("😂😂😂", id="adjacent emoji"),
        pytest.param("so😂good 😂bad", id="emoji glued to words"),
        pytest.param("💓s", id="a letter glued to an emoji"),
        pytest.param("good 🆙 🔛", id="emoji whose names hold exclamation marks"),
        pytest.param("🙅 happy", id="emoji whose name is in capitals and negates"),
        pytest.param("👩‍👩‍👧 👍🏽 🇺🇸", id="joined, toned and flag emoji"),
        pytest.param(":) :( :D (: <3 xD", id="emoticons"),
        pytest.param("'good' “bad” (sad) ...", id="quotes"),
        pytest.param("good!!!!! bad?????", id="more marks than count"),
        pytest.param("GOOD ΑΣ İİ ẞ", id="capitals that change length"),
        pytest.param("\ud83d good \udc00", id="lone surrogates"),
    ],
)
def test_tricky_texts_score_as_the_library_scores_them(text: str) -> None:
    assert read_bits(score_text(text)) == read_bits(score_with_stock(text))


def test_what_the_shortcuts_take_for_granted_holds_in_the_library() -> None:
    words = {*STOCK.lexicon, *BOOSTER_DICT}
    emoji = [key for key in EMOJI if len(key) == 1]
    assert "but" not in words, "`but` would have a valence to shift"
    assert not any(key.isascii() or key.isspace() for key in emoji), "ASCII is never searched for emoji"
    assert all(name.split() for name in STOCK.emojis.values()), "each emoji reads as a word at least"


def test_null_gives_null_and_empty_gives_zeros() -> None:
    assert score_text(None) is None
    assert score_text("") == score_text(" ") == Sentiment(0.0, 0.0, 0.0, 0.0)


def test_a_text_that_is_no_string_is_refused() -> None:
    with pytest.raises(TypeError, match="must be a string or null, found bytes"):
        score_text(b"good")  # type: ignore[arg-type]


def test_series_keeps_its_index_and_its_nulls() -> None:
    scores = score_texts(pd.Series(["so good", None, "", float("nan"), pd.NA, "bad"], index=list("fedcba")))
    expected = [score_text("so good"), None, Sentiment(0.0, 0.0, 0.0, 0.0), None, None, score_text("bad")]
    assert tuple(scores.columns) == SENTIMENT_COLUMNS
    assert list(scores.index) == list("fedcba")
    assert [None if row.isna().all() else tuple(row) for _, row in scores.iterrows()] == expected
    assert (scores.dtypes == "float64").all()


@pytest.mark.parametrize("texts", [[], [None, None]], ids=["no rows", "only nulls"])
def test_series_without_texts_gives_a_frame_of_nulls(texts: list[None]) -> None:
    scores = score_texts(pd.Series(texts, dtype="object"))
    assert scores.shape == (len(texts), len(SENTIMENT_COLUMNS))
    assert scores.isna().to_numpy().all()


def test_method_version_names_the_library_and_our_rewrite() -> None:
    assert METHOD_VERSION == "vaderSentiment-3.3.2+1"


def test_memory_of_spellings_is_bounded_and_changes_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vader, "REMEMBERED_PIECES", 3)
    lexicon = vader.load_lexicon()
    lexicon.clear()
    text = "a good " + "x" * 10_000 + " day but 😂 not a BAD one"
    assert score_text(text) == score_with_stock(text)
    assert 0 < len(lexicon) <= 3
    assert max(map(len, lexicon)) <= vader.REMEMBERED_LENGTH


def count_steps(score: Callable[[str], object], text: str) -> int:
    """Count the bytecodes and the calls into C that a call takes."""
    steps = 0

    def trace(frame: FrameType, event: str, _arg: object) -> object:
        nonlocal steps
        frame.f_trace_opcodes = True
        steps += event == "opcode"
        return trace

    def profile(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal steps
        steps += event == "c_call"

    tracer, profiler = sys.gettrace(), sys.getprofile()
    sys.settrace(trace)
    sys.setprofile(profile)
    try:
        score(text)
    finally:
        sys.settrace(tracer)
        sys.setprofile(profiler)
    return steps


def make_random_text(parts: list[str], length: int) -> str:
    chance = random.Random(length)
    return "".join(chance.choice(parts) for _ in range(length))[:length]


SHORT_WORDS = sorted(f"{word} " for word in STOCK.lexicon if len(word) < 4)
GROWING_TEXTS = {
    "one long word": lambda length: "a" * length,
    "one emoji": lambda length: "😹" * length,
    "beating hearts": lambda length: "💓" * length,
    "emoji and letters": lambda length: "😹é" * (length // 2),
    "random emoji": lambda length: make_random_text([emoji for emoji in EMOJI if len(emoji) == 1], length),
    "but": lambda length: "but " * (length // 4),
    "valences around but": lambda length: make_random_text(SHORT_WORDS, length) + " but " + "good " * (length // 5),
    "exclamation marks": lambda length: "!" * length,
    "capitals and negations": lambda length: "GOOD good not " * (length // 14),
    "lexicon words": lambda length: make_random_text(SHORT_WORDS, length),
    "no so": lambda length: "no so " * (length // 6),
    "distinct words": lambda length: " ".join(chr(0x4E00 + place) for place in range(length // 2)),
    "joiners": lambda length: "\u200d" * length,
    "combining marks": lambda length: "e\u0301" * (length // 2),
    "lone surrogates": lambda length: "\ud83d " * (length // 2),
    "blanks": lambda length: " \n" * (length // 2),
}


def score_afresh(text: str) -> object:
    vader.load_lexicon().clear()
    vader.weigh.cache_clear()
    return score_text(text)


@pytest.mark.parametrize("make_text", GROWING_TEXTS.values(), ids=GROWING_TEXTS.keys())
def test_ten_times_the_text_takes_at_most_twelve_times_the_steps(make_text: Callable[[int], str]) -> None:
    """Linear as far as steps show: what one call into C costs they do not.

    Those are few kinds, read one by one in `ml`: split, strip, lower, count, join, slices of six, dict and heap
    operations, each linear in what it is given, and given each part of a text a fixed number of times. No list is
    searched and no string is grown in a loop. Only the heaps, around "but", take n log n.
    """
    score_afresh("warm-up")
    assert count_steps(score_afresh, make_text(10_000)) <= 12 * count_steps(score_afresh, make_text(1_000))


def test_the_step_counter_sees_that_the_library_is_quadratic() -> None:
    text = "GOOD good not " * 5
    assert count_steps(STOCK.polarity_scores, text * 10) > 20 * count_steps(STOCK.polarity_scores, text)


TEXT_COLUMNS = {"text", "full_text", "OriginalTweet", "tweet_text", "body", "selftext", "title"}


def find_texts(node: object) -> Iterator[str]:
    """Yield the texts of a parsed JSON document."""
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key in TEXT_COLUMNS and isinstance(value, str))
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    for child in children:
        yield from find_texts(child)


def read_real_texts(path: Path) -> Iterator[str]:
    """Yield the texts of a file; all cells of one whose header names no column of texts."""
    with gzip.open(path) as packed:
        lines = io.TextIOWrapper(packed, encoding="utf-8", errors="surrogateescape", newline="")
        if path.name.endswith(".json.gz"):
            yield from find_texts(json.load(lines))
        elif path.name.endswith(".txt.gz"):
            for line in filter(str.strip, lines):
                yield from find_texts(json.loads(line)) if "tweets_json" in path.parts else [line]
        else:
            rows = csv.reader(lines)
            header = next(rows)
            places = [place for place, name in enumerate(header) if name in TEXT_COLUMNS] or range(len(header))
            yield from (row[place] for row in rows for place in places if place < len(row))


def is_in_sample(text: str) -> bool:
    """Say whether a text is among the twentieth that is compared every day: its bytes decide, not its place."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) % 20 == 0


def test_real_posts_score_as_the_library_scores_them() -> None:
    """A twentieth of the texts of every file; with EPILAKE_EVERY_POST=1 each of them. No text is ever shown.

    Each of them takes half a minute, nearly all of it the library's.
    """
    folder = os.environ.get("EPILAKE_REAL_DATA")
    if not folder:
        pytest.skip("EPILAKE_REAL_DATA is not set: real posts are not shipped with the project")
    paths = [path for path in sorted(Path(folder).glob("*/*.gz")) if path.parent.name != "cases"]
    texts = {text for path in paths if "labels" not in path.name for text in read_real_texts(path)}
    assert len(texts) > 1_000, f"expected real posts in {folder}, found {len(texts)} texts in {len(paths)} files"
    if not os.environ.get("EPILAKE_EVERY_POST"):
        texts = {text for text in texts if is_in_sample(text)}
    count_different = sum(read_bits(score_text(text)) != read_bits(score_with_stock(text)) for text in texts)
    assert count_different == 0
