"""The days on which values were seen, in bulk: what an ingest made takes the place of the old, a short turn at a time.

Meanwhile the old and the new stand side by side, and both are right: of the days whose versions are known nothing has
changed. The new versions come last.
"""

from collections.abc import Callable, Iterable, Mapping

import pyarrow as pa
from adbc_driver_manager.dbapi import Connection

from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.pace import Pace
from fraudstack.storage.connections.store import Store

COLUMNS = pa.schema(
    [
        ("kind", pa.string()),
        ("value", pa.string()),
        ("cents", pa.int64()),
        ("year", pa.int32()),
        ("days", pa.binary()),
    ]
)
_VERSIONS = pa.schema([("day", pa.string()), ("version", pa.int64())])
# SQLite wants a WHERE between the SELECT and ON CONFLICT.
_PUT = f"""INSERT INTO days_seen_by_year ({", ".join(COLUMNS.names)})
    SELECT {", ".join(COLUMNS.names)} FROM staged_days WHERE true
    ON CONFLICT (kind, value, cents, year) DO UPDATE SET days = excluded.days
    WHERE days_seen_by_year.days <> excluded.days"""
_PUT_VERSIONS = (
    "DELETE FROM days_seen_by_year_versions",
    "INSERT INTO days_seen_by_year_versions (day, version) SELECT day, version FROM staged_versions",
)
# Values in a write transaction: the first, the fewest, the most.
_VALUES = (100, 10, 20_000)


def replace(
    store: Store,
    connection: Connection,
    made: Iterable[pa.RecordBatch],
    versions: Mapping[str, int],
    on_values: Callable[[int], None],
) -> None:
    """Put lists of days (COLUMNS) in the place of the old; `versions` are those of the daily sums that go with them."""
    pace = Pace(*_VALUES)
    for batch in made:
        for piece in bulk.pieces(batch, pace):
            bulk.stage(connection, "staged_days", piece)
            with bulk.write(store, connection) as turn:
                bulk.execute(connection, _PUT)
            pace.took(turn, piece.num_rows)
            on_values(piece.num_rows)
    rows = pa.table({"day": list(versions), "version": list(versions.values())}, schema=_VERSIONS)
    bulk.stage(connection, "staged_versions", rows)
    with bulk.write(store, connection):
        for statement in _PUT_VERSIONS:
            bulk.execute(connection, statement)
