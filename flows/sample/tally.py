"""The tally: counts, while the records go by, what the manifest has to say about them."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from flows.sample.arrangement import Batch
from flows.sample.authors import Authors
from flows.sample.defects import Defect
from flows.sample.manifest import (
    FORMAT,
    Expected,
    MalformedRecord,
    Manifest,
    OutbreakDay,
    PlantedOutage,
    PlantedOutbreak,
    PlantedRepeats,
    SampleFile,
)
from flows.sample.outbreak import OUTBREAK_PLACE, OUTBREAK_TOPIC
from flows.sample.places import PLACES, spell_locations
from flows.sample.posts import World
from flows.sample.repeats import Repeat
from flows.sample.timeline import START
from flows.sample.vocabulary import TOPICS, list_terms


class Tally:
    """Counts of the records written so far."""

    def __init__(self, days: int) -> None:
        self.baseline = np.zeros(days, dtype=np.int64)
        self.added = np.zeros(days, dtype=np.int64)
        self.repeats: Counter[Repeat] = Counter()
        self.retweeted = 0

    def count(self, batch: Batch, authors: Authors) -> None:
        """Count a batch."""
        rows = batch.rows[batch.rows["defect"] == Defect.NONE]
        is_first = rows["repeat"] == Repeat.FIRST
        is_outbreak = (
            is_first
            & (rows["place"] == OUTBREAK_PLACE)
            & (rows["topic"] == OUTBREAK_TOPIC)
            & authors.is_located[rows["author"]]
        )
        self.baseline[batch.day] += int((is_outbreak & ~rows["is_added"]).sum())
        self.added[batch.day] += int((is_outbreak & rows["is_added"]).sum())
        for repeat in Repeat:
            self.repeats[repeat] += int((rows["repeat"] == repeat).sum())
        is_capture = is_first | (rows["repeat"] == Repeat.RECAPTURED)
        self.retweeted += int((is_capture & (rows["retweets"] > 0) & ~rows["was_retweeted"]).sum())

    def summarise(self, world: World, files: Sequence[SampleFile], malformed: Sequence[MalformedRecord]) -> Manifest:
        """Make the manifest of a finished sample."""
        first, after = world.timeline.outage
        posts = self.repeats[Repeat.FIRST]
        return Manifest(
            format=FORMAT,
            seed=world.seed,
            posts=posts,
            days=len(self.baseline),
            start_date=format_day(0),
            files=tuple(files),
            outbreak=self._describe_outbreak(world),
            outage=PlantedOutage(format_hour(first), format_hour(after)),
            repeats=PlantedRepeats(
                self.repeats[Repeat.DUPLICATE], self.repeats[Repeat.REPEATED], self.repeats[Repeat.RECAPTURED]
            ),
            malformed=tuple(malformed),
            expected=Expected(
                records=sum(file.records for file in files),
                rejects=dict(sorted(Counter(record.reason for record in malformed).items())),
                captures=posts + self.repeats[Repeat.RECAPTURED],
                posts=posts,
                posts_retweeted=self.retweeted,
            ),
        )

    def _describe_outbreak(self, world: World) -> PlantedOutbreak:
        outbreak, place = world.timeline.outbreak, PLACES[OUTBREAK_PLACE]
        counts = zip(self.baseline.tolist(), self.added.tolist(), strict=True)
        return PlantedOutbreak(
            disease=TOPICS[OUTBREAK_TOPIC],
            place=place.city,
            country=place.country,
            terms=list_terms(TOPICS[OUTBREAK_TOPIC]),
            user_locations=spell_locations(place),
            start_date=format_day(outbreak.start),
            peak_date=format_day(outbreak.peak),
            end_date=format_day(outbreak.end),
            baseline_posts_per_day=round(float(self.baseline.mean()), 3),
            added_posts=int(self.added.sum()),
            daily=tuple(OutbreakDay(format_day(day), *pair) for day, pair in enumerate(counts)),
        )


def format_day(day: int) -> str:
    """Date of a day of the sample.

    >>> format_day(31)
    '2026-02-05'
    """
    return str(START.astype("datetime64[D]") + day)


def format_hour(hour: int) -> str:
    """UTC time of an hour of the sample.

    >>> format_hour(25)
    '2026-01-06 01:00:00'
    """
    return str((START + np.timedelta64(hour, "h")).astype("datetime64[s]")).replace("T", " ")
