"""The phrasebook: every text part a post can have, written out once, so that a post is a row of whole numbers.

Writing a million texts is then a million look-ups and joins. The words themselves stand in `phrases.toml`.
"""

import tomllib
from dataclasses import dataclass
from importlib import resources
from itertools import cycle, islice
from typing import Any

import numpy as np
import numpy.typing as npt

PHRASES: dict[str, Any] = tomllib.loads(resources.files("flows.sample").joinpath("phrases.toml").read_text("utf-8"))

LANGUAGES = tuple(PHRASES["languages"])
"""ISO 639-1 codes; a language's number in the generator is its position here."""

TERMS: dict[str, dict[str, tuple[str, ...]]] = {
    disease: {code: tuple(cell.split("/")) for code, cell in zip(LANGUAGES, cells, strict=True)}
    for disease, cells in PHRASES["diseases"].items()
}
"""What each disease is called in each language."""

TOPICS = ("chatter", *TERMS)
"""Topic 0 mentions no disease; topic `i` is the `i`-th disease."""

STATEMENTS_SHAPE = (len(LANGUAGES), len(TOPICS), 40)
"""Language, topic, variant: what the index of a statement is made of."""

TAGS_SHAPE = (len(TOPICS), len(LANGUAGES), 5, 8)
"""Topic, language, number of hashtags, variant: what the index of a list of hashtags is made of."""

_QUOTED_STATEMENTS = 3
_HANDLES = 4_000


@dataclass(frozen=True)
class Phrasebook:
    """Text parts as lists; a post holds an index into each.

    Attributes:
        statements: What a post says, by `STATEMENTS_SHAPE`, with `{p}` for the city.
        feelings: How its author feels about it.
        feeling_first: Index of each language's first feeling; one longer than `LANGUAGES`.
        mentions: Empty at 0, then a space and a handle.
        tag_texts: Hashtags as they end a text, with a leading space, by `TAGS_SHAPE`.
        tag_lists: The same hashtags as the `hashtags` column holds them.
    """

    statements: list[str]
    feelings: list[str]
    feeling_first: npt.NDArray[np.int64]
    mentions: list[str]
    tag_texts: list[str]
    tag_lists: list[str]


def make_phrasebook(stream: np.random.Generator) -> Phrasebook:
    """Write out all text parts of a sample."""
    tags = _draw_tags(stream)
    feelings = [PHRASES["languages"][code]["feelings"] for code in LANGUAGES]
    return Phrasebook(
        statements=[statement for code in LANGUAGES for topic in TOPICS for statement in list_statements(code, topic)],
        feelings=[feeling for own in feelings for feeling in own],
        feeling_first=np.cumsum([0, *map(len, feelings)]),
        mentions=["", *(f" {handle}" for handle in _draw_handles(stream))],
        tag_texts=["".join(f" #{tag}" for tag in chosen) for chosen in tags],
        tag_lists=[repr(chosen) if chosen else "" for chosen in tags],
    )


def list_statements(language: str, topic: str) -> list[str]:
    """Statements of a topic, each template with each name of the disease, repeated to a fixed number, the last quoted.

    >>> statements = list_statements("en", "mpox")
    >>> len(statements), statements[3]
    (40, 'my neighbour was tested for mpox, still waiting for the result')
    """
    phrases = PHRASES["languages"][language]
    if topic == "chatter":
        written = phrases["chatter"]
    else:
        written = [text.replace("{d}", term) for term in TERMS[topic][language] for text in phrases["statements"]]
    group = list(islice(cycle(written), STATEMENTS_SHAPE[-1]))
    return group[:-_QUOTED_STATEMENTS] + [f'"{statement}"' for statement in group[-_QUOTED_STATEMENTS:]]


def list_terms(disease: str) -> tuple[str, ...]:
    """All names of a disease in all languages, case-folded, each once.

    >>> list_terms("mpox")
    ('mpox', 'एमपॉक्स', 'جدري القردة', 'エムポックス')
    """
    return tuple(dict.fromkeys(term.casefold() for names in TERMS[disease].values() for term in names))


def _draw_tags(stream: np.random.Generator) -> list[list[str]]:
    """Lists of hashtags by `TAGS_SHAPE`: the disease first, then general ones."""
    written = []
    for topic in TOPICS:
        for code in LANGUAGES:
            general = PHRASES["languages"][code]["hashtags"].split()
            own = [] if topic == "chatter" else [TERMS[topic][code][0].replace(" ", "").replace("-", "")]
            for count in range(TAGS_SHAPE[2]):
                for _ in range(TAGS_SHAPE[3]):
                    chosen = own + [general[index] for index in stream.permutation(len(general))]
                    written.append(chosen[:count])
    return written


def _draw_handles(stream: np.random.Generator) -> list[str]:
    """Handles that posts @mention, each with a number so that it reads as invented."""
    words = PHRASES["name_words"]
    numbers = stream.integers(len(words), size=(_HANDLES, 2)).tolist()
    return [f"@{words[one]}_{words[two]}{index}" for index, (one, two) in enumerate(numbers)]
