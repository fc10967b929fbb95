"""Posts: one day of the sample as rows of whole numbers, drawn in vectors; no text yet."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flows.sample.authors import Authors
from flows.sample.draws import Stage, draw_from_ranges, seed_stream
from flows.sample.engagement import draw_engagement, mean_retweets
from flows.sample.outbreak import OUTBREAK_PLACE, OUTBREAK_TOPIC
from flows.sample.phrasebook import MOST_HASHTAGS, STATEMENTS_PER_GROUP, TAG_VARIANTS, Phrasebook, number_tags
from flows.sample.phrases import EMOJI, SEPARATOR_SHARES, SEPARATORS, SOURCE_SHARES, SOURCES
from flows.sample.places import PLACES
from flows.sample.timeline import START, Timeline, weigh_hours
from flows.sample.vocabulary import TOPICS, share_topics

SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
_SNOWFLAKE_TIME_SHIFT = 22
_SNOWFLAKE_MACHINE_SHIFT = 12
_MACHINES = 1 << 10
_HOUR_MS = 3_600_000
_MENTION_SHARE = 0.25
_URL_SHARE = 0.55
_EMOJI_SHARE = 0.30
_HASHTAG_SHARES = (0.42, 0.26, 0.17, 0.10, 0.05)
_URL_LETTERS = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", dtype=np.uint8)
_URL_LENGTH = 10
_TOPIC_SHARES = np.array([share_topics(is_tropical=place.is_tropical) for place in PLACES])

Rows = npt.NDArray[np.void]

ROW = np.dtype(
    [
        ("id", "i8"),
        ("author", "i8"),
        ("place", "i8"),
        ("topic", "i8"),
        ("statement", "i4"),
        ("feeling", "i4"),
        ("separator", "i1"),
        ("emoji", "i1"),
        ("mention", "i4"),
        ("url", f"S{_URL_LENGTH}"),
        ("tags", "i4"),
        ("source", "i1"),
        ("followers", "i8"),
        ("retweets", "i8"),
        ("favorites", "i8"),
        ("defect", "i1"),
        ("repeat", "i1"),
        ("is_added", "?"),
        ("was_retweeted", "?"),
    ]
)
"""One record to be written. `defect` is a `Defect`, `repeat` a `Repeat`; both 0 for a sound first capture.
`was_retweeted` says of a re-capture whether the first capture had retweets."""


@dataclass(frozen=True)
class World:
    """All that a day's posts depend on beside the day."""

    seed: int
    authors: Authors
    phrasebook: Phrasebook
    timeline: Timeline


