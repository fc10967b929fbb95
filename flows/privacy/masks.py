"""Masks: what tells who somebody is or how to reach them, replaced in text; whole columns at a time.

The patterns are RE2's, which Arrow runs in time linear in the text, whatever it holds. They hide rather too much than
too little: a mask that fits a part number costs less than a telephone number that stays.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flows.privacy.policy import Mask

if TYPE_CHECKING:
    import pyarrow as pa

_WORD = r"[\p{L}\p{N}_]"
_DOMAIN = r"(?:com|org|net|edu|gov|info|io)"
_PROFILES = r"bsky\.app/profile/|reddit\.com/u(?:ser)?/|(?:^|\s)/?u/|t\.me/|instagram\.com/|facebook\.com/"
_CALL = r"(?:tel|phone|call|whatsapp|sms|mobile|cell)"
_HOST = r"[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+"

PATTERNS: dict[Mask, tuple[tuple[str, str, str], ...]] = {
    Mask.EMAIL: (
        ("@", rf"(^|[^@\p{{L}}\p{{N}}._%+-])[\p{{L}}\p{{N}}._%+-]+\s?[@＠]\s?{_HOST}", r"\1[email]"),
        (" at ", rf"(?i)(^|\s)[\p{{L}}\p{{N}}._%+-]+ [\[(]?at[\])]? {_WORD}+ [\[(]?dot[\])]? {_DOMAIN}\b",
         r"\1[email]"),
    ),
    Mask.HANDLE: (
        ("@", rf"(^|[^\p{{L}}\p{{N}}_.%+-])[@＠][\p{{L}}\p{{N}}_][\p{{L}}\p{{N}}_.-]*(?:@{_HOST})?", r"\1@user"),
        ("/", r"(?i)((?:twitter|x)\.com/(?:#!/)?)(?:[A-Za-z0-9_]+)", r"\1user"),
        ("/", rf"(?i)({_PROFILES})[^\s/?#]+", r"\1user"),
    ),
    Mask.PHONE: (
        ("", r"(^|[^\p{L}\p{N}.,/#+-])(?:\+|00)[1-9][\d ()./\x{A0}-]{5,17}\d", r"\1[phone]"),
        ("", r"(^|[^\p{L}\p{N}.,/#+-])(?:1[ .-]?)?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}\b", r"\1[phone]"),
        ("", r"(^|[^\p{L}\p{N}.,/#+-])0\d{1,4}[ ./-]\d{2,4}(?:[ ./-]?\d{2,4}){1,3}\b", r"\1[phone]"),
        ("", rf"(?i)({_CALL}\.?:? ?(?:me|us)?(?: at| on)? ?)\(?\+?\d[\d ()./-]{{5,17}}\d", r"\1[phone]"),
    ),
    Mask.OWN_NAME: (),
}  # fmt: skip
"""Mask → what a text must hold for the pattern to be tried (nothing: always), the pattern, and what takes its place."""

MIN_NAME_CHARACTERS = 4
"""A shorter name is a syllable of too many words to be looked for."""
NAME_MASK = "[name]"


def mask_patterns(texts: "pa.ChunkedArray", masks: frozenset[Mask]) -> "pa.ChunkedArray":
    """Return the texts with every e-mail address, telephone number or handle replaced, as the masks say.

    >>> import pyarrow as pa
    >>> texts = pa.chunked_array([["@ann: mail a.b@c.org or +49 30 1234567", "1,234,567 cases on 2020-07-25", None]])
    >>> mask_patterns(texts, frozenset(Mask)).to_pylist()
    ['@user: mail [email] or [phone]', '1,234,567 cases on 2020-07-25', None]
    """
    import pyarrow.compute as pc

    for mask in (Mask.EMAIL, Mask.HANDLE, Mask.PHONE):
        for needed, pattern, replacement in PATTERNS[mask] if mask in masks else ():
            if not needed or pc.any(pc.match_substring(texts, needed)).as_py():
                texts = pc.replace_substring_regex(texts, pattern, replacement)
    return texts


def mask_names(texts: Sequence[str | None], names: Sequence[tuple[str | None, ...]]) -> list[str | None]:
    """Return the texts with their authors' own names and handles replaced, in any case, as whole words.

    Args:
        texts: One text per row.
        names: The names of each row's author; those of fewer than four characters are left.

    >>> mask_names(["Call Ann Lee now", "I, annlee, say", "channel"], [("Ann Lee",), (None, "AnnLee"), ("hann",)])
    ['Call [name] now', 'I, [name], say', 'channel']
    """
    return [_mask_own(text, own) if text else text for text, own in zip(texts, names, strict=True)]


def _mask_own(text: str, names: tuple[str | None, ...]) -> str:
    folded = text.lower()
    for name in names:
        if name and len(name) >= MIN_NAME_CHARACTERS and name.lower() in folded:
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", NAME_MASK, text, flags=re.IGNORECASE)
    return text
