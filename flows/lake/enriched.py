"""Contracts of what Python finds out about posts: one table per enrichment.

Every one holds `text_hash`, by which a reader knows a finding about an earlier text of an edited post, and a row for
each post that was looked at, whatever was found: "nothing" is not "not yet".
"""

from flows.lake.contract import POST_KEY, Column, Contract

PLACES = "array<struct<place_id:string,level:string,country_id:string,region_id:string,probability:double>>"
"""Type of the candidates for one place: `place_id` is ISO 3166-1 alpha-2, ISO 3166-2 or `geonames:` and an id."""

POST_LANGUAGES = Contract(
    name="enriched.post_languages",
    grain="One row per post and method version.",
    key=("source", "post_id", "method", "method_version"),
    columns=(
        *POST_KEY,
        Column("text_hash", "string", "SHA-256 of the text that was read: an edited post is read again."),
        Column("method", "string", "Name of the method that tells languages."),
        Column("method_version", "string", "Version of the method: another version reads every post anew."),
        Column("language", "string", "ISO 639-1 code, or 639-3 where there is none; `und` if it is not known."),
        Column("language_score", "double", "Probability of the likeliest language, named or not, in [0, 1]."),
        Column("detected_at", "timestamp", "When the row was written."),
    ),
    statistics=("posted_date", "detected_at"),
    loaded_at="detected_at",
)

POST_TOPICS = Contract(
    name="enriched.post_topics",
    grain="One row per post that was matched, whether it is about a topic or not: the last match only.",
    key=("source", "post_id"),
    columns=(
        *POST_KEY,
        Column("text_hash", "string", "SHA-256 of the text that was matched: an edited post is matched again."),
        Column("language", "string", "Language that the text was taken for: another one, and it is matched again."),
        Column(
            "topic_list_version",
            "string",
            "Version and digest of the topic list: another list matches each post anew.",
        ),
        Column("topics", "array<string>", "Topics that the post is about, `name/version`; empty if about none."),
        Column("matched_at", "timestamp", "When the row was written."),
    ),
    statistics=("posted_date", "matched_at"),
    loaded_at="matched_at",
)

POST_PLACES = Contract(
    name="enriched.post_places",
    grain="One row per post and method version; whose places they are is kept apart.",
    key=("source", "post_id", "method", "method_version"),
    columns=(
        *POST_KEY,
        Column("text_hash", "string", "SHA-256 of the text that was read: an edited post is read again."),
        Column(
            "whereabouts_hash", "string", "SHA-256 of location and community: another one, and the post is read again."
        ),
        Column("method", "string", "Name of the method that finds places."),
        Column("method_version", "string", "Version of the method: another version reads every post anew."),
        Column(
            "author_places",
            PLACES,
            "Where the author's profile says to be: candidates whose probabilities sum to at most 1, the rest is "
            "unknown; null if the profile says nothing.",
            nullable=True,
        ),
        Column("community_places", PLACES, "What place the community is named after; null without one.", nullable=True),
        Column("text_places", PLACES, "What places the text names; empty if none."),
        Column("placed_at", "timestamp", "When the row was written."),
    ),
    statistics=("posted_date", "placed_at"),
    loaded_at="placed_at",
)

POST_SENTIMENT = Contract(
    name="enriched.post_sentiment",
    grain="One row per post and method version.",
    key=("source", "post_id", "method", "method_version"),
    columns=(
        *POST_KEY,
        Column("text_hash", "string", "SHA-256 of the text that was scored: an edited post is scored again."),
        Column("language", "string", "Language that the text was taken for: another one, and it is scored again."),
        Column("method", "string", "Name of the sentiment method."),
        Column("method_version", "string", "Version of the method: another version scores every post anew."),
        Column(
            "negative_sentiment",
            "double",
            "VADER's share of negative words, in [0, 1]; null if VADER does not speak the language.",
            nullable=True,
        ),
        Column(
            "neutral_sentiment",
            "double",
            "VADER's share of neutral words, in [0, 1]; null if VADER does not speak the language.",
            nullable=True,
        ),
        Column(
            "positive_sentiment",
            "double",
            "VADER's share of positive words, in [0, 1]; null if VADER does not speak the language.",
            nullable=True,
        ),
        Column(
            "compound_sentiment",
            "double",
            "VADER's compound score, in [-1, 1]; null if VADER does not speak the language.",
            nullable=True,
        ),
        Column("scored_at", "timestamp", "When the row was written."),
    ),
    statistics=("posted_date", "scored_at"),
    loaded_at="scored_at",
)

POST_FINGERPRINTS = Contract(
    name="enriched.post_fingerprints",
    grain="One row per post and method version.",
    key=("source", "post_id", "method", "method_version"),
    columns=(
        *POST_KEY,
        Column("text_hash", "string", "SHA-256 of the text that was read: an edited post is read again."),
        Column("method", "string", "Name of the method that tells which posts tell the same story."),
        Column("method_version", "string", "Version of the method: another version reads every post anew."),
        Column(
            "story_bands",
            "array<bigint>",
            "Hashes of the bands of the text's MinHash: who shares one tells the same story; empty if it is too short.",
        ),
        Column("fingerprinted_at", "timestamp", "When the row was written."),
    ),
    statistics=("posted_date", "fingerprinted_at"),
    loaded_at="fingerprinted_at",
)
