"""What is usual for each client, what came in on each day and when values were seen, made of all transactions.

The scorer goes on meanwhile: a client whose profile it changed since this job read the store is made again, alone,
from the store as it is then.
"""

import pyarrow.dataset as ds
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from fraudstack.profiles.event import HOME, HOME_STATES, KINDS, ONLINE
from fraudstack.profiles.profile import LOG_SCALE
from fraudstack.progress import Phases
from fraudstack.settings import Settings
from fraudstack.storage import events, outdated
from fraudstack.storage.days_seen import bulk as days_seen_bulk
from fraudstack.storage.outdated import bulk as rebuild
from fraudstack.storage.profiles import bulk as profiles_bulk
from fraudstack.storage.sums import bulk as sums_bulk
from fraudstack.storage.velocity import bulk as velocity_bulk
from jobs.days import seen as days_seen
from jobs.days import sums
from jobs.spark.phase import spark_phase
from jobs.steps.staging import exported
from jobs.steps.summary import Summary
from jobs.steps.turn import step

_PURCHASES = ("purchases", "cents", "logs", "squares")


def run(spark: SparkSession, settings: Settings, run_id: str, phases: Phases) -> Summary:
    """Put fresh profiles in the place of the old, in short transactions; loaded counts transactions."""
    with step(settings, run_id, "profiles", phases) as this:
        versions, days = profiles_bulk.versions(this.connection), sums_bulk.versions(this.connection)
        with phases.phase("profiles: read transactions") as advance:
            this.summary.rows_in = this.summary.loaded = exported(
                events.stream(this.store, this.connection), events.COLUMNS, this.staging / "events", advance
            )
        with spark_phase(spark, phases, "profiles: sums per client"):
            exchanged = spark.read.parquet(str(this.staging / "events"))
            known = _events(exchanged)
            of_clients(known).orderBy("client_id").write.parquet(str(this.staging / "sums"))
        with spark_phase(spark, phases, "profiles: habits"):
            habits(known).orderBy("client_id").write.parquet(str(this.staging / "habits"))
        with spark_phase(spark, phases, "profiles: sums per day"):
            sums.daily(exchanged).write.parquet(str(this.staging / "daily"))
        with spark_phase(spark, phases, "profiles: days of cards, merchants, amounts"):
            days_seen.seen(exchanged).write.parquet(str(this.staging / "seen"))
        made = ds.dataset(this.staging / "sums")
        with phases.counted("profiles: load", made.count_rows()) as on_clients:
            profiles_bulk.replace(
                this.store, this.connection, made, ds.dataset(this.staging / "habits"), versions, on_clients
            )
        daily = ds.dataset(this.staging / "daily").to_table()
        known_days = daily.column("day").unique().to_pylist()
        with phases.counted("profiles: load sums", len(known_days)) as on_days:
            sums_bulk.replace(this.store, this.connection, daily, days, on_days)
        with phases.counted("profiles: load windows", len(known_days)) as on_days:
            velocity_bulk.replace(this.store, this.connection, sorted(known_days), on_days)
        seen = ds.dataset(this.staging / "seen")
        with phases.counted("profiles: load days", seen.count_rows()) as on_values:
            # A day whose sums were made again meanwhile has a later version.
            made_by = {day: days.get(day, 0) + 1 for day in known_days}
            days_seen_bulk.replace(this.store, this.connection, days_seen.encoded(seen), made_by, on_values)
        rebuild.made(this.store, this.connection, outdated.PROFILES)
    return this.summary


def _events(exchanged: DataFrame) -> DataFrame:
    """Transactions with what fraudstack.profiles derives of each."""
    state = F.nullif("state", F.lit(""))
    online = F.col("channel") == ONLINE
    country = F.when(online, None).when(state.isin(*HOME_STATES), HOME).otherwise(state)
    city = F.concat(F.coalesce(state, F.lit("")), F.lit("/"), F.nullif("city", F.lit("")))
    declined = F.coalesce(F.col("errors") != "", F.lit(False))
    flagged = F.coalesce(F.col("flagged_fraud") != 0, F.lit(False))
    trusted = F.coalesce(F.col("is_fraud") == 0, ~flagged)
    logs = F.round(F.log1p(F.col("cents") / 100) * LOG_SCALE).cast("bigint")
    return exchanged.select(
        "client_id",
        "id",
        "seconds",
        "cents",
        F.when(F.col("cents") > 0, F.col("cents")).alias("bought"),
        "is_fraud",
        declined.alias("is_declined"),
        (trusted & ~declined).alias("is_usual"),
        country.alias("country"),
        logs.alias("logs"),
        F.nullif("card", F.lit("")).alias("card"),
        F.nullif("channel", F.lit("")).alias("channel"),
        city.alias("city"),
        F.lpad(F.pmod(F.floor(F.col("seconds") / 3600), F.lit(24)).cast("string"), 2, "0").alias("hour"),
        F.col("mcc").cast("string").alias("mcc"),
        F.nullif("merchant", F.lit("")).alias("merchant"),
        state.alias("state"),
    )


def _of_purchases(usual: Column) -> list[Column]:
    bought = usual & (F.col("cents") > 0)
    return [
        F.count_if(bought).alias("purchases"),
        F.coalesce(F.sum(F.when(bought, F.col("cents"))), F.lit(0)).alias("cents"),
        F.coalesce(F.sum(F.when(bought, F.col("logs"))), F.lit(0)).alias("logs"),
        F.coalesce(F.sum(F.when(bought, F.col("logs") * F.col("logs"))), F.lit(0)).alias("squares"),
    ]


def of_clients(events: DataFrame) -> DataFrame:
    """A row per client: the columns of profiles but version."""
    usual, exact = F.col("is_usual"), F.col("bought").cast("decimal(13,0)")
    return events.groupBy("client_id").agg(
        F.count("*").alias("transactions"),
        F.count_if("is_declined").alias("declined"),
        F.count_if(F.col("cents") < 0).alias("refunds"),
        F.count_if(usual).alias("usual"),
        F.count_if(usual & (F.col("country") == HOME)).alias("home"),
        *_of_purchases(usual),
        F.count("is_fraud").alias("labelled"),
        F.count_if(F.col("is_fraud") == 1).alias("frauds"),
        F.count("bought").alias("bought"),
        F.coalesce(F.sum("bought"), F.lit(0)).alias("bought_cents"),
        # 64 bits don't hold the squares of cents summed up.
        F.coalesce(F.sum(exact * exact), F.lit(0)).cast("string").alias("bought_squares"),
    )


def habits(events: DataFrame) -> DataFrame:
    """A row per client, kind and value: the columns of profile_habits."""
    usual = F.col("is_usual")
    told = events.unpivot(["client_id", "is_usual", "cents", "logs"], list(KINDS), "kind", "value")
    counts = (
        told.dropna(subset="value")
        .groupBy("client_id", "kind", "value")
        .agg(
            F.count_if(usual).alias("count"),
            *_of_purchases(usual & (F.col("kind") == "mcc")),
            F.count("*").alias("seen"),
        )
    )
    return counts.select("client_id", "kind", "value", "count", *_PURCHASES, "seen")
