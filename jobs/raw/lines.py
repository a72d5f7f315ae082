"""The raw files of transactions as numbered lines: a record is one physical line, whatever is in it.

A line break inside quotes is not followed: a stray quote would otherwise swallow all the rows behind it.
"""

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.raw.files import Input, path_of

# More of a line is neither split nor judged: it is too long for a transaction.
_MOST_SPLIT = 1 << 14
# So much of a refused row is kept.
_MOST_KEPT = 1 << 16
# monotonically_increasing_id: the task in the upper bits, the row's place in it in these.
_PLACE = (1 << 33) - 1
_BLOCKS = pa.schema(
    [("task", pa.int64()), ("file", pa.string()), ("file_order", pa.int64()), ("lines_before", pa.int64())]
)


def numbered(spark: SparkSession, given: Input) -> DataFrame:
    """Every line but blank ones: position (unique, in reading order), line, is_first (of its file)."""
    is_first = (F.col("block") == 0) & (_place() == 0)
    lines = _raw(spark, given).where(F.trim("text") != "")
    text = F.col("text")
    line = F.when(F.octet_length(text) <= _MOST_SPLIT, text).otherwise(F.left(text, F.lit(_MOST_SPLIT)))
    return lines.select("position", line.alias("line"), is_first.alias("is_first"))


def located(spark: SparkSession, given: Input, positions: DataFrame) -> DataFrame:
    """The lines at given positions (columns position, reason): file, line (number), text, reason.

    Text that no database takes as it is, broken UTF-8 and NUL, is shown with replacement characters.
    """
    found = _raw(spark, given).select("position", "text").join(F.broadcast(positions), "position")
    return _with_blocks(spark, given, found).select(
        "file",
        (F.col("lines_before") + _place() + 1).alias("line"),
        F.replace(F.left(F.make_valid_utf8("text"), F.lit(_MOST_KEPT)), F.lit("\0"), F.lit("\ufffd")).alias("text"),
        "reason",
    )


def in_file_order(spark: SparkSession, given: Input, rows: DataFrame) -> DataFrame:
    """Rows with a position, and `file_order`: rises with the name of the file, then with the part of it."""
    return _with_blocks(spark, given, rows)


def _with_blocks(spark: SparkSession, given: Input, rows: DataFrame) -> DataFrame:
    """Adds of each row's task: file, file_order and lines_before it in the file."""
    blocks = (
        _raw(spark, given)
        .groupBy(_task().alias("task"))
        .agg(
            F.first("file").alias("file"),
            F.first("block").alias("block"),
            F.count("*").alias("lines"),
        )
    )
    order = {path: number for number, path in enumerate(given.names)}
    before: dict[str, int] = {}
    known: list[dict[str, str | int]] = []
    found = ((path_of(row.file), row.block, row.task, row.lines) for row in blocks.collect())
    for path, _, task, count in sorted(found, key=lambda block: (order[block[0]], block[1])):
        lines_before = before.get(path, 0)
        known.append({"task": task, "file": given.names[path], "file_order": len(known), "lines_before": lines_before})
        before[path] = lines_before + count
    # Through Arrow: a list of Python's would need Python on every executor.
    table = spark.createDataFrame(pa.Table.from_pylist(known, schema=_BLOCKS))
    return rows.withColumn("task", _task()).join(F.broadcast(table), "task").drop("task")


def _raw(spark: SparkSession, given: Input) -> DataFrame:
    return spark.read.text(given.paths, lineSep="\n").select(
        F.monotonically_increasing_id().alias("position"),
        F.rtrim("value", F.lit("\r")).alias("text"),
        F.col("_metadata.file_path").alias("file"),
        F.col("_metadata.file_block_start").alias("block"),
    )


def _task() -> Column:
    return F.shiftrightunsigned("position", 33)


def _place() -> Column:
    return F.col("position").bitwiseAND(F.lit(_PLACE))
