"""Places of a column: the same answers as for one text, in the type that the tables hold."""

from typing import TYPE_CHECKING

import pytest

from ml.places import PLACES_SCHEMA, find_places, places_column, resolve_location

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark


def test_a_column_is_placed_as_each_text_is(spark: "SparkSession") -> None:
    rows = [
        ("Leeds / Lagos", "Alabama", "Cases in Nairobi and in Brazil"),
        ("my head", "AskReddit", ""),
        (None, None, None),
    ]
    frame = spark.createDataFrame(rows, "location string, community string, text string")
    placed = frame.select(places_column(frame.location, frame.community, frame.text).alias("found")).select("found.*")
    assert {field.dataType.simpleString() for field in placed.schema} == {PLACES_SCHEMA}
    for texts, found in zip(rows, placed.collect(), strict=True):
        resolvers = (resolve_location, resolve_location, find_places)
        for text, resolve, places in zip(texts, resolvers, found, strict=True):
            assert places == (None if text is None else [tuple(place) for place in resolve(text)])
