"""X's batch compliance: which posts and accounts of ours are gone, protected or without their place by now.

https://docs.x.com/x-api/compliance/batch-compliance/introduction: a job is made, the ids are uploaded to an address
that X has signed, and what is to be done about them is downloaded from another one. An id that is fine is not named.
"""

import json
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any

from flows.collectors import Page
from flows.collectors.pace import Pace
from flows.collectors.twitter.client import BASE_URL, XClient, now
from flows.errors import EpilakeError

POLL_SECONDS = 30.0
USER_EVENTS = {
    "deleted": "user_delete",
    "deactivated": "user_delete",
    "suspended": "user_suspend",
    "protected": "user_protect",
    "scrub_geo": "scrub_geo",
}
"""Reason that a job names → the event by which X's compliance stream says the same of an account."""


class Subject(StrEnum):
    """What the ids of a job are of."""

    TWEETS = "tweets"
    USERS = "users"


def check_compliance(
    ids: Iterable[str],
    *,
    subject: Subject,
    token: str,
    until: datetime,
    job_id: str | None = None,
    base_url: str = BASE_URL,
    poll_seconds: float = POLL_SECONDS,
    pace: Pace | None = None,
) -> Page:
    """Return notices about those of the ids that are to be removed, or to be changed.

    Args:
        ids: Ids of posts or of accounts; not read if `job_id` is given.
        subject: What the ids are of.
        token: Bearer token of an application.
        until: How long to wait for X, which needs from seconds to hours.
        job_id: The cursor of an earlier page whose job was not ready: it is looked at again.
        base_url: Scheme and host of the API.
        poll_seconds: How often to look whether the job is ready.
        pace: Waiting times after failures.

    Returns:
        A page that `flows.sources.twitter` reads, without a cursor; if the job is not ready by `until`, an empty page
        whose cursor names the job.

    Raises:
        EpilakeError: X refuses the application, or has given the job up.
    """
    with XClient(token, base_url=base_url, pace=pace) as client:
        job = _look_at(client, job_id, until) if job_id else start_job(client, ids, subject, until)
        while (status := job.get("status")) in ("created", "in_progress"):
            if now().timestamp() + poll_seconds > until.timestamp():
                return Page(subject, b"", str(job["id"]), client.take_count())
            time.sleep(poll_seconds)
            job = _look_at(client, str(job["id"]), until)
        if status != "complete":
            raise EpilakeError(f"X has given up the compliance job {job.get('id')} ({status}): start it anew.")
        address = job["download_url"]
        timeout = client.timeout_seconds
        answer = client.ask("the result of the job", lambda: client.plain.get(address, timeout=timeout), until=until)
        return Page(subject, b"".join(spell_notices(answer.content, subject)), None, client.take_count())


def start_job(client: XClient, ids: Iterable[str], subject: Subject, until: datetime) -> dict[str, Any]:
    """Make a job about these ids, upload them, and return the job as X describes it."""
    _, answer = client.ask_json(
        "the compliance job", lambda: client.api.create_compliance_job(type=str(subject)), until=until
    )
    job = _job_of(answer)
    content, headers = "\n".join(ids).encode(), {"Content-Type": "text/plain"}
    address, timeout = job["upload_url"], client.timeout_seconds
    client.ask(
        "the upload of ids",
        lambda: client.plain.put(address, data=content, headers=headers, timeout=timeout),
        until=until,
    )
    return job


def _look_at(client: XClient, job_id: str, until: datetime) -> dict[str, Any]:
    _, answer = client.ask_json(
        f"the compliance job {job_id}", lambda: client.api.get_compliance_job(job_id), until=until
    )
    return _job_of(answer)


def _job_of(answer: dict[str, Any]) -> dict[str, Any]:
    job = answer.get("data")
    if not isinstance(job, dict) or not {"id", "status", "upload_url", "download_url"} <= set(job):
        raise EpilakeError(f"X describes no compliance job ({json.dumps(answer)[:200]}): ask again later.")
    return job


def spell_notices(content: bytes, subject: Subject) -> Iterator[bytes]:
    r"""Yield the lines of a job's result so that a reader knows what they are about: of accounts, they do not say so.

    >>> line = b'{"id": "7", "action": "delete", "reason": "protected", "redacted_at": "2020-07-29T17:02:47.000Z"}'
    >>> list(spell_notices(line + b"\r\n", Subject.USERS))
    [b'{"data": {"user_protect": {"user": {"id": "7"}, "event_at": "2020-07-29T17:02:47.000Z"}}}\n']
    >>> list(spell_notices(b'{"id": "7", "action": "delete", "reason": "deleted"}', Subject.TWEETS))
    [b'{"id": "7", "action": "delete", "reason": "deleted"}\n']
    """
    for line in filter(None, map(bytes.strip, content.splitlines())):
        event = read_event(line) if subject is Subject.USERS else None
        yield (json.dumps({"data": event}).encode() if event else line) + b"\n"


def read_event(line: bytes) -> dict[str, Any] | None:
    """Return a line about an account as an event of the compliance stream; None if it is none.

    >>> read_event(b'{"id": "7", "reason": "suspended"}'), read_event(b"<html>")
    ({'user_suspend': {'user': {'id': '7'}, 'event_at': None}}, None)
    """
    try:
        found = json.loads(line)
        name = USER_EVENTS.get(found["reason"], "user_delete")
        return {name: {"user": {"id": found["id"]}, "event_at": found.get("redacted_at")}}
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
