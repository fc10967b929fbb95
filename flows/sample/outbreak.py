"""The planted outbreak: which disease, where, when, and how many posts it adds on each day."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flows.sample.places import PLACES
from flows.sample.vocabulary import TOPICS

OUTBREAK_TOPIC = TOPICS.index("cholera")
OUTBREAK_PLACE = next(index for index, place in enumerate(PLACES) if place.city == "Lagos")

_ADDED_SHARE = 0.015
_LONGEST_RISE_DAYS = 9
_LONGEST_DECLINE_DAYS = 11


@dataclass(frozen=True)
class Outbreak:
    """One outbreak. Days count from the sample's first, 0; `end` is the last day with an added post.

    Attributes:
        start: First day with an added post.
        peak: Day with the most added posts.
        end: Last day with an added post.
        added: Posts added per day of the sample; 0 outside [start, end], at least 1 inside.
    """

    start: int
    peak: int
    end: int
    added: npt.NDArray[np.int64]


def plan_outbreak(posts: int, days: int) -> Outbreak:
    """Plan a linear rise and a linear decline in the second half of the sample, 1.5% of its posts in all.

    >>> small = plan_outbreak(posts=1_000, days=14)
    >>> small.start, small.peak, small.end
    (7, 9, 12)
    >>> small.added.tolist()
    [0, 0, 0, 0, 0, 0, 0, 2, 2, 4, 3, 2, 2, 0]
    """
    start = days // 2
    peak = start + min(_LONGEST_RISE_DAYS, max(2, round(0.15 * days)))
    end = peak + min(_LONGEST_DECLINE_DAYS, max(2, round(0.18 * days)))
    rise = np.arange(1, peak - start + 2) / (peak - start + 1)
    decline = np.arange(end - peak, 0, -1) / (end - peak + 1)
    weights = np.concatenate([rise, decline])
    spread = max(0, round(_ADDED_SHARE * posts) - len(weights) - 1)
    added = np.zeros(days, dtype=np.int64)
    added[start : end + 1] = 1 + round_to_total(weights, spread)
    added[peak] += 1  # so that no other day has as many
    return Outbreak(start, peak, end, added)


def round_to_total(weights: npt.NDArray[np.float64], total: int) -> npt.NDArray[np.int64]:
    """Share a total in proportion to weights, by largest remainders: whole numbers that sum to it.

    >>> round_to_total(np.array([1.0, 1.0, 2.0]), 5).tolist()
    [1, 1, 3]
    """
    exact = weights * total / weights.sum()
    whole: npt.NDArray[np.int64] = np.floor(exact).astype(np.int64)
    remainder_order = np.argsort(-(exact - whole), kind="stable")
    whole[remainder_order[: total - int(whole.sum())]] += 1
    return whole
