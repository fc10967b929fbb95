"""What a query means: a tree of words to find, joined by AND, OR and NOT.

It stands apart from the grammar (`query.py`) because matching and translating work on the tree and never on its text.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """One word, as written; it is found in `#word` too."""

    text: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """Adjacent words, separated by one space each; found over any white space."""

    text: str


@dataclass(frozen=True, slots=True)
class Hashtag:
    """A word that counts only behind a `#`; held without it."""

    text: str


Leaf = Term | Phrase | Hashtag
"""What is looked for in a text; everything else only joins leaves."""


@dataclass(frozen=True, slots=True)
class Synonyms:
    """At least one of the members; `name` if they come from a named set of the topic file, else empty."""

    members: tuple[Leaf, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class And:
    """All of two or more parts."""

    parts: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of two or more parts."""

    parts: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """Everything but the part."""

    part: "Expression"


Expression = Leaf | Synonyms | And | Or | Not


def evaluate(expression: Expression, holds: Callable[[Leaf], bool]) -> bool:
    """Say whether the expression is true of a text, given which leaves the text holds.

    >>> evaluate(And((Term("flu"), Not(Term("shot")))), lambda leaf: leaf.text == "flu")
    True
    """
    match expression:
        case And(parts):
            return all(evaluate(part, holds) for part in parts)
        case Or(parts) | Synonyms(parts):
            return any(evaluate(part, holds) for part in parts)
        case Not(part):
            return not evaluate(part, holds)
        case _:
            return holds(expression)


def list_leaves(expression: Expression) -> Iterator[Leaf]:
    """Yield every leaf from left to right, repeated ones as often as they stand, negated ones too.

    >>> [leaf.text for leaf in list_leaves(Or((Synonyms((Term("flu"), Term("grippe"))), Not(Term("cold")))))]
    ['flu', 'grippe', 'cold']
    """
    match expression:
        case And(parts) | Or(parts) | Synonyms(parts):
            for part in parts:
                yield from list_leaves(part)
        case Not(part):
            yield from list_leaves(part)
        case _:
            yield expression


def render(expression: Expression) -> str:
    """Write an expression in the query language; `parse_query` reads the same expression back.

    >>> render(And((Or((Phrase("bird flu"), Hashtag("h5n1"))), Not(Term("poultry")))))
    '("bird flu" OR #h5n1) -poultry'
    """
    match expression:
        case And(parts):
            return " ".join(_enclose(part, And, Or) for part in parts)
        case Or(parts):
            return " OR ".join(_enclose(part, Or) for part in parts)
        case Not(part):
            return f"-{_enclose(part, And, Or, Not)}"
        case Synonyms(members, name):
            return f"~{name}" if name else "{" + "|".join(map(render_leaf, members)) + "}"
        case _:
            return render_leaf(expression)


def render_leaf(leaf: Leaf) -> str:
    """Write a leaf in the query language.

    >>> render_leaf(Hashtag("h5n1"))
    '#h5n1'
    """
    match leaf:
        case Phrase(text):
            return f'"{text}"'
        case Hashtag(text):
            return f"#{text}"
        case Term(text):
            return text


def _enclose(part: Expression, *looser: type[Expression]) -> str:
    return f"({render(part)})" if isinstance(part, looser) else render(part)
