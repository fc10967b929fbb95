"""What a user knows of a file fills what its posts lack, changes nothing that they say, and makes another batch."""

import io
import json
from pathlib import Path

import pytest

from flows.batches import identify_batches
from flows.errors import EpilakeError
from flows.sources.files import InputFile
from flows.sources.fill import fill_drafts, read_fill
from flows.sources.known import find_source

REDDIT = find_source("reddit")


def test_what_a_post_says_stays_and_what_it_lacks_is_filled() -> None:
    comment = {"name": "t1_a", "body": "cough", "created_utc": 1608400000}
    lines = [comment, {**comment, "name": "t1_b", "subreddit": "Boston"}]
    stream = io.BytesIO(b"\n".join(json.dumps(line).encode() for line in lines))
    (draft,) = fill_drafts(REDDIT.parse(stream, chunk_records=10), {"subreddit": "Alabama"})
    assert draft.rows["subreddit"].to_pylist() == ["Alabama", "Boston"]
    assert draft.rows["text"].to_pylist() == ["cough", "cough"]


@pytest.mark.parametrize(
    ("spelt", "told"),
    [
        (["subreddit"], "'subreddit' is not FIELD=VALUE."),
        (["subreddit= "], "'subreddit= ' is not FIELD=VALUE."),
        (["author=ann"], "'author' is no label of reddit: give one of kind, subreddit, "),
        (["place=Boston"], "'place' is no label of reddit: give one of kind, subreddit, "),
        (["subreddit=a", "subreddit=b"], "subreddit is given more than once: which value counts?"),
    ],
)
def test_what_cannot_be_filled_is_said(spelt: list[str], told: str) -> None:
    with pytest.raises(EpilakeError) as raised:
        read_fill(REDDIT, spelt)
    assert str(raised.value).startswith(told)


def test_the_same_bytes_with_another_value_are_another_batch(tmp_path: Path) -> None:
    (tmp_path / "posts.csv").write_text("x", encoding="utf-8")
    files = [InputFile(tmp_path / "posts.csv")]
    batches = [identify_batches(files, set(), fill)[0].batch_id for fill in ({}, {"a": "1"}, {"a": "2"}, {"a": "1"})]
    assert len(set(batches)) == 3
    assert batches[1] == batches[3]
    assert identify_batches(files, {batches[1]}, {"a": "1"}) == []
