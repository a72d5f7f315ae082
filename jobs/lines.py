"""The raw files of transactions as numbered lines: a record is one physical line, whatever is in it.

A line break inside quotes is not followed: a stray quote would otherwise swallow all the rows behind it.
"""

import csv

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from fraudstack.errors import InputError
from fraudstack.schema import RAW

# monotonically_increasing_id: the task in the upper bits, the row's place in it in these.
_PLACE = (1 << 33) - 1


def header(spark: SparkSession, path: str) -> list[str]:
    """The column names of the first file that `path` (a file or a glob) names.

    Raises InputError when there is no file, or a column is missing.
    """
    found = files(spark, path)
    first = spark.read.text(found[0], lineSep="\n").head()
    if first is None:
        raise InputError(f"{shown(found[0])} is empty: it has no header line")
    names = [name.strip().lower() for name in next(csv.reader([first.value.removeprefix("\ufeff").rstrip("\r")]))]
    missing = [name for name in RAW if name not in names]
    if missing:
        raise InputError(f"{shown(found[0])} has no column {', '.join(missing)}: its header must name {', '.join(RAW)}")
    return names


def files(spark: SparkSession, path: str) -> list[str]:
    """The files that a path or glob names, in order; raises InputError when there are none."""
    try:
        listed = spark.read.format("binaryFile").load(path).select("path").collect()
    except AnalysisException as error:
        raise InputError(f"there is no file at {path}") from error
    found = sorted(row.path for row in listed)
    if not found:
        raise InputError(f"there is no file at {path}")
    return found


def shown(path: str) -> str:
    """A file's name for people: local paths without Spark's scheme."""
    return path.removeprefix("file://").removeprefix("file:")


def numbered(spark: SparkSession, path: str) -> DataFrame:
    """Every line but blank ones: position (unique, in reading order), line, is_first (of its file)."""
    is_first = (F.col("block") == 0) & (_place() == 0)
    lines = _raw(spark, path).select("position", F.col("text").alias("line"), is_first.alias("is_first"))
    return lines.where(F.trim("line") != "")


def located(spark: SparkSession, path: str, positions: DataFrame) -> DataFrame:
    """The lines at given positions (columns position, reason): file, line (number), text, reason.

    Text that no database takes as it is, broken UTF-8 and NUL, is shown with replacement characters.
    """
    found = _raw(spark, path).select("position", "text").join(F.broadcast(positions), "position")
    return _with_blocks(spark, path, found).select(
        "file",
        (F.col("lines_before") + _place() + 1).alias("line"),
        F.replace(F.make_valid_utf8("text"), F.lit("\0"), F.lit("\ufffd")).alias("text"),
        "reason",
    )


def in_file_order(spark: SparkSession, path: str, rows: DataFrame) -> DataFrame:
    """Rows with a position, and `file_order`: rises with the name of the file, then with the part of it."""
    return _with_blocks(spark, path, rows)


def _with_blocks(spark: SparkSession, path: str, rows: DataFrame) -> DataFrame:
    """Adds of each row's task: file, file_order and lines_before it in the file."""
    blocks = (
        _raw(spark, path)
        .groupBy(_task().alias("task"))
        .agg(
            F.regexp_replace(F.first("file"), "^file:/+", "/").alias("file"),
            F.first("block").alias("block"),
            F.count("*").alias("lines"),
        )
    )
    before: dict[str, int] = {}
    known = []
    for order, row in enumerate(sorted(blocks.collect(), key=lambda row: (row.file, row.block))):
        known.append((row.task, row.file, order, before.get(row.file, 0)))
        before[row.file] = before.get(row.file, 0) + row.lines
    table = spark.createDataFrame(known, "task long, file string, file_order long, lines_before long")
    return rows.withColumn("task", _task()).join(F.broadcast(table), "task").drop("task")


def _raw(spark: SparkSession, path: str) -> DataFrame:
    return spark.read.text(path, lineSep="\n").select(
        F.monotonically_increasing_id().alias("position"),
        F.rtrim("value", F.lit("\r")).alias("text"),
        F.col("_metadata.file_path").alias("file"),
        F.col("_metadata.file_block_start").alias("block"),
    )


def _task() -> Column:
    return F.shiftrightunsigned("position", 33)


def _place() -> Column:
    return F.col("position").bitwiseAND(F.lit(_PLACE))
