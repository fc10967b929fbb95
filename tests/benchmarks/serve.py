"""What the service answers in: 50 requests a second for two minutes, then all that it can bear, then 50 again.

    python tests/benchmarks/serve.py HOME [SECONDS]    # an installation with a model in production

The load is an open loop: a request is sent when its time has come, whether others are answered or not, and its time is
taken from then. A request holds one post of the generated sample. Beside it stands what a bare answer of the same
process takes (`/health`), in the same seconds: the rest is what scoring adds. CPU seconds are the service's own.
"""

import asyncio
import gzip
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from flows.sample import write_sample
from flows.sources.csv_records import CsvRecords
from tests.unit.serving import TOKEN, Served, serving

RATE, OVERLOAD = 50, 600
"""Requests a second."""


def read_posts(count: int = 500) -> list[dict[str, str]]:
    """Return posts of the generated sample by the names of their columns."""
    folder = Path(tempfile.mkdtemp())
    write_sample(folder)
    with gzip.open(min(folder.glob("*.csv.gz"))) as lines:
        records = CsvRecords(lines).take(count + 1)
    header = records[0].fields
    whole = [record.fields for record in records[1:] if record.error is None and len(record.fields) == len(header)]
    return [{name: value for name, value in zip(header, fields, strict=True) if value} for fields in whole]


class Connections:
    """Connections to the service that are used again: a client that costs a tenth of what the service does."""

    def __init__(self, served: Served) -> None:
        self._port, self._free = served.port, list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]()

    async def ask(self, request: bytes) -> int:
        """Send a request and return the code of its answer; 0 is none."""
        try:
            reader, writer = self._free.pop() if self._free else await asyncio.open_connection("127.0.0.1", self._port)
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        except (OSError, asyncio.IncompleteReadError):
            return 0
        self._free.append((reader, writer))
        return int(head.split(maxsplit=2)[1])

    def close(self) -> None:
        """Hang up."""
        for _, writer in self._free:
            writer.close()


def spell(path: str, post: dict[str, str]) -> bytes:
    """Return a request as it goes over the wire."""
    head = f"Host: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
    if path == "/health":
        return f"GET {path} HTTP/1.1\r\n{head}\r\n".encode()
    body = json.dumps(post)
    kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}"
    return f"POST {path} HTTP/1.1\r\n{head}{kind}\r\n\r\n{body}".encode()


async def load(
    served: Served, posts: list[dict[str, str]], *, rate: int, seconds: float
) -> tuple[Counter[int], dict[str, list[float]]]:
    """Send requests for scores, and a tenth as many for the service's health; return codes and milliseconds."""
    codes: Counter[int] = Counter()
    taken: dict[str, list[float]] = {"/score": [], "/health": []}
    connections = Connections(served)

    async def ask(path: str, request: bytes, due: float) -> None:
        code = await connections.ask(request)
        if path == "/score":
            codes[code] += 1
        if code == 200:
            taken[path].append(1_000 * (time.perf_counter() - due))

    began, tasks = time.perf_counter(), []
    for number in range(round(rate * seconds * 1.1)):
        path = "/health" if number % 11 == 10 else "/score"
        request, due = spell(path, posts[number % len(posts)]), began + number / (rate * 1.1)
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(ask(path, request, due)))
    await asyncio.gather(*tasks)
    connections.close()
    return codes, taken


def cpu_seconds(served: Served) -> float:
    """Return the CPU seconds of the service so far."""
    fields = Path(f"/proc/{served.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def tell(name: str, served: Served, posts: list[dict[str, str]], *, rate: int, seconds: float) -> None:
    """Load the service and print what came of it."""
    before = cpu_seconds(served)
    codes, taken = asyncio.run(load(served, posts, rate=rate, seconds=seconds))
    scored = codes[200] or 1
    points = {path: statistics.quantiles(times, n=1_000) for path, times in taken.items() if len(times) > 1}
    spelt = ", ".join(
        f"{path} p50 {cuts[499]:.1f} p95 {cuts[949]:.1f} p99 {cuts[989]:.1f} ms" for path, cuts in points.items()
    )
    print(f"{name}: {rate} a second for {seconds:.0f} s: codes {dict(sorted(codes.items()))}; {spelt}")
    print(f"    {1_000 * (cpu_seconds(served) - before) / scored:.2f} CPU ms of the service for each answer 200")


def main(home: Path, seconds: float) -> None:
    """Measure one installation."""
    posts = read_posts()
    with serving(home, serve_alias_seconds=5) as served:
        tell("warm-up", served, posts, rate=RATE, seconds=5)
        tell("steady", served, posts, rate=RATE, seconds=seconds)
        tell("overload", served, posts, rate=OVERLOAD, seconds=10)
        tell("recovered", served, posts, rate=RATE, seconds=20)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 120)
