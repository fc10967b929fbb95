"""Posts that lie outside of what any model has seen: nulls, zeros, extremes, other scripts, other white space."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.spark.labelled_posts import START, make_post

PIECES = (
    "RT @ana: ", "RT  @ben:\t", "b'RT @ana: ", "b\nRT @ana ", "RT\u00a0@ana ", "flu", "FLU", "Flu!", "?",
    "#covid", "@who", "…", "\n", "\r\n", "\u2028", "\x0b", "\u3000", "https://t.co/x", "http://",
    "HTTPS://T.CO/Y", "xhttps://a b", "123", "١٢٣", "½", "Ⅷ", "ß", "İ", " ΟΔΟΣ ", "😷", "👩\u200d⚕️", "é",
    "e\u0301", "中文", "ไทย", "_", "a_b", "'", "\\n", "\x00", "K", "ﬀ", "ǅ", "𐐀", "of the city", "fever",
)  # fmt: skip
"""Of what texts are put together, beside random code points."""
SIGNS = [
    code
    for first, last in (
        (0x01, 0x37E),
        (0x400, 0x52F),
        (0x620, 0x6FF),
        (0xE00, 0xE3A),
        (0x1E00, 0x1EFF),
        (0x2000, 0x206F),
        (0x2100, 0x218B),
    )
    for code in range(first, last + 1)
] + [
    *range(0x4E00, 0x4F00),
    *range(0xAC00, 0xAD00),
    *range(0x10400, 0x10450),
    *range(0x1D400, 0x1D455),
    *range(0x1F300, 0x1F500),
]
"""Code points that no version of Unicode of the last ten years has changed: Java's and Python's are not of one year."""
PLACES = ("Kyiv", "Lima", "", None, "Atlantis", " ", "İzmir", "Lima\x00")
HASHTAGS = ("['Flu']", "['COVID19', 'Vaccine']", None, "", "[]", "['flu', 'flu']")
PROGRAMS = (
    "Twitter for iPhone",
    "TWITTER WEB APP",
    "TweetDec\u212a",
    "İPhone",
    "Instagram\n",
    "hootsuite inc. buffer",
    "Twitter for iPad",
    "Twitter for Android",
    "",
    None,
)
COUNTS = (0, 1, 2, 3, 7, 99, 100, 1_000, 5_000, 10**6, 2**31, 10**15, 2**53 + 1, 10**18 - 1, None)
MOMENTS = (
    None,
    START,
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC),
    datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(1, 1, 2, tzinfo=UTC),
)


def make_text(draw: random.Random) -> str | None:
    """Draw a text, now and then a long one, an empty one or none."""
    kind = draw.random()
    if kind < 0.04:
        return draw.choice([None, "", " ", "\n"])
    count = 2_000 if kind > 0.995 else draw.randrange(1, 30)
    said = [draw.choice(PIECES) if draw.random() < 0.85 else chr(draw.choice(SIGNS)) for _ in range(count)]
    return draw.choice(["", " "]).join(said)


def make_hostile(number: int) -> dict[str, Any]:
    """One post; one in twenty has nothing but zeros for the article's tree, whose Normalizer leaves it as it is."""
    draw = random.Random(f"hostile {number}")
    share = draw.choice([0.0, 1.0, draw.random(), round(draw.random(), 3), None, float("nan")])
    changed = {
        "text": make_text(draw),
        "user_location": draw.choice(PLACES),
        "hashtags": draw.choice(HASHTAGS),
        "client_name": draw.choice(PROGRAMS),
        "language": draw.choice(["en", "es", "und", "tlh", None]),
        "user_followers": draw.choice([*COUNTS, draw.randrange(10**7)]),
        "user_friends": draw.choice([*COUNTS, draw.randrange(10**5)]),
        "user_favourites": draw.choice([*COUNTS, draw.randrange(10**6)]),
        "user_verified": draw.choice([True, False, None]),
        "positive_sentiment": share,
        "negative_sentiment": draw.choice([0.0, draw.random(), None]),
        "posted_at": draw.choice([*MOMENTS, START + timedelta(microseconds=draw.randrange(10**15))]),
        "user_created_at": draw.choice([*MOMENTS, START - timedelta(seconds=draw.randrange(10**9))]),
        "post_id": f"h{number:06}",
    }
    if number % 20 == 0:
        nothing = dict.fromkeys(("user_followers", "user_friends", "user_favourites", "user_verified"))
        changed |= {**nothing, "positive_sentiment": None, "negative_sentiment": 0.0, "user_location": "Kyiv"}
        changed |= {"hashtags": "['COVID19', 'Vaccine']"}
    return make_post(number) | changed
