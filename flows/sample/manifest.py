"""The manifest: what was planted in a sample, precise enough to test a detector and every count of the lake against."""

import json
from dataclasses import asdict, dataclass

FORMAT = 1
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
    """One record that must be rejected.

    Attributes:
        file: Name of the file.
        record_number: From 1; the header is not counted, every record is, blank and malformed ones too.
        byte_offset: Position of the record's first byte in the decompressed file.
        reason: What the rejection must say.
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
    """The outbreak. A post belongs to its place and disease, and is counted in `daily`, if its `text`, case-folded,
    contains one of `terms` and its `user_location` is one of `user_locations`. Each post is counted once.

    Attributes:
        disease: Which disease.
        place: City.
        country: Country.
        terms: What the disease is called, case-folded, in all languages.
        user_locations: How the place's authors spell it.
        start_date: First day with an added post.
        peak_date: Day with the most added posts.
        end_date: Last day with an added post.
        baseline_posts_per_day: Mean of `baseline` over all days.
        added_posts: Sum of `added` over all days.
        daily: One element per day of the sample, in order.
    """  # noqa: D205  # the rule for counting is what a reader of this class needs first

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
    """The whole manifest; `manifest.json` is an object with exactly these keys, nested as these classes are.

    Attributes:
        format: Version of the generator and of this layout.
        seed: Seed of all draws.
        posts: Distinct posts, as asked for.
        days: Days covered, as asked for.
        start_date: First day, UTC.
        files: The files in order of time.
        outbreak: The planted outbreak.
        outage: The planted outage.
        repeats: The planted duplicates and re-captures.
        malformed: Every malformed record, in the order of the files.
        expected: The counts that a correct ingest ends with.
    """

    format: int
    seed: int
    posts: int
    days: int
    start_date: str
    files: tuple[SampleFile, ...]
    outbreak: PlantedOutbreak
    outage: PlantedOutage
    repeats: PlantedRepeats
    malformed: tuple[MalformedRecord, ...]
    expected: Expected

    def to_json(self) -> str:
        """Write the manifest as JSON, indented, in UTF-8 text with a final line end."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"
