"""The pictures of a model: how it ranks, what it looks at, how it asks, where it errs.

Each function takes plain values and gives a figure that belongs to nobody: no window, no global state (`pyplot` is not
used). Colours are those of Okabe and Ito, told apart by every reader, and never the only difference between two lines.
matplotlib is imported inside: it costs a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ml.calibration import calibrate
from ml.features import SENTIMENT_FEATURES
from ml.intervals import COVERAGE, GRID
from ml.tree import Leaf, Question, count_answers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from ml.calibration import Bin
    from ml.evaluation import Confusion, Evaluation
    from ml.training import TrainedModel
    from ml.tree import Node

    Floats = NDArray[np.float64]
    Band = tuple[Floats, Floats]

BLUE: Final = "#0072B2"
VERMILLION: Final = "#D55E00"
GREY: Final = "#595959"
STYLES: Final = ((BLUE, "-"), (VERMILLION, "--"), ("#009E73", "-."), ("#CC79A7", ":"))
LEVELS: Final = 3
MOST_BARS: Final = 15
DOTS_PER_INCH: Final = 120
DARK_SHARE: Final = 0.5
"""A cell of the confusion matrix above this share is so dark that its text is white."""


def draw_all(trained: TrainedModel, tree: Node | None, importances: Mapping[str, float]) -> dict[str, Figure]:
    """Draw every picture of a trained model, by file name.

    Args:
        trained: What `ml.training.train` gave.
        tree: Its tree, counted on the held-out part of the time split (`ml.tree.read_tree`); None if it is no tree.
        importances: Share of each feature in the tree's gain (`ml.model.importances`).
    """
    evaluations = {f"held-out by {result.kind}": result.evaluation for result in trained.results}
    draws = trained.detail.draws
    first = dict(list(importances.items())[:MOST_BARS])
    return {
        "roc.png": draw_roc(evaluations, band=_band(draws.recall)),
        "precision_recall.png": draw_precision_recall(evaluations, band=_band(draws.precision)),
        "calibration.png": draw_calibration(calibrate(trained.evaluation)),
        "importances.png": draw_importances(first),
        "confusion.png": draw_confusion(trained.evaluation.confusion),
    } | ({} if tree is None else {"tree.png": draw_tree(tree)})


def _band(curves: Floats) -> Band:
    """Give the middle 95% of the curves of all draws, at each point of `ml.intervals.GRID`."""
    low, high = np.quantile(curves, ((1 - COVERAGE) / 2, (1 + COVERAGE) / 2), axis=0)
    return low, high


def draw_calibration(bins: Sequence[Bin]) -> Figure:
    """Draw what came true over what was said, each bin with its 95% interval and its number of posts."""
    figure, axes = _make_figure(5.8, 5.6)
    said = [part.mean_score for part in bins]
    true = [part.share for part in bins]
    below = [part.share - part.share_low for part in bins]
    above = [part.share_high - part.share for part in bins]
    axes.plot((0, 1), (0, 1), color=GREY, linestyle=":", linewidth=1.5, label="as said")
    axes.errorbar(
        said,
        true,
        yerr=(below, above),
        color=BLUE,
        marker="o",
        linewidth=2,
        capsize=3,
        label="this model, posts above each bin",
    )
    for part in bins:
        top = (part.mean_score, part.share_high)
        axes.annotate(
            f"{part.rows:,}", top, xytext=(0, 5), textcoords="offset points", ha="center", fontsize=9, color=GREY
        )
    axes.set(
        xlabel="Score, mean of the bin",
        ylabel="Share of the bin's posts that were retweeted",
        title="Calibration on held-out posts by time",
        xlim=(0, 1),
        ylim=(0, 1.01),
        aspect="equal",
    )
    axes.legend(loc="upper left", frameon=False)
    return figure


def draw_roc(evaluations: Mapping[str, Evaluation], *, band: Band | None = None) -> Figure:
    """Draw the ROC curves, each named with its area and standard error, the band of the first, and the diagonal."""
    figure, axes = _make_figure(5.8, 5.6)
    for (name, evaluation), (colour, style) in zip(evaluations.items(), STYLES, strict=False):
        across, up = zip(*evaluation.roc, strict=True)
        area = f"{evaluation.roc_auc:.3f} ± {evaluation.roc_auc_standard_error:.3f}"
        axes.plot(across, up, color=colour, linestyle=style, linewidth=2, label=f"{name}: area {area}")
    _fill(axes, band)
    axes.plot((0, 1), (0, 1), color=GREY, linestyle=":", linewidth=1.5, label="majority or chance: area 0.500")
    axes.set(
        xlabel="False positive rate (share of posts not retweeted)",
        ylabel="True positive rate (share of posts retweeted)",
        title="ROC on held-out posts",
        xlim=(0, 1),
        ylim=(0, 1.01),
        aspect="equal",
    )
    axes.legend(loc="lower right", frameon=False)
    return figure


def draw_precision_recall(evaluations: Mapping[str, Evaluation], *, band: Band | None = None) -> Figure:
    """Draw precision over recall as steps, each beside the base rate of its own posts, and the band of the first."""
    figure, axes = _make_figure(6.0, 6.0)
    for (name, evaluation), (colour, style) in zip(evaluations.items(), STYLES, strict=False):
        recall, precision = zip(*evaluation.precision_recall, strict=True)
        axes.step(
            (0.0, *recall),
            (precision[0], *precision),
            where="pre",
            color=colour,
            linestyle=style,
            linewidth=2,
            label=f"{name}: average precision {evaluation.pr_auc:.3f} (base rate: {evaluation.base_rate:.3f})",
        )
        axes.axhline(evaluation.base_rate, color=colour, linestyle=":", linewidth=1.5)
    _fill(axes, band)
    axes.set(
        xlabel="Recall (share of retweeted posts that are found)",
        ylabel="Precision (share of posts found that were retweeted)",
        title="Precision and recall on held-out posts",
        xlim=(0, 1),
        ylim=(0, 1.01),
    )
    figure.legend(loc="outside lower center", frameon=False, fontsize=9)
    return figure


def draw_importances(importances: Mapping[str, float]) -> Figure:
    """Draw each feature's share of what the model goes by, the largest on top; sentiment in its own colour."""
    from matplotlib.patches import Patch

    figure, axes = _make_figure(7.2, 0.5 * len(importances) + 1.6)
    names = list(importances)[::-1]
    is_sentiment = [name in SENTIMENT_FEATURES for name in names]
    colours = [VERMILLION if sentiment else BLUE for sentiment in is_sentiment]
    bars = axes.barh(names, [importances[name] for name in names], color=colours, edgecolor="white")
    for bar, sentiment in zip(bars, is_sentiment, strict=True):
        bar.set_hatch("//" if sentiment else "")
    axes.bar_label(bars, labels=[f"{importances[name]:.1%}" for name in names], padding=4)
    axes.set(xlabel="Share of what the model goes by", title="What the model looks at", xlim=(0, 1))
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, min(1.0, max(importances.values(), default=1.0) * 1.18 or 1.0))
    axes.legend(
        handles=[
            Patch(facecolor=BLUE, edgecolor="white", label="author, place, text, time"),
            Patch(facecolor=VERMILLION, edgecolor="white", hatch="//", label="sentiment"),
        ],
        loc="lower right",
        frameon=False,
    )
    return figure


