"""VADER's rules, each word looked up once: the valence of every scored word of a text.

VADER (Hutto & Gilbert 2014, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text",
ICWSM) weighs a word of its lexicon by the three words before it and the two after it. vaderSentiment 3.3.2 lower-cases
the whole text again for each such word, so its time grows with the square of the text. This module keeps its lexicon,
emoji, word lists and results, bugs included, and replaces only the loops: a rule sees six words, however long the text.

It stands apart from `ml.sentiment`, which sums the valences up and owns the public names, so that the rules can be
read, and tested against the library, by themselves.
"""

import functools
import itertools
import re
import string
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from vaderSentiment import vaderSentiment

TWO_BACK, THREE_BACK, NEVER_SO, LONGEST_EMOTICON = 0.95, 0.9, 1.25, 2
REMEMBERED_PIECES, REMEMBERED_LENGTH, REMEMBERED_WINDOWS = 1 << 16, 20, 1 << 15
BOOSTERS: dict[str, float] = vaderSentiment.BOOSTER_DICT
IDIOMS: dict[str, float] = vaderSentiment.SPECIAL_CASES
NEGATIONS = frozenset(vaderSentiment.NEGATE)
CAPITALS, TURN = float(vaderSentiment.C_INCR), float(vaderSentiment.N_SCALAR)
PHRASES = [phrase.split() for phrase in (*IDIOMS, *BOOSTERS) if " " in phrase]
PHRASE_KEYS = frozenset(max(phrase, key=len) for phrase in PHRASES)
"""One word of each idiom and each booster of several words: without it, none is there."""

ACTIVE_WORDS = frozenset({*BOOSTERS, *NEGATIONS, "n't", "no", "so", "this", "least", "kind"}) | PHRASE_KEYS
"""Words of which at least one is beside any word that a rule changes; "n't" is every word that holds it."""

VISIBLE_WORDS = ACTIVE_WORDS.union(*PHRASES, {"or", "doubt", "at", "of"})
"""All words that a rule looks for beside another."""

SCORED, ACTIVE, UPPER, BUT = 1, 2, 4, 8
"""Bits of a word's kind, one byte; 0 is neutral."""

IS_SCORED, IS_ACTIVE, IS_UPPER, IS_BUT = (bytes(k & b > 0 for k in range(256)) for b in (SCORED, ACTIVE, UPPER, BUT))


@dataclass(frozen=True, slots=True, eq=False)
class Lexeme:
    """What the rules ask about a word; few exist, each once, so they are equal by identity.

    Attributes:
        word: Lower-cased; empty if neither the lexicon nor a rule knows it.
        valence: The lexicon's mean rating in [-4, 4]; 0 outside the lexicon.
        is_in_lexicon: Whether the lexicon holds the word.
        boost: What a booster adds to a word after it, else 0.
        is_negation: Whether the word turns the words after it.
        is_upper: Whether it was written in capitals.
    """

    word: str = ""
    valence: float = 0.0
    is_in_lexicon: bool = False
    boost: float = 0.0
    is_negation: bool = False
    is_upper: bool = False


Lexemes = tuple[Lexeme, ...]

UNKNOWN, KNOWN = Lexeme(), Lexeme(is_in_lexicon=True)
"""How words that no rule looks for appear to their neighbours: few different windows exist."""

NONE_BEFORE = bytes(3)
START, END = (KNOWN, KNOWN, KNOWN), (UNKNOWN, UNKNOWN)
"""What stands for the words beyond the text: rules that look back skip a lexicon word, none looks on for an unknown."""


class Piece(NamedTuple):
    """What a stretch of text without white space reads as: one word, or an emoji's description of several.

    Attributes:
        kinds: One byte per word.
        scored: The words that have a valence: in the lexicon, and no boosters.
        seen: Every word as its neighbours see it.
    """

    kinds: bytes
    scored: Lexemes
    seen: Lexemes


