"""What came in on each day, made anew from all transactions: the same sums that decisions and reviews keep."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fraudstack.storage.sums import FIGURES, KEY, KINDS


def daily(transactions: DataFrame) -> DataFrame:
    """Of each day, kind and value, from transactions.events.COLUMNS: the columns of daily_sums but part and version."""
    known = transactions.select(
        F.date_format(F.timestamp_seconds("seconds"), "yyyy-MM-dd").alias("day"),
        F.lit("").alias("all"),
        F.lpad(F.pmod(F.floor(F.col("seconds") / 3600), F.lit(24)).cast("string"), 2, "0").alias("hour"),
        F.nullif("channel", F.lit("")).alias("channel"),
        F.col("mcc").cast("string").alias("mcc"),
        F.nullif("state", F.lit("")).alias("state"),
        "cents",
        "flagged_fraud",
        "is_fraud",
    )
    told = known.unpivot(["day", "cents", "flagged_fraud", "is_fraud"], list(KINDS), "kind", "value")
    return told.dropna(subset="value").groupBy(*KEY).agg(*_figures())


def _figures() -> list[Column]:
    scored, labelled = F.col("flagged_fraud").isNotNull(), F.col("is_fraud").isNotNull()
    flagged, fraud = (F.coalesce(F.col(name) != 0, F.lit(False)) for name in ("flagged_fraud", "is_fraud"))
    counted = (scored, flagged, labelled, fraud, scored & fraud, flagged & labelled, flagged & fraud)
    return [
        F.count("*").alias("transactions"),
        F.sum("cents").alias("cents"),
        *(F.count_if(condition).alias(name) for name, condition in zip(FIGURES[2:], counted, strict=True)),
    ]
