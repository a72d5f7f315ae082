"""On which days each card, merchant and amount was seen, made of all transactions."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fraudstack.storage.days_seen.bulk import COLUMNS

_DAY_SECONDS = 86_400
# As storage.days_seen.DAY reads it.
_DAY = np.dtype([("day", "<u2"), ("transactions", "<u4")])
# A card's days of a year may be hundreds.
_BATCH = 8_192


def seen(transactions: DataFrame) -> DataFrame:
    """Of each kind, value and year, from transactions.events.COLUMNS: its `days` are structs of a day and a count."""
    known = transactions.select(
        F.floor(F.col("seconds") / _DAY_SECONDS).cast("int").alias("day"),
        F.nullif("card", F.lit("")).alias("card"),
        F.nullif("merchant", F.lit("")).alias("merchant"),
        F.col("cents").cast("string").alias("amount"),
    )
    told = known.unpivot("day", ["card", "merchant", "amount"], "kind", "told").dropna()
    is_amount = F.col("kind") == "amount"
    return (
        told.groupBy("kind", "told", "day")
        .agg(F.count("*").cast("int").alias("transactions"))
        .groupBy("kind", "told", F.year(F.date_from_unix_date("day")).alias("year"))
        .agg(F.sort_array(F.collect_list(F.struct("day", "transactions"))).alias("days"))
        .select(
            "kind",
            F.when(is_amount, "").otherwise(F.col("told")).alias("value"),
            F.when(is_amount, F.col("told")).otherwise("0").cast("bigint").alias("cents"),
            "year",
            "days",
        )
        .orderBy("kind", "value", "cents", "year")
    )


def encoded(made: ds.Dataset) -> Iterator[pa.RecordBatch]:
    """The rows of `seen` as the store keeps them."""
    for batch in made.to_batches(batch_size=_BATCH):
        lists = batch.column("days")
        flat, offsets = lists.flatten(), lists.offsets.to_numpy()
        days = np.empty(len(flat), _DAY)
        for name in days.dtype.names or ():
            days[name] = flat.field(name).to_numpy()
        ends = ((offsets - offsets[0]) * _DAY.itemsize).astype(np.int32)
        packed = pa.Array.from_buffers(
            pa.binary(), len(lists), [None, pa.py_buffer(ends), pa.py_buffer(days.tobytes())]
        )
        yield pa.RecordBatch.from_arrays([*batch.drop_columns(["days"]).columns, packed], schema=COLUMNS)
