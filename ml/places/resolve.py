"""The two questions put to a text: where its author is, and which places it names."""

import re

from ml.places.candidates import Candidate
from ml.places.folding import read_tokens
from ml.places.groups import gather, share_out
from ml.places.mentions import find_mentions, judge_in_post, judge_in_profile
from ml.places.tables import load_gazetteer

POINT = re.compile(
    r"(?<![\d.])(-?\d{1,2}\.\d{1,20})°?\s?([NSns]?)\s?[,;/ ]\s?(-?\d{1,3}\.\d{1,20})°?\s?([EWOewo]?)(?![\d.])"
)
POINT_CERTAINTY = 0.9
LONGEST_POINT_TEXT = 80


def resolve_location(text: str) -> tuple[Candidate, ...]:
    """Resolve what an author gives as location; several places share the text, none means unknown.

    >>> [candidate.place_id for candidate in resolve_location("Gary, IN")]
    ['geonames:4920607']
    >>> [(candidate.country_id, candidate.probability) for candidate in resolve_location("London / Lagos")]
    [('NG', 0.4739), ('GB', 0.4536), ('CA', 0.0213)]
    >>> resolve_location("your mom's house")
    ()
    """
    point = read_point(text)
    if point:
        return point
    tokens = read_tokens(text)
    mentions = find_mentions(tokens, load_gazetteer(), judge_in_profile)
    return share_out(gather(mentions, tokens, takes_codes=True)) if mentions else ()


def find_places(text: str) -> tuple[Candidate, ...]:
    """Find the places that a post names: fewer than a reader would, and rarely a wrong one.

    A word of two letters is never a place by itself, nor is a word in small letters.

    >>> [candidate.place_id for candidate in find_places("Second dose in Nairobi today, nice people here!")]
    ['geonames:184745']
    >>> find_places("They gave us OR me a turkey sandwich")
    ()
    """
    tokens = read_tokens(text)
    mentions = find_mentions(tokens, load_gazetteer(), judge_in_post)
    return share_out(gather(mentions, tokens, takes_codes=False)) if mentions else ()


def read_point(text: str) -> tuple[Candidate, ...]:
    """Resolve coordinates, as some clients write them, to the nearest city.

    >>> [candidate.country_id for candidate in read_point("ÜT: 51.5,-0.1")]
    ['GB']
    """
    found = POINT.search(text[:LONGEST_POINT_TEXT])
    if not found:
        return ()
    latitude, south, longitude, west = found.groups()
    signed = (
        float(latitude) * (-1 if south.lower() == "s" else 1),
        float(longitude) * (-1 if west.lower() in {"w", "o"} and west else 1),
    )
    place = load_gazetteer().find_nearest(*signed) if abs(signed[0]) <= 90 and abs(signed[1]) <= 180 else None  # noqa: PLR2004  # degrees
    return (Candidate(*place, POINT_CERTAINTY),) if place else ()
