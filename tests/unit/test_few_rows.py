"""A few rows are looked at value by value, many by column: what is said of them is the same."""

import random
from datetime import UTC, datetime
from functools import partial

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.privacy.masks import FEW_TEXTS, mask_patterns
from flows.privacy.policy import Mask
from flows.sources.boundary import FEW_ROWS, find_faults, find_few_faults, find_many_faults
from flows.sources.drafts import make_rows
from flows.sources.known import SOURCES

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPELLINGS = (
    None, "", "7", "007", "1.2e+18", "1,5", "12,5", "9" * 18, "9" * 19, "-1", "true", "TRUE", "falſe", "truefalse",
    "=SUM(A1)", "=cmd|' /C calc'!A0", "\n=SUM(A1)", "a\vb", "a b", "x\n", "x", "\u0661",
)  # fmt: skip
LONG = ("#" * 10_000, "#" * 10_001, "a" * 1_100_000, "a" * 1_100_001)
MOMENTS = (
    None,
    datetime(1989, 12, 31, tzinfo=UTC),
    datetime(1990, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 2, tzinfo=UTC),
    datetime(2026, 1, 2, 0, 0, 0, 1, UTC),
)
PIECES = (
    "@ana", "ana@example.org", " at ", "example", " dot ", "org", "[at]", "+49 30 1234567", "call 555-123-4567",
    "＠ben",    "x.com/ana", "01.05.2020", " ", "é", "中", "_", "1", "\n",
)  # fmt: skip
SUSPECT = "@ana a@b.org +49 30 1234567 x.com/a u/b at c dot org [at]"


def test_faults_of_a_few_rows_are_those_of_many() -> None:
    draw = random.Random(7)
    for source in SOURCES.values():
        for _ in range(3):
            count = draw.randrange(1, 60)
            common = draw.choice([0.0, 0.9])
            rows = make_rows(
                source.fields,
                {
                    field.name: [None if draw.random() < common else draw.choice(SPELLINGS) for _ in range(count)]
                    for field in source.fields
                },
                rescued=[None] * count,
                post_ids=[draw.choice([None, "7"]) for _ in range(count)],
                times=[draw.choice(MOMENTS) for _ in range(count)],
                numbers=list(range(count)),
                offsets=[0] * count,
            )
            assert find_few_faults(source.fields, rows, now=NOW) == find_many_faults(source.fields, rows, now=NOW)


def test_long_texts_are_judged_alike() -> None:
    fields = SOURCES["twitter"].fields
    places = {"numbers": [0, 1, 2, 3], "offsets": [0] * 4}
    rows = make_rows(fields, {"text": [*LONG]}, rescued=[None] * 4, post_ids=["7"] * 4, times=[NOW] * 4, **places)
    found = find_few_faults(fields, rows, now=NOW)
    assert found == find_many_faults(fields, rows, now=NOW)
    assert [*found] == [1, 3]


def test_rows_around_the_limit_are_judged_alike() -> None:
    fields = SOURCES["twitter"].fields
    for count in (0, 1, FEW_ROWS, FEW_ROWS + 1):
        columns = {"text": ["=SUM(A1)"] * count, "user_followers": ["x"] * count}
        places = {"numbers": list(range(count)), "offsets": [0] * count}
        rows = make_rows(fields, columns, rescued=[None] * count, post_ids=["7"] * count, times=[NOW] * count, **places)
        wrong = "text holds a spreadsheet formula; user_followers is not a whole number"
        assert find_faults(fields, rows, now=NOW) == dict.fromkeys(range(count), wrong)


text_of_pieces = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=8).map("".join)


@settings(deadline=None, max_examples=30)
@given(st.lists(text_of_pieces | st.none(), max_size=9))
def test_a_few_texts_are_masked_as_many_are(texts: list[str | None]) -> None:
    column = pa.chunked_array([pa.array(texts, pa.string())])
    suspects = [f"{SUSPECT} {at}" for at in range(FEW_TEXTS + 1)]
    many = pa.chunked_array([pa.array(texts + suspects, pa.string())])
    mask = partial(mask_patterns, masks=frozenset(Mask))
    assert mask(column).to_pylist() == mask(many).to_pylist()[: len(texts)]
