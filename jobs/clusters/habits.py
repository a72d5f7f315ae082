"""The features by which clients are grouped: of the sums that are kept of a client, or of all transactions."""

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fraudstack.profiles.event import HOME_STATES

# Per client, each in its own unit; the columns of transactions_clusters.
FEATURES = (
    "spend",  # sum of what was bought, units of currency
    "average",  # mean purchase, units of currency
    "spread",  # standard deviation of purchases, units of currency
    "transaction_count",
    "online_share",  # of transactions, 0 to 1, as the other shares
    "merchants",  # distinct
    "night_share",  # from 0 to 5 o'clock
    "foreign_share",
    "refund_share",
    "active_days",  # from the first to the last transaction
)
NIGHT_ENDS = 6


def of_sums(sums: Mapping[str, Any]) -> dict[str, float]:
    """FEATURES of a client, from a row of storage.clusters.sums."""
    several, bought, cents = sums["transactions"], sums["bought"], sums["bought_cents"]
    # Whole numbers, and so without a rounding until the root is taken.
    spread = bought * int(sums["bought_squares"]) - cents * cents
    days = date.fromisoformat(sums["last"]) - date.fromisoformat(sums["first"])
    return {
        "spend": cents / 100,
        "average": cents / bought / 100 if bought else 0.0,
        "spread": math.sqrt(max(spread, 0)) / bought / 100 if bought else 0.0,
        "transaction_count": float(several),
        "online_share": sums["online"] / several,
        "merchants": float(sums["merchants"]),
        "night_share": sums["night"] / several,
        "foreign_share": sums["abroad"] / several,
        "refund_share": sums["refunds"] / several,
        "active_days": float(days.days),
    }


def of_transactions(transactions: DataFrame) -> DataFrame:
    """A row per client with FEATURES, from rows of storage.clusters.HABITS."""
    # Doubles of whole cents add up exactly to 2**53, and so in any order: the same store gives the same figures.
    cents = F.round(F.col("amount") * 100)
    bought = F.when(cents > 0, cents)
    average = F.avg(bought)
    variance = F.avg(bought * bought) - average * average
    date = F.col("date")
    # A US code has two letters, other countries are written out.
    foreign = F.coalesce(~F.col("merchant_state").isin("", *HOME_STATES), F.lit(False))

    def share(condition: Column) -> Column:
        return F.avg(F.coalesce(condition, F.lit(False)).cast("double"))

    return transactions.groupBy("client_id").agg(
        (F.coalesce(F.sum(bought), F.lit(0.0)) / 100).alias("spend"),
        (F.coalesce(average, F.lit(0.0)) / 100).alias("average"),
        (F.sqrt(F.greatest(variance, F.lit(0.0))) / 100).alias("spread"),
        F.count("*").cast("double").alias("transaction_count"),
        share(F.col("use_chip") == "Online Transaction").alias("online_share"),
        F.count_distinct("merchant_id").cast("double").alias("merchants"),
        share(F.hour(date) < NIGHT_ENDS).alias("night_share"),
        share(foreign).alias("foreign_share"),
        share(cents < 0).alias("refund_share"),
        F.datediff(F.max(date), F.min(date)).cast("double").alias("active_days"),
    )
