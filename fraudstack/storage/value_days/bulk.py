"""What came in with values by day, in bulk: what a job counted takes the place of the old while the scorer goes on.

What changed since the job read the store is told by the days' versions: such a day's transactions are counted again.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_manager.dbapi import Connection

from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.pace import Pace
from fraudstack.storage.connections.store import Store
from fraudstack.storage.sums import REBUILD_LOCK
from fraudstack.storage.sums import bulk as sums_bulk
from fraudstack.storage.value_days import COLUMNS

VALUE_DAYS = pa.schema([(name, pa.string() if name in ("kind", "value") else pa.int64()) for name in COLUMNS])
_LOCK_DAYS = f"SELECT count(pg_advisory_xact_lock({REBUILD_LOCK}, 0)) AS locked"
# A day's transactions as they are now, with the values of the stage. Labels stay as they were found. All but merchants
# have sums of their days, which the scorer keeps.
_COUNT_NO_MORE = "UPDATE staged_values SET transactions = 0, cents = 0 WHERE day = {day}"
_COUNT_AGAIN = f"""INSERT INTO staged_values ({", ".join(COLUMNS)})
    SELECT 'merchant', merchant_id, {{day}}, 1, count(*), CAST(sum(round(amount * 100)) AS BIGINT), 0, 0, 0
    FROM transactions WHERE date >= CAST('{{first}} 00:00:00' AS {{date}}) AND date < CAST('{{end}}' AS {{date}})
    AND merchant_id IN (SELECT value FROM staged_values WHERE kind = 'merchant') GROUP BY merchant_id
    UNION ALL
    SELECT kind, value, {{day}}, 1, CAST(sum(transactions) AS BIGINT), 0, 0, 0, 0 FROM daily_sums
    WHERE day = '{{first}}' AND (kind, value) IN (SELECT kind, value FROM staged_values)
    GROUP BY kind, value"""
_PUT_VALUES = (
    "DELETE FROM value_days WHERE (kind, value) IN (SELECT kind, value FROM staged_values)",
    f"INSERT INTO value_days ({', '.join(COLUMNS)}) SELECT {', '.join(COLUMNS)} FROM staged_values",
)
# Rows in a write transaction: the first, the fewest, the most.
_ROWS = (500, 100, 20_000)
_EPOCH = date(1970, 1, 1)


def replace(
    store: Store, connection: Connection, made: pa.Table, known: Mapping[str, int], on_rows: Callable[[int], None]
) -> None:
    """Put what came in with values (VALUE_DAYS, sorted by kind and value) in the place of the old.

    `known` are the days' versions from before it was counted.
    """
    pace = Pace(*_ROWS)
    keys = made.select(["kind", "value"]).combine_chunks()
    # Where a value's rows begin: a value is replaced as a whole.
    begins = [0, *_changes(keys), made.num_rows]
    place = 0
    while place < len(begins) - 1:
        end = place + 1
        while end < len(begins) - 1 and begins[end + 1] - begins[place] <= pace.rows:
            end += 1
        piece = made.slice(begins[place], begins[end] - begins[place])
        bulk.stage(connection, "staged_values", piece)
        with bulk.write(store, connection) as turn:
            if store.path is None:
                bulk.query(connection, _LOCK_DAYS)
            for day in _changed_days(connection, known):
                _count_again(store, connection, day)
            for statement in _PUT_VALUES:
                bulk.execute(connection, statement)
        pace.took(turn, piece.num_rows)
        on_rows(piece.num_rows)
        place = end


def _changes(keys: pa.Table) -> list[int]:
    """Places at which the key is another one than before."""
    if keys.num_rows < 2:
        return []
    differs = [pc.not_equal(column.slice(1), column.slice(0, len(column) - 1)) for column in keys.columns]
    found = pc.indices_nonzero(pc.or_(*(column.combine_chunks() for column in differs)))
    return [int(place) + 1 for place in found.to_pylist()]


def _changed_days(connection: Connection, known: Mapping[str, int]) -> list[str]:
    now = sums_bulk.versions(connection)
    return [day for day, version in now.items() if known.get(day, 0) != version]


def _count_again(store: Store, connection: Connection, day: str) -> None:
    first = date.fromisoformat(day)
    values = {
        "day": (first - _EPOCH).days,
        "first": first,
        "end": f"{first + timedelta(days=1)} 00:00:00",
        "date": "TEXT" if store.path else "TIMESTAMP",
    }
    for statement in (_COUNT_NO_MORE, _COUNT_AGAIN):
        bulk.execute(connection, statement.format(**values))
