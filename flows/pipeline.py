"""The one place where the order of the stages is written."""

import importlib
import threading

from prefect import flow

from flows.build import build
from flows.console import say
from flows.deployment import deploy_scoring
from flows.enrich import enrich
from flows.errors import RefusedTrainingError
from flows.ingest import ingest
from flows.orchestrator import is_api_known
from flows.promotions import open_registry
from flows.report import publish_counts
from flows.runs import recorded
from flows.score import score
from flows.settings import Settings
from flows.train import train

HOW_TO_GET_A_SERVER = (
    "no Prefect server is known, so the hourly scoring was not deployed: start `epilake up`, or set PREFECT_API_URL, "
    "and run again"
)


@flow(name="pipeline")
def pipeline(paths: list[str] | None = None, source: str = "twitter", *, train_anew: bool = True) -> dict[str, object]:
    """Run every stage, posts to predictions; return the counts of each.

    Args:
        paths: Files or folders to ingest first; none: go on from what RAW holds.
        source: Name of the source whose files these are.
        train_anew: Train although a model is in production; else `retrain` sees to it when there is a reason.

    Raises:
        EpilakeError: A stage failed. If training is refused, all earlier stages stand, and the posts are scored all
            the same where a model is in production.
    """
    settings = Settings()
    with recorded(settings, "pipeline") as report:
        import_ahead()
        if paths:
            report["ingest"] = ingest(paths, source)
        build_features(report)
        refusal = try_training(report) if train_anew or not has_production(settings) else None
        if not refusal or has_production(settings):
            deploy(settings)
            report["score"] = score("production")
        publish_counts("pipeline", "Stages", [{"stage": name, "outcome": value} for name, value in report.items()])
        if refusal:
            raise refusal
        return dict(report)


def build_features(report: dict[str, object]) -> None:
    """Bring everything between RAW and the model up to date."""
    report["curated"] = build("tag:curated")
    report["enrich"] = enrich()
    report["refined"] = build("tag:refined")


def import_ahead() -> None:
    """Import what later stages need while the first one waits for Spark: dbt and MLflow cost seven seconds."""

    def load() -> None:
        for name in ("prefect_dbt", "mlflow"):
            importlib.import_module(name)

    threading.Thread(target=load, name="imports").start()


def try_training(report: dict[str, object]) -> RefusedTrainingError | None:
    """Train, and return the refusal if there is one: what remains of the run does not depend on it."""
    try:
        report["train"] = train()
    except RefusedTrainingError as refusal:
        return refusal
    return None


def has_production(settings: Settings) -> bool:
    """Return whether a model version is in production."""
    return open_registry(settings).find_version("production") is not None


def deploy(settings: Settings) -> None:
    """Bring the hourly scoring deployment up to the version in production, or say why there is none."""
    version = open_registry(settings).find_version("production")
    if version is None:
        say("no model is in production: the gate let none pass, or one waits for `epilake promote`")
    elif is_api_known():
        say(f"deployed {deploy_scoring(version, settings)} for model version {version}")
    else:
        say(HOW_TO_GET_A_SERVER)
