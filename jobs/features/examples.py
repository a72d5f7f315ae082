"""What a model learns from: the features of every transaction, and those of them that have a label."""

from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark.sql import SparkSession

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

# A transaction more that is legitimate teaches little when there are millions.
_MOST_LEGITIMATE = 2_000_000


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
        fold.point_in_time(spark.read.parquet(str(staging / "events")), delay).write.parquet(str(folder))
    return folder


def labelled(rows: Path, until: int, most_legitimate: int | None = _MOST_LEGITIMATE) -> Examples:
    """The labelled transactions up to a day; of more legitimate ones than asked for, a share by their ids' hashes.

    The days on which the model is tried are there as a whole.
    """
    dataset = ds.dataset(rows)
    labelled = pc.is_valid(pc.field("is_fraud")) & (pc.field("seconds") < (until + 1) * DAY)
    legitimate = dataset.count_rows(filter=labelled & (pc.field("is_fraud") == 0))
    frauds = dataset.to_table(columns=["seconds"], filter=labelled & (pc.field("is_fraud") == 1))
    trial = fit.first_of_trial(frauds.column("seconds").to_numpy() // DAY, until)
    share = 1.0 if most_legitimate is None else min(1.0, most_legitimate / max(1, legitimate))

    def weighed(found: Examples) -> Examples:
        whole = (found.frauds == 1) | (found.days >= trial)
        # Knuth's multiplicative hash: which are taken says nothing of when or who.
        hashed = (found.ids.astype(np.uint64) * np.uint64(11400714819323198485)) >> np.uint64(32)
        weights = np.where(whole, 1.0, 1 / share)
        return replace(found, weights=weights).where(whole | (hashed < share * 2**32))

    return _together(weighed(part) if share < 1 else part for part in _read(dataset, labelled))


def labelled_between(rows: Path, first: int, last: int) -> Examples:
    """Every labelled transaction from a day to another."""
    seconds = pc.field("seconds")
    within = (seconds >= first * DAY) & (seconds < (last + 1) * DAY)
    return _together(_read(ds.dataset(rows), pc.is_valid(pc.field("is_fraud")) & within))


def _read(dataset: ds.Dataset, wanted: pc.Expression) -> Iterator[Examples]:
    for found in dataset.to_batches(columns=["id", "client_id", "seconds", "is_fraud", *NAMES], filter=wanted):
        if found.num_rows:
            yield Examples(
                fold.matrix(found),
                found.column("seconds").to_numpy() // DAY,
                found.column("client_id").to_numpy(zero_copy_only=False).astype(str),
                found.column("is_fraud").to_numpy().astype(np.int64),
                np.ones(found.num_rows),
                found.column("id").to_numpy(),
            )


def _together(found: Iterable[Examples]) -> Examples:
    parts = list(found)
    if not parts:
        raise InputError("no transaction up to the last day has a label: the two files don't belong together")
    whole = Examples(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Examples)))
    # In the order of days and ids, whatever the order of the files: the same data give the same model.
    return whole.where(np.lexsort((whole.ids, whole.days)))


def labelled_days(rows: Path) -> tuple[int, int]:
    """First and last day, since 1970, of which a transaction has a label; raises InputError where none has."""
    found = ds.dataset(rows).to_table(columns=["seconds"], filter=pc.field("is_fraud").is_valid())
    if not found.num_rows:
        raise InputError("no transaction of the store has a label: there is nothing to learn from")
    extent = pc.min_max(found.column("seconds")).as_py()
    return extent["min"] // DAY, extent["max"] // DAY
