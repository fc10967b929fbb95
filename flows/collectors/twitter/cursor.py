"""How far X was asked: one spelling for the search and the stream, so that each can go on where the other ended."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flows.errors import EpilakeError
from flows.sources.drafts import read_iso_time


@dataclass(frozen=True)
class Rest:
    """The older part of a search that is still to be asked: posts after one id and before another.

    `since_id` is None if the search was without beginning; nothing before `begins_at` was asked for.
    """

    begins_at: datetime
    since_id: int | None
    until_id: int


@dataclass(frozen=True)
class Cursor:
    """Until when X was asked, the newest post of before, and what is still to be asked of before."""

    asked_until: datetime
    newest_id: int = 0
    rest: Rest | None = None

    def __str__(self) -> str:
        """Return the cursor as a page carries it."""
        rest = self.rest and {**vars(self.rest), "begins_at": self.rest.begins_at.isoformat()}
        held = {"asked_until": self.asked_until.isoformat(), "newest_id": self.newest_id, "rest": rest}
        return json.dumps({name: value for name, value in held.items() if value})


def read_cursor(text: str | None) -> Cursor | None:
    """Return a cursor from its text.

    >>> read_cursor('{"asked_until": "2026-01-01T00:00:00+00:00", "newest_id": 7}').newest_id, read_cursor(None)
    (7, None)
    """
    if text is None:
        return None
    try:
        held = json.loads(text)
        rest = held.get("rest")
        return Cursor(
            _read_moment(held["asked_until"]),
            int(held.get("newest_id", 0)),
            rest and Rest(_read_moment(rest["begins_at"]), rest["since_id"], int(rest["until_id"])),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EpilakeError(
            f"{text!r} is no cursor of X's: expected a JSON object with `asked_until`; remove it to begin anew."
        ) from error


def _read_moment(spelling: Any) -> datetime:
    moment = read_iso_time(spelling)
    if not moment:
        raise ValueError(spelling)
    return moment
