"""Where posts come from: one file per source, each a `Source`.

A source only parses: bytes in, chunks of checked rows and refused records out. It knows nothing of Spark, Prefect or
the lake, so adding one is one file here, one contract in `flows.lake.contracts` and one dbt model.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, BinaryIO, Protocol

from flows.lake.contracts import Contract

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Reject:
    """One refused record: which one, where it began, its bytes and why it was refused."""

    record_number: int
    byte_offset: int
    reason: str
    record_bytes: bytes


@dataclass(frozen=True)
class Chunk:
    """A bounded run of records: the well-formed ones as a frame, the refused ones with their reasons.

    `rows` has the columns of the source's RAW contract that parsing can know: all but the batch, the file and the time.
    """

    rows: "pd.DataFrame"
    rejects: list[Reject] = field(default_factory=list)

    def __len__(self) -> int:
        """Records in the chunk, refused ones included."""
        return len(self.rows) + len(self.rejects)

    @property
    def days(self) -> tuple[date, date] | None:
        """First and last `posted_date` of the rows; None if there are no rows."""
        return (self.rows["posted_date"].min(), self.rows["posted_date"].max()) if len(self.rows) else None


class Source(Protocol):
    """What ingest asks of a source."""

    name: str
    contract: Contract

    def parse(self, stream: BinaryIO, *, chunk_records: int) -> Iterator[Chunk]:
        """Yield the stream's records in chunks of at most `chunk_records`; memory is bounded by one chunk.

        Raises:
            UnknownHeaderError: The stream is not of this source.
        """
        ...
