"""Names of places among the words of a text, and how far each is to be believed by the words beside it.

Profiles are read greedily, since they are meant to name a place; posts warily, since most of their words are not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ml.places.folding import JOINED, Token
from ml.places.gazetteer import Gazetteer, Kind, Meaning, Place
from ml.places.tables import load_words

SURE, LIKELY, DOUBTED, WEAK, NO = 0.95, 0.7, 0.4, 0.2, 0.0
"""Certainties. A name that is not believed may still fit to another one beside it: "Reading, England"."""

METROPOLIS, SHORT, SHORTEST_IN_POST = 1_000_000, 3, 3


@dataclass(slots=True)
class Mention:
    """A name in a text.

    Attributes:
        first: Index of its first word.
        end: Index after its last word.
        meaning: What the name may mean.
        places: What it may mean here, other than as a code: nothing, if it is written like a word.
        certainty: Probability that the place is meant by it.
    """

    first: int
    end: int
    meaning: Meaning
    places: dict[Place, float]
    certainty: float = NO


Judge = Callable[["Mention", Sequence[Token], "Beside"], float]


@dataclass(slots=True)
class Beside:
    """The words beside a name.

    Attributes:
        left: The word before it, if it belongs to no name and is not a usual companion of one.
        right: The same behind it.
        is_announced: Whether a word before it says that a place follows.
        is_denied: Whether a word before it says that the author is not there.
    """

    left: Token | None
    right: Token | None
    is_announced: bool
    is_denied: bool


def find_mentions(tokens: Sequence[Token], gazetteer: Gazetteer, judge: Judge) -> list[Mention]:
    """Find the longest names from left to right, and judge each by what stands beside it; denied ones are left out."""
    mentions, index = [], 0
    while index < len(tokens):
        is_beginning = tokens[index].word in gazetteer.longest
        mention = match_longest(tokens, index, gazetteer) if is_beginning else None
        if mention:
            mentions.append(mention)
        index = mention.end if mention else index + 1
    named = bytearray(len(tokens))
    for mention in mentions:
        named[mention.first : mention.end] = b"\1" * (mention.end - mention.first)
    return [mention for mention in mentions if is_believable(mention, tokens, named, judge)]


def match_longest(tokens: Sequence[Token], first: int, gazetteer: Gazetteer) -> Mention | None:
    """Match the longest name that begins with a word; none runs across a comma or a sign that sets apart."""
    longest = gazetteer.longest[tokens[first].word]
    words = [token.word for token in tokens[first : first + longest]]
    for size in range(1, len(words)):
        if tokens[first + size].joint != JOINED:
            del words[size:]
            break
    while words:
        meaning = gazetteer.names.get(" ".join(words))
        if meaning:
            return Mention(first, first + len(words), meaning, meaning.places)
        words.pop()
    return None


def is_believable(mention: Mention, tokens: Sequence[Token], named: bytearray, judge: Judge) -> bool:
    """Set the certainty of a mention, and say whether to keep it at all."""
    beside = look_beside(mention, tokens, named)
    if beside.is_denied or mention.meaning.kind & Kind.NOWHERE:
        return False
    mention.certainty = judge(mention, tokens, beside) if mention.places else NO
    return True


def look_beside(mention: Mention, tokens: Sequence[Token], named: bytearray) -> Beside:
    """Look at the words before and behind a name."""
    words, first, end = load_words(), mention.first, mention.end
    is_joined = first > 0 and tokens[first].joint == JOINED
    before = [token.word for token in tokens[max(first - 2, 0) : first]] if is_joined else []
    left = tokens[first - 1] if before and not named[first - 1] else None
    right = tokens[end] if end < len(tokens) and tokens[end].joint == JOINED and not named[end] else None
    is_leading = len(before) > 1 and before[-1] in words["cues"] | words["neutral"]
    return Beside(
        left=left if left and not is_companion(left.word) else None,
        right=right if right and not is_companion(right.word) else None,
        is_announced=bool(before) and before[-1] in words["cues"],
        is_denied=any(word in words["denials"] for word in (before if is_leading else before[-1:]))
        or (before[-1:] == ["but"] and before[0] in words["anywhere"]),
    )


def is_companion(word: str) -> bool:
    """Whether a word beside a name leaves it what it is."""
    words = load_words()
    return word in words["neutral"] or word in words["cues"] or word.isdigit()


def judge_in_profile(mention: Mention, tokens: Sequence[Token], beside: Beside) -> float:
    """Say how far a name in an author's location is to be believed."""
    kind, is_alone = mention.meaning.kind, mention.end - mention.first == len(tokens)
    if is_slip(mention, tokens) and not (is_alone and tokens[mention.first].raw[0].isupper()):
        mention.places = {}
        return NO
    if kind & Kind.COMMON:
        return DOUBTED if is_alone else NO
    if not (beside.left or beside.right):
        return LIKELY if kind & Kind.PEOPLE else SURE
    return judge_among_words(mention, tokens, beside)


def judge_among_words(mention: Mention, tokens: Sequence[Token], beside: Beside) -> float:
    """Say how far a name in an author's location is to be believed beside a word that we do not know."""
    if mention.meaning.kind & Kind.HOMONYM and (beside.right or not beside.is_announced):
        return WEAK
    if beside.right and is_capital(beside.right) and tokens[mention.first].raw[0].isupper():
        return DOUBTED if is_city(mention) else LIKELY
    if beside.is_announced:
        return SURE
    return LIKELY if is_large(mention) else DOUBTED


def judge_in_post(mention: Mention, tokens: Sequence[Token], beside: Beside) -> float:
    """Say how far a name in a post is to be believed: well known, in capitals, no word of two letters."""
    kind, token = mention.meaning.kind, tokens[mention.first]
    if token.raw.islower() or is_slip(mention, tokens):
        mention.places = {}
    if not mention.places or not kind & Kind.LOUD or kind & Kind.COMMON:
        return NO
    if mention.end - mention.first == 1 and len(token.raw) < SHORTEST_IN_POST and token.raw.isascii():
        return NO
    is_named_on = any(side and is_capital(side) for side in (beside.left, beside.right))
    if kind & Kind.HOMONYM and not beside.is_announced and (is_named_on or is_city(mention)):
        return NO
    if is_named_on and not beside.is_announced:
        return DOUBTED if is_city(mention) else LIKELY
    return LIKELY if kind & (Kind.HOMONYM | Kind.PEOPLE) else SURE


def is_slip(mention: Mention, tokens: Sequence[Token]) -> bool:
    """Whether a short name in small letters is more likely a word."""
    token = tokens[mention.first]
    is_short = mention.end - mention.first == 1 and len(token.raw) <= SHORT and token.raw.isascii()
    is_known = mention.meaning.kind & Kind.LOUD and token.word not in load_words()["spoken"]
    return is_short and not token.raw.isupper() and not (is_known or (token.raw.istitle() and len(token.raw) == SHORT))


def is_capital(token: Token) -> bool:
    """Whether a word is written like a name."""
    return token.raw[0].isupper() and not (token.raw.isupper() and len(token.raw) > 1)


def is_large(mention: Mention) -> bool:
    """Whether a name may mean a country, a region or a city of a million."""
    return any(place.level != "city" or weight >= METROPOLIS for place, weight in mention.meaning.places.items())


def is_city(mention: Mention) -> bool:
    """Whether a name means above all a city."""
    places = mention.meaning.places
    return max(places, key=places.__getitem__).level == "city"
