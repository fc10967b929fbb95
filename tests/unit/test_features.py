"""What a model may learn from, and what is refused before anything is fitted."""

import pytest

from ml.dataset import check_counts
from ml.features import (
    ARTICLE_FEATURES,
    FEATURES,
    WITHOUT_SENTIMENT,
    Known,
    LeakedFeatureError,
    UnknownFeatureError,
    check_features,
)
from ml.split import Counts, DatasetError, SplitKind, check_split, find_cut


def test_article_features_are_the_eight_of_the_article_in_its_order():
    assert ARTICLE_FEATURES == (
        "user_location",
        "hashtags",
        "user_followers",
        "user_friends",
        "user_favourites",
        "positive_sentiment",
        "negative_sentiment",
        "user_verified",
    )
    assert check_features(ARTICLE_FEATURES) == ARTICLE_FEATURES


def test_without_sentiment_drops_the_two_shares_and_nothing_else():
    assert set(ARTICLE_FEATURES) - set(WITHOUT_SENTIMENT) == {"positive_sentiment", "negative_sentiment"}


@pytest.mark.parametrize("name", sorted(name for name, f in FEATURES.items() if f.known is Known.AFTER_OUTCOME))
def test_feature_known_after_the_outcome_is_refused(name):
    with pytest.raises(LeakedFeatureError, match=f"^{name} is known only after the outcome: take it out"):
        check_features([*ARTICLE_FEATURES, name])


def test_every_outcome_is_in_the_registry():
    after = {name for name, feature in FEATURES.items() if feature.known is Known.AFTER_OUTCOME}
    assert after >= {"favorites", "retweets", "is_retweet", "was_retweeted", "retweet_probability"}


def test_several_leaked_features_are_named_together():
    with pytest.raises(LeakedFeatureError, match=r"^favorites, retweets are known only after the outcome"):
        check_features(["favorites", "user_followers", "retweets"])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        pytest.param(["user_folowers"], "user_folowers is not a known feature: choose among user_location", id="typo"),
        pytest.param(["hashtags", "hashtags"], "expected each feature once", id="twice"),
        pytest.param([], r"expected each feature once, found \[\]", id="none"),
    ],
)
def test_unknown_features_are_refused(names, message):
    with pytest.raises(UnknownFeatureError, match=message):
        check_features(names)


@pytest.mark.parametrize(
    ("counts", "type_name", "message"),
    [
        pytest.param(
            Counts(9031, 0),
            "SingleClassError",
            "every one of the 9,031 labelled posts has was_retweeted = false: a model cannot be learnt from one class; "
            "add posts from a source that counts retweets.",
            id="never retweeted",
        ),
        pytest.param(
            Counts(300, 300),
            "SingleClassError",
            "every one of the 300 labelled posts has was_retweeted = true: a model cannot be learnt from one class; "
            "add posts from a source that also holds posts that were not retweeted.",
            id="always retweeted",
        ),
        pytest.param(
            Counts(199, 90),
            "TooFewRowsError",
            "expected at least 200 labelled posts, found 199: ingest more posts before a model is trained.",
            id="too few",
        ),
        pytest.param(
            Counts(0, 0),
            "TooFewRowsError",
            "expected at least 200 labelled posts, found 0: ingest more posts before a model is trained.",
            id="none",
        ),
    ],
)
def test_rows_that_teach_nothing_are_refused_in_one_sentence(counts, type_name, message):
    with pytest.raises(DatasetError) as caught:
        check_counts(counts)
    assert (type(caught.value).__name__, str(caught.value)) == (type_name, message)


@pytest.mark.parametrize("counts", [Counts(1000, 19), Counts(1000, 981), Counts(0, 0)], ids=str)
def test_part_of_a_split_with_too_few_of_a_class_is_refused(counts):
    with pytest.raises(DatasetError, match="at least 20 posts of each class in the training part of the author split"):
        check_split(SplitKind.AUTHOR, "training", counts)


def test_enough_rows_pass():
    check_counts(Counts(200, 40))
    check_split(SplitKind.TIME, "held-out", Counts(40, 20))


@pytest.mark.parametrize(
    ("train_rows", "cut"),
    [(0, 10), (4, 10), (5, 20), (9.5, 20), (10, 30), (19, 30), (20, 30)],
)
def test_cut_keeps_at_most_the_wanted_rows_before_it(train_rows, cut):
    assert find_cut([(10, 5), (20, 5), (30, 10)], train_rows) == cut
