"""The drift report: one self-contained page of HTML, with every statistic and the shares behind it."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.settings import Settings

if TYPE_CHECKING:
    from ml.bins import Bins
    from ml.drift import DayCounts

STYLE = """body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:62rem;color:#222}
table{border-collapse:collapse;width:100%}td,th{padding:.25rem .6rem;text-align:right;border-bottom:1px solid #ddd}
td:first-child,th:first-child,td:nth-child(2),th:nth-child(2){text-align:left}
tr.drifted{background:#fde8e8;font-weight:600}
figure{display:inline-block;margin:0 1.5rem 1rem 0}figcaption{font-weight:600}
rect.then{fill:#9db7d5}rect.now{fill:#d9822b}"""
HEIGHT, BAR = 70, 5


def write_report(
    settings: Settings,
    rows: Sequence[Mapping[str, Any]],
    counts: "Mapping[str, tuple[DayCounts, DayCounts]]",
    bins: "Bins",
) -> Path:
    """Write the page of one check under `<home>/reports` and return its path; one of the same last day is replaced.

    Args:
        settings: The installation.
        rows: What goes to `ops.drift`, but for the model and the run.
        counts: Feature → counts of the reference and of the window.
        bins: How the features are cut.
    """
    path = settings.home / "reports" / f"drift-{rows[0]['window_until']}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(rows, counts, bins), encoding="utf-8")
    return path


def render(rows: Sequence[Mapping[str, Any]], counts: "Mapping[str, tuple[DayCounts, DayCounts]]", bins: "Bins") -> str:
    """Return the page."""
    first = rows[0]
    drifted = [f"{row['feature']} ({row['statistic']})" for row in rows if row["is_drifted"]]
    verdict = f"Above the threshold: {', '.join(drifted)}." if drifted else "Nothing lies above its threshold."
    figures = "".join(draw(name, then, now, bins) for name, (then, now) in counts.items())
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Drift {first["window_until"]}</title>
<style>{STYLE}</style><h1>Drift of the data</h1>
<p>{first["count_window"]:,} posts of {first["window_from"]} to {first["window_until"]}, compared with
{first["count_reference"]:,} that the model learnt from ({first["reference_from"]} to {first["reference_until"]}).
<b>{html.escape(verdict)}</b></p>
<table><tr><th>feature<th>statistic<th>value<th>threshold<th>floor<th>earlier windows</tr>
{"".join(map(to_row, rows))}</table>
<p>A threshold is what the statistic would pass once in 10,000 checks, judged by earlier windows of the same length.</p>
<h2>Shares by bin, <span style="color:#5b7fa8">then</span> and <span style="color:#d9822b">now</span></h2>
{figures}</html>
"""


def to_row(row: Mapping[str, Any]) -> str:
    """Return a line of the table.

    >>> to_row({"feature": "a<b", "statistic": "psi", "value": 0.5, "threshold": None, "floor": 0.1,
    ...     "count_history": 0, "is_drifted": False})
    '<tr><td>a&lt;b<td>psi<td>0.5000<td>too little history<td>0.1<td>0</tr>'
    """
    mark = ' class="drifted"' if row["is_drifted"] else ""
    threshold = "too little history" if row["threshold"] is None else f"{row['threshold']:.4f}"
    return (
        f"<tr{mark}><td>{html.escape(row['feature'])}<td>{row['statistic']}<td>{row['value']:.4f}"
        f"<td>{threshold}<td>{row['floor']:g}<td>{row['count_history']}</tr>"
    )


def draw(name: str, then: "DayCounts", now: "DayCounts", bins: "Bins") -> str:
    """Return a small figure of the shares of a feature's bins; which bin is which shows under the pointer."""
    labels = label_bins(name, bins)
    shares = [part.counts.sum(0) / max(part.counts.sum(), 1) for part in (then, now)]
    most = max(float(part.max()) for part in shares) or 1.0
    bars = [
        f'<rect class="{kind}" x="{(2 * place + side) * BAR + 2 * place}" y="{HEIGHT - HEIGHT * share / most:.1f}" '
        f'width="{BAR}" height="{HEIGHT * share / most:.1f}"><title>{html.escape(label)}: {share:.1%}</title></rect>'
        for side, (kind, part) in enumerate(zip(("then", "now"), shares, strict=True))
        for place, (label, share) in enumerate(zip(labels, part.tolist(), strict=True))
    ]
    width = len(labels) * (2 * BAR + 2)
    return (
        f"<figure><figcaption>{html.escape(name)}</figcaption>"
        f'<svg width="{width}" height="{HEIGHT}" role="img">{"".join(bars)}</svg></figure>'
    )


def label_bins(name: str, bins: "Bins") -> list[str]:
    """Return what each bin of a feature holds; values that people wrote are not named, for a page may be passed on."""
    if name in bins.edges:
        edges = bins.edges[name]
        return [*(f"up to {edge:g}" for edge in edges), f"above {edges[-1]:g}" if edges else "any", "not known"]
    is_public = name in {"language", "user_verified"}
    values = bins.values[name]
    named = values if is_public else [f"value {place}" for place in range(1, len(values) + 1)]
    return ["others", *named, "not known"]
