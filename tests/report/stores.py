"""Stores made for the report's tests."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from fraudstack.schema import ClustersStore, TransactionsStore
from fraudstack.storage.connections.engines import write
from fraudstack.storage.connections.store import Store, parse
from fraudstack.storage.upgrade import upgrade

_TABLES = TransactionsStore.metadata.tables | ClustersStore.metadata.tables


def transaction(number: int, **given: Any) -> dict[str, Any]:
    """A row of the table, unremarkable but for what is given."""
    return {
        "id": number,
        "date": datetime(2019, 5, 4, 10, 30),
        "client_id": "1",
        "card_id": "1",
        "amount": Decimal("10.00"),
        "currency": "USD",
        "use_chip": "Swipe Transaction",
        "merchant_id": "1",
        "mcc": 5411,
        "errors": None,
        "flagged_fraud": None,
        "is_fraud": None,
    } | given


def fill(store: Store, **tables: Sequence[dict[str, Any]]) -> None:
    """Make the store, and put rows into its tables."""
    upgrade(store, "transactions")
    _insert(store, tables)


def fill_clusters(store: Store, names: Sequence[str]) -> None:
    """Make the store of clusters with one of each name; the last one has no fraud rate."""
    upgrade(store, "clusters")
    table = _TABLES["transactions_clusters"]
    features = [c.name for c in table.columns if c.name not in {"cluster", "count", "name", "transactions"}]
    rows = [
        {
            "cluster": number,
            "count": 100 - number,
            "name": name,
            "transactions": 1000,
            **{feature: float(position + number) for position, feature in enumerate(features)},
            "fraud_rate": 0.001 if number + 1 < len(names) else None,
        }
        for number, name in enumerate(names)
    ]
    _insert(store, {"transactions_clusters": rows})


def clusters_beside(store: Store) -> Store:
    """Where the clusters of a store are: another file, or the same database."""
    return parse(str(Path(store.path).with_name("clusters.db"))) if store.path else store


def _insert(store: Store, tables: dict[str, Sequence[dict[str, Any]]]) -> None:
    with write(store) as connection:
        for name, rows in tables.items():
            given = {key for row in rows for key in row}
            if rows:
                connection.execute(insert(_TABLES[name]), [{key: row.get(key) for key in given} for row in rows])
