"""The features of every transaction of a history, each by what was known at its time.

Two passes over sorted rows fold what fraudstack.features keeps in memory: clients transaction by transaction, then
merchants, categories, places and channels day by day. Spark hands a partition's rows to a fold in their order.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fraudstack.features import DAY
from fraudstack.features.client import ClientMemory
from fraudstack.features.table import NAMES, RISK_NAMES, ChannelFigures, ClientFigures, MerchantFigures
from fraudstack.features.value import ValueDay, ValueMemory
from fraudstack.profiles.event import FIELDS, Event
from fraudstack.storage.value_days import KINDS, TALLY

_KEPT = ("id", "client_id", "seconds", "cents", "is_fraud", "label_day")
# By which what came of it is told apart.
SEGMENTS = ("channel", "state")
COLUMNS = (*_KEPT, *SEGMENTS, *NAMES)

Arrays = Iterator[pa.Array]


def point_in_time(events: DataFrame, delay: int, folder: Path) -> DataFrame:
    """COLUMNS of every transaction, from transactions.events.COLUMNS.

    Where nobody tells, labels are known `delay` whole days later. What is known of clients is kept in `folder`, which
    is made, until the result is read.
    """
    # Read once for each kind of value, which asks for a few columns: Spark's own cache would give them all each time.
    _of_clients(events, delay).write.parquet(str(folder))
    known = events.sparkSession.read.parquet(str(folder))
    merchants = _of_values(known, "merchant", delay, ValueMemory.of_merchant, MerchantFigures._fields)
    result = known.join(merchants, ["merchant", "day"], "left")
    rates = {kind: (ValueMemory.of_risk, names) for kind, names in RISK_NAMES.items()}
    for kind, (figures_of, names) in {**rates, "channel": (ValueMemory.of_channel, ChannelFigures._fields)}.items():
        risks = _of_values(known, kind, delay, figures_of, names)
        result = result.join(F.broadcast(risks), [kind, "day"], "left")
    return result.select(*COLUMNS)


def _of_clients(events: DataFrame, delay: int) -> DataFrame:
    """Adds day, `ordinary` and the figures of the transaction and its client."""
    names = ClientFigures._fields

    def fold(batches: Arrays) -> Arrays:
        memory, client = ClientMemory(), None
        for batch in batches:
            figures, ordinary = np.empty((len(batch), len(names))), np.empty(len(batch), dtype=bool)
            for place, (*row, fraud_of) in enumerate(rows(batch)):
                event = Event(*row)
                if event.client_id != client:
                    memory, client = ClientMemory(), event.client_id
                figures[place] = memory.features(event, delay)
                ordinary[place] = memory.add(event, fraud_of)
            yield pa.StructArray.from_arrays([pa.array(ordinary), *map(pa.array, figures.T)], ["ordinary", *names])

    folded = folding(fold, f"ordinary boolean, {_doubles(names)}", *FIELDS, fraud_day(delay))
    known = tuple(dict.fromkeys((*_KEPT, *SEGMENTS, *KINDS, "day")))
    in_order = by_client(events).withColumn("label_day", label_day(delay))
    return in_order.select(*known, folded).select(*known, "folded.*")


def by_client(events: DataFrame) -> DataFrame:
    """The events of each client in their order, with their day; text that isn't set is NULL."""
    texts = [name for name, kind in events.dtypes if kind == "string"]
    known = events.withColumns({name: F.nullif(name, F.lit("")) for name in texts})
    return known.withColumn("day", _day()).repartition("client_id").sortWithinPartitions("client_id", "seconds", "id")


def label_day(delay: int) -> Column:
    """The label day of events, as fraudstack.features.labels has it."""
    day = _day()
    return F.when(F.col("known").isNull(), day).otherwise(F.greatest(F.col("known"), day) - delay)


