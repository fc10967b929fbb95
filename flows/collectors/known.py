"""The live sources there are, what each is asked, and their clients as the settings have them."""

from collections.abc import Callable
from dataclasses import dataclass

from flows.collectors import Collector
from flows.errors import EpilakeError
from flows.settings import Settings
from flows.topics import Topic, load_topics, translate


@dataclass(frozen=True)
class Plan:
    """What a source is asked, and on behalf of which topics.

    Attributes:
        source: Name of the source.
        topics: The topics; every answer is narrowed to them.
        requests_by_topic: Topic → its requests.
    """

    source: str
    topics: tuple[Topic, ...]
    requests_by_topic: dict[str, frozenset[str]]

    @property
    def requests(self) -> tuple[str, ...]:
        """Every request, once."""
        return tuple(sorted(set().union(*self.requests_by_topic.values())))


def make_plan(settings: Settings, source: str) -> Plan:
    """Return what a source is asked about the topics of the settings."""
    topics = load_topics(settings.topics_file)
    requests = {topic.name: frozenset(requests_for(settings, source, topic)) for topic in topics}
    return Plan(source, topics, requests)


def requests_for(settings: Settings, source: str, topic: Topic) -> tuple[str, ...]:
    """Return what a source is asked on behalf of a topic, in the terms of its collector.

    Bluesky and Mastodon are heard whole and narrowed here, for neither can be asked for words; feeds have no search.
    """
    if source == "feeds":
        return tuple(settings.feed_urls)
    if source in {"bluesky", "mastodon"}:
        return ("",)
    asked = translate(topic, source).requests
    if source == "reddit":
        return (*settings.reddit_listings, *(f"search:{request}" for request in asked))
    return asked


def make_collector(settings: Settings, source: str) -> Collector:
    """Return the live client of a source.

    Raises:
        EpilakeError: There is none of that name, or its credentials are not in the settings.
    """
    if source not in CLIENTS:
        raise EpilakeError(f"There is no live client for {source!r}: choose one of {', '.join(sorted(CLIENTS))}.")
    return CLIENTS[source](settings)


def _feeds(_: Settings) -> Collector:
    from flows.collectors.feeds import FeedPoll

    return FeedPoll()


def _bluesky(settings: Settings) -> Collector:
    from flows.collectors.bluesky.jetstream import Jetstream

    return Jetstream(url=settings.jetstream_url)


def _mastodon(settings: Settings) -> Collector:
    from flows.collectors.mastodon.stream import MastodonStream

    return MastodonStream(url=settings.mastodon_url, access_token=settings.mastodon_token.get_secret_value() or None)


def _reddit(settings: Settings) -> Collector:
    from flows.collectors.reddit.api import RedditApi

    secret = settings.reddit_client_secret.get_secret_value()
    return RedditApi(settings.reddit_client_id, secret, settings.reddit_user_agent)


def _twitter(settings: Settings) -> Collector:
    from flows.collectors.twitter import XSearch, XStream

    client = XStream if settings.x_is_streamed else XSearch
    return client(settings.x_bearer_token.get_secret_value(), budget_posts=settings.x_budget_posts)


CLIENTS: dict[str, Callable[[Settings], Collector]] = {
    "bluesky": _bluesky,
    "feeds": _feeds,
    "mastodon": _mastodon,
    "reddit": _reddit,
    "twitter": _twitter,
}
