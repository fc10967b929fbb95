"""What the tests of datasets and of models start from."""

import pytest

from ml.dataset import open_dataset
from ml.training import train
from tests.spark.labelled_posts import ROWS, SCHEMA, SEED, SMALL, make_post


@pytest.fixture(scope="module")
def features(spark):
    """800 labelled posts with a planted signal in the followers, one in ten turned round, and 10 without a label."""
    posts = [make_post(number) for number in range(ROWS)]
    unknown = [make_post(number) | {"was_retweeted": None} for number in range(ROWS, ROWS + 10)]
    frame = spark.createDataFrame([*posts, *unknown], SCHEMA).repartition(3).cache()
    yield frame
    frame.unpersist()


@pytest.fixture(scope="module")
def dataset(features):
    with open_dataset(features, seed=SEED) as dataset:
        yield dataset


@pytest.fixture(scope="module")
def trained(dataset):
    return train(dataset, tree=SMALL)
