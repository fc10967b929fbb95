"""Names that belong together ("Paris, Texas") are one place; those that do not ("London / Lagos") share the text."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ml.places.candidates import Candidate
from ml.places.folding import APART, COMMA, JOINED, Token
from ml.places.gazetteer import Kind, Place
from ml.places.mentions import METROPOLIS, NO, SURE, Mention, is_companion
from ml.places.tables import CODED, load_words

LOOK_BACK = 4
"""Groups before a name that it may belong to; bounded, so that time grows with the length of a text."""

FITTING_SHARE = 0.3
"""What a name must leave of a place that it does not stand beside: "American in Paris" is not in Texas."""

ASIDE = 0.5
"""What demonyms and flags weigh beside names."""

OVERRULED = 0.1
"""What is left of "London" in "London, Texas", of which we know none."""

LARGER, IN_LARGER, SMALL = 5, 0.3, 200_000
"""A name counts less beside one of five times the inhabitants, and beside any if it has few."""

COHERENT, CLEAR = 5, 0.9
"""Among several groups, how much more likely a place is in a country that another group has clearly."""

CODE_CERTAINTY, LEAST_CERTAINTY = 0.8, 0.05
LEAST_PROBABILITY, STEPS = 0.01, 10_000
"""Candidates below are left to the unknown; probabilities are whole steps of 1/10,000, so that sums are exact."""

Places = dict[Place, float]


@dataclass(slots=True)
class Group:
    """Names that mean one place.

    Attributes:
        places: What it may be, with weights.
        certainty: Probability that it is one of them.
        strength: Its share of the text, relative to the other groups.
        end: Index after its last word.
        is_lone: Whether it is a single name.
    """

    places: Places
    certainty: float
    strength: float
    end: int
    is_lone: bool = field(default=True)


def gather(mentions: Iterable[Mention], tokens: Sequence[Token], *, takes_codes: bool) -> list[Group]:
    """Gather mentions into groups, in the order of the text."""
    groups: list[Group] = []
    for mention in mentions:
        joint = tokens[mention.first].joint
        is_next = bool(groups) and groups[-1].end == mention.first and joint != APART
        if is_next and settle_by_code(groups[-1], mention, tokens):
            continue
        places, certainty = mention.places, mention.certainty
        if takes_codes and stands_as_code(mention, tokens) and not certainty:
            places, certainty = code_places(mention), CODE_CERTAINTY
        if not places or join_earlier(groups, mention, places, is_next=is_next):
            continue
        if is_next and joint == COMMA:
            overrule(groups[-1], places)
        groups.append(Group(dict(places), certainty, weigh(mention, places), mention.end))
    return [group for group in groups if group.certainty >= LEAST_CERTAINTY]


def weigh(mention: Mention, places: Places) -> float:
    """Weigh a name beside the other names of a text."""
    if mention.meaning.kind & (Kind.PEOPLE | Kind.FLAG):
        return ASIDE
    is_small = all(place.level == "city" and weight < SMALL for place, weight in places.items())
    return IN_LARGER if is_small else 1.0


def settle_by_code(group: Group, mention: Mention, tokens: Sequence[Token]) -> bool:
    """Read a code behind a town ("Gary, IN"), if there is such a town there."""
    token = tokens[mention.first]
    if not mention.meaning.codes or not (token.raw.isupper() or token.joint == COMMA or not is_spoken(token)):
        return False
    joined = join(group.places, mention.meaning.codes)
    if joined:
        group.places, group.certainty, group.end, group.is_lone = joined, SURE, mention.end, False
    return bool(joined)


def is_spoken(token: Token) -> bool:
    """Whether a code is also a word."""
    return token.word in load_words()["spoken"]


def stands_as_code(mention: Mention, tokens: Sequence[Token]) -> bool:
    """Whether a code stands by itself: "TX", "Smallville, KS"; one that is also a word only behind a comma."""
    token, is_last = tokens[mention.first], mention.end == len(tokens)
    if not mention.meaning.codes or not (is_last or tokens[mention.end].joint != JOINED):
        return False
    if is_spoken(token):
        return token.raw.isupper() and token.joint == COMMA and mention.first > 0 and is_last
    if mention.first == 0 or token.joint != JOINED:
        return True
    return token.raw.isupper() and is_companion(tokens[mention.first - 1].word)


def code_places(mention: Mention) -> Places:
    """Regions that a code by itself may mean, else the country: "TX" is Texas, ", PH" the Philippines."""
    codes = mention.meaning.codes
    regions = {place: codes[place] for place in codes if place.region_id and place.country_id in CODED - {"IN"}}
    return regions or (codes if mention.first else {})


def join_earlier(groups: Sequence[Group], mention: Mention, places: Places, *, is_next: bool) -> bool:
    """Let a name settle one of the last groups, or the other way round."""
    is_people = bool(mention.meaning.kind & Kind.PEOPLE)
    for group in groups[: -LOOK_BACK - 1 : -1]:
        joined = join(group.places, places)
        is_beside = is_next and group is groups[-1] and not is_people
        if joined and (is_beside or is_fitting(joined, group.places, places)):
            group.places, group.end, group.is_lone = joined, mention.end, False
            group.certainty = max(SURE if is_beside else NO, group.certainty, mention.certainty)
            group.strength = max(group.strength, ASIDE if is_people else 1.0)
            return True
    return False


def is_fitting(joined: Places, *sides: Places) -> bool:
    """Whether what two names have in common is a fair part of what each may mean."""
    return all(
        sum(weight for place, weight in side.items() if any(holds(place, inner) for inner in joined))
        >= FITTING_SHARE * sum(side.values())
        for side in sides
    )


def holds(outer: Place, inner: Place) -> bool:
    """Whether a place is in another one, or is that one."""
    if outer.level == "country":
        return outer.country_id == inner.country_id
    return outer == inner or (outer.level == "region" and outer.region_id == inner.region_id)


def join(places: Places, others: Places) -> Places:
    """Keep of two names' places the finer ones that lie in a place of the other, else those they share."""
    joined: Places = {}
    for outers, inners in ((places, others), (others, places)):
        for outer in outers:
            if outer.level != "city":
                joined.update((inner, inners[inner]) for inner in inners if inner != outer and holds(outer, inner))
    return joined or {place: weight for place, weight in places.items() if place in others}


