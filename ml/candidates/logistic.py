"""Regularised logistic regression of MLlib: the words of the text, weighed by rarity, beside standardised numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ml.candidates.candidate import Candidate
from ml.engineered import READS, TOLD, make_numbers, numbers_of
from ml.features import LABEL, check_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame

VECTOR: Final = "features"
MIN_POSTS_OF_A_WORD: Final = 5


def fit_logistic(
    train: DataFrame, names: Sequence[str], *, params: Mapping[str, Any], seed: int, like: PipelineModel | None = None
) -> PipelineModel:
    """Fit an elastic net (Zou and Hastie 2005, doi:10.1111/j.1467-9868.2005.00503.x).

    Args:
        train: Model frame, one row per post, `label` 1.0 or 0.0.
        names: Features to read; without `text` only the numbers are learnt from.
        params: `regularisation` > 0, `l1_share` in [0, 1], `buckets` into which words are hashed.
        seed: Not used: nothing here is drawn.
        like: Not used.

    Raises:
        UnknownFeatureError: The frame lacks a feature.
    """
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import IDF, HashingTF, RegexTokenizer, StandardScaler, VectorAssembler

    del seed, like
    check_columns(train, names)
    numbers = numbers_of(names)
    stages: list[Any] = [
        make_numbers(numbers),
        VectorAssembler(inputCols=list(numbers), outputCol="numbers"),
        StandardScaler(inputCol="numbers", outputCol="scaled", withMean=True),
    ]
    parts = ["scaled"]
    if "text" in names:
        stages += [
            RegexTokenizer(inputCol=TOLD, outputCol="words", pattern=r"https?://\S+|[^\p{L}\p{N}_#@]+"),
            HashingTF(inputCol="words", outputCol="word_counts", numFeatures=params["buckets"], binary=True),
            IDF(inputCol="word_counts", outputCol="weighed_words", minDocFreq=MIN_POSTS_OF_A_WORD),
        ]
        parts.append("weighed_words")
    regression = LogisticRegression(
        featuresCol=VECTOR,
        labelCol=LABEL,
        regParam=params["regularisation"],
        elasticNetParam=params["l1_share"],
        maxIter=100,
    )
    return Pipeline(stages=[*stages, VectorAssembler(inputCols=parts, outputCol=VECTOR), regression]).fit(train)


LOGISTIC: Final = Candidate(
    name="logistic",
    meaning="logistic regression of MLlib on the words of the text and the numbers, regularised",
    features=READS,
    defaults={"regularisation": 0.02, "l1_share": 0.1, "buckets": 4_096},
    space={"regularisation": (0.005, 0.02, 0.05, 0.1), "l1_share": (0.0, 0.1, 0.5), "buckets": (1_024, 4_096)},
    fit=fit_logistic,
)
