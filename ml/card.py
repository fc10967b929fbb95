"""The model card: what a model is, how good it honestly is, and what it is not for. Markdown, one page.

The form follows Mitchell et al. (2019), "Model Cards for Model Reporting", doi:10.1145/3287560.3287596.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ml.features import FEATURES, SENTIMENT_FEATURES
from ml.model import MODEL_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ml.evaluation import Evaluation
    from ml.training import SplitResult, TrainedModel

SURE_STANDARD_ERRORS: Final = 2.0
"""A gain smaller than this many standard errors is not called one."""

_LIMITS: Final = """\
- Followers, friends and likes are those of the moment of capture, not of posting: a post that was captured late brings
  numbers from after it. How much that helps the model is not known.
- Posts without any retweet *at capture* count as never retweeted.
- The tree sees each feature as its share of the sum of all of them (`Normalizer`, p = 1). The index of a place or of a
  list of hashtags is cut as a number, ordered by frequency, and lists of hashtags are taken whole.
- Sentiment is VADER's: made for English, and below the majority class on labelled posts about vaccines. Posts in other
  languages, and those whose language is not known, have both shares 0.
- Held-out by time, an author can stand on both sides; held-out by author, later posts can be learnt from. No figure
  here is for new authors at a later time."""

_NOT_FOR: Final = """\
- Decisions about a person or an account.
- A measure of truth, harm or public health: being retweeted is attention, nothing else.
- Posts of other networks or years, unless the figures above were measured again on them."""


def write_card(
    trained: TrainedModel,
    *,
    importances: Mapping[str, float],
    tables: Mapping[str, int],
    trained_at: datetime,
    code_version: str,
) -> str:
    """Write the card of a trained model.

    Args:
        trained: What `ml.training.train` gave.
        importances: Share of each feature in the tree's gain (`ml.model.importances`).
        tables: Delta version of each table behind the rows, by the table's name.
        trained_at: When it was trained, UTC.
        code_version: Version of the code that trained it.
    """
    sections = {
        "What it is": _what(trained),
        "Trained on": _data(trained, tables),
        "How good it is": _metrics(trained),
        "What sentiment adds": "\n".join(_sentiment(result) for result in trained.results),
        "What it looks at": _features(trained, importances),
        "Limits": _LIMITS,
        "Not for": _NOT_FOR,
        "How to load it": _load(),
    }
    head = f"# {MODEL_NAME}\n\nTrained {trained_at:%Y-%m-%d %H:%M} UTC with Epilake {code_version}.\n"
    return head + "".join(f"\n## {title}\n\n{text}\n" for title, text in sections.items())


def _what(trained: TrainedModel) -> str:
    limits = ", ".join(f"{name} {value}" for name, value in trained.tree.params().items())
    return (
        "A decision tree that says how likely a post is to be retweeted at least once. The design is the article's: "
        "`StringIndexer` of place and hashtags (unseen values kept), `VectorAssembler`, `Normalizer` (p = 1), "
        f"`DecisionTreeClassifier`. Limits of the tree: {limits}; seed {trained.dataset.seed}. The registered model "
        "was learnt from the training part of the time split only, and is the very one that was measured."
    )


def _data(trained: TrainedModel, tables: Mapping[str, int]) -> str:
    dataset = trained.dataset
    share = dataset.counts.positives / dataset.counts.rows
    days = f"{dataset.first_posted_at:%Y-%m-%d} to {dataset.last_posted_at:%Y-%m-%d} UTC"
    lines = [
        *(f"- Table `{name}`, Delta version {version}" for name, version in tables.items()),
        f"- {dataset.counts.rows:,} labelled posts, {days}; {dataset.counts.positives:,} ({share:.1%}) were retweeted",
        f"- {dataset.unlabelled_rows:,} posts left out, as their source tells no label or no time",
        f"- Digest of the rows `{dataset.digest}`",
    ]
    for split in dataset.splits:
        rows = f"{split.train_counts.rows:,} posts learnt from, {split.held_out_counts.rows:,} held out"
        lines.append(f"- Split by {split.kind}: {rows}: {split.rule}")
    return "\n".join(lines)


def _metrics(trained: TrainedModel) -> str:
    rows = [
        "| held-out by | model | accuracy | ROC-AUC | PR-AUC | log-loss | Brier |",
        "|---|---|---|---|---|---|---|",
    ]
    for result in trained.results:
        evaluation = result.evaluation
        rows.append(
            f"| {result.kind} | always the majority | {evaluation.majority_accuracy:.3f} | 0.500 | "
            f"{evaluation.base_rate:.3f} | | |"
        )
        rows.append(_metric_row(result.kind, "**this model**", evaluation))
        if result.without_sentiment:
            rows.append(_metric_row(result.kind, "without sentiment", result.without_sentiment))
    confusion = trained.evaluation.confusion
    matrix = (
        f"Held-out by time, at 0.5: {confusion.true_positives:,} retweeted posts found, {confusion.false_negatives:,} "
        f"missed; {confusion.false_positives:,} said in vain, {confusion.true_negatives:,} rightly passed over."
    )
    return "\n".join(rows) + f"\n\n{matrix} ± is one standard error (Hanley and McNeil 1982)."


def _metric_row(kind: str, name: str, evaluation: Evaluation) -> str:
    return (
        f"| {kind} | {name} | {evaluation.accuracy:.3f} | {evaluation.roc_auc:.3f} ± "
        f"{evaluation.roc_auc_standard_error:.3f} | {evaluation.pr_auc:.3f} | {evaluation.log_loss:.3f} | "
        f"{evaluation.brier:.3f} |"
    )


def _sentiment(result: SplitResult) -> str:
    """Say in one sentence what sentiment adds on one split; no gain smaller than its error is called one."""
    gain = result.gain_of_sentiment
    if gain is None:
        return f"- Held-out by {result.kind}: not measured, as the features hold no sentiment or nothing else."
    size = abs(gain.roc_auc_standard_errors)
    verdict = "not to be told from chance" if size < SURE_STANDARD_ERRORS else "more than chance would give"
    return (
        f"- Held-out by {result.kind}: ROC-AUC {gain.roc_auc:+.3f}, PR-AUC {gain.pr_auc:+.3f}, accuracy "
        f"{gain.accuracy:+.3f} against the same tree without sentiment. The difference in ROC-AUC is {size:.1f} "
        f"standard errors: {verdict}."
    )


def _features(trained: TrainedModel, importances: Mapping[str, float]) -> str:
    rows = ["| feature | what it is | known | share of the tree's gain |", "|---|---|---|---|"]
    for name in sorted(trained.feature_names, key=lambda name: -importances.get(name, 0.0)):
        feature = FEATURES[name]
        rows.append(f"| `{name}` | {feature.meaning} | {feature.known} | {importances.get(name, 0.0):.1%} |")
    sentiment = sum(importances.get(name, 0.0) for name in SENTIMENT_FEATURES)
    return "\n".join(rows) + f"\n\nBoth shares of sentiment together: {sentiment:.1%} of the gain."


def _load() -> str:
    return (
        "```python\n"
        "from ml.model import score\n"
        "from ml.registry import Registry\n\n"
        'model, version = Registry(tracking_uri).load("production")  # checks the files against their recorded hash\n'
        "scored = score(model, features)  # features: refined.refined_retweet_features\n"
        "```"
    )
