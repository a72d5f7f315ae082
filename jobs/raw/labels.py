"""Files of labels, read whole: each entry judged, and of several for one id the one that counts.

The public set's own file is one JSON object of 159 MB on one line, `{"target":{"10649266":"No",…}}`. It is read in
pieces, split at its commas, so that Spark's tasks share it and nobody holds it whole. Other shapes become lines first.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame, Observation, SparkSession, Window
from pyspark.sql import functions as F

from fraudstack.columns.mapping import asked
from fraudstack.errors import InputError
from fraudstack.fields import truth
from fraudstack.progress import Phases
from fraudstack.reading import files, paths
from fraudstack.reading import labels as reading
from fraudstack.reading.files import Packed
from fraudstack.settings import Settings
from jobs.raw import fields
from jobs.raw.files import readable, ready
from jobs.raw.fingerprint import fingerprint, hashed
from jobs.raw.repeats import ids_rise
from jobs.spark.phase import spark_phase
from jobs.steps.summary import Summary

_OPENS = r'^\s*\{\s*"target"\s*:\s*\{'
_CLOSES = r"\}\s*\}\s*$"
_ID = r"^[0-9]{1,19}(?:\.0+)?$"
_BARE = r"^\s*:\s*(?:true|false|null|[0-9.]+)\s*$"
# An entry's position: its file's number in these bits, then its place.
FILE_BITS = 55
# Between the fields of an entry on its way to Spark.
_BETWEEN = "\x1f"
# So much of an entry is kept.
_LONGEST = 4096
_NONE = pa.schema([("position", pa.int64()), ("reason", pa.string())])


def are_given(settings: Settings, summary: Summary) -> bool:
    """Whether a file of labels is to be read: none where nobody named one, and none is there or rows carry them."""
    path = settings.labels_path
    named = "labels_path" in settings.model_fields_set
    mapping = asked(settings)
    if mapping and mapping.columns.is_fraud and not (path and named):
        summary.said.append("the labels are those that the rows carry")
        return False
    if path and (named or Path(path).exists()):
        return True
    where = "" if named else f" at {path}"
    summary.said.append(f"there are no labels{where}: what is fraud stays as it was known")
    return False


def judge(spark: SparkSession, settings: Settings, staging: Path, summary: Summary, phases: Phases) -> pa.Table:
    """Stage every label, sorted by id, and count into `summary`.

    Returns position and reason of those whose id another entry decides; reason is NULL where that says the same or
    overtook it.
    """
    found = files_of(settings)
    seen: dict[str, int] = {}
    with spark_phase(spark, phases, "label: read labels"):
        for number, packed in enumerate(found):
            for name, count in _read(spark, packed, number, staging, phases).items():
                seen[name] = seen.get(name, 0) + count
    with spark_phase(spark, phases, "label: sort by id"):
        # In the table's order: each page of it is written once.
        judged = spark.read.parquet(str(staging / "labels" / "*"))
        accepted = judged.where("reason IS NULL").select("id", "is_fraud", "position", "known_at")
        accepted.orderBy("id", "position").write.parquet(str(staging / "ordered"))
    reasons = judged.where("reason IS NOT NULL").groupBy("reason").count().collect()
    summary.reasons = {row["reason"]: row["count"] for row in reasons}
    silent = summary.reasons.pop("nothing", 0)
    if silent:
        summary.said.append(f"{silent:,} entries say neither Yes nor No: they are no labels")
    late = _NONE.empty_table()
    if not ids_rise(staging / "ordered"):
        late = _decided_by_others(spark.read.parquet(str(staging / "ordered")))
        if clashing := pc.count(late.column("reason")).as_py():
            summary.reasons["repeated id"] = clashing
        summary.repeated = late.num_rows - clashing
    summary.rows_in = seen["rows"] - silent
    summary.quarantined = sum(summary.reasons.values())
    summary.fingerprint = fingerprint(seen["rows"], seen)
    return late


def files_of(settings: Settings) -> list[Packed]:
    """The files of TX_LABELS_PATH, in order: an entry's position names one by its number."""
    return [each for file in paths.found(settings.labels_path) for each in files.unpacked(file, files.may_be_labels)]


def _read(spark: SparkSession, packed: Packed, number: int, staging: Path, phases: Phases) -> Mapping[str, int]:
    """Stage a file's entries in a folder of their own; returns what was observed of them."""
    staged, exchange = staging / "labels" / f"{number:06}", staging / "input" / f"{number:06}"
    seen, whole = Observation(), False
    if reading.is_plain(packed):
        [file], names = ready([(packed, True, packed.chunks)], exchange, phases, "label")
        tokens = _tokens(spark, file).observe(
            seen,
            F.count_if("opens").alias("opened"),
            F.count_if("closes").alias("closed"),
            F.count_if("braced").alias("braced"),
            *_observed("body"),
        )
        with readable(names):
            _judged(_pairs(tokens), number).write.parquet(str(staged))
        whole = seen.get["opened"] == seen.get["closed"] == 1
        if whole and seen.get["braced"] <= 2:
            return _counted(seen)
    exchange.mkdir(parents=True, exist_ok=True)
    try:
        _as_lines(packed, exchange / "entries")
    except InputError:
        # An object of labels, some of them damaged: they are refused one by one.
        if whole:
            return _counted(seen)
        raise
    shutil.rmtree(staged, ignore_errors=True)
    lines = spark.read.text(str(exchange / "entries"), lineSep="\n")
    seen = Observation()
    _judged(_entries(lines.observe(seen, *_observed("value"))), number).write.parquet(str(staged))
    return _counted(seen)


