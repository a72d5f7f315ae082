"""Clients of like habits are grouped: features per client, scaling, KMeans with k chosen by silhouette.

Rousseeuw (1987), "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis".
"""

import math
from collections.abc import Mapping, Sequence
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyspark import inheritable_thread_target
from pyspark.ml.clustering import KMeans
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.feature import StandardScaler, VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from fraudstack.progress import Phases
from fraudstack.settings import Settings
from fraudstack.storage import clusters, outdated
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.store import Store, parse
from fraudstack.storage.outdated import bulk as rebuild
from fraudstack.storage.upgrade import is_current as upgrade_is_current
from fraudstack.storage.upgrade import upgrade
from jobs.clusters import habits
from jobs.clusters.habits import FEATURES
from jobs.clusters.names import name_clusters
from jobs.spark.phase import spark_phase
from jobs.steps.staging import exported
from jobs.steps.summary import Summary
from jobs.steps.turn import Step, step

# Long tails: their logarithm is scaled, or one big spender would be a cluster.
_LONG_TAILED = frozenset({"spend", "average", "spread", "transaction_count", "merchants"})
# So few clients are grouped in one task: more would only wait for each other.
_ONE_TASK_CLIENTS = 100_000
_FITS_AT_ONCE = 3
# Choosing k costs four fits, and an analyst wants the groups of yesterday: it is chosen again as the store has grown.
_GROWTH = 1.1


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
            store = parse(settings.clusters_url)
            upgrade(store, "clusters")
            grouped = _assign(spark, features, _candidates(this, store, settings), settings.clusters_seed)
            found = _replace(store, grouped, labelled)
            if settings.clusters_k and found < settings.clusters_k:
                asked = f"TX_CLUSTERS_K asks for {settings.clusters_k} clusters, and the clients make {found}"
                this.summary.said.append(asked)
            spark.catalog.clearCache()
    return this.summary


def is_current(settings: Settings) -> bool:
    """Whether the clusters are those of the clients as they are."""
    store, of_clusters = parse(settings.store_url), parse(settings.clusters_url)
    if not (reads_sums(settings) and upgrade_is_current(of_clusters, "clusters")):
        return False
    with bulk.connect(store, read_only=True) as connection:
        made_of = clusters.made_of(connection)
        if made_of != _state(clusters.sums(connection, habits.NIGHT_ENDS), settings):
            return False
    with bulk.connect(of_clusters, read_only=True) as connection:
        several, _ = clusters.sizes(connection)
    return several > 0


def reads_sums(settings: Settings) -> bool:
    """Whether clients are grouped by the sums that are kept of them; else by all transactions."""
    store = parse(settings.store_url)
    if not upgrade_is_current(store, "transactions"):
        return False
    with bulk.connect(store, read_only=True) as connection:
        return not rebuild.is_due(connection, outdated.PROFILES)


def _state(sums: Sequence[Mapping[str, Any]], settings: Settings) -> clusters.State:
    asked = settings.clusters_min, settings.clusters_max, settings.clusters_k, settings.clusters_seed
    return clusters.State.of(sums, asked)


def _candidates(this: Step, store: Store, settings: Settings) -> Sequence[int]:
    """The k to try: the one asked for, that of the clusters that are there, or all from the least to the most."""
    if settings.clusters_k:
        return [settings.clusters_k]
    every = range(settings.clusters_min, settings.clusters_max + 1)
    before = clusters.made_of(this.connection)
    with bulk.connect(store, read_only=True) as connection:
        several, transactions = clusters.sizes(connection)
    now = clusters.State.read(this.summary.fingerprint or "")
    alike = before is not None and before.asked == now.asked and several in every
    return [several] if alike and _size(transactions) == _size(this.summary.rows_in) else every


def _size(transactions: int) -> int:
    """How often a store has grown by _GROWTH."""
    return int(math.log(max(transactions, 1), _GROWTH))


def _of_transactions(spark: SparkSession, this: Step, features: Path, phases: Phases) -> pa.Table:
    """Write the features of clients of whom no sums are kept yet; of labels the step `label` tells."""
    folder = this.staging / "habits"
    with phases.phase("cluster: read transactions") as advance:
        this.summary.rows_in = this.summary.loaded = exported(
            clusters.habits(this.store, this.connection), clusters.HABITS, folder, advance
        )
    with spark_phase(spark, phases, "cluster: features per client"):
        habits.of_transactions(spark.read.parquet(str(folder))).write.parquet(str(features))
    return clusters.LABELLED.empty_table()


