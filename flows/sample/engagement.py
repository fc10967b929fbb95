"""Engagement: how often a post is retweeted and liked.

Retweets follow a negative binomial (a Poisson whose mean is Gamma distributed) whose mean grows with followers, a
verified account and hashtags, and differs by place: a model of them has something honest to find, and much that it
cannot. Favorites are counted at the same time as retweets and mostly follow from them: the planted leak.
"""

import numpy as np
import numpy.typing as npt

from flows.sample.places import PLACES

_INTERCEPT = -1.80
_PER_LOG_FOLLOWERS = 0.64
_LOG_FOLLOWERS_MIDDLE = 6.0
_PER_HASHTAG = 0.25
_IF_VERIFIED = 0.70
_LARGEST_LOG_MEAN = 9.0
_DISPERSION = 1.0
_PLACE_EFFECTS = 0.8 * np.sin(1.0 + 2.4 * np.arange(len(PLACES)))


def mean_retweets(
    followers: npt.NDArray[np.int64],
    is_verified: npt.NDArray[np.bool_],
    hashtags: npt.NDArray[np.int64],
    place: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """Mean number of retweets per post: log-linear in log followers, verified, hashtags and place.

    >>> ask = lambda followers: mean_retweets(*map(np.array, ([followers], [False], [1], [0])))
    >>> bool(ask(100_000) > ask(100))
    True
    """
    log_mean = (
        _INTERCEPT
        + _PER_LOG_FOLLOWERS * (np.log1p(followers) - _LOG_FOLLOWERS_MIDDLE)
        + _IF_VERIFIED * is_verified
        + _PER_HASHTAG * hashtags
        + _PLACE_EFFECTS[place]
    )
    return np.asarray(np.exp(np.minimum(log_mean, _LARGEST_LOG_MEAN)))


def draw_engagement(
    stream: np.random.Generator, mean: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Draw retweets and favorites per post, given the mean number of retweets."""
    retweets = stream.poisson(stream.gamma(_DISPERSION, mean / _DISPERSION))
    favorites = stream.poisson((0.25 + 2.6 * retweets) * stream.lognormal(0.0, 0.35, size=len(mean)))
    return retweets, favorites
