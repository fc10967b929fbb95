"""Text into words that can be looked up: one form for all ways to write a letter, and what stands between two words.

It stands apart because names of the gazetteer and texts must go through the same steps: only then do they meet.
"""

import functools
import re
import unicodedata
from typing import NamedTuple

JOINED, COMMA, APART = " ", ",", "/"
"""What stands between two words: nothing to speak of, a comma or its like, a sign that sets apart."""

LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ʻ": None})
ACCENTS = re.compile("[\u0300-\u036f]+")
UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
"""Kana, Han and Hangul: a character is a word, since no blank shows where a word ends."""

FLAG = "[\U0001f1e6-\U0001f1ff]{2}|\U0001f3f4[\U000e0061-\U000e007a]{2,7}\U000e007f"
WORD = re.compile(f"{FLAG}|[{UNSPACED}]|[^\\W_{UNSPACED}]+")
HASHED = re.compile(r"#\w+")
CHUNK = re.compile(r"\S+")
HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
ADDRESS_SIGNS = ("@", "://", "www.")
ADDRESS_ENDS = (".com", ".org", ".net", ".co.uk", ".io", ".html", ".php")
COMMAS = frozenset('#,;:()[]{}!?"“”„«»\n\r\t…،、。，')
SETS_APART = frozenset("/|\\*~<>=•·")
SYMBOLS = frozenset({"So", "Sm", "Sk", "Co", "Cn"})
LONGEST_GAP, NOTHING = 12, frozenset({"", " "})


class Token(NamedTuple):
    """One word of a text.

    Attributes:
        word: Folded.
        raw: As written, but for compatible forms of letters.
        joint: What stands before it, one of `JOINED`, `COMMA` and `APART`.
    """

    word: str
    raw: str
    joint: str


def read_tokens(text: str) -> list[Token]:
    """Split a text into its words; addresses of the web, of mail and of accounts are not words.

    >>> [token.word for token in read_tokens("#SãoPaulo, 𝕌𝕂 me@mail.example 🇮🇳")]
    ['sao', 'paulo', 'uk', 'flag:in']
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if "#" in text:
        text = HASHED.sub(lambda found: HUMP.sub(" ", found.group()), text)
    if "@" in text or "." in text or "/" in text:
        text = drop_addresses(text)
    if "&" in text or "+" in text:
        text = text.replace("&", " and ").replace("+", " and ")
    tokens, end = [], 0
    for found in WORD.finditer(text):
        raw, gap = found.group(), text[end : found.start()]
        joint = JOINED if gap in NOTHING else judge_gap(gap[:LONGEST_GAP])
        tokens.append(Token(fold_word(raw), raw, joint))
        end = found.end()
    return tokens


def drop_addresses(text: str) -> str:
    """Put a bar in the place of each address, in one pass however long the text.

    >>> drop_addresses("Oslo http://oslo.example/x me@oslo.example @oslo oslo.com U.S.")
    'Oslo | | | | U.S.'
    """
    return CHUNK.sub(lambda found: "|" if is_address(found.group()) else found.group(), text)


def is_address(chunk: str) -> bool:
    """Whether a piece of text without blanks is an address of the web, of mail or of an account."""
    return any(sign in chunk for sign in ADDRESS_SIGNS) or chunk.lower().endswith(ADDRESS_ENDS)


def fold_word(raw: str) -> str:
    """Fold case, accents and a flag.

    >>> [fold_word(raw) for raw in ("Zürich", "KØBENHAVN", "İzmir", "Straße", "🇮🇳", "🏴󠁧󠁢󠁳󠁣󠁴󠁿")]
    ['zurich', 'kobenhavn', 'izmir', 'strasse', 'flag:in', 'flag:gbsct']
    """
    if raw.isascii():
        return raw.lower()
    if raw[0] >= "\U0001f1e6":
        return fold_flag(raw)
    return ACCENTS.sub("", unicodedata.normalize("NFD", raw.casefold().translate(LETTERS)))


def fold_flag(raw: str) -> str:
    """Spell the code that a flag is made of; a letter above the flags is kept."""
    if raw[0] == "\U0001f3f4":
        return "flag:" + "".join(chr(ord(sign) - 0xE0000) for sign in raw[1:-1])
    if len(raw) == 2 and raw[0] <= "\U0001f1ff":  # noqa: PLR2004  # two signs spell a country
        return "flag:" + "".join(chr(ord(sign) - 0x1F1E6 + ord("a")) for sign in raw)
    return raw


@functools.lru_cache(maxsize=1 << 12)
def judge_gap(gap: str) -> str:
    """Say what stands between two words.

    >>> [judge_gap(gap) for gap in ("-", ". ", ", ", " - ", " / ", " ❤ ")]
    [' ', ' ', ',', ',', '/', '/']
    """
    if gap.strip(" .'’-_`\u200b") == "":
        return COMMA if (" -" in gap and "- " in gap) or "..." in gap else JOINED
    if any(sign in SETS_APART or unicodedata.category(sign) in SYMBOLS for sign in gap):
        return APART
    if any(sign in COMMAS or (unicodedata.category(sign) == "Pd" and sign not in "-‐‑") for sign in gap):
        return COMMA
    return JOINED