def _of_sums(this: Step, settings: Settings, features: Path) -> pa.Table:
    """Write the features of clients from the sums that are kept of them; returns clusters.LABELLED."""
    found = clusters.sums(this.connection, habits.NIGHT_ENDS)
    this.summary.fingerprint = " ".join(_state(found, settings))
    this.summary.rows_in = this.summary.loaded = sum(row["transactions"] for row in found)
    rows = [{"client_id": row["client_id"], **habits.of_sums(row)} for row in found]
    schema = pa.schema([("client_id", pa.string()), *((name, pa.float64()) for name in FEATURES)])
    features.mkdir()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), features / "0.parquet")
    labelled = [{name: row[name] for name in clusters.LABELLED.names} for row in found if row["labelled"]]
    return pa.Table.from_pylist(labelled, schema=clusters.LABELLED)


def _assign(spark: SparkSession, features: Path, candidates: Sequence[int], seed: int) -> DataFrame:
    """The clients with `scaled` (vector in standard deviations) and `group`; groups are not yet ordered."""
    clients = spark.read.parquet(str(features))
    inputs = {name: f"log_{name}" if name in _LONG_TAILED else name for name in FEATURES}
    logs = (F.log1p(name).alias(inputs[name]) for name in FEATURES if name in _LONG_TAILED)
    prepared: DataFrame = VectorAssembler(inputCols=list(inputs.values()), outputCol="raw").transform(
        clients.select("client_id", *FEATURES, *logs)
    )
    several = ds.dataset(features).count_rows()
    if not several:
        return prepared.select("client_id", *FEATURES, F.col("raw").alias("scaled"), F.lit(0).alias("group"))
    scaler = StandardScaler(inputCol="raw", outputCol="scaled", withMean=True)
    # Ordered: KMeans draws its first centres by position, and the same clients shall give the same groups.
    scaled = scaler.fit(prepared).transform(prepared).select("client_id", *FEATURES, "scaled").orderBy("client_id")
    scaled = scaled.coalesce(1) if several <= _ONE_TASK_CLIENTS else scaled
    scaled = scaled.cache()
    apart = _apart(features, max(candidates))
    fitting = sorted({min(k, apart) for k in candidates} - {0, 1})
    if not fitting:
        return scaled.withColumn("group", F.lit(0))

    def fit(k: int) -> tuple[float, DataFrame]:
        # Spark's other solver ends with an error where it finds fewer centres than k: of few clients with one far out.
        means = KMeans(featuresCol="scaled", predictionCol="group", k=k, seed=seed, solver="row")
        grouped = means.fit(scaled).transform(scaled)
        # One group alone separates nothing, and with one k there is nothing to choose.
        choose = len(fitting) > 1 and grouped.select("group").distinct().count() > 1
        return (_silhouette(grouped) if choose else -1.0), grouped

    # A fit is many short Spark jobs, one after the other: several at once fill the gaps.
    with ThreadPool(_FITS_AT_ONCE) as pool:
        fits: list[tuple[float, DataFrame]] = pool.map(inheritable_thread_target(scaled.sparkSession)(fit), fitting)
    return max(fits, key=lambda judged: judged[0])[1]


def _apart(features: Path, most: int) -> int:
    """How many clients are unlike each other, of which `most` are counted."""
    seen: set[tuple[float, ...]] = set()
    for batch in ds.dataset(features).to_batches(columns=list(FEATURES)):
        for client in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            seen.add(client)
            if len(seen) >= most:
                return most
    return len(seen)


def _silhouette(grouped: DataFrame) -> float:
    """How well groups are separated, -1 to 1."""
    return float(ClusteringEvaluator(featuresCol="scaled", predictionCol="group").evaluate(grouped))


def _replace(store: Store, grouped: DataFrame, labelled: pa.Table) -> int:
    """Number the groups by descending count, name them, put them in the place of the old clusters; returns how many."""
    scaled = vector_to_array(F.col("scaled"))
    centres = [f"centre_{name}" for name in FEATURES]
    in_groups = (scaled[place].alias(name) for place, name in enumerate(centres))
    # Here and in one order, because a mean of floats depends on it: the same clients shall give the same figures.
    who = grouped.select("client_id", "group", *FEATURES, *in_groups).toArrow().sort_by("client_id")
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
    with bulk.connect(store) as connection:
        clusters.replace(store, connection, table, members)
    return len(rows)


def _of_groups(who: pa.Table, labelled: pa.Table) -> list[dict[str, Any]]:
    """How many transactions of each group have a label, and how many of these are fraud."""
    known = who.select(["client_id", "group"]).join(labelled, "client_id", join_type="inner")
    return list(known.group_by("group").aggregate([("labelled", "sum"), ("frauds", "sum")]).to_pylist())
