"""The labels file becomes transactions.is_fraud: Yes and No by id; what is unlabelled stays NULL.

The real file is one JSON object of 159 MB on one line, `{"target":{"10649266":"No",…}}`. It is read in pieces,
split at its commas, so that Spark's tasks share it and nobody holds it whole.
"""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from fraudstack.errors import InputError
from fraudstack.progress import Phases
from fraudstack.reading import paths
from fraudstack.reading.files import unpacked
from fraudstack.settings import Settings
from fraudstack.storage import batch, clusters, labels, runs
from fraudstack.storage.store import parse
from fraudstack.storage.upgrade import upgrade
from jobs.fingerprint import fingerprint, hashed
from jobs.raw.files import readable, ready
from jobs.repeats import ids_rise, repeated
from jobs.step import KEPT_OF_A_FAILURE, Step, Summary, check_folder, check_share, spark_phase, step

_OPENS = r'^\s*\{\s*"target"\s*:\s*\{'
_CLOSES = r"\}\s*\}\s*$"


def run(spark: SparkSession, settings: Settings, run_id: str, phases: Phases) -> Summary:
    """Apply TX_LABELS_PATH (gzip or not) to the store, then fill the clusters' fraud_rate.

    Raises InputError, with the store's transactions as they were, when the file is missing, isn't such an
    object, or more than TX_MAX_REJECT_SHARE of its labels can't be used.
    """
    with step(settings, run_id, "label", phases) as this:
        late = judge(spark, settings, this.staging, this.summary, phases)
        try:
            check_share(settings, this.summary, settings.labels_path)
        except InputError:
            _quarantine(spark, settings, run_id, this, late, at_most=KEPT_OF_A_FAILURE)
            raise
        _quarantine(spark, settings, run_id, this, late)
        _apply(this, late, phases)
        with phases.phase("label: fraud rate of the clusters"):
            _rate_clusters(settings, this)
    return this.summary


def check(spark: SparkSession, settings: Settings, phases: Phases) -> Summary:
    """Say what `run` would refuse, without writing to the store; raises InputError where it would."""
    summary = Summary("label")
    with check_folder(settings) as staging:
        judge(spark, settings, staging, summary, phases)
    check_share(settings, summary, settings.labels_path)
    summary.loaded = summary.rows_in - summary.quarantined
    return summary


def judge(spark: SparkSession, settings: Settings, staging: Path, summary: Summary, phases: Phases) -> pa.Table:
    """Stage every label, sorted by id, and count into `summary`; returns position and reason of repeats."""
    found = [packed for file in paths.found(settings.labels_path) for packed in unpacked(file)]
    as_they_are = [(packed, packed.packing in {(), ("gzip",)}, packed.chunks) for packed in found]
    files, names = ready(as_they_are, staging / "input", phases, "label")
    seen = Observation()
    with spark_phase(spark, phases, "label: read labels"):
        tokens = _tokens(spark, files).observe(
            seen,
            F.count_if("opens").alias("opened"),
            F.count_if("closes").alias("closed"),
            F.count(F.nullif("body", F.lit(""))).alias("rows"),
            *hashed(F.nullif("body", F.lit(""))),
        )
        with readable(names):
            _judged(tokens).write.parquet(str(staging / "labels"))
    if seen.get["opened"] != len(found):
        raise InputError(
            f'{found[0].name} isn\'t a file of labels: it must be one JSON object, {{"target": '
            '{"an id": "Yes" or "No", …}}'
        )
    if seen.get["closed"] != len(found):
        raise InputError(f"{found[0].name} is cut off: the braces that close its object are missing")
    with spark_phase(spark, phases, "label: sort by id"):
        # In the table's order: each page of it is written once.
        judged = spark.read.parquet(str(staging / "labels"))
        accepted = judged.where("reason IS NULL").select("id", "is_fraud", "position").orderBy("id", "position")
        accepted.write.parquet(str(staging / "ordered"))
    reasons = judged.where("reason IS NOT NULL").groupBy("reason").count().collect()
    summary.reasons = {row["reason"]: row["count"] for row in reasons}
    late = pa.table({"position": pa.array([], pa.int64()), "reason": pa.array([], pa.string())})
    if not ids_rise(staging / "ordered"):
        late = repeated(spark.read.parquet(str(staging / "ordered")), ["position"])
        summary.reasons["repeated id"] = late.num_rows
    summary.rows_in = seen.get["rows"]
    summary.quarantined = sum(summary.reasons.values())
    summary.fingerprint = fingerprint(summary.rows_in, seen.get)
    return late


