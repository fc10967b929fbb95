"""What a person sees while a flow runs: progress bars on a terminal, plain lines in a pipe, nothing else.

Lines go through the run's own logger, so that they stand in the Prefect UI as well.
"""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")
FLOWS_FOLDER = str(Path(__file__).resolve().parent)


def say(message: str) -> None:
    """Log a line for the person at the terminal and for the UI."""
    from prefect.exceptions import MissingContextError
    from prefect.logging import get_run_logger

    try:
        get_run_logger().info(message, stacklevel=2)
    except MissingContextError:
        logging.getLogger("epilake").info(message, stacklevel=2)


def track(items: Iterable[Item], title: str, size: Callable[[Item], int] | None = None) -> Iterator[Item]:
    """Yield the items while a bar counts them on a terminal; `size` says how many units an item stands for."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed:,}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(title, total=None)
        for item in items:
            yield item
            progress.advance(bar, size(item) if size else 1)


@contextmanager
def counted(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Lend a function to be called with each number of units done, which a bar shows on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(title, total=total)
        yield lambda done: progress.advance(bar, done)


@contextmanager
def spinner(title: str) -> Iterator[None]:
    """Show on a terminal that something is going on that cannot be counted."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(title):
        yield


@contextmanager
def lines_on_terminal() -> Iterator[None]:
    """Print what our own flows log, and warnings of others, one plain line each on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.addFilter(_is_for_people)
    root, own = logging.getLogger(), logging.getLogger("epilake")
    own.setLevel(logging.INFO)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


def _is_for_people(record: logging.LogRecord) -> bool:
    return record.pathname.startswith(FLOWS_FOLDER)
