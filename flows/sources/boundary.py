"""The boundary: what must hold of a post, of whatever source, before it may enter RAW.

The rules are a pandera schema that is made from the source's fields: each kind of field has its rule, and each check's
message is the reason under which a refused record is kept. RAW keeps every field as it stood, so a rule stands here
only where a later layer could not do without it.
"""

import hashlib
import warnings
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from flows.sources import Chunk, Draft, Field, Kind, Reject

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    import pandera.pandas as pandera
    import pyarrow as pa

EARLIEST_YEAR = 1990
"""No source is older; a date before it is a clock that was not set."""
MAX_TEXT_CHARACTERS = 1_100_000
MAX_HASHTAGS = 10_000
FEW_ROWS = 64
"""Up to so many rows each value is looked at by itself: to set up the schema costs as much as some hundred rows."""

RULES: dict[Kind, tuple[str, str]] = {
    Kind.COUNT: (r"\d{1,18}", "is not a whole number"),
    Kind.FLAG: (r"(?i)true|false", "is neither true nor false"),
    Kind.AUTHOR_PROTECTED: (r"(?i)true|false", "is neither true nor false"),
}
"""Kind → pattern that the whole field matches, and what is wrong if it does not."""
INEXACT_NUMBER = r"[+-]?\d+(?:[.,]\d+)?[eE]\+?\d+|[+-]?\d{2,}[.,]\d+"
"""A number that went through a spreadsheet or a float: its last digits are gone."""
EARLY = f"date lies before {EARLIEST_YEAR}"
FUTURE = "date lies in the future"
MISSING = {"post_id": "id is missing", "text": "text is missing", "posted_at": "date is not a timestamp"}
"""What every post has, and what is said of one that lacks it."""
FORMULA = r"(?s)\s*[=+-]\s*[A-Za-z][A-Za-z0-9._]*\(.*|\s*[=+@-][A-Za-z]+\|.*!.*"
"""A call of a function, or of a program (DDE), that a spreadsheet would run."""


class Rule(NamedTuple):
    """One rule of a value that is there.

    Attributes:
        reason: Why a value is refused that does not hold it.
        holds: Whether one value does.
        hold: Whether those of a column do.
    """

    reason: str
    holds: "Callable[[Any], bool]"
    hold: "Callable[[pd.Series], pd.Series]"


def check_draft(fields: tuple[Field, ...], draft: Draft, *, now: datetime, key: bytes) -> Chunk:
    """Return the rows that hold the contract, with their identity, and the others among the rejects.

    Every record of the draft ends in exactly one of rows, rejects, notices and the count of skipped ones.

    Args:
        fields: The source's fields.
        draft: What was read.
        now: A post of a later day is of a clock that runs wrong.
        key: Secret of `record_hash`, or else whoever has a lake could try out whose handle makes a record's hash.
    """
    reasons = find_faults(fields, draft.rows, now=now)
    numbers, offsets = draft.rows["record_number"], draft.rows["byte_offset"]
    rejects = [
        Reject(numbers[at].as_py(), offsets[at].as_py(), reason, draft.record_bytes(at))
        for at, reason in sorted(reasons.items())
    ]
    rows = draft.rows if not reasons else _without(draft.rows, reasons)
    return Chunk(
        identify(fields, rows, key),
        sorted([*draft.rejects, *rejects], key=lambda reject: reject.record_number),
        draft.notices,
        draft.count_skipped,
    )


def find_faults(fields: tuple[Field, ...], rows: "pa.Table", *, now: datetime) -> dict[int, str]:
    """Return place → why the row breaks the contract, reasons joined by a semicolon; rows without fault are absent."""
    return (find_few_faults if rows.num_rows <= FEW_ROWS else find_many_faults)(fields, rows, now=now)


