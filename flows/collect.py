"""Posts from live sources into RAW: asked for by topic, checked and protected in memory, stored every half minute.

A group of pages becomes one batch, on the same way as a file's records. After the batch is in RAW its cursors and what
it covered are recorded, so a run that was killed asks again for what it had not stored, and what comes twice is known.
Instead of into RAW a group can go into a topic of Kafka, out of which `flows.stream` brings it.
"""

import hashlib
import io
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.admission import Admission, open_admission
from flows.batches import COUNTS, Batch
from flows.collectors import Outcome, Page, Span
from flows.collectors.known import Plan, make_collector, make_plan
from flows.console import say
from flows.coverage_ledger import split_by_hour
from flows.ingest import load_batches, record_batches, stage_chunk, staging_folder
from flows.lake.contracts import BATCHES, COVERAGE, CURSORS, POSTS
from flows.lake.tables import append_rows, query
from flows.publish import PARTITIONS, Ledger, Record, send_all, split
from flows.runs import current_run_id, recorded
from flows.settings import Settings
from flows.sources import Chunk, Kind, Source
from flows.sources.boundary import check_draft
from flows.sources.files import InputFile
from flows.sources.known import find_source
from flows.streaming.client import ensure_topic, open_admin
from flows.topics import match_topics

GROUP_BYTES = 8_000_000
GROUP_SECONDS = 30.0
"""Pages are stored together until they are so large or so old: each batch is a commit, each commit a file."""


TOPICS = "_topics"
"""Column of a checked chunk with the topics of each post; it is not stored."""


@flow(name="collect")
def collect(source: str, minutes: float = 10.0, publish_to: str = "") -> dict[str, int]:
    """Ask a live source about the topics until it has answered, or for so long; return the counts of records.

    Args:
        source: Name of the source.
        minutes: How long a stream is listened to, and how long a rate limit may be waited for.
        publish_to: Topic of Kafka into which the records go as the source gave them; empty: into RAW.

    Raises:
        EpilakeError: The source has no live client, its credentials are missing or refused, or Kafka takes no records.
    """
    settings = Settings()
    totals = Counter(dict.fromkeys(("count_batches", *COUNTS), 0))
    with recorded(settings, "collect") as report, staging_folder(settings) as staging:
        collector, admission = make_collector(settings, source), open_admission(settings)
        if publish_to:
            ensure_topic(open_admin(settings), publish_to, PARTITIONS)
        plan, until = make_plan(settings, source), datetime.now(UTC) + timedelta(minutes=minutes)
        pages = collector.collect(plan.requests, read_cursors(settings, source), until=until)
        for number, group in enumerate(group_pages(pages)):
            batch = take_pages(
                settings, plan, admission, group, staging=staging / f"{number:06}", publish_to=publish_to
            )
            totals.update({"count_batches": 1, **{name: getattr(batch, name) for name in COUNTS}})
        report.update(totals)
    return dict(totals)


def read_cursors(settings: Settings, source: str) -> dict[str, str]:
    """Return request → cursor of the last batch of it that is wholly in RAW."""
    last = "last_value(cursor order by recorded_at) as cursor"
    sql = f"select request, {last} from rows where source = '{source}' group by request"  # noqa: S608 - a name of ours
    return {row["request"]: row["cursor"] for row in query(settings, CURSORS.name, sql)}


def group_pages(pages: Iterable[Page]) -> Iterator[list[Page]]:
    """Yield pages in groups that are worth a commit; nothing is held back once the source has ended."""
    group: list[Page] = []
    began = time.monotonic()
    for page in pages:
        group.append(page)
        if sum(len(page.content) for page in group) >= GROUP_BYTES or time.monotonic() - began >= GROUP_SECONDS:
            yield group
            group, began = [], time.monotonic()
    if group:
        yield group


@dataclass(frozen=True)
class Answer:
    """One page as it is let in, and the topics of each capture, by its hash."""

    page: Page
    chunks: list[Chunk]
    topics: dict[str, list[str]]

    @property
    def count_answered(self) -> int:
        """Records that the source gave."""
        return sum(map(len, self.chunks))

    @property
    def count_refused(self) -> int:
        """Records that were malformed, or that the policy does not let in."""
        return sum(len(chunk.rejects) + sum(chunk.refused.values()) for chunk in self.chunks)


