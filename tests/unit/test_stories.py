"""Which texts tell the same story: copies and slight edits do, posts about the same thing do not."""

import random

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.stories import BANDS, MAX_CHARACTERS, fingerprint, fingerprint_texts

TOLD = (
    "The ministry of health confirmed twelve new cases of cholera in the northern district this morning and asked "
    "everyone to boil water before drinking it"
)


def is_same(one: str, other: str) -> bool:
    return bool(set(fingerprint(one)) & set(fingerprint(other)))


@pytest.mark.parametrize(
    "copy",
    [
        f"RT @ministry: {TOLD}",
        f"RT @a: RT @b: {TOLD} https://t.co/x",
        f"{TOLD}!!! @friend [name] &amp;",
        TOLD.upper(),
        TOLD.replace("twelve", "thirteen"),
        f"{TOLD} please share",
        TOLD.replace("this morning ", ""),
    ],
)
def test_a_copy_or_a_slight_edit_tells_the_same_story(copy: str) -> None:
    assert is_same(TOLD, copy)


@pytest.mark.parametrize(
    "other",
    [
        "Cholera again: my whole street has been told to boil water, and nobody knows for how long it will last",
        "The ministry of finance announced twelve new taxes in the southern district yesterday evening, says the radio",
        "",
        "cholera",
    ],
)
def test_a_post_about_the_same_thing_is_another_story(other: str) -> None:
    assert not is_same(TOLD, other)


def test_few_pairs_of_a_thousand_made_up_posts_are_taken_for_the_same() -> None:
    chance = random.Random(1)
    words = [
        "fever",
        "cough",
        "school",
        "today",
        "doctor",
        "water",
        "cases",
        "week",
        "friend",
        "home",
        "news",
        "vaccine",
        "hospital",
        "children",
        "street",
        "morning",
        "people",
        "nobody",
        "again",
        "still",
    ]
    texts = [" ".join(chance.choice(words) for _ in range(15)) for _ in range(1_000)]
    holders: dict[int, int] = {}
    for band in (band for text in set(texts) for band in fingerprint(text)):
        holders[band] = holders.get(band, 0) + 1
    assert sum(count * (count - 1) // 2 for count in holders.values()) < 50  # of 499,500 pairs


@given(st.text(max_size=300))
def test_any_text_has_all_of_its_bands_or_none(text: str) -> None:
    bands = fingerprint(text)
    assert len(bands) in {0, BANDS}
    assert bands == fingerprint(text)
    assert all(-(2**63) <= band < 2**63 for band in bands)


def test_a_huge_text_costs_no_more_than_its_beginning() -> None:
    beginning = "".join(chr(0x4E00 + number) for number in range(MAX_CHARACTERS))
    assert fingerprint(beginning + "x" * 1_000_000) == fingerprint(beginning)


def test_a_series_is_read_text_by_text_on_its_own_index() -> None:
    found = fingerprint_texts(pd.Series([TOLD, None, TOLD, "short"], index=[3, 1, 4, 2]))
    assert found.index.tolist() == [3, 1, 4, 2]
    assert found.tolist() == [fingerprint(TOLD), [], fingerprint(TOLD), []]
