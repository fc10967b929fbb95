"""Posts: one day of the sample as rows of whole numbers, drawn in vectors; no text yet."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flows.sample.authors import Authors
from flows.sample.phrasebook import STATEMENTS_SHAPE, TAGS_SHAPE, TOPICS, Phrasebook
from flows.sample.places import PLACES
from flows.sample.plan import OUTBREAK_PLACE, OUTBREAK_TOPIC, SPRINKLED, START, Plan, weigh_hours

SEPARATORS = (" ", " - ", "... ", " | ", "!! ", "\n", "\n\n")
EMOJI = ("🤒", "😷", "🙏", "😭", "💔", "🎉", "😂", "🔥", "💉", "🦠", "👩🏽‍⚕️", "❤️", "😡", "🌧️", "👏🏿")
SOURCES = ("Twitter for Android", "Twitter for iPhone", "Twitter Web App", "TweetDeck", "Buffer", "")

_SEPARATOR_SHARES = (0.45, 0.20, 0.15, 0.10, 0.05, 0.04, 0.01)
_SOURCE_SHARES = (0.36, 0.29, 0.25, 0.05, 0.04, 0.01)
_HASHTAG_SHARES = (0.42, 0.26, 0.17, 0.10, 0.05)
_MENTION_SHARE = 0.25
_URL_SHARE = 0.55
_EMOJI_SHARE = 0.30
_URL_LETTERS = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", dtype=np.uint8)
_URL_LENGTH = 10
_HOUR_MS = 3_600_000

_SNOWFLAKE_EPOCH_MS = 1_288_834_974_657

# in the order of `TOPICS`
_TOPIC_WEIGHTS = np.array([0.30, 0.18, 0.17, 0.09, 0.06, 0.06, 0.04, 0.04, 0.04, 0.02])
_TROPICAL_FACTORS = np.array([1.0, 1.0, 1.0, 1.0, 2.5, 1.0, 3.0, 3.0, 1.0, 2.0])
_PLACE_TOPIC_WEIGHTS = np.where([[place.is_tropical] for place in PLACES], _TROPICAL_FACTORS, 1.0) * _TOPIC_WEIGHTS
_PLACE_TOPIC_SHARES = _PLACE_TOPIC_WEIGHTS / _PLACE_TOPIC_WEIGHTS.sum(axis=1, keepdims=True)
_PLACE_EFFECTS = 0.8 * np.sin(1.0 + 2.4 * np.arange(len(PLACES)))

Rows = npt.NDArray[np.void]

ROW = np.dtype(
    [(name, "i8") for name in ("id", "author", "place", "topic", "followers", "retweets", "favorites")]
    + [(name, "i4") for name in ("statement", "feeling", "mention", "tags")]
    + [(name, "i1") for name in ("separator", "emoji", "source", "defect")]
    + [(name, "?") for name in ("is_added", "is_recaptured", "is_copy")]
    + [("url", f"S{_URL_LENGTH}")]
)
"""One record to be written. `defect` is a `Defect`; `is_added`: by the outbreak; `is_recaptured`: the next file holds
it again with higher counts; `is_copy`: an earlier record has this id."""


@dataclass(frozen=True)
class World:
    """All that a day's posts depend on beside the day and the draws."""

    authors: Authors
    phrasebook: Phrasebook
    plan: Plan


def draw_day(stream: np.random.Generator, world: World, day: int) -> Rows:
    """Draw all first captures of a day, sorted by id, none of them malformed yet."""
    hours, drift = weigh_hours(day, world.plan.outage), world.plan.drift
    hours = drift.shift_places(hours, day) if drift else hours
    background, added = int(world.plan.background[day]), int(world.plan.added[day])
    rows = np.zeros(background + added, dtype=ROW)
    rows["is_added"][background:] = True
    rows["place"], rows["topic"] = _draw_cells(stream, hours, background, added)
    # by activity within the place; only those who say where they are write the outbreak's posts
    authors, place = world.authors, rows["place"]
    first = np.where(rows["is_added"], authors.first_located[place], authors.first[place])
    rows["author"] = draw_from_ranges(stream, authors.cumulative, first, authors.first[place + 1])
    _draw_wording(stream, world, rows)
    posted_ms = _draw_times(stream, hours, day, rows["place"])
    order = np.argsort(posted_ms, kind="stable")
    rows = rows[order]
    rows["id"] = np.sort(snowflake_ids(posted_ms[order], stream.integers(1 << 10, size=len(rows))))
    if drift:
        drift.change(rows, day)
    return rows


def spoil_rows(stream: np.random.Generator, plan: Plan, day: int, rows: Rows) -> None:
    """Mark a day's malformed rows; the kinds take turns over the whole sample, the outbreak's posts stay sound."""
    count = int(plan.malformed[day])
    chosen = np.sort(stream.choice(np.flatnonzero(~rows["is_added"]), size=count, replace=False))
    turns = int(plan.malformed[:day].sum()) + np.arange(count)
    rows["defect"][chosen] = np.array(SPRINKLED)[turns % len(SPRINKLED)]


