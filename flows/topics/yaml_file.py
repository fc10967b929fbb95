"""YAML as far as a topic file needs it: plain keys, lists and texts, each key once, nothing that grows on reading."""

from collections.abc import Hashable
from typing import Any

import yaml

from flows.errors import EpilakeError

MAX_BYTES = 1_000_000
"""Size of a topic file."""

MAX_DEPTH = 20
"""Lists and mappings inside each other."""


class _Loader(yaml.SafeLoader):
    """`yaml.safe_load`'s loader, but a key that stands twice in a mapping is refused instead of the first forgotten."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                place = node.value[number][0].start_mark
                raise yaml.constructor.ConstructorError(None, None, f"found the key {key!r} twice", place)
        return super().construct_mapping(node, deep)


def read_yaml(content: bytes, name: str) -> Any:
    """Read a YAML document.

    Args:
        content: The file; UTF-8.
        name: Its name, for the sentence of an error.

    Raises:
        EpilakeError: It is too large, not UTF-8, not YAML, empty, nested too deeply, has a key twice or an alias.

    >>> read_yaml(b"a: [1, x]", "x.yaml")
    {'a': [1, 'x']}
    """
    if len(content) > MAX_BYTES:
        raise EpilakeError(f"{name}: expected at most {MAX_BYTES:,} bytes, found more: split the file.")
    try:
        text = content.decode("utf-8-sig")
        _refuse_growth(text, name)
        read = yaml.load(text, _Loader)  # noqa: S506
    except UnicodeDecodeError as error:
        raise EpilakeError(
            f"{name}: expected UTF-8, found another byte at offset {error.start}: save it as UTF-8."
        ) from None
    except (yaml.YAMLError, ValueError) as error:
        raise EpilakeError(f"{name}: expected YAML, {_describe(error)}: correct it there.") from None
    if read is None:
        raise EpilakeError(f"{name}: expected topics, found an empty file: see the shipped topics.yaml for an example.")
    return read


def _refuse_growth(text: str, name: str) -> None:
    """Look at the document without building it: aliases can make a small file huge, and depth can exhaust the stack."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent):
            raise EpilakeError(f"{name}, line {line}: expected no alias, found *{event.anchor}: write its value out.")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise EpilakeError(
                f"{name}, line {line}: expected at most {MAX_DEPTH} levels, found one more: write it flatter."
            )


def _describe(error: Exception) -> str:
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    mark = getattr(error, "problem_mark", None)
    place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"{problem if problem.startswith('found') else f'found that {problem}'}{place}"
