"""What X says about tweets that it gave out before, what says nothing, and what is refused."""

import io
import json
from typing import Any

import pytest

from flows.sources import Draft, NoticeKind
from flows.sources.twitter.objects import parse_objects

TWEET = {"created_at": "Sun Dec 20 06:06:44 +0000 2020", "id_str": "7", "text": "fever", "user": {"id_str": "3"}}


def parse(*objects: Any) -> Draft:
    content = b"\n".join(json.dumps(value).encode() for value in objects)
    (draft,) = parse_objects(io.BytesIO(content), chunk_records=1_000)
    return draft


@pytest.mark.parametrize(
    ("message", "kind", "post_id", "author_id", "noticed_at"),
    [
        ({"delete": {"status": {"id": 7, "id_str": "7", "user_id": 3, "user_id_str": "3"},
                     "timestamp_ms": "1587168000000"}},
         NoticeKind.POST_DELETED, "7", None, "2020-04-18"),
        ({"scrub_geo": {"user_id": 3, "user_id_str": "3", "up_to_status_id": 9, "up_to_status_id_str": "9"}},
         NoticeKind.PLACE_REMOVED, None, "3", None),
        ({"status_withheld": {"id": 7, "user_id": 3, "withheld_in_countries": ["DE"]}},
         NoticeKind.POST_WITHHELD, "7", None, None),
        ({"user_withheld": {"id": 3, "withheld_in_countries": ["DE"]}}, NoticeKind.AUTHOR_WITHHELD, None, "3", None),
        ({"user_delete": {"id": 3, "timestamp_ms": 1587168000000}}, NoticeKind.AUTHOR_DELETED, None, "3", "2020-04-18"),
        ({"user_protect": {"id": 3}}, NoticeKind.AUTHOR_PROTECTED, None, "3", None),
        ({"data": {"delete": {"tweet": {"id": "7", "author_id": "3"}, "event_at": "2020-04-18T00:00:00.000Z"}}},
         NoticeKind.POST_DELETED, "7", None, "2020-04-18"),
        ({"data": {"withheld": {"tweet": {"id": "7"}, "withheld_in_countries": ["XY"]}}},
         NoticeKind.POST_WITHHELD, "7", None, None),
        ({"data": {"drop": {"tweet": {"id": "7"}}}}, NoticeKind.POST_DELETED, "7", None, None),
        ({"data": {"scrub_geo": {"user": {"id": "3"}, "up_to_tweet_id": "9", "event_at": "2020-04-18T00:00:00+00:00"}}},
         NoticeKind.PLACE_REMOVED, None, "3", "2020-04-18"),
        ({"data": {"user_suspend": {"user": {"id": "3"}}}}, NoticeKind.AUTHOR_DELETED, None, "3", None),
        ({"data": {"user_protect": {"user": {"id": "3"}}}}, NoticeKind.AUTHOR_PROTECTED, None, "3", None),
        ({"id": "7", "action": "delete", "reason": "suspended", "created_at": "2019-10-29T17:02:47.000Z",
          "redacted_at": "2020-04-18T00:00:00.000Z"}, NoticeKind.POST_DELETED, "7", None, "2020-04-18"),
        ({"id": "7", "action": "delete", "reason": "scrub_geo", "created_at": "2019-10-29T17:02:47.000Z"},
         NoticeKind.PLACE_REMOVED, "7", None, None),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)  # fmt: skip
def test_what_x_wants_gone_is_a_notice(
    message: dict[str, Any], kind: NoticeKind, post_id: str | None, author_id: str | None, noticed_at: str | None
) -> None:
    draft = parse(message)
    assert not draft.rejects
    notice = draft.notices[0]
    assert (notice.kind, notice.post_id, notice.author_id) == (kind, post_id, author_id)
    assert (str(notice.noticed_at.date()) if notice.noticed_at else None) == noticed_at


def test_messages_and_answers_that_carry_no_tweet_are_skipped_and_counted() -> None:
    messages: list[dict[str, Any]] = [
        {"limit": {"track": 1234, "timestamp_ms": "1"}},
        {"disconnect": {"code": 4, "stream_name": "x", "reason": "x"}},
        {"warning": {"code": "FALLING_BEHIND", "percent_full": 60}},
        {"friends": [1, 2]},
        {"delete": {"favorite": {"tweet_id": 7, "user_id": 3}}},
        {"data": {"user_undelete": {"user": {"id": "3"}}}},
        {"meta": {"result_count": 0}},
        {"data": [], "meta": {"result_count": 0}},
        {"errors": [{"title": "operational-disconnect", "disconnect_type": "UpstreamOperationalDisconnect"}]},
        {
            "title": "ConnectionException",
            "detail": "full",
            "connection_issue": "TooManyConnections",
            "type": "about:blank",
        },
    ]
    draft = parse(*messages)
    assert (draft.count_skipped, draft.rejects, draft.notices, draft.rows.num_rows) == (len(messages), [], [], 0)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"temperature": 21}, "not a tweet of a known shape"),
        ({"data": {"id": "3", "username": "ana"}}, "not a tweet of a known shape"),
        ({"_type": "snscrape.modules.twitter.User", "id": 3}, "not a tweet of a known shape"),
        ({"delete": {"status": {}}}, "a notice without an exact id"),
        ({"delete": {"status": {"id": 1.3e18}}}, "a notice without an exact id"),
        ({**TWEET, "user": {"name": "\ud83d"}}, "holds half of a surrogate pair"),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(next(iter(value))),
)
def test_what_is_no_tweet_is_refused_with_a_reason(value: dict[str, Any], reason: str) -> None:
    assert [reject.reason for reject in parse(value).rejects] == [reason]