@task(cache_policy=NO_CACHE)
def take_pages(
    settings: Settings, plan: Plan, admission: Admission, pages: list[Page], *, staging: Path, publish_to: str
) -> Batch:
    """Bring a group of pages into RAW or a topic of Kafka, and record how far and how well the source was heard.

    What is published counts as captured each time: only RAW can tell what it has already.
    """
    answers = [read_page(settings, plan, admission, page) for page in pages]
    if publish_to:
        batch = publish_answers(settings, plan, answers, publish_to)
        captured = {key for answer in answers for key in answer.topics}
    else:
        batch = store_answers(settings, plan, admission, answers, staging)
        captured = find_captured(settings, plan.source, batch)
    append_rows(settings, COVERAGE, list(cover(plan, batch, answers, captured)), only_new=True)
    append_rows(settings, CURSORS, list(move_cursors(plan, batch, pages)), only_new=True)
    return batch


def store_answers(settings: Settings, plan: Plan, admission: Admission, answers: list[Answer], staging: Path) -> Batch:
    """Bring what was read into RAW, and record the batch."""
    source = find_source(plan.source)
    batch = identify_batch(settings, plan.source, [answer.page for answer in answers])
    for number, chunk in enumerate(chunk for answer in answers for chunk in answer.chunks):
        stage_chunk(source, admission, batch, chunk, staging / "0" / f"{number:06}")
        batch = batch.add_chunk(chunk)
    (batch,) = load_batches.fn(settings, source, [batch], staging)
    row = batch.to_row(source=source.name, flow_run_id=current_run_id(), **admission.stamps)
    record_batches.fn(settings, [row])
    say(f"{source.name}: {batch.count_records:,} records, {batch.count_accepted:,} posts about the topics let in")
    return batch


def publish_answers(settings: Settings, plan: Plan, answers: list[Answer], topic: str) -> Batch:
    """Send what was read and is wanted to Kafka, and return once it has all of it; the batch is not RAW's yet."""
    batch, account = identify_batch(settings, plan.source, [answer.page for answer in answers]), Ledger()
    send_all(settings, topic, plan.source, (record for answer in answers for record in list_wanted(answer)), account)
    for chunk in (chunk for answer in answers for chunk in answer.chunks):
        batch = batch.add_chunk(chunk)
    count = account.count_acknowledged
    say(f"{plan.source}: {batch.count_records:,} records, {count:,} messages published to {topic}")
    return batch


def list_wanted(answer: Answer) -> list[Record]:
    """Return the records of a page as the source gave them: posts about a topic, notices, and what is malformed.

    A page that is one document of several records, as X answers a search, goes whole or not at all.
    """
    wanted: set[int] = set()
    for chunk in answer.chunks:
        wanted.update(chunk.rows["record_number"].to_pylist())
        wanted.update(reject.record_number for reject in chunk.rejects)
        wanted.update(notice.record_number for notice in chunk.notices)
    records = list(split(io.BytesIO(answer.page.content))) if wanted else []
    if len(records) < answer.count_answered:
        return records
    return [record for number, record in enumerate(records, 1) if number in wanted]


def read_page(settings: Settings, plan: Plan, admission: Admission, page: Page) -> Answer:
    """Read, check, narrow to the topics and protect one page."""
    source, stream = find_source(plan.source), io.BufferedReader(io.BytesIO(page.content))
    drafts = source.parse(stream, chunk_records=settings.chunk_records) if page.content else ()
    now, key = datetime.now(UTC), admission.secret.record_key
    checked = (check_draft(source.fields, draft, now=now, key=key) for draft in drafts)
    chunks = [admission.admit(source, keep_matching(plan, source, chunk)) for chunk in checked]
    rows = [(chunk.rows["record_hash"].to_pylist(), chunk.rows[TOPICS].to_pylist()) for chunk in chunks]
    return Answer(page, chunks, {key: names for keys, topics in rows for key, names in zip(keys, topics, strict=True)})


def keep_matching(plan: Plan, source: Source, chunk: Chunk) -> Chunk:
    """Return a chunk without the posts that are about no topic, which count as skipped; the rows say their topics."""
    import pyarrow as pa

    names = [field.name for field in source.fields if field.kind is Kind.TEXT]
    texts = [
        " \n".join(filter(None, row)) for row in zip(*(chunk.rows[name].to_pylist() for name in names), strict=True)
    ]
    topics = match_topics(plan.topics, texts)
    rows = chunk.rows.append_column(TOPICS, pa.array(topics, pa.list_(pa.string())))
    kept = rows.filter(pa.array([bool(found) for found in topics], pa.bool_()))
    return replace(chunk, rows=kept, count_skipped=chunk.count_skipped + chunk.rows.num_rows - kept.num_rows)


