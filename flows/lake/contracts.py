"""The contract of every table that Python writes: its grain, its key, its columns and what each one means.

A frame that breaks its contract cannot be written (`flows.lake.tables`). The same words stand in the dbt sources yml,
and a test holds the two equal. What dbt writes has its contract beside its SQL.
"""

from flows.lake.contract import POST_KEY, Column, Contract
from flows.lake.enriched import POST_FINGERPRINTS, POST_LANGUAGES, POST_PLACES, POST_SENTIMENT, POST_TOPICS
from flows.lake.models import DRIFT, LIVE_METRICS, MODEL_PROMOTIONS, RETRAININGS
from flows.sources import Source
from flows.sources.known import SOURCES

RECORD_NUMBER = Column(
    "record_number", "bigint", "Number of the record in its file, the header not counted, or in its message, from 1."
)
BYTE_OFFSET = Column(
    "byte_offset",
    "bigint",
    "Byte of the decompressed file at which the record begins; of a message its offset in the partition.",
)
RAW_PLACE = (
    Column("batch_id", "string", "Batch that brought the row."),
    Column("file_name", "string", "File that brought the row, or `kafka:<topic>:<partition>`."),
    RECORD_NUMBER,
    BYTE_OFFSET,
)


def posts_contract(source: Source) -> Contract:
    """Return the contract of `raw.<source>_posts`: the source's fields, each as text, and where they came from."""
    return Contract(
        name=f"raw.{source.name}_posts",
        grain="One row per distinct capture of a post: the same fields again, in whatever file, add nothing.",
        key=("post_id", "record_hash"),
        columns=(
            Column("post_id", "string", POST_KEY[1].meaning),
            Column("record_hash", "string", "Keyed BLAKE2b of the record's fields, 32 hexadecimal digits."),
            POST_KEY[2],
            Column("posted_at", "timestamp", "When the post was published, read from the source's own spelling."),
            Column("author_key", "string", "Pseudonym of the account, whatever the policy keeps of it.", nullable=True),
            *(Column(field.name, "string", field.meaning, nullable=True) for field in source.fields),
            Column(
                "rescued",
                "string",
                "JSON object of the fields that the source does not know; null if none.",
                nullable=True,
            ),
            *RAW_PLACE,
            Column("ingested_at", "timestamp", "When the row was written; later rows never carry an earlier time."),
        ),
        statistics=("posted_date", "batch_id", "ingested_at"),
        loaded_at="ingested_at",
    )


POSTS = {source.name: posts_contract(source) for source in SOURCES.values()}
"""Source → contract of its posts in RAW."""

REJECTS = Contract(
    name="raw.rejects",
    grain="One row per refused record, with its bytes and the reason.",
    key=("batch_id", "record_number", "byte_offset"),
    columns=(
        POST_KEY[0],
        Column("batch_id", "string", "Batch in which the record stood."),
        Column("file_name", "string", "File in which the record stood, or `kafka:<topic>:<partition>`."),
        RECORD_NUMBER,
        BYTE_OFFSET,
        Column("reason", "string", "Why the record was refused; several reasons are joined by a semicolon."),
        Column("record_bytes", "binary", "The record exactly as it stood in the file; sealed if the policy says so."),
        Column("is_sealed", "boolean", "Whether the bytes can be read with the installation's secret only."),
        Column("rejected_at", "timestamp", "When the row was written."),
    ),
    statistics=("batch_id",),
)

DELETIONS = Contract(
    name="raw.deletions",
    grain="One row per delete notice: a post, or all posts of an author, that a source or a person wants gone.",
    key=("batch_id", "record_number", "byte_offset"),
    columns=(
        POST_KEY[0],
        Column("kind", "string", "What happened: `post_deleted`, `author_protected`, …, or `erasure` on request."),
        Column(
            "post_id", "string", "The post; null if the notice is about an author, or was carried out.", nullable=True
        ),
        Column("author_key", "string", "Pseudonym of the author; null if the notice is about a post.", nullable=True),
        Column("noticed_at", "timestamp", "When it happened by the source's clock; null if unknown.", nullable=True),
        *RAW_PLACE,
        Column("received_at", "timestamp", "When the row was written; later rows never carry an earlier time."),
    ),
    statistics=("batch_id", "received_at"),
)

