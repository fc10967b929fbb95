"""A file of official counts as rows, one per record and measure, and the records that were refused.

Memory grows with the file: what makes one vintage later than another, its last day, is known at its end, and two
records that contradict each other may stand anywhere. A day's file of all countries takes tens of megabytes.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, BinaryIO

from flows.official import DataSet, PlaceDay, Reading
from flows.official.known import read_header
from flows.official.rules import EARLIEST_YEAR, records_schema
from flows.sources import Reject
from flows.sources.boundary import list_faults
from flows.sources.csv_records import CsvRecords, CsvRun
from flows.sources.twitter.csv_files import find_shape_faults

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

ISO_DAY = re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})")
MONTH_FIRST_DAY = re.compile(r"(?P<month>[0-9]{1,2})/(?P<day>[0-9]{1,2})/(?P<year>[0-9]{4})")
CONTRADICTION = "an earlier record holds other counts of the same place and day"

Figures = tuple[int | None, ...]
"""What a record says of each measure: since the beginning, and of the day alone."""


@dataclass(frozen=True)
class Record:
    """One record that holds its rules."""

    number: int
    byte_offset: int
    place: str
    place_id: str | None
    day: date
    figures: Figures


@dataclass
class _File:
    """What is remembered of a file while it is read."""

    dataset: DataSet
    header: list[str]
    today: date
    records: list[Record] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    told: dict[PlaceDay, Figures] = field(default_factory=dict)


def read_file(stream: BinaryIO, *, chunk_records: int, now: datetime) -> Reading:
    """Read a whole file; every record ends among the rows or among the rejects.

    Raises:
        UnknownHeaderError: The file is of no data set that is known.
    """
    digest = hashlib.sha256()
    records = CsvRecords(_hash_lines(stream, digest))
    dataset, header = read_header(next(iter(records.take(1)), None))
    file, count = _File(dataset, header, now.date()), 0
    while len(run := records.take_run(chunk_records)):
        read_run(file, run)
        count += len(run)
    vintage_id = digest.hexdigest()[:32]
    wanted = {dataset.place_column, dataset.day_column, *count_columns(dataset)}
    unread = [name for name in header if name not in wanted]
    return Reading(dataset, vintage_id, make_rows(dataset, file.records, vintage_id), count, unread, file.rejects)


def _hash_lines(lines: BinaryIO, digest: "hashlib._Hash") -> Iterator[bytes]:
    for line in lines:
        digest.update(line)
        yield line


def read_run(file: _File, run: CsvRun) -> None:
    """Add a run of records to the file's records and rejects."""
    reasons = find_shape_faults(file.header, run)
    places = [place for place in range(len(run)) if place not in reasons]
    if places:
        columns = dict(zip(file.header, zip(*(run.fields[place] for place in places), strict=True), strict=True))
        frame = make_frame(file, columns)
        names = tuple(name for name in count_columns(file.dataset) if name in columns)
        faults = list_faults(records_schema(file.dataset, names), frame)
        reasons |= {places[at]: reason for at, reason in faults.items()}
        for at, record in _make_records(file, run, places, frame, faults):
            if file.told.setdefault((record.place_id or record.place, record.day), record.figures) == record.figures:
                file.records.append(record)
            else:
                reasons[places[at]] = CONTRADICTION
    file.rejects += [
        Reject(run.number + place, run.starts[place], reason, run.record_bytes(place))
        for place, reason in sorted(reasons.items())
    ]


def make_frame(file: _File, columns: dict[str, tuple[str, ...]]) -> "pd.DataFrame":
    """Return what the rules look at: the counts as text, and facts about the place and the day."""
    import pandas as pd

    dataset, known = file.dataset, file.dataset.places()
    days = [read_day(spelling, is_month_first=dataset.is_month_first) for spelling in columns[dataset.day_column]]
    latest = file.today + timedelta(days=1)  # somewhere on earth it is tomorrow
    counts = {name: [text or None for text in columns[name]] for name in count_columns(dataset) if name in columns}
    frame = pd.DataFrame(counts, dtype="string[pyarrow]")
    return frame.assign(
        place=columns[dataset.place_column],
        day=days,
        is_placed=[place in known for place in columns[dataset.place_column]],
        is_day=[day is not None for day in days],
        is_late_enough=[day is None or day.year >= EARLIEST_YEAR for day in days],
        is_past=[day is None or day <= latest for day in days],
        is_counted=frame.notna().any(axis=1),
    )


def read_day(spelling: str, *, is_month_first: bool) -> date | None:
    """Return the day that is spelled, or None if it is none.

    >>> read_day("2021-03-07", is_month_first=False), read_day("3/7/2021", is_month_first=True)
    (datetime.date(2021, 3, 7), datetime.date(2021, 3, 7))
    >>> read_day("2021-02-30", is_month_first=True), read_day("3/7/2021", is_month_first=False)
    (None, None)
    """
    found = ISO_DAY.fullmatch(spelling) or (MONTH_FIRST_DAY.fullmatch(spelling) if is_month_first else None)
    try:
        return date(int(found["year"]), int(found["month"]), int(found["day"])) if found else None
    except ValueError:
        return None


def count_columns(dataset: DataSet) -> list[str]:
    """Return the columns with counts, two for each measure, in the order of `Figures`."""
    return [name for measure in dataset.measures for name in (measure.cumulative, measure.new)]


def _make_records(
    file: _File, run: CsvRun, places: list[int], frame: "pd.DataFrame", faults: dict[int, str]
) -> Iterator[tuple[int, Record]]:
    """Yield each record without fault, with its place in the frame."""
    known = file.dataset.places()
    texts = [frame[name].tolist() if name in frame else [None] * len(frame) for name in count_columns(file.dataset)]
    for at, (place, day, *counts) in enumerate(zip(frame["place"], frame["day"], *texts, strict=True)):
        if at not in faults:
            figures = tuple(int(text) if isinstance(text, str) else None for text in counts)
            yield at, Record(run.number + places[at], run.starts[places[at]], place, known[place], day, figures)


def make_rows(dataset: DataSet, records: Sequence[Record], vintage_id: str) -> "pa.Table":
    """Return one row per record and measure of which it says anything, measure by measure."""
    import pyarrow as pa

    vintage_date = max((record.day for record in records), default=None)
    tables = [_rows_of_measure(dataset, at, records) for at in range(len(dataset.measures))]
    rows = pa.concat_tables(tables)
    constants = {
        "dataset": pa.scalar(dataset.name, pa.string()),
        "vintage_id": pa.scalar(vintage_id, pa.string()),
        "vintage_date": pa.scalar(vintage_date, pa.date32()),
    }
    for name, value in constants.items():
        rows = rows.append_column(name, pa.repeat(value, rows.num_rows))
    return rows


def _rows_of_measure(dataset: DataSet, at: int, records: Sequence[Record]) -> "pa.Table":
    import pyarrow as pa

    said = [record for record in records if record.figures[2 * at : 2 * at + 2] != (None, None)]
    return pa.table(
        {
            "place": pa.array([record.place for record in said], pa.string()),
            "place_id": pa.array([record.place_id for record in said], pa.string()),
            "day": pa.array([record.day for record in said], pa.date32()),
            "measure": pa.array([dataset.measures[at].name] * len(said), pa.string()),
            "count_cumulative": pa.array([record.figures[2 * at] for record in said], pa.int64()),
            "count_new": pa.array([record.figures[2 * at + 1] for record in said], pa.int64()),
            "record_number": pa.array([record.number for record in said], pa.int64()),
            "byte_offset": pa.array([record.byte_offset for record in said], pa.int64()),
        }
    )
