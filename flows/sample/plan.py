"""The plan of a sample: how many posts each day holds, and what is planted among them.

A weekly cycle, a diurnal curve on each place's own clock, an outage in which nobody posts, an outbreak that adds posts,
and the posts that the files hold more than once.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from flows.sample.drift import Drift
from flows.sample.phrasebook import TOPICS
from flows.sample.places import PLACES

START = np.datetime64("2026-01-05T00:00:00", "ms")
"""First millisecond of every sample, UTC: a Monday."""

OUTBREAK_TOPIC = TOPICS.index("cholera")
OUTBREAK_PLACE = next(index for index, place in enumerate(PLACES) if place.city == "Lagos")

_OUTBREAK_SHARE = 0.015
_LONGEST_RISE_DAYS = 9
_LONGEST_DECLINE_DAYS = 11
_OUTAGE_START_HOUR = 14
_OUTAGE_HOURS = 18
_WEEKDAY_FACTORS = np.array([1.05, 1.06, 1.04, 1.02, 1.00, 0.88, 0.90])
_MALFORMED_SHARE = 0.003
_DUPLICATE_SHARE = 0.005
_REPEAT_SHARE = 0.003
_RECAPTURE_SHARE = 0.010
_POSTS_PER_FILE = 250_000


Defect = IntEnum("Defect", "NONE BLANK FIELDS ENCODING ID DATE FOLLOWERS TEXT CUT", start=0)
"""What is wrong with a record; 0 is nothing."""

SPRINKLED = tuple(Defect)[1:-1]
"""The kinds that occur anywhere, each at least once; the cut record only ends the last file."""


@dataclass(frozen=True)
class Plan:
    """What a sample holds. Arrays of days have an element per day; ordinals count sound posts from 0, ascending.

    Attributes:
        posts: Distinct sound posts.
        background: Records per day without the outbreak's, the malformed included.
        malformed: How many of them are malformed; without the cut record at the end.
        added: What the outbreak adds to them.
        outage: First hour without posts and the hour after the last, both counted from `START`.
        file_starts: Ordinal of the first post of each file but the first.
        duplicated: Ordinals of posts written twice in a row.
        repeated: Ordinals of posts written again, unchanged, at the head of the next file.
        recaptured: Ordinals of others written again at the head of the next file, with higher counts.
        drift: What changes from one day on; None if nothing does.
    """

    posts: int
    background: npt.NDArray[np.int64]
    malformed: npt.NDArray[np.int64]
    added: npt.NDArray[np.int64]
    outage: tuple[int, int]
    file_starts: npt.NDArray[np.int64]
    duplicated: npt.NDArray[np.int64]
    repeated: npt.NDArray[np.int64]
    recaptured: npt.NDArray[np.int64]
    drift: Drift | None = None


def make_plan(
    calendar: np.random.Generator, choice: np.random.Generator, *, posts: int, days: int, drift: Drift | None = None
) -> Plan:
    """Plan a sample; `calendar` draws the days, `choice` the repeated posts, at least one of each kind.

    >>> plan = make_plan(np.random.default_rng(1), np.random.default_rng(2), posts=1_000, days=14)
    >>> int((plan.background + plan.added - plan.malformed).sum()), plan.file_starts.tolist()
    (1000, [500])
    >>> len(plan.duplicated), len(plan.repeated), len(plan.recaptured)
    (5, 3, 10)
    """
    malformed = max(len(SPRINKLED), round(_MALFORMED_SHARE * posts))
    outage_first = (days // 4) * 24 + _OUTAGE_START_HOUR
    outage = outage_first, outage_first + _OUTAGE_HOURS
    added = plan_outbreak(posts, days)
    weights = np.array([weigh_hours(day, outage).sum() * _WEEKDAY_FACTORS[day % 7] for day in range(days)])
    background = calendar.multinomial(posts + malformed - int(added.sum()), weights / weights.sum())
    files = max(2, -(-posts // _POSTS_PER_FILE))
    file_starts = np.arange(1, files) * posts // files
    duplicates, repeats, recaptures = (
        max(1, round(share * posts)) for share in (_DUPLICATE_SHARE, _REPEAT_SHARE, _RECAPTURE_SHARE)
    )
    duplicated = np.sort(choice.choice(posts, size=duplicates, replace=False))
    again = choice.choice(file_starts[-1], size=repeats + recaptures, replace=False)
    return Plan(
        posts=posts,
        background=background,
        malformed=calendar.multivariate_hypergeometric(background, malformed, method="marginals"),
        added=added,
        outage=outage,
        file_starts=file_starts,
        duplicated=duplicated,
        repeated=np.sort(again[:repeats]),
        recaptured=np.sort(again[repeats:]),
        drift=drift,
    )


def plan_outbreak(posts: int, days: int) -> npt.NDArray[np.int64]:
    """Posts an outbreak adds per day: a linear rise and decline in the second half, 1.5% of all, a single peak.

    >>> plan_outbreak(posts=1_000, days=14).tolist()
    [0, 0, 0, 0, 0, 0, 0, 2, 2, 4, 3, 2, 2, 0]
    """
    rise_days = min(_LONGEST_RISE_DAYS, max(2, round(0.15 * days)))
    decline_days = min(_LONGEST_DECLINE_DAYS, max(2, round(0.18 * days)))
    rise = np.arange(1, rise_days + 2) / (rise_days + 1)
    decline = np.arange(decline_days, 0, -1) / (decline_days + 1)
    weights = np.concatenate([rise, decline])
    spread = max(0, round(_OUTBREAK_SHARE * posts) - len(weights) - 1)
    start = days // 2
    added = np.zeros(days, dtype=np.int64)
    added[start : start + len(weights)] = 1 + round_to_total(weights, spread)
    added[start + rise_days] += 1  # so that no other day has as many
    return added


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


def weigh_hours(day: int, outage: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Relative volume per place and UTC hour of a day, shape (places, 24); 0 in the outage.

    On each place's own clock it is least before 4 and most before 19.

    >>> lagos = weigh_hours(0, (374, 392))[OUTBREAK_PLACE]
    >>> int(lagos.argmax()), int(lagos.argmin())
    (17, 2)
    >>> weigh_hours(0, (14, 32))[:, 14:].sum()
    np.float64(0.0)
    """
    hours = np.arange(24)
    local = hours + 0.5 + np.array([[place.utc_offset_hours] for place in PLACES])
    curve = 1.0 + 0.65 * np.cos((local - 18) * np.pi / 12) + 0.2 * np.cos((local - 18.5) * np.pi / 6)
    weights = np.array([[place.weight] for place in PLACES]) * (curve / curve.sum(axis=1, keepdims=True))
    is_open = (day * 24 + hours < outage[0]) | (day * 24 + hours >= outage[1])
    return np.where(is_open, weights, 0.0)