OFFICIAL_COUNTS = Contract(
    name="raw.official_counts",
    grain="One row per data set, place, day, measure and vintage: what one file of official counts says of them.",
    key=("dataset", "place", "day", "measure", "vintage_id"),
    columns=(
        Column("dataset", "string", "Data set of official counts: `jhu_csse` or `covid_tracking_project`."),
        Column("place", "string", "The place as the data set spells it."),
        Column(
            "place_id",
            "string",
            "ISO 3166-1 alpha-2 of a country (`XK` for Kosovo), ISO 3166-2 of a state; null for what lies in none.",
            nullable=True,
        ),
        Column("day", "date", "Day of which the count is, as the data set dates it."),
        Column("measure", "string", "What is counted: `cases`, `deaths`, `tests` or `hospitalized`."),
        Column("vintage_id", "string", "SHA-256 of the file without its compression, 32 hexadecimal digits."),
        Column("vintage_date", "date", "Last day of which the vintage says anything: the later, the later it is."),
        Column(
            "count_cumulative", "bigint", "Count since the beginning; null if the file leaves it out.", nullable=True
        ),
        Column("count_new", "bigint", "What the day added, negative ones too; null if not reported.", nullable=True),
        *RAW_PLACE,
        Column("vintage_at", "timestamp", "When the row was written; later rows never carry an earlier time."),
    ),
    statistics=("dataset", "day", "vintage_id", "batch_id", "vintage_at"),
)

RETWEET_PREDICTIONS = Contract(
    name="scored.retweet_predictions",
    grain="One row per post and model version.",
    key=("source", "post_id", "model_name", "model_version"),
    columns=(
        *POST_KEY,
        Column("model_name", "string", "Registered model that made the prediction."),
        Column("model_version", "int", "Version of the registered model."),
        Column("retweet_probability", "double", "Probability that the post is retweeted, in [0, 1]."),
        Column("is_retweet_expected", "boolean", "Whether the probability lies above one half."),
        Column("flow_run_id", "string", "Flow run that made the prediction."),
        Column("scored_at", "timestamp", "When the row was written."),
    ),
    statistics=("posted_date", "model_version", "scored_at"),
    loaded_at="scored_at",
)

BATCHES = Contract(
    name="ops.batches",
    grain="One row per batch that is wholly in RAW: records = accepted + duplicates + rejected + refused + notices "
    "+ skipped.",
    key=("batch_id",),
    columns=(
        Column(
            "batch_id",
            "string",
            "First 32 hexadecimal digits of the SHA-256 of the file's bytes, or of topic, partition and offsets.",
        ),
        POST_KEY[0],
        Column("file_name", "string", "File as it was named, or `kafka:<topic>:<partition>`."),
        Column("count_bytes", "bigint", "Size of the file as it lay on disk, or of the messages, in bytes."),
        Column("count_records", "bigint", "Records in the file, the header not counted, or in the messages."),
        Column("count_accepted", "bigint", "Records that became a row of RAW."),
        Column("count_duplicates", "bigint", "Well-formed records that RAW had already."),
        Column("count_rejected", "bigint", "Records that were malformed, blank ones included."),
        Column("count_refused", "bigint", "Well-formed records that the privacy policy does not let in."),
        Column("count_notices", "bigint", "Records that are delete notices."),
        Column("count_skipped", "bigint", "Records that by the source's rules carry nothing."),
        Column("refused", "string", "JSON object: reason → count of the records refused by the policy."),
        Column("policy", "string", "Privacy policy under which the batch came in: `name/version/digest`."),
        Column("secret_fingerprint", "string", "Tells with which secret the pseudonyms were made."),
        Column("started_at", "timestamp", "When reading began."),
        Column("completed_at", "timestamp", "When everything was written."),
        Column("flow_run_id", "string", "Flow run that read the batch."),
    ),
)

COVERAGE = Contract(
    name="ops.coverage",
    grain="One row per source, topic, hour, outcome and batch of a live collection.",
    key=("source", "topic", "hour_at", "outcome", "reason", "batch_id"),
    columns=(
        POST_KEY[0],
        Column("topic", "string", "Topic that was asked for, `name/version`."),
        Column("hour_at", "timestamp", "Hour that was asked about, its beginning."),
        Column("outcome", "string", "`answered`, `limited`, `failed` or `gap`."),
        Column("reason", "string", "What ended or broke the answer; empty if nothing did."),
        Column("covered_seconds", "double", "Seconds of the hour that the outcome is about, in [0, 3600]."),
        Column("count_asked", "bigint", "Calls of the source."),
        Column("count_answered", "bigint", "Records that the source gave."),
        Column("count_captured", "bigint", "New captures of posts about the topic."),
        Column("count_refused", "bigint", "Records that were malformed, or that the policy does not let in."),
        Column("batch_id", "string", "Batch that the answer became."),
        Column("recorded_at", "timestamp", "When the row was written."),
    ),
)

