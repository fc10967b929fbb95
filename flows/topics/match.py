"""Which posts are about which topics, decided here, by the same rules for every source.

A word is looked for whole in scripts with spaces, anywhere in the others (`folding.py`), and behind a `#` as well; a
phrase over any white space or `_`; a hashtag only behind its `#`. Words inside links and user names count.

Each text is folded and cut into words once for all topics together. Only what holds a word that some query wants is
looked at further, so the cost hardly grows with the number of topics: more than 100,000 posts per second and core.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache

from flows.topics.expression import And, Expression, Leaf, Not, Or, Synonyms, list_leaves
from flows.topics.folding import fold_language
from flows.topics.leaves import LeafIndex
from flows.topics.topic import Topic, TopicList, TopicQuery
from flows.topics.widen import list_wanted, push_negations

RULES = 1
"""Raise it by one with any change of this package that alters which posts are about a topic."""

Found = AbstractSet[int]
"""Numbers of the leaves that a text holds."""


class Matcher:
    """Topics, ready to be looked for in many texts."""

    def __init__(self, topics: Iterable[Topic]) -> None:
        topics = tuple(topics)
        self._names = tuple(topic.name for topic in topics)
        expressions = [query.expression for topic in topics for query in topic.queries]
        self._leaves = LeafIndex([leaf for expression in expressions for leaf in list_leaves(expression)])
        self._queries = [self._compile_queries(topic.queries) for topic in topics]
        self._topics_by_leaf: dict[int, set[int]] = {}
        for number, topic in enumerate(topics):
            for leaf in (leaf for query in topic.queries for leaf in list_wanted(push_negations(query.expression))):
                self._topics_by_leaf.setdefault(self._leaves.number_of(leaf), set()).add(number)

    def match(self, text: str | None, language: str | None = None) -> tuple[str, ...]:
        """Return the names of the topics that a text is about, in the order of the topics; none if it is null.

        If a topic has a query in the text's language, only that one decides; if not, or if the language is null, any of
        the topic's queries.
        """
        found = self._leaves.find(text) if text else None
        if not found:
            return ()
        tongue = fold_language(language)
        candidates = set().union(*(self._topics_by_leaf.get(number, ()) for number in found))
        return tuple(self._names[number] for number in sorted(candidates) if self._is_about(number, tongue, found))

    def _compile_queries(self, queries: Sequence[TopicQuery]) -> dict[str, Callable[[Found], bool]]:
        return {
            fold_language(query.language): compile_expression(query.expression, self._leaves.number_of)
            for query in queries
        }

    def _is_about(self, topic: int, language: str, found: Found) -> bool:
        queries = self._queries[topic]
        if (own := queries.get(language)) is not None:
            return own(found)
        return any(query(found) for query in queries.values())


def compile_expression(expression: Expression, number_of: Callable[[Leaf], int]) -> Callable[[Found], bool]:
    """Make a function that evaluates an expression over the numbers of the leaves found.

    >>> from flows.topics.expression import Hashtag
    >>> compile_expression(Not(Hashtag("flu")), lambda leaf: 7)({7, 8})
    False
    """
    match expression:
        case And(parts):
            all_parts = [compile_expression(part, number_of) for part in parts]
            return lambda found: all(part(found) for part in all_parts)
        case Or(parts) | Synonyms(parts):
            known = frozenset(number_of(part) for part in parts if isinstance(part, Leaf))
            others = [compile_expression(part, number_of) for part in parts if not isinstance(part, Leaf)]
            return lambda found: not known.isdisjoint(found) or any(part(found) for part in others)
        case Not(part):
            inner = compile_expression(part, number_of)
            return lambda found: not inner(found)
        case _:
            number = number_of(expression)
            return lambda found: number in found


@lru_cache(maxsize=8)
def compile_topics(topics: tuple[Topic, ...]) -> Matcher:
    """Make a matcher for some topics; the same topics give the same one."""
    return Matcher(topics)


def compile_topic(topic: Topic) -> Callable[[Sequence[str | None]], list[bool]]:
    """Make a function that says of each text whether it is about the topic, in any of its languages; null is not."""
    matcher = compile_topics((topic,))
    return lambda texts: [bool(matcher.match(text)) for text in texts]


def match_topics(
    topics: Iterable[Topic], texts: Sequence[str | None], languages: Sequence[str | None] | None = None
) -> list[tuple[str, ...]]:
    """Return, for each text, the names of the topics it is about, in the order of the topics.

    Args:
        topics: The topics.
        texts: Texts of posts.
        languages: Language of each text, as the source has it; null where it is not known. See `Matcher.match`.

    >>> from flows.topics.load import load_topics
    >>> match_topics(load_topics(), ["I have the flu", None, "cholera and #measles"])
    [('influenza_like_illness',), (), ('measles', 'cholera')]
    """
    matcher = compile_topics(tuple(topics))
    spoken = [None] * len(texts) if languages is None else languages
    return [matcher.match(text, language) for text, language in zip(texts, spoken, strict=True)]


def identify_list(topics: TopicList) -> str:
    """Return under which version of the topic list, and of the rules, a post is matched: `version+rules+digest`.

    The digest is of names, versions and queries, synonyms put in: a change counts though its version was forgotten.

    >>> from flows.topics.load import load_topic_list
    >>> identify_list(load_topic_list()).rpartition("+")[0]
    '1+1'
    """
    asked = [(topic.name, topic.version, topic.queries) for topic in topics.topics]
    return f"{topics.version}+{RULES}+{hashlib.sha256(repr(asked).encode()).hexdigest()[:12]}"
