"""The labels become transactions.is_fraud by id; what is unlabelled stays NULL, and without labels all does."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from fraudstack.errors import InputError
from fraudstack.progress import Phases
from fraudstack.settings import Settings
from fraudstack.storage import clusters, labels, outdated
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.store import parse
from fraudstack.storage.loads import bulk as loads_bulk
from fraudstack.storage.outdated import bulk as rebuild
from fraudstack.storage.runs import bulk as runs
from fraudstack.storage.transactions import bulk as transactions
from fraudstack.storage.upgrade import upgrade
from jobs.raw.labels import FILE_BITS, are_given, files_of, judge
from jobs.steps.staging import check_folder
from jobs.steps.summary import KEPT_OF_A_FAILURE, Summary, check_share
from jobs.steps.turn import Step, step


def run(spark: SparkSession, settings: Settings, run_id: str, phases: Phases) -> Summary:
    """Apply TX_LABELS_PATH to the store, if there are labels, then fill the fraud_rate of clusters of a first load.

    Raises InputError, with the store's transactions as they were, when a file that was named is missing or holds
    no labels, or more than TX_MAX_REJECT_SHARE of its labels can't be used.
    """
    with step(settings, run_id, "label", phases) as this:
        if are_given(settings, this.summary):
            late = judge(spark, settings, this.staging, this.summary, phases)
            try:
                check_share(settings, this.summary, settings.labels_path)
            except InputError:
                _quarantine(spark, settings, run_id, this, late, at_most=KEPT_OF_A_FAILURE)
                raise
            _quarantine(spark, settings, run_id, this, late)
            _apply(settings, this, run_id, late, phases)
        if rebuild.is_due(this.connection, outdated.PROFILES):
            # Else they are rated when clients are grouped, by sums.
            with phases.phase("label: fraud rate of the clusters"):
                _rate_clusters(settings, this)
    return this.summary


def check(spark: SparkSession, settings: Settings, phases: Phases) -> Summary:
    """Say what `run` would refuse, without writing to the store; raises InputError where it would."""
    summary = Summary("label")
    if are_given(settings, summary):
        with check_folder(settings) as staging:
            judge(spark, settings, staging, summary, phases)
        check_share(settings, summary, settings.labels_path)
        summary.loaded = summary.rows_in - summary.quarantined - summary.repeated
    return summary


def _apply(settings: Settings, this: Step, run_id: str, late: pa.Table, phases: Phases) -> None:
    total = this.summary.rows_in - this.summary.quarantined - this.summary.repeated
    most = transactions.most_entered(this.connection, settings.bulk_share)
    with phases.counted("label: apply", total) as on_rows:
        of = loads_bulk.begin(this.connection, run_id, "label")
        given = _ordered(this.staging, late)
        this.summary.loaded = labels.apply(this.store, this.connection, given, on_rows, most, of)
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
    judged = spark.read.parquet(str(this.staging / "labels" / "*"))
    refused = judged.where("reason IS NOT NULL AND reason <> 'nothing'").select("position", "line", "reason", "text")
    clashing = late.filter(pc.is_valid(late.column("reason")))
    if clashing.num_rows:
        again = judged.drop("reason").join(F.broadcast(spark.createDataFrame(clashing)), "position")
        value = F.when(F.col("is_fraud") == 1, "Yes").otherwise("No")
        text = F.coalesce("text", F.format_string('"%s":"%s"', F.col("id").cast("string"), value))
        refused = refused.union(again.select("position", "line", "reason", text))
    first = refused.orderBy("position")
    (first.limit(at_most) if at_most else first).write.parquet(str(this.staging / "refused"))
    names = pa.array([packed.name for packed in files_of(settings)])
    for found in ds.dataset(this.staging / "refused").to_batches():
        numbers = pc.shift_right(found.column("position"), FILE_BITS)
        table = pa.table({"file": names.take(numbers), **{name: found.column(name) for name in runs.REFUSED.names[1:]}})
        runs.quarantine(this.store, this.connection, run_id, "label", table.cast(runs.REFUSED))


def _rate_clusters(settings: Settings, this: Step) -> None:
    by_client = labels.by_client(this.store, this.connection)
    store = parse(settings.clusters_url)
    upgrade(store, "clusters")
    with bulk.connect(store) as connection:
        clusters.set_fraud_rates(store, connection, by_client)
