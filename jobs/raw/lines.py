"""The raw files of transactions as numbered lines: a record is one physical line, whatever is in it.

A line break inside quotes is not followed: a stray quote would otherwise swallow all the rows behind it.
"""

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from fraudstack.errors import InputError
from fraudstack.schema import RAW

# monotonically_increasing_id: the task in the upper bits, the row's place in it in these.
_PLACE = (1 << 33) - 1
_BLOCKS = pa.schema(
    [("task", pa.int64()), ("file", pa.string()), ("file_order", pa.int64()), ("lines_before", pa.int64())]
)


def header(spark: SparkSession, files: list[str]) -> list[str]:
    """The column names of the first file that isn't empty.

    Raises InputError when there is none, or a column is missing.
    """
    for file in files:
        with readable():
            first = spark.read.text(file, lineSep="\n").head()
        if first is not None:
            break
    else:
        raise InputError(f"{shown(files[0])} is empty: it has no header line")
    try:
        names = next(csv.reader([first.value.removeprefix("\ufeff").rstrip("\r")]))
    except csv.Error:
        names = []
    names = [name.strip(" ").lower() for name in names]
    missing = [name for name in RAW if name not in names]
    if missing:
        raise InputError(f"{shown(file)} has no column {', '.join(missing)}: its header must name {', '.join(RAW)}")
    return names


def files(spark: SparkSession, path: str) -> list[str]:
    """The files that a path or glob names, in order; raises InputError when there are none."""
    try:
        found = sorted(unquote(file) for file in spark.read.text(path).inputFiles())
    except (PySparkException, Py4JJavaError) as error:
        # A Java Error, unlike an Exception, says that the installation lacks something.
        if isinstance(error, Py4JJavaError) and error.java_exception.getClass().getName().endswith("Error"):
            raise
        raise InputError(f"there is no file at {path!r}") from error
    if not found:
        raise InputError(f"there is no file at {path!r}")
    if shown(found[0]).startswith(f"{Path(path).absolute()}/"):
        raise InputError(f"{path} is a folder: name a file in it, or several as {path.rstrip('/')}/*.csv")
    return found


@contextmanager
def readable() -> Iterator[None]:
    """Raises InputError where Spark comes upon a file that can't be read: cut gzip, no permission."""
    try:
        yield
    except Py4JJavaError as error:
        file = re.search(r"\[FAILED_READ_FILE.*reading file (.*?)\. +(?:SQLSTATE|File does not exist)", str(error))
        if file is None:
            raise
        cause = error.java_exception
        while cause.getCause() is not None:
            cause = cause.getCause()
        raise InputError(f"{shown(unquote(file[1]))} can't be read: {cause.getMessage()}") from error


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
    known: list[dict[str, str | int]] = []
    # Spark writes a file's name as a URI does, with %20 for a space.
    for file, _, task, count in sorted((unquote(row.file), row.block, row.task, row.lines) for row in blocks.collect()):
        lines_before = before.get(file, 0)
        known.append({"task": task, "file": file, "file_order": len(known), "lines_before": lines_before})
        before[file] = lines_before + count
    # Through Arrow: a list of Python's would need Python on every executor.
    table = spark.createDataFrame(pa.Table.from_pylist(known, schema=_BLOCKS))
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
