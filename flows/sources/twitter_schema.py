"""The pandera contract of a tweet at the boundary: what must hold before a record may enter RAW.

Each check's message is the reason under which a refused record is kept. RAW keeps every field as it stood, so a rule
stands here only where a later layer could not do without it.
"""

from functools import cache

import pandas as pd
import pandera.pandas as pa

COUNTS = ("user_followers", "user_friends", "user_favourites", "retweets", "favorites")
FLAGS = ("user_verified", "is_retweet")


@cache
def posts_schema() -> pa.DataFrameSchema:
    """Return the rules of one parsed chunk of tweets; row by row, no rule looks at two rows."""
    return pa.DataFrameSchema(
        {
            "id": _column(r"\d{1,20}", "id is not a whole number"),
            "text": pa.Column(object, _present("text is missing"), nullable=True),
            "posted_at": pa.Column("datetime64[s]", _present("date is not a timestamp"), nullable=True),
            **{name: _column(r"\d{1,18}", f"{name} is not a whole number") for name in COUNTS},
            **{name: _column(r"(?i)true|false", f"{name} is neither true nor false") for name in FLAGS},
        },
        name="raw.twitter_posts",
    )


def _column(pattern: str, reason: str) -> pa.Column:
    """A text column that is null or matches the whole pattern."""
    return pa.Column(object, pa.Check(lambda values: values.str.fullmatch(pattern), error=reason), nullable=True)


def _present(reason: str) -> pa.Check:
    def present(values: pd.Series) -> pd.Series:
        return values.notna()

    return pa.Check(present, error=reason, ignore_na=False)
