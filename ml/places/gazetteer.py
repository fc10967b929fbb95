"""Names, the places they may mean, and where cities lie.

It knows nothing of where its names come from: see `ml.places.tables`.
"""

import math
from collections import defaultdict
from enum import IntFlag
from typing import NamedTuple

from ml.places.candidates import Level
from ml.places.folding import read_tokens

REACH_KM, EARTH_KM = 50, 6371.0
OWN_SHARE = 0.1
"""A city keeps its own name from one that has ten times its inhabitants and is also called so."""


class Kind(IntFlag):
    """What is to be minded about a name."""

    PLAIN = 0
    CODE = 1
    COMMON = 2
    HOMONYM = 4
    LOUD = 8
    PEOPLE = 16
    FLAG = 32
    NOWHERE = 64


class Place(NamedTuple):
    """A place of the gazetteer; see `Candidate` for the identifiers."""

    place_id: str
    level: Level
    country_id: str
    region_id: str | None


class Meaning:
    """What a name may mean: places and their weights (inhabitants), and as a code behind a town other ones."""

    __slots__ = ("codes", "kind", "places")

    def __init__(self) -> None:
        self.places: dict[Place, float] = {}
        self.codes: dict[Place, float] = {}
        self.kind = Kind.PLAIN


class Gazetteer:
    """Names and places.

    Attributes:
        names: Meaning of each name, its folded words joined by blanks.
        longest: Number of words of the longest name that begins with a word.
        grid: Cities with latitude, longitude and inhabitants, by whole degrees.
    """

    def __init__(self) -> None:
        self.names: dict[str, Meaning] = {}
        self.longest: dict[str, int] = {}
        self.grid: defaultdict[tuple[int, int], list[tuple[float, float, float, Place]]] = defaultdict(list)

    def add(self, name: str, place: Place, weight: float, kind: Kind = Kind.PLAIN) -> None:
        """Give a name one more meaning."""
        words = [token.word for token in read_tokens(name)]
        if words:
            self.add_words(words, place, weight, kind)

    def add_words(self, words: list[str], place: Place, weight: float, kind: Kind) -> None:
        """Give a folded name one more meaning."""
        meaning = self.names.setdefault(" ".join(words), Meaning())
        self.longest[words[0]] = max(self.longest.get(words[0], 0), len(words))
        meaning.kind |= kind & ~Kind.CODE
        meanings = meaning.codes if kind & Kind.CODE else meaning.places
        meanings[place] = max(weight, 1.0, meanings.get(place, 0.0))

    def add_alternate(self, name: str, place: Place, weight: float, kind: Kind) -> None:
        """Give a name one more meaning, unless a country, region or city not much smaller is called so."""
        words = [token.word for token in read_tokens(name)]
        known = self.names.get(" ".join(words))
        if words and (known is None or not any(outranks(own, weight, known.places[own]) for own in known.places)):
            self.add_words(words, place, weight, kind)

    def knows(self, name: str) -> bool:
        """Whether a name means something already, other than as a code."""
        known = self.names.get(fold_name(name))
        return known is not None and bool(known.places)

    def lay(self, latitude: float, longitude: float, place: Place, weight: float) -> None:
        """Lay a city on the grid."""
        self.grid[math.floor(latitude), math.floor(longitude)].append((latitude, longitude, weight, place))

    def find_nearest(self, latitude: float, longitude: float) -> Place | None:
        """Find the city nearest to a point, within `REACH_KM`, where distance is measured by the size of a city.

        A city is as broad as the root of its inhabitants: a point in a quarter of Paris is in Paris.
        """
        row, column = math.floor(latitude), math.floor(longitude)
        cells = ((row + up, (column + right + 180) % 360 - 180) for up in (-1, 0, 1) for right in (-1, 0, 1))
        nearest, least = None, math.inf
        for city_latitude, city_longitude, weight, place in (
            city for cell in cells for city in self.grid.get(cell, ())
        ):
            distance = measure_km(latitude, longitude, city_latitude, city_longitude)
            if distance <= REACH_KM and (distance + 1) / math.sqrt(weight + 1) < least:
                nearest, least = place, (distance + 1) / math.sqrt(weight + 1)
        return nearest


def outranks(place: Place, weight: float, own_weight: float) -> bool:
    """Whether a place that bears a name leaves none of it to one that is also called so."""
    return place.level != "city" or own_weight >= OWN_SHARE * weight


def fold_name(name: str) -> str:
    """Fold a name to what it is found by.

    >>> fold_name("St. John's"), fold_name("日本")
    ('st john s', '日 本')
    """
    return " ".join(token.word for token in read_tokens(name))


def measure_km(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Measure the way between two points on a sphere, in km (haversine).

    >>> round(measure_km(51.5, -0.13, 48.86, 2.35))  # London to Paris
    343
    """
    rows, columns = math.radians(other_latitude - latitude), math.radians(other_longitude - longitude)
    slope = math.cos(math.radians(latitude)) * math.cos(math.radians(other_latitude))
    return 2 * EARTH_KM * math.asin(math.sqrt(math.sin(rows / 2) ** 2 + slope * math.sin(columns / 2) ** 2))
