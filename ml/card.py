"""The model card: what a model is, how good it honestly is, and what it is not for. Markdown, one page.

The form follows Mitchell et al. (2019), "Model Cards for Model Reporting", doi:10.1145/3287560.3287596.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ml.engineered import NUMBERS
from ml.features import FEATURES, SENTIMENT_FEATURES
from ml.model import MODEL_NAME
from ml.split import SplitKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ml.evaluation import Evaluation
    from ml.training import SplitResult, TrainedModel

_LIMITS: Final = """\
- Followers, friends and likes are those of the moment of capture, not of posting: a post that was captured late brings
  numbers from after it. How much that helps the model is not known.
- Posts without any retweet *at capture* count as never retweeted.
- The article's tree sees each feature as its share of the sum of all of them (`Normalizer`, p = 1). The index of a
  place or of a list of hashtags is cut as a number, ordered by frequency, and lists of hashtags are taken whole.
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
        importances: Share of each feature in what the model goes by (`ml.model.importances`).
        tables: Delta version of each table behind the rows, by the table's name.
        trained_at: When it was trained, UTC.
        code_version: Version of the code that trained it.
    """
    sections = {
        "What it is": _what(trained),
        "Trained on": _data(trained, tables),
        "How good it is": _metrics(trained),
        "What sentiment adds": "\n".join(say_gain(trained, result) for result in trained.results),
        "What it looks at": _features(trained, importances),
        "Limits": _LIMITS,
        "Not for": _NOT_FOR,
        "How to load it": _load(),
    }
    head = f"# {MODEL_NAME}\n\nTrained {trained_at:%Y-%m-%d %H:%M} UTC with Epilake {code_version}.\n"
    return head + "".join(f"\n## {title}\n\n{text}\n" for title, text in sections.items())


def _what(trained: TrainedModel) -> str:
    limits = ", ".join(f"{name} {value}" for name, value in trained.params.items())
    searched = f" They won against {len(trained.trials) - 1} other draws." if len(trained.trials) > 1 else ""
    return (
        f"It says how likely a post is to be retweeted at least once. Candidate `{trained.candidate.name}`: "
        f"{trained.candidate.meaning}. Its limits: {limits}; seed {trained.dataset.seed}.{searched} The registered "
        "model was learnt from the training part of the time split only, and is the very one that was measured."
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
    lines += [f"- {note}" for note in dataset.notes]
    lines += [f"- `{name}` has one value in all posts: nothing is learnt from it" for name in dataset.constants]
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
    earlier = trained.detail.earlier_rate
    rows.append(_metric_row("time", "the author's own earlier rate", earlier))
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


def say_gain(trained: TrainedModel, result: SplitResult) -> str:
    """Say in one sentence what sentiment adds on one split; by time with its interval, whole authors drawn again."""
    gain = result.gain_of_sentiment
    if gain is None:
        return f"- Held-out by {result.kind}: not measured."
    found = (
        f"- Held-out by {result.kind}: ROC-AUC {gain.roc_auc:+.3f}, PR-AUC {gain.pr_auc:+.3f}, accuracy "
        f"{gain.accuracy:+.3f} against the same candidate without sentiment."
    )
    interval = trained.detail.gain_of_sentiment.get("roc_auc")
    if interval is None or result.kind is not SplitKind.TIME:
        return found
    verdict = "not to be told from chance" if interval.holds_zero else "more than chance would give"
    return f"{found} 95% of the draws give {interval.low:+.3f} to {interval.high:+.3f} in ROC-AUC: {verdict}."


def _features(trained: TrainedModel, importances: Mapping[str, float]) -> str:
    rows = ["| feature | what it is | share of what the model goes by |", "|---|---|---|"]
    rows += [f"| `{name}` | {meaning_of(name)} | {share:.1%} |" for name, share in importances.items()]
    sentiment = sum(importances.get(name, 0.0) for name in SENTIMENT_FEATURES)
    read = ", ".join(f"`{name}`" for name in trained.feature_names)
    return "\n".join(rows) + (
        f"\n\nBoth shares of sentiment together: {sentiment:.1%}. Columns read, each known at posting: {read}."
    )


def meaning_of(name: str) -> str:
    """Say what a feature, or a number made of features, is.

    >>> meaning_of("log_followers")
    'made of `user_followers`'
    """
    if name in FEATURES:
        return FEATURES[name].meaning
    reads = NUMBERS[name].reads if name in NUMBERS else ("text",)
    return f"made of {', '.join(f'`{read}`' for read in reads)}"


def _load() -> str:
    return (
        "```python\n"
        "from ml.model import score\n"
        "from ml.registry import Registry\n\n"
        'model, version = Registry(tracking_uri).load("production")  # checks the files against their recorded hash\n'
        "scored = score(model, features)  # features: refined.refined_retweet_features\n"
        "```"
    )
