"""What rules and a model would have done with the store's history: the scorer's own decisions, each made anew."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import numpy as np
from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from fraudstack.errors import InputError
from fraudstack.features import DAY
from fraudstack.model.artefact import Model
from fraudstack.progress import Phases
from fraudstack.report.backtest import Alert, Backtest, Change, Counts, Month, Way, total
from fraudstack.rules.config import Rules, RulesFile
from fraudstack.settings import Settings
from fraudstack.storage import events
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.store import parse
from fraudstack.storage.lists import bulk as lists
from jobs.features import fold
from jobs.features.replay import decided
from jobs.features.scoring import probabilities
from jobs.spark.phase import spark_phase
from jobs.steps.staging import check_folder, exported

# Alerts of which a person sees the sentence.
_MOST_ALERTS = 100
# Bars to a power of ten, down to the least probability and the least loss in units of the currency.
_STEPS, _LEAST, _LEAST_LOSS = 20, 1e-4, 1e-2
_WAYS = ("new", "old")
# The first and the last, since 1970.
type Days = tuple[int | None, int | None]


def run(
    spark: SparkSession,
    settings: Settings,
    rules: Sequence[tuple[str, Rules]],
    models: Sequence[Model],
    delay: int,
    phases: Phases,
    days: Days = (None, None),
) -> Backtest:
    """Decide every transaction by each of one or two named rules, the second to compare with; writes nothing.

    Each model speaks from the day on which it could have been in force until the next one does, and figures are of the
    days on which one speaks. `days` since 1970 bound them further, both included.
    """
    models = sorted(models, key=lambda model: model.first_in_force)
    store = parse(settings.store_url)
    with check_folder(settings) as staging:
        with bulk.connect(store, read_only=True) as connection, phases.phase("backtest: read transactions") as advance:
            exported(events.stream(store, connection), events.COLUMNS, staging / "events", advance)
            listed = lists.every(connection)
        history = spark.read.parquet(str(staging / "events"))
        if models:
            with spark_phase(spark, phases, "backtest: model"):
                figures = fold.point_in_time(history, models[0].label_delay, staging / "clients")
                speakers = [(model.first_in_force, model) for model in models]
                probabilities(figures, speakers).write.parquet(str(staging / "said"))
            history = history.join(spark.read.parquet(str(staging / "said")), "id", "left")
        ways = dict(zip(_WAYS, (one.file for _, one in rules), strict=False))
        with spark_phase(spark, phases, "backtest: decide"):
            decided(history, ways, delay, listed).write.parquet(str(staging / "decided"))
        with spark_phase(spark, phases, "backtest: figures"):
            return _figures(spark, staging / "decided", settings.currency, rules, models, delay, days)


def _figures(
    spark: SparkSession,
    folder: Path,
    currency: str,
    rules: Sequence[tuple[str, Rules]],
    models: Sequence[Model],
    delay: int,
    days: Days,
) -> Backtest:
    first, last = days
    found = spark.read.parquet(str(folder))
    if models:
        first = max(models[0].first_in_force, first or 0)
    if first is not None:
        found = found.where(F.col("seconds") >= first * DAY)
    if last is not None:
        found = found.where(F.col("seconds") < (last + 1) * DAY)
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
        raise InputError(f"the store has no transaction{_bounds(models, days)}: there is nothing to decide")
    version = ", ".join(model.version for model in models) or None
    length = whole["last"] - whole["first"] + 1
    ways = [
        _in_money(Way(name, one.version, version, *_of_way(found, way, fraud)), found, way, fraud, one.file, length)
        for way, (name, one) in zip(_WAYS, rules, strict=False)
    ]
    return Backtest(
        first=_date(whole["first"]),
        last=_date(whole["last"]),
        days=length,
        transactions=whole["transactions"],
        labelled=whole["labelled"],
        frauds=whole["frauds"],
        cents=whole["cents"],
        currency=currency,
        label_delay=delay,
        ways=ways,
        change=_change(found, fraud) if len(ways) > 1 else None,
        trained_until=str(models[0].facts["trained"]["until"]) if models else None,
        thresholds=_bars(found, fraud, F.col("probability"), _LEAST) if models else (),
        losses=_bars(found, fraud, F.col("probability") * F.abs("cents") / 100, _LEAST_LOSS) if models else (),
    )


def _bounds(models: Sequence[Model], days: Days) -> str:
    """In words, which transactions were asked for; empty where all were."""
    first, last = days
    said = [f"from {_date(first)} on"] if first is not None else []
    if last is not None:
        said.append(f"until {_date(last)}")
    if models:
        said.append(f"from {_date(models[0].first_in_force)} on, when the model could have been in force")
    return f" {' and '.join(said)}" if said else ""


def _in_money(way: Way, found: DataFrame, column: str, fraud: Column, rules: RulesFile, days: int) -> Way:
    """A way with what its costs and its budget come to, where it states them."""
    alert, loss = (F.col(f"{column}.{name}") for name in ("suspicious", "loss"))
    budget, fixed, within, least = rules.budget, None, None, None
    # One threshold for all, so low that as many alerts come of it.
    threshold = F.col(f"{column}.alerted_up_to")
    if rules.costs is not None:
        several = found.where(threshold > 0).orderBy(F.desc(threshold), "id").limit(way.counts.alerts)
        fixed = _counts(several.agg(*_counted(fraud)).collect()[0])
    if budget is not None:
        some = alert & (loss >= F.lit(budget.least_loss or 0.0))
        within = _counts(found.agg(*_counted(fraud, some)).collect()[0])
        # With costs only what is worth it is an alert; else whatever a model speaks of may become one.
        candidates = found.where(alert if rules.costs is not None else alert | F.col("probability").isNotNull())
        wanted = round(budget.alerts_a_day * days)
        best = candidates.where(loss > 0).select(loss.alias("loss")).orderBy(F.desc("loss")).limit(max(wanted, 1))
        least = best.agg(F.min("loss")).collect()[0][0]
    return replace(way, costs=rules.costs, fixed=fixed, budget=budget, within=within, least_loss=least)


def _bars(found: DataFrame, fraud: Column, figure: Column, least: float) -> list[tuple[float, Counts]]:
    """Alerts by a figure of the model's alone, from each of some bars on, which fall."""
    step = F.floor(-F.log10(F.greatest(figure, F.lit(least))) * _STEPS)
    known = found.where(F.col("probability").isNotNull())
    rows = known.groupBy(step.alias("step")).agg(*_counted(fraud)).orderBy("step").collect()
    counts = list(accumulate(map(_counts, rows), lambda one, other: total([one, other])))
    return [(10 ** -((row["step"] + 1) / _STEPS), whole) for row, whole in zip(rows, counts, strict=True)]


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
