"""Phrases: the sentences of every language as tuples, whichever file holds them."""

from flows.sample import phrases_africa_asia as south_east
from flows.sample import phrases_europe as west

URL_PREFIX = " https://t.co/"
EMOJI = ("🤒", "😷", "🙏", "😭", "💔", "🎉", "😂", "🔥", "💉", "🦠", "👩🏽‍⚕️", "❤️", "😡", "🌧️", "👏🏿")
SEPARATORS = (" ", " - ", "... ", " | ", "!! ", "\n", "\n\n")
SEPARATOR_SHARES = (0.45, 0.20, 0.15, 0.10, 0.05, 0.04, 0.01)
SOURCES = ("Twitter for Android", "Twitter for iPhone", "Twitter Web App", "TweetDeck", "Buffer", "")
SOURCE_SHARES = (0.36, 0.29, 0.25, 0.05, 0.04, 0.01)


def split_phrases(blocks: dict[str, str]) -> dict[str, tuple[str, ...]]:
    r"""Split blocks of text into phrases, one a line.

    >>> split_phrases({"en": "\nhello\ngood bye\n"})
    {'en': ('hello', 'good bye')}
    """
    return {language: tuple(block.strip().splitlines()) for language, block in blocks.items()}


STATEMENTS = split_phrases(west.STATEMENTS | south_east.STATEMENTS)
CHATTER = split_phrases(west.CHATTER | south_east.CHATTER)
FEELINGS = split_phrases(west.FEELINGS | south_east.FEELINGS)
BIOS = split_phrases(west.BIOS | south_east.BIOS)
