"""What a contract is: the grain, the key and the columns of a table that Python writes, each with its meaning.

The contracts themselves are in `flows.lake.contracts`, those of the enrichments in `flows.lake.enriched`.
"""

from dataclasses import dataclass

from flows.errors import EpilakeError


@dataclass(frozen=True)
class Column:
    """One column: its name, its Spark SQL type, what it means, and whether it may be null."""

    name: str
    type: str
    meaning: str
    nullable: bool = False


@dataclass(frozen=True)
class Contract:
    """One table: `schema.table`, its grain in a sentence, the columns of its key, and its columns in order.

    `statistics` names the columns whose least and greatest values Delta's log may hold, to skip files by; None leaves
    it to Delta. What a person wrote stays out of the log, which outlives the rows. `loaded_at` is the column by which
    dbt tells how fresh the table is; None for a table that may rest.
    """

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    statistics: tuple[str, ...] | None = None
    loaded_at: str | None = None

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def check(self, found: dict[str, str]) -> None:
        """Refuse a frame whose columns are not exactly the contract's.

        Args:
            found: Column name → Spark SQL type of the frame, in any order.

        Raises:
            EpilakeError: Names each column that is missing, unknown or of another type.

        >>> Contract("raw.x", "One row per x.", ("a",), (Column("a", "string", "A."),)).check({"a": "string"})
        """
        wanted = {column.name: column.type for column in self.columns}
        wrong = [
            f"{name} ({kind} expected, {found.get(name, 'nothing')} found)"
            for name, kind in wanted.items()
            if found.get(name) != kind
        ] + [f"{name} (unknown)" for name in found if name not in wanted]
        if wrong:
            raise EpilakeError(f"A frame for {self.name} breaks its contract: {', '.join(wrong)}.")


POST_KEY = (
    Column("source", "string", "Where the post was published: `twitter`."),
    Column("post_id", "string", "The source's id of the post, or `sha256:` and a hash of its content if it has none."),
    Column("posted_date", "date", "UTC day on which the post was published."),
)
