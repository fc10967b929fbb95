"""Authors: who posts, how often, from where, and how many follow them.

The one state that is global to a sample. Authors stand sorted by place, and within a place those who hide where they
are come first, so that "an author of Lagos" and "an author who says so" are ranges of indexes.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flows.sample.draws import Stage, seed_stream
from flows.sample.layout import quote_field
from flows.sample.names import compose_name
from flows.sample.phrases import BIOS
from flows.sample.places import JOKE_LOCATIONS, PLACES, spell_locations
from flows.sample.vocabulary import LANGUAGES

_POSTS_PER_AUTHOR = 5
_VERIFIED_SHARE = 0.08
_EMPTY_LOCATION_SHARE = 0.20
_JOKE_LOCATION_SHARE = 0.05
_EMPTY_BIO_SHARE = 0.08
_SPELLING_SHARES = np.array([0.34, 0.18, 0.08, 0.04, 0.07, 0.08, 0.06, 0.04, 0.07, 0.03, 0.01])
_CREATED_FIRST = np.datetime64("2008-03-01T00:00:00")
_CREATED_DAYS = 6_500


@dataclass(frozen=True)
class Authors:
    """All authors of a sample, one element per author in every array.

    Attributes:
        place: Index into `PLACES`, ascending.
        language: Index into `LANGUAGES`.
        is_located: Whether `user_location` is a spelling of the place.
        followers: Log-normal, about 13 times more if verified.
        friends: Log-normal.
        favourites: Log-normal.
        is_verified: About 8%.
        cumulative: Activity (Zipf-Mandelbrot) summed up, with a leading 0: one longer than the others.
        first: Index of each place's first author; one longer than `PLACES`.
        first_located: Index of each place's first located author.
        profiles: The fields user_name, user_location, user_description, user_created as a piece of a CSV record.
    """

    place: npt.NDArray[np.int64]
    language: npt.NDArray[np.int64]
    is_located: npt.NDArray[np.bool_]
    followers: npt.NDArray[np.int64]
    friends: npt.NDArray[np.int64]
    favourites: npt.NDArray[np.int64]
    is_verified: npt.NDArray[np.bool_]
    cumulative: npt.NDArray[np.float64]
    first: npt.NDArray[np.int64]
    first_located: npt.NDArray[np.int64]
    profiles: list[str]


def make_authors(posts: int, seed: int) -> Authors:
    """Invent the authors of a sample of `posts` posts, about one per five posts; every place has a located one."""
    stream = seed_stream(seed, Stage.AUTHORS)
    count = max(3 * len(PLACES), posts // _POSTS_PER_AUTHOR)
    place, location_kind = _draw_homes(stream, count)
    is_located = location_kind == 0
    language = _draw_languages(stream, place)
    is_verified = stream.random(count) < _VERIFIED_SHARE
    first = np.searchsorted(place, np.arange(len(PLACES) + 1))
    return Authors(
        place=place,
        language=language,
        is_located=is_located,
        followers=_draw_log_normal(stream, np.where(is_verified, 8.4, 5.8), 2.0),
        friends=_draw_log_normal(stream, np.full(count, 6.0), 1.1),
        favourites=_draw_log_normal(stream, np.full(count, 7.0), 1.4),
        is_verified=is_verified,
        cumulative=np.concatenate([[0.0], np.cumsum((stream.permutation(count) + 10.0) ** -0.9)]),
        first=first,
        first_located=first[1:] - np.bincount(place[is_located], minlength=len(PLACES)),
        profiles=_compose_profiles(stream, place, location_kind, language),
    )


def _draw_homes(stream: np.random.Generator, count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Place and kind of location (0 spelled, 1 empty, 2 joke) per author, sorted by place, located authors last."""
    weights = np.array([place.weight for place in PLACES])
    place = stream.choice(len(PLACES), size=count, p=weights / weights.sum())
    kinds = (1.0 - _EMPTY_LOCATION_SHARE - _JOKE_LOCATION_SHARE, _EMPTY_LOCATION_SHARE, _JOKE_LOCATION_SHARE)
    kind = stream.choice(3, size=count, p=kinds)
    place[: len(PLACES)], kind[: len(PLACES)] = np.arange(len(PLACES)), 0
    order = np.lexsort((kind == 0, place))
    return place[order], kind[order]


def _draw_languages(stream: np.random.Generator, place: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    spoken = [[LANGUAGES.index(code) for code in home.languages] for home in PLACES]
    longest = max(map(len, spoken))
    table = np.array([codes + [0] * (longest - len(codes)) for codes in spoken])
    counts = np.array([len(codes) for codes in spoken])
    return table[place, stream.integers(counts[place])]


def _draw_log_normal(
    stream: np.random.Generator, log_median: npt.NDArray[np.float64], sigma: float
) -> npt.NDArray[np.int64]:
    return np.minimum(stream.lognormal(log_median, sigma), 9e7).astype(np.int64)


def _compose_profiles(
    stream: np.random.Generator,
    place: npt.NDArray[np.int64],
    location_kind: npt.NDArray[np.int64],
    language: npt.NDArray[np.int64],
) -> list[str]:
    count = len(place)
    numbers = stream.integers(1 << 16, size=(count, 5)).tolist()
    spelling = stream.choice(len(_SPELLING_SHARES), size=count, p=_SPELLING_SHARES).tolist()
    joke = stream.integers(len(JOKE_LOCATIONS), size=count).tolist()
    spellings = [spell_locations(home) for home in PLACES]
    locations = [
        (spellings[home][which], "", JOKE_LOCATIONS[fun])[kind]
        for home, which, fun, kind in zip(place.tolist(), spelling, joke, location_kind.tolist(), strict=True)
    ]
    bios = [_list_bios(code) for code in LANGUAGES]
    bio = stream.integers(1 << 16, size=count).tolist()
    seconds = stream.integers(_CREATED_DAYS * 86_400, size=count)
    created = np.datetime_as_string(_CREATED_FIRST + seconds.astype("timedelta64[s]"), unit="s").tolist()
    return [
        f"{quote_field(compose_name(LANGUAGES[code], tuple(five)))},{quote_field(location)},"
        f"{quote_field(bios[code][about % len(bios[code])])},{when.replace('T', ' ')}"
        for code, five, location, about, when in zip(language.tolist(), numbers, locations, bio, created, strict=True)
    ]


def _list_bios(language: str) -> list[str]:
    r"""Self-descriptions of a language: single ones, pairs, a few with a line break, and about 8% empty ones.

    >>> _list_bios("id")[:3]
    ['Kopi, buku, hujan', 'guru dan pelari', 'Kopi, buku, hujan | guru dan pelari']
    """
    single = list(BIOS[language])
    pairs = [f"{one} | {two}" for one in single for two in single if one != two]
    filled = (single + pairs) * 4
    broken = [f"{single[0]}\n{single[-1]} 🌍"]
    return filled + broken + [""] * max(1, round(_EMPTY_BIO_SHARE * len(filled)))