class Lexicon(dict[str, Piece]):
    """Pieces by their spelling, found at first sight.

    Short spellings are remembered, and all forgotten when they are too many: some 20 MB, whatever the posts hold.
    """

    def __init__(self) -> None:
        super().__init__()
        analyser = vaderSentiment.SentimentIntensityAnalyzer()
        self._ratings: dict[str, float] = analyser.lexicon
        self._emoji: dict[str, str] = {key: name for key, name in analyser.emojis.items() if len(key) == 1}
        self._spaced = {emoji: f" {emoji}" for emoji in self._emoji}
        self._split = compile_class(self._emoji).split
        self._loud = [emoji for emoji, name in self._emoji.items() if "!" in name or "?" in name]
        words = {*self._ratings, *VISIBLE_WORDS, "but", "n't", ""}
        self._words = {
            word: (self._make_word(word, is_upper=False), self._make_word(word, is_upper=True)) for word in words
        }
        self._open_emoji = functools.cache(self._split_description)

    def read(self, text: str) -> list[Piece]:
        """Cut a text into pieces, at white space and before each emoji.

        The library puts no blank between a blank and an emoji, which makes no difference to a cut. It looks for emoji
        by the character: it never finds those of several, and none is ASCII.
        """
        if not text.isascii() and len(parts := self._split(text)) > 1:
            parts[1::2] = [self._spaced.get(part, part) for part in parts[1::2]]
            text = "".join(parts)
        return list(map(self.__getitem__, text.split()))

    def name_loud_emoji(self, text: str) -> str:
        """Put the description in the place of an emoji where it holds a "!" or "?", which VADER counts."""
        for emoji in self._loud:
            text = text.replace(emoji, self._emoji[emoji])
        return text

    def __missing__(self, spelling: str) -> Piece:
        """Find the words of a piece that is not remembered; what follows an emoji is part of its last word."""
        if spelling[0] in self._emoji:
            opening, last = self._open_emoji(spelling[0])
            piece = append(opening, self._find(last + spelling[1:]))
        else:
            piece = self._find(spelling)
        if len(spelling) <= REMEMBERED_LENGTH:
            if len(self) >= REMEMBERED_PIECES:
                self.clear()
            self[spelling] = piece
        return piece

    def _split_description(self, emoji: str) -> tuple[Piece, str]:
        """Return the words of an emoji's description but the last, and the last."""
        *words, last = self._emoji[emoji].split()
        return functools.reduce(append, map(self._find, words), Piece(b"", (), ())), last

    def _find(self, spelling: str) -> Piece:
        """Find a single word, reduced to what is known of it, in capitals or not."""
        bare = spelling.strip(string.punctuation)
        shown = bare if len(bare) > LONGEST_EMOTICON else spelling
        word = shown.lower()
        return self._words.get(word, self._words["n't" if "n't" in word else ""])[shown.isupper()]

    def _make_word(self, word: str, *, is_upper: bool) -> Piece:
        is_known = word in self._ratings
        lexeme = Lexeme(
            word=word,
            valence=self._ratings.get(word, 0.0),
            is_in_lexicon=is_known,
            boost=BOOSTERS.get(word, 0.0),
            is_negation=word in NEGATIONS or "n't" in word,
            is_upper=is_upper,
        )
        is_scored = is_known and word not in BOOSTERS
        kind = is_scored * SCORED | (word in ACTIVE_WORDS) * ACTIVE | is_upper * UPPER | (word == "but") * BUT
        seen_as = lexeme if word in VISIBLE_WORDS else KNOWN if is_known else UNKNOWN
        return Piece(kinds=bytes([kind]), scored=(lexeme,) if is_scored else (), seen=(seen_as,))


def append(piece: Piece, other: Piece) -> Piece:
    """Read two pieces as one.

    >>> append(Piece(b"a", (KNOWN,), (KNOWN,)), Piece(b"b", (), (UNKNOWN,))).kinds
    b'ab'
    """
    return Piece(piece.kinds + other.kinds, piece.scored + other.scored, piece.seen + other.seen)


def compile_class(characters: Collection[str]) -> re.Pattern[str]:
    r"""Compile a pattern that captures at least the characters given.

    Beyond the basic plane `re` tries the members of a class one by one, here 900, so they are made one range: the
    pattern captures what lies between them too.

    >>> compile_class("a😀😂").split("ba😁")
    ['b', 'a', '', '😁', '']
    """
    basic = re.escape("".join(c for c in characters if c <= "\uffff"))
    first, *_, last = sorted(c for c in characters if c > "\uffff")
    return re.compile(f"([{basic}{first}-{last}])")


@functools.cache
def load_lexicon() -> Lexicon:
    """Load the lexicon at first use, once per process."""
    return Lexicon()


class Weighed(NamedTuple):
    """The scored words of a text, in their order.

    Places are positions among all `count_words` words of the text, as is that of the first "but", -1 if there is none.
    Valences lie within about 12 of 0.
    """

    places: list[int]
    valences: list[float]
    count_words: int
    but: int


