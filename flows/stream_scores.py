"""Language, sentiment and prediction of the tweets of a micro-batch, without waiting for dbt.

A capture is brought into the shape of `refined.refined_retweet_features` by the expressions that dbt's models have; a
test holds the two equal. What is found out is what `epilake enrich` and `epilake score` would find, by their functions.
Posts that are known already stay as they are: an edited one is theirs.
"""

import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from flows.console import say
from flows.enrichments import Enrichment, list_enrichments
from flows.lake.contract import Contract
from flows.lake.contracts import RETWEET_PREDICTIONS
from flows.lake.tables import arrow_schema, insert_staged
from flows.promotions import open_registry
from flows.settings import Settings
from flows.stream_worker import staged

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from ml.registry import LoadedModel

SOURCE = "twitter"
ALIAS = "production"
FOUND = ("language", "sentiment")
"""The enrichments on which a prediction rests; the others wait for `epilake enrich`."""
LOOK_SECONDS = 5.0
"""How often the registry is asked which version is in production."""

CAPTURE = {
    "source": f"'{SOURCE}'",
    "post_id": "post_id",
    "posted_date": "posted_date",
    "posted_at": "posted_at",
    "text": "text",
    "text_hash": "sha2(text, 256)",
    "user_location": "nullif(trim(user_location), '')",
    "user_created_at": "coalesce(try_to_timestamp(user_created, 'yyyy-MM-dd HH:mm:ss'), "
    "try_to_timestamp(user_created, 'dd-MM-yyyy HH:mm'))",
    "user_followers": "try_cast(user_followers as bigint)",
    "user_friends": "try_cast(user_friends as bigint)",
    "user_favourites": "try_cast(user_favourites as bigint)",
    "user_verified": "lower(user_verified) = 'true'",
    "hashtags": "hashtags",
    "client_name": "source",
    "community": "cast(null as string)",
    "record_hash": "record_hash",
    "is_time_exact": "length(date) >= 19",
    "count_retweets": "try_cast(retweets as bigint)",
    "count_favorites": "try_cast(favorites as bigint)",
}
"""Column → expression over RAW, as `curated_twitter_posts` has it."""
WINNER = (
    "row_number() over (partition by post_id order by is_time_exact desc, count_retweets desc nulls last, "
    "count_favorites desc nulls last, user_followers desc nulls last, posted_at asc, text_hash asc, "
    "user_location asc nulls last, record_hash asc) = 1"
)
"""Which capture of a post is taken, as `curated_posts` has it."""


class Scorer:
    """Finds out and scores; keeps the model between micro-batches."""

    def __init__(self, settings: Settings) -> None:
        """Score by what is in production in this installation's registry."""
        self._settings = settings
        known = {each.name: each for each in list_enrichments(settings)}
        self._enrichments = [known[name] for name in FOUND]
        self._model: LoadedModel | None = None
        self._looked = float("-inf")
        self._was_told = False

    def score(self, spark: "SparkSession", folder: Path, flow_run_id: str) -> int:
        """Find out and score what is staged in a folder; return how many predictions are new."""
        import pyarrow as pa
        import pyarrow.compute as pc
        from pyarrow import feather

        files = staged(folder / SOURCE, "posts")
        if not files:
            return 0
        posts = pa.concat_tables([feather.read_table(str(file)) for file in files])
        facts = self.find_out(spark, posts)
        span = pc.min_max(facts["posted_date"]).as_py()
        days = (span["min"], span["max"])
        for enrichment in self._enrichments:
            rows = _select(facts, enrichment)
            self._insert(enrichment.contract, rows, folder, stamp=enrichment.stamp, days=days)
        model = self.find_model()
        if model is None:
            return 0
        from flows.score import predict

        features = facts.drop_columns(["text_hash"])
        predicted = predict(model, spark.createDataFrame(features), flow_run_id).toArrow()
        return self._insert(RETWEET_PREDICTIONS, predicted, folder, stamp="scored_at", days=days)

    def find_out(self, spark: "SparkSession", posts: "pa.Table") -> "pa.Table":
        """Return one row per post with its features and what the enrichments found."""
        captures = read_captures(spark.createDataFrame(posts))
        for enrichment in self._enrichments:
            captures = enrichment.add_facts(captures)
        return captures.drop("found", "community").toArrow()

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


def read_captures(raw: "DataFrame") -> "DataFrame":
    """Return the winning capture of each post, in the shape of the features but for what is found out."""
    columns = [f"{expression} as {name}" for name, expression in CAPTURE.items()]
    ranked = raw.selectExpr(*columns).selectExpr("*", f"{WINNER} as is_winner").where("is_winner")
    return ranked.drop("is_winner", "record_hash", "is_time_exact", "count_retweets", "count_favorites")


def _select(facts: "pa.Table", enrichment: Enrichment) -> "pa.Table":
    """Return the rows of an enrichment's table but for the time."""
    import pyarrow as pa

    schema = arrow_schema(enrichment.contract, without=enrichment.stamp)
    columns = {
        name: pa.repeat(pa.scalar(enrichment.version[name]), facts.num_rows)
        if name in enrichment.version
        else facts[name].cast(schema.field(name).type)
        for name in schema.names
    }
    return pa.table(columns, schema=schema)
