"""Clients of like habits are grouped: features per client, scaling, KMeans with k chosen by silhouette.

Rousseeuw (1987), "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis".
"""

import math
from collections.abc import Mapping
from datetime import date
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark import inheritable_thread_target
from pyspark.ml.clustering import KMeans
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.feature import StandardScaler, VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from fraudstack.profiles.event import HOME_STATES
from fraudstack.progress import Phases
from fraudstack.settings import Settings
from fraudstack.storage import batch, clusters, outdated, rebuild
from fraudstack.storage.store import Store, parse
from fraudstack.storage.upgrade import is_current as upgrade_is_current
from fraudstack.storage.upgrade import upgrade
from jobs.cluster_names import name_clusters
from jobs.step import Step, Summary, exported, spark_phase, step

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
# Long tails: their logarithm is scaled, or one big spender would be a cluster.
_LONG_TAILED = frozenset({"spend", "average", "spread", "transaction_count", "merchants"})
_NIGHT_ENDS = 6
# So few clients are grouped in one task: more would only wait for each other.
_ONE_TASK_CLIENTS = 100_000
_FITS_AT_ONCE = 3


def run(spark: SparkSession, settings: Settings, run_id: str, phases: Phases) -> Summary:
    """Group the clients of the store anew; the old clusters are replaced in one transaction if any is another."""
    with step(settings, run_id, "cluster", phases) as this:
        features = this.staging / "features"
        if rebuild.is_due(this.connection, outdated.PROFILES):
            labelled = _of_transactions(spark, this, features, phases)
        else:
            with phases.phase("cluster: sums per client"):
                labelled = _of_sums(this, settings, features)
        with spark_phase(spark, phases, "cluster: KMeans"):
            clients = spark.read.parquet(str(features))
            grouped = _assign(clients, settings)
            store = parse(settings.clusters_url)
            upgrade(store, "clusters")
            found = _replace(store, clients, grouped, labelled)
            if settings.clusters_k and found < settings.clusters_k:
                asked = f"TX_CLUSTERS_K asks for {settings.clusters_k} clusters, and the clients make {found}"
                this.summary.said.append(asked)
            spark.catalog.clearCache()
    return this.summary


def is_current(settings: Settings) -> bool:
    """Whether the clusters are those of the clients as they are."""
    store, of_clusters = parse(settings.store_url), parse(settings.clusters_url)
    if not (upgrade_is_current(store, "transactions") and upgrade_is_current(of_clusters, "clusters")):
        return False
    with batch.connect(store, read_only=True) as connection:
        if rebuild.is_due(connection, outdated.PROFILES):
            return False
        made_of = clusters.made_of(connection)
        if made_of is None or made_of != clusters.state(clusters.sums(connection, _NIGHT_ENDS), _asked(settings)):
            return False
    with batch.connect(of_clusters, read_only=True) as connection:
        return clusters.are_there(connection)


def _asked(settings: Settings) -> object:
    return settings.clusters_min, settings.clusters_max, settings.clusters_k, settings.clusters_seed


def _of_transactions(spark: SparkSession, this: Step, features: Path, phases: Phases) -> pa.Table:
    """Write the features of clients of whom no sums are kept yet; of labels the step `label` tells."""
    habits = this.staging / "habits"
    with phases.phase("cluster: read transactions") as advance:
        this.summary.rows_in = this.summary.loaded = exported(
            clusters.habits(this.store, this.connection), clusters.HABITS, habits, advance
        )
    with spark_phase(spark, phases, "cluster: features per client"):
        client_features(spark.read.parquet(str(habits))).write.parquet(str(features))
    return clusters.LABELLED.empty_table()


def _of_sums(this: Step, settings: Settings, features: Path) -> pa.Table:
    """Write the features of clients from the sums that are kept of them; returns clusters.LABELLED."""
    found = clusters.sums(this.connection, _NIGHT_ENDS)
    this.summary.fingerprint = clusters.state(found, _asked(settings))
    this.summary.rows_in = this.summary.loaded = sum(row["transactions"] for row in found)
    rows = [{"client_id": row["client_id"], **_features(row)} for row in found]
    schema = pa.schema([("client_id", pa.string()), *((name, pa.float64()) for name in FEATURES)])
    features.mkdir()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), features / "0.parquet")
    labelled = [{name: row[name] for name in clusters.LABELLED.names} for row in found if row["labelled"]]
    return pa.Table.from_pylist(labelled, schema=clusters.LABELLED)


def _features(sums: Mapping[str, Any]) -> dict[str, float]:
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


def client_features(transactions: DataFrame) -> DataFrame:
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
        share(F.hour(date) < _NIGHT_ENDS).alias("night_share"),
        share(foreign).alias("foreign_share"),
        share(cents < 0).alias("refund_share"),
        F.datediff(F.max(date), F.min(date)).cast("double").alias("active_days"),
    )


