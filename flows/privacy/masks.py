"""Masks: what tells who somebody is or how to reach them, replaced in text; whole columns at a time.

The patterns are RE2's, which Arrow runs in time linear in the text, whatever it holds. They hide rather too much than
too little: a mask that fits a part number costs less than a telephone number that stays.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from flows.privacy.policy import Mask

if TYPE_CHECKING:
    import pyarrow as pa

_WORD = r"[\p{L}\p{N}_]"
_PROFILES = (
    r"bsky\.app/profile/|reddit\.com/user/|(?:^|[^\p{L}\p{N}])u/|t\.me/|instagram\.com/|facebook\.com/|"
    r"linkedin\.com/in/|/users/"
)
_TWITTER = r"(?:(?:twitter|(?:^|[^\p{L}\p{N}-])x)\.com|nitter\.[a-z.-]+)/(?:#!/)?"
_CALL = r"(?:tel|phone|call|whatsapp|sms|mobile|cell)"
_DIGITS = r"\d[\d ()./\x{A0}-]{5,}\d"
_NATIONAL = (  # with two digits before the first sign, 01.05.2020 is a date, and 01.23.45.67.89 is none
    r"\(0\d{1,4}\)[ ./-]?\d{2,4}(?:[ ./-]?\d{2,4}){1,3}|0[1-9]\d{1,3}[ ./-]\d{2,4}(?:[ ./-]?\d{2,4}){1,3}|"
    r"0[1-9](?: \d{2,4}){3,4}|0[1-9](?:\.\d{2,4}){3,4}|0[1-9](?:-\d{2,4}){3,4}|0[1-9][ .-]\d{3,4}[ .-]?\d{3,4}|"
    r"0[1-9]\d{8,10}"
)
_SPELT_HOST = r"[\p{L}\p{N}-]+(?:(?: ?(?:[\[({]dot[\])}]|dot) ?|\.)[\p{L}\p{N}-]+)+"
_HOST = r"[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+"

PATTERNS: dict[Mask, tuple[tuple[str, str, str], ...]] = {
    Mask.EMAIL: (
        (r"[\p{L}\p{N}_%+-][@＠]|\s[@＠]\s",
         rf"(^|[^@\p{{L}}\p{{N}}._%+-])[\p{{L}}\p{{N}}._%+-]+(?:[@＠]|\s[@＠]\s){_HOST}",
         r"\1[email]"),
        (r"(?i) at .* dot ", r"(?i)(^|[^\p{L}\p{N}._%+-])[\p{L}\p{N}._%+-]+ at [\p{L}\p{N}-]+(?: dot \p{L}{2,})+\b",
         r"\1[email]"),
        (r"(?i)[\[({]at[\])}]",
         rf"(?i)(^|[^\p{{L}}\p{{N}}._%+-])[\p{{L}}\p{{N}}._%+-]+ ?[\[({{]at[\])}}] ?{_SPELT_HOST}", r"\1[email]"),
    ),
    Mask.HANDLE: (
        (r"[@＠]", rf"[@＠]{_WORD}[\p{{L}}\p{{N}}_.-]*(?:@{_HOST})?", "@user"),
        (rf"(?i){_TWITTER}", rf"(?i)({_TWITTER})[a-z0-9_]+", r"\1user"),
        (rf"(?i){_PROFILES}", rf"(?i)({_PROFILES})[\p{{L}}\p{{N}}_.:%-]+", r"\1user"),
    ),
    Mask.PHONE: (
        (_DIGITS, r"(^|[^\p{L}\p{N}.,/#+-])(?:\+|00)[1-9][\d ()./\x{A0}-]{5,}\d", r"\1[phone]"),
        (_DIGITS, r"(^|[^\p{L}\p{N}.,/#+-])(?:1[ .-]?)?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}\b", r"\1[phone]"),
        (_DIGITS, rf"(^|[^\p{{L}}\p{{N}}.,/#+-])(?:{_NATIONAL})\b", r"\1[phone]"),
        (_DIGITS, rf"(?i)({_CALL}\.?:? ?(?:me|us)?(?: at| on)? ?)\(?\+?\d[\d ()./-]{{5,}}\d", r"\1[phone]"),
    ),
    Mask.OWN_NAME: (),
}  # fmt: skip
"""Mask → what a text must hold for the pattern to be tried, the pattern, and what takes its place.

