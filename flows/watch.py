"""What is watched for, seen from outside: requests per source, what they cannot say, what they found, and silences."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flows.coverage_ledger import HOUR, State, read_hours
from flows.lake.contracts import POSTS
from flows.lake.tables import query, query_batches
from flows.settings import Settings
from flows.sources import Kind
from flows.sources.known import SOURCES
from flows.topics import Topic, is_silence_alarming, load_topics, match_topics, translate

SHOWN_REQUESTS = 3
HISTORY = timedelta(days=28)
"""How far back the history of a topic is read to judge its silence."""


def describe_topics(settings: Settings, path: Path | None, *, days: int) -> list[dict[str, Any]]:
    """Return one entry per topic: what each source is asked, what it cannot express, recent matches, alarms.

    Args:
        settings: The installation.
        path: Topic file; None: the one of the settings.
        days: How far back posts are looked at, counted from the latest day that RAW has of a source.
    """
    topics = load_topics(path or settings.topics_file)
    matches = {source: count_recent_matches(settings, source, topics, days=days) for source in SOURCES}
    now = datetime.now(UTC)
    return [
        {
            "topic": topic.name,
            "version": topic.version,
            "sources": {
                source: {**ask(topic, source), "recent_posts": matches[source][topic.name]} for source in SOURCES
            },
            "alarms": [alarm for source in SOURCES if (alarm := find_silence(settings, source, topic.name, now))],
        }
        for topic in topics
    ]


def ask(topic: Topic, source: str) -> dict[str, list[str]]:
    """Return what a source is asked for on behalf of a topic, and what it cannot express."""
    asked = translate(topic, source)
    return {"requests": list(asked.requests), "cannot_express": list(asked.cannot_express)}


def count_recent_matches(settings: Settings, source: str, topics: tuple[Topic, ...], *, days: int) -> Counter[str]:
    """Return topic → posts about it among the last days that RAW has of a source."""
    contract = POSTS[source]
    names = [field.name for field in SOURCES[source].fields if field.kind is Kind.TEXT]
    latest = query(settings, contract.name, "select max(posted_date) as day from rows")[0]["day"]
    if latest is None:
        return Counter()
    first = latest - timedelta(days=days - 1)
    sql = f"select {', '.join(names)} from rows where posted_date >= date '{first}'"  # noqa: S608 - names and a date of our own
    counts: Counter[str] = Counter()
    for batch in query_batches(settings, contract.name, sql):
        texts = [" \n".join(filter(None, row.values())) for row in batch.to_pylist()]
        counts.update(name for found in match_topics(topics, texts) for name in found)
    return counts


def find_silence(settings: Settings, source: str, topic: str, now: datetime) -> str | None:
    """Return a sentence if a topic has yielded nothing for longer than its history explains.

    Only hours that were wholly answered count, in the history as in the silence: an outage is no silence.
    """
    end = now.replace(minute=0, second=0, microsecond=0)
    hours = read_hours(settings, source, topic, end - HISTORY, end)
    counts = [hour.count_captured for hour in hours if hour.state in {State.CAPTURED, State.NOBODY_POSTED}]
    silent = next((place for place, count in enumerate(reversed(counts)) if count), len(counts))
    history = counts[: len(counts) - silent]
    if not silent or not history or not is_silence_alarming(history, silent):
        return None
    since = end - silent * HOUR
    return (
        f"{source} has given no post about {topic} in {silent} answered hours, since about {since:%Y-%m-%d %H:%M}, "
        f"after {sum(history):,} in the {len(history):,} before: look at the request."
    )


def to_lines(topics: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the description as a person reads it."""
    for topic in topics:
        yield f"{topic['topic']} (version {topic['version']})"
        for source, asked in topic["sources"].items():
            count = len(asked["requests"])
            yield f"  {source}: {count} request{'s' * (count != 1)}, {asked['recent_posts']:,} recent posts match"
            yield from (f"    asks {request}" for request in asked["requests"][:SHOWN_REQUESTS])
            if count > SHOWN_REQUESTS:
                yield f"    and {count - SHOWN_REQUESTS} more"
            yield from (f"    {sentence}" for sentence in asked["cannot_express"])
        yield from (f"  ALARM {alarm}" for alarm in topic["alarms"])
