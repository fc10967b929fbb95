"""A candidate: fitted, judged on held-out posts, registered, and promoted through the gate.

What decides is in `ml`; this flow reads the features at one Delta version, hands them over and records what came of it.
A training that would only repeat an earlier one (same rows, seed, candidate, features, code) is not run again, but a
gate that a killed run left undecided is decided.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.console import counted, say, spinner
from flows.errors import RefusedTrainingError
from flows.judge import judge
from flows.lake.session import open_session
from flows.lake.tables import open_table, table_path
from flows.promotions import WAITING, open_registry
from flows.report import publish_counts, publish_link, publish_markdown
from flows.runs import recorded
from flows.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from ml.candidates.candidate import Candidate, Params
    from ml.candidates.search import Trial
    from ml.dataset import Dataset
    from ml.registry import Registry
    from ml.run_log import TableVersion
    from ml.training import TrainedModel

FEATURES_TABLE = "refined.refined_retweet_features"
STORIES_TABLE = "refined.refined_post_stories"
TABLES = ("raw.twitter_posts", "curated.curated_posts", "enriched.post_sentiment", STORIES_TABLE, FEATURES_TABLE)
"""The tables behind a model, whose Delta versions are recorded with it."""


@flow(name="train")
def train(extra_features: list[str] | None = None, candidate: str = "tree") -> dict[str, object]:
    """Train, register and judge the model; return its version, whether it is new and whether it is in production.

    Args:
        extra_features: Columns to learn from beside the candidate's; one known only after the outcome is refused.
        candidate: Name of a candidate (`ml.candidates.known`), or `auto`: the one that suits the size, its limits
            searched for.

    Raises:
        RefusedTrainingError: There is one class only, too little to learn from, a feature that may not be used, or no
            such candidate.
    """
    settings = Settings()
    with recorded(settings, "train") as report:
        outcome = train_and_judge(settings, tuple(extra_features or ()), candidate)
        report.update(outcome)
    return outcome


@task(cache_policy=NO_CACHE)
def train_and_judge(settings: Settings, extra_features: tuple[str, ...], candidate: str = "tree") -> dict[str, object]:
    """Find or train the version that belongs to the present rows, point `staging` to it, and let the gate decide."""
    from ml.dataset import open_dataset
    from ml.registry import PRODUCTION, STAGING

    registry = open_registry(settings)
    with refusals_in_words():
        tables = read_versions(settings)
        with open_dataset(read_features(settings, tables), seed=settings.seed) as dataset:
            plan = choose_candidate(settings, dataset, candidate, extra_features)
            found, model_version = find_or_train(settings, registry, dataset, plan, tables)
            registry.set_alias(STAGING, model_version)
            with spinner("Judging the model"):
                verdict = judge(settings, registry, dataset, model_version)
                is_promoted = registry.find_version(PRODUCTION) == model_version
    standing = "waits for approval" if verdict.outcome == WAITING else "not promoted"
    say(
        f"model version {model_version}: {'as trained before' if found else 'trained'}, "
        f"{'in production' if is_promoted else standing} ({verdict.summary})"
    )
    return {
        "model_version": model_version,
        "is_new": not found,
        "is_promoted": is_promoted,
        "gate": verdict.outcome,
    }


@dataclass(frozen=True)
class Plan:
    """What is to be fitted.

    Attributes:
        candidate: What kind of model.
        names: Features, checked.
        is_searched: Whether its limits are searched for, or are its defaults.
    """

    candidate: "Candidate"
    names: tuple[str, ...]
    is_searched: bool


def choose_candidate(settings: Settings, dataset: "Dataset", name: str, extra: tuple[str, ...]) -> Plan:
    """Return the candidate of that name, and its features and the extra ones, checked."""
    from ml.candidates.known import AUTO, choose
    from ml.features import check_features
    from ml.split import SplitKind

    rows = dataset.split(SplitKind.TIME).train_counts.rows
    candidate = choose(name, train_rows=rows, max_rows_in_memory=settings.sklearn_max_rows)
    return Plan(candidate, check_features((*candidate.features, *extra)), is_searched=name == AUTO)


def read_versions(settings: Settings) -> "list[TableVersion]":
    """Return the present Delta version of every table behind the model."""
    from ml.run_log import TableVersion

    return [
        TableVersion(name, str(table_path(settings, name)), open_table(settings, name).version())
        for name in TABLES
        if name != STORIES_TABLE or table_path(settings, name).exists()
    ]


def read_features(settings: Settings, tables: "list[TableVersion]") -> "DataFrame":
    """Return the features, and the story of each post where there is one, as they stood at the versions given."""
    spark = open_session(settings)
    read = {
        table.name: spark.read.format("delta").option("versionAsOf", table.version).load(table.path)
        for table in tables
        if table.name in {FEATURES_TABLE, STORIES_TABLE}
    }
    if STORIES_TABLE not in read:
        return read[FEATURES_TABLE]
    stories = read[STORIES_TABLE].select("source", "post_id", "story_id")
    return read[FEATURES_TABLE].join(stories, ["source", "post_id"], "left")


def find_or_train(
    settings: Settings, registry: "Registry", dataset: "Dataset", plan: Plan, tables: "list[TableVersion]"
) -> tuple[bool, int]:
    """Return whether a version of the same training was there already, and the version."""
    from ml.training import fingerprint
    from ml.training import train as fit

    searched = {"search_trials": settings.search_trials} if plan.is_searched else None
    wanted = fingerprint(
        dataset,
        candidate=plan.candidate,
        params=searched,
        feature_names=plan.names,
        code_version=version("epilake"),
    )
    found = registry.find_trained(wanted)
    if found is not None:
        return True, found
    params, trials = search_limits(settings, dataset, plan) if plan.is_searched else (None, ())
    with spinner(f"Training {plan.candidate.name}"):
        trained = fit(
            dataset,
            candidate=plan.candidate,
            params=params,
            feature_names=plan.names,
            leak_limit=settings.leak_limit_roc_auc,
            trials=trials,
        )
        return False, register(registry, trained, tables, wanted=wanted)


def search_limits(settings: Settings, dataset: "Dataset", plan: Plan) -> "tuple[Params, tuple[Trial, ...]]":
    """Return the limits that rank later blocks of the training part best, and every trial."""
    from ml.candidates.search import best_of, search
    from ml.split import SplitKind

    train_rows = dataset.split(SplitKind.TIME).train
    found = []
    with counted(f"Searching limits of {plan.candidate.name}", settings.search_trials) as advance:
        for trial in search(plan.candidate, train_rows, plan.names, trials=settings.search_trials, seed=dataset.seed):
            found.append(trial)
            advance(1)
    best = best_of(found)
    say(
        f"{plan.candidate.name}: {len(found)} limits tried on the training part, ROC-AUC {best.mean_roc_auc:.3f} with "
        + ", ".join(f"{name} {value}" for name, value in best.params.items())
    )
    return best.params, tuple(found)


def register(registry: "Registry", trained: "TrainedModel", tables: "list[TableVersion]", *, wanted: str) -> int:
    """Write card, report and training set, draw, and register; return the version."""
    from ml import report, training_set
    from ml.card import write_card
    from ml.model import has_tree, importances
    from ml.plots import draw_all
    from ml.split import SplitKind
    from ml.tree import read_tree

    code_version, now = version("epilake"), datetime.now(UTC)
    weights = importances(trained.pipeline)
    held_out = trained.dataset.split(SplitKind.TIME).held_out
    figures = draw_all(trained, read_tree(trained.pipeline, held_out) if has_tree(trained.pipeline) else None, weights)
    versions = {table.name: table.version for table in tables}
    written: dict[str, Any] = {
        "importances": weights,
        "tables": versions,
        "trained_at": now,
        "code_version": code_version,
    }
    card = write_card(trained, **written)
    rows = training_set.describe(
        trained, versions, code_version=code_version, paths={table.name: table.path for table in tables}
    )
    documents = {
        report.DOCUMENT: report.write_report(trained, figures=figures, **written),
        training_set.DOCUMENT: training_set.to_json(rows),
    }
    publish(trained, card)
    found = registry.log_and_register(
        trained,
        fingerprint=wanted,
        tables=tables,
        code_version=code_version,
        figures=figures,
        card=card,
        documents=documents,
    )
    address = registry.report_uri(found, report.DOCUMENT)
    publish_link("model-report", f"Report of model version {found}", address)
    say(f"report of version {found}: {address}")
    return found


def publish(trained: "TrainedModel", card: str) -> None:
    """Show the held-out metrics in the Prefect UI, and at the terminal beside the majority baseline."""
    metrics = trained.metrics()
    publish_counts("metrics", "Held-out metrics", [{"metric": name, "value": value} for name, value in metrics.items()])
    publish_markdown("model-card", card)
    for result in trained.results:
        held_out = result.evaluation
        say(
            f"held out by {result.kind}: accuracy {held_out.accuracy:.3f} (majority {held_out.majority_accuracy:.3f}), "
            f"ROC-AUC {held_out.roc_auc:.3f}"
            + (f" (without sentiment {result.without_sentiment.roc_auc:.3f})" if result.without_sentiment else "")
        )


@contextmanager
def refusals_in_words() -> Iterator[None]:
    """Turn what `ml` refuses into an error that a command prints as one sentence."""
    from ml.candidates.known import UnknownCandidateError
    from ml.features import FeatureError
    from ml.split import DatasetError

    try:
        yield
    except (DatasetError, FeatureError, UnknownCandidateError) as error:
        raise RefusedTrainingError(f"Training is refused: {error}") from error