def weigh_pieces(pieces: Sequence[Piece]) -> Weighed:
    """Weigh the scored words of a text of at least one piece, each by the words around it.

    >>> weigh_pieces(load_lexicon().read("a GOOD day but not good"))
    Weighed(places=[1, 5], valences=[2.633, -1.406], count_words=6, but=3)
    """
    kinds_of, scored_of, seen_of = zip(*pieces, strict=True)
    kinds = b"".join(kinds_of)
    lexemes = list(itertools.chain.from_iterable(scored_of))
    if not lexemes:
        return Weighed([], [], len(kinds), -1)
    places = list(itertools.compress(itertools.count(), kinds.translate(IS_SCORED)))
    is_cap_diff = 0 < kinds.translate(IS_UPPER).count(1) < len(kinds)
    active = NONE_BEFORE + kinds.translate(IS_ACTIVE)
    seen = (*START, *itertools.chain.from_iterable(seen_of), *END)
    valences = [
        weigh(seen[place : place + 3], lexeme, seen[place + 4 : place + 6], is_cap_diff)
        if 1 in active[place : place + 6] or (is_cap_diff and lexeme.is_upper)
        else lexeme.valence
        for place, lexeme in zip(places, lexemes, strict=True)
    ]
    return Weighed(places, valences, len(kinds), kinds.translate(IS_BUT).find(1))


@functools.lru_cache(maxsize=REMEMBERED_WINDOWS)
def weigh(before: Lexemes, word: Lexeme, after: Lexemes, is_cap_diff: bool) -> float:  # noqa: FBT001 - a cache key
    """Weigh one scored word by three words before and two after; capitals count if only some of the text is in them."""
    third, second, first = before
    if word.word == "kind" and after[0].word == "of":
        return 0.0
    valence = _rate(before, word, after)
    if word.is_upper and is_cap_diff:
        valence += CAPITALS if valence > 0 else -CAPITALS
    if not first.is_in_lexicon:
        valence += _boost(first, valence, is_cap_diff)
        valence *= TURN if first.is_negation else 1.0
    if not second.is_in_lexicon:
        valence += _boost(second, valence, is_cap_diff) * TWO_BACK
        valence *= _turn_two_back(second, first.word)
    if not third.is_in_lexicon:
        valence += _boost(third, valence, is_cap_diff) * THREE_BACK
        valence *= _turn_three_back(third, second.word, first.word)
        valence = _apply_phrases(valence, [lexeme.word for lexeme in (*before, word, *after)])
    is_turned = first.word == "least" and not first.is_in_lexicon and second.word not in {"at", "very"}
    return valence * TURN if is_turned else valence


def _rate(before: Lexemes, word: Lexeme, after: Lexemes) -> float:
    third, second, first = (lexeme.word for lexeme in before)
    if first == "no" or second == "no" or (third == "no" and first in {"or", "nor"}):
        return word.valence * TURN
    return 0.0 if word.word == "no" and after[0].is_in_lexicon else word.valence


def _boost(booster: Lexeme, valence: float, is_cap_diff: bool) -> float:  # noqa: FBT001 - the text's
    if not booster.boost:
        return 0.0
    boost = -booster.boost if valence < 0 else booster.boost
    if booster.is_upper and is_cap_diff:
        boost += CAPITALS if valence > 0 else -CAPITALS
    return boost


def _turn_two_back(second: Lexeme, first: str) -> float:
    if second.word == "never" and first in {"so", "this"}:
        return NEVER_SO
    is_turned = second.is_negation and not (second.word == "without" and first == "doubt")
    return TURN if is_turned else 1.0


def _turn_three_back(third: Lexeme, second: str, first: str) -> float:
    if (third.word == "never" and second in {"so", "this"}) or first in {"so", "this"}:
        return NEVER_SO
    is_turned = third.is_negation and not (third.word == "without" and "doubt" in {second, first})
    return TURN if is_turned else 1.0


def _apply_phrases(valence: float, words: list[str]) -> float:
    """Put an idiom's rating, an integer to `sum`, in place of the valence, and add boosters of several words."""
    if PHRASE_KEYS.isdisjoint(words):
        return valence
    third, second, first, word, after, last = words
    back = [f"{second} {first}", f"{third} {second} {first}", f"{third} {second}"]
    around = [f"{first} {word}", f"{second} {first} {word}", *back]
    ahead = [f"{word} {after} {last}", f"{word} {after}"]
    for phrases in (around, ahead):
        valence = next((IDIOMS[phrase] for phrase in phrases if phrase in IDIOMS), valence)
    for phrase in (back[1], back[2], back[0]):
        if phrase in BOOSTERS:
            valence += BOOSTERS[phrase]
    return valence
