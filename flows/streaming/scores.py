"""What was found out of a micro-batch's tweets into `enriched.*`, and their predictions, without waiting for dbt.

The rows are those that `epilake enrich` and `epilake score` would write. Posts that are known already stay as they are:
an edited one is theirs.
"""

import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from flows.console import say
from flows.enrichments import Enrichment, list_enrichments
from flows.errors import EpilakeError
from flows.lake.contract import Contract
from flows.lake.contracts import RETWEET_PREDICTIONS
from flows.lake.staged import insert_staged
from flows.lake.tables import arrow_schema
from flows.promotions import open_registry
from flows.settings import Settings
from flows.streaming.facts import take_winners
from flows.streaming.worker import staged

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

    from ml.registry import LoadedModel

ALIAS = "production"
FOUND = ("language", "sentiment")
"""The enrichments on which a prediction rests; the others wait for `epilake enrich`."""
LOOK_SECONDS = 5.0
"""How often the registry is asked which version is in production."""


class Scorer:
    """Writes what was found out, and scores; keeps the model between micro-batches."""

    def __init__(self, spark: "SparkSession", settings: Settings) -> None:
        """Score by what is in production in this installation's registry."""
        self._spark, self._settings = spark, settings
        known = {each.name: each for each in list_enrichments(settings)}
        self._enrichments = [known[name] for name in FOUND]
        self._model: LoadedModel | None = None
        self._looked = float("-inf")
        self._was_told = False

    def score(self, folder: Path, flow_run_id: str) -> int:
        """Write and score what is staged in a folder; return how many predictions are new."""
        import pyarrow as pa
        import pyarrow.compute as pc
        from pyarrow import feather

        files = staged(folder, "facts")
        if not files:
            return 0
        posts = take_winners(pa.concat_tables([feather.read_table(str(file)) for file in files]))
        span = pc.min_max(posts["posted_date"]).as_py()
        days = (span["min"], span["max"])
        for enrichment in self._enrichments:
            self._insert(enrichment.contract, _select(posts, enrichment), folder, stamp=enrichment.stamp, days=days)
        model = self.find_model()
        if model is None:
            return 0
        predicted = self.predict(model, posts, flow_run_id)
        return self._insert(RETWEET_PREDICTIONS, predicted, folder, stamp="scored_at", days=days)

    def predict(self, model: "LoadedModel", posts: "pa.Table", flow_run_id: str) -> "pa.Table":
        """Return the rows of `scored.retweet_predictions` but for the time, one per post.

        Raises:
            EpilakeError: Spark gave back fewer or more.
        """
        from flows.score import predict

        features = posts.drop_columns([name for name in posts.column_names if name.startswith("found_")])
        predicted = predict(model, self._spark.createDataFrame(features), flow_run_id).toArrow()
        if predicted.num_rows != posts.num_rows:
            raise EpilakeError(f"Of {posts.num_rows:,} posts {predicted.num_rows:,} came back scored: run it again.")
        return predicted

    def find_model(self) -> "LoadedModel | None":
        """Return the model in production, loaded anew when the alias has moved; None if there is none."""
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return self._model
        self._looked = time.monotonic()
        registry = open_registry(self._settings)
        version = registry.find_version(ALIAS)
        if version is None:
            if not self._was_told:
                say("no model is in production: posts come in without predictions until `epilake train` has made one")
                self._was_told = True
            self._model = None
        elif self._model is None or self._model.version != version:
            self._model = registry.load(ALIAS)
            say(f"scoring with model version {self._model.version}")
        return self._model

    def _insert(
        self, contract: Contract, rows: "pa.Table", folder: Path, *, stamp: str, days: tuple[date, date]
    ) -> int:
        """Insert the rows whose key a table does not have; return their number."""
        from pyarrow import feather

        schema = arrow_schema(contract, without=stamp)
        file = folder / f"{contract.name}.arrow"
        feather.write_feather(rows.select(schema.names).cast(schema), str(file), compression="uncompressed")
        return insert_staged(self._settings, contract, [file], stamp=stamp, days=days)


def _select(posts: "pa.Table", enrichment: Enrichment) -> "pa.Table":
    """Return the rows of an enrichment's table but for the time."""
    import pyarrow as pa

    schema = arrow_schema(enrichment.contract, without=enrichment.stamp)
    columns = {
        name: pa.repeat(pa.scalar(enrichment.version[name]), posts.num_rows)
        if name in enrichment.version
        else posts[f"found_{name}" if f"found_{name}" in posts.column_names else name]
        for name in schema.names
    }
    return pa.table(columns).cast(schema)
