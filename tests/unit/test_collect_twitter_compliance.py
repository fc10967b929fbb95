"""X's batch compliance, from a server on this machine that answers in X's words."""

import io

import pytest

from flows.collectors.twitter import Subject, check_compliance
from flows.errors import EpilakeError
from flows.sources import NoticeKind
from flows.sources.twitter import Twitter
from tests.unit.loopback.twitter import PACE, TOKEN, XServer, soon


def test_a_compliance_job_brings_notices_about_posts(x: XServer) -> None:
    x.job_states.extend(["in_progress", "complete"])
    line = b'{"id":"1265324480517361664","action":"delete","created_at":"2019-10-29T17:02:47.000Z","reason":"deleted"}'
    x.results = line + b"\r\n"
    page = check_compliance(
        ["1265324480517361664", "12"], subject=Subject.TWEETS, token=TOKEN, until=soon(), base_url=x.url,
        poll_seconds=0.02, pace=PACE,
    )  # fmt: skip
    assert x.uploaded == (b"1265324480517361664\n12", None)
    assert (page.content, page.cursor) == (line + b"\n", None)
    (draft,) = Twitter().parse(io.BytesIO(page.content), chunk_records=9)
    assert [(notice.kind, notice.post_id) for notice in draft.notices] == [
        (NoticeKind.POST_DELETED, "1265324480517361664")
    ]


def test_a_job_about_accounts_brings_notices_about_accounts(x: XServer) -> None:
    x.job_states.append("complete")
    reasons = ("protected", "suspended", "deactivated", "scrub_geo")
    x.results = b"".join(b'{"id": "7", "action": "delete", "reason": "%s"}\n' % reason.encode() for reason in reasons)
    page = check_compliance(["7"], subject=Subject.USERS, token=TOKEN, until=soon(), base_url=x.url, poll_seconds=0.02)
    (draft,) = Twitter().parse(io.BytesIO(page.content), chunk_records=9)
    assert [notice.kind for notice in draft.notices] == [
        NoticeKind.AUTHOR_PROTECTED, NoticeKind.AUTHOR_DELETED, NoticeKind.AUTHOR_DELETED, NoticeKind.PLACE_REMOVED
    ]  # fmt: skip
    assert {notice.author_id for notice in draft.notices} == {"7"}


def test_a_job_that_is_not_ready_is_looked_at_again_later(x: XServer) -> None:
    x.job_states.extend(["in_progress", "complete"])
    page = check_compliance(["7"], subject=Subject.TWEETS, token=TOKEN, until=soon(0), base_url=x.url)
    assert (page.content, page.cursor) == (b"", "88")
    again = check_compliance(
        (), subject=Subject.TWEETS, token=TOKEN, until=soon(), job_id="88", base_url=x.url, poll_seconds=0.02
    )
    assert again.cursor is None
    assert len(x.asked("/2/compliance/jobs")) == 1


@pytest.mark.parametrize("state", ["failed", "expired"])
def test_a_job_that_x_gives_up_is_an_error(x: XServer, state: str) -> None:
    x.job_states.append(state)
    with pytest.raises(EpilakeError, match=rf"given up the compliance job 88 \({state}\)"):
        check_compliance(["7"], subject=Subject.TWEETS, token=TOKEN, until=soon(), base_url=x.url, poll_seconds=0.02)
