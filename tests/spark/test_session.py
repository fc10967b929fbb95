"""The session that every flow gets."""

from typing import TYPE_CHECKING

import pytest
from pyspark.errors import AnalysisException, ArithmeticException

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark


def test_what_spark_says_of_a_query_is_raised_as_it_is_and_not_printed_too(
    spark: "SparkSession", capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AnalysisException, match="UNRESOLVED_COLUMN"):
        spark.sql("select b from values (1) as rows (a)")
    with pytest.raises(ArithmeticException, match="DIVIDE_BY_ZERO"):
        spark.sql("select 1 / a from values (0) as rows (a)").collect()
    assert capfd.readouterr().err == ""
