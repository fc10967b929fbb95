"""The phrasebook: every text part a post can have, written out once, so that a post is a row of whole numbers.

Writing a million texts is then a million look-ups and joins; nothing is formatted per post.
"""

from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np
import numpy.typing as npt

from flows.sample.draws import Stage, seed_stream
from flows.sample.layout import quote_field
from flows.sample.names import compose_handles
from flows.sample.phrases import CHATTER, FEELINGS, STATEMENTS
from flows.sample.places import PLACES, Place
from flows.sample.vocabulary import LANGUAGES, TAGS, TERMS, TOPICS

STATEMENTS_PER_GROUP = 40
_QUOTED_PER_GROUP = 3
MOST_HASHTAGS = 4
TAG_VARIANTS = 8
_HANDLES = 4_000


@dataclass(frozen=True)
class Phrasebook:
    """Text parts as lists, and where in them the parts of a group stand.

    Attributes:
        statements: What a post says: `STATEMENTS_PER_GROUP` per group.
        statement_group: Group per (place, language, topic); -1 where a language is not spoken.
        feelings: How its author feels about it.
        feeling_first: Index of each language's first feeling; one longer than `LANGUAGES`.
        mentions: Empty at 0, then a space and a handle.
        tag_texts: Hashtags as they end a text, with a leading space; see `number_tags`.
        tag_lists: The same hashtags as the `hashtags` column holds them, quoted for CSV.
    """

    statements: list[str]
    statement_group: npt.NDArray[np.int64]
    feelings: list[str]
    feeling_first: npt.NDArray[np.int64]
    mentions: list[str]
    tag_texts: list[str]
    tag_lists: list[str]


def make_phrasebook(seed: int) -> Phrasebook:
    """Write out all text parts of a sample."""
    stream = seed_stream(seed, Stage.PHRASES)
    statements, group = _write_statements()
    tags = _write_tags(stream)
    return Phrasebook(
        statements=statements,
        statement_group=group,
        feelings=[feeling for code in LANGUAGES for feeling in FEELINGS[code]],
        feeling_first=np.cumsum([0, *(len(FEELINGS[code]) for code in LANGUAGES)]),
        mentions=["", *(f" {handle}" for handle in compose_handles(_HANDLES, stream))],
        tag_texts=["".join(f" #{tag}" for tag in chosen) for chosen in tags],
        tag_lists=[quote_field(repr(chosen)) if chosen else "" for chosen in tags],
    )


def list_statements(place: Place, language: str, topic: str) -> list[str]:
    """Statements of a topic, each template with each name of the disease, in the words of a place.

    >>> list_statements(PLACES[0], "en", "mpox")[3]
    'my neighbour was tested for mpox, still waiting for the result'
    """
    city = place.native_name if language in {"hi", "ar", "ja"} and not place.native_name.isascii() else place.city
    if topic == "chatter":
        return [template.format(p=city) for template in CHATTER[language]]
    return [template.format(p=city, d=term) for term in TERMS[topic][language] for template in STATEMENTS[language]]


def fill_group(statements: list[str]) -> list[str]:
    """Repeat statements to a group's fixed length and put the last few in quotation marks.

    >>> group = fill_group(["one", "two"])
    >>> len(group) == STATEMENTS_PER_GROUP, group[0], group[-1]
    (True, 'one', '"two"')
    """
    group = list(islice(cycle(statements), STATEMENTS_PER_GROUP))
    return group[:-_QUOTED_PER_GROUP] + [f'"{statement}"' for statement in group[-_QUOTED_PER_GROUP:]]


def number_tags(
    topic: npt.NDArray[np.int64],
    language: npt.NDArray[np.int64],
    count: npt.NDArray[np.int64],
    variant: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Index of a list of hashtags, given its topic, language, length and variant.

    >>> number_tags(*np.array([[0, 0], [0, 1], [2, 0], [1, 0]])).tolist()
    [17, 40]
    """
    return ((topic * len(LANGUAGES) + language) * (MOST_HASHTAGS + 1) + count) * TAG_VARIANTS + variant


def _write_statements() -> tuple[list[str], npt.NDArray[np.int64]]:
    group = np.full((len(PLACES), len(LANGUAGES), len(TOPICS)), -1, dtype=np.int64)
    statements: list[str] = []
    for place_index, place in enumerate(PLACES):
        for code in sorted(set(place.languages)):
            for topic_index, topic in enumerate(TOPICS):
                group[place_index, LANGUAGES.index(code), topic_index] = len(statements) // STATEMENTS_PER_GROUP
                statements += fill_group(list_statements(place, code, topic))
    return statements, group


def _write_tags(stream: np.random.Generator) -> list[list[str]]:
    written = []
    for topic in TOPICS:
        for code in LANGUAGES:
            general = TAGS[code].split()
            own = [] if topic == "chatter" else [_make_tag(term) for term in TERMS[topic][code]]
            for count in range(MOST_HASHTAGS + 1):
                for _ in range(TAG_VARIANTS):
                    chosen = own[:1] + [general[index] for index in stream.permutation(len(general))]
                    written.append(chosen[:count])
    return written


def _make_tag(term: str) -> str:
    r"""Write a disease's name as a hashtag.

    >>> _make_tag("covid-19"), _make_tag("common cold")
    ('covid19', 'commoncold')
    """
    return term.replace(" ", "").replace("-", "")
