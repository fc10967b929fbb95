"""Values inside an object of JSON, which may be of any type whatever a schema says."""

from collections.abc import Iterable
from typing import Any


def as_object(value: object) -> dict[str, Any]:
    """Return an object as it is, and anything else as an empty one.

    >>> as_object({"a": 1}), as_object("a")
    ({'a': 1}, {})
    """
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return a list as it is, and anything else as an empty one.

    >>> as_list([1]), as_list(None)
    ([1], [])
    """
    return value if isinstance(value, list) else []


def objects(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list, and of anything else none.

    >>> objects([{"a": 1}, 2]), objects("text")
    ([{'a': 1}], [])
    """
    return [item for item in as_list(value) if isinstance(item, dict)]


def texts(values: Iterable[object]) -> list[str]:
    """Return the texts among some values that are not empty, each once, in order.

    >>> texts(["en", "fr", None, "", 7, "en"])
    ['en', 'fr']
    """
    return list(dict.fromkeys(value for value in values if isinstance(value, str) and value))


def words(values: Iterable[object]) -> str | None:
    """Return the texts among some values, each once, separated by spaces; None if there are none.

    >>> words(["en", "fr", None, "en"]), words([])
    ('en fr', None)
    """
    return " ".join(texts(values)) or None
