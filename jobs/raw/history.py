"""Transactions and labels straight from raw files, without a store: what models are made of and tried on."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from fraudstack.features import DAY
from fraudstack.progress import Phases
from fraudstack.settings import Settings
from fraudstack.storage.events import COLUMNS
from fraudstack.storage.forms import COMPARED, KEPT
from jobs.raw import labels, transactions
from jobs.steps.summary import Summary, check_share

# Of each text of an event: the column of the raw files, and its form.
_TEXTS = {
    "client_id": ("client_id", KEPT["client_id"]),
    "card": ("card_id", KEPT["card_id"]),
    "merchant": ("merchant_id", KEPT["merchant_id"]),
    "channel": ("use_chip", lambda text: (kept := KEPT["use_chip"](text)) and COMPARED["channel"](kept)),
    "city": ("merchant_city", lambda text: (kept := KEPT["merchant_city"](text)) and COMPARED["city"](kept)),
    "state": ("merchant_state", lambda text: (kept := KEPT["merchant_state"](text)) and COMPARED["state"](kept)),
    "errors": ("errors", KEPT["errors"]),
}


def from_files(
    spark: SparkSession, settings: Settings, staging: Path, phases: Phases
) -> tuple[DataFrame, dict[str, str]]:
    """Every transaction of TX_CSV_PATH that can be read, with its label: storage.events.COLUMNS.

    A label is that of TX_LABELS_PATH, or what a row says of itself by TX_COLUMNS. Also the fingerprints of both.
    Raises InputError where an ingest of these files would.
    """
    summary = Summary("clean")
    judged = transactions.judge(spark, settings, staging, phases)
    summary.rows_in, summary.quarantined, summary.reasons = judged.rows_in, judged.quarantined, judged.reasons
    check_share(settings, summary, settings.csv_path)
    rows = spark.read.parquet(str(judged.rows)).where("reason IS NULL")
    if judged.refused.num_rows:
        refused = spark.createDataFrame(judged.refused.select(["position"]))
        rows = rows.join(F.broadcast(refused), "position", "left_anti")
    of_labels = Summary("label", fingerprint=judged.fingerprint)
    carried = "is_fraud" in rows.columns
    if not carried or labels.are_given(settings, of_labels):
        late = labels.judge(spark, settings, staging, of_labels, phases)
        check_share(settings, of_labels, settings.labels_path)
        known = spark.read.parquet(str(staging / "ordered"))
        if late.num_rows:
            known = known.join(F.broadcast(spark.createDataFrame(late)), "position", "left_anti")
        rows = rows.withColumnRenamed("is_fraud", "carried").join(
            known.select("id", "is_fraud", F.floor(F.unix_seconds("known_at") / DAY).alias("known")), "id", "left"
        )
        if carried:
            rows = rows.withColumn("is_fraud", F.coalesce("is_fraud", "carried"))
    events = rows.select(
        "id",
        "client_id",
        F.unix_seconds(F.col("date").cast("timestamp")).alias("seconds"),
        "cents",
        F.col("card_id").alias("card"),
        F.col("use_chip").alias("channel"),
        F.col("merchant_id").alias("merchant"),
        F.col("merchant_city").alias("city"),
        F.col("merchant_state").alias("state"),
        "mcc",
        "errors",
        F.lit(None).cast("int").alias("flagged_fraud"),
        "is_fraud",
        F.col("known").cast("long") if "known" in rows.columns else F.lit(None).cast("long").alias("known"),
    ).select(*COLUMNS.names)
    return compared(events, judged.rows), {"transactions": judged.fingerprint, "labels": str(of_labels.fingerprint)}


def compared(events: DataFrame, rows: Path) -> DataFrame:
    """Events with their texts as transactions.events has them; `rows` are those of the files they came from."""
    for name, (column, form) in _TEXTS.items():
        found: set[str] = set()
        for batch in ds.dataset(rows).to_batches(columns=[column]):
            found.update(pc.unique(batch.column(column)).drop_null().to_pylist())
        # Most are their own form: what is left is few.
        others = {text: form(text) or "" for text in found if form(text) != text}
        if others:
            made = pa.table({name: list(others), "made": list(others.values())})
            joined = events.join(F.broadcast(events.sparkSession.createDataFrame(made)), name, "left")
            events = joined.withColumn(name, F.coalesce("made", name)).drop("made")
    return events.select(*COLUMNS.names)


def days_of(rows: Path) -> tuple[int, int]:
    """First and last day, since 1970, of rows with a column seconds."""
    seconds = ds.dataset(rows).to_table(columns=["seconds"]).column("seconds")
    found = pc.min_max(seconds).as_py()
    return found["min"] // 86400, found["max"] // 86400