def _assign(clients: DataFrame, settings: Settings) -> DataFrame:
    """Adds `scaled` (vector in standard deviations) and `group` to the clients; groups are not yet ordered."""
    columns = [F.log1p(name).alias(name) if name in _LONG_TAILED else F.col(name) for name in FEATURES]
    prepared: DataFrame = VectorAssembler(inputCols=list(FEATURES), outputCol="raw").transform(
        clients.select("client_id", *columns)
    )
    if not clients.head(1):
        return prepared.select("client_id", F.col("raw").alias("scaled"), F.lit(0).alias("group"))
    scaler = StandardScaler(inputCol="raw", outputCol="scaled", withMean=True)
    # Ordered: KMeans draws its first centres by position, and the same clients shall give the same groups.
    scaled = scaler.fit(prepared).transform(prepared).select("client_id", "scaled").orderBy("client_id")
    scaled = scaled.coalesce(1) if clients.count() <= _ONE_TASK_CLIENTS else scaled
    scaled = scaled.cache()
    apart = scaled.select("scaled").distinct().count()
    candidates = (
        [settings.clusters_k] if settings.clusters_k else range(settings.clusters_min, settings.clusters_max + 1)
    )
    fitting = sorted({min(k, apart) for k in candidates} - {0, 1})
    if not fitting:
        return scaled.withColumn("group", F.lit(0))

    def fit(k: int) -> tuple[float, DataFrame]:
        # Spark's other solver ends with an error where it finds fewer centres than k: of few clients with one far out.
        means = KMeans(featuresCol="scaled", predictionCol="group", k=k, seed=settings.clusters_seed, solver="row")
        grouped = means.fit(scaled).transform(scaled)
        # One group alone separates nothing, and with one k there is nothing to choose.
        choose = len(fitting) > 1 and grouped.select("group").distinct().count() > 1
        return (_silhouette(grouped) if choose else -1.0), grouped

    # A fit is many short Spark jobs, one after the other: several at once fill the gaps.
    with ThreadPool(_FITS_AT_ONCE) as pool:
        fits: list[tuple[float, DataFrame]] = pool.map(inheritable_thread_target(scaled.sparkSession)(fit), fitting)
    return max(fits, key=lambda judged: judged[0])[1]


def _silhouette(grouped: DataFrame) -> float:
    """How well groups are separated, -1 to 1."""
    return float(ClusteringEvaluator(featuresCol="scaled", predictionCol="group").evaluate(grouped))


def _replace(store: Store, clients: DataFrame, grouped: DataFrame, labelled: pa.Table) -> int:
    """Number the groups by descending count, name them, put them in the place of the old clusters; returns how many."""
    scaled = vector_to_array(F.col("scaled"))
    centres = [f"centre_{name}" for name in FEATURES]
    in_groups = grouped.select("client_id", "group", *(scaled[i].alias(name) for i, name in enumerate(centres)))
    # Here and in one order, because a mean of floats depends on it: the same clients shall give the same figures.
    who = in_groups.join(clients, "client_id").toArrow().sort_by("client_id")
    means = [(name, "mean") for name in (*FEATURES, *centres)]
    found = (
        who.group_by("group", use_threads=False)
        .aggregate([("client_id", "count"), ("transaction_count", "sum"), *means])
        .sort_by([("client_id_count", "descending"), ("transaction_count_sum", "descending"), ("group", "ascending")])
        .to_pylist()
    )
    number = {row["group"]: cluster for cluster, row in enumerate(found)}
    rates = {row["group"]: row["frauds_sum"] / row["labelled_sum"] for row in _of_groups(who, labelled)}
    names = name_clusters([{name: row[f"centre_{name}_mean"] for name in FEATURES} for row in found])
    rows = [
        {
            "cluster": cluster,
            "count": row["client_id_count"],
            "name": name,
            "transactions": int(row["transaction_count_sum"]),
            "fraud_rate": rates.get(row["group"]),
            **{feature: row[f"{feature}_mean"] for feature in FEATURES},
        }
        for cluster, (name, row) in enumerate(zip(names, found, strict=True))
    ]
    table = pa.Table.from_pylist(rows, schema=clusters.CLUSTERS)
    members = pa.table(
        {
            "client_id": who.column("client_id").cast(pa.string()),
            "cluster": pa.array((number[group] for group in who.column("group").to_pylist()), pa.int32()),
        }
    )
    with batch.connect(store) as connection:
        clusters.replace(store, connection, table, members)
    return len(rows)


def _of_groups(who: pa.Table, labelled: pa.Table) -> list[dict[str, Any]]:
    """How many transactions of each group have a label, and how many of these are fraud."""
    known = who.select(["client_id", "group"]).join(labelled, "client_id", join_type="inner")
    return list(known.group_by("group").aggregate([("labelled", "sum"), ("frauds", "sum")]).to_pylist())
