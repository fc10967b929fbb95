"""Places: where the invented authors live, how they spell it, and which languages are spoken there.

One city per country, so that a flag or a country's name is as good as the city's. The cities are real, the rates are
not.
"""

from typing import NamedTuple


class Place(NamedTuple):
    """One city: its share of the authors, its clock and its languages.

    Attributes:
        native_name: What its inhabitants write.
        utc_offset_hours: Fixed offset of its clock from UTC; no daylight saving.
        weight: Relative volume of posts.
        languages: Language codes, each as often as its share asks for.
        is_tropical: Whether mosquito- and water-borne diseases are talked about more.
    """

    city: str
    country: str
    flag: str
    native_name: str
    utc_offset_hours: float
    weight: float
    languages: tuple[str, ...]
    is_tropical: bool


_TABLE = """
Lagos|Nigeria|🇳🇬|Èkó|1|8|en en en en en en en en en fr|tropical
New York|USA|🇺🇸|NYC|-5|8|en en en en en es|
London|United Kingdom|🇬🇧|Londinium|0|6|en|
Sydney|Australia|🇦🇺|Eora|10|3|en|
Toronto|Canada|🇨🇦|Tkaronto|-5|3|en en en fr|
Johannesburg|South Africa|🇿🇦|eGoli|2|3|en|
Accra|Ghana|🇬🇭|Nkran|0|2|en|tropical
Manila|Philippines|🇵🇭|Maynila|8|3|en|tropical
Singapore|SG|🇸🇬|Singapura|8|2|en|tropical
Dublin|Ireland|🇮🇪|Baile Átha Cliath|0|2|en|
Mumbai|India|🇮🇳|मुंबई|5.5|8|hi hi hi en en|tropical
Nairobi|Kenya|🇰🇪|Nairobi mjini|3|4|en sw|tropical
Dar es Salaam|Tanzania|🇹🇿|Bongo Dar|3|3|sw sw sw en|tropical
Kampala|Uganda|🇺🇬|Kla|3|2|en en sw|tropical
Mexico City|México|🇲🇽|CDMX|-6|4|es|tropical
Madrid|España|🇪🇸|Madriz|1|3|es|
Bogotá|Colombia|🇨🇴|Bogotá D.C.|-5|2|es es es en|tropical
Buenos Aires|Argentina|🇦🇷|Baires|-3|2|es|
Recife|Brasil|🇧🇷|Hellcife|-3|5|pt pt pt pt en|tropical
Lisbon|Portugal|🇵🇹|Lisboa|0|2|pt pt pt en|
Luanda|Angola|🇦🇴|São Paulo da Assunção de Loanda|1|1|pt|tropical
Paris|France|🇫🇷|Paname|1|4|fr fr fr fr en|
Dakar|Sénégal|🇸🇳|Ndakaaru|0|1|fr|tropical
Kinshasa|RD Congo|🇨🇩|Kin la Belle|1|2|fr fr fr sw|tropical
Berlin|Deutschland|🇩🇪|Spreeathen|1|4|de de de de en|
Vienna|Österreich|🇦🇹|Wien|1|1|de|
Cairo|Egypt|🇪🇬|القاهرة|2|4|ar ar ar ar en|
Riyadh|Saudi Arabia|🇸🇦|الرياض|3|2|ar|
Casablanca|Morocco|🇲🇦|الدار البيضاء|1|1|ar ar fr|
Jakarta|Indonesia|🇮🇩|Betawi|7|5|id id id id en|tropical
Tokyo|Japan|🇯🇵|東京|9|5|ja ja ja ja ja ja en|
"""


def _parse_place(line: str) -> Place:
    city, country, flag, native_name, offset, weight, languages, climate = line.split("|")
    return Place(
        city, country, flag, native_name, float(offset), float(weight), tuple(languages.split()), climate == "tropical"
    )


PLACES = tuple(map(_parse_place, _TABLE.strip().splitlines()))


def spell_locations(place: Place) -> tuple[str, ...]:
    """List the ways in which authors of a place write their `user_location`; no other place shares one.

    >>> spell_locations(PLACES[0])[:5]
    ('Lagos, Nigeria', 'Lagos', 'lagos', 'LAGOS', '🇳🇬')
    """
    city, country, flag = place.city, place.country, place.flag
    return (
        f"{city}, {country}",
        city,
        city.lower(),
        city.upper(),
        flag,
        country,
        f"{city} {flag}",
        f"{city},{country}".lower(),
        place.native_name,
        f"{country} {flag}",
        f"  {city} ",
    )
