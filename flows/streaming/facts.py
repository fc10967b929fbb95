"""What is found out of tweets while they are read: language, sentiment and the features of the retweet model; pure.

The same functions as in `flows.enrichments` and dbt's SQL (`flows.raw_features`), on Arrow tables and without Spark.
"""

import hashlib
from typing import TYPE_CHECKING, Final

from flows.raw_features import SOURCES, read_bigint, spell_features
from ml.language import detect_all
from ml.sentiment import LANGUAGES, SENTIMENT_COLUMNS, Sentiment, score_text

if TYPE_CHECKING:
    import pyarrow as pa

ORDER: Final = (
    ("is_time_exact", "descending"),
    ("count_retweets", "descending"),
    ("count_favorites", "descending"),
    ("user_followers", "descending"),
    ("posted_at", "ascending"),
    ("text_hash", "ascending"),
    ("user_location", "ascending"),
    ("record_hash", "ascending"),
)
"""Which capture of a post is taken, as `curated_posts` has it; nulls come last."""
LEFT_OUT: Final = ("is_time_exact", "count_retweets", "count_favorites", "record_hash")


def find_facts(source: str, rows: "pa.Table") -> "pa.Table | None":
    """Return what is found out of posts, one row per row; None for a source that has no features.

    Columns are those of `flows.raw_features.raw_features`, `posted_date`, `text_hash`, `language_score`, the four
    scores (null where the method does not speak the language), and what `take_winners` goes by.

    Args:
        source: Name of the source.
        rows: Rows of RAW's shape, as the policy lets them in.
    """
    import pyarrow as pa

    if source not in SOURCES or not rows.num_rows:
        return None
    texts: list[str] = rows["text"].to_pylist()
    distinct = list(dict.fromkeys(texts))
    verdicts = detect_all(distinct)
    codes: dict[str | None, str] = {text: verdict.code for text, verdict in zip(distinct, verdicts, strict=True)}
    surely = {text: verdict.score for text, verdict in zip(distinct, verdicts, strict=True)}
    scores = {text: score_text(text) if code in LANGUAGES else None for text, code in codes.items()}
    hashes = {text: hashlib.sha256(text.encode()).hexdigest() for text in distinct}
    found = spell_features(source, rows, codes, {text: _shares(score) for text, score in scores.items()})
    found = found.append_column("posted_date", rows["posted_date"])
    found = found.append_column("text_hash", pa.array([hashes[text] for text in texts], pa.string()))
    found = found.append_column("language_score", pa.array([surely[text] for text in texts], pa.float64()))
    for place, name in enumerate(SENTIMENT_COLUMNS):
        values = [score[place] if (score := scores[text]) else None for text in texts]
        found = found.append_column(f"found_{name}", pa.array(values, pa.float64()))
    counts = {"count_retweets": "retweets", "count_favorites": "favorites"}
    for name, field in counts.items():
        values = [read_bigint(count) for count in rows[field].to_pylist()]
        found = found.append_column(name, pa.array(values, pa.int64()))
    exact = [date is not None and len(date) >= len("2020-01-01 00:00:00") for date in rows["date"].to_pylist()]
    found = found.append_column("is_time_exact", pa.array(exact, pa.bool_()))
    return found.append_column("record_hash", rows["record_hash"])


def take_winners(facts: "pa.Table") -> "pa.Table":
    """Return one row per post, the capture that CURATED would take of these."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    flags = facts.set_column(
        facts.schema.get_field_index("is_time_exact"), "is_time_exact", pc.cast(facts["is_time_exact"], pa.int8())
    )
    keys = [(name, direction, "at_end") for name, direction in (("post_id", "ascending"), *ORDER)]
    order = pc.sort_indices(flags, sort_keys=keys)
    ranked = facts.take(order)
    names = ranked["post_id"].to_numpy()
    first = np.ones(len(names), dtype=bool)
    first[1:] = names[1:] != names[:-1]
    return ranked.filter(pa.array(first)).drop_columns(list(LEFT_OUT))


def _shares(score: Sentiment | None) -> tuple[float, float]:
    return (score.positive, score.negative) if score else (0.0, 0.0)
