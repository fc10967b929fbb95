"""Topic files: read, checked, and their queries parsed.

    version: 1                       of the file
    synonyms:                        optional: named sets, used in queries as ~fever
      fever:
        en: [fever, high temperature]
        every: ["#fever"]            besides a language's own members, if it has some
    topics:
      - name: measles
        version: 1                   of the topic
        meaning: One sentence that says what counts.
        queries:
          en: measles OR rubeola

A file is refused whole, with one sentence that says where and why.
"""

from collections import Counter
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from flows.errors import EpilakeError
from flows.topics.expression import Leaf
from flows.topics.folding import LANGUAGES_RENAMED
from flows.topics.query import parse_leaf, parse_query
from flows.topics.topic import Topic, TopicList, TopicQuery
from flows.topics.yaml_file import MAX_BYTES, read_yaml

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]


def _refuse_withdrawn(code: str) -> str:
    if code in LANGUAGES_RENAMED:
        message = f"expected today's code of the language, {LANGUAGES_RENAMED[code]}, found {code}"
        raise ValueError(message)
    return code


Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$"), AfterValidator(_refuse_withdrawn)]
Version = Annotated[int, Field(ge=1)]


SetLanguage = Annotated[str, Field(pattern=r"^([a-z]{2,3}|every)$"), AfterValidator(_refuse_withdrawn)]
Members = Annotated[list[str], Field(min_length=1)]


class _Checked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _TopicEntry(_Checked):
    name: Name
    version: Version
    meaning: Annotated[str, Field(min_length=1)]
    queries: Annotated[dict[Language, str], Field(min_length=1)]


class _TopicFile(_Checked):
    version: Version
    synonyms: dict[Name, dict[SetLanguage, Members]] = {}
    topics: Annotated[list[_TopicEntry], Field(min_length=1)]

    @field_validator("topics")
    @classmethod
    def _refuse_repeated_names(cls, topics: list[_TopicEntry]) -> list[_TopicEntry]:
        if repeated := [name for name, count in Counter(topic.name for topic in topics).items() if count > 1]:
            message = f"expected each name once, found {', '.join(repeated)} more than once"
            raise ValueError(message)
        return topics


def load_topics(path: Path | None = None) -> tuple[Topic, ...]:
    """Return the topics of a file, in its order; of the shipped file if no path is given.

    Raises:
        EpilakeError: The file cannot be read, is not such a file, or holds a query that breaks the grammar.

    >>> [topic.name for topic in load_topics()][:2]
    ['influenza_like_illness', 'covid_19']
    """
    return load_topic_list(path).topics


def load_topic_list(path: Path | None = None) -> TopicList:
    """Return the topics of a file together with the file's version.

    Raises:
        EpilakeError: As for `load_topics`.
    """
    content, name = _read(path)
    try:
        file = _TopicFile.model_validate(read_yaml(content, name))
    except ValidationError as error:
        raise EpilakeError(_complain(error, name)) from None
    try:
        spoken = dict.fromkeys(language for entry in file.topics for language in entry.queries)
        synonyms = {language: _read_synonyms(file.synonyms, language) for language in spoken}
        return TopicList(file.version, tuple(_make_topic(entry, synonyms) for entry in file.topics))
    except EpilakeError as error:
        raise EpilakeError(f"{name}: {error}") from None


def _read(path: Path | None) -> tuple[bytes, str]:
    if path is None:
        return resources.files("flows.topics").joinpath("topics.yaml").read_bytes(), "topics.yaml"
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1), str(path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise EpilakeError(
            f"Expected a topic file at {path}, found none to read ({reason}): give another path."
        ) from None


def _make_topic(entry: _TopicEntry, synonyms: Mapping[str, Mapping[str, tuple[Leaf, ...]]]) -> Topic:
    queries = tuple(
        TopicQuery(language, text, parse_query(text, topic=entry.name, language=language, synonyms=synonyms[language]))
        for language, text in entry.queries.items()
    )
    return Topic(entry.name, entry.version, entry.meaning.strip(), queries)


def _read_synonyms(sets: Mapping[str, Mapping[str, list[str]]], language: str) -> dict[str, tuple[Leaf, ...]]:
    """Members of each named set that has some in the language or in every language."""
    found = {}
    for name, languages in sets.items():
        try:
            if members := [*languages.get(language, ()), *languages.get("every", ())]:
                found[name] = tuple(map(parse_leaf, members))
        except EpilakeError as error:
            raise EpilakeError(f"synonyms {name}, language {language}: {error}") from None
    return found


def _complain(error: ValidationError, name: str) -> str:
    """Put the first thing that is wrong into one sentence, and say how many more there are."""
    first, *more = error.errors(include_url=False)
    place = ".".join(map(str, first["loc"])) or "the top"
    wrong = {
        "extra_forbidden": "expected no such key: delete it, or correct its spelling",
        "missing": "expected this key, found none: add it",
        "model_type": "expected keys and values, as in the shipped topics.yaml",
        "invalid_key": "expected a text as key: put it in quotes",
    }.get(first["type"], first["msg"].removeprefix("Value error, ").replace("Input should be", "expected"))
    rest = f" (and {len(more)} more)" if more else ""
    return f"{name}: at {place}: {wrong}{rest}."
