"""Are the latest posts unlike those that the model in production learnt from?"""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from flows.drift_report import write_report
from flows.lake.models import DRIFT
from flows.monitored import keep
from flows.promotions import Verdict
from flows.report import publish_markdown
from flows.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import DataFrame

    from ml.drift import DayCounts, Finding

REFERENCE_DAYS = 365
"""Of what the model learnt from, at most so many of the latest days are compared with."""
Span = tuple[date, date]
"""First and last day."""


def check_drift(settings: Settings, posts: "DataFrame", promise: Verdict, check_id: str) -> dict[str, Any]:
    """Compare the latest days with those that the model learnt from; keep every statistic and write the report."""
    from ml.bins import count_days, learn_bins
    from ml.drift import compare

    spans = find_spans(posts, promise, settings.watch_days)
    if spans is None:
        return {"is_found": False, "told": f"fewer than {settings.watch_days} days of posts since the training"}
    (first, last), (begin, end) = spans
    learnt = posts.where(posts["posted_date"].between(first, last))
    bins = learn_bins(learnt)
    reference = count_days(learnt, bins, first=first, last=last)
    window = count_days(posts, bins, first=begin, last=end)
    if not total(reference):
        return {"is_found": False, "told": "none of the posts that were learnt from is there any more"}
    floors = {"psi": settings.drift_floor_psi, "ks": settings.drift_floor_ks, "js": settings.drift_floor_js}
    findings = compare(reference, window, days=settings.watch_days, floors=floors)
    posts_of = {"count_window": total(window), "count_reference": total(reference)}
    days_of = {"window_from": begin, "window_until": end, "reference_from": first, "reference_until": last}
    rows = [{**to_row(finding), **days_of, **posts_of} for finding in findings]
    keep(settings, DRIFT, rows, promise, check_id)
    path = write_report(settings, rows, {name: (reference[name], window[name]) for name in reference}, bins)
    publish_markdown("drift", f"Drift of the data, {begin} to {end}: [report]({path.as_uri()})\n\n`{path}`")
    drifted = {f"{one.feature}.{one.statistic}": round(one.value, 4) for one in findings if one.is_drifted}
    above = ", ".join(drifted) or "nothing"
    return {
        "is_found": bool(drifted),
        "told": f"{above} lies above its threshold ({begin} to {end}, {posts_of['count_window']:,} posts)",
        "drifted": drifted,
        "report": str(path),
        "until": str(end),
    }


def to_row(finding: "Finding") -> dict[str, Any]:
    """Return a statistic as `ops.drift` has it."""
    return {
        "feature": finding.feature,
        "statistic": finding.statistic,
        "value": finding.value,
        "threshold": finding.threshold,
        "floor": finding.floor,
        "is_drifted": finding.is_drifted,
        "count_history": finding.history,
    }


def total(counts: "Mapping[str, DayCounts]") -> int:
    """Return the number of posts: each is in one bin of every feature."""
    return int(next(iter(counts.values())).counts.sum())


def find_spans(posts: "DataFrame", promise: Verdict, days: int) -> tuple[Span, Span] | None:
    """Return the first and last day of the reference and of the latest window; None if there are too few days.

    The reference is what the model learnt from, without the day on which that ended; the window ends with the latest
    post.
    """
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own spelling

    if promise.learnt_until is None:
        return None
    last = promise.learnt_until.date() - timedelta(days=1)
    known = posts.agg(F.min("posted_date").alias("first"), F.max("posted_date").alias("last")).collect()[0]
    if known["first"] is None or known["first"] > last or known["last"] - last < timedelta(days=days):
        return None
    first = max(known["first"], last - timedelta(days=REFERENCE_DAYS - 1))
    return (first, last), (known["last"] - timedelta(days=days - 1), known["last"])
