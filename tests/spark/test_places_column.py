"""Places of a column: the same answers as for one text, in the type that the tables hold."""

from typing import TYPE_CHECKING

import pytest

from ml.places import PLACES_SCHEMA, find_places, places_column, resolve_location

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark


def test_a_column_is_placed_as_each_text_is(spark: "SparkSession") -> None:
    rows = [("Leeds / Lagos", "Cases in Nairobi and in Brazil"), ("my head", ""), (None, None)]
    frame = spark.createDataFrame(rows, "location string, text string")
    placed = frame.select(
        places_column(frame.location, "profile").alias("a"), places_column(frame.text, "post").alias("b")
    )
    assert placed.schema["a"].dataType.simpleString() == PLACES_SCHEMA.replace(", ", ",").replace(" ", ":")
    for (location, text), found in zip(rows, placed.collect(), strict=True):
        assert found.a == (None if location is None else [tuple(place) for place in resolve_location(location)])
        assert found.b == (None if text is None else [tuple(place) for place in find_places(text)])
