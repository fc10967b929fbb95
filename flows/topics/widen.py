"""A query cut down to what a source can be asked: wider than the query where it must be, never narrower.

A request that asks for too much costs posts that local matching throws away. One that asks for too little loses posts
for good. So whatever a source cannot say is left out in the direction of more.
"""

from collections.abc import Callable, Iterable

from flows.topics.expression import And, Expression, Leaf, Not, Or, Synonyms, render


def widen(
    expression: Expression,
    can_leave_out: Callable[[Leaf], bool],
    restate: Callable[[Leaf], Expression] = lambda leaf: leaf,
) -> tuple[Expression, tuple[Leaf, ...]]:
    """Return an expression that is true wherever the given one is, and the leaves that it no longer leaves out.

    In it, `Not` stands only directly before a leaf and beside something wanted, as search engines demand, and
    `Synonyms` not at all.

    Args:
        expression: A query, false of a text without any of its leaves.
        can_leave_out: Whether the source can be asked for posts without a leaf, and then leaves out no post that local
            matching keeps.
        restate: What to ask for instead of a leaf that is wanted; as wide as the leaf, or wider.

    >>> from flows.topics.expression import Phrase, Term
    >>> query = And((Term("flu"), Not(Or((Term("shot"), Phrase("bird flu"))))))
    >>> widened, no_longer = widen(query, lambda leaf: isinstance(leaf, Term))
    >>> render(widened), no_longer
    ('flu -shot', (Phrase(text='bird flu'),))
    """
    dropped: list[Leaf] = []
    relaxed = _relax(push_negations(expression), can_leave_out, dropped)
    if relaxed is None:
        message = f"expected a query that wants something, found {render(expression)}"
        raise ValueError(message)
    return _restate(relaxed, restate), tuple(dict.fromkeys(dropped))


def join(kind: type[And] | type[Or], parts: Iterable[Expression]) -> Expression:
    """Join parts, one inside of another of the same kind flattened, repeated ones once; a single part is itself.

    >>> from flows.topics.expression import Term
    >>> render(join(Or, [Term("flu"), Or((Term("grippe"), Term("Flu")))]))
    'flu OR grippe'
    """
    flat: dict[str, Expression] = {}
    for part in parts:
        for piece in part.parts if isinstance(part, And | Or) and isinstance(part, kind) else (part,):
            flat.setdefault(render(piece).casefold(), piece)
    found = tuple(flat.values())
    return found[0] if len(found) == 1 else kind(found)


def push_negations(expression: Expression, *, is_negated: bool = False) -> Expression:
    """Return an equal expression in which `Not` stands only before leaves (De Morgan) and synonyms are written out.

    >>> from flows.topics.expression import Term
    >>> render(push_negations(Not(And((Term("a"), Not(Term("b")))))))
    '-a OR b'
    """
    match expression:
        case Not(part):
            return push_negations(part, is_negated=not is_negated)
        case And(parts) | Or(parts) | Synonyms(parts):
            kind = And if isinstance(expression, And) != is_negated else Or
            return join(kind, (push_negations(part, is_negated=is_negated) for part in parts))
        case _:
            return Not(expression) if is_negated else expression


def list_wanted(expression: Expression) -> list[Leaf]:
    """List the leaves that are asked for in a widened expression, those that are left out not.

    >>> from flows.topics.expression import Term
    >>> list_wanted(And((Term("flu"), Not(Term("shot")))))
    [Term(text='flu')]
    """
    match expression:
        case And(parts) | Or(parts):
            return [leaf for part in parts for leaf in list_wanted(part)]
        case _:
            return [expression] if isinstance(expression, Leaf) else []


def _relax(expression: Expression, can_leave_out: Callable[[Leaf], bool], dropped: list[Leaf]) -> Expression | None:
    """Drop what cannot be said from an expression with negations at its leaves; None stands for every post."""
    match expression:
        case Not(part) if isinstance(part, Leaf):
            dropped.append(part)
            return None
        case Or(parts):
            relaxed = [_relax(part, can_leave_out, dropped) for part in parts]
            sayable = [part for part in relaxed if part is not None]
            return join(Or, sayable) if len(sayable) == len(relaxed) else None
        case And(parts):
            return _relax_conjunction(parts, can_leave_out, dropped)
        case _:
            return expression


def _relax_conjunction(
    parts: tuple[Expression, ...], can_leave_out: Callable[[Leaf], bool], dropped: list[Leaf]
) -> Expression | None:
    relaxed = [_relax(part, can_leave_out, dropped) for part in parts if not isinstance(part, Not)]
    wanted = [part for part in relaxed if part is not None]
    unwanted = [part.part for part in parts if isinstance(part, Not) and isinstance(part.part, Leaf)]
    kept = [leaf for leaf in unwanted if wanted and can_leave_out(leaf)]
    dropped.extend(leaf for leaf in unwanted if leaf not in kept)
    return join(And, [*wanted, *map(Not, kept)]) if wanted else None


def _restate(expression: Expression, restate: Callable[[Leaf], Expression]) -> Expression:
    match expression:
        case And(parts) | Or(parts):
            return join(type(expression), (_restate(part, restate) for part in parts))
        case Not() | Synonyms():
            return expression
        case _:
            return restate(expression)
