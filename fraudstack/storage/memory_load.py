"""What models look at, in bulk: what a job remembered takes the place of the old while the scorer goes on.

As with profiles, what changed since the job read the store is told by versions: a client is made again alone, and the
transactions of a day are counted again.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from adbc_driver_manager.dbapi import Connection
from pydantic_core import to_json

from fraudstack.features import remembered
from fraudstack.storage import batch as bulk
from fraudstack.storage import events, sums_load
from fraudstack.storage.pace import Pace
from fraudstack.storage.profile_load import LOCK, LOCK_ONE, VERSIONS
from fraudstack.storage.rebuild import Swap, make_again, put
from fraudstack.storage.store import Store
from fraudstack.storage.sums import REBUILD_LOCK
from fraudstack.storage.value_days import COLUMNS

_MEMORIES = pa.schema([("client_id", pa.string()), ("version", pa.int64()), ("memory", pa.string())])
_CHANGED = """SELECT s.client_id FROM staged_memories s JOIN profiles p ON p.client_id = s.client_id
    WHERE p.version <> s.version - 1"""
_SWAP = Swap(
    lock=LOCK.format(staged="staged_memories"),
    lock_one=LOCK_ONE,
    changed=_CHANGED,
    leave_changed=(f"DELETE FROM staged_memories WHERE client_id IN ({_CHANGED})",),
    put=(
        """UPDATE profiles SET memory = s.memory, version = s.version FROM staged_memories s
            WHERE s.client_id = profiles.client_id""",
    ),
)
VALUE_DAYS = pa.schema([(name, pa.string() if name in ("kind", "value") else pa.int64()) for name in COLUMNS])
_LOCK_DAYS = f"SELECT count(pg_advisory_xact_lock({REBUILD_LOCK}, 0)) AS locked"
# A day's transactions as they are now, with the merchants of the stage. Labels stay as they were found; of the other
# kinds nothing else is looked at.
_COUNT_NO_MORE = "UPDATE staged_values SET transactions = 0, cents = 0 WHERE kind = 'merchant' AND day = {day}"
_COUNT_AGAIN = f"""INSERT INTO staged_values ({", ".join(COLUMNS)})
    SELECT 'merchant', merchant_id, {{day}}, 1, count(*), CAST(sum(round(amount * 100)) AS BIGINT), 0, 0, 0
    FROM transactions WHERE date >= CAST('{{first}}' AS {{date}}) AND date < CAST('{{end}}' AS {{date}})
    AND merchant_id IN (SELECT value FROM staged_values WHERE kind = 'merchant') GROUP BY merchant_id"""
_PUT_VALUES = (
    "DELETE FROM value_days WHERE (kind, value) IN (SELECT kind, value FROM staged_values)",
    f"INSERT INTO value_days ({', '.join(COLUMNS)}) SELECT {', '.join(COLUMNS)} FROM staged_values",
)
# Clients and rows of value_days in a write transaction: the first, the fewest, the most.
_CLIENTS, _ROWS = (50, 1, 5_000), (500, 100, 20_000)
_EPOCH = date(1970, 1, 1)


def replace_memories(
    store: Store,
    connection: Connection,
    made: ds.Dataset,
    known: Mapping[str, int],
    on_clients: Callable[[int], None],
) -> None:
    """Put memories (columns client_id, memory) in the place of the old; `known` are the profiles' versions before."""
    pace = Pace(*_CLIENTS)
    for batch in made.to_batches(columns=["client_id", "memory"], batch_size=_CLIENTS[2]):
        for piece in bulk.pieces(batch, pace):
            versions = [known.get(client, 0) + 1 for client in piece.column("client_id").to_pylist()]
            bulk.stage(connection, "staged_memories", piece.append_column("version", pa.array(versions, pa.int64())))
            turn, changed = put(store, connection, _SWAP)
            pace.took(turn, piece.num_rows)
            for client in changed:
                make_again(store, connection, _SWAP, client, partial(_stage_now, store, connection))
            on_clients(piece.num_rows)


def replace_days(
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
    now = sums_load.versions(connection)
    return [day for day, version in now.items() if known.get(day, 0) != version]


def _count_again(store: Store, connection: Connection, day: str) -> None:
    first = date.fromisoformat(day)
    said = {
        "day": (first - _EPOCH).days,
        "first": f"{first} 00:00:00",
        "end": f"{first + timedelta(days=1)} 00:00:00",
        "date": "TEXT" if store.path else "TIMESTAMP",
    }
    for statement in (_COUNT_NO_MORE, _COUNT_AGAIN):
        bulk.execute(connection, statement.format(**said))


def _stage_now(store: Store, connection: Connection, client_id: str) -> None:
    # The version first: what changes after it is told by it.
    found = bulk.query(connection, f"{VERSIONS} WHERE client_id = $1", (client_id,))
    history = events.of(store, connection, "client_id = $1", (client_id,))
    memory = remembered((event, said.is_fraud) for event, said in history)
    row = {
        "client_id": client_id,
        "version": found.column("version")[0].as_py() + 1,
        "memory": to_json(memory.state()).decode(),
    }
    bulk.stage(connection, "staged_memories", pa.Table.from_pylist([row], schema=_MEMORIES))
