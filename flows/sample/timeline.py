"""The timeline: how many posts each day holds, and at which hour each place posts.

A weekly cycle, a diurnal curve on each place's own clock, and the planted outage: an interval in which nobody posts.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flows.sample.draws import Stage, seed_stream
from flows.sample.outbreak import Outbreak, plan_outbreak
from flows.sample.places import PLACES

START = np.datetime64("2026-01-05T00:00:00", "ms")
"""First millisecond of every sample, UTC: a Monday."""

OUTAGE_HOURS = 18
_OUTAGE_START_HOUR = 14
_WEEKDAY_FACTORS = np.array([1.05, 1.06, 1.04, 1.02, 1.00, 0.88, 0.90])


@dataclass(frozen=True)
class Timeline:
    """The days of a sample.

    Attributes:
        background: Records per day without the outbreak's, the malformed included.
        malformed: How many of them are malformed, per day; without the cut record at the end.
        outbreak: What is added to the background.
        outage: First hour without posts and the hour after the last, both counted from `START`.
    """

    background: npt.NDArray[np.int64]
    malformed: npt.NDArray[np.int64]
    outbreak: Outbreak
    outage: tuple[int, int]


def make_timeline(posts: int, malformed: int, days: int, seed: int) -> Timeline:
    """Share `posts` posts and `malformed` malformed records among the days."""
    stream = seed_stream(seed, Stage.CALENDAR)
    outage = plan_outage(days)
    outbreak = plan_outbreak(posts, days)
    weights = np.array([weigh_hours(day, outage).sum() * _WEEKDAY_FACTORS[day % 7] for day in range(days)])
    background = stream.multinomial(posts + malformed - int(outbreak.added.sum()), weights / weights.sum())
    spoiled = stream.multivariate_hypergeometric(background, malformed, method="marginals")
    return Timeline(background, spoiled, outbreak, outage)


def plan_outage(days: int) -> tuple[int, int]:
    """Place the outage in the first half of the sample, over a midnight: first hour and hour after the last.

    >>> plan_outage(60)
    (374, 392)
    """
    first = (days // 4) * 24 + _OUTAGE_START_HOUR
    return first, first + OUTAGE_HOURS


def weigh_hours(day: int, outage: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Relative volume per place and UTC hour of a day, shape (places, 24); 0 in the outage.

    >>> weigh_hours(0, (14, 32))[:, 14:].sum()
    np.float64(0.0)
    """
    hours = day * 24 + np.arange(24)
    is_open = (hours < outage[0]) | (hours >= outage[1])
    weights = np.array([place.weight * share_hours(place.utc_offset_hours) for place in PLACES])
    return np.where(is_open, weights, 0.0)


def share_hours(utc_offset_hours: float) -> npt.NDArray[np.float64]:
    """Diurnal curve: share of a day's posts per UTC hour, shape (24,); least before 4, most before 19, local.

    >>> lagos = share_hours(1)
    >>> int(lagos.argmax()), int(lagos.argmin()), round(float(lagos.sum()), 6)
    (17, 2, 1.0)
    """
    local = np.arange(24) + 0.5 + utc_offset_hours
    curve = 1.0 + 0.65 * np.cos((local - 18) * np.pi / 12) + 0.2 * np.cos((local - 18.5) * np.pi / 6)
    return np.asarray(curve / curve.sum())
