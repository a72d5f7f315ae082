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
# Java's second compiler takes what runs ten times as often as it would by itself: of a job that ends soon it compiles
# for longer than the result is used. With little to read it isn't used at all: it halves the start of Spark.
_SECOND_COMPILER_LATE = (
    "-XX:Tier4InvocationThreshold=50000 -XX:Tier4MinInvocationThreshold=6000 "
    "-XX:Tier4CompileThreshold=150000 -XX:Tier4BackEdgeThreshold=400000"
)
_FIRST_COMPILER_ALONE = "-XX:TieredStopAtLevel=1"
# What pyspark names by its last word for each column: Java would look for it through all its archives each time.
_NAMED = ("sql.functions", "sql.api.python.PythonSQLUtils", "api.python.PythonUtils")


def start(
    settings: Settings, app: str, *, little: bool = False, archive: Path | None = None, scratch: Path | None = None
) -> SparkSession:
    """A session for one job, which writes what it needs on its way into `scratch`, by default where the machine has it.

    `little`: what it reads is soon read. With `archive` its JVM writes the classes that it loaded there as it ends.

    Raises MachineError when Java is missing or can't run Spark.
    """
    here = Path(__file__).parent
    classes = f"-XX:ArchiveClassesAtExit={archive}" if archive else f"-XX:SharedArchiveFile={CLASSES}"
    logging = (
        f"-Dlog4j2.configurationFile={(here / 'log4j2.properties').as_uri()} "
        f"-Djava.util.logging.config.file={here / 'java-logging.properties'}"
    )
    compilers = _FIRST_COMPILER_ALONE if little else _SECOND_COMPILER_LATE
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
        # ICU's letters would take seconds to begin with, and what is compared without case here is ASCII.
        .config("spark.sql.icu.caseMappings.enabled", "false")
        .config("spark.sql.shuffle.partitions", "8")
        .config("spark.sql.files.maxPartitionBytes", _SPLIT)
        .config("spark.sql.files.openCostInBytes", _SPLIT)
        # Staged rows are read once and soon: writing them fast matters more than their size.
        .config("spark.hadoop.parquet.enable.dictionary", "false")
    )
    if settings.spark_gateway is None:
        options = f"-XX:+UseParallelGC {compilers} {classes} -Xlog:disable {logging}{temporary}"
        builder = (
            builder.master(settings.spark_master)
            .config("spark.driver.memory", settings.spark_memory)
            .config("spark.driver.extraJavaOptions", options)
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
def started(settings: Settings, app: str, phases: Phases, *, little: bool = False) -> Iterator[SparkSession]:
    """A session that ends with the block; its start is a phase."""
    with own.scratch(settings.staging_dir) as folder:
        with phases.phase("start Spark"):
            spark = start(settings, app, little=little, scratch=folder)
        try:
            yield spark
        finally:
            spark.stop()
