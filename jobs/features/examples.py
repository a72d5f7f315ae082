"""What a model learns from: the features of every transaction, and those of them that have a label."""

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from fraudstack.errors import InputError
from fraudstack.features import DAY
from fraudstack.features.table import NAMES
from fraudstack.model import fit
from fraudstack.model.fit import Examples
from fraudstack.progress import Phases
from fraudstack.settings import Settings
from fraudstack.storage import events
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.store import parse
from jobs.features import fold
from jobs.raw import history
from jobs.spark.phase import spark_phase
from jobs.steps.staging import exported

# A transaction more that is legitimate teaches little when there are millions; nor do so many try a model better.
_MOST_LEGITIMATE, _MOST_TRIED = 2_000_000, 1_000_000
_HASHES = 2**32
# Of a batch that is read.
_ROWS = 65_536


def of_files(
    spark: SparkSession, settings: Settings, delay: int, staging: Path, phases: Phases
) -> tuple[Path, dict[str, str]]:
    """The features of every transaction of the raw files, as Parquet, and the fingerprints of these."""
    transactions, data = history.from_files(spark, settings, staging, phases)
    with spark_phase(spark, phases, "train: transactions with their labels"):
        transactions.write.parquet(str(staging / "events"))
    return _of_events(spark, delay, staging, phases), data


def of_store(spark: SparkSession, settings: Settings, delay: int, staging: Path, phases: Phases) -> Path:
    """The features of every transaction of the store, as Parquet."""
    store = parse(settings.store_url)
    with bulk.connect(store, read_only=True) as connection, phases.phase("train: read transactions") as advance:
        exported(events.stream(store, connection), events.COLUMNS, staging / "events", advance)
    return _of_events(spark, delay, staging, phases)


def _of_events(spark: SparkSession, delay: int, staging: Path, phases: Phases) -> Path:
    folder = staging / "features"
    with spark_phase(spark, phases, "train: features"):
        known = spark.read.parquet(str(staging / "events"))
        fold.point_in_time(known, delay, staging / "clients").write.parquet(str(folder))
    return folder


def labelled(spark: SparkSession, rows: Path, until: int, most_legitimate: int = _MOST_LEGITIMATE) -> Examples:
    """The transactions up to a day whose labels were known with that day's, a delay later.

    Of more legitimate ones than asked for, a share by their ids' hashes.

    The days on which the model is tried are there as a whole, the latest of them that have no more than so many.
    """
    in_time = _known(0, until) & (pc.field("label_day") <= until)
    told = ds.dataset(rows).to_table(columns=["seconds", "is_fraud"], filter=in_time)
    days, places = np.unique(told.column("seconds").to_numpy() // DAY, return_inverse=True)
    fraud = told.column("is_fraud").to_numpy() == 1
    frauds, legitimate = (np.bincount(places[which], minlength=len(days)) for which in (fraud, ~fraud))
    share = min(1.0, most_legitimate / max(1, int(legitimate.sum())))
    if share == 1:
        return _read(ds.dataset(rows), in_time)
    trial = fit.first_of_trial(np.repeat(days, frauds), until)
    later = np.cumsum(legitimate[::-1])[::-1] > _MOST_TRIED
    trial = max(trial, int(days[later].max(initial=-1)) + 1)
    whole = (F.col("is_fraud") == 1) | (F.col("seconds") >= trial * DAY)
    # Which are taken says nothing of when or who.
    taken = F.pmod(F.xxhash64("id"), F.lit(_HASHES)) < int(share * _HASHES)
    figures = [F.col(name).cast("float") for name in NAMES]
    weight = F.when(whole, 1.0).otherwise(1 / share).alias("weight")
    sample = rows.with_name("examples")
    known = F.col("is_fraud").isNotNull() & (F.col("seconds") < (until + 1) * DAY) & (F.col("label_day") <= until)
    every = spark.read.parquet(str(rows)).where(known & (whole | taken))
    some = every.select("id", "client_id", "seconds", "is_fraud", "label_day", weight, *figures)
    some.write.mode("overwrite").parquet(str(sample))
    return _read(ds.dataset(sample))


def labelled_between(rows: Path, first: int, last: int) -> Examples:
    """Every labelled transaction from a day to another."""
    return _read(ds.dataset(rows), _known(first, last))


def _known(first: int, last: int) -> pc.Expression:
    seconds = pc.field("seconds")
    return pc.is_valid(pc.field("is_fraud")) & (seconds >= first * DAY) & (seconds < (last + 1) * DAY)


def _read(dataset: ds.Dataset, wanted: pc.Expression | None = None) -> Examples:
    """In the order of days and ids, whatever the order of the files: the same data give the same model."""
    found = dataset.to_table(columns=["id", "seconds"], filter=wanted)
    if not found.num_rows:
        raise InputError("no transaction up to the last day has a label: the two files don't belong together")
    order = np.lexsort((found.column("id").to_numpy(), found.column("seconds").to_numpy() // DAY))
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    # Each row goes where it belongs at once: of millions there is no room for two copies.
    figures = np.empty((len(order), len(NAMES)), dtype=np.float32)
    others = [name for name in ("client_id", "is_fraud", "label_day", "weight") if name in dataset.schema.names]
    begin = 0
    for batch in dataset.to_batches(
        columns=list(NAMES), filter=wanted, batch_size=_ROWS, batch_readahead=2, fragment_readahead=1
    ):
        figures[places[begin : begin + batch.num_rows]] = fold.matrix(batch)
        begin += batch.num_rows
    told = dataset.to_table(columns=others, filter=wanted).take(order)
    weights = told.column("weight").to_numpy() if "weight" in others else np.ones(len(order))
    return Examples(
        figures,
        found.column("seconds").to_numpy()[order] // DAY,
        told.column("client_id").to_numpy().astype(str),
        told.column("is_fraud").to_numpy().astype(np.int64),
        weights,
        found.column("id").to_numpy()[order],
        told.column("label_day").to_numpy(),
    )


def labelled_days(rows: Path) -> tuple[int, int]:
    """The first day, since 1970, of which a transaction has a label, and the last label day; InputError for none.

    What became known when labels of later days than the newest transaction's would be isn't looked at.
    """
    found = ds.dataset(rows).to_table(columns=["seconds", "is_fraud", "label_day"])
    newest = pc.max(found.column("seconds")).as_py()
    labelled = pc.field("is_fraud").is_valid() & (pc.field("label_day") <= (newest or 0) // DAY)
    days = found.filter(labelled)
    if not days.num_rows:
        raise InputError("no transaction of the store has a label: there is nothing to learn from")
    return pc.min(days.column("seconds")).as_py() // DAY, pc.max(days.column("label_day")).as_py()
