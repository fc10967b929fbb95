"""What each source is asked for so that no post about a topic is missed, and what its search cannot say.

Every answer is matched locally afterwards, so a request may be wider than the topic and must not be narrower. Where a
source does not document how it compares words, the request relies on as little as possible. What the sources document
(read in 2026):

- twitter: see `twitter_search.py`.
- reddit: https://www.reddit.com/dev/api#GET_search: `q` of at most 512 characters; AND, OR, NOT, parentheses and quotes
  as in Lucene. How words are cut, stemmed and folded is not documented: NOT, which could leave out too much, is not
  used, and a word with diacritics is asked for without them as well.
- bluesky: `app.bsky.feed.searchPosts`: its lexicon leaves the syntax of `q` open. The server (palomar, in
  bluesky-social/indigo until 2025) wants all words, folds diacritics and takes quotes; OR does not work
  (bluesky-social/atproto issue 3751), `-` not reliably, and `#x` means the tags that an app has marked. Jetstream takes
  no words: all it sends is matched locally.
- mastodon: https://docs.joinmastodon.org/methods/streaming: one hashtag per stream, compared without case and accents.
- feeds: RSS and Atom have no search.
"""

import re
import unicodedata
from collections.abc import Callable

from flows.errors import EpilakeError
from flows.topics.asked import Asked, Dialect, ask_search
from flows.topics.expression import Expression, Hashtag, Leaf, Or, Term, evaluate
from flows.topics.folding import ANY_WORD_CLASS, fold
from flows.topics.topic import Topic
from flows.topics.twitter_search import ask_twitter
from flows.topics.widen import join, list_wanted, widen

REDDIT_LIMIT = 512
"""Characters of a request to Reddit."""

_NOT_IN_HASHTAGS = re.compile(f"[^{ANY_WORD_CLASS}_]+")


def translate(topic: Topic, source: str) -> Asked:
    """Return what a source is asked for, within the source's usual limits.

    Args:
        topic: The topic.
        source: One of `twitter`, `reddit`, `bluesky`, `mastodon`, `feeds`.

    Raises:
        EpilakeError: There is no such source, or a phrase of the topic is longer than a request may be.

    >>> from flows.topics.load import load_topics
    >>> dengue = load_topics()[2]
    >>> translate(dengue, "bluesky").requests[:3]
    ('dengue', '"breakbone fever"', 'Denguefieber')
    """
    if source not in _TRANSLATORS:
        raise EpilakeError(f"Expected a source ({', '.join(_TRANSLATORS)}), found {source!r}: choose one of them.")
    return _TRANSLATORS[source](topic)


def ask_reddit(topic: Topic, *, limit: int = REDDIT_LIMIT) -> Asked:
    """Return the query strings for Reddit's search of posts; it does not search comments.

    Raises:
        EpilakeError: A word or phrase is longer than `limit`.
    """
    dialect = Dialect(
        source="reddit",
        title="Reddit",
        conjunction=" AND ",
        limit=limit,
        can_leave_out=lambda _: False,
        restate=_spell_plainly_too,
        remarks=("Reddit searches posts, not comments.", "Reddit may not find a word inside of #covid_19."),
    )
    return ask_search(dialect, (query.expression for query in topic.queries))


def ask_bluesky(topic: Topic) -> Asked:
    """Return the values of `q` for Bluesky's search: one for each combination of words, as there is no OR.

    The stream (Jetstream) needs none of them: it sends everything.
    """
    dialect = Dialect(
        source="bluesky",
        title="Bluesky",
        has_or=False,
        can_leave_out=lambda _: False,
        restate=_untag,
        remarks=("Bluesky may not find a word inside of #covid_19.",),
    )
    return ask_search(dialect, (query.expression for query in topic.queries))


def ask_mastodon(topic: Topic) -> Asked:
    """Return the hashtags to stream: every word and phrase of the topic, written as a hashtag.

    The set is complete only for a topic that asks for hashtags alone.
    """
    whole = join(Or, (widen(query.expression, lambda _: False)[0] for query in topic.queries))
    tags = {fold(tag): tag for tag in map(_write_hashtag, list_wanted(whole)) if tag and not tag.isdigit()}
    is_complete = not evaluate(whole, lambda leaf: not isinstance(leaf, Hashtag))
    sentence = (
        "Mastodon streams hashtags: a post that says the same without one of these hashtags comes only on the public "
        "stream, where local matching finds it."
    )
    names = tuple(tags.values())
    return Asked("mastodon", names, () if is_complete else (sentence,), tuple(map(Hashtag, names)), is_complete)


def ask_feeds(topic: Topic) -> Asked:  # noqa: ARG001
    """Return no request: a feed is read whole, and matched locally."""
    return Asked(
        "feeds", (), ("Feeds take no query: every entry is read, and local matching decides.",), (), is_complete=True
    )


_TRANSLATORS: dict[str, Callable[[Topic], Asked]] = {
    "twitter": ask_twitter,
    "reddit": ask_reddit,
    "bluesky": ask_bluesky,
    "mastodon": ask_mastodon,
    "feeds": ask_feeds,
}


def _untag(leaf: Leaf) -> Leaf:
    """The word of a hashtag, which stands in every post that has the hashtag.

    >>> _untag(Hashtag("flu"))
    Term(text='flu')
    """
    return Term(leaf.text) if isinstance(leaf, Hashtag) else leaf


def _spell_plainly_too(leaf: Leaf) -> Expression:
    """A leaf without `#`, or without diacritics.

    >>> _spell_plainly_too(Hashtag("cólera"))
    Or(parts=(Term(text='cólera'), Term(text='colera')))
    """
    word = _untag(leaf)
    plain = fold(word.text)
    is_plain = plain == unicodedata.normalize("NFC", word.text.casefold())
    return word if is_plain else join(Or, [word, type(word)(plain)])


def _write_hashtag(leaf: Leaf) -> str:
    """A leaf as one hashtag, without `#`.

    >>> from flows.topics.expression import Phrase
    >>> _write_hashtag(Phrase("sars-cov-2 variant"))
    'sarscov2variant'
    """
    return _NOT_IN_HASHTAGS.sub("", leaf.text)
