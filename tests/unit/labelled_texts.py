"""Invented texts with the sentiment that they were made to have, and the files in which such sets come."""

import gzip
import random
from pathlib import Path

from ml.sentiment_methods import LABELS

WORDS = {
    "negative": ["queue of misery", "needles again, ugh", "my arm aches", "a sad and bad affair", "horrible noise"],
    "neutral": ["the hall opens at nine", "dose two of two", "bus 12 stops there", "the leaflet has six pages", "noon"],
    "positive": ["such a relief", "grateful to the nurses", "a great and happy day", "free cake, yay", "lovely staff"],
}
OPENINGS = ["Today:", "Well,", "At the clinic:", "News from our street:", "So,", "Once more:"]
CODES = {label: str(code) for code, label in enumerate(LABELS)}


def invent(count: int, *, seed: int) -> list[tuple[str, str]]:
    """Return so many texts of each label, in random order; each tenth has the words of another label."""
    chance = random.Random(seed)
    rows = []
    for number in range(count):
        for label in LABELS:
            kind = chance.choice(LABELS) if number % 10 == 9 else label
            words = " and ".join(chance.sample(WORDS[kind], 2))
            rows.append((f"{chance.choice(OPENINGS)} {words}, {seed}-{number}", label))
    chance.shuffle(rows)
    return rows


def write_pair(folder: Path, name: str, rows: list[tuple[str, str]]) -> None:
    """Write a set as TweetEval keeps it: texts line by line, their labels beside them."""
    for part, lines in (("text", [text for text, _ in rows]), ("labels", [CODES[label] for _, label in rows])):
        content = "".join(f"{line}\n" for line in lines)
        (folder / f"{name}_{part}.txt.gz").write_bytes(gzip.compress(content.encode()))
