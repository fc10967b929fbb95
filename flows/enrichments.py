"""What is found out about every post from its text: one `Enrichment` each, in the order in which they build on another.

To add one: a pure method in `ml/` with its version, a contract in `flows/lake/enriched.py`, a function here that adds
its columns to posts, and an entry in `list_enrichments`. The flow, erasure and retention need no word of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.lake.contract import Contract
from flows.lake.enriched import POST_FINGERPRINTS, POST_LANGUAGES, POST_PLACES, POST_SENTIMENT, POST_TOPICS
from flows.settings import Settings
from flows.topics import Topic, identify_list, load_topic_list, match_topics

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Enrichment:
    """One thing that is found out about each post.

    Attributes:
        name: What it is called in what a run reports.
        contract: Its table. If the version is part of its key, findings of earlier versions stay beside the new ones.
        version: Column → value of what says how it is found out; a row of another version does not count, so that a
            post is looked at anew.
        stamp: Timestamp column that says when the row was written.
        add_facts: Adds the columns of the finding to posts with `text`, `user_location`, `community` and, if it follows
            that, `language`.
        follows: Columns besides the text on which the finding depends, and which its table holds: when one of them
            changes, the post is looked at again. With `language` among them it waits for the language.
    """

    name: str
    contract: Contract
    version: dict[str, str]
    stamp: str
    add_facts: Callable[["DataFrame"], "DataFrame"]
    follows: tuple[str, ...] = ("language",)


def list_enrichments(settings: Settings) -> list[Enrichment]:
    """Return every enrichment at its present version; languages come first, as the others ask for them.

    Raises:
        EpilakeError: The topic file of the settings cannot be read.
    """
    from ml import places, sentiment, stories

    topics = load_topic_list(settings.topics_file)
    return [
        find_languages(),
        Enrichment(
            name="topics",
            contract=POST_TOPICS,
            version={"topic_list_version": identify_list(topics)},
            stamp="matched_at",
            add_facts=lambda posts: add_topics(posts, topics.topics),
        ),
        Enrichment(
            name="places",
            contract=POST_PLACES,
            version={"method": places.METHOD, "method_version": places.METHOD_VERSION},
            stamp="placed_at",
            add_facts=add_places,
            follows=("whereabouts_hash",),
        ),
        Enrichment(
            name="sentiment",
            contract=POST_SENTIMENT,
            version={"method": sentiment.METHOD, "method_version": sentiment.METHOD_VERSION},
            stamp="scored_at",
            add_facts=add_sentiment,
        ),
        Enrichment(
            name="stories",
            contract=POST_FINGERPRINTS,
            version={"method": stories.METHOD, "method_version": stories.METHOD_VERSION},
            stamp="fingerprinted_at",
            add_facts=add_fingerprint,
            follows=(),
        ),
    ]


def find_languages() -> Enrichment:
    """Return the enrichment that tells the language of each post."""
    from ml.language import METHOD, METHOD_VERSION

    return Enrichment(
        name="language",
        contract=POST_LANGUAGES,
        version={"method": METHOD, "method_version": METHOD_VERSION},
        stamp="detected_at",
        add_facts=add_language,
        follows=(),
    )


def add_language(posts: "DataFrame") -> "DataFrame":
    """Add `language` and `language_score`; neither is ever null."""
    from ml.language import language_column

    return posts.withColumn("found", language_column(posts["text"])).select("*", "found.*")


def add_topics(posts: "DataFrame", topics: tuple[Topic, ...]) -> "DataFrame":
    """Add `topics`, the `name/version` of each topic that a post is about, in the order of the list; never null."""
    import pandas as pd
    from pyspark.sql.pandas.functions import pandas_udf

    def match_batches(batches: Iterator[tuple[pd.Series, pd.Series]]) -> Iterator[pd.Series]:  # Spark reads the types
        for texts, languages in batches:
            yield pd.Series(name_topics(topics, texts.tolist(), languages.tolist()), dtype=object)

    match = pandas_udf(match_batches, "array<string>")  # type: ignore[call-overload]  # knows no iterator of tuples
    return posts.withColumn("topics", match(posts["text"], posts["language"]))


def name_topics(topics: tuple[Topic, ...], texts: list[str | None], languages: list[str]) -> list[list[str]]:
    """Return, for each text, the `name/version` of the topics it is about; in an unknown language any query decides.

    >>> from flows.topics import load_topics
    >>> name_topics(load_topics(), ["I have the flu", "nothing"], ["en", "und"])
    [['influenza_like_illness/1'], []]
    """
    from ml.language import UNDETERMINED

    spelt = {topic.name: f"{topic.name}/{topic.version}" for topic in topics}
    known = [None if language == UNDETERMINED else language for language in languages]
    return [[spelt[name] for name in names] for names in match_topics(topics, texts, known)]


def add_places(posts: "DataFrame") -> "DataFrame":
    """Add `author_places`, `community_places` and `text_places`, each the candidates for a place."""
    from ml.places import places_column

    found = places_column(posts["user_location"], posts["community"], posts["text"])
    return posts.withColumn("found", found).select("*", "found.*")


def add_sentiment(posts: "DataFrame") -> "DataFrame":
    """Add the four scores; all null where the method does not speak the language, which no later run tries again."""
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own spelling

    from ml.sentiment import LANGUAGES, sentiment_column

    spoken = F.when(posts["language"].isin(*LANGUAGES), posts["text"])
    return posts.withColumn("found", sentiment_column(spoken)).select("*", "found.*")


def add_fingerprint(posts: "DataFrame") -> "DataFrame":
    """Add `story_bands`, by which posts that tell the same story find one another; never null."""
    from ml.stories import fingerprint_column

    return posts.withColumn("story_bands", fingerprint_column(posts["text"]))