def fraud_day(delay: int) -> Column:
    """The label day of frauds, NULL of what isn't known to be one."""
    return F.when(F.col("is_fraud") == 1, label_day(delay)).alias("fraud_day")


def _day() -> Column:
    return F.floor(F.col("seconds") / DAY).cast("long")


def tallies(known: DataFrame, *key: str) -> DataFrame:
    """What came in on each day with each value: `key`, whose last column is the value, day and the columns TALLY.

    Labels count on their label days, which few have that isn't their transaction's.
    """
    told = known.where(F.col(key[-1]).isNotNull())
    elsewhere = F.col("is_fraud").isNotNull() & (F.col("label_day") != F.col("day"))
    label = F.when(~elsewhere, F.col("is_fraud")).alias("is_fraud")
    came = told.select(*key, "day", F.lit(1).alias("came"), "cents", label, "ordinary")
    none = F.lit(0), F.lit(0).cast("long")
    labels = told.where(elsewhere).select(*key, "label_day", *none, "is_fraud", "ordinary")
    fraud = F.col("is_fraud") == 1
    return (
        came.union(labels)
        .groupBy(*key, "day")
        .agg(
            F.sum("came").alias("transactions"),
            F.sum("cents").alias("cents"),
            F.count("is_fraud").alias("labelled"),
            F.count_if(fraud).alias("frauds"),
            F.count_if(fraud & F.col("ordinary")).alias("ordinary_frauds"),
        )
    )


def _of_values(
    known: DataFrame,
    kind: str,
    delay: int,
    figures_of: Callable[[ValueMemory, int, int], Sequence[float]],
    names: tuple[str, ...],
) -> DataFrame:
    """A row per value and day on which it was seen, with the figures of that day by the days before."""

    def fold(batches: Arrays) -> Arrays:
        memory, current = ValueMemory(), None
        for batch in batches:
            figures = np.empty((len(batch), len(names)))
            for place, (value, *row) in enumerate(rows(batch)):
                if value != current:
                    memory, current = ValueMemory(), value
                figures[place] = figures_of(memory, row[0], delay)
                memory.add(ValueDay(*row))
            yield pa.StructArray.from_arrays(list(map(pa.array, figures.T)), list(names))

    in_order = tallies(known, kind).repartition(kind).sortWithinPartitions(kind, "day")
    folded = folding(fold, _doubles(names), kind, "day", *TALLY)
    return in_order.select(kind, "day", folded).select(kind, "day", "folded.*")


def folding(fold: Callable[[Arrays], Arrays], schema: str, *columns: str | Column) -> Column:
    """A struct `folded` of each row, by a function that sees the columns of all rows before it in the partition."""
    # Its hints tell Spark what it is; written out, since this module's are not evaluated there.
    fold.__annotations__ = {"batches": Iterator[pa.Array], "return": Iterator[pa.Array]}
    # To the optimizer a function that depends on nothing but its row would make the sort below it useless.
    depends = F.arrow_udf(fold, schema).asNondeterministic()  # type: ignore[attr-defined]
    folded: Column = depends(F.struct(*columns)).alias("folded")
    return folded


def rows(batch: pa.Array) -> Iterator[tuple[Any, ...]]:
    """The rows of a struct's columns."""
    return zip(*(column.to_pylist() for column in batch.flatten()), strict=True)


def _doubles(names: tuple[str, ...]) -> str:
    return ", ".join(f"{name} double" for name in names)


def matrix(batch: pa.RecordBatch | pa.StructArray) -> NDArray[np.float32]:
    """The features (n, NAMES) of rows that have columns of their names, as models take them."""
    return exact(batch).astype(np.float32)


def exact(batch: pa.RecordBatch | pa.StructArray) -> NDArray[np.float64]:
    """The same in full; what isn't known is NaN."""
    columns = (batch.field(name) if isinstance(batch, pa.StructArray) else batch.column(name) for name in NAMES)
    return np.column_stack([column.to_numpy(zero_copy_only=False) for column in columns])
