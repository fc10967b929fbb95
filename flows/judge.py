"""The gate at work: the version behind `staging` is looked at, measured beside production, and decided about.

What is asked, `ml.gate` says; what comes of it is one row of `ops.model_promotions`. With `EPILAKE_APPROVAL=human` a
version that passed waits there for a person (`flows.promote`).
"""

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from flows.lake.session import open_session
from flows.promotions import GATE, PROMOTED, REFUSED, WAITING, Verdict, carry_out, find_verdict
from flows.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame

    from ml.dataset import Dataset
    from ml.gate import Check, Gate
    from ml.paired import Pairs
    from ml.registry import Registry

LANGUAGES_TABLE = "refined.refined_posts"


def judge(settings: Settings, registry: "Registry", dataset: "Dataset", model_version: int) -> Verdict:
    """Let the gate decide on the version behind `staging`, unless that was done already.

    Both models are loaded as they are registered and measured on the same held-out rows. A decision that was written
    down and not carried out, because the run was killed, is carried out.
    """
    known = next(row for row in registry.describe() if row["version"] == model_version)
    if known["gate"] and not (known["gate"] == WAITING and settings.approval == "auto"):
        return Verdict("", model_version, known["gate"], (("gate", True, f"the gate had {known['gate']} it"),))
    verdict = find_verdict(settings, f"{model_version}/gate") or examine(settings, registry, dataset, model_version)
    if verdict.outcome == WAITING and settings.approval == "auto":
        verdict = replace(verdict, decision_id=f"{model_version}/approval", outcome=PROMOTED, approved_by=GATE)
    carry_out(settings, registry, verdict)
    return verdict


def examine(settings: Settings, registry: "Registry", dataset: "Dataset", model_version: int) -> Verdict:
    """Ask every question of a candidate and return the verdict, which is not written down yet."""
    from ml.gate import decide, promise

    checks: list[Check] = []
    pairs: Pairs | None = None
    with held_out_rows(settings, dataset) as rows:
        pairs = ask(settings, registry, rows, checks)
    decision = decide(checks)
    passed = PROMOTED if settings.approval == "auto" else WAITING
    promised = promise(pairs, seed=settings.seed) if pairs and decision.promoted else {}
    return Verdict(
        decision_id=f"{model_version}/gate",
        version=model_version,
        outcome=passed if decision.promoted else REFUSED,
        checks=tuple((check.name, check.passed, check.reason) for check in checks),
        promised={name: figure.to_dict() for name, figure in promised.items()},
        learnt_until=pairs.first_posted_at if pairs else None,
        judged_until=dataset.last_posted_at,
    )


def ask(settings: Settings, registry: "Registry", rows: "DataFrame", checks: "list[Check]") -> "Pairs | None":
    """Ask one question after the other and note the answers; return the counts if the model could be measured."""
    from ml.gate import Check, check_inputs, check_pairs, check_size, check_speed
    from ml.inspection import columns_read, measure_speed
    from ml.integrity import UnsafeModelError
    from ml.paired import count_pairs
    from ml.registry import STAGING

    gate = gate_of(settings)
    try:
        candidate = registry.load(STAGING)
        stored = registry.read_artifact(candidate.version)
    except UnsafeModelError as error:
        checks.append(Check("artifact", passed=False, reason=f"it is not opened: {error}"))
        return None
    checks.append(Check("artifact", passed=True, reason="its files are those that were registered, and no pickle"))
    checks.append(check_size(gate, stored.megabytes))
    checks.append(check_inputs(columns_read(candidate.pipeline), signature=stored.signature, columns=[*rows.columns]))
    if not checks[-1].passed:
        return None
    production, answer = load_production(registry)
    pairs = count_pairs(candidate.pipeline, production, rows)
    told = check_pairs(gate, pairs, seed=settings.seed)
    checks += [answer if answer and check.name == "production" else check for check in told]
    if not pairs.missing:
        checks.append(check_speed(gate, measure_speed(candidate.pipeline, rows, int(pairs.rows.sum()))))
    return pairs


def load_production(registry: "Registry") -> "tuple[PipelineModel | None, Check | None]":
    """Return the model in production; None, and why, if there is none that may be opened."""
    from ml.gate import Check
    from ml.integrity import UnsafeModelError
    from ml.registry import PRODUCTION

    if registry.find_version(PRODUCTION) is None:
        return None, None
    try:
        return registry.load(PRODUCTION).pipeline, None
    except UnsafeModelError as error:
        return None, Check("production", passed=True, reason=f"there is nothing to be compared with: {error}")


def gate_of(settings: Settings) -> "Gate":
    """Return the gate as the settings have it."""
    from ml.gate import Gate

    return Gate(
        margin_accuracy=settings.gate_margin_accuracy,
        tolerance_roc_auc=settings.gate_tolerance_roc_auc,
        tolerance_group_roc_auc=settings.gate_tolerance_group_roc_auc,
        ceiling_roc_auc=settings.gate_ceiling_roc_auc,
        max_megabytes=settings.gate_max_megabytes,
        min_rows_per_second=settings.gate_min_rows_per_second,
    )


@contextmanager
def held_out_rows(settings: Settings, dataset: "Dataset") -> "Iterator[DataFrame]":
    """Lend the held-out part of the time split with each post's language, kept in memory meanwhile."""
    from ml.features import KEYS
    from ml.paired import GROUP
    from ml.split import SplitKind

    posts = open_session(settings).table(LANGUAGES_TABLE)
    languages = posts.select(*KEYS, posts["language"].alias(GROUP))
    rows = dataset.split(SplitKind.TIME).held_out.join(languages, list(KEYS), "left").cache()
    try:
        yield rows
    finally:
        rows.unpersist()
