"""Requests to X's recent search.

Documented at https://docs.x.com/x-api/posts/search/integrate/build-a-query and `operators` beside it (read in 2026): a
space is AND and binds before OR; parentheses and quotes; `-` before a single operator, and not alone; keywords match
whole tokens of the post's text, cut at punctuation, without case and diacritics; a hashtag matches exactly; 512
characters for self-serve access, 4,096 for enterprise.

A quoted phrase may match across punctuation, so X is never asked to leave one out: it would leave out more than local
matching does.
"""

from collections.abc import Iterable

from flows.topics.asked import Asked, Dialect, ask_search
from flows.topics.expression import Hashtag, Leaf, Term
from flows.topics.folding import WORDS, fold, fold_language
from flows.topics.topic import Topic

LIMIT = 512
"""Characters of a request, with self-serve access."""

LANGUAGES = frozenset(
    {"am", "ar", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "et", "eu", "fa", "fi", "fr", "gu", "hi", "hr"}
    | {"hu", "hy", "it", "ja", "ka", "kn", "ko", "lt", "lv", "ml", "mr", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sl"}
    | {"sr", "sv", "ta", "te", "th", "tr", "uk", "ur", "vi"}
)
"""ISO 639 codes that the `lang:` operator takes as they are."""

RENAMED_LANGUAGES = {"zh": ("zh-CN", "zh-TW"), "he": ("iw",), "id": ("in",)}
"""Those that it takes by other codes; further languages it does not know."""


def ask_twitter(topic: Topic, *, limit: int = LIMIT, by_language: bool = False) -> Asked:
    """Return the query strings for X's recent search.

    Args:
        topic: The topic.
        limit: Characters of a request, by access level.
        by_language: Whether each query leaves out posts in the languages of the other queries (`-lang:`). It costs
            requests and saves posts. Nothing is lost if local matching is given the languages that X reports; a plain
            `lang:` would lose the posts whose language X does not know.

    Raises:
        EpilakeError: A word or phrase is longer than `limit`.
    """
    dialect = Dialect("twitter", "X", can_leave_out=_is_one_word, limit=limit)
    if not by_language:
        return ask_search(dialect, (query.expression for query in topic.queries))
    spoken = [fold_language(query.language) for query in topic.queries]
    parts = [
        ask_search(dialect, [query.expression], _leave_out_languages(code for code in spoken if code != own))
        for own, query in zip(spoken, topic.queries, strict=True)
    ]
    return _merge(parts)


def _is_one_word(leaf: Leaf) -> bool:
    """Whether X leaves out a leaf exactly as local matching does.

    >>> [_is_one_word(leaf) for leaf in (Term("vaccine"), Hashtag("flu"), Term("covid-19"), Term("疫苗"))]
    [True, True, False, False]
    """
    return isinstance(leaf, Hashtag) or (isinstance(leaf, Term) and WORDS.fullmatch(fold(leaf.text)) is not None)


def _leave_out_languages(codes: Iterable[str]) -> str:
    """Operators that leave out some languages, as far as X knows them, with a leading space.

    >>> _leave_out_languages(["es", "zh", "sw"])
    ' -lang:es -lang:zh-CN -lang:zh-TW'
    """
    return "".join(f" -lang:{known}" for code in codes for known in _name_language(code))


def _name_language(code: str) -> tuple[str, ...]:
    return (code,) if code in LANGUAGES else RENAMED_LANGUAGES.get(code, ())


def _merge(parts: list[Asked]) -> Asked:
    return Asked(
        parts[0].source,
        tuple(request for part in parts for request in part.requests),
        tuple(dict.fromkeys(sentence for part in parts for sentence in part.cannot_express)),
        tuple(expression for part in parts for expression in part.expressions),
        is_complete=all(part.is_complete for part in parts),
    )
