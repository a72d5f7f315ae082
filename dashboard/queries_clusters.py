"""The clusters and who is in them."""

from typing import NamedTuple

from fraudstack.schema import ClustersStore
from fraudstack.storage.connections.online import Connection

_KNOWN = ("cluster", "name", "count", "transactions", "fraud_rate")
FEATURES = tuple(
    column.name
    for column in ClustersStore.metadata.tables["transactions_clusters"].columns
    if column.name not in _KNOWN
)

_CLUSTERS = f"SELECT {', '.join((*_KNOWN, *FEATURES))} FROM transactions_clusters ORDER BY cluster"
_CLIENTS = "SELECT client_id FROM client_clusters WHERE cluster = ? ORDER BY client_id LIMIT ?"


class Cluster(NamedTuple):
    """A row of transactions_clusters; the features are means per client, in the order of FEATURES."""

    cluster: int
    name: str
    clients: int
    transactions: int
    fraud_rate: float | None
    features: tuple[float, ...]


def clusters(connection: Connection) -> list[Cluster]:
    """All clusters, in the order of their numbers."""
    return [
        Cluster(cluster, name, count, transactions, rate, tuple(features))
        for cluster, name, count, transactions, rate, *features in connection.rows(_CLUSTERS)
    ]


def clients(connection: Connection, cluster: int, most: int) -> list[str]:
    """The clients of a cluster, the first by id."""
    return [row[0] for row in connection.rows(_CLIENTS, (cluster, most))]
