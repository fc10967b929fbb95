"""One HTTP call per post to a service of 50 ms, as the article's design did, beside our enrichments: posts a second.

    EPILAKE_JARS=FOLDER python -m tests.benchmarks.per_post_http [--posts 50000] [--called 200]

The service is a real server on the loopback address that waits 50 ms before it answers; texts are sent to it one after
the other on a connection that is kept, which flatters it. Ours are the tasks of the flow on generated posts in a lake
of its own, from CURATED to their Delta tables, after a round that is not counted in the same process. Wall time: the
other side waits and does not compute.
"""

import argparse
import csv
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from hashlib import sha256
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from flows.enrich import enrich_posts
from flows.enrichments import list_enrichments
from flows.lake.session import attach_lake, detach_lake, open_session
from flows.lake.tables import create_missing_tables, table_path
from flows.sample import write_sample
from flows.settings import Settings
from flows.sources.files import InputFile, open_decompressed
from ml.sentiment import score_text

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LATENCY_SECONDS = 0.05
WARMING_POSTS = 2_000


class OnePostService(BaseHTTPRequestHandler):
    """Answers the sentiment of the one text that it was sent, 50 ms later."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Read a text, wait, answer."""
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"]
        time.sleep(LATENCY_SECONDS)
        found = score_text(text)
        answer = json.dumps(found._asdict() if found else None).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing of requests."""


@contextmanager
def serving() -> Iterator[int]:
    """Run the service on a free port of the loopback address; yield the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), OnePostService)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def call_per_post(texts: list[str]) -> float:
    """Send each text in a request of its own, one after the other; return the posts a second."""
    with serving() as port, closing(HTTPConnection("127.0.0.1", port)) as connection:
        began = time.perf_counter()
        for text in texts:
            connection.request("POST", "/", json.dumps({"text": text}))
            if connection.getresponse().read() == b"null":
                raise RuntimeError("expected a sentiment of every text, found none: is a text empty?")
        seconds = time.perf_counter() - began
    return len(texts) / seconds


def read_posts(folder: Path, count: int) -> list[dict[str, str]]:
    """Generate a sample and return its posts as CURATED would name their columns, one per id."""
    write_sample(folder, posts=count)
    found: dict[str, dict[str, str]] = {}
    for file in sorted(folder.glob("posts-*")):
        with open_decompressed(InputFile(file)) as stream:
            lines = stream.read().decode("utf-8-sig", errors="replace").splitlines(keepends=True)
        for row in csv.DictReader(lines):
            if row.get("text") and is_day(row.get("date") or ""):
                found.setdefault(row["id"], row)
    return list(islice(found.values(), count))


def is_day(text: str) -> bool:
    """Return whether a text begins with a day: some generated records are malformed."""
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True


def fill_curated(spark: "SparkSession", settings: Settings, posts: list[dict[str, str]]) -> None:
    """Make an installation whose CURATED holds the posts, and point the session to it."""
    import pyarrow as pa
    from deltalake import write_deltalake

    detach_lake(spark)
    create_missing_tables(settings)
    columns = {
        "source": pa.array(["twitter"] * len(posts)),
        "post_id": pa.array([post["id"] for post in posts]),
        "text_hash": pa.array([sha256(post["text"].encode()).hexdigest() for post in posts]),
        "posted_date": pa.array([date.fromisoformat(post["date"][:10]) for post in posts]),
        "text": pa.array([post["text"] for post in posts]),
        "user_location": pa.array([post.get("user_location") for post in posts], pa.string()),
        "community": pa.nulls(len(posts), pa.string()),
    }
    write_deltalake(table_path(settings, "curated.curated_posts"), pa.table(columns))
    attach_lake(spark, settings)


def enrich_all(settings: Settings) -> dict[str, tuple[int, float]]:
    """Run every enrichment; return how many posts each looked at, and its seconds."""
    found = {}
    for enrichment in list_enrichments(settings):
        began = time.perf_counter()
        count = enrich_posts.fn(settings, enrichment)
        found[enrichment.name] = (count, time.perf_counter() - began)
    return found


def write(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=50_000)
    parser.add_argument("--called", type=int, default=200)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        posts = read_posts(Path(scratch) / "sample", given.posts)
        theirs = call_per_post([post["text"] for post in posts[: given.called]])
        write(f"one call per post: {theirs:,.1f} posts a second")
        warming, settings = (Settings(home=Path(scratch) / name) for name in ("warming", "measured"))
        spark = open_session(warming)
        fill_curated(spark, warming, posts[:WARMING_POSTS])
        enrich_all(warming)
        fill_curated(spark, settings, posts)
        found = enrich_all(settings)
    write(f"load {os.getloadavg()[0]:.1f}; {len(posts):,} posts, of which {given.called} were sent one by one")
    for name, (count, seconds) in found.items():
        rate = count / seconds
        write(f"{name:17}: {rate:,.0f} posts a second, {rate / theirs:,.0f} times as many")
    total = len(posts) / sum(seconds for _, seconds in found.values())
    write(f"all of enrich    : {total:,.0f} posts a second, {total / theirs:,.0f} times as many")


if __name__ == "__main__":
    main()
