"""One page per version that says what a model is worth: HTML with its pictures inside, which asks no other host.

Stands beside the card, which is for whoever loads the model; this page is for whoever decides about it.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ml.calibration import calibrate, calibration_error
from ml.card import meaning_of, say_gain
from ml.engineered import NUMBERS
from ml.intervals import draw_rows
from ml.model import MODEL_NAME
from ml.split import SplitKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from matplotlib.figure import Figure

    from ml.evaluation import Evaluation
    from ml.intervals import Interval
    from ml.training import SplitResult, TrainedModel

DOCUMENT: Final = "report.html"
ORDER: Final = ("roc", "precision_recall", "calibration", "confusion", "importances", "tree")
NEAR_MAJORITY: Final = 0.01
"""An accuracy less than this above the majority's is called no better than it."""

CHANCE: Final = 0.5


@dataclass(frozen=True)
class Line:
    """One line of the table of figures: words, and figures with their intervals, as they are printed."""

    held_out: str
    model: str
    figures: tuple[str, ...]
    is_this: bool = False


def write_report(
    trained: TrainedModel,
    *,
    figures: Mapping[str, Figure],
    importances: Mapping[str, float],
    tables: Mapping[str, int],
    trained_at: datetime,
    code_version: str,
) -> str:
    """Write the page.

    Args:
        trained: What `ml.training.train` gave.
        figures: Pictures by file name (`ml.plots.draw_all`).
        importances: Share of each feature in what the model goes by.
        tables: Delta version by table.
        trained_at: When it was trained, UTC.
        code_version: Version of the code that trained.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    names = sorted(figures, key=lambda name: ORDER.index(name.split(".")[0]))
    environment = Environment(loader=PackageLoader("ml", ""), autoescape=True, undefined=StrictUndefined)
    bins = calibrate(trained.evaluation)
    intervals = {result.kind: _intervals(trained, result) for result in trained.results}
    return environment.get_template("report.html.j2").render(
        model=MODEL_NAME,
        trained=trained,
        dataset=trained.dataset,
        detail=trained.detail,
        params=", ".join(f"{name} {value}" for name, value in trained.params.items()),
        summary=summarise(trained, intervals),
        lines=list_lines(trained, intervals),
        gains=[say_gain(trained, result).removeprefix("- ") for result in trained.results],
        bins=bins,
        calibration_error=calibration_error(bins),
        pictures=[(name.split(".")[0].replace("_", " "), _embed(figures[name])) for name in names],
        importances=[
            (name, meaning_of(name).replace("`", ""), share, _alone(trained, name))
            for name, share in importances.items()
        ],
        trials=sorted(trained.trials, key=lambda trial: -trial.mean_roc_auc),
        tables=tables,
        trained_at=trained_at,
        code_version=code_version,
    )


def summarise(trained: TrainedModel, intervals: Mapping[SplitKind, Mapping[str, Interval]]) -> list[str]:
    """Say what a reader must know, in a sentence each, with the numbers; near the majority is called so."""
    found = [_verdict(result.kind, result.evaluation, intervals[result.kind]) for result in trained.results]
    earlier = trained.detail.earlier_rate
    found.append(
        f"Going by the share of the author's posts among those learnt from that were retweeted gives ROC-AUC "
        f"{earlier.roc_auc:.3f} by time ({trained.detail.known_authors:,} of {trained.detail.rows:,} held-out posts "
        "have such an author); by author nobody is known, and it gives 0.500 by construction."
    )
    return found


def _verdict(kind: SplitKind, evaluation: Evaluation, intervals: Mapping[str, Interval]) -> str:
    lead = evaluation.accuracy - evaluation.majority_accuracy
    interval = intervals["roc_auc"]
    better = f"{lead:+.3f} beside always saying what is more frequent ({evaluation.majority_accuracy:.3f})"
    if lead < NEAR_MAJORITY:
        better += ", which is near the majority: at 0.5 the model tells hardly more than it"
    ranks = "ranks posts better than chance" if interval.low > CHANCE else "does not rank posts better than chance"
    return (
        f"Held out by {kind}: it {ranks}, ROC-AUC {evaluation.roc_auc:.3f} (95% {interval}); accuracy "
        f"{evaluation.accuracy:.3f}, {better}."
    )


def list_lines(trained: TrainedModel, intervals: Mapping[SplitKind, Mapping[str, Interval]]) -> list[Line]:
    """List the figures of this model and its baselines on each split."""
    found = []
    for result in trained.results:
        kind, evaluation = f"by {result.kind}", result.evaluation
        base = evaluation.base_rate
        found.append(Line(kind, "always the majority", (f"{evaluation.majority_accuracy:.3f}", *_BLANKS)))
        found.append(Line(kind, "the base rate for every post", ("", "0.500", f"{base:.3f}", *_of_prior(base))))
        if result.kind is SplitKind.TIME:
            found.append(Line(kind, "the author's own earlier rate", _figures(trained.detail.earlier_rate)))
        if result.without_sentiment:
            found.append(Line(kind, "without sentiment", _figures(result.without_sentiment)))
        found.append(Line(kind, "this model", _figures(evaluation, intervals[result.kind]), is_this=True))
    return found


def _intervals(trained: TrainedModel, result: SplitResult) -> dict[str, Interval]:
    """Give the intervals of a split's figures: by time whole authors are drawn again, else posts."""
    if result.kind is SplitKind.TIME:
        return trained.detail.draws.intervals()
    return draw_rows(result.evaluation, seed=trained.dataset.seed).intervals()


_BLANKS: Final = ("", "", "", "")


def _of_prior(base: float) -> tuple[str, str]:
    """Log-loss and Brier score of saying the base rate of every post."""
    import math

    return f"{-(base * math.log(base) + (1 - base) * math.log(1 - base)):.3f}", f"{base * (1 - base):.3f}"


def _figures(evaluation: Evaluation, intervals: Mapping[str, Interval] | None = None) -> tuple[str, ...]:
    names = ("accuracy", "roc_auc", "pr_auc", "log_loss", "brier")
    return tuple(f"{getattr(evaluation, name):.3f}" + (f" ({intervals[name]})" if intervals else "") for name in names)


def _alone(trained: TrainedModel, name: str) -> str:
    """Give the ROC-AUC of a feature by itself, or of the number that is made of it alone; empty if there is none."""
    single = trained.detail.single
    own = next((other for other in single if other == name or NUMBERS[other].reads == (name,)), None)
    return f"{single[own]:.3f}" if own else ""


def _embed(figure: Any) -> str:
    """Give a figure as the address of a picture that holds it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
