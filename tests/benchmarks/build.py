"""What a build costs: one more day on 1 and on 90 days of history, nothing new, and dbt beside its own SQL.

    python tests/benchmarks/build.py [POSTS_PER_DAY]

Every lake is in one session, after one lake that is not counted. CPU seconds are those of the JVM and of this process,
the median of `DAYS_ADDED` days that are added one after the other. What dbt costs beside the SQL of the models and of
their hooks is told on one thread: what it asks for its own sake (`is_dbts_own`) is a part of it.
"""

import csv
import gzip
import io
import os
import re
import resource
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from flows.settings import Settings

HISTORIES = (1, 90)
DAYS_ADDED = 3


def write(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def write_days(folder: Path, days: int, posts_per_day: int) -> list[Path]:
    """Write the generated sample as one file per day, the first day first."""
    from flows.sample import write_sample

    write_sample(folder / "sample", posts=posts_per_day * days, days=days)
    by_day: defaultdict[str, list[list[str]]] = defaultdict(list)
    header: list[str] = []
    for file in sorted((folder / "sample").glob("*.csv.gz")):
        text = gzip.decompress(file.read_bytes()).decode("utf-8-sig", errors="replace")
        header, *rows = csv.reader(io.StringIO(text, newline=""))
        place = header.index("date")
        for row in rows:
            with suppress(ValueError, IndexError):  # of a planted malformed record
                by_day[date.fromisoformat(row[place][:10]).isoformat()].append(row)
    files = []
    for day, rows in sorted(by_day.items()):
        files.append(folder / f"{day}.csv")
        with files[-1].open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *rows])
    return files


def is_dbts_own(sql: str) -> bool:
    """Whether dbt asks for its own sake: what there is, and whether a model keeps its contract."""
    text = re.sub(r"/\*.*?\*/", "", sql, flags=re.DOTALL).strip().lower()
    return text.startswith(("describe", "show")) or text.endswith("limit 0")


class Meter:
    """CPU seconds of this process and of the JVM, and how long Spark works on the SQL of the models and their hooks."""

    def __init__(self, spark: Any) -> None:
        self._pid = int(spark._jvm.java.lang.ProcessHandle.current().pid())
        self.sql_seconds = 0.0
        self._watch_sql()

    def cpu_seconds(self) -> float:
        """Return what was used so far."""
        fields = Path(f"/proc/{self._pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        ours = resource.getrusage(resource.RUSAGE_SELF)
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + ours.ru_utime + ours.ru_stime

    def _watch_sql(self) -> None:
        from dbt.adapters.spark.session import Cursor

        execute: Callable[..., Any] = Cursor.execute
        fetch: Callable[..., Any] = Cursor.fetchall
        is_own = False

        def timed(call: "Callable[[], Any]") -> Any:
            began = time.perf_counter()
            try:
                return call()
            finally:
                self.sql_seconds += 0.0 if is_own else time.perf_counter() - began

        def timed_execute(cursor: Any, sql: str, *parameters: Any) -> Any:
            nonlocal is_own
            is_own = is_dbts_own(sql)
            return timed(lambda: execute(cursor, sql, *parameters))

        Cursor.execute = timed_execute  # type: ignore[assignment, method-assign]
        Cursor.fetchall = lambda cursor: timed(lambda: fetch(cursor))  # type: ignore[method-assign]


def build_all(settings: "Settings") -> None:
    """Build and enrich as the pipeline does, without its training and scoring."""
    from flows.build import run_dbt
    from flows.enrich import enrich_posts
    from flows.enrichments import list_enrichments

    run_dbt.fn(settings, "tag:curated")
    for enrichment in list_enrichments(settings):
        enrich_posts.fn(settings, enrichment)
    run_dbt.fn(settings, "tag:refined")


def run_models(settings: "Settings") -> int:
    """Run every model on one thread, whatever is new; return their number."""
    from flows.build import invoke_dbt, refuse_faults
    from flows.lake.locks import build_turn
    from flows.lake.session import attach_lake, open_session, restore_ansi

    spark = open_session(settings)
    with build_turn(spark, settings):
        results = invoke_dbt(settings, ["run", "--threads", "1"])
    refuse_faults(settings, results)
    restore_ansi(spark)
    attach_lake(spark, settings)
    return len(results)


def measure_lake(meter: Meter, files: list[Path], history: int, home: Path, *, is_counted: bool) -> float:
    """Fill a lake with a history, add days one by one, and return the median CPU seconds of a build after one."""
    from flows.ingest import ingest
    from flows.lake.session import attach_lake, detach_lake, open_session
    from flows.settings import Settings

    os.environ["EPILAKE_HOME"] = str(home)
    settings = Settings()
    spark = open_session(settings)
    detach_lake(spark)
    before, added = files[-history - DAYS_ADDED : -DAYS_ADDED], files[-DAYS_ADDED:]
    ingest([str(file) for file in before])
    attach_lake(spark, settings)
    build_all(settings)
    costs = []
    for file in added:
        ingest([str(file)])
        began = meter.cpu_seconds()
        build_all(settings)
        costs.append(meter.cpu_seconds() - began)
    if is_counted:
        began = meter.cpu_seconds()
        build_all(settings)
        idle = meter.cpu_seconds() - began
        write(
            f"{history:>3} days of history: one more day {statistics.median(costs):.1f} CPU s, nothing new {idle:.2f}"
        )
        meter.sql_seconds, started = 0.0, time.perf_counter()
        models = run_models(settings)
        beyond = (time.perf_counter() - started - meter.sql_seconds) / models
        write(
            f"    {models} models on one thread: {meter.sql_seconds:.1f} s of their SQL, {beyond:.2f} s a model beyond"
        )
    return statistics.median(costs)


def main() -> None:
    """Measure and print."""
    from flows.lake.jars import resolve_jars
    from flows.lake.session import open_session
    from flows.orchestrator import prefect_api
    from flows.settings import PROJECT_ROOT, Settings

    posts_per_day = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    shipped = Settings(home=PROJECT_ROOT / ".epilake")
    resolve_jars(shipped)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ.update({"EPILAKE_JARS": str(shipped.jars), "EPILAKE_HOME": f"{scratch}/first"})
        files = write_days(Path(scratch), max(HISTORIES) + DAYS_ADDED, posts_per_day)
        write(f"load {os.getloadavg()[0]:.1f}; {posts_per_day:,} posts a day")
        with prefect_api(Settings()):
            meter = Meter(open_session(Settings()))
            measure_lake(meter, files, 1, Path(scratch) / "warm", is_counted=False)
            few, many = (
                measure_lake(meter, files, days, Path(scratch) / f"h{days}", is_counted=True) for days in HISTORIES
            )
        write(f"90 days of history cost {many / few:.2f} times what 1 day costs")


if __name__ == "__main__":
    main()
