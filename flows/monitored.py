"""What the watch over a model looks at, and how it keeps what it found."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flows.lake.contract import Contract
from flows.lake.contracts import RETWEET_PREDICTIONS
from flows.lake.session import open_session, table_logs
from flows.lake.tables import append_rows, table_path
from flows.promotions import Verdict
from flows.runs import current_run_id
from flows.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FEATURES = "refined.refined_retweet_features"


def has_features(settings: Settings) -> bool:
    """Return whether the features table was built."""
    return table_path(settings, FEATURES) / "_delta_log" in table_logs(settings)


def read_posts(settings: Settings, version: int) -> "DataFrame":
    """Return one row per post: its features, its language, its latest label, and what the version predicted."""
    from ml.evaluation import PROBABILITY
    from ml.features import KEYS
    from ml.model import MODEL_NAME

    spark = open_session(settings)
    made = spark.table(RETWEET_PREDICTIONS.name)
    made = made.where((made["model_name"] == MODEL_NAME) & (made["model_version"] == version))
    made = made.select(*KEYS, PROBABILITY, made[PROBABILITY].alias("score"), "scored_at")
    return spark.table(FEATURES).join(made, [*KEYS], "left")


def keep(settings: Settings, contract: Contract, rows: list[dict[str, Any]], promise: Verdict, check_id: str) -> None:
    """Append the rows of a check, with the model and the run that they are of; a second time adds none."""
    from ml.model import MODEL_NAME

    of_check = {
        "check_id": check_id,
        "model_name": MODEL_NAME,
        "model_version": promise.version,
        "checked_at": datetime.now(UTC),
        "flow_run_id": current_run_id(),
    }
    append_rows(settings, contract, [{**row, **of_check} for row in rows], only_new=True)