def find_few_faults(fields: tuple[Field, ...], rows: "pa.Table", *, now: datetime) -> dict[int, str]:
    """Return what `find_many_faults` does, by the same rules, value by value."""
    columns: dict[str, list[Any]] = {name: list_values(rows[name]) for name in (field.name for field in fields)}
    columns["post_id"] = rows["post_id"].to_pylist()
    columns |= dict.fromkeys(("posted_at", "is_early", "is_future"), rows["posted_at"].to_pylist())
    rules = {field.name: list_rules(field) for field in fields} | list_clock_rules(now)
    reasons: dict[int, list[str]] = {}
    for name in sorted(columns):
        missing = MISSING.get(name)
        for at, value in enumerate(columns[name]):
            if value is None:
                broken = [missing] if missing else []
            else:
                broken = [rule.reason for rule in rules.get(name, ()) if not rule.holds(value)]
            if broken:
                reasons.setdefault(at, []).extend(broken)
    return {at: "; ".join(dict.fromkeys(reasons[at])) for at in sorted(reasons)}


def find_many_faults(fields: tuple[Field, ...], rows: "pa.Table", *, now: datetime) -> dict[int, str]:
    """Return place → why the row there breaks the contract, column by column, by the schema of pandera."""
    if not rows.num_rows:
        return {}
    present = tuple(field for field in fields if field.name == "text" or rows[field.name].null_count < rows.num_rows)
    rows = rows.select([*dict.fromkeys([*(field.name for field in present), "text", "post_id", "posted_at"])])
    return list_faults(posts_schema(present), _to_frame(rows, now))


def list_faults(schema: "pandera.DataFrameSchema", frame: "pd.DataFrame") -> dict[int, str]:
    """Return place → the messages of the checks that the row there fails; rows without fault are absent."""
    from pandera.errors import SchemaErrors

    try:
        with warnings.catch_warnings():  # pandera joins its lists of failures in a way that pandas 2 warns of
            warnings.simplefilter("ignore", FutureWarning)
            schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        failures = errors.failure_cases.sort_values(["index", "column"]).drop_duplicates(["index", "check"])
        reasons: dict[int, list[str]] = {}
        for index, reason in zip(failures["index"], failures["check"], strict=True):
            reasons.setdefault(int(index), []).append(reason)
        return {index: "; ".join(dict.fromkeys(found)) for index, found in reasons.items()}
    return {}


@cache
def posts_schema(fields: tuple[Field, ...]) -> "pandera.DataFrameSchema":
    """Return the rules of one draft of a source's posts; row by row, no rule looks at two rows."""
    import pandera.pandas as pandera

    columns = {field.name: pandera.Column(checks=_checks(field), nullable=True) for field in fields}
    columns |= {
        "post_id": pandera.Column(checks=_present(MISSING["post_id"]), nullable=True),
        "text": pandera.Column(checks=[_present(MISSING["text"]), *columns["text"].checks], nullable=True),
        "posted_at": pandera.Column(checks=_present(MISSING["posted_at"]), nullable=True),
        "is_early": pandera.Column(checks=_false(EARLY)),
        "is_future": pandera.Column(checks=_false(FUTURE)),
    }
    return pandera.DataFrameSchema(columns)


def identify(fields: tuple[Field, ...], rows: "pa.Table", key: bytes) -> "pa.Table":
    """Add `posted_date` and `record_hash`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = [rows[name] for name in ("rescued", *(field.name for field in fields))]
    while len(columns) > 1 and columns[-1].null_count == rows.num_rows:  # nulls at the end leave no trace in a hash
        columns.pop()
    values = zip(*map(list_values, columns), strict=True)
    hashes = pa.array(hash_records(values, key), pa.string())
    days = pc.cast(rows["posted_at"], pa.date32())
    return rows.append_column("record_hash", hashes).append_column("posted_date", days)


def list_values(column: "pa.ChunkedArray") -> list[str | None]:
    """Return a column's values; most fields of most files are wholly absent, and need no look at each value."""
    values: list[str | None] = [None] * len(column) if column.null_count == len(column) else column.to_pylist()
    return values


def hash_records(records: Iterable[tuple[str | None, ...]], key: bytes) -> list[str]:
    """Return 32 hexadecimal digits of the keyed BLAKE2b (RFC 7693) of each record's fields, as JSON without last nulls.

    So a field that a source learns of later, and that stands after the others, changes no hash.

    >>> first, second, third = hash_records([("x", None), ("x",), (None, "x")], b"key")
    >>> first == second != third
    True
    """
    import orjson

    begun, hashes = hashlib.blake2b(digest_size=16, key=key), []
    for fields in records:
        digest = begun.copy()
        digest.update(orjson.dumps(fields)[:-1].rstrip(b",nul"))
        hashes.append(digest.hexdigest())
    return hashes


