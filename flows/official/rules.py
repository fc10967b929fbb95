"""What must hold of a record of official counts before it may enter RAW; each check's message is the reason.

A number is digits alone: a file that went through a spreadsheet or a float has thousands separators or decimals, and
what they stood for is not guessed. What a day added may be negative: that is how authorities take back what they said.
"""

from functools import cache
from typing import TYPE_CHECKING

from flows.official import DataSet

if TYPE_CHECKING:
    import pandera.pandas as pandera

MAX_DIGITS = 12
"""A sum of a million such numbers still fits into 64 bits."""
EARLIEST_YEAR = 1990


@cache
def records_schema(dataset: DataSet, columns: tuple[str, ...]) -> "pandera.DataFrameSchema":
    """Return the rules of one run of records, row by row.

    Args:
        dataset: What the records are of.
        columns: The columns with counts that the file has; they are checked as text, null where the field is empty.
    """
    import pandera.pandas as pandera

    cumulative = {measure.cumulative for measure in dataset.measures}
    facts = {
        "is_placed": f"{dataset.place_column} is not known",
        "is_day": f"{dataset.day_column} is not a day",
        "is_late_enough": f"{dataset.day_column} lies before {EARLIEST_YEAR}",
        "is_past": f"{dataset.day_column} lies in the future",
        "is_counted": "record holds no count",
    }
    checks = {name: pandera.Column(bool, pandera.Check(lambda held: held, error=why)) for name, why in facts.items()}
    return pandera.DataFrameSchema(
        checks
        | {name: pandera.Column(checks=_counts(name, from_0=name in cumulative), nullable=True) for name in columns}
    )


def _counts(name: str, *, from_0: bool) -> "list[pandera.Check]":
    """Return the rules of one column of counts."""
    import pandera.pandas as pandera

    pattern = rf"-?[0-9]{{1,{MAX_DIGITS}}}"
    whole = pandera.Check(
        lambda values: values.str.fullmatch(pattern),
        error=f"{name} is not a whole number of at most {MAX_DIGITS} digits",
    )
    positive = pandera.Check(lambda values: ~values.str.startswith("-"), error=f"{name} is negative")
    return [whole, positive] if from_0 else [whole]
