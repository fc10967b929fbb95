"""Where posts come from: one file per source, each a `Source`.

A source only reads: bytes in, drafts of rows, refused records and notices out. It knows nothing of Spark, Prefect, the
lake or the privacy policy, so adding one is one file here, its name in `flows.sources.known` and one dbt model. What
every post must satisfy stands in `flows.sources.boundary`, what may be kept of it in `flows.privacy`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    import pyarrow as pa


class Kind(StrEnum):
    """What a field tells, and of whom: the boundary and the privacy policy have their rules by kind."""

    POST_ID = "post_id"
    """The source's own id of this post."""
    POST_LINK = "post_link"
    """The id of another post: repeated, quoted, answered, replaced."""
    AUTHOR_ID = "author_id"
    """The source's lasting id of the author's account."""
    AUTHOR_HANDLE = "author_handle"
    """The name under which the account is addressed; it may change hands."""
    AUTHOR_NAME = "author_name"
    """The name that the author shows."""
    AUTHOR_PROFILE = "author_profile"
    """What the author says about themselves, free text."""
    AUTHOR_CREATED = "author_created"
    """When the account was made."""
    AUTHOR_PROTECTED = "author_protected"
    """`true` if the account shows its posts to chosen readers only."""
    PERSON = "person"
    """Ids or handles of others: mentioned, answered, repeated."""
    TEXT = "text"
    """What the author wrote for all to read."""
    PLACE = "place"
    """A place in words, of the author or of the post."""
    COORDINATES = "coordinates"
    """`latitude,longitude` in degrees."""
    TIME = "time"
    """A moment of the post, as the source spells it."""
    COUNT = "count"
    """A whole number at capture."""
    FLAG = "flag"
    """`true` or `false`, in any case."""
    LABEL = "label"
    """A word or list from the source's own vocabulary or the author's choice: language, hashtags, client."""
    COMMUNITY = "community"
    """The forum in which the post stands, many people's; an account's own page is `u/` and its handle."""
    WITHHELD = "withheld"
    """Countries in which the platform hides the post or the account; null if nowhere."""
    URL = "url"
    """Addresses of pages."""


@dataclass(frozen=True)
class Field:
    """One field of a source's posts: kept in RAW as text, as the source spelt it.

    `pattern` is how the source spells an id, for the kinds that are ids; by default anything without white space.
    """

    name: str
    kind: Kind
    meaning: str
    pattern: str = r"\S+"


@dataclass(frozen=True)
class Reject:
    """One refused record: which one, where it began, its bytes and why it was refused."""

    record_number: int
    byte_offset: int
    reason: str
    record_bytes: bytes


class NoticeKind(StrEnum):
    """What a source says about a post or an account that it gave out before."""

    POST_DELETED = "post_deleted"
    POST_WITHHELD = "post_withheld"
    PLACE_REMOVED = "place_removed"
    AUTHOR_DELETED = "author_deleted"
    AUTHOR_WITHHELD = "author_withheld"
    AUTHOR_PROTECTED = "author_protected"


@dataclass(frozen=True)
class Notice:
    """One delete notice: what it is about, and which record of the stream it was.

    At least one of `post_id` and `author_id` is there; an author's notice is about all their posts. An edit is no
    notice: it is a further capture of the post.
    """

    record_number: int
    byte_offset: int
    kind: NoticeKind
    post_id: str | None
    author_id: str | None
    noticed_at: datetime | None = None


@dataclass(frozen=True)
class Draft:
    """A bounded run of records as a source read them, not yet checked.

    Attributes:
        rows: One row per post: each of the source's fields (string, null if absent), `rescued` (string: a JSON object
            of the fields that the source does not know), `post_id` (string), `posted_at` (timestamp in UTC, null if it
            cannot be read), `record_number` and `byte_offset` (64-bit integers).
        record_bytes: The bytes of the record of a row, by the row's place.
        rejects: The records that are no posts at all.
        notices: Delete notices.
        count_skipped: Records that by the source's own rules carry nothing, such as keep-alive messages.
    """

    rows: "pa.Table"
    record_bytes: Callable[[int], bytes]
    rejects: list[Reject] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    count_skipped: int = 0


@dataclass(frozen=True)
class Chunk:
    """A draft after the boundary: rows that hold their contract, and everything that was refused.

    `rows` has the columns of the source's RAW contract that parsing can know: all but the batch, the file and the time.
    `refused` counts, by reason, the records that the privacy policy does not let in.
    """

    rows: "pa.Table"
    rejects: list[Reject] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    count_skipped: int = 0
    refused: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        """Records in the chunk, refused ones included."""
        refused = sum(self.refused.values())
        return int(self.rows.num_rows) + len(self.rejects) + len(self.notices) + self.count_skipped + refused

    @property
    def days(self) -> tuple[date, date] | None:
        """First and last `posted_date` of the rows; None if there are no rows."""
        import pyarrow.compute as pc

        if not self.rows.num_rows:
            return None
        span = pc.min_max(self.rows["posted_date"]).as_py()
        return (span["min"], span["max"])


class Source(Protocol):
    """What ingest asks of a source."""

    @property
    def name(self) -> str:
        """The name under which users ask for it, and of its tables."""
        ...

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields of its posts, as RAW keeps them."""
        ...

    def parse(self, stream: BinaryIO, *, chunk_records: int) -> Iterator[Draft]:
        """Yield the stream's records in drafts of at most `chunk_records`; memory is bounded by one draft.

        Raises:
            UnknownHeaderError: The stream is not of this source.
        """
        ...

    def render(self, rows: list[dict[str, str | None]]) -> bytes:
        """Return posts in a spelling of the source that `parse` reads back, field for field.

        Args:
            rows: One mapping per post, by the names of `fields`; absent and None mean the same.
        """
        ...
