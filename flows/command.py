"""How a command of `epilake` runs: a flow called beside its servers, an error told in a sentence."""

import json
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.interrupts import interrupts_kept
from flows.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
SourceName = Annotated[str, typer.Option("--source", help="Where the posts are from.")]


def run_flow(call: Callable[[], object], *, as_json: bool, start_spark: bool = True) -> None:
    """Call a flow, while Prefect's API and Spark are still starting, and print what it returned."""
    with errors_in_a_sentence():
        from flows.console import lines_on_terminal
        from flows.lake.session import start_early
        from flows.orchestrator import prefect_api

        settings = Settings()
        if start_spark:
            start_early(settings)
        with prefect_api(settings), lines_on_terminal():
            result = call()
    if as_json:
        print(json.dumps(result, default=str))  # noqa: T201


@contextmanager
def errors_in_a_sentence() -> Iterator[None]:
    """Print an expected error as one sentence, keep an unexpected one's trace in a log, and exit with 1."""
    from flows.errors import EpilakeError

    try:
        with interrupts_kept():
            yield
    except KeyboardInterrupt:
        _fail("Interrupted: what was written stands, and the same command goes on from there.", 130)
    except (EpilakeError, ValueError, NotADirectoryError, FileExistsError) as error:
        _fail(f"{error}")
    except Exception as error:
        log = _keep_trace(error)
        _fail(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'} (trace in {log})")


def _keep_trace(error: BaseException) -> Path:
    log = Settings().logs / "errors.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        traceback.print_exception(error, file=file)
    return log


def _fail(message: str, code: int = 1) -> Any:
    print(f"Error: {message}" if code == 1 else message, file=sys.stderr)  # noqa: T201
    raise typer.Exit(code)