def _counted(seen: Observation) -> dict[str, int]:
    return {name: count or 0 for name, count in seen.get.items()}


def _observed(record: str) -> list[Column]:
    written = F.nullif(record, F.lit(""))
    return [F.count(written).alias("rows"), *hashed(written)]


def _as_lines(packed: Packed, path: Path) -> None:
    """Write each entry as a line that Spark can split."""
    unsplit = str.maketrans({_BETWEEN: " ", "\n": " ", "\r": " "})
    with path.open("w", encoding="utf-8", errors="replace", newline="\n") as lines:
        for entry in reading.entries(packed):
            said = (
                "" if entry.line is None else str(entry.line),
                entry.id.strip(),
                entry.value,
                entry.known_at or "",
            )
            written = (field[:_LONGEST].translate(unsplit) for field in (*said, entry.text))
            lines.write(_BETWEEN.join(written) + "\n")


def _tokens(spark: SparkSession, file: str) -> DataFrame:
    """What stands between commas: position, body (a pair, without the object's braces), opens, closes."""
    value = F.col("value")
    braced = value.contains("{") | value.contains("}")
    body = F.regexp_replace(F.regexp_replace(value, _OPENS, ""), _CLOSES, "")
    return spark.read.text(file, lineSep=",").select(
        F.monotonically_increasing_id().alias("position"),
        F.trim(F.translate(F.when(braced, body).otherwise(value), "\t\r\n", "   ")).alias("body"),
        braced.alias("braced"),
        (braced & value.rlike(_OPENS)).alias("opens"),
        (braced & value.rlike(_CLOSES)).alias("closes"),
    )


def _pairs(tokens: DataFrame) -> DataFrame:
    """Tokens with the columns that _judged asks for."""
    parts = F.split("body", '"')
    ident, colon, value = F.get(parts, F.lit(1)), F.trim(F.get(parts, F.lit(2))), F.get(parts, F.lit(3))
    starts = F.col("body").startswith('"')
    quoted = (F.size(parts) == 5) & (colon == ":") & starts & F.col("body").endswith('"')
    bare = (F.size(parts) == 3) & starts & colon.rlike(_BARE)
    return tokens.where("body <> ''").select(
        "position",
        F.lit(None).cast("bigint").alias("line"),
        F.when(quoted | bare, ident).alias("ident"),
        F.when(quoted, value).when(bare, F.substring(colon, F.lit(2), F.length(colon))).alias("said"),
        F.lit("").alias("since"),
        F.col("body").alias("text"),
    )


def _entries(lines: DataFrame) -> DataFrame:
    """Lines of _as_lines with the columns that _judged asks for."""
    parts = F.split("value", _BETWEEN)
    line, ident, said, since, text = (F.get(parts, F.lit(place)) for place in range(5))
    return lines.select(
        F.monotonically_increasing_id().alias("position"),
        line.try_cast("bigint").alias("line"),
        F.nullif(ident, F.lit("")).alias("ident"),
        said.alias("said"),
        F.trim(since).alias("since"),
        text.alias("text"),
    )


def _judged(said: DataFrame, file: int) -> DataFrame:
    """Columns position, line, id, is_fraud, known_at, reason (NULL if the label can be used, `nothing` if it is none).

    text is kept of what is refused, or stands on a line.
    """
    value = F.col("value")
    in_time = F.col("known_at").isNotNull() & F.year("known_at").between(1970, 9999)
    reason = (
        F.when(F.col("ident").isNull(), "not a label")
        .when(fields.text("value").isNull(), "nothing")
        .when(~F.col("ident").rlike(_ID) | F.col("id").isNull(), "bad id")
        .when(~value.isin(*truth.FRAUD, *truth.LEGITIMATE), "unknown label")
        .when(fields.text("since").isNotNull() & ~in_time, "bad known_at")
    )
    text = F.replace(F.make_valid_utf8("text"), F.lit("\0"), F.lit("\ufffd"))
    typed = said.select(
        "*",
        F.lower(F.trim("said")).alias("value"),
        F.substring_index("ident", ".", 1).try_cast("bigint").alias("id"),
        F.col("since").try_cast("timestamp").alias("known_at"),
    )
    return typed.select(
        (F.col("position") + (file << FILE_BITS)).alias("position"),
        "line",
        F.when(F.col("ident").rlike(_ID), F.col("id")).alias("id"),
        value.isin(*truth.FRAUD).cast("int").alias("is_fraud"),
        "known_at",
        reason.alias("reason"),
        F.when(reason.isNotNull() | F.col("line").isNotNull(), F.left(text, F.lit(_LONGEST))).alias("text"),
    )


def _decided_by_others(rows: DataFrame) -> pa.Table:
    """Position and reason of every label but the one that counts for its id.

    The latest known_at counts, then the last file, then the first in it; who says otherwise at the same time and in
    the same file is refused.
    """
    file = F.shiftright("position", FILE_BITS)
    of_id = Window.partitionBy("id").orderBy(F.col("known_at").desc_nulls_last(), file.desc(), F.col("position"))
    several = rows.groupBy("id").count().where("count > 1").select("id")
    ranked = rows.join(several, "id").withColumn("file", file)
    for name in ("file", "known_at", "is_fraud"):
        ranked = ranked.withColumn(f"first_{name}", F.first(name).over(of_id))
    as_late = (F.col("file") == F.col("first_file")) & F.col("known_at").eqNullSafe(F.col("first_known_at"))
    clashes = as_late & (F.col("is_fraud") != F.col("first_is_fraud"))
    late = ranked.withColumn("nth", F.row_number().over(of_id)).where("nth > 1")
    return late.select("position", F.when(clashes, "repeated id").alias("reason")).toArrow()
