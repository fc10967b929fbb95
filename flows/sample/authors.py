"""Authors: who posts, how often, from where, and how many follow them.

The one state that is global to a sample. Authors stand sorted by place, and within a place those who hide where they
are come first, so that "an author of Lagos" and "an author who says so" are ranges of indexes.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flows.sample.phrasebook import LANGUAGES, PHRASES
from flows.sample.places import PLACES, spell_locations

_POSTS_PER_AUTHOR = 5
_VERIFIED_SHARE = 0.08
_LOCATION_SHARES = (0.75, 0.20, 0.05)
_SPELLING_SHARES = (0.34, 0.18, 0.08, 0.04, 0.07, 0.08, 0.06, 0.04, 0.07, 0.03, 0.01)
_EMPTY_BIO_SHARE = 0.08
_HANDLE_FORMS = (8, 9)  # of ten: a fifth of the names are handles
_CREATED_FIRST = np.datetime64("2008-03-01T00:00:00")
_CREATED_DAYS = 6_500


@dataclass(frozen=True)
class Authors:
    """All authors of a sample, one element per author in every array.

    Attributes:
        language: Index into `LANGUAGES`.
        is_located: Whether `user_location` is a spelling of the place.
        followers: Log-normal, about 13 times more if verified.
        friends: Log-normal.
        favourites: Log-normal.
        is_verified: About 8%.
        cumulative: Activity (Zipf-Mandelbrot) summed up, with a leading 0: one longer than the others.
        first: Index of each place's first author; one longer than `PLACES`.
        first_located: Index of each place's first located author.
        profiles: The fields user_name, user_location, user_description, user_created, shape (4, authors).
    """

    language: npt.NDArray[np.int64]
    is_located: npt.NDArray[np.bool_]
    followers: npt.NDArray[np.int64]
    friends: npt.NDArray[np.int64]
    favourites: npt.NDArray[np.int64]
    is_verified: npt.NDArray[np.bool_]
    cumulative: npt.NDArray[np.float64]
    first: npt.NDArray[np.int64]
    first_located: npt.NDArray[np.int64]
    profiles: npt.NDArray[np.object_]


def make_authors(stream: np.random.Generator, posts: int) -> Authors:
    """Invent the authors of a sample of `posts` posts, about one per five posts; every place has a located one."""
    count = max(3 * len(PLACES), posts // _POSTS_PER_AUTHOR)
    place, location_kind = _draw_homes(stream, count)
    is_located = location_kind == 0
    language = _draw_languages(stream, place)
    is_verified = stream.random(count) < _VERIFIED_SHARE
    first = np.searchsorted(place, np.arange(len(PLACES) + 1))
    return Authors(
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


def compose_name(language: str, numbers: list[int]) -> str:
    """Compose a user name from five whole numbers >= 0: the same numbers give the same name.

    >>> compose_name("en", [1, 2, 3, 4, 0]), compose_name("en", [1, 2, 3, 4, 9])
    ('Lomi Retuka', 'lantern_river_1')
    """
    one, two, three, four, form = numbers
    words, endings = PHRASES["name_words"], PHRASES["name_endings"]
    if form % 10 in _HANDLE_FORMS:
        return f"{words[one % len(words)]}_{words[two % len(words)]}_{(three * four * form) % 107}"
    syllables = PHRASES["languages"][language].get("name_syllables", PHRASES["name_syllables"]).split()
    parts = [syllables[number % len(syllables)] for number in (one, two, three, four, one + four)]
    space = " " if language != "ja" else ""
    ending = endings[form % len(endings)]
    return f"{''.join(parts[:2]).capitalize()}{space}{''.join(parts[2:]).capitalize()}{ending}"


def list_bios(language: str) -> list[str]:
    """Self-descriptions of a language: single ones, pairs, a few with a line break, and about 8% empty ones.

    >>> list_bios("id")[:3]
    ['Kopi, buku, hujan', 'guru dan pelari', 'Kopi, buku, hujan | guru dan pelari']
    """
    single = PHRASES["languages"][language]["bios"]
    filled = 4 * (single + [f"{one} | {two}" for one in single for two in single if one != two])
    return [*filled, f"{single[0]}\n{single[-1]} 🌍", *[""] * max(1, round(_EMPTY_BIO_SHARE * len(filled)))]


def _draw_homes(stream: np.random.Generator, count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Place and kind of location (0 spelled, 1 empty, 2 joke) per author, sorted by place, located authors last."""
    weights = np.array([place.weight for place in PLACES])
    place = stream.choice(len(PLACES), size=count, p=weights / weights.sum())
    kind = stream.choice(len(_LOCATION_SHARES), size=count, p=_LOCATION_SHARES)
    place[: len(PLACES)], kind[: len(PLACES)] = np.arange(len(PLACES)), 0
    order = np.lexsort((kind == 0, place))
    return place[order], kind[order]


def _draw_languages(stream: np.random.Generator, place: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    spoken = np.array([LANGUAGES.index(code) for home in PLACES for code in home.languages])
    counts = np.array([len(home.languages) for home in PLACES])
    return np.asarray(spoken[(np.cumsum(counts) - counts)[place] + stream.integers(counts[place])])


def _draw_log_normal(
    stream: np.random.Generator, log_median: npt.NDArray[np.float64], sigma: float
) -> npt.NDArray[np.int64]:
    return np.minimum(stream.lognormal(log_median, sigma), 9e7).astype(np.int64)


def _compose_profiles(
    stream: np.random.Generator,
    place: npt.NDArray[np.int64],
    location_kind: npt.NDArray[np.int64],
    language: npt.NDArray[np.int64],
) -> npt.NDArray[np.object_]:
    count = len(place)
    numbers = stream.integers(1 << 16, size=(count, 5)).tolist()
    spelling = stream.choice(len(_SPELLING_SHARES), size=count, p=_SPELLING_SHARES)
    jokes = np.array(PHRASES["joke_locations"], dtype=object)
    joke = jokes[stream.integers(len(jokes), size=count)]
    bio = stream.integers(1 << 16, size=count).tolist()
    seconds = stream.integers(_CREATED_DAYS * 86_400, size=count).astype("timedelta64[s]")
    codes = [LANGUAGES[number] for number in language.tolist()]
    bios = {code: list_bios(code) for code in LANGUAGES}
    spellings = np.array([spell_locations(home) for home in PLACES], dtype=object)
    names = [compose_name(code, five) for code, five in zip(codes, numbers, strict=True)]
    locations = np.choose(location_kind, [spellings[place, spelling], "", joke])
    descriptions = [bios[code][number % len(bios[code])] for code, number in zip(codes, bio, strict=True)]
    created = map(str, (_CREATED_FIRST + seconds).tolist())
    return np.array([names, locations, descriptions, [*created]], dtype=object)
