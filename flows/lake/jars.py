"""The Java side of the installation: a Java that Spark can use and the Delta jars, resolved once.

Ivy, which comes inside pyspark, would resolve at each session start (2 to 5 s and pages of output); here it runs once
into `<home>/jars` and every later session just names the files.
"""

import os
import re
import shutil
import subprocess
import tempfile
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from flows.errors import EpilakeError
from flows.settings import Settings

JAVA_VERSIONS = (17, 21)
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
    is in pyspark already, or serves Unity Catalog, which we do not use.
    """
    spark, delta = version("pyspark").rsplit(".", 1)[0], version("delta-spark")
    names = (f"delta-spark_{spark}_2.13", "delta-storage")
    return {f"{name}-{delta}.jar": ("io.delta", name, delta) for name in names}


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


def _fetch_jars(settings: Settings, wanted: list[Path]) -> None:
    java = find_java()
    for folder in (settings.jars, settings.logs):
        folder.mkdir(parents=True, exist_ok=True)
    log = settings.logs / "ivy.log"
    with tempfile.TemporaryDirectory(dir=settings.home) as scratch, log.open("ab") as output:
        done = subprocess.run(_ivy_command(java, Path(scratch)), stdout=output, stderr=output, check=False)
        fetched = [Path(scratch) / "jars" / jar.name for jar in wanted]
        if done.returncode != 0 or not all(jar.exists() for jar in fetched):
            raise EpilakeError(
                f"The Delta jars could not be fetched from Maven Central: see {log}, or copy "
                f"{', '.join(jar.name for jar in wanted)} into {settings.jars}."
            )
        for jar in fetched:
            jar.replace(settings.jars / jar.name)


def _ivy_command(java: Path, scratch: Path) -> list[str]:
    entries = [
        f'<dependency org="{group}" name="{name}" rev="{revision}" conf="default" transitive="false"/>'
        for group, name, revision in jar_coordinates().values()
    ]
    ivy_file = scratch / "ivy.xml"
    ivy_file.write_text(IVY_FILE.format(dependencies="\n    ".join(entries)), encoding="utf-8")
    classpath = Path(str(files("pyspark"))) / "jars" / "*"
    pattern = str(scratch / "jars" / "[artifact]-[revision].[ext]")
    arguments = ["-ivy", str(ivy_file), "-cache", str(scratch / "cache"), "-retrieve", pattern]
    return [str(java), "-cp", str(classpath), "org.apache.ivy.Main", *arguments]
