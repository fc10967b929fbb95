"""The sources there are, by name: a new one is added here."""

from flows.errors import EpilakeError
from flows.sources import Source
from flows.sources.bluesky import Bluesky
from flows.sources.feeds import Feeds
from flows.sources.files import expand_paths
from flows.sources.mastodon import Mastodon
from flows.sources.reddit import Reddit
from flows.sources.twitter import Twitter

SOURCES: dict[str, Source] = {source.name: source for source in (Twitter(), Reddit(), Bluesky(), Mastodon(), Feeds())}


def check_input(paths: list[str], source: str) -> None:
    """Refuse a source or a path that is not there, before anything that takes time is started.

    Raises:
        EpilakeError: There is no such source, or no such file.
    """
    find_source(source)
    expand_paths(paths)


def find_source(name: str) -> Source:
    """Return the source of that name.

    Raises:
        EpilakeError: There is none; the message lists those there are.
    """
    if name not in SOURCES:
        raise EpilakeError(f"There is no source named {name!r}: choose one of {', '.join(sorted(SOURCES))}.")
    return SOURCES[name]
