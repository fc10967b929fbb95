"""Planted drift: what changes in a sample from one day on, for a watch over a model to find.

Nothing is drawn otherwise than without it, so the days before are those of the same sample without a plant.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flows.sample.places import PLACES

PLANTS = {
    "languages": "places of Spanish and Portuguese post six times as often",
    "followers": "every author has twice as many followers",
    "labels": "what would have been retweeted is not, and the other way round",
}
"""Kind → what happens."""

_FAVOURED = {"es", "pt"}
_FAVOUR = 6.0
_FACTORS = np.array([[_FAVOUR if place.languages[0] in _FAVOURED else 1.0] for place in PLACES])


@dataclass(frozen=True)
class Drift:
    """A change of a sample.

    Attributes:
        kind: One of `PLANTS`.
        first_day: Day on which it begins, from 0.
    """

    kind: str
    first_day: int

    def is_on(self, kind: str, day: int) -> bool:
        """Return whether this kind of change holds on a day.

        >>> Drift("labels", 20).is_on("labels", 19), Drift("labels", 20).is_on("labels", 20)
        (False, True)
        """
        return self.kind == kind and day >= self.first_day

    def shift_places(self, hours: npt.NDArray[np.float64], day: int) -> npt.NDArray[np.float64]:
        """Return the relative volume per place and hour of a day, shape (places, 24), as the change has it."""
        return hours * _FACTORS if self.is_on("languages", day) else hours

    def change(self, rows: npt.NDArray[np.void], day: int) -> None:
        """Change the rows of a day."""
        if self.is_on("followers", day):
            rows["followers"] *= 2
        if self.is_on("labels", day):
            was_retweeted = rows["retweets"] > 0
            rows["retweets"] = np.where(was_retweeted, 0, 1 + rows["id"] % 3)


def check_drift(plant: str, plant_day: int | None, days: int) -> Drift | None:
    """Return the change that is asked for, by default from the second half on; None if none is.

    Raises:
        ValueError: There is no such change or no such day.

    >>> check_drift("followers", None, 60)
    Drift(kind='followers', first_day=30)
    >>> check_drift("moon", None, 60)
    Traceback (most recent call last):
    ValueError: plant: expected one of languages, followers, labels, found moon; give one of these, or none
    """
    if not plant:
        return None
    if plant not in PLANTS:
        raise ValueError(f"plant: expected one of {', '.join(PLANTS)}, found {plant}; give one of these, or none")
    first_day = days // 2 if plant_day is None else plant_day
    if not 0 <= first_day < days:
        raise ValueError(f"plant_day: expected a day from 0 to {days - 1}, found {first_day}; give one in this range")
    return Drift(plant, first_day)
