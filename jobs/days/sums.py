"""What came in on each day, made anew from all transactions: the same sums that decisions and reviews keep."""

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fraudstack.storage.sums import FIGURES, KEY, KINDS


def daily(transactions: DataFrame) -> DataFrame:
    """Of each day, kind and value, from transactions.events.COLUMNS: the columns of daily_sums but part and version."""
    known = transactions.select(
        F.date_format(F.timestamp_seconds("seconds"), "yyyy-MM-dd").alias("day"),
        F.lpad(F.pmod(F.floor(F.col("seconds") / 3600), F.lit(24)).cast("string"), 2, "0").alias("hour"),
        F.nullif("channel", F.lit("")).alias("channel"),
        F.col("mcc").cast("string").alias("mcc"),
        F.nullif("state", F.lit("")).alias("state"),
        "cents",
        "flagged_fraud",
        "is_fraud",
    )
    # Of all there is no column: every transaction has an hour.
    by_hour, *others = (_by(known, kind) for kind in KINDS[1:])
    in_all = by_hour.groupBy("day").agg(*(F.sum(name).alias(name) for name in FIGURES))
    every = [in_all.select("day", F.lit("all").alias("kind"), F.lit("").alias("value"), *FIGURES), by_hour, *others]
    return reduce(DataFrame.union, every).select(*KEY, *FIGURES)


def _by(known: DataFrame, kind: str) -> DataFrame:
    told = known.where(F.col(kind).isNotNull())
    return (
        told.groupBy("day", F.col(kind).alias("value"))
        .agg(*_figures())
        .select("day", F.lit(kind).alias("kind"), "value", *FIGURES)
    )


def _figures() -> list[Column]:
    scored, labelled = F.col("flagged_fraud").isNotNull(), F.col("is_fraud").isNotNull()
    flagged, fraud = (F.coalesce(F.col(name) != 0, F.lit(False)) for name in ("flagged_fraud", "is_fraud"))
    counted = (scored, flagged, labelled, fraud, scored & fraud, flagged & labelled, flagged & fraud)
    return [
        F.count("*").alias("transactions"),
        F.sum("cents").alias("cents"),
        *(F.count_if(condition).alias(name) for name, condition in zip(FIGURES[2:], counted, strict=True)),
    ]