CURSORS = Contract(
    name="ops.cursors",
    grain="One row per source, request and batch of a live collection: where to go on after it.",
    key=("source", "request", "batch_id"),
    columns=(
        POST_KEY[0],
        Column("request", "string", "What is asked, in the source's own query language; empty for a whole stream."),
        Column("cursor", "string", "Where to go on, in the source's own terms."),
        Column("batch_id", "string", "Batch after which it holds."),
        Column("recorded_at", "timestamp", "When the batch was wholly in RAW."),
    ),
)

ERASURES = Contract(
    name="ops.erasures",
    grain="One row per post that was erased, and per identity that is to be refused; it names nobody.",
    key=("source", "subject_key", "kind"),
    columns=(
        POST_KEY[0],
        Column("subject_key", "string", "Pseudonym of the post or of the author's identity."),
        Column("kind", "string", "`request` if somebody asked to be forgotten, `post` if a post was erased."),
        Column("is_shut_out", "boolean", "Whether whatever bears the pseudonym is refused from now on."),
        Column("noted_at", "timestamp", "When it was asked for or carried out."),
        Column("receipt", "string", "JSON object: table → rows that the erasure removed from it."),
        Column("flow_run_id", "string", "Flow run that carried it out, or the request that asked for it."),
    ),
    statistics=("noted_at",),
)

FLOW_RUNS = Contract(
    name="ops.flow_runs",
    grain="One row per change of state of a flow run: one when it starts, one when it ends.",
    key=("flow_run_id", "state"),
    columns=(
        Column("flow_run_id", "string", "Prefect's id of the run."),
        Column("flow_name", "string", "The flow."),
        Column("state", "string", "`running`, `completed` or `failed`; a run that was killed stays `running`."),
        Column("changed_at", "timestamp", "When the run entered the state."),
        Column("message", "string", "What the run reported: its counts as JSON, or the error.", nullable=True),
    ),
)

DBT_RESULTS = Contract(
    name="ops.dbt_results",
    grain="One row per node of an invocation of dbt by a flow: a model that was built or a test that was run.",
    key=("invocation_id", "node_id"),
    columns=(
        Column("invocation_id", "string", "dbt's id of the invocation."),
        Column("node_id", "string", "dbt's id of the node, such as `model.epilake.curated_posts`."),
        Column("node_name", "string", "Name of the model or test."),
        Column("resource_type", "string", "`model` or `test`."),
        Column("status", "string", "`success`, `pass`, `warn`, `fail`, `error` or `skipped`."),
        Column("execution_seconds", "double", "Time that the node took."),
        Column("count_failures", "bigint", "Rows that a test found wrong; null of a model.", nullable=True),
        Column("message", "string", "What dbt or Spark said.", nullable=True),
        Column("completed_at", "timestamp", "When the row was written."),
        Column("flow_run_id", "string", "Flow run that called dbt."),
    ),
)

DBT_INPUTS = Contract(
    name="ops.dbt_inputs",
    grain="One row per model that a flow's invocation of dbt built and table that it read, its own table included.",
    key=("invocation_id", "node_id", "table_name"),
    columns=(
        Column("invocation_id", "string", "dbt's id of the invocation."),
        Column("node_id", "string", "dbt's id of the model, such as `model.epilake.curated_posts`."),
        Column("table_name", "string", "The table, as `schema.table`."),
        Column("table_version", "bigint", "The Delta version that was read; of the own table, what came of it."),
        Column("project_hash", "string", "SHA-256 of the dbt project's models and macros."),
        Column("completed_at", "timestamp", "When the row was written."),
        Column("flow_run_id", "string", "Flow run that called dbt."),
    ),
)

RUN_LOGS = frozenset({FLOW_RUNS.name, DBT_RESULTS.name, DBT_INPUTS.name})
"""Tables that gain rows with every run, whatever came of it."""

CONTRACTS = {
    contract.name: contract
    for contract in (
        *POSTS.values(),
        REJECTS,
        DELETIONS,
        OFFICIAL_COUNTS,
        POST_LANGUAGES,
        POST_TOPICS,
        POST_PLACES,
        POST_SENTIMENT,
        POST_FINGERPRINTS,
        RETWEET_PREDICTIONS,
        BATCHES,
        COVERAGE,
        CURSORS,
        ERASURES,
        FLOW_RUNS,
        DBT_RESULTS,
        DBT_INPUTS,
        MODEL_PROMOTIONS,
        DRIFT,
        LIVE_METRICS,
        RETRAININGS,
    )
}
