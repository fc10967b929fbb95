"""What must be forgotten, forgotten: delete notices and erasure requests carried out in every layer, for good.

A source's notice and a person's request end in the same place, `raw.deletions`. The next build takes the posts out of
CURATED and REFINED; this flow then removes them from RAW, from what Python computed, from the refused records and from
the past of every table, and leaves a receipt in `ops.erasures` that names nobody. What was erased on request is never
let in again. No personal datum is a parameter of the flow, for a flow's parameters are kept by Prefect.
"""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.admission import open_admission
from flows.build import run_dbt
from flows.console import say
from flows.erasure_requests import REQUEST
from flows.lake.contracts import DELETIONS, ERASURES, POSTS
from flows.lake.locks import build_turn
from flows.lake.purge import delete_keys, list_tables, scrub
from flows.lake.session import open_session
from flows.lake.tables import append_rows, query
from flows.report import publish_counts
from flows.runs import current_run_id, recorded
from flows.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

LAYERS = ("raw", "curated", "enriched", "refined", "scored")
TOMBSTONES = "curated.curated_deleted_posts"


@flow(name="erase")
def erase() -> dict[str, int]:
    """Carry out what `raw.deletions` asks for; return the rows removed by table."""
    settings = Settings()
    with recorded(settings, "erase") as report:
        removed: dict[str, int] = {}
        if query(settings, DELETIONS.name, "select 1 from rows limit 1"):
            run_dbt(settings, "tag:curated tag:refined")
            removed = purge_deleted(settings)
        report.update(removed)
    return removed


@task(cache_policy=NO_CACHE)
def purge_deleted(settings: Settings) -> dict[str, int]:
    """Remove the deleted posts from every table and from its past, and leave receipts; return rows by table.

    The notices go last: a run that was killed finds them again, and what is gone already counts for nothing.
    """
    with build_turn(open_session(settings), settings):
        doomed = find_doomed(settings)
        removed = {name: delete_keys(settings, name, keys) for name, keys in keys_by_table(settings, doomed).items()}
        record_receipts(settings, doomed, removed)
        for name in list_tables(settings, LAYERS):
            if name not in {DELETIONS.name, TOMBSTONES}:
                scrub(settings, name)
        removed |= forget_notices(settings, doomed)
    publish_counts(
        "erasure", "Rows removed by table", [{"table": name, "rows": rows} for name, rows in removed.items()]
    )
    for name, rows in removed.items():
        if rows:
            say(f"erased: {rows:,} rows of {name}, from its past and its log too")
    return {name: rows for name, rows in removed.items() if rows}


def find_doomed(settings: Settings) -> "pa.Table":
    """Return the posts that are to be erased, as the build found them: `source`, `post_id` and `notice_id`."""
    import pyarrow as pa

    rows = query(settings, TOMBSTONES, "select source, post_id, notice_id from rows")
    return pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in ("source", "post_id", "notice_id")]))


def keys_by_table(settings: Settings, doomed: "pa.Table") -> "dict[str, pa.Table]":
    """Return, for each table with posts, the keys of the rows to remove; in RAW a table is of one source."""
    import pyarrow.compute as pc

    raw = {POSTS[source].name: source for source in POSTS}
    keys = {}
    for name, columns in list_tables(settings, LAYERS).items():
        if name in raw:
            keys[name] = doomed.filter(pc.equal(doomed["source"], raw[name])).select(["post_id"])
        elif {"source", "post_id"} <= columns and name not in {DELETIONS.name, TOMBSTONES}:
            keys[name] = doomed.select(["source", "post_id"])
    return keys


def record_receipts(settings: Settings, doomed: "pa.Table", removed: dict[str, int]) -> None:
    """Write one receipt per erased post into `ops.erasures`, under its pseudonym, and shut it out."""
    secret, now = open_admission(settings).secret, datetime.now(UTC)
    receipt = json.dumps({name: rows for name, rows in removed.items() if rows})
    rows = [
        {
            "source": post["source"],
            "subject_key": secret.name_post(post["source"], post["post_id"]),
            "kind": "post",
            "is_shut_out": True,
            "noted_at": now,
            "receipt": receipt,
            "flow_run_id": current_run_id(),
        }
        for post in doomed.to_pylist()
    ]
    append_rows(settings, ERASURES, rows, only_new=True)


def forget_notices(settings: Settings, doomed: "pa.Table") -> dict[str, int]:
    """Remove what named the erased posts to the last: their notices and their tombstones."""
    import pyarrow as pa

    requests = query(settings, DELETIONS.name, f"select batch_id, record_number from rows where kind = '{REQUEST}'")  # noqa: S608 - a word of our own
    done = pa.Table.from_pylist(requests, pa.schema([("batch_id", pa.string()), ("record_number", pa.int64())]))
    named = doomed.select(["source", "notice_id"]).rename_columns(["source", "post_id"])
    removed = {
        DELETIONS.name: delete_keys(settings, DELETIONS.name, named) + delete_keys(settings, DELETIONS.name, done),
        TOMBSTONES: delete_keys(settings, TOMBSTONES, doomed.select(["source", "post_id"])),
    }
    for name in removed:
        scrub(settings, name)
    return removed
