"""A policy that keeps everything, others made of it, and what they leave of rows."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flows.privacy.policy import Mask, Policy
from flows.privacy.protect import protect
from flows.privacy.secret import Secret
from flows.sources import Chunk, Draft, Kind, Source
from flows.sources.boundary import check_draft
from flows.sources.drafts import ObjectRecord, ReadPost, rows_of
from flows.sources.known import SOURCES

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = Secret(b"0" * 32)
TWITTER = SOURCES["twitter"]
Row = dict[str, str | None]
KEEP_ALL: dict[str, Any] = {
    "name": "own", "version": 1, "kinds": dict.fromkeys(map(str, Kind), "keep"), "rescued": "keep",
    "masks": [str(mask) for mask in Mask], "refuse": [], "rejects": "keep",
}  # fmt: skip


def make_policy(kinds: dict[str, str] | None = None, **changes: object) -> Policy:
    return Policy.model_validate({**KEEP_ALL, "kinds": KEEP_ALL["kinds"] | (kinds or {}), **changes})


def chunk_of(*rows: Mapping[str, str | None], source: Source = TWITTER) -> Chunk:
    (identity,) = (field.name for field in source.fields if field.kind is Kind.POST_ID)
    posts = [
        (ObjectRecord(at, 0, b"", {}), ReadPost(row.get(identity, "1"), NOW, {"text": "", **row}, row.get("rescued")))
        for at, row in enumerate(rows, 1)
    ]
    return check_draft(source.fields, Draft(rows_of(source.fields, posts), lambda _: b""), now=NOW, key=b"key")


def protected(
    policy: Policy, *rows: Mapping[str, str | None], source: Source = TWITTER, shut_out: frozenset[str] = frozenset()
) -> list[dict[str, Any]]:
    chunk = chunk_of(*rows, source=source)
    found: list[dict[str, Any]] = protect(policy, source, chunk, secret=SECRET, shut_out=shut_out).rows.to_pylist()
    return found