def recapture_rows(stream: np.random.Generator, rows: Rows) -> Rows:
    """Copy rows as seen later: more retweets, favorites and followers."""
    copied = rows.copy()
    copied["retweets"] += 1 + stream.poisson(0.2 * rows["retweets"] + 0.5)
    copied["favorites"] += 1 + stream.poisson(0.2 * rows["favorites"] + 1.0)
    copied["followers"] += 1 + stream.poisson(0.01 * rows["followers"])
    return copied


def snowflake_ids(posted_ms: npt.NDArray[np.int64], machine: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Make unique ids: 41 bits of milliseconds since the epoch of snowflakes, 10 of machine, 12 of sequence.

    `posted_ms` are milliseconds since 1970, ascending; `machine` is below 1,024.

    >>> snowflake_ids(np.array([1_288_834_974_658] * 2), np.array([0, 0])).tolist()
    [4194304, 4194305]
    """
    first_of_ms = np.searchsorted(posted_ms, posted_ms, side="left")
    sequence = np.arange(len(posted_ms)) - first_of_ms
    elapsed = posted_ms - _SNOWFLAKE_EPOCH_MS
    return (elapsed << 22) | (machine << 12) | sequence


def posted_at(ids: npt.NDArray[np.int64]) -> npt.NDArray[np.datetime64]:
    """Read the second of posting, UTC, out of ids.

    >>> posted_at(np.array([1_340_539_111_971_516_416]))
    array(['2020-12-20T06:06:44'], dtype='datetime64[s]')
    """
    milliseconds = (ids >> 22) + _SNOWFLAKE_EPOCH_MS
    return (milliseconds // 1000).astype("datetime64[s]")


def draw_from_ranges(
    stream: np.random.Generator,
    cumulative: npt.NDArray[np.float64],
    first: npt.NDArray[np.int64],
    after: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Draw one index from each half-open range [first, after), in proportion to its weight.

    `cumulative` holds the weights summed up to and including each index, with a leading 0.

    >>> weights = np.array([0.0, 1.0, 1.0, 5.0])  # the indexes 0, 1, 2 weigh 1, 0, 4
    >>> draw_from_ranges(np.random.default_rng(1), weights, np.array([0, 1]), np.array([2, 3])).tolist()
    [0, 2]
    """
    low, high = cumulative[first], cumulative[after]
    target = low + stream.random(len(first)) * (high - low)
    found = np.searchsorted(cumulative, target, side="right") - 1
    return np.clip(found, first, after - 1).astype(np.int64)


def _draw_cells(
    stream: np.random.Generator, hours: npt.NDArray[np.float64], background: int, added: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Place and topic per post: the background by its rates, then the outbreak's."""
    rates = hours.sum(axis=1, keepdims=True) * _PLACE_TOPIC_SHARES
    counts = stream.multinomial(background, (rates / rates.sum()).ravel())
    cell = np.repeat(np.arange(len(counts)), counts)
    cell = np.append(cell, np.full(added, OUTBREAK_PLACE * len(TOPICS) + OUTBREAK_TOPIC))
    return cell // len(TOPICS), cell % len(TOPICS)


def _draw_wording(stream: np.random.Generator, world: World, rows: Rows) -> None:
    """Fill in what each post says and how often it is retweeted and liked."""
    count, author, topic, book = len(rows), rows["author"], rows["topic"], world.phrasebook
    language = world.authors.language[author]
    variant = stream.integers(STATEMENTS_SHAPE[-1], size=count)
    rows["statement"] = np.ravel_multi_index((language, topic, variant), STATEMENTS_SHAPE)
    rows["feeling"] = stream.integers(book.feeling_first[language], book.feeling_first[language + 1])
    rows["separator"] = stream.choice(len(SEPARATORS), size=count, p=_SEPARATOR_SHARES)
    rows["emoji"] = _draw_optional(stream, count, len(EMOJI), _EMOJI_SHARE)
    rows["mention"] = _draw_optional(stream, count, len(book.mentions) - 1, _MENTION_SHARE)
    rows["url"] = _draw_urls(stream, count)
    hashtags = stream.choice(len(_HASHTAG_SHARES), size=count, p=_HASHTAG_SHARES)
    variant = stream.integers(TAGS_SHAPE[-1], size=count)
    rows["tags"] = np.ravel_multi_index((topic, language, hashtags, variant), TAGS_SHAPE)
    rows["source"] = stream.choice(len(SOURCES), size=count, p=_SOURCE_SHARES)
    rows["followers"] = world.authors.followers[author]
    _draw_engagement(stream, rows, world.authors.is_verified[author], hashtags)


def _draw_engagement(
    stream: np.random.Generator, rows: Rows, is_verified: npt.NDArray[np.bool_], hashtags: npt.NDArray[np.int64]
) -> None:
    """Fill in retweets and favorites: a model of them has something honest to find, and much that it cannot."""
    log_followers = np.log1p(rows["followers"]) - 6.0
    log_mean = -1.80 + 0.64 * log_followers + 0.70 * is_verified + 0.25 * hashtags + _PLACE_EFFECTS[rows["place"]]
    mean = np.exp(np.minimum(log_mean, 9.0))
    rows["retweets"] = stream.poisson(stream.gamma(1.0, mean))  # negative binomial
    # counted at the same time as retweets, and mostly following from them: the planted leak
    rows["favorites"] = stream.poisson((0.25 + 2.6 * rows["retweets"]) * stream.lognormal(0.0, 0.35, size=len(rows)))


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
