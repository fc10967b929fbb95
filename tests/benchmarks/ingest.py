"""What an ingest costs: our rows per CPU second, and those of `polars.read_csv` with one Delta commit, in the same run.

    python tests/benchmarks/ingest.py FOLDER    # CSV files of tweets, such as the ten days of the benchmark set

Each is measured warm: after one round that is not counted, in the same process. Then the files are ingested once and
ten times over, with other ids, and the slope of log CPU seconds over log rows is printed: 1 is linear.
"""

import math
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROUNDS = 3


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and its children so far."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def measure(work: Callable[[Path], int]) -> tuple[int, float]:
    """Return the rows and the least CPU seconds of some rounds, each in a folder of its own, the first not counted."""
    costs = []
    for _ in range(ROUNDS + 1):
        folder = Path(tempfile.mkdtemp())
        began = cpu_seconds()
        rows = work(folder)
        costs.append(cpu_seconds() - began)
        shutil.rmtree(folder)
    return rows, min(costs[1:])


def ingest_with_polars(files: list[Path]) -> Callable[[Path], int]:
    """Read every file as text and write one Delta table in one commit."""

    def work(folder: Path) -> int:
        import polars as pl
        from deltalake import write_deltalake

        rows = pl.concat([pl.read_csv(file, infer_schema=False) for file in files])
        write_deltalake(folder, rows.to_arrow())
        return rows.height

    return work


def ingest_with_epilake(files: list[Path]) -> Callable[[Path], int]:
    """Bring every file into RAW: the flow's own steps, without Prefect's bookkeeping."""

    def work(folder: Path) -> int:
        from flows import ingest as flow
        from flows.admission import open_admission
        from flows.lake.tables import create_missing_tables
        from flows.settings import Settings
        from flows.sources.known import find_source

        settings, source = Settings(home=folder), find_source("twitter")
        create_missing_tables(settings)
        with flow.staging_folder(settings) as staging:
            batches = flow.find_new_batches.fn(settings, [str(file) for file in files])
            admission = open_admission(settings)
            parsed = [
                flow.parse_batch.fn(settings, source, admission, batch, staging / f"{at:06}")
                for at, batch in enumerate(batches)
            ]
            loaded = flow.load_batches.fn(settings, source, parsed, staging)
        return sum(batch.count_accepted for batch in loaded)

    return work


def repeat_files(files: list[Path], folder: Path, times: int) -> list[Path]:
    """Write copies of CSV files whose ids begin with another digit."""
    import gzip

    copies = []
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8", newline="") as source:
            content = source.read()
        for number in range(times):
            copy = folder / f"{number}-{file.name.removesuffix('.gz')}"
            copy.write_text(add_to_ids(content, number), encoding="utf-8", newline="")
            copies.append(copy)
    return copies


def add_to_ids(content: str, number: int) -> str:
    """Return a CSV text with another first digit in every id."""
    import csv
    import io

    rows = csv.reader(io.StringIO(content, newline=""))
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    header = next(rows)
    place = header.index("id")
    writer.writerow(header)
    for row in rows:
        row[place] = f"{number}{row[place][1:]}"
        writer.writerow(row)
    return out.getvalue()


def write(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")


def main() -> None:
    """Measure and print."""
    files = sorted(Path(sys.argv[1]).glob("*.csv.gz"))
    peer_rows, peer = measure(ingest_with_polars(files))
    rows, ours = measure(ingest_with_epilake(files))
    write(f"load {os.getloadavg()[0]:.1f}; {rows:,} rows, {peer_rows:,} by the peer")
    write(f"polars + one commit: {peer_rows / peer:,.0f} rows per CPU second")
    write(f"epilake ingest:      {rows / ours:,.0f} rows per CPU second; ratio to the peer {peer / ours:.3f}")
    with tempfile.TemporaryDirectory() as scratch:
        once, tenfold = (repeat_files(files, Path(tempfile.mkdtemp(dir=scratch)), times) for times in (1, 10))
        few, cost = measure(ingest_with_epilake(once))
        many, tenfold_cost = measure(ingest_with_epilake(tenfold))
    slope = math.log(tenfold_cost / cost) / math.log(many / few)
    write(f"{few:,} rows {cost:.2f} CPU s, {many:,} rows {tenfold_cost:.2f} CPU s: slope {slope:.3f}")


if __name__ == "__main__":
    main()