def identify_batch(settings: Settings, source: str, pages: list[Page]) -> Batch:
    """Return the batch of a group of pages, named by what they hold, where they stand and what they cover.

    A source that is asked again may answer the same; that is a further batch, of duplicates.
    """
    digest, count = hashlib.sha256(source.encode()), 0
    for page in pages:
        digest.update(repr((page.request, page.cursor, page.spans)).encode())
        digest.update(page.content)
        count += len(page.content)
    is_known = query(settings, BATCHES.name, f"select 1 from rows where batch_id = '{digest.hexdigest()[:32]}'")  # noqa: S608 - hexadecimal digits
    if is_known:
        digest.update(os.urandom(16))
    return Batch(digest.hexdigest()[:32], InputFile(Path(f"live-{source}")), count, datetime.now(UTC))


def find_captured(settings: Settings, source: str, batch: Batch) -> set[str]:
    """Return the hashes of the captures that a batch brought; what came twice is not among them."""
    sql = f"select record_hash from rows where batch_id = '{batch.batch_id}'"  # noqa: S608 - hexadecimal digits
    return {row["record_hash"] for row in query(settings, POSTS[source].name, sql)}


def cover(plan: Plan, batch: Batch, answers: list[Answer], captured: set[str]) -> Iterator[dict[str, object]]:
    """Yield the rows of `ops.coverage` of a batch: its spans by topic, hour and outcome, and its counts once each."""
    for topic, requests in plan.requests_by_topic.items():
        mine = [answer for answer in answers if answer.page.request in requests]
        seconds: dict[tuple[datetime, Outcome, str], float] = {}
        for span in join_spans([span for answer in mine for span in answer.page.spans]):
            for hour, count in split_by_hour(span):
                key = (hour, span.outcome, span.reason)
                seconds[key] = seconds.get(key, 0.0) + count
        counts = {
            "count_asked": sum(answer.page.count_asked for answer in mine),
            "count_answered": sum(answer.count_answered for answer in mine),
            "count_captured": len(
                captured & {key for answer in mine for key in answer.topics if topic in answer.topics[key]}
            ),
            "count_refused": sum(answer.count_refused for answer in mine),
        }
        if not seconds:  # what was counted is not lost, though the source did not say what time it covers
            seconds[batch.started_at.replace(minute=0, second=0, microsecond=0), Outcome.ANSWERED, ""] = 0.0
        for place, ((hour, outcome, reason), covered) in enumerate(sorted(seconds.items(), reverse=True)):
            yield {
                "source": plan.source,
                "topic": topic,
                "hour_at": hour,
                "outcome": str(outcome),
                "reason": reason,
                "covered_seconds": min(covered, 3_600.0),
                **(counts if place == 0 else dict.fromkeys(counts, 0)),
                "batch_id": batch.batch_id,
                "recorded_at": datetime.now(UTC),
            }


def join_spans(spans: list[Span]) -> list[Span]:
    """Return spans of the same outcome and reason without what they have in common: several requests, one hour.

    >>> from datetime import UTC, datetime
    >>> nine, ten = (datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in (9, 10))
    >>> len(join_spans([Span(nine, ten, Outcome.ANSWERED)] * 2))
    1
    """
    joined: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.outcome, span.reason, span.begins_at)):
        last = joined[-1] if joined else None
        if last and (last.outcome, last.reason) == (span.outcome, span.reason) and span.begins_at <= last.ends_at:
            joined[-1] = replace(last, ends_at=max(last.ends_at, span.ends_at))
        else:
            joined.append(span)
    return joined


def move_cursors(plan: Plan, batch: Batch, pages: list[Page]) -> Iterator[dict[str, object]]:
    """Yield the rows of `ops.cursors` of a batch: of each request the last."""
    last = {page.request: page.cursor for page in pages if page.cursor is not None}
    for request, cursor in last.items():
        yield {
            "source": plan.source,
            "request": request,
            "cursor": cursor,
            "batch_id": batch.batch_id,
            "recorded_at": datetime.now(UTC),
        }
