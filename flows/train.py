"""The article's model: fitted, judged on held-out posts, registered, and promoted through the gate.

What decides is in `ml`; this flow reads the features at one Delta version, hands them over and records what came of it.
A training that would only repeat an earlier one (same rows, seed, features, code) is not run again, but a gate that a
killed run left undecided is decided.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.console import say, spinner
from flows.errors import RefusedTrainingError
from flows.judge import judge
from flows.lake.session import open_session
from flows.lake.tables import open_table, table_path
from flows.promotions import WAITING, open_registry
from flows.report import publish_counts, publish_markdown
from flows.runs import recorded
from flows.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from ml.dataset import Dataset
    from ml.registry import Registry, TableVersion
    from ml.training import TrainedModel

FEATURES_TABLE = "refined.refined_retweet_features"
TABLES = ("raw.twitter_posts", "curated.curated_posts", "enriched.post_sentiment", FEATURES_TABLE)
"""The tables behind a model, whose Delta versions are recorded with it."""


@flow(name="train")
def train(extra_features: list[str] | None = None) -> dict[str, object]:
    """Train, register and judge the model; return its version, whether it is new and whether it is in production.

    Args:
        extra_features: Columns to learn from beside the article's; one known only after the outcome is refused.

    Raises:
        RefusedTrainingError: There is one class only, too little to learn from, or a feature that may not be used.
    """
    settings = Settings()
    with recorded(settings, "train") as report:
        outcome = train_and_judge(settings, tuple(extra_features or ()))
        report.update(outcome)
    return outcome


@task(cache_policy=NO_CACHE)
def train_and_judge(settings: Settings, extra_features: tuple[str, ...]) -> dict[str, object]:
    """Find or train the version that belongs to the present rows, point `staging` to it, and let the gate decide."""
    from ml.dataset import open_dataset
    from ml.registry import PRODUCTION, STAGING

    registry = open_registry(settings)
    with refusals_in_words(), spinner("Training"):
        names = feature_names(extra_features)
        tables = read_versions(settings)
        with open_dataset(read_features(settings, tables), seed=settings.seed) as dataset:
            found, model_version = find_or_train(registry, dataset, names, tables)
            registry.set_alias(STAGING, model_version)
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


def feature_names(extra: tuple[str, ...]) -> tuple[str, ...]:
    """Return the article's features and the extra ones, checked."""
    from ml.features import ARTICLE_FEATURES, check_features

    return tuple(check_features((*ARTICLE_FEATURES, *extra)))


def read_versions(settings: Settings) -> "list[TableVersion]":
    """Return the present Delta version of every table behind the model."""
    from ml.registry import TableVersion

    return [
        TableVersion(name, str(table_path(settings, name)), open_table(settings, name).version()) for name in TABLES
    ]


def read_features(settings: Settings, tables: "list[TableVersion]") -> "DataFrame":
    """Return the features as they stood at the version that will be recorded, whatever is written meanwhile."""
    found = next(table for table in tables if table.name == FEATURES_TABLE)
    spark = open_session(settings)
    return spark.read.format("delta").option("versionAsOf", found.version).load(found.path)


def find_or_train(
    registry: "Registry", dataset: "Dataset", names: tuple[str, ...], tables: "list[TableVersion]"
) -> tuple[bool, int]:
    """Return whether a version of the same training was there already, and the version."""
    from ml.training import fingerprint

    code_version = version("epilake")
    wanted = fingerprint(dataset, feature_names=names, code_version=code_version)
    found = registry.find_trained(wanted)
    if found is not None:
        return True, found
    return False, train_and_register(registry, dataset, names, tables, wanted=wanted, code_version=code_version)


def train_and_register(
    registry: "Registry",
    dataset: "Dataset",
    names: tuple[str, ...],
    tables: "list[TableVersion]",
    *,
    wanted: str,
    code_version: str,
) -> int:
    """Fit, measure, draw and register; return the version."""
    from ml.card import write_card
    from ml.model import importances
    from ml.plots import draw_all
    from ml.split import SplitKind
    from ml.training import train as fit
    from ml.tree import read_tree

    trained = fit(dataset, feature_names=names)
    weights = importances(trained.pipeline)
    tree = read_tree(trained.pipeline, dataset.split(SplitKind.TIME).held_out)
    card = write_card(
        trained,
        importances=weights,
        tables={table.name: table.version for table in tables},
        trained_at=datetime.now(UTC),
        code_version=code_version,
    )
    publish(trained, card)
    return registry.log_and_register(
        trained,
        fingerprint=wanted,
        tables=tables,
        code_version=code_version,
        figures=draw_all(trained, tree, weights),
        card=card,
    )


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
    from ml.features import FeatureError
    from ml.split import DatasetError

    try:
        yield
    except (DatasetError, FeatureError) as error:
        raise RefusedTrainingError(f"Training is refused: {error}") from error
