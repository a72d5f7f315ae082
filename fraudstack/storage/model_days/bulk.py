"""What is watched of models, in bulk."""

from collections.abc import Sequence

import pyarrow as pa
from adbc_driver_manager.dbapi import Connection

from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.store import Store

MEASURES = pa.schema(
    [
        ("day", pa.string()),
        ("measure", pa.string()),
        ("value", pa.float64()),
        ("sample", pa.int64()),
    ]
)
WINDOWS = pa.schema(
    [
        *((name, pa.string()) for name in ("first", "last", "kind", "value", "spoke")),
        *((name, pa.int64()) for name in ("transactions", "alerts", "labelled", "frauds")),
        ("expected", pa.float64()),
        *((name, pa.int64()) for name in ("alerts_labelled", "alerts_frauds")),
    ]
)


def replace(
    store: Store,
    connection: Connection,
    model_version: str,
    measures: Sequence[tuple[object, ...]],
    windows: Sequence[tuple[object, ...]],
) -> None:
    """Store what is watched of a model, rows of MEASURES and of WINDOWS, in the place of all that was."""
    for table, schema, rows in (("model_days", MEASURES, measures), ("model_windows", WINDOWS, windows)):
        found = pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema)
        bulk.stage(connection, f"staged_{table}", found)
    with bulk.write(store, connection):
        for table, schema in (("model_days", MEASURES), ("model_windows", WINDOWS)):
            columns = ", ".join(schema.names)
            made = f"SELECT CAST($1 AS TEXT), {columns} FROM staged_{table}"
            bulk.execute(connection, f"DELETE FROM {table} WHERE model_version = $1", (model_version,))
            bulk.execute(connection, f"INSERT INTO {table} (model_version, {columns}) {made}", (model_version,))
