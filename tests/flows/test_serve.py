"""The service says of every post of the sample what batch scoring wrote of it, from the file instead of the lake."""

import csv
import gzip
import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flows.lake.tables import query
from flows.serve.scoring import Scorer
from flows.settings import Settings
from flows.sources.drafts import has_surrogate

if TYPE_CHECKING:
    from flows.sample import Manifest

pytestmark = pytest.mark.spark


def test_every_post_of_the_sample_gets_the_probability_that_batch_scoring_gave(
    sample_lake: Settings, sample_folder: "tuple[Path, Manifest]"
) -> None:
    rows = query(
        sample_lake, "scored.retweet_predictions", "select post_id, retweet_probability, model_version from rows"
    )
    scorer = Scorer(sample_lake)
    assert scorer.refresh()
    assert {row["model_version"] for row in rows} == {scorer.version}
    found: defaultdict[str, set[float]] = defaultdict(set)
    for post_id, probability in score_files(scorer, sample_folder[0]):
        found[post_id].add(probability)
    wanted = {row["post_id"]: row["retweet_probability"] for row in rows}
    assert len(wanted) > 5_000
    assert found.keys() == wanted.keys()
    assert [post_id for post_id, probability in wanted.items() if probability not in found[post_id]] == []
    once = [post_id for post_id, probabilities in found.items() if len(probabilities) == 1]
    assert len(once) > 0.95 * len(wanted)
    assert len({*wanted.values()}) > 5


def score_files(scorer: Scorer, folder: Path) -> "list[tuple[str, float]]":
    """Return id and probability of every record of the sample's files that is a post."""
    answers = []
    for file in sorted(folder.glob("*.csv.gz")):
        with gzip.open(file, "rt", encoding="utf-8", errors="surrogateescape", newline="") as lines:
            header, *records = csv.reader(lines)
        posts = [dict(zip(header, record, strict=True)) for record in records if is_readable(record, header)]
        for start in range(0, len(posts), 500):
            answers += scorer.run(json.dumps(posts[start : start + 500]))
    return [(each["post_id"], each["retweet_probability"]) for each in answers if each["reason"] is None]


def is_readable(record: list[str], header: list[str]) -> bool:
    """Say whether JSON can hold a record at all: a cut one, or one that is not UTF-8, was never sent."""
    return len(record) == len(header) and not has_surrogate("".join(record))
