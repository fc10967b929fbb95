"""A query cut into requests that a source accepts; together they ask for at least what the query asks for."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from flows.errors import EpilakeError
from flows.topics.expression import And, Expression, Not, Or, render
from flows.topics.widen import join

MAX_PIECES = 50
"""Requests that one conjunction may be cut into; beyond that, a part of it is no longer asked for."""

Fits = Callable[[Expression], bool]


def split(expression: Expression, fits: Fits) -> tuple[tuple[Expression, ...], tuple[Expression, ...]]:
    """Cut an expression into alternatives that each fit, and list the parts of conjunctions dropped on the way.

    Alternatives are kept together as long as they fit. A conjunction that does not fit is multiplied out at its longest
    part. If that takes more than `MAX_PIECES`, or there is nothing to multiply out, its longest parts are dropped.

    Args:
        expression: As `widen` returns it.
        fits: Whether the source accepts an expression as one request.

    Raises:
        EpilakeError: A single word or phrase does not fit.

    >>> from flows.topics.expression import Term
    >>> query = Or((Term("influenza"), Term("grippe"), And((Term("tos"), Or((Term("fiebre"), Term("calentura")))))))
    >>> pieces, _ = split(query, lambda piece: len(render(piece)) <= 20)
    >>> list(map(render, pieces))
    ['tos fiebre', 'tos calentura', 'influenza OR grippe']
    """
    dropped: list[Expression] = []
    pieces = tuple(dict.fromkeys(_cut(expression, fits, dropped)))
    return pieces, tuple(dict.fromkeys(dropped))


def _cut(expression: Expression, fits: Fits, dropped: list[Expression]) -> Iterator[Expression]:
    if fits(expression):
        yield expression
        return
    match expression:
        case Or(parts):
            yield from _pack(parts, fits, dropped)
        case And(parts):
            yield from _cut_conjunction(parts, fits, dropped)
        case _:
            raise _complain(expression)


def _pack(parts: Sequence[Expression], fits: Fits, dropped: list[Expression]) -> Iterator[Expression]:
    """Fill one alternative after another with as many parts as fit."""
    group: list[Expression] = []
    for part in parts:
        if not fits(part):
            yield from _cut(part, fits, dropped)
        elif group and not fits(join(Or, [*group, part])):
            yield join(Or, group)
            group = [part]
        else:
            group.append(part)
    if group:
        yield join(Or, group)


def _cut_conjunction(parts: Sequence[Expression], fits: Fits, dropped: list[Expression]) -> list[Expression]:
    """Multiply out, after dropping the longer half of the alternatives as often as there are too many pieces."""
    while (pieces := _multiply_out(parts, fits, dropped)) is None:
        alternatives = sorted((part for part in parts if isinstance(part, Or)), key=_measure)
        lost = alternatives[-max(1, len(alternatives) // 2) :]
        dropped.extend(lost)
        parts = [part for part in parts if part not in lost]
    return pieces


def _multiply_out(parts: Sequence[Expression], fits: Fits, dropped: list[Expression]) -> list[Expression] | None:
    """Halve the longest alternatives until all pieces fit; null if they are too many and something can be dropped."""
    can_drop = sum(not isinstance(part, Not) for part in parts) > 1
    pending, pieces, lost = [tuple(parts)], list[Expression](), list[Expression]()
    while pending:
        if can_drop and len(pieces) + len(pending) > MAX_PIECES:
            return None
        whole = join(And, pending.pop())
        flat = whole.parts if isinstance(whole, And) else (whole,)
        if fits(whole):
            pieces.append(whole)
        elif longest := max((part for part in flat if isinstance(part, Or)), key=_measure, default=None):
            first, second = _halve(longest)
            pending += [tuple(half if part is longest else part for part in flat) for half in (second, first)]
        else:
            pieces.append(_shorten(flat, fits, lost))
    dropped.extend(lost)
    return pieces


def _halve(alternatives: Or) -> tuple[Expression, Expression]:
    middle = len(alternatives.parts) // 2
    return join(Or, alternatives.parts[:middle]), join(Or, alternatives.parts[middle:])


def _shorten(parts: Sequence[Expression], fits: Fits, dropped: list[Expression]) -> Expression:
    """Drop as little as possible of a conjunction without alternatives: first what is not wanted, then the longest."""
    by_length = sorted(parts, key=_measure, reverse=True)
    wanted = [part for part in by_length if not isinstance(part, Not)]
    droppable = [*(part for part in by_length if isinstance(part, Not)), *wanted[:-1]]

    def keep(count: int) -> Expression:
        lost = set(droppable[:count])
        return join(And, [part for part in parts if part not in lost])

    count = bisect_left(range(len(droppable) + 1), True, key=lambda count: fits(keep(count)))  # noqa: FBT003
    if count > len(droppable):
        raise _complain(wanted[-1])
    dropped.extend(droppable[:count])
    return keep(count)


def _complain(expression: Expression) -> EpilakeError:
    return EpilakeError(
        f"Expected words that fit into one request, found {render(expression)[:40]!r}, which is too long: "
        "shorten it, or raise the limit."
    )


def _measure(expression: Expression) -> int:
    return len(render(expression))
