"""What a user knows of all posts of a file and the file does not say, such as the subreddit that it was taken from."""

from dataclasses import replace
from typing import TYPE_CHECKING

from flows.errors import EpilakeError
from flows.sources import Draft, Kind, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def read_fill(source: Source, spelt: list[str]) -> dict[str, str]:
    """Return field → value from `FIELD=VALUE`, several times.

    Raises:
        EpilakeError: Not of that form, a field given twice, or none of the source's labels: what a post is known by,
            who wrote it, when and what cannot be the same for all posts of a file.

    >>> from flows.sources.known import find_source
    >>> read_fill(find_source("reddit"), ["subreddit=Colorado"])
    {'subreddit': 'Colorado'}
    """
    labels = [field.name for field in source.fields if field.kind in (Kind.LABEL, Kind.COMMUNITY)]
    filled: dict[str, str] = {}
    for each in spelt:
        name, is_given, value = each.partition("=")
        if not is_given or not value.strip():
            raise EpilakeError(f"{each!r} is not FIELD=VALUE.")
        if name not in labels:
            raise EpilakeError(f"{name!r} is no label of {source.name}: give one of {', '.join(labels)}.")
        if name in filled:
            raise EpilakeError(f"{name} is given more than once: which value counts?")
        filled[name] = value.strip()
    return filled


def fill_drafts(drafts: "Iterator[Draft]", fill: "Mapping[str, str]") -> "Iterator[Draft]":
    """Yield drafts with the fields filled where a post has none; what a post says of itself stays."""
    import pyarrow.compute as pc

    for draft in drafts:
        rows = draft.rows
        for name, value in fill.items():
            rows = rows.set_column(rows.schema.get_field_index(name), name, pc.fill_null(rows[name], value))
        yield replace(draft, rows=rows)
