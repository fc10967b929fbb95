"""Commands of `epilake evaluate`: how right a method is, on texts that people have labelled."""

import json
from pathlib import Path
from typing import Annotated

import typer

from flows.command import AsJson, errors_in_a_sentence
from flows.settings import Settings

evaluate = typer.Typer(help="How right a method is, beside the answer without one.", no_args_is_help=True)


@evaluate.callback()
def _group() -> None:
    """How right a method is, beside the answer without one."""


@evaluate.command()
def sentiment(
    folder: Annotated[Path, typer.Argument(help="Folder of labelled sets, such as TweetEval's sentiment part.")],
    *,
    keep: Annotated[Path | None, typer.Option(help="New folder for the method that was learnt.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure VADER, and a method learnt from the set …_val, on the labelled texts of a folder."""
    with errors_in_a_sentence():
        from flows.labelled_sets import read_labelled_sets
        from flows.sentiment_evaluation import evaluate_sentiment
        from flows.sentiment_page import to_lines

        report = evaluate_sentiment(read_labelled_sets(folder), seed=Settings().seed, keep=keep)
        print(json.dumps(report.to_dict()) if as_json else "\n".join(to_lines(report)))  # noqa: T201