def draw_confusion(confusion: Confusion) -> Figure:
    """Draw what was said against what came true: posts, and their share of the posts that came true so."""
    figure, axes = _make_figure(5.6, 4.8)
    table = (
        (confusion.true_negatives, confusion.false_positives),
        (confusion.false_negatives, confusion.true_positives),
    )
    shares = [[count / (sum(row) or 1) for count in row] for row in table]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for down, row in enumerate(table):
        for across, count in enumerate(row):
            share = shares[down][across]
            colour = "white" if share > DARK_SHARE else "black"
            text = f"{count:,} posts\n{share:.0%} of the row"
            axes.text(across, down, text, ha="center", va="center", color=colour, fontsize=13)
    axes.set_xticks((0, 1), ("not retweeted", "retweeted"))
    axes.set_yticks((0, 1), ("not retweeted", "retweeted"), rotation=90, va="center")
    axes.set(xlabel="What the model said (score above 0.5)", ylabel="What came true")
    axes.set_title("Held-out posts by time")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure


def draw_tree(tree: Node, *, levels: int = LEVELS) -> Figure:
    """Draw the first questions of a tree, with the posts that came to each and the share of them that was retweeted.

    Args:
        tree: The tree, with its counts.
        levels: Questions asked one after the other that are drawn; what lies below is counted, not drawn.
    """
    width = 2**levels
    figure, axes = _make_figure(2.05 * width, 1.75 * (levels + 1))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(-levels - 0.45, 0.75)
    base = tree.counts.positives / (tree.counts.rows or 1)
    _draw_node(axes, tree, left=0.0, right=float(width), level=0, levels=levels, base=base)
    axes.set_title("The first questions of the tree, and where the held-out posts go", fontsize=14)
    note = (
        "A feature counts as its share of the sum of all features of the post (Normalizer, p = 1). "
        "Orange: more often retweeted than the average post; blue: less often."
    )
    axes.text(width / 2, 0.62, note, ha="center", va="center", fontsize=10.5, color=GREY)
    return figure


