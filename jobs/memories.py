"""What a model has to know of the past when a transaction is posted: each client's memory, each value's days.

The scorer goes on meanwhile, and from then on it keeps them itself; what labels say enters here.
"""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pydantic_core import to_json
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from fraudstack.features import KEPT_DAYS, LABEL_DELAY
from fraudstack.features.client import ClientMemory
from fraudstack.profiles.event import FIELDS, Event
from fraudstack.progress import Phases
from fraudstack.settings import Settings
from fraudstack.storage import events, outdated
from fraudstack.storage.memories import bulk as memories_bulk
from fraudstack.storage.outdated import bulk as rebuild
from fraudstack.storage.profiles import bulk as profiles_bulk
from fraudstack.storage.sums import bulk as sums_bulk
from fraudstack.storage.value_days import BEFORE, COLUMNS, KINDS, TALLY
from fraudstack.storage.value_days import bulk as value_days_bulk
from jobs.features.fold import Arrays, by_client, folding, fraud_day, label_day, rows, tallies
from jobs.spark.phase import spark_phase
from jobs.steps.staging import exported
from jobs.steps.summary import Summary
from jobs.steps.turn import step


def run(spark: SparkSession, settings: Settings, run_id: str, phases: Phases) -> Summary:
    """Put fresh memories in the place of the old, in short transactions; loaded counts transactions."""
    with step(settings, run_id, "memories", phases) as this:
        versions, days = profiles_bulk.versions(this.connection), sums_bulk.versions(this.connection)
        with phases.phase("memories: read transactions") as advance:
            this.summary.rows_in = this.summary.loaded = exported(
                events.stream(this.store, this.connection), events.COLUMNS, this.staging / "events", advance
            )
        with spark_phase(spark, phases, "memories: clients"):
            folded = remembered(spark.read.parquet(str(this.staging / "events")))
            folded.write.parquet(str(this.staging / "folded"))
        known = spark.read.parquet(str(this.staging / "folded"))
        with spark_phase(spark, phases, "memories: days of merchants, categories, states, channels"):
            value_days(known).write.parquet(str(this.staging / "values"))
        made = ds.dataset(this.staging / "folded").scanner(
            columns=["client_id", "memory"], filter=pc.field("memory").is_valid()
        )
        clients = made.to_table()
        with phases.counted("memories: load clients", clients.num_rows) as on_clients:
            memories_bulk.replace(this.store, this.connection, ds.dataset(clients), versions, on_clients)
        values = ds.dataset(this.staging / "values").to_table().cast(value_days_bulk.VALUE_DAYS)
        with phases.counted("memories: load days", values.num_rows) as on_rows:
            value_days_bulk.replace(this.store, this.connection, values, days, on_rows)
        rebuild.made(this.store, this.connection, outdated.MEMORIES)
    return this.summary


def remembered(transactions: DataFrame) -> DataFrame:
    """Of each transaction days, values, label, and whether its amount was ordinary; a client's last has `memory`."""

    def fold(batches: Arrays) -> Arrays:
        memory, client = ClientMemory(), None
        for batch in batches:
            ordinary, states = [], []
            for *row, fraud_of, is_last in rows(batch):
                event = Event(*row)
                if event.client_id != client:
                    memory, client = ClientMemory(), event.client_id
                ordinary.append(memory.add(event, fraud_of))
                states.append(to_json(memory.state()).decode() if is_last else None)
            yield pa.StructArray.from_arrays(
                [pa.array(ordinary), pa.array(states, pa.string())], ["ordinary", "memory"]
            )

    in_order = Window.partitionBy("client_id").orderBy("seconds", "id")
    is_last = F.lead("id").over(in_order).isNull()
    folded = folding(fold, "ordinary boolean, memory string", *FIELDS, fraud_day(LABEL_DELAY), "is_last")
    known = by_client(transactions).withColumns({"is_last": is_last, "label_day": label_day(LABEL_DELAY)})
    kept = ("client_id", *KINDS, "day", "cents", "is_fraud", "label_day")
    return known.select(*kept, folded).select(*kept, "folded.*")


def value_days(known: DataFrame) -> DataFrame:
    """The rows of value_days, in order: the latest days one by one, those before as one."""
    first = F.broadcast(known.agg((F.max("day") - KEPT_DAYS).alias("first")))
    told = known.withColumn("mcc", F.col("mcc").cast("string")).unpivot(
        ["day", "cents", "is_fraud", "label_day", "ordinary"], list(KINDS), "kind", "value"
    )
    latest = F.col("day") >= F.col("first")
    # Amounts are asked of merchants alone, and nobody blames a channel.
    asked = {"cents": F.col("kind") == "merchant", "ordinary_frauds": F.col("kind") != "channel"}
    counted = {name: F.when(latest & asked[name], F.col(name)).otherwise(0) for name in asked}
    sums = [F.sum(counted.get(name, F.col(name))).alias(name) for name in TALLY]
    return (
        tallies(told, "kind", "value")
        .crossJoin(first)
        .groupBy("kind", "value", F.when(latest, F.col("day")).otherwise(BEFORE).alias("day"))
        .agg(*sums)
        .withColumn("part", F.lit(0).cast("long"))
        .select(*COLUMNS)
        .orderBy("kind", "value", "day")
    )
