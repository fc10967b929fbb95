"""The Java side of the installation: a Java that Spark can use, the jars of Delta and Kafka, and those of a broker.

Ivy, which comes inside pyspark, would resolve at each session start (2 to 5 s and pages of output); here it runs once
into `<home>/jars` and every later session just names the files. The broker's jars lie in a folder of their own: it is
another program, of other versions.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from flows.errors import EpilakeError
from flows.settings import Settings

JAVA_VERSIONS = (17, 21)
BROKER_VERSION = "4.1.0"
KAFKA_CLIENTS, COMMONS_POOL = "3.9.2", "2.13.1"
"""The versions that Spark's Kafka source is built with."""
IVY_FILE = """<ivy-module version="2.0">
  <info organisation="org.epilake" module="jars"/>
  <dependencies>
    {dependencies}
  </dependencies>
</ivy-module>
"""


def jar_coordinates() -> dict[str, tuple[str, str, str]]:
    """Return file name → (group, artifact, version) of every jar that pyspark lacks.

    `delta-spark` is built for one minor version of Spark and named after it; what it pulls in beside `delta-storage`
    is in pyspark already, or serves Unity Catalog, which we do not use. So it is with the Kafka source.
    """
    spark, delta = version("pyspark"), version("delta-spark")
    found = (
        ("io.delta", f"delta-spark_{spark.rsplit('.', 1)[0]}_2.13", delta),
        ("io.delta", "delta-storage", delta),
        ("org.apache.spark", "spark-sql-kafka-0-10_2.13", spark),
        ("org.apache.spark", "spark-token-provider-kafka-0-10_2.13", spark),
        ("org.apache.kafka", "kafka-clients", KAFKA_CLIENTS),
        ("org.apache.commons", "commons-pool2", COMMONS_POOL),
    )
    return {f"{name}-{revision}.jar": (group, name, revision) for group, name, revision in found}


def find_java() -> Path:
    """Return the `java` to use: of JAVA_HOME if that is set, else the first on the PATH.

    Raises:
        EpilakeError: There is none, or it is of a version that Spark does not support.
    """
    home = os.environ.get("JAVA_HOME")
    found = Path(home) / "bin" / "java" if home else Path(shutil.which("java") or "java")
    advice = "install Java 17 or 21 (Debian: apt-get install openjdk-17-jre-headless) or point JAVA_HOME at one"
    try:
        text = subprocess.run([found, "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError) as error:
        raise EpilakeError(f"No Java was found, and Spark needs one: {advice}.") from error
    match = re.search(r'version "(\d+)', text)
    if not match or int(match[1]) not in JAVA_VERSIONS:
        raise EpilakeError(f"Java {match[1] if match else '?'} was found and Spark needs 17 or 21: {advice}.")
    return found


def resolve_jars(settings: Settings) -> list[Path]:
    """Return the jars that Spark needs beside its own, fetched by Ivy if they are not there yet.

    Raises:
        EpilakeError: No usable Java, or Ivy could not fetch them; the message names its log.
    """
    wanted = [settings.jars / name for name in jar_coordinates()]
    if not all(jar.exists() for jar in wanted):
        _fetch_jars(settings, wanted)
    return wanted


def resolve_broker_jars(settings: Settings) -> Path:
    """Return the folder of the jars of a Kafka broker, fetched by Ivy with all they need if it is not there yet.

    Raises:
        EpilakeError: No usable Java, or Ivy could not fetch them; the message names its log.
    """
    folder = settings.jars / f"kafka-{BROKER_VERSION}"
    if not folder.exists():
        broker = _spell_dependency("org.apache.kafka", "kafka_2.13", BROKER_VERSION, is_whole=True)
        with _retrieved(settings, [broker]) as fetched:
            if not (fetched / f"kafka_2.13-{BROKER_VERSION}.jar").exists():
                log = settings.logs / "ivy.log"
                raise EpilakeError(f"Kafka's jars could not be fetched from Maven Central: see {log}, and run again.")
            fetched.replace(folder)
    return folder


def _fetch_jars(settings: Settings, wanted: list[Path]) -> None:
    entries = [_spell_dependency(*coordinates, is_whole=False) for coordinates in jar_coordinates().values()]
    with _retrieved(settings, entries) as folder:
        if not all((folder / jar.name).exists() for jar in wanted):
            raise EpilakeError(
                f"The jars of Delta and Kafka could not be fetched from Maven Central: see "
                f"{settings.logs / 'ivy.log'}, or copy {', '.join(jar.name for jar in wanted)} into {settings.jars}."
            )
        for jar in wanted:
            (folder / jar.name).replace(jar)


@contextmanager
def _retrieved(settings: Settings, entries: list[str]) -> Iterator[Path]:
    """Lend the folder into which Ivy has fetched what it could; what is not taken out of it is removed."""
    java = find_java()
    for folder in (settings.jars, settings.logs):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.jars) as scratch, (settings.logs / "ivy.log").open("ab") as output:
        command = _ivy_command(java, Path(scratch), entries)
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
        yield Path(scratch) / "jars"


def _spell_dependency(group: str, name: str, revision: str, *, is_whole: bool) -> str:
    transitive = str(is_whole).lower()
    return f'<dependency org="{group}" name="{name}" rev="{revision}" conf="default" transitive="{transitive}"/>'


def _ivy_command(java: Path, scratch: Path, entries: list[str]) -> list[str]:
    ivy_file = scratch / "ivy.xml"
    ivy_file.write_text(IVY_FILE.format(dependencies="\n    ".join(entries)), encoding="utf-8")
    classpath = Path(str(files("pyspark"))) / "jars" / "*"
    pattern = str(scratch / "jars" / "[artifact]-[revision].[ext]")
    arguments = ["-ivy", str(ivy_file), "-cache", str(scratch / "cache"), "-retrieve", pattern]
    return [str(java), "-cp", str(classpath), "org.apache.ivy.Main", *arguments]
