"""What an answer is made of: a place, how it is known by, and how sure it is; and how answers add up."""

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Literal, NamedTuple

Level = Literal["country", "region", "city"]


class Candidate(NamedTuple):
    """One place that a text may mean.

    Attributes:
        place_id: ISO 3166-1 alpha-2 of a country, ISO 3166-2 of a region, `geonames:<id>` of a city.
        level: What the place is. The mass of a city also counts for its region and country: see `roll_up`.
        country_id: ISO 3166-1 alpha-2, Kosovo as XK. The territories of the United States are regions of US.
        region_id: ISO 3166-2, null for a country and in countries of which we know no regions.
        probability: In (0, 1]; the candidates of a text sum to at most 1, the rest is unknown.
    """

    place_id: str
    level: Level
    country_id: str
    region_id: str | None
    probability: float


def roll_up(candidates: Iterable[Candidate], level: Level) -> tuple[Candidate, ...]:
    """Add finer candidates up to a level, the most probable first.

    A candidate that is known no finer than the level, or coarser, keeps its own level: the total is the same at each.

    >>> york = Candidate("geonames:2633352", "city", "GB", "GB-ENG", 0.7)
    >>> roll_up([york, Candidate("GB-ENG", "region", "GB", "GB-ENG", 0.2)], "country")
    (Candidate(place_id='GB', level='country', country_id='GB', region_id=None, probability=0.9),)
    """
    masses: defaultdict[tuple[str, Level, str, str | None], list[float]] = defaultdict(list)
    for candidate in candidates:
        masses[raise_to(candidate, level)].append(candidate.probability)
    # fsum is exact: ten tenths are 1, in whatever order they come
    rolled = (Candidate(*place, round(math.fsum(parts), 6)) for place, parts in masses.items())
    return tuple(sorted(rolled, key=lambda candidate: (-candidate.probability, candidate.place_id)))


def raise_to(candidate: Candidate, level: Level) -> tuple[str, Level, str, str | None]:
    """Name the place of a level that holds a candidate, or the candidate itself if it is as coarse.

    >>> raise_to(Candidate("geonames:2988507", "city", "FR", None, 1.0), "region")  # of France we know no regions
    ('FR', 'country', 'FR', None)
    """
    if level == "city" and candidate.level == "city":
        return candidate[:4]
    if level != "country" and candidate.region_id is not None:
        return (candidate.region_id, "region", candidate.country_id, candidate.region_id)
    return (candidate.country_id, "country", candidate.country_id, None)
