"""The manifest: what was planted in a sample, precise enough to test a detector and every count of the lake against."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from flows.sample.drift import PLANTS
from flows.sample.phrasebook import TOPICS, list_terms
from flows.sample.places import PLACES, spell_locations
from flows.sample.plan import OUTBREAK_PLACE, OUTBREAK_TOPIC, START, Defect, Plan
from flows.sample.posts import Rows, World, posted_at

FORMAT = 2
"""Raised when the same arguments give other files than before, or the manifest gets another shape."""


@dataclass(frozen=True)
class SampleFile:
    """One file: its name, its records with the malformed, its size compressed, the SHA-256 of its compressed bytes."""

    name: str
    records: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class MalformedRecord:
    """One record that must be rejected: where it stands, and what the rejection must say.

    `record_number` counts from 1 all records after the header, blank and malformed ones too; `byte_offset` is the
    position of its first byte in the decompressed file.
    """

    file: str
    record_number: int
    byte_offset: int
    reason: str


@dataclass(frozen=True)
class OutbreakDay:
    """Posts about the outbreak's disease from its place on one UTC day: the usual ones and those the outbreak added."""

    date: str
    baseline: int
    added: int


@dataclass(frozen=True)
class PlantedOutbreak:
    """The outbreak, from the first day with an added post over the one with most to the last.

    A post belongs to it, and is counted in `daily`, if its `text`, case-folded, contains one of `terms` and its
    `user_location` is one of `user_locations`. Each post is counted once. `daily` has one element per day of the
    sample; `baseline_posts_per_day` is the mean of their `baseline`, `added_posts` the sum of their `added`.
    """

    disease: str
    place: str
    country: str
    terms: tuple[str, ...]
    user_locations: tuple[str, ...]
    start_date: str
    peak_date: str
    end_date: str
    baseline_posts_per_day: float
    added_posts: int
    daily: tuple[OutbreakDay, ...]


@dataclass(frozen=True)
class PlantedOutage:
    """The interval without any post: `start` <= time < `end`, UTC, `YYYY-MM-DD HH:MM:SS`."""

    start: str
    end: str


@dataclass(frozen=True)
class PlantedDrift:
    """What changes from the beginning of a UTC day on: one of `flows.sample.drift.PLANTS`, and what it does."""

    kind: str
    what: str
    start_date: str


@dataclass(frozen=True)
class PlantedRepeats:
    """Records that repeat an earlier one.

    Attributes:
        duplicates_in_file: Equal in all fields to the record before them in the same file.
        repeats_in_next_file: Equal in all fields to a record of the file before.
        recaptures: Same id as a post of the file before, with more retweets, favorites and followers.
    """

    duplicates_in_file: int
    repeats_in_next_file: int
    recaptures: int


@dataclass(frozen=True)
class Expected:
    """What a correct ingest ends with.

    Attributes:
        records: Records in all files, the malformed included.
        rejects: Number of malformed records per reason.
        captures: Well-formed records, de-duplicated on all fields: the rows of RAW.
        posts: Distinct ids among the well-formed records: the rows of CURATED.
        posts_retweeted: Those whose latest capture has retweets > 0.
    """

    records: int
    rejects: dict[str, int]
    captures: int
    posts: int
    posts_retweeted: int


@dataclass(frozen=True)
class Manifest:
    """The whole manifest; `manifest.json` is an object with exactly these keys, nested as these classes are."""

    format: int
    seed: int
    posts: int
    days: int
    start_date: str
    files: tuple[SampleFile, ...]
    outbreak: PlantedOutbreak
    outage: PlantedOutage
    drift: PlantedDrift | None
    repeats: PlantedRepeats
    malformed: tuple[MalformedRecord, ...]
    expected: Expected

    def to_json(self) -> str:
        """Write the manifest as JSON, indented, in UTF-8 text with a final line end."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"


class Tally:
    """Counts, while the rows go by, what the plan does not say about them."""

    def __init__(self, world: World) -> None:
        self._is_located = world.authors.is_located
        self.baseline = np.zeros_like(world.plan.added)
        self.retweeted = 0

    def count(self, rows: Rows) -> int:
        """Count rows; returns how many of them are the first capture of a post."""
        first = rows[(rows["defect"] == Defect.NONE) & ~rows["is_copy"]]
        is_baseline = (
            (first["place"] == OUTBREAK_PLACE)
            & (first["topic"] == OUTBREAK_TOPIC)
            & self._is_located[first["author"]]
            & ~first["is_added"]
        )
        days = (posted_at(first["id"][is_baseline]) - START) // np.timedelta64(1, "D")
        self.baseline += np.bincount(days, minlength=len(self.baseline))
        self.retweeted += int(((first["retweets"] > 0) | first["is_recaptured"]).sum())
        return len(first)


def make_manifest(
    seed: int, plan: Plan, tally: Tally, files: Sequence[SampleFile], malformed: Sequence[MalformedRecord]
) -> Manifest:
    """Make the manifest of a finished sample."""
    return Manifest(
        format=FORMAT,
        seed=seed,
        posts=plan.posts,
        days=len(plan.added),
        start_date=format_hour(0)[:10],
        files=tuple(files),
        outbreak=_describe_outbreak(plan, tally),
        outage=PlantedOutage(*map(format_hour, plan.outage)),
        drift=_describe_drift(plan),
        repeats=PlantedRepeats(len(plan.duplicated), len(plan.repeated), len(plan.recaptured)),
        malformed=tuple(malformed),
        expected=Expected(
            records=sum(file.records for file in files),
            rejects=dict(sorted(Counter(record.reason for record in malformed).items())),
            captures=plan.posts + len(plan.recaptured),
            posts=plan.posts,
            posts_retweeted=tally.retweeted,
        ),
    )


def format_hour(hour: int) -> str:
    """UTC time of an hour of the sample.

    >>> format_hour(25)
    '2026-01-06 01:00:00'
    """
    return str((START + np.timedelta64(hour, "h")).tolist())


def _describe_drift(plan: Plan) -> PlantedDrift | None:
    drift = plan.drift
    return PlantedDrift(drift.kind, PLANTS[drift.kind], format_hour(24 * drift.first_day)[:10]) if drift else None


def _describe_outbreak(plan: Plan, tally: Tally) -> PlantedOutbreak:
    place, disease = PLACES[OUTBREAK_PLACE], TOPICS[OUTBREAK_TOPIC]
    dates = [format_hour(24 * day)[:10] for day in range(len(plan.added))]
    of_outbreak = np.flatnonzero(plan.added)
    return PlantedOutbreak(
        disease=disease,
        place=place.city,
        country=place.country,
        terms=list_terms(disease),
        user_locations=spell_locations(place),
        start_date=dates[of_outbreak[0]],
        peak_date=dates[plan.added.argmax()],
        end_date=dates[of_outbreak[-1]],
        baseline_posts_per_day=round(float(tally.baseline.mean()), 3),
        added_posts=int(plan.added.sum()),
        daily=tuple(map(OutbreakDay, dates, tally.baseline.tolist(), plan.added.tolist())),
    )
