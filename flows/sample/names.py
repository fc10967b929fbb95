"""Names: invented user names, in the scripts of the languages, from syllables and words.

No list of real names is used, so no name is anyone's but by accident.
"""

import numpy as np

_LATIN = "za lo mi re tu ka vi no sha be dro ne fi qua ru ji pe wo ya lin tor em ul"
_SYLLABLES = {
    "hi": "नी ला पा रो मि ता शु का वि दे ज न",
    "ar": "نو را سا مي لو تا دي فا زي كو",
    "ja": "みず いろ の でん しゃ ねこ そら ゆき 月 茶 森 風鈴",
}
_WORDS = (
    "quiet",
    "lantern",
    "river",
    "nine",
    "paper",
    "kite",
    "mango",
    "echo",
    "velvet",
    "tiger",
    "cloud",
    "owl",
    "copper",
    "tram",
    "salt",
)
_ENDINGS = ("", "", "", "", "", "", " 🌻", " 🇺🇳", ", MPH", ' "Zu"', "_x", " ☕")


def list_syllables(language: str) -> list[str]:
    """Syllables of a language's script; Latin unless the language is written in another.

    >>> list_syllables("pt")[:3], list_syllables("ja")[0]
    (['za', 'lo', 'mi'], 'みず')
    """
    return _SYLLABLES.get(language, _LATIN).split()


def compose_name(language: str, numbers: tuple[int, ...]) -> str:
    """Compose a user name from five whole numbers >= 0: the same numbers give the same name.

    >>> compose_name("en", (1, 2, 3, 4, 0))
    'Lomi Retuka'
    >>> compose_name("en", (1, 2, 3, 4, 9))
    'lantern_river_1'
    """
    one, two, three, four, form = numbers
    if form % 10 >= 8:  # noqa: PLR2004  # a fifth of the names are handles
        return f"{_WORDS[one % len(_WORDS)]}_{_WORDS[two % len(_WORDS)]}_{(three * four * form) % 107}"
    syllables = list_syllables(language)
    parts = [syllables[number % len(syllables)] for number in (one, two, three, four, one + four)]
    space = " " if language != "ja" else ""
    name = "".join(parts[:2]).capitalize() + space + "".join(parts[2:]).capitalize()
    return name + _ENDINGS[form % len(_ENDINGS)]


def compose_handles(count: int, stream: np.random.Generator) -> tuple[str, ...]:
    """Compose handles that posts @mention, each with a number so that it reads as invented.

    >>> len(compose_handles(3, np.random.default_rng(1)))
    3
    """
    numbers = stream.integers(len(_WORDS), size=(count, 2)).tolist()
    return tuple(f"@{_WORDS[one]}_{_WORDS[two]}{index}" for index, (one, two) in enumerate(numbers))