The first is a plain pattern that is soon decided, so that the costly one sees few texts."""

MASKS_IN_ORDER = (Mask.EMAIL, Mask.HANDLE, Mask.PHONE)

MIN_NAME_CHARACTERS = 4
"""A shorter name is a syllable of too many words to be looked for."""
NAME_MASK = "[name]"
FEW_TEXTS = 512
"""Up to so many texts are looked at one by one; see `replace_all`."""


def mask_patterns(texts: "pa.ChunkedArray", masks: frozenset[Mask]) -> "pa.ChunkedArray":
    """Return the texts with every e-mail address, telephone number or handle replaced, as the masks say.

    >>> import pyarrow as pa
    >>> texts = pa.chunked_array([["@ann: mail a.b@c.org or +49 30 1234567", "1,234,567 cases on 2020-07-25", None]])
    >>> mask_patterns(texts, frozenset(Mask)).to_pylist()
    ['@user: mail [email] or [phone]', '1,234,567 cases on 2020-07-25', None]
    """
    import pyarrow as pa

    masked = texts.combine_chunks()
    patterns = [found for mask in MASKS_IN_ORDER if mask in masks for found in PATTERNS[mask]]
    if patterns:
        needed = "|".join(f"(?:{needed})" for needed in dict.fromkeys(map(itemgetter(0), patterns)))
        masked = change_suspects(masked, needed, partial(_mask_each, patterns=patterns))
    return pa.chunked_array([masked])


def _mask_each(texts: "pa.Array", patterns: list[tuple[str, str, str]]) -> "pa.Array":
    for needed, alike in groupby(patterns, key=itemgetter(0)):
        texts = change_suspects(texts, needed, partial(_replace_each, patterns=list(alike)))
    return texts


def _replace_each(texts: "pa.Array", patterns: list[tuple[str, str, str]]) -> "pa.Array":
    for _, pattern, replacement in patterns:
        texts = replace_all(texts, pattern, replacement)
    return texts


def replace_all(texts: "pa.Array", pattern: str, replacement: str) -> "pa.Array":
    """Return the texts with every match of a pattern replaced; nulls stay.

    Arrow makes a pattern ready anew for each column, which costs more than a few texts do: those are handed to the same
    engine one by one, with patterns that stay ready.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(texts) > FEW_TEXTS:
        return pc.replace_substring_regex(texts, pattern, replacement)
    replace = ready(pattern).sub
    return pa.array([None if text is None else replace(replacement, text) for text in texts.to_pylist()], pa.string())


def holds(texts: "pa.Array", pattern: str) -> "pa.Array":
    """Return whether each text has a match of a pattern; a null has none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(texts) > FEW_TEXTS:
        return pc.fill_null(pc.match_substring_regex(texts, pattern), fill_value=False)
    search = ready(pattern).search
    return pa.array([text is not None and search(text) is not None for text in texts.to_pylist()], pa.bool_())


@cache
def ready(pattern: str) -> Any:
    """Return a pattern made ready by RE2, the engine that Arrow has too."""
    import re2  # type: ignore[import-untyped]  # has no types

    return re2.compile(pattern)


def change_suspects(texts: "pa.Array", needed: str, change: "Callable[[pa.Array], pa.Array]") -> "pa.Array":
    """Return the texts with those changed in which a pattern occurs; the others are not copied, nulls stay."""
    import pyarrow.compute as pc

    suspects = holds(texts, needed)
    if not pc.any(suspects).as_py():
        return texts
    return pc.replace_with_mask(texts, suspects, change(texts.filter(suspects)))


def find_named(texts: "pa.ChunkedArray", names: Sequence[tuple[str, ...]]) -> list[int]:
    """Return the places of the texts in which one of their authors' own names occurs, in any case.

    Args:
        texts: One text per row, in lower case; null holds nothing.
        names: The names of each row's author, in lower case.
    """
    return [
        place
        for place, (text, own) in enumerate(zip(texts.to_pylist(), names, strict=True))
        if text and own and (own[0] in text or any(name in text for name in own[1:]))
    ]


def mask_names(text: str, names: tuple[str, ...]) -> str:
    """Return a text with its author's own names and handles replaced, in any case, as whole words.

    >>> mask_names("Call Ann Lee now", ("ann lee",)), mask_names("channel", ("hann",))
    ('Call [name] now', 'channel')
    """
    for name in names:
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", NAME_MASK, text, flags=re.IGNORECASE)
    return text