def overrule(group: Group, places: Places) -> None:
    """Weaken a town before the name of a region or larger town in which it is not known: a namesake or a quarter."""
    if not group.is_lone or any(place.level == "region" for place in group.places):
        return
    weight, largest = max(group.places.values()), max(places, key=places.__getitem__)
    if any(place.level == "country" for place in group.places) and largest.level != "region":
        return
    if largest.level == "region" or (largest.level == "country" and weight < METROPOLIS):
        group.strength *= OVERRULED
    elif largest.level == "city" and places[largest] > LARGER * weight:
        group.strength *= IN_LARGER


def share_out(groups: Sequence[Group]) -> tuple[Candidate, ...]:
    """Share one text among its groups, and each group's part among its places, the most probable first."""
    agree_on_countries(groups)
    total = math.fsum(group.strength * group.certainty for group in groups)
    masses: defaultdict[Place, float] = defaultdict(float)
    for group in groups:
        part = group.strength * group.certainty / total * group.certainty / sum(group.places.values())
        for place, weight in group.places.items():
            masses[place] += part * weight
    steps = {place: math.floor(mass * STEPS + 1e-9) for place, mass in masses.items() if mass >= LEAST_PROBABILITY}
    ranked = sorted(steps.items(), key=lambda item: (-item[1], item[0].place_id))
    return tuple(Candidate(*place, step / STEPS) for place, step in ranked)


def agree_on_countries(groups: Sequence[Group]) -> None:
    """Let groups whose country is clear weigh on the others: "Birmingham & Atlanta" is Alabama's."""
    if len(groups) == 1:
        return
    countries = [rank_countries(group) for group in groups]
    clear = {country for country, share in countries if share >= CLEAR}
    for group, (_, share) in zip(groups, countries, strict=True):
        if share < CLEAR:
            group.places = {
                place: weight * (COHERENT if place.country_id in clear else 1) for place, weight in group.places.items()
            }


def rank_countries(group: Group) -> tuple[str, float]:
    """Find the most likely country of a group and its share."""
    weights: defaultdict[str, float] = defaultdict(float)
    for place, weight in group.places.items():
        weights[place.country_id] += weight
    top = max(weights, key=weights.__getitem__)
    return top, weights[top] / sum(weights.values())
