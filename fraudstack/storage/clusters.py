"""What the cluster step reads and replaces."""

from collections.abc import Iterator

import pyarrow as pa
from adbc_driver_manager.dbapi import Connection
from sqlalchemy import BigInteger, Float, Integer, Text

from fraudstack.schema import ClustersStore
from fraudstack.storage import batch as bulk
from fraudstack.storage.store import Store

# To the width of each column: PostgreSQL takes no other.
_ARROW = {BigInteger: pa.int64(), Integer: pa.int32(), Float: pa.float64(), Text: pa.string()}
HABITS = pa.schema(
    [
        ("client_id", pa.string()),
        ("date", pa.timestamp("us")),
        ("amount", pa.float64()),
        ("use_chip", pa.string()),
        ("merchant_id", pa.string()),
        ("merchant_state", pa.string()),
    ]
)
# What the cluster step knows of a cluster: the table without fraud_rate, which comes with the labels.
CLUSTERS = pa.schema(
    [
        (column.name, _ARROW[type(column.type)])
        for column in ClustersStore.metadata.tables["transactions_clusters"].columns
        if column.name != "fraud_rate"
    ]
)
_HABITS = """SELECT client_id, date, CAST(amount AS double precision) AS amount, use_chip, merchant_id, merchant_state
    FROM transactions"""
# What SQLite answers has no type where it has no rows.
_MEMBERS = pa.schema([("client_id", pa.string()), ("cluster", pa.int32())])
_LABELLED = pa.schema([("client_id", pa.string()), ("labelled", pa.int64()), ("frauds", pa.int64())])
_SIZES = "SELECT client_id, cluster FROM client_clusters"
_RATE = "UPDATE transactions_clusters SET fraud_rate = $1 WHERE cluster = $2"
_NO_RATES = "UPDATE transactions_clusters SET fraud_rate = NULL"


def habits(store: Store, connection: Connection) -> Iterator[pa.RecordBatch]:
    """Of every transaction what a client's features are made of; castable to HABITS."""
    yield from bulk.stream(store, connection, _HABITS)


def replace(store: Store, connection: Connection, clusters: pa.Table, members: pa.Table) -> None:
    """Put clusters and their members in the place of the old, in one transaction."""
    with bulk.write(store, connection):
        for table, rows in (("transactions_clusters", clusters), ("client_clusters", members)):
            bulk.execute(connection, f"DELETE FROM {table}")
            if rows.num_rows:
                bulk.append(connection, table, rows)


def set_fraud_rates(store: Store, connection: Connection, by_client: pa.Table) -> None:
    """Fill fraud_rate of each cluster from what `labels.by_client` counted; NULL without a label."""
    members = bulk.query(connection, _SIZES).cast(_MEMBERS)
    sums = (
        members.join(by_client.cast(_LABELLED), "client_id", join_type="inner")
        .group_by("cluster")
        .aggregate([("labelled", "sum"), ("frauds", "sum")])
        .to_pylist()
    )
    with bulk.write(store, connection):
        bulk.execute(connection, _NO_RATES)
        for row in sums:
            bulk.execute(connection, _RATE, (row["frauds_sum"] / row["labelled_sum"], row["cluster"]))
