"""Are the old predictions of the model in production worth what it promised, now that their labels are known?"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flows.lake.models import LIVE_METRICS
from flows.monitored import keep
from flows.promotions import Verdict
from flows.report import publish_counts
from flows.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from ml.live import LiveFinding


def check_metrics(settings: Settings, posts: "DataFrame", promise: Verdict, check_id: str) -> dict[str, Any]:
    """Hold the predictions of the latest days, whose labels are known by now, to what was promised."""
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own spelling

    from ml.evaluation import PROBABILITY
    from ml.live import count_live, hold_to_promise

    predicted = posts.where(posts[PROBABILITY].isNotNull() & (posts["posted_at"] > F.lit(promise.judged_until)))
    end = predicted.agg(F.max("posted_date")).collect()[0][0]
    if end is None:
        return {"is_found": False, "told": "no predicted post is newer than those that the model was judged on"}
    begin = end - timedelta(days=settings.watch_days - 1)
    counts = count_live(predicted.where(predicted["posted_date"] >= begin))
    findings = hold_to_promise(counts, promise.promised, seed=settings.seed)
    sizes = {
        "window_from": begin,
        "window_until": end,
        "count_posts": counts.rows,
        "count_positives": int(counts.positives.sum()),
        "count_late": counts.late,
    }
    rows = [{**to_row(finding), **sizes} for finding in findings]
    keep(settings, LIVE_METRICS, rows, promise, check_id)
    publish_counts("live metrics", f"Predictions of {begin} to {end} beside what was promised", rows)
    fallen = {row["metric"]: row["value"] for row in rows if row["is_fallen"]}
    below = ", ".join(fallen) or "nothing"
    return {
        "is_found": bool(fallen),
        "told": f"{below} fell short of its promise ({begin} to {end}, {counts.rows:,} labels)",
        "fallen": fallen,
        "until": str(end),
    }


def to_row(finding: "LiveFinding") -> dict[str, Any]:
    """Return a metric as `ops.live_metrics` has it."""
    found = finding.found
    return {
        "metric": finding.metric,
        "value": found.value if found else None,
        "low": found.low if found else None,
        "high": found.high if found else None,
        "promised": finding.promised,
        "threshold": finding.threshold,
        "is_fallen": finding.is_fallen,
    }