def _to_frame(rows: "pa.Table", now: datetime) -> "pd.DataFrame":
    """Return the rows as a frame over the same memory, with the two facts about time that need a clock."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    frame: pd.DataFrame = rows.to_pandas(types_mapper=pd.ArrowDtype)
    latest = pa.scalar(now + timedelta(days=1), rows["posted_at"].type)
    early = pc.less(pc.year(rows["posted_at"]), EARLIEST_YEAR)
    frame["is_early"] = pc.fill_null(early, fill_value=False).to_numpy()
    frame["is_future"] = pc.fill_null(pc.greater(rows["posted_at"], latest), fill_value=False).to_numpy()
    return frame


@cache
def list_rules(field: Field) -> list[Rule]:
    """Return the rules of one field by its kind."""
    rules = []
    if field.kind in (Kind.POST_ID, Kind.POST_LINK, Kind.AUTHOR_ID):
        rules.append(_mismatch(INEXACT_NUMBER, f"{field.name} not exact"))
        rules.append(_match(f"(?:{field.pattern})|{INEXACT_NUMBER}", f"{field.name} is no id"))
    if field.kind in RULES:
        pattern, wrong = RULES[field.kind]
        rules.append(_match(pattern, f"{field.name} {wrong}"))
    if field.kind in (Kind.TEXT, Kind.PLACE, Kind.AUTHOR_NAME, Kind.AUTHOR_PROFILE):
        rules.append(_mismatch(FORMULA, f"{field.name} holds a spreadsheet formula"))
    if field.kind is Kind.TEXT:
        rules.append(_at_most(MAX_TEXT_CHARACTERS, field.name))
        rules.append(_few_hashtags(field.name))
    return rules


def list_clock_rules(now: datetime) -> dict[str, list[Rule]]:
    """Return the rules of a post's time, by the columns that tell in a frame whether they hold."""
    latest = now + timedelta(days=1)
    return {
        "is_early": [Rule(EARLY, lambda moment: moment.year >= EARLIEST_YEAR, lambda is_so: ~is_so)],
        "is_future": [Rule(FUTURE, lambda moment: moment <= latest, lambda is_so: ~is_so)],
    }


def _checks(field: Field) -> "list[pandera.Check]":
    return [_check(rule.hold, rule.reason) for rule in list_rules(field)]


def _match(pattern: str, reason: str) -> Rule:
    import re2  # type: ignore[import-untyped]  # what Arrow matches a column with

    holds = re2.compile(pattern).fullmatch
    return Rule(reason, lambda value: holds(value) is not None, lambda values: values.str.fullmatch(pattern))


def _mismatch(pattern: str, reason: str) -> Rule:
    is_matched = _match(pattern, reason)
    return Rule(reason, lambda value: not is_matched.holds(value), lambda values: ~is_matched.hold(values))


def _present(reason: str) -> "pandera.Check":
    return _check(lambda values: values.notna(), reason, ignore_na=False)


def _false(reason: str) -> "pandera.Check":
    return _check(lambda values: ~values, reason)


def _at_most(characters: int, name: str) -> Rule:
    reason = f"{name} is longer than {characters:,} characters"
    return Rule(reason, lambda value: len(value) <= characters, lambda values: values.str.len() <= characters)


def _few_hashtags(name: str) -> Rule:
    reason = f"{name} holds more than {MAX_HASHTAGS:,} hashtags"
    return Rule(
        reason, lambda value: value.count("#") <= MAX_HASHTAGS, lambda values: values.str.count("#") <= MAX_HASHTAGS
    )


def _check(rule: "Callable[[pd.Series], pd.Series]", reason: str, *, ignore_na: bool = True) -> "pandera.Check":
    import pandera.pandas as pandera

    return pandera.Check(rule, error=reason, ignore_na=ignore_na)


def _without(rows: "pa.Table", refused: dict[int, str]) -> "pa.Table":
    import pyarrow as pa

    return rows.filter(pa.array([at not in refused for at in range(rows.num_rows)]))
