"""The Spark session of a job."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from py4j.java_gateway import java_import  # type: ignore[import-untyped]
from pyspark.errors import PySparkRuntimeError
from pyspark.sql import SparkSession

from fraudstack.errors import MachineError
from fraudstack.progress import Phases
from fraudstack.settings import Settings
from jobs.spark import scratch as own

# One split of a file a task, and never two files in one: a row's line number follows from its task.
_SPLIT = "32m"
# Spark's classes as `python -m jobs.spark.class_archive` leaves them, loaded and checked: a JVM starts in half the time
# with them (JEP 350). One that can't use them, being another version's, does without and says nothing.
CLASSES = Path(sys.prefix) / "spark-classes.jsa"
# What pyspark names by its last word for each column: Java would look for it through all its archives each time.
_NAMED = ("sql.functions", "sql.api.python.PythonSQLUtils", "api.python.PythonUtils")


def start(settings: Settings, app: str, *, archive: Path | None = None, scratch: Path | None = None) -> SparkSession:
    """A session for one job, which writes what it needs on its way into `scratch`, by default where the machine has it.

    With `archive` its JVM writes the classes that it loaded there as it ends.

    Raises MachineError when Java is missing or can't run Spark.
    """
    here = Path(__file__).parent
    classes = f"-XX:ArchiveClassesAtExit={archive}" if archive else f"-XX:SharedArchiveFile={CLASSES}"
    logging = (
        f"-Dlog4j2.configurationFile={(here / 'log4j2.properties').as_uri()} "
        f"-Djava.util.logging.config.file={here / 'java-logging.properties'}"
    )
    temporary = f' "-Djava.io.tmpdir={scratch}"' if scratch else ""
    builder = (
        SparkSession.builder.appName(f"fraudstack {app}")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.session.timeZone", "UTC")
        # Where in Python each column was made: half of what building a plan costs, for tracebacks nobody sees.
        .config("spark.python.sql.dataFrameDebugging.enabled", "false")
        # Nobody sees either how each plan was described.
        .config("spark.sql.ui.explainMode", "simple")
        .config("spark.sql.shuffle.partitions", "8")
        .config("spark.sql.files.maxPartitionBytes", _SPLIT)
        .config("spark.sql.files.openCostInBytes", _SPLIT)
        # Staged rows are read once and soon: writing them fast matters more than their size.
        .config("spark.hadoop.parquet.enable.dictionary", "false")
    )
    if settings.spark_gateway is None:
        builder = (
            builder.master(settings.spark_master)
            .config("spark.driver.memory", settings.spark_memory)
            .config("spark.driver.extraJavaOptions", f"-XX:+UseParallelGC {classes} -Xlog:disable {logging}{temporary}")
        )
        if scratch is not None:
            builder = builder.config("spark.local.dir", str(scratch))
    # The workers of a Python function run what this process runs.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        spark: SparkSession = builder.getOrCreate()
    except PySparkRuntimeError as error:
        raise MachineError(
            "Spark didn't start: it needs Java 17 or 21, in PATH or as JAVA_HOME (on Debian and Ubuntu: "
            "apt-get install openjdk-17-jre-headless)"
        ) from error
    for name in _NAMED:
        java_import(spark.sparkContext._jvm, f"org.apache.spark.{name}")
    return spark


@contextmanager
def started(settings: Settings, app: str, phases: Phases) -> Iterator[SparkSession]:
    """A session that ends with the block; its start is a phase."""
    with own.scratch(settings.staging_dir) as folder:
        with phases.phase("start Spark"):
            spark = start(settings, app, scratch=folder)
        try:
            yield spark
        finally:
            spark.stop()
