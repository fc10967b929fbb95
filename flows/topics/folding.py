r"""Folding: the one form in which a text and a query are compared, and what counts as a word in it.

Differences that a reader overlooks are gone: upper and lower case (`casefold`), compatibility forms (NFKC: full-width
letters, ligatures, bold letters from mathematics), diacritics (`grippe aviáire`, vowel points of Arabic and Hebrew,
hamza on alef), typographic apostrophes and dashes, invisible characters. Only marks that decorate a letter are dropped;
those that a word is spelt with (vowel signs and virama of Indic scripts, dakuten of kana) stay. `ö` is `o`, not `oe`,
and `ø` is `ø`.

Words are found whole in scripts that put spaces between them; punctuation separates words too, and so does `_`, which
hashtags of several words are written with (`#covid_19`). In those that do not (Chinese, Japanese, Thai, Lao, Khmer,
Burmese, Tibetan), and in Korean, whose particles cling to the noun, a word is found as part of a longer run.

Source: Unicode Standard Annex 15 (normalization forms) and section 3.13 of the Unicode Standard (caseless matching).
"""

import re
import unicodedata
from collections.abc import Iterator

_DROPPED = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"  # invisible: soft hyphen, joiners, direction
    "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f"  # diacritics, variation selectors
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"  # points of Hebrew
    "\u0610-\u061a\u0640\u064b-\u065f\u0670]+"  # points, hamza above and below, and tatweel of Arabic
)
_ALIKE = {"\u2018": "'", "\u2019": "'", "\u2010": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-"}

_UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff\ua9e0-\ua9ff\uaa60-\uaa7f"  # Thai to Tibetan, Burmese, Khmer
    "\u2e80-\u2fff\u3005-\u3007\u3040-\u312f\u31a0-\u31ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han, kana
    "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff"  # Hangul
)
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_ASTRAL = "\U00010000-\U0001efff"
"""Scripts beyond the basic plane, in one range: a class of many ranges there would cost three times the speed."""


def fold(text: str) -> str:
    r"""Return the form in which texts and queries are compared; folding twice changes nothing more.

    >>> fold("Grippe AVIÁIRE"), fold("ＣＯＶＩＤ‑19"), fold("Straße"), fold("إيبولا") == fold("ايبولا")
    ('grippe aviaire', 'covid-19', 'strasse', True)
    """
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKD", text).casefold()
    if not unicodedata.is_normalized("NFKD", folded):
        folded = unicodedata.normalize("NFKD", folded)
    for written, plain in _ALIKE.items():
        folded = folded.replace(written, plain)
    return unicodedata.normalize("NFC", _DROPPED.sub("", folded))


def is_unspaced(text: str) -> bool:
    """Say whether a text holds a character of a script that does not put spaces between words.

    >>> is_unspaced("流感"), is_unspaced("फ्लू")
    (True, False)
    """
    return _IS_UNSPACED.search(text) is not None


def _list_word_ranges() -> Iterator[str]:
    """Ranges of the basic plane that words are made of, in scripts with spaces: letters, digits and their marks."""
    start: int | None = None
    for code in range(0x10000):
        character = chr(code)
        is_part = character.isalnum() or unicodedata.category(character).startswith("M")
        if is_part and not is_unspaced(character):
            start = code if start is None else start
        elif start is not None:
            yield f"{chr(start)}-{chr(code - 1)}"
            start = None


WORD_CLASS = "".join(_list_word_ranges()) + _ASTRAL
"""Inside of a character class: what a word in a script with spaces is made of; `\\w` lacks the marks."""

ANY_WORD_CLASS = WORD_CLASS + _UNSPACED
"""Inside of a character class: the same, and all characters of scripts without spaces."""

WORDS = re.compile(f"[{WORD_CLASS}]+")
"""Every word of a folded text, in scripts with spaces."""

LANGUAGES_RENAMED = {"iw": "he", "in": "id", "ji": "yi"}
"""Withdrawn ISO 639 codes that some sources still send, X among them."""


def fold_language(code: str | None) -> str:
    """Return the language of a code without region or script, in today's spelling; empty if null.

    >>> fold_language("pt-BR"), fold_language("iw"), fold_language(None)
    ('pt', 'he', '')
    """
    language = (code or "").replace("_", "-").split("-")[0].lower()
    return LANGUAGES_RENAMED.get(language, language)
