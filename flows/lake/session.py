"""The one door to Spark: one session per process, made here, before dbt (ADR 1, ADR 2).

The lake's folder is the truth and the catalog is derived from it: each session has a private catalog in memory, filled
at start by attaching every Delta folder below `<home>/lake`. `dbt_project/profiles.yml` spells the same configuration
for a plain `dbt build`; a test holds the two equal.
"""

import os
import sys
import threading
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.lake.jars import find_java, resolve_jars
from flows.settings import PROJECT_ROOT, Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOGGING_FILE = PROJECT_ROOT / "infra" / "spark" / "log4j2.properties"

SESSION_CONF = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.sources.default": "delta",
    "spark.sql.shuffle.partitions": "4",
    "spark.sql.codegen.cache.maxEntries": "1000",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
    "spark.buffer.pageSize": "2m",
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.databricks.delta.schema.autoMerge.enabled": "false",
    "spark.ui.enabled": "false",
    "spark.ui.retainedJobs": "50",
    "spark.ui.retainedStages": "50",
    "spark.ui.retainedTasks": "500",
    "spark.sql.ui.retainedExecutions": "10",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
}
"""What a local session needs to behave the same wherever it is made: here or by a plain `dbt build`.

Of the classes that it generates Spark keeps 100 by default, and a build makes many more: what reads Delta's log was
compiled anew for every statement. The table of each broadcast join takes at least one page of the heap, by default
32 MiB. Spark keeps what a page of its own would show even if that is off, with a plan's text for each of 1,000
statements: a process that builds for an hour would spend its heap on it.
"""

FIRST_ONLY = "-XX:TieredStopAtLevel=1 "
JAVA_OPTIONS = f"{FIRST_ONLY}-XX:ReservedCodeCacheSize=256m -XX:+UseParallelGC -Duser.timezone=UTC"
"""Of a local JVM, which lives for a minute or two: the second compiler costs more than it returns (ADR 1).

In another time zone than UTC, GMT too, Delta reads the whole state of a table after each commit to it.
"""

PYTHON_CONF = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}
"""Of our own sessions only: dbt-spark switches ANSI mode off on any session that it touches (see `restore_ansi`)."""


_DOOR = threading.Lock()


def open_session(settings: Settings) -> "SparkSession":
    """Return this process's Spark session, with every table of the lake attached.

    The first call starts the JVM (6 to 12 s) with its output in `<home>/logs/spark.log`; later calls attach what has
    appeared in the lake since.

    Raises:
        EpilakeError: No usable Java, or the Delta jars could not be fetched.
    """
    spark = _start_session(settings)
    attach_lake(spark, settings)
    return spark


def _start_session(settings: Settings) -> "SparkSession":
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    with _DOOR:
        if SparkContext._active_spark_context is None:
            _start_context(settings)
        return SparkSession.builder.getOrCreate()


def start_early(settings: Settings) -> None:
    """Begin to start the session in the background, while the process does other things.

    What goes wrong is not lost: the next `open_session` waits, tries again and raises. A process that ends meanwhile
    waits for the start to end: a thread that is cut off inside native code aborts the process.
    """

    def start() -> None:
        with suppress(Exception):  # of whatever kind: the next call meets it again
            _start_session(settings)

    threading.Thread(target=start, name="spark").start()


def table_logs(settings: Settings) -> list[Path]:
    """Return the log folder of every table; one without a commit is being made, or its making was killed."""
    return [log for log in sorted(settings.lake.glob("*/*/_delta_log")) if any(log.glob("*.json"))]


def attach_lake(spark: "SparkSession", settings: Settings) -> list[str]:
    """Make every Delta folder of the lake known to the session's catalog; return the names newly attached."""
    attached = []
    for log in table_logs(settings):
        schema, table = log.parent.parent.name, log.parent.name
        if not spark.catalog.databaseExists(schema):
            spark.sql(f"create schema if not exists {schema} location '{log.parent.parent}'")
        if not spark.catalog.tableExists(f"{schema}.{table}"):
            spark.sql(f"create table if not exists {schema}.{table} using delta location '{log.parent}'")
            attached.append(f"{schema}.{table}")
    return attached


def detach_lake(spark: "SparkSession") -> None:
    """Forget every table in the session's catalog, and what Delta and Spark hold of them in memory.

    Their folders stay as they are.
    """
    for schema in spark.catalog.listDatabases():
        for table in spark.catalog.listTables(schema.name):
            if not table.isTemporary:
                spark.sql(f"drop table {schema.name}.{table.name}")
    spark.catalog.clearCache()
    jvm: Any = spark._jvm
    jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()


def restore_ansi(spark: "SparkSession") -> None:
    """Undo what dbt-spark does to the session it was lent: it switches ANSI mode off for good."""
    spark.conf.set("spark.sql.ansi.enabled", PYTHON_CONF["spark.sql.ansi.enabled"])


def _start_context(settings: Settings) -> None:
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway
    from pyspark.logger import PySparkLogger

    jars = resolve_jars(settings)
    os.environ.setdefault("JAVA_HOME", str(find_java().resolve().parent.parent))
    os.environ["PYSPARK_PYTHON"] = sys.executable
    PySparkLogger.getLogger("SQLQueryContextLogger").disabled = True  # else each failed query is printed whole, as JSON
    settings.logs.mkdir(parents=True, exist_ok=True)
    conf = SparkConf(loadDefaults=False).setAll(list(_process_conf(settings, jars).items()))
    with (settings.logs / "spark.log").open("ab") as log:
        gateway = launch_gateway(conf, popen_kwargs={"stdout": log, "stderr": log})  # type: ignore[no-untyped-call]
    SparkContext(conf=conf, gateway=gateway)


def archive_path(settings: Settings) -> Path:
    """Return where the archive of Spark's classes lies, if there is one (`flows.lake.archive`)."""
    return settings.jars / f"spark-{version('pyspark')}-kafka.jsa"


def java_options(settings: Settings) -> str:
    """Return the options of the JVM but for the archive."""
    options = JAVA_OPTIONS if settings.spark_compilers == "first" else JAVA_OPTIONS.replace(FIRST_ONLY, "")
    return (
        f"{options} -Dlog4j2.configurationFile={LOGGING_FILE.as_uri()} "
        f"-Depilake.log={settings.logs / 'spark.log'} -Dderby.stream.error.file={settings.logs / 'derby.log'}"
    )


def _process_conf(settings: Settings, jars: list[Path]) -> dict[str, str]:
    archive = archive_path(settings)
    sharing = f" -XX:SharedArchiveFile={archive}" if archive.exists() else ""
    return {
        **SESSION_CONF,
        **PYTHON_CONF,
        "spark.master": settings.spark_master,
        "spark.app.name": "epilake",
        "spark.sql.shuffle.partitions": str(settings.spark_shuffle_partitions),
        "spark.sql.warehouse.dir": str(settings.lake),
        "spark.driver.memory": settings.spark_driver_memory,
        "spark.driver.extraJavaOptions": java_options(settings) + sharing,
        "spark.driver.extraClassPath": ":".join(str(jar) for jar in jars),
        **settings.spark_conf,
    }
