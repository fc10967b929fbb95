"""What one request for scores may hold, looked at before any post of it is read."""

import json
from dataclasses import dataclass
from typing import Any, Final

from flows.errors import EpilakeError

NO_JSON: Final = "The body is no JSON of posts: send one post or a list of posts."
MAX_INCLUDED_BYTES: Final = 200_000_000
"""What a page includes is kept with each post that names it: bytes of the body times posts, at most."""


class UnreadableRequestError(EpilakeError):
    """What came is no JSON of posts."""


class OversizedRequestError(EpilakeError):
    """What came holds more posts than one request may."""


@dataclass(frozen=True)
class Limits:
    """What one request may hold.

    Attributes:
        posts: Posts.
        text_characters: Characters of one post's text, and of any other field.
        nesting: Objects and lists one in another.
    """

    posts: int
    text_characters: int
    nesting: int


def check_json(content: bytes, limits: Limits) -> None:
    """Refuse what is no JSON of posts, is nested too deeply, or holds too many; a post's own faults are its own.

    >>> check_json(b'{"text": NaN}', Limits(1, 1, 1))
    Traceback (most recent call last):
    ...
    flows.serve.limits.UnreadableRequestError: The body is no JSON of posts: send one post or a list of posts.
    """
    deep = f"The body is nested more than {limits.nesting} deep: no post is."
    try:
        value = json.loads(content.decode(), parse_float=str, parse_int=str, parse_constant=_no_number)
    except RecursionError:
        raise UnreadableRequestError(deep) from None
    except ValueError:  # its message would quote the body
        raise UnreadableRequestError(NO_JSON) from None
    if not isinstance(value, dict | list):
        raise UnreadableRequestError(NO_JSON)
    pages = value if isinstance(value, list) else [value]
    if max(len(pages), sum(map(count_posts, pages))) > limits.posts:
        raise OversizedRequestError(too_many(limits))
    if (
        len(content) * sum(count_posts(page) for page in pages if isinstance(page, dict) and "includes" in page)
        > MAX_INCLUDED_BYTES
    ):
        raise OversizedRequestError("The body includes too much for so many posts: send them in several requests.")
    if is_deeper(value, limits.nesting):
        raise UnreadableRequestError(deep)


def count_posts(page: Any) -> int:
    """Return how many posts a page of an API holds; what is no page is a post itself.

    >>> count_posts({"data": [{}, {}]}), count_posts({"text": "flu"}), count_posts(7)
    (2, 1, 1)
    """
    held = (page.get("data") or page.get("statuses")) if isinstance(page, dict) else None
    return len(held) if isinstance(held, list) else 1


def is_deeper(value: object, limit: int) -> bool:
    """Say whether objects and lists lie more than so many deep in one another.

    >>> is_deeper([[1]], 2), is_deeper({"a": [[1]]}, 2)
    (False, True)
    """
    level = [value]
    for _ in range(limit):
        level = [
            inner
            for held in level
            if isinstance(held, dict | list)
            for inner in (held.values() if isinstance(held, dict) else held)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _no_number(name: str) -> str:
    raise ValueError(name)


def too_many(limits: Limits) -> str:
    """Return what is said of more posts than one request may hold."""
    return f"The body holds more than {limits.posts:,} posts: send them in several requests."
