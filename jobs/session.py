"""The Spark session of a job."""

import sys
from pathlib import Path

from pyspark.errors import PySparkRuntimeError
from pyspark.sql import SparkSession

from fraudstack.errors import MachineError
from fraudstack.settings import Settings

# One split of a file a task, and never two files in one: a row's line number follows from its task.
_SPLIT = "32m"


def start(settings: Settings, app: str) -> SparkSession:
    """A session for one job.

    Raises MachineError when Java is missing or can't run Spark.
    """
    logging = f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties').as_uri()}"
    builder = (
        SparkSession.builder.appName(f"fraudstack {app}")
        .master(settings.spark_master)
        .config("spark.driver.memory", settings.spark_memory)
        .config("spark.driver.extraJavaOptions", f"-XX:+UseParallelGC {logging}")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "8")
        .config("spark.sql.files.maxPartitionBytes", _SPLIT)
        .config("spark.sql.files.openCostInBytes", _SPLIT)
        # Staged rows are read once and soon: writing them fast matters more than their size.
        .config("spark.hadoop.parquet.enable.dictionary", "false")
        .config("spark.pyspark.python", sys.executable)
    )
    try:
        return builder.getOrCreate()
    except PySparkRuntimeError as error:
        raise MachineError(
            "Spark didn't start: it needs Java 17 or 21, in PATH or as JAVA_HOME (on Debian and Ubuntu: "
            "apt-get install openjdk-17-jre-headless)"
        ) from error
