"""What the cluster step reads and replaces."""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

import pyarrow as pa
from adbc_driver_manager.dbapi import Connection
from sqlalchemy import BigInteger, Float, Integer, Text

from fraudstack.profiles.event import HOME_STATES, ONLINE
from fraudstack.schema import ClustersStore
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.store import Store

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
CLUSTERS = pa.schema(
    [
        (column.name, _ARROW[type(column.type)])
        for column in ClustersStore.metadata.tables["transactions_clusters"].columns
    ]
)
_HABITS = """SELECT client_id, date, CAST(amount AS double precision) AS amount, use_chip, merchant_id, merchant_state
    FROM transactions"""
# The same of each client, from the sums that are kept of it; its days are of its first and its last transaction.
_SUMS = """SELECT client_id, bought, bought_cents, bought_squares, transactions, refunds, labelled, frauds,
    coalesce((SELECT seen FROM profile_habits h WHERE h.client_id = p.client_id AND h.kind = 'channel'
        AND h.value = {online}), 0) AS online,
    (SELECT count(*) FROM profile_habits h WHERE h.client_id = p.client_id AND h.kind = 'merchant') AS merchants,
    CAST(coalesce((SELECT sum(seen) FROM profile_habits h WHERE h.client_id = p.client_id AND h.kind = 'hour'
        AND h.value < {night_ends}), 0) AS BIGINT) AS night,
    CAST(coalesce((SELECT sum(seen) FROM profile_habits h WHERE h.client_id = p.client_id AND h.kind = 'state'
        AND h.value NOT IN ({home})), 0) AS BIGINT) AS abroad,
    substr(CAST((SELECT min(date) FROM transactions t WHERE t.client_id = p.client_id) AS TEXT), 1, 10) AS first,
    substr(CAST((SELECT max(date) FROM transactions t WHERE t.client_id = p.client_id) AS TEXT), 1, 10) AS last
    FROM profiles p ORDER BY client_id"""
# What SQLite answers has no type where it has no rows.
_MEMBERS = pa.schema([("client_id", pa.string()), ("cluster", pa.int32())])
LABELLED = pa.schema([("client_id", pa.string()), ("labelled", pa.int64()), ("frauds", pa.int64())])
_SIZES = "SELECT client_id, cluster FROM client_clusters"
_GROUPS = "SELECT count(*), CAST(coalesce(sum(transactions), 0) AS BIGINT) FROM transactions_clusters"
_LATEST = """SELECT fingerprint FROM ingest_runs WHERE step = 'cluster' AND fingerprint IS NOT NULL AND error IS NULL
    AND seconds IS NOT NULL ORDER BY started_at DESC LIMIT 1"""
_RATE = "UPDATE transactions_clusters SET fraud_rate = $1 WHERE cluster = $2"
_NO_RATES = "UPDATE transactions_clusters SET fraud_rate = NULL"


class State(NamedTuple):
    """Digests of what is asked of clusters and of what they are made of: the same makes the same clusters."""

    asked: str
    clients: str

    @classmethod
    def of(cls, sums: Iterable[Mapping[str, Any]], asked: object) -> "State":
        """The state of clients, as `sums` returns them."""
        digest = _digest(())
        for row in sums:
            digest.update(repr(sorted(row.items())).encode())
        return cls(_digest(asked).hexdigest(), digest.hexdigest())

    @classmethod
    def read(cls, fingerprint: str) -> "State":
        """The state that a run's fingerprint tells; one of another form is like no other."""
        asked, _, clients = fingerprint.partition(" ")
        return cls(asked, clients)


def _digest(of: object) -> blake2b:
    return blake2b(repr(of).encode(), digest_size=8)


def made_of(connection: Connection) -> State | None:
    """The state that the latest clusters were made of; None where there were none."""
    found = bulk.rows(connection, _LATEST)
    return State.read(found[0][0]) if found else None


def sizes(connection: Connection) -> tuple[int, int]:
    """How many clusters there are in a clusters' store, and of how many transactions they are."""
    several, transactions = bulk.rows(connection, _GROUPS)[0]
    return several, transactions


def habits(store: Store, connection: Connection) -> Iterator[pa.RecordBatch]:
    """Of every transaction what a client's features are made of; castable to HABITS."""
    yield from bulk.stream(store, connection, _HABITS)


def sums(connection: Connection, night_ends: int) -> list[dict[str, Any]]:
    """Of every client the sums that its features are made of; nights end at an hour."""
    home = ", ".join(f"'{state}'" for state in sorted(HOME_STATES))
    statement = _SUMS.format(online=f"'{ONLINE}'", night_ends=f"'{night_ends:02}'", home=home)
    return list(bulk.query(connection, statement).to_pylist())


def replace(store: Store, connection: Connection, clusters: pa.Table, members: pa.Table) -> None:
    """Put clusters and their members in the place of the old, in one transaction, unless they say the same."""
    if _stored(connection, "transactions_clusters", clusters) and _stored(connection, "client_clusters", members):
        return
    with bulk.write(store, connection):
        for table, rows in (("transactions_clusters", clusters), ("client_clusters", members)):
            bulk.execute(connection, f"DELETE FROM {table}")
            if rows.num_rows:
                bulk.append(connection, table, rows)


def _stored(connection: Connection, table: str, rows: pa.Table) -> bool:
    """Whether a table holds these rows and no others."""
    key = rows.column_names[0]
    found = bulk.query(connection, f"SELECT {', '.join(rows.column_names)} FROM {table} ORDER BY {key}")
    return bool(found.num_rows == rows.num_rows and found.to_pylist() == rows.sort_by(key).to_pylist())


def set_fraud_rates(store: Store, connection: Connection, by_client: pa.Table) -> None:
    """Fill fraud_rate of each cluster from what `labels.by_client` counted; NULL without a label."""
    members = bulk.query(connection, _SIZES).cast(_MEMBERS)
    sums = (
        members.join(by_client.cast(LABELLED), "client_id", join_type="inner")
        .group_by("cluster")
        .aggregate([("labelled", "sum"), ("frauds", "sum")])
        .to_pylist()
    )
    with bulk.write(store, connection):
        bulk.execute(connection, _NO_RATES)
        for row in sums:
            bulk.execute(connection, _RATE, (row["frauds_sum"] / row["labelled_sum"], row["cluster"]))
