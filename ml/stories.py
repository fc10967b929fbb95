"""What a post tells, in a few numbers by which the same story is found again, re-posted or slightly edited.

MinHash (Broder 1997, "On the resemblance and containment of documents") with banding (Leskovec, Rajaraman and Ullman
2020, "Mining of Massive Datasets", chapter 3), by datasketch 2.0.0 (MIT). A text is the set of its runs of `SHINGLE`
characters; two texts whose sets share a part s of their union have a band in common with probability
1 - (1 - s**ROWS)**BANDS:

    s              0.3     0.5     0.6     0.7     0.8     0.9     0.95
    a common band  0.0005  0.031   0.13    0.38    0.77    0.99    1.00

One edited word in a tweet of twenty leaves about 0.8.
"""

import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from datasketch import MinHash
    from pyspark.sql import Column

METHOD = "minhash"
RULES = 1
"""Raise it by one with any change of this module that alters a fingerprint."""
METHOD_VERSION: str = f"datasketch-{version('datasketch')}+{RULES}"

SHINGLE = 5
"""Characters that are taken together: words of every script overlap in them."""
BANDS = 8
ROWS = 8
SEED = 1
FEWEST_CHARACTERS = 20
"""A shorter text, such as "get well soon", is told again by people who never met: it is a story of its own."""
MAX_CHARACTERS = 2_000
"""What is read of a text: a megabyte costs no more than this."""

_NOISE = re.compile(
    r"(?i)^\s*(?:rt\s+[@＠][\w.-]+\s*:?)+"
    r"|(?:https?://|www\.|pic\.twitter\.com/)\S+"
    r"|[@＠][\w.-]+"
    r"|\[(?:name|email|phone)\]"
    r"|&#?\w{1,8};"
)
"""What says who told it, and where it leads: a story is the same without."""


def fingerprint(text: str | None) -> list[int]:
    """Return the hash of each band of a text; none for a text too short to tell a story.

    >>> told = "Two cases of measles were confirmed in our school today, stay at home"
    >>> set(fingerprint(told)) & set(fingerprint(f"RT @who: {told.upper()}! https://t.co/x")) == set(fingerprint(told))
    True
    >>> set(fingerprint(told)) & set(fingerprint("Nobody here has heard of any outbreak in the last ten years"))
    set()
    >>> fingerprint("get well soon"), fingerprint(None)
    ([], [])
    """
    told = strip_noise(text or "")
    if len(told) < FEWEST_CHARACTERS:
        return []
    sketch = _blank_sketch().copy()
    sketch.update_batch([told[at : at + SHINGLE].encode() for at in range(len(told) - SHINGLE + 1)])
    return [_hash_band(number, rows) for number, rows in enumerate(sketch.hashvalues.reshape(BANDS, ROWS))]


def strip_noise(text: str) -> str:
    """Return what is compared of a text: its words in one case, without who told it and where it leads.

    >>> strip_noise("RT @who: Stay  HOME! https://t.co/x &amp; wait")
    'stay home wait'
    """
    return " ".join(re.findall(r"\w+", _NOISE.sub(" ", text[:MAX_CHARACTERS]).casefold()))


@lru_cache(maxsize=1)
def _blank_sketch() -> "MinHash":
    from datasketch import MinHash

    return MinHash(num_perm=BANDS * ROWS, seed=SEED)


def _hash_band(number: int, rows: np.ndarray) -> int:
    """Return 64 bits of a band, its number included: the same rows in another band are another band."""
    digest = hashlib.blake2b(rows.astype("<u8").tobytes(), digest_size=8, salt=number.to_bytes(2, "little"))
    return int.from_bytes(digest.digest(), "little", signed=True)


def fingerprint_texts(texts: pd.Series) -> pd.Series:
    """Fingerprint a series of texts: a list per text, on the same index; the same text is read once."""
    places, distinct = pd.factorize(texts)
    found = np.empty(len(distinct) + 1, dtype=object)
    found[:] = [*map(fingerprint, distinct), []]  # a null's place is -1, the last one
    return pd.Series(found[places], index=texts.index)


def fingerprint_column(text: "Column") -> "Column":
    """Fingerprint a column of texts in Spark: `array<bigint>`, never null."""
    from pyspark.sql.pandas.functions import pandas_udf

    mark = pandas_udf(fingerprint_batches, "array<bigint>")  # type: ignore[call-overload]  # knows no iterator
    bands: Column = mark(text)
    return bands


def fingerprint_batches(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
    """Fingerprint the batches of texts that a Spark worker is given."""
    yield from map(fingerprint_texts, batches)
