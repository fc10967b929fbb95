"""Finding leaves in texts: every word, phrase and hashtag of all topics at once.

A text is cut into words once. A leaf of one word is found by that alone; a longer one is looked at further if the text
holds its longest word; one without such a word (Chinese, emoji) if the text holds the first character of any of them.
"""

import re
from collections.abc import Sequence

from flows.topics.expression import Hashtag, Leaf
from flows.topics.folding import ANY_WORD_CLASS, WORD_CLASS, WORDS, fold


class LeafIndex:
    """All distinct leaves of some topics, numbered, and found in a text by the words they hold."""

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        distinct = {make_pattern(leaf): leaf for leaf in leaves}
        self._numbers = {pattern: number for number, pattern in enumerate(distinct)}
        self._whole: dict[str, int] = {}
        self._to_check: dict[str, list[tuple[int, re.Pattern[str]]]] = {}
        self._loose: list[tuple[int, re.Pattern[str]]] = []
        firsts: set[str] = set()
        for leaf in distinct.values():
            firsts |= self._file(leaf)
        self._words = frozenset(self._whole) | frozenset(self._to_check)
        self._loose_first = re.compile(f"[{re.escape(''.join(sorted(firsts)))}]") if firsts else None

    def number_of(self, leaf: Leaf) -> int:
        """Return the number of a leaf; leaves that find the same have the same."""
        return self._numbers[make_pattern(leaf)]

    def find(self, text: str) -> set[int]:
        """Return the numbers of all leaves that a text holds."""
        folded = fold(text)
        found = set()
        for word in self._words.intersection(WORDS.findall(folded)):
            if (number := self._whole.get(word)) is not None:
                found.add(number)
            found.update(number for number, pattern in self._to_check.get(word, ()) if pattern.search(folded))
        if self._loose_first is not None and not folded.isascii() and self._loose_first.search(folded):
            found.update(number for number, pattern in self._loose if pattern.search(folded))
        return found

    def _file(self, leaf: Leaf) -> set[str]:
        """Put a leaf where `find` looks; the first character, if it holds no word to know it by."""
        number, folded = self.number_of(leaf), fold(leaf.text)
        if WORDS.fullmatch(folded) and not isinstance(leaf, Hashtag):
            self._whole[folded] = number
        elif words := WORDS.findall(folded):
            self._to_check.setdefault(max(words, key=len), []).append((number, re.compile(make_pattern(leaf))))
        else:
            self._loose.append((number, re.compile(make_pattern(leaf))))
            return {"#" if isinstance(leaf, Hashtag) else _split(folded)[0][0]}
        return set()


def make_pattern(leaf: Leaf) -> str:
    """Return the regular expression that finds a leaf in a folded text.

    >>> [bool(re.search(make_pattern(Hashtag("Flu")), fold(text))) for text in ("#flu!", "the flu", "#flushot")]
    [True, False, False]
    """
    folded = fold(leaf.text)
    if isinstance(leaf, Hashtag):
        return f"(?<![{ANY_WORD_CLASS}_&])#{re.escape(folded)}(?![{ANY_WORD_CLASS}_])"
    words = _split(folded)
    body = r"[\s_]+".join(map(re.escape, words))
    before = f"(?<![{WORD_CLASS}])" if WORDS.match(words[0]) else ""
    after = f"(?![{WORD_CLASS}])" if WORDS.match(words[-1][-1]) else ""
    return f"{before}{body}{after}"


def _split(folded: str) -> list[str]:
    """Cut a folded phrase where a text may have any white space or `_`.

    >>> _split("covid_19 cases")
    ['covid', '19', 'cases']
    """
    return folded.replace("_", " ").split()