def _tokens(spark: SparkSession, files: list[str]) -> DataFrame:
    """What stands between commas: position, body (a pair, without the object's braces), opens, closes."""
    value = F.col("value")
    braced = value.contains("{") | value.contains("}")
    body = F.regexp_replace(F.regexp_replace(value, _OPENS, ""), _CLOSES, "")
    return spark.read.text(files, lineSep=",").select(
        F.monotonically_increasing_id().alias("position"),
        F.trim(F.translate(F.when(braced, body).otherwise(value), "\t\r\n", "   ")).alias("body"),
        (braced & value.rlike(_OPENS)).alias("opens"),
        (braced & value.rlike(_CLOSES)).alias("closes"),
    )


def _judged(tokens: DataFrame) -> DataFrame:
    """Columns position, id, is_fraud, reason (NULL if the label can be used) and, if not, its text."""
    parts = F.split("body", '"')
    ident, colon, value = F.get(parts, F.lit(1)), F.trim(F.get(parts, F.lit(2))), F.get(parts, F.lit(3))
    is_pair = (F.size(parts) == 5) & (colon == ":") & F.col("body").startswith('"') & F.col("body").endswith('"')
    is_id = ident.rlike("^[0-9]{1,18}$")
    reason = F.when(~is_pair, "not a label").when(~is_id, "bad id").when(~value.isin("Yes", "No"), "unknown label")
    text = F.replace(F.make_valid_utf8("body"), F.lit("\0"), F.lit("\ufffd"))
    return tokens.where("body <> ''").select(
        "position",
        F.when(is_pair & is_id, ident.try_cast("bigint")).alias("id"),
        (value == "Yes").cast("int").alias("is_fraud"),
        reason.alias("reason"),
        F.when(reason.isNotNull(), F.left(text, F.lit(4096))).alias("text"),
    )


def _apply(this: Step, late: pa.Table, phases: Phases) -> None:
    total = this.summary.rows_in - this.summary.quarantined
    with phases.counted("label: apply", total) as on_rows:
        this.summary.loaded = labels.apply(this.store, this.connection, _ordered(this.staging, late), on_rows)
    this.summary.unmatched = total - this.summary.loaded


def _ordered(staging: Path, late: pa.Table) -> Iterator[pa.RecordBatch]:
    keep = ~pc.is_in(pc.field("position"), value_set=late.column("position")) if late.num_rows else None
    for found in ds.dataset(staging / "ordered").to_batches(columns=labels.STAGED.names, filter=keep):
        if found.num_rows:
            yield found.cast(labels.STAGED)


def _quarantine(
    spark: SparkSession,
    settings: Settings,
    run_id: str,
    this: Step,
    late: pa.Table,
    at_most: int | None = None,
) -> None:
    if not this.summary.quarantined:
        return
    judged = spark.read.parquet(str(this.staging / "labels"))
    refused = judged.where("reason IS NOT NULL").select("position", "reason", "text")
    if late.num_rows:
        again = judged.drop("reason", "text").join(F.broadcast(spark.createDataFrame(late)), "position")
        value = F.when(F.col("is_fraud") == 1, "Yes").otherwise("No")
        text = F.format_string('"%s":"%s"', F.col("id").cast("string"), value)
        refused = refused.union(again.select("position", "reason", text))
    first = refused.orderBy("position")
    (first.limit(at_most) if at_most else first).write.parquet(str(this.staging / "refused"))
    file = str(paths.found(settings.labels_path)[0])
    for found in ds.dataset(this.staging / "refused").to_batches():
        rows = found.num_rows
        table = pa.table(
            {
                "file": pa.repeat(file, rows),
                # One object on one line: there are no line numbers to tell.
                "line": pa.nulls(rows, pa.int64()),
                "text": found.column("text"),
                "reason": found.column("reason"),
            }
        )
        runs.quarantine(this.store, this.connection, run_id, "label", table.cast(runs.REFUSED))


def _rate_clusters(settings: Settings, this: Step) -> None:
    by_client = labels.by_client(this.store, this.connection)
    store = parse(settings.clusters_url)
    upgrade(store, "clusters")
    with batch.connect(store) as connection:
        clusters.set_fraud_rates(store, connection, by_client)
