"""The numbers of `ml.engineered` in plain Python: each the double that Spark makes of the same post.

Spark's words are Java's: white space in a pattern is ASCII's, a character is a code point, a logarithm is that of
`StrictMath`, which is fdlibm's and differs from the C library's in the last bit now and then. A test holds every number
equal to its SQL, bit for bit.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Post = dict[str, Any]
"""One row of a model frame: category and text as strings, counts, shares and flags as floats, moments in microseconds
since 1970 or None."""

_SPACE: Final = r"[ \t\n\x0b\f\r]"
_WORD: Final = r"[^ \t\n\x0b\f\r]"
_RETOLD: Final = re.compile(rf"(?:b[^\n\r\u0085\u2028\u2029])?(?:RT{_SPACE}+@{_WORD}+{_SPACE}+)+")
_SECOND: Final = 1_000_000
_DAY: Final = 86_400


def told_text(text: str) -> str:
    """Give the text without `RT @user:`, as `ml.engineered` has it.

    >>> told_text("RT @ana: RT @ben: flu"), told_text("b'RT @ana: flu"), told_text("flu RT @ana: x")
    ('flu', 'flu', 'flu RT @ana: x')
    """
    found = _RETOLD.match(text)
    return text[found.end() :] if found else text


def strict_log(value: float) -> float:
    """Give the natural logarithm of a number of at least 1 as Java's `StrictMath.log` does.

    The method, its constants and the order of its operations are those of fdlibm 5.3, `e_log.c`: Copyright 1993 Sun
    Microsystems, Inc., "permission to use, copy, modify, and distribute this software is freely granted, provided that
    this notice is preserved".

    >>> strict_log(1.0), strict_log(2.0), strict_log(10.0)
    (0.0, 0.6931471805599453, 2.302585092994046)
    """
    bits: int = struct.unpack("<q", struct.pack("<d", value))[0]
    high = bits >> 32
    power, high = (high >> 20) - 1023, high & 0x000FFFFF
    carry = (high + 0x95F64) & 0x100000
    power += carry >> 20
    bits = ((high | (carry ^ 0x3FF00000)) << 32) | (bits & 0xFFFFFFFF)
    rest: float = struct.unpack("<d", struct.pack("<q", bits))[0] - 1.0
    two_high, two_low = power * 6.93147180369123816490e-01, power * 1.90821492927058770002e-10
    if (0x000FFFFF & (2 + high)) < 3:  # noqa: PLR2004 - the rest is smaller than 2**-20
        if rest == 0.0:
            return two_high + two_low if power else 0.0
        small = rest * rest * (0.5 - 0.33333333333333333 * rest)
        return two_high - ((small - two_low) - rest) if power else rest - small
    share = rest / (2.0 + rest)
    square = share * share
    fourth = square * square
    odd = fourth * (3.999999999940941908e-01 + fourth * (2.222219843214978396e-01 + fourth * 1.531383769920937332e-01))
    even = square * (
        6.666666666666735130e-01
        + fourth * (2.857142874366239149e-01 + fourth * (1.818357216161805012e-01 + fourth * 1.479819860511658591e-01))
    )
    series = even + odd
    if ((high - 0x6147A) | (0x6B851 - high)) > 0:
        half = 0.5 * rest * rest
        if not power:
            return rest - (half - share * (half + series))
        return two_high - ((half - (share * (half + series) + two_low)) - rest)
    if not power:
        return rest - share * (rest - series)
    return two_high - ((share * (rest - series) - two_low) - rest)


def _log(value: float) -> float:
    return strict_log(1.0 + max(value, 0.0))


def _age_days(post: Post) -> float:
    posted, created = post["posted_at"], post["user_created_at"]
    if posted is None or created is None:
        return 0.0
    return float(max(posted // _SECOND - created // _SECOND, 0)) / _DAY


def _hour(post: Post) -> float:
    moment = post["posted_at"]
    return 0.0 if moment is None else float(moment // _SECOND % _DAY // 3600)


def _weekday(post: Post) -> float:
    moment = post["posted_at"]
    return 0.0 if moment is None else float((moment // _SECOND // _DAY + 3) % 7)


def _count(pattern: str) -> Callable[[Post], float]:
    find = re.compile(pattern).findall
    return lambda post: float(len(find(post["told_text"])))


def _count_sign(sign: str) -> Callable[[Post], float]:
    return lambda post: float(post["told_text"].count(sign))


def _sent_by(name: str) -> Callable[[Post], float]:
    return lambda post: float(name in post["client_name"].lower())


def _taken(name: str) -> Callable[[Post], float]:
    def take(post: Post) -> float:
        value: float = post[name]
        return value

    return take


PLAIN_NUMBERS: Final[Mapping[str, Callable[[Post], float]]] = {
    "log_followers": lambda post: _log(post["user_followers"]),
    "log_friends": lambda post: _log(post["user_friends"]),
    "log_favourites": lambda post: _log(post["user_favourites"]),
    "log_followers_per_friend": lambda post: _log(post["user_followers"]) - _log(post["user_friends"]),
    "is_verified": _taken("user_verified"),
    "account_age_days": _age_days,
    "log_followers_per_day": lambda post: _log(post["user_followers"]) - _log(_age_days(post)),
    "log_favourites_per_day": lambda post: _log(post["user_favourites"]) - _log(_age_days(post)),
    "has_location": lambda post: float(post["user_location"] != ""),
    "posting_hour": _hour,
    "posting_weekday": _weekday,
    "count_characters": lambda post: float(len(post["told_text"])),
    "count_words": _count(f"{_WORD}+"),
    "count_hash_marks": _count_sign("#"),
    "count_mentions": _count_sign("@"),
    "count_links": _count("https?://"),
    "count_exclamations": _count_sign("!"),
    "count_questions": _count_sign("?"),
    "count_digits": _count("[0-9]"),
    "count_capitals": _count("[A-Z]"),
    "count_non_ascii": _count(r"[^\x00-\x7f]"),
    "count_lines": _count_sign("\n"),
    "starts_with_mention": lambda post: float(post["told_text"].startswith("@")),
    "is_cut": lambda post: float("…" in post["told_text"]),
    "is_english": lambda post: float(post["language"] == "en"),
    "is_sent_by_iphone": _sent_by("iphone"),
    "is_sent_by_ipad": _sent_by("ipad"),
    "is_sent_by_android": _sent_by("android"),
    "is_sent_by_web_app": _sent_by("web app"),
    "is_sent_by_tweetdeck": _sent_by("tweetdeck"),
    "is_sent_by_instagram": _sent_by("instagram"),
    "is_sent_by_hootsuite": _sent_by("hootsuite"),
    "is_sent_by_buffer": _sent_by("buffer"),
    "positive_sentiment": _taken("positive_sentiment"),
    "negative_sentiment": _taken("negative_sentiment"),
}
"""Number by its name in `ml.engineered.NUMBERS`; those of the text read `told_text` beside the post's own columns."""
