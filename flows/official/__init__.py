"""Official counts: which data sets there are, by their columns, and what one of them says of a place and a day.

They stand apart from the sources of posts: nobody wrote them, no policy hides them, and a later file does not add to an
earlier one but says the same days anew. Every file is a vintage, and all vintages stay.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from flows.sources import Reject

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Measure:
    """One thing that is counted, and the columns with its count since the beginning and with what the day added."""

    name: str
    cumulative: str
    new: str


@dataclass(frozen=True)
class DataSet:
    """One data set as its publisher spells it; a file is known by these columns, not by its name.

    Attributes:
        name: The name under which the lake has it.
        place_column: Column with the place.
        day_column: Column with the day.
        measures: What it counts; a file has at least one of the cumulative columns.
        places: Returns place as the data set spells it → place_id; None for what lies in no country.
        is_month_first: Whether `3/7/2021` is the seventh of March here; otherwise only `2021-03-07` is read.
    """

    name: str
    place_column: str
    day_column: str
    measures: tuple[Measure, ...]
    places: Callable[[], Mapping[str, str | None]]
    is_month_first: bool = False

    def is_header(self, header: list[str]) -> bool:
        """Return whether a file with these columns is of the data set."""
        needed = {self.place_column, self.day_column}
        return needed <= set(header) and any(measure.cumulative in header for measure in self.measures)


@dataclass(frozen=True)
class Reading:
    """One file as it was read.

    Attributes:
        dataset: What the file is of.
        vintage_id: SHA-256 of the file's bytes without their compression, 32 hexadecimal digits.
        rows: One row per record and measure of which it says anything; the columns of `raw.official_counts` but for
            the batch, the file and the time.
        count_records: Records in the file, the header not counted.
        unread: Columns of the file that are not read.
        rejects: The records that were refused.
    """

    dataset: DataSet
    vintage_id: str
    rows: "pa.Table"
    count_records: int
    unread: list[str]
    rejects: list[Reject] = field(default_factory=list)


PlaceDay = tuple[str, date]
"""A place_id, or the spelling of what has none, and a day."""
