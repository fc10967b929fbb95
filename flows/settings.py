"""Every setting of Epilake, read once from the environment.

The one place where the environment is looked at: a command makes one `Settings` and hands it down. Paths that are not
set are derived from `home`, so that one variable moves a whole installation.
"""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent
"""The checkout: where `prefect.yaml`, `dbt_project/` and `Makefile` stand."""


MOUNTED_SECRETS = Path("/run/secrets")
"""Where Docker and our Kubernetes manifests mount secrets, a file each, named like the variable in lower case."""


class Settings(BaseSettings):
    """One installation of Epilake: where it keeps its state and how it runs. Immutable; prefix `EPILAKE_`."""

    model_config = SettingsConfigDict(
        env_prefix="EPILAKE_",
        frozen=True,
        extra="forbid",
        secrets_dir=MOUNTED_SECRETS if MOUNTED_SECRETS.is_dir() else None,
    )

    home: Path = Field(
        default=Path(".epilake"),
        description="Folder of all state: lake, jars, logs, models, Prefect's and MLflow's databases.",
    )
    jars: Path = Field(
        default=Path("jars"), description="Folder of Spark's extra jars, resolved once; relative to `home`."
    )
    spark_master: str = Field(default="local[*]", description="Spark master URL.")
    spark_driver_memory: str = Field(default="2g", description="Heap of the Spark driver, as Spark spells it.")
    spark_shuffle_partitions: int = Field(default=4, ge=1, description="Partitions of a shuffle: cores, locally.")
    spark_compilers: Literal["first", "both"] = Field(
        default="first",
        description="The JVM's compilers: the first alone suits a process of a minute or two, both one that streams or "
        "scores millions of posts.",
    )
    spark_conf: dict[str, str] = Field(
        default_factory=dict, description="Further Spark configuration, as JSON: the last word over our defaults."
    )
    chunk_records: int = Field(
        default=50_000, ge=1, description="Records parsed and checked at a time: bounds the memory of ingest."
    )
    max_reject_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Share of a batch's non-blank records that may be rejected before the whole batch is refused.",
    )
    policy: str = Field(
        default="strict",
        description="Privacy policy of what is ingested: `strict`, `eu`, `us`, or the path of a YAML file.",
    )
    secret_file: Path | None = Field(
        default=None,
        description="File of the secret behind pseudonyms; none: `secret.key` under `home`, made when first needed.",
    )
    topics_file: Path | None = Field(
        default=None, description="YAML file of the topics to collect; none: the ones that Epilake ships."
    )
    feed_urls: list[str] = Field(
        default=["https://www.who.int/feeds/entity/csr/don/en/rss.xml"],
        description="RSS and Atom feeds to poll, as a JSON list.",
    )
    jetstream_url: str = Field(
        default="wss://jetstream2.us-east.bsky.network/subscribe", description="Bluesky's Jetstream to listen to."
    )
    mastodon_url: str = Field(default="https://mastodon.social", description="Mastodon instance to listen to.")
    mastodon_token: SecretStr = Field(default=SecretStr(""), description="Access token of the Mastodon instance.")
    reddit_client_id: str = Field(default="", description="Id of the Reddit application.")
    reddit_client_secret: SecretStr = Field(default=SecretStr(""), description="Secret of the Reddit application.")
    reddit_user_agent: str = Field(default="", description="User agent that Reddit asks applications to name.")
    reddit_listings: list[str] = Field(
        default=[], description="Subreddits to read beside the search, as `r/name` or `r/name/comments`, a JSON list."
    )
    x_bearer_token: SecretStr = Field(default=SecretStr(""), description="Bearer token of the X API v2.")
    x_is_streamed: bool = Field(default=False, description="Listen to X's filtered stream instead of searching.")
    x_budget_posts: int = Field(
        default=1_000, ge=0, description="Posts that one collection may read from X, which charges by the post."
    )
    kafka_servers: str = Field(
        default="", description="Kafka's bootstrap servers, `host:port,…`; empty: the broker of `epilake kafka up`."
    )
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="How Kafka's clients are secured: TLS, a login, or both."
    )
    kafka_ca_file: Path | None = Field(
        default=None, description="PEM file of the authority that signed the brokers' certificates; none: the system's."
    )
    kafka_cert_file: Path | None = Field(default=None, description="PEM file of our own certificate, for mutual TLS.")
    kafka_key_file: Path | None = Field(
        default=None, description="PEM file of its private key, PKCS 8 without a password."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="How to log in to Kafka."
    )
    kafka_username: str = Field(default="", description="User name at Kafka.")
    kafka_password: SecretStr = Field(default=SecretStr(""), description="Password at Kafka.")
    stream_max_offsets: int = Field(
        default=30_000, ge=1, description="Messages that one micro-batch of the stream takes at most."
    )
    stream_trigger_seconds: float = Field(
        default=5.0, ge=0, description="Seconds from one micro-batch of the stream to the next."
    )
    mlflow_tracking_uri: str = Field(
        default="", description="MLflow tracking server or database; empty: SQLite under `home`."
    )
    gate_margin_accuracy: float = Field(
        default=0.01,
        ge=0,
        description="How much better than the majority class a model's held-out accuracy must be to be promoted.",
    )
    gate_tolerance_roc_auc: float = Field(
        default=0.005, ge=0, description="How far below the production model's ROC-AUC a new model may lie."
    )
    gate_tolerance_group_roc_auc: float = Field(
        default=0.02, ge=0, description="The same for the posts of one language, where the interval says so too."
    )
    gate_ceiling_roc_auc: float = Field(
        default=0.95, ge=0.5, le=1, description="ROC-AUC above which a model is taken to know the outcome, a leak."
    )
    gate_max_megabytes: float = Field(default=500, gt=0, description="How large the files of a model may be.")
    gate_min_rows_per_second: float = Field(
        default=20, ge=0, description="Posts that a model must score in a second to be promoted."
    )
    approval: Literal["auto", "human"] = Field(
        default="auto",
        description="Who lets a model that passed the gate into production: the gate, or a human.",
    )
    watch_days: int = Field(
        default=7,
        ge=1,
        description="Days of posts that are compared with the past, and that live metrics are of.",
    )
    drift_floor_psi: float = Field(
        default=0.1, ge=0, description="Population stability index below which nothing counts as drift."
    )
    drift_floor_ks: float = Field(
        default=0.1, ge=0, description="Kolmogorov-Smirnov distance below which nothing counts as drift."
    )
    drift_floor_js: float = Field(
        default=0.02, ge=0, description="Jensen-Shannon divergence, in bits, below which nothing counts as drift."
    )
    retrain_after_days: float = Field(
        default=7, gt=0, description="Days after the last training at which the schedule asks for another."
    )
    retrain_cooldown_hours: float = Field(
        default=24, ge=0, description="Hours after a retraining in which no trigger starts another."
    )
    seed: int = Field(default=20201212, description="Seed of the splits, of every fit, search and draw.")
    sklearn_max_rows: int = Field(
        default=200_000,
        ge=0,
        description="Training rows up to which the candidate `auto` learns in memory with scikit-learn; above: MLlib.",
    )
    search_trials: int = Field(default=8, ge=1, description="Limits that the candidate `auto` tries at most.")
    leak_limit_roc_auc: float = Field(
        default=0.95,
        gt=0.5,
        le=1,
        description="Held-out ROC-AUC above which a feature, or a model, is taken for a leak, and training is refused.",
    )

    serve_token: SecretStr = Field(
        default=SecretStr(""), description="Bearer token that requests for scores must show; at least 16 characters."
    )
    serve_alias_seconds: float = Field(
        default=5, gt=0, description="Seconds between two looks at which model version is in production."
    )
    serve_timeout_seconds: float = Field(
        default=10, gt=0, description="Seconds in which a request must have come, and again in which it is answered."
    )
    serve_max_waiting: int = Field(
        default=32, ge=1, description="Requests that may wait to be scored; more are told to come again (429)."
    )
    serve_max_body_bytes: int = Field(default=2_000_000, ge=1, description="Bytes of one request's body.")
    serve_max_posts: int = Field(default=500, ge=1, description="Posts in one request.")
    serve_max_text_characters: int = Field(
        default=25_000,
        ge=1,
        description="Characters of any field of a post that is scored at once; X's longest posts have so many.",
    )
    serve_max_nesting: int = Field(
        default=32, ge=1, description="Objects and lists one in another that a request may have."
    )

    @model_validator(mode="after")
    def _resolve_home(self) -> Self:
        object.__setattr__(self, "home", self.home.expanduser().resolve())
        object.__setattr__(self, "jars", self.home / self.jars)
        return self

    @property
    def lake(self) -> Path:
        """Root of the Delta tables: `lake/<schema>/<table>`."""
        return self.home / "lake"

    @property
    def secret_path(self) -> Path:
        """The file of the secret: beside the lake, never in it."""
        return self.secret_file or self.home / "secret.key"

    @property
    def staging(self) -> Path:
        """Parsed records on their way into RAW, a folder per run; nothing in it outlives its run."""
        return self.home / "staging"

    @property
    def checkpoints(self) -> Path:
        """Spark's notes on how far each stream has read, a folder per topic."""
        return self.home / "checkpoints"

    @property
    def broker(self) -> Path:
        """The data of the broker of `epilake kafka up`."""
        return self.home / "kafka"

    @property
    def locks(self) -> Path:
        """Files whose locks let one local writer at a time into a table; empty."""
        return self.home / "locks"

    @property
    def logs(self) -> Path:
        """Where Spark's, Ivy's and the servers' own output goes."""
        return self.home / "logs"

    @property
    def tracking_uri(self) -> str:
        """MLflow's tracking URI: the one set, or a SQLite database under `home`."""
        return self.mlflow_tracking_uri or f"sqlite:///{self.home / 'mlflow' / 'mlflow.db'}"

    @property
    def artifact_location(self) -> str | None:
        """Where MLflow keeps artifacts of the database under `home`; None if a tracking URI was given."""
        return None if self.mlflow_tracking_uri else (self.home / "mlflow" / "artifacts").as_uri()
