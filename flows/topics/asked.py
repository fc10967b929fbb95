"""Requests to a source that searches: the words and operators it takes, and a topic's queries written in them."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flows.topics.expression import And, Expression, Leaf, Not, Or, Term, render
from flows.topics.folding import ANY_WORD_CLASS, is_unspaced
from flows.topics.split import split
from flows.topics.widen import join, list_wanted, widen

_PLAIN = re.compile(f"[{ANY_WORD_CLASS}]+")
_SHOWN = 5
"""Words that a sentence lists before it says how many more there are."""

_LONGEST_SHOWN = 60
"""Characters of one of them."""


@dataclass(frozen=True)
class Asked:
    """What a source is asked for on behalf of a topic.

    Attributes:
        source: Name of the source.
        requests: Query strings, or hashtags without `#` for Mastodon; a post about the topic answers one of them.
        cannot_express: Sentences on where the requests differ from the topic, and how.
        expressions: What each request means, in the same order.
        is_complete: Whether every post about the topic answers a request, if the source finds words as local matching
            does; if not, a sentence says which do not.
    """

    source: str
    requests: tuple[str, ...]
    cannot_express: tuple[str, ...]
    expressions: tuple[Expression, ...]
    is_complete: bool


@dataclass(frozen=True)
class Dialect:
    """What a source's search understands.

    Attributes:
        source: Name of the source.
        title: What people call it.
        can_leave_out: Whether posts without a leaf can be asked for, and no post is then missing that local matching
            would keep.
        restate: What is asked for instead of a leaf; as wide, or wider.
        conjunction: What stands between two words that must both occur.
        has_or: Whether alternatives can be asked for in one request.
        limit: Characters of a request; null if there is none.
        remarks: Sentences that hold for every topic.
    """

    source: str
    title: str
    can_leave_out: Callable[[Leaf], bool]
    restate: Callable[[Leaf], Expression] = lambda leaf: leaf
    conjunction: str = " "
    has_or: bool = True
    limit: int | None = None
    remarks: tuple[str, ...] = ()


def ask_search(dialect: Dialect, expressions: Iterable[Expression], suffix: str = "") -> Asked:
    """Write the queries of a topic in a dialect, in as few requests as alternatives allow.

    Args:
        dialect: The source's.
        expressions: Queries; a post about the topic matches one of them.
        suffix: Further operators for every request, with a leading space.

    Raises:
        EpilakeError: A single word or phrase is longer than a request may be.
    """
    widened = [widen(expression, dialect.can_leave_out, dialect.restate) for expression in expressions]
    whole = join(Or, (expression for expression, _ in widened))
    pieces, dropped = split(whole, lambda piece: _fits(piece, dialect, len(suffix)))
    unspaced = [leaf for leaf in list_wanted(whole) if is_unspaced(leaf.text)]
    sentences = (
        _say(f"{dialect.title} is not asked to leave out", (leaf for _, leaves in widened for leaf in leaves)),
        _say(f"{dialect.title} is asked without these parts, which would take too many requests:", dropped),
        _say(
            f"{dialect.title} cuts text without spaces by rules of its own and may not find inside of a run:", unspaced
        ),
    )
    requests = tuple(_write_request(piece, dialect) + suffix for piece in pieces)
    return Asked(dialect.source, requests, (*filter(None, sentences), *dialect.remarks), pieces, is_complete=True)


def write(expression: Expression, dialect: Dialect) -> str:
    """Write an expression in a dialect; words that are more than letters and digits in quotes.

    >>> from flows.topics.expression import Phrase
    >>> everything = Dialect("x", "X", can_leave_out=lambda leaf: True)
    >>> write(And((Or((Term("covid-19"), Phrase("long covid"))), Not(Term("beer")))), everything)
    '("covid-19" OR "long covid") -beer'
    """
    match expression:
        case And(parts):
            return dialect.conjunction.join(_enclose(part, dialect) for part in parts)
        case Or(parts):
            return " OR ".join(_enclose(part, dialect) for part in parts)
        case Not(part):
            return f"-{write(part, dialect)}"
        case Term(text) if not _PLAIN.fullmatch(text) or text.upper() in {"AND", "OR", "NOT"}:
            return f'"{text}"'
        case _:
            return render(expression)


def _enclose(part: Expression, dialect: Dialect) -> str:
    return f"({write(part, dialect)})" if isinstance(part, And | Or) else write(part, dialect)


def _write_request(piece: Expression, dialect: Dialect) -> str:
    """Write a request that further operators can follow: alternatives in parentheses."""
    return _enclose(piece, dialect) if isinstance(piece, Or) else write(piece, dialect)


def _fits(piece: Expression, dialect: Dialect, reserved: int) -> bool:
    if not dialect.has_or and _has_alternatives(piece):
        return False
    return dialect.limit is None or len(_write_request(piece, dialect)) + reserved <= dialect.limit


def _has_alternatives(piece: Expression) -> bool:
    return isinstance(piece, Or) or (isinstance(piece, And) and any(map(_has_alternatives, piece.parts)))


def _say(beginning: str, parts: Iterable[Expression]) -> str:
    """One sentence that lists some parts; empty if there are none.

    >>> _say("X is not asked to leave out", [Term("flu")])
    'X is not asked to leave out flu; local matching decides.'
    """
    names = list(dict.fromkeys(_shorten(render(part)) for part in parts))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{beginning} {', '.join(names[:_SHOWN])}{more}; local matching decides." if names else ""


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"