def snowflake_ids(posted_ms: npt.NDArray[np.int64], machine: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Make unique ids: 41 bits of milliseconds since the epoch of snowflakes, 10 of machine, 12 of sequence.

    Args:
        posted_ms: Milliseconds since 1970, ascending.
        machine: A number below 1,024 per id.

    >>> ids = snowflake_ids(np.array([1_288_834_974_658] * 2), np.array([0, 0]))
    >>> ids.tolist()
    [4194304, 4194305]
    """
    first_of_ms = np.searchsorted(posted_ms, posted_ms, side="left")
    sequence = np.arange(len(posted_ms)) - first_of_ms
    elapsed = posted_ms - SNOWFLAKE_EPOCH_MS
    return (elapsed << _SNOWFLAKE_TIME_SHIFT) | (machine << _SNOWFLAKE_MACHINE_SHIFT) | sequence


def posted_at(ids: npt.NDArray[np.int64]) -> npt.NDArray[np.datetime64]:
    """Read the second of posting, UTC, out of ids.

    >>> posted_at(np.array([1_340_539_111_971_516_416]))
    array(['2020-12-20T06:06:44'], dtype='datetime64[s]')
    """
    milliseconds = (ids >> _SNOWFLAKE_TIME_SHIFT) + SNOWFLAKE_EPOCH_MS
    return (milliseconds // 1000).astype("datetime64[s]")


def draw_day(world: World, day: int) -> Rows:
    """Draw all first captures of a day, sorted by id; defects are not yet marked."""
    stream = seed_stream(world.seed, Stage.POSTS, day)
    hours = weigh_hours(day, world.timeline.outage)
    background = int(world.timeline.background[day])
    added = int(world.timeline.outbreak.added[day])
    rows = np.zeros(background + added, dtype=ROW)
    rows["is_added"][background:] = True
    rows["place"], rows["topic"] = _draw_cells(stream, hours, background, added)
    rows["author"] = _draw_authors(stream, world.authors, rows)
    _draw_wording(stream, world, rows)
    posted_ms = _draw_times(stream, hours, day, rows["place"])
    order = np.argsort(posted_ms, kind="stable")
    rows = rows[order]
    rows["id"] = np.sort(snowflake_ids(posted_ms[order], stream.integers(_MACHINES, size=len(rows))))
    return rows


def _draw_cells(
    stream: np.random.Generator, hours: npt.NDArray[np.float64], background: int, added: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Place and topic per post: the background by its rates, then the outbreak's."""
    rates = hours.sum(axis=1, keepdims=True) * _TOPIC_SHARES
    counts = stream.multinomial(background, (rates / rates.sum()).ravel())
    cell = np.repeat(np.arange(len(counts)), counts)
    cell = np.append(cell, np.full(added, OUTBREAK_PLACE * len(TOPICS) + OUTBREAK_TOPIC))
    return cell // len(TOPICS), cell % len(TOPICS)


def _draw_authors(stream: np.random.Generator, authors: Authors, rows: Rows) -> npt.NDArray[np.int64]:
    """Author per post, by activity within the place; only located ones write the outbreak's posts."""
    place = rows["place"]
    first = np.where(rows["is_added"], authors.first_located[place], authors.first[place])
    return draw_from_ranges(stream, authors.cumulative, first, authors.first[place + 1])


def _draw_wording(stream: np.random.Generator, world: World, rows: Rows) -> None:
    """Fill in what each post says and how often it is retweeted and liked."""
    count, author, topic, book = len(rows), rows["author"], rows["topic"], world.phrasebook
    language = world.authors.language[author]
    group = book.statement_group[rows["place"], language, topic]
    rows["statement"] = group * STATEMENTS_PER_GROUP + stream.integers(STATEMENTS_PER_GROUP, size=count)
    rows["feeling"] = stream.integers(book.feeling_first[language], book.feeling_first[language + 1])
    rows["separator"] = stream.choice(len(SEPARATORS), size=count, p=SEPARATOR_SHARES)
    rows["emoji"] = _draw_optional(stream, count, len(EMOJI), _EMOJI_SHARE)
    rows["mention"] = _draw_optional(stream, count, len(book.mentions) - 1, _MENTION_SHARE)
    rows["url"] = _draw_urls(stream, count)
    hashtags = stream.choice(MOST_HASHTAGS + 1, size=count, p=_HASHTAG_SHARES)
    rows["tags"] = number_tags(topic, language, hashtags, stream.integers(TAG_VARIANTS, size=count))
    rows["source"] = stream.choice(len(SOURCES), size=count, p=SOURCE_SHARES)
    rows["followers"] = world.authors.followers[author]
    mean = mean_retweets(rows["followers"], world.authors.is_verified[author], hashtags, rows["place"])
    rows["retweets"], rows["favorites"] = draw_engagement(stream, mean)


def _draw_optional(stream: np.random.Generator, count: int, choices: int, share: float) -> npt.NDArray[np.int64]:
    """0 for none, else a number from 1 to `choices`, in `share` of the cases."""
    return np.where(stream.random(count) < share, 1 + stream.integers(choices, size=count), 0)


def _draw_urls(stream: np.random.Generator, count: int) -> npt.NDArray[np.bytes_]:
    letters = _URL_LETTERS[stream.integers(len(_URL_LETTERS), size=(count, _URL_LENGTH), dtype=np.uint8)]
    urls = letters.view(f"S{_URL_LENGTH}").reshape(count)
    return np.where(stream.random(count) < _URL_SHARE, urls, b"")


def _draw_times(
    stream: np.random.Generator, hours: npt.NDArray[np.float64], day: int, place: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Milliseconds since 1970 per post: an hour by the place's diurnal curve, then anywhere in it."""
    cumulative = np.append(0.0, np.cumsum(hours))
    hour = draw_from_ranges(stream, cumulative, place * 24, place * 24 + 24) % 24
    within = stream.integers(_HOUR_MS, size=len(place))
    start_ms = START.astype(np.int64) + day * 24 * _HOUR_MS
    return np.asarray(start_ms + hour * _HOUR_MS + within)
