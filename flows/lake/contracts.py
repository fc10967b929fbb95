"""The contract of every table that Python writes: its grain, its key, its columns and what each one means.

A frame that breaks its contract cannot be written (`flows.lake.tables`). The same words stand in the dbt sources yml,
and a test holds the two equal. What dbt writes has its contract beside its SQL.
"""

from dataclasses import dataclass

from flows.errors import EpilakeError


@dataclass(frozen=True)
class Column:
    """One column: its name, its Spark SQL type, what it means, and whether it may be null."""

    name: str
    type: str
    meaning: str
    nullable: bool = False


@dataclass(frozen=True)
class Contract:
    """One table: `schema.table`, its grain in a sentence, the columns of its key, and its columns in order."""

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def check(self, found: dict[str, str]) -> None:
        """Refuse a frame whose columns are not exactly the contract's.

        Args:
            found: Column name → Spark SQL type of the frame, in any order.

        Raises:
            EpilakeError: Names each column that is missing, unknown or of another type.

        >>> Contract("raw.x", "One row per x.", ("a",), (Column("a", "string", "A."),)).check({"a": "string"})
        """
        wanted = {column.name: column.type for column in self.columns}
        wrong = [
            f"{name} ({kind} expected, {found.get(name, 'nothing')} found)"
            for name, kind in wanted.items()
            if found.get(name) != kind
        ] + [f"{name} (unknown)" for name in found if name not in wanted]
        if wrong:
            raise EpilakeError(f"A frame for {self.name} breaks its contract: {', '.join(wrong)}.")


POST_KEY = (
    Column("source", "string", "Where the post was published: `twitter`."),
    Column("post_id", "string", "The source's id of the post, or `sha256:` and a hash of its content if it has none."),
    Column("posted_date", "date", "UTC day on which the post was published."),
)

TWITTER_FIELDS = (
    ("id", "Tweet id, as in the file."),
    ("user_name", "Display name of the author."),
    ("user_location", "Place that the author's profile states, free text."),
    ("user_description", "Self-description in the author's profile."),
    ("user_created", "When the account was created, as in the file."),
    ("user_followers", "Accounts that followed the author at capture."),
    ("user_friends", "Accounts that the author followed at capture."),
    ("user_favourites", "Posts that the author had liked at capture."),
    ("user_verified", "Whether the platform had verified the account."),
    ("date", "When the post was published, as in the file."),
    ("text", "The post's text, as in the file."),
    ("hashtags", "Hashtags as the source listed them, a Python list in a string."),
    ("source", "Program with which the post was sent."),
    ("retweets", "Times that the post had been retweeted at capture; null if the file does not count them."),
    ("favorites", "Times that the post had been liked at capture; null if the file does not count them."),
    ("is_retweet", "Whether the post itself is a retweet."),
)

TWITTER_POSTS = Contract(
    name="raw.twitter_posts",
    grain="One row per distinct capture of a post: the same fields again, in whatever file, add nothing.",
    key=("post_id", "record_hash"),
    columns=(
        Column("post_id", "string", POST_KEY[1].meaning),
        Column("record_hash", "string", "SHA-256 of all fields of the record, 32 hexadecimal digits."),
        POST_KEY[2],
        *(Column(name, "string", meaning, nullable=True) for name, meaning in TWITTER_FIELDS),
        Column(
            "rescued",
            "string",
            "JSON object of the fields that no schema knows; null if there are none.",
            nullable=True,
        ),
        Column("batch_id", "string", "Batch that brought the row."),
        Column("file_name", "string", "File that brought the row."),
        Column("record_number", "bigint", "Number of the record in its file, the header not counted, from 1."),
        Column("byte_offset", "bigint", "Byte of the decompressed file at which the record begins."),
        Column("ingested_at", "timestamp", "When the row was written; later rows never carry an earlier time."),
    ),
)

REJECTS = Contract(
    name="raw.rejects",
    grain="One row per refused record, with its bytes and the reason.",
    key=("batch_id", "record_number"),
    columns=(
        POST_KEY[0],
        Column("batch_id", "string", "Batch in which the record stood."),
        Column("file_name", "string", "File in which the record stood."),
        Column("record_number", "bigint", "Number of the record in its file, the header not counted, from 1."),
        Column("byte_offset", "bigint", "Byte of the decompressed file at which the record begins."),
        Column("reason", "string", "Why the record was refused; several reasons are joined by a semicolon."),
        Column("record_bytes", "binary", "The record exactly as it stood in the file."),
        Column("rejected_at", "timestamp", "When the row was written."),
    ),
)

POST_SENTIMENT = Contract(
    name="enriched.post_sentiment",
    grain="One row per post and method version.",
    key=("source", "post_id", "method", "method_version"),
    columns=(
        *POST_KEY,
        Column("text_hash", "string", "SHA-256 of the text that was scored: an edited post is scored again."),
        Column("method", "string", "Name of the sentiment method."),
        Column("method_version", "string", "Version of the method: another version scores every post anew."),
        Column("negative_sentiment", "double", "VADER's share of negative words, in [0, 1].", nullable=True),
        Column("neutral_sentiment", "double", "VADER's share of neutral words, in [0, 1].", nullable=True),
        Column("positive_sentiment", "double", "VADER's share of positive words, in [0, 1].", nullable=True),
        Column("compound_sentiment", "double", "VADER's compound score, in [-1, 1].", nullable=True),
        Column("scored_at", "timestamp", "When the row was written."),
    ),
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
)

BATCHES = Contract(
    name="ops.batches",
    grain="One row per batch that is wholly in RAW: records = accepted + duplicates + rejected.",
    key=("batch_id",),
    columns=(
        Column("batch_id", "string", "First 32 hexadecimal digits of the SHA-256 of the file's bytes."),
        POST_KEY[0],
        Column("file_name", "string", "File as it was named on the command line."),
        Column("count_bytes", "bigint", "Size of the file in bytes, as it lay on disk."),
        Column("count_records", "bigint", "Records in the file, the header not counted."),
        Column("count_accepted", "bigint", "Records that became a row of RAW."),
        Column("count_duplicates", "bigint", "Well-formed records that RAW had already."),
        Column("count_rejected", "bigint", "Records that were refused, blank ones included."),
        Column("started_at", "timestamp", "When reading began."),
        Column("completed_at", "timestamp", "When everything was written."),
        Column("flow_run_id", "string", "Flow run that read the batch."),
    ),
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

CONTRACTS = {
    contract.name: contract
    for contract in (TWITTER_POSTS, REJECTS, POST_SENTIMENT, RETWEET_PREDICTIONS, BATCHES, FLOW_RUNS)
}
