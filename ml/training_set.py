"""What a model was learnt from, as a document: enough to ask the lake for the same rows, and to fit them again."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ml.training import TrainedModel

NAME: Final = "retweets"
DOCUMENT: Final = "training_set.json"
"""Name of the document among the artifacts of a run."""

QUERY: Final = (
    "select features.*, stories.story_id from refined.refined_retweet_features as features "
    "left join refined.refined_post_stories as stories using (source, post_id) "
    "where was_retweeted is not null and posted_at is not null"
)
"""The rows, each table at the Delta version that the document names."""

PACKAGES: Final = ("pyspark", "delta-spark", "numpy", "pandas", "scikit-learn", "scipy")
"""Packages on which a fit may depend."""


def describe(
    trained: TrainedModel, tables: Mapping[str, int], *, code_version: str, paths: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Describe the training set and the fit of a model, in values that JSON holds.

    Args:
        trained: What `ml.training.train` gave.
        tables: Delta version by table.
        code_version: Version of the code that trained.
        paths: Folder by table, where it shall be named.
    """
    dataset = trained.dataset
    return {
        "name": NAME,
        "query": QUERY,
        "tables": dict(tables),
        "paths": dict(paths or {}),
        "seed": dataset.seed,
        "digest": dataset.digest,
        "rows": dataset.counts.rows,
        "unlabelled_rows": dataset.unlabelled_rows,
        "class_balance": {
            "retweeted": dataset.counts.positives,
            "not_retweeted": dataset.counts.rows - dataset.counts.positives,
            "share_retweeted": round(dataset.counts.positives / dataset.counts.rows, 6),
        },
        "first_posted_at": dataset.first_posted_at.isoformat(),
        "last_posted_at": dataset.last_posted_at.isoformat(),
        "splits": {
            split.kind.value: {
                "rule": split.rule,
                "train_rows": split.train_counts.rows,
                "train_retweeted": split.train_counts.positives,
                "held_out_rows": split.held_out_counts.rows,
                "held_out_retweeted": split.held_out_counts.positives,
            }
            for split in dataset.splits
        },
        "constant_features": list(dataset.constants),
        "notes": list(dataset.notes),
        "features": list(trained.feature_names),
        "candidate": trained.candidate.name,
        "params": dict(trained.params),
        "trials": [{"params": trial.params, "roc_auc": list(trial.roc_auc)} for trial in trained.trials],
        "code_version": code_version,
        "python": platform.python_version(),
        "packages": find_packages(PACKAGES),
    }


def find_packages(names: Iterable[str]) -> dict[str, str]:
    """Give the installed version of each package."""
    return {name: installed_version(name) for name in names}


def compare_packages(recorded: Mapping[str, str], present: Mapping[str, str]) -> list[str]:
    """Say in a sentence each what differs between the packages of then and now.

    >>> compare_packages({"numpy": "2.0", "scipy": "1.1"}, {"numpy": "2.1", "scipy": "1.1"})
    ['numpy was 2.0 and is 2.1 now: equal predictions are not promised']
    """
    return [
        f"{name} was {old} and is {present.get(name, 'not installed')} now: equal predictions are not promised"
        for name, old in recorded.items()
        if present.get(name) != old
    ]


def to_json(document: Mapping[str, Any]) -> str:
    """Spell a document, its keys as they were put in.

    >>> to_json({"seed": 1}).split()
    ['{', '"seed":', '1', '}']
    """
    return json.dumps(document, indent=2, ensure_ascii=False)


def check_digest(document: Mapping[str, Any], *, digest: str, rows: int) -> Sequence[str]:
    """Say whether the rows are those that were learnt from: no sentence if they are.

    >>> check_digest({"digest": "a", "rows": 5}, digest="a", rows=5)
    []
    """
    if document["digest"] == digest:
        return []
    then, now = str(document["digest"])[:12], digest[:12]
    sentence = (
        f"the {rows:,} rows that the recorded versions give now (digest {now}…) are not the {document['rows']:,} that "
        f"were learnt from (digest {then}…): an erasure changed them, or the tables were built anew"
    )
    return [sentence]
