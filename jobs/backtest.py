"""What rules and a model would have done with the store's history: the scorer's own decisions, each made anew."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from fraudstack.errors import InputError
from fraudstack.features import DAY
from fraudstack.model.artefact import Model
from fraudstack.progress import Phases
from fraudstack.report.backtest import Alert, Backtest, Change, Counts, Month, Way, total
from fraudstack.rules.config import Rules
from fraudstack.settings import Settings
from fraudstack.storage import events
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.store import parse
from jobs.features import fold
from jobs.features.replay import decided
from jobs.features.scoring import probabilities
from jobs.spark.phase import spark_phase
from jobs.steps.staging import check_folder, exported

# Alerts of which a person sees the sentence.
_MOST_ALERTS = 100
_WAYS = ("new", "old")


def run(
    spark: SparkSession,
    settings: Settings,
    rules: Sequence[tuple[str, Rules]],
    model: Model | None,
    delay: int,
    phases: Phases,
) -> Backtest:
    """Decide every transaction by each of one or two named rules, the second to compare with; writes nothing.

    With a model the figures are of the days after those that it had learned from.
    """
    store = parse(settings.store_url)
    with check_folder(settings) as staging:
        with bulk.connect(store, read_only=True) as connection, phases.phase("backtest: read transactions") as advance:
            exported(events.stream(store, connection), events.COLUMNS, staging / "events", advance)
        history = spark.read.parquet(str(staging / "events"))
        if model is not None:
            with spark_phase(spark, phases, "backtest: model"):
                figures = fold.point_in_time(history, model.label_delay)
                probabilities(figures, [(model.first_unseen, model)]).write.parquet(str(staging / "said"))
            history = history.join(spark.read.parquet(str(staging / "said")), "id", "left")
        ways = dict(zip(_WAYS, (one.file for _, one in rules), strict=False))
        with spark_phase(spark, phases, "backtest: decide"):
            decided(history, ways, delay).write.parquet(str(staging / "decided"))
        with spark_phase(spark, phases, "backtest: figures"):
            return _figures(spark, staging / "decided", settings.currency, rules, model, delay)


def _figures(
    spark: SparkSession,
    folder: Path,
    currency: str,
    rules: Sequence[tuple[str, Rules]],
    model: Model | None,
    delay: int,
) -> Backtest:
    found = spark.read.parquet(str(folder))
    if model is not None:
        found = found.where(F.col("seconds") >= model.first_unseen * DAY)
    day = F.floor(F.col("seconds") / DAY)
    fraud = F.coalesce(F.col("is_fraud") == 1, F.lit(False))
    whole = found.agg(
        F.min(day).alias("first"),
        F.max(day).alias("last"),
        F.count("*").alias("transactions"),
        F.count("is_fraud").alias("labelled"),
        F.count_if(fraud).alias("frauds"),
        _cents(fraud),
    ).first()
    if whole is None or whole["first"] is None:
        after = f" after {model.facts['trained']['until']}, the last day that the model learned from" if model else ""
        raise InputError(f"the store has no transaction{after}: there is nothing to decide")
    version = model.version if model else None
    ways = [
        Way(name, one.version, version, *_of_way(found, way, fraud))
        for way, (name, one) in zip(_WAYS, rules, strict=False)
    ]
    return Backtest(
        first=_date(whole["first"]),
        last=_date(whole["last"]),
        days=whole["last"] - whole["first"] + 1,
        transactions=whole["transactions"],
        labelled=whole["labelled"],
        frauds=whole["frauds"],
        cents=whole["cents"],
        currency=currency,
        label_delay=delay,
        ways=ways,
        change=_change(found, fraud) if len(ways) > 1 else None,
        trained_until=str(model.facts["trained"]["until"]) if model else None,
    )


def _of_way(found: DataFrame, way: str, fraud: Column) -> tuple[Counts, list[tuple[str, Counts]], list[Month]]:
    alert = F.col(f"{way}.suspicious")
    alerts = found.where(alert)
    by_code = alerts.withColumn("code", F.explode(F.array_distinct(F.col(f"{way}.codes")))).groupBy("code")
    reasons = [(row["code"], _counts(row)) for row in by_code.agg(*_counted(fraud)).orderBy("code").collect()]
    month = F.date_format(F.timestamp_seconds("seconds"), "yyyy-MM").alias("month")
    months = found.groupBy(month).agg(
        F.count("*").alias("transactions"),
        F.count_if(fraud).alias("all_frauds"),
        *_counted(fraud, alert),
    )
    by_month = [
        Month(row["month"], row["transactions"], row["all_frauds"], _counts(row))
        for row in months.orderBy("month").collect()
    ]
    return total(month.counts for month in by_month), reasons, by_month


def _change(found: DataFrame, fraud: Column) -> Change:
    new, old = (F.col(f"{way}.suspicious") for way in _WAYS)
    row = found.agg(
        *_counted(fraud, new & old, "both_"),
        *_counted(fraud, new & ~old, "gained_"),
        *_counted(fraud, ~new & old, "lost_"),
    ).first()
    assert row is not None  # noqa: S101 - an aggregate without groups has a row
    differ = found.where(new != old).select(
        new.alias("gained"),
        F.when(new, F.col("new.score")).otherwise(F.col("old.score")).alias("score"),
        F.when(new, F.col("new.reason")).otherwise(F.col("old.reason")).alias("reason"),
        F.date_format(F.timestamp_seconds("seconds"), "yyyy-MM-dd HH:mm:ss").alias("date"),
        "id",
        "cents",
        "is_fraud",
    )
    alerts = [
        Alert(one["gained"], one["id"], one["date"], one["cents"], one["score"], one["reason"], one["is_fraud"])
        for one in differ.orderBy(F.desc("score"), "id").limit(_MOST_ALERTS).collect()
    ]
    return Change(_counts(row, "both_"), _counts(row, "gained_"), _counts(row, "lost_"), alerts)


def _counted(fraud: Column, alert: Column | None = None, prefix: str = "") -> list[Column]:
    alert = F.lit(True) if alert is None else alert
    return [
        F.count_if(alert).alias(f"{prefix}alerts"),
        F.count_if(alert & F.col("is_fraud").isNotNull()).alias(f"{prefix}labelled"),
        F.count_if(alert & fraud).alias(f"{prefix}frauds"),
        _cents(alert & fraud, prefix),
    ]


def _cents(condition: Column, prefix: str = "") -> Column:
    # A refund is no money lost.
    spent = F.greatest(F.col("cents"), F.lit(0))
    return F.coalesce(F.sum(F.when(condition, spent)), F.lit(0)).alias(f"{prefix}cents")


def _counts(row: Row, prefix: str = "") -> Counts:
    return Counts(*(row[f"{prefix}{name}"] for name in Counts.__dataclass_fields__))


def _date(day: int) -> str:
    return str(np.datetime64(day, "D"))
