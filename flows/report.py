"""What a flow run leaves for a person to read: tables and texts on Prefect's Artifacts page.

Stands apart so that stages hand over plain rows and know nothing of Prefect's rules for keys. Outside a flow run
nothing is published: a stage called by itself, as tests do, needs no server.
"""

import re
from collections.abc import Sequence


def publish_counts(key: str, title: str, rows: Sequence[dict[str, object]]) -> None:
    """Publish rows of counts or metrics as a table; without rows, a line that says so.

    Args:
        key: Name under which the UI keeps the history of this table, such as "ingest counts".
        title: What the table shows, in one sentence.
        rows: One dict per row, all with the same keys, which become the heads of the columns.
    """
    from prefect.artifacts import create_table_artifact

    if not rows:
        publish_markdown(key, f"{title}\n\nNothing to show.")
    elif _is_in_run():
        create_table_artifact(
            [{name: _cell(value) for name, value in row.items()} for row in rows], artifact_key(key), title
        )


def publish_markdown(key: str, text: str) -> None:
    """Publish a text in Markdown under a key that names its history."""
    from prefect.artifacts import create_markdown_artifact

    if _is_in_run():
        create_markdown_artifact(text, artifact_key(key))


def publish_link(key: str, title: str, address: str) -> None:
    """Publish an address to follow under a key that names its history."""
    from prefect.artifacts import create_link_artifact

    if _is_in_run():
        create_link_artifact(link=address, link_text=title, key=artifact_key(key))


def artifact_key(text: str) -> str:
    """Return text as a key that Prefect takes: lower-case ASCII letters, digits and single dashes.

    >>> artifact_key("Rows in & out, raw.twitter_posts")
    'rows-in-out-raw-twitter-posts'
    """
    key = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if not key:
        raise ValueError(f"An artifact's key needs a letter or a digit, found {text!r}.")
    return key


def _is_in_run() -> bool:
    """Return whether this code runs inside a flow or task run."""
    from prefect.context import FlowRunContext, TaskRunContext

    return FlowRunContext.get() is not None or TaskRunContext.get() is not None


def _cell(value: object) -> object:
    """Return a value as JSON can hold it and the table shows it."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