def _draw_node(
    axes: Axes, node: Node, *, left: float, right: float, level: int, levels: int, base: float
) -> tuple[float, float]:
    """Draw a node in the middle of its room, then its branches below; return where it stands."""
    middle, height = (left + right) / 2, -float(level)
    if isinstance(node, Question) and level < levels:
        branches = ((node.yes, left, middle, "yes"), (node.no, middle, right, "no"))
        for branch, start, end, answer in branches:
            across, down = _draw_node(axes, branch, left=start, right=end, level=level + 1, levels=levels, base=base)
            axes.plot((middle, across), (height, down), color=GREY, linewidth=1.2, zorder=1)
            axes.text((middle + across) / 2, (height + down) / 2, answer, ha="center", va="center", fontsize=10.5,
                color=GREY, backgroundcolor="white", zorder=2)  # fmt: skip
    share = node.counts.positives / (node.counts.rows or 1)
    box = {"boxstyle": "round,pad=0.4", "facecolor": _shade(share, base), "edgecolor": GREY}
    text = _say(node, is_last=level >= levels)
    axes.text(middle, height, text, ha="center", va="center", fontsize=10, bbox=box, zorder=3, linespacing=1.35)
    return middle, height


def _say(node: Node, *, is_last: bool) -> str:
    counts = node.counts
    share = f"{counts.positives / counts.rows:.0%} retweeted" if counts.rows else "none came here"
    posts = f"{counts.rows:,} posts\n{share}"
    if isinstance(node, Leaf):
        return posts
    question = f"{node.feature}\n≤ {node.threshold:.2g} ?"
    return f"{posts}\n({count_answers(node)} leaves below)" if is_last else f"{question}\n{posts}"


def _shade(share: float, base: float) -> tuple[float, float, float]:
    """Mix white with orange above the base rate and with sky blue below it."""
    full = (0.90, 0.62, 0.0) if share >= base else (0.34, 0.71, 0.91)
    weight = min(1.0, abs(share - base) / max(base, 1 - base) * 1.2)
    red, green, blue = (1 - weight * (1 - part) for part in full)
    return red, green, blue


def _fill(axes: Axes, band: Band | None) -> None:
    if band is not None:
        low, high = band
        axes.fill_between(GRID, low, high, color=BLUE, alpha=0.15, linewidth=0, label="  95% of draws of authors")


def _make_figure(width_inches: float, height_inches: float) -> tuple[Figure, Axes]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_inches, height_inches), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
