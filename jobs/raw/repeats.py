"""Ids that stand more than once in an input: the first is kept; the same again is counted, other content refused."""

from functools import reduce
from operator import and_
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F


def ids_rise(rows: Path, accepted: pc.Expression | None = None) -> bool:
    """Whether ids strictly rise through staged rows, as they do in the real files: then none is repeated."""
    last = -1
    for found in ds.dataset(rows).to_batches(columns=["id"], filter=accepted):
        ids = found.column("id")
        if len(ids):
            previous = pa.concat_arrays([pa.array([last], pa.int64()), ids.slice(0, len(ids) - 1)])
            if not pc.all(pc.greater(ids, previous)).as_py():
                return False
            last = ids[-1].as_py()
    return True


def repeated(rows: DataFrame, order: list[str], content: list[str]) -> pa.Table:
    """Columns position and reason of every row whose id stands in an earlier row, earlier by `order`.

    reason is NULL where it says the same as the first one, in all columns of `content`.
    """
    of_id = Window.partitionBy("id").orderBy(*order)
    first = rows.withColumn("first", F.first(F.struct(*content)).over(of_id))
    late = first.withColumn("nth", F.row_number().over(of_id)).where("nth > 1")
    same = reduce(and_, (F.col(name).eqNullSafe(F.col(f"first.{name}")) for name in content))
    return late.select("position", F.when(~same, "repeated id").alias("reason")).toArrow()
