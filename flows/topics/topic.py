"""A topic: something people post about, with the query that finds it in each language."""

from dataclasses import dataclass

from flows.topics.expression import Expression


@dataclass(frozen=True)
class TopicQuery:
    """One language's query.

    Attributes:
        language: ISO 639 code, lower case.
        text: The query as the file has it.
        expression: What it means.
    """

    language: str
    text: str
    expression: Expression


@dataclass(frozen=True)
class Topic:
    """One topic of a topic file.

    Attributes:
        name: Lower-case words joined by underscores; unique in its file.
        version: From 1; raised whenever a query changes, so that a count can say which queries it was made with.
        meaning: One sentence that says what counts and what does not.
        queries: One per language, in the file's order; a post is about the topic if one of them matches.
    """

    name: str
    version: int
    meaning: str
    queries: tuple[TopicQuery, ...]


@dataclass(frozen=True)
class TopicList:
    """All topics of a file, and the file's own version, raised with every change of it."""

    version: int
    topics: tuple[Topic, ...]
