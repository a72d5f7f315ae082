"""What is watched of models, day by day, in bulk."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
from adbc_driver_manager.dbapi import Connection

from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.store import Store

MEASURED = pa.schema(
    [
        ("day", pa.string()),
        ("model_version", pa.string()),
        ("measure", pa.string()),
        ("value", pa.float64()),
        ("sample", pa.int64()),
    ]
)
_PUT = f"""INSERT INTO model_days ({", ".join(MEASURED.names)})
    SELECT {", ".join(MEASURED.names)} FROM staged_model_days WHERE true
    ON CONFLICT (day, model_version, measure) DO UPDATE SET value = excluded.value, sample = excluded.sample"""


def put(store: Store, connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Store measures (columns of MEASURED) in the place of those of the same day, model and name."""
    bulk.stage(connection, "staged_model_days", pa.Table.from_pylist(list(rows), schema=MEASURED))
    with bulk.write(store, connection):
        bulk.execute(connection, _PUT)
