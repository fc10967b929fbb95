"""The list of candidates, and which one `auto` means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ml.candidates.article import ARTICLE, TREE
from ml.candidates.boosted import BOOSTED
from ml.candidates.in_memory import IN_MEMORY
from ml.candidates.logistic import LOGISTIC

if TYPE_CHECKING:
    from ml.candidates.candidate import Candidate

AUTO: Final = "auto"
CANDIDATES: Final = {candidate.name: candidate for candidate in (ARTICLE, TREE, BOOSTED, LOGISTIC, IN_MEMORY)}
"""Every candidate by its name."""


class UnknownCandidateError(ValueError):
    """A name that no candidate has."""


def choose(name: str, *, train_rows: int, max_rows_in_memory: int) -> Candidate:
    """Give the candidate of that name; `auto` is scikit-learn's while the training part fits in memory, else MLlib's.

    Raises:
        UnknownCandidateError: No candidate has the name.

    >>> [choose("auto", train_rows=rows, max_rows_in_memory=1_000).name for rows in (1_000, 1_001)]
    ['sklearn', 'boosted']
    """
    if name == AUTO:
        return IN_MEMORY if train_rows <= max_rows_in_memory else BOOSTED
    if name not in CANDIDATES:
        raise UnknownCandidateError(
            f"expected a candidate among {', '.join([*CANDIDATES, AUTO])}, found {name!r}: name one of them."
        )
    return CANDIDATES[name]
