"""Profiles in bulk: how those that an ingest made take the place of the old while the scorer goes on."""

from collections.abc import Callable, Mapping
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from adbc_driver_manager.dbapi import Connection

from fraudstack.storage import events
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.online import CLIENT_LOCKS
from fraudstack.storage.connections.pace import Pace
from fraudstack.storage.connections.store import Store
from fraudstack.storage.outdated.bulk import Swap, make_again, put
from fraudstack.storage.profiles import COLUMNS, HABITS, habit_rows, made_of, row_of

_TEXTS = ("client_id", "bought_squares")
_PROFILES = pa.schema([(name, pa.string() if name in _TEXTS else pa.int64()) for name in COLUMNS])
_HABITS = pa.schema([(name, pa.string() if name in HABITS[:3] else pa.int64()) for name in HABITS])

VERSIONS = "SELECT client_id, version FROM profiles"
_STALE = """SELECT s.client_id FROM staged_profiles s JOIN profiles p ON p.client_id = s.client_id
    WHERE p.version <> s.version - 1"""
# Of the clients on a stage, which {staged} names, and of one.
LOCK = f"""SELECT count(*) AS locked FROM (SELECT pg_advisory_xact_lock({CLIENT_LOCKS}, hashtext(client_id))
    FROM (SELECT client_id FROM {{staged}} ORDER BY client_id) clients) locks"""
LOCK_ONE = f"SELECT count(pg_advisory_xact_lock({CLIENT_LOCKS}, hashtext($1))) AS locked"
_SWAP = Swap(
    lock=LOCK.format(staged="staged_profiles"),
    lock_one=LOCK_ONE,
    changed=_STALE,
    leave_changed=(
        f"DELETE FROM staged_profiles WHERE client_id IN ({_STALE})",
        "DELETE FROM staged_habits WHERE client_id NOT IN (SELECT client_id FROM staged_profiles)",
    ),
    put=(
        "DELETE FROM profile_habits WHERE client_id IN (SELECT client_id FROM staged_profiles)",
        f"""INSERT INTO profiles ({", ".join(COLUMNS)}, recent)
            SELECT {", ".join(COLUMNS)}, '[]' FROM staged_profiles WHERE TRUE
            ON CONFLICT (client_id) DO UPDATE SET {", ".join(f"{c} = excluded.{c}" for c in COLUMNS[1:])}""",
        f"INSERT INTO profile_habits ({', '.join(HABITS)}) SELECT {', '.join(HABITS)} FROM staged_habits",
    ),
)
# Clients in a write transaction: the first, the fewest, the most.
_CLIENTS = (20, 1, 5_000)


def versions(connection: Connection) -> dict[str, int]:
    """The version of every profile: read before the transactions, so that what changes later is told by it."""
    found = bulk.query(connection, VERSIONS)
    return dict(zip(found.column("client_id").to_pylist(), found.column("version").to_pylist(), strict=True))


def replace(
    store: Store,
    connection: Connection,
    made: ds.Dataset,
    habits: ds.Dataset,
    known: Mapping[str, int],
    on_clients: Callable[[int], None],
) -> None:
    """Put profiles (sorted by client, COLUMNS without version) and habits (sorted, HABITS) in the place of the old.

    `known` are the versions from before they were made: a client with another one now is made again here. Versions
    rise, so that a decision under way looks again.
    """
    pace = Pace(*_CLIENTS)
    for batch in made.to_batches(batch_size=_CLIENTS[2]):
        for piece in bulk.pieces(batch, pace):
            profiles = _profiles(piece, known)
            ids = profiles.column("client_id")
            extent = pc.min_max(ids).as_py()
            client = pc.field("client_id")
            of_clients = habits.to_table(
                filter=(client >= extent["min"]) & (client <= extent["max"]) & pc.is_in(client, value_set=ids),
                columns=list(HABITS),
            )
            _stage(connection, profiles, of_clients.cast(_HABITS))
            turn, changed = put(store, connection, _SWAP)
            pace.took(turn, piece.num_rows)
            for client_id in changed:
                make_again(store, connection, _SWAP, client_id, partial(_stage_now, store, connection))
            on_clients(piece.num_rows)


def _profiles(piece: pa.Table, known: Mapping[str, int]) -> pa.Table:
    rows = piece.to_pylist()
    for row in rows:
        row["version"] = known.get(row["client_id"], 0) + 1
    return pa.Table.from_pylist(rows, schema=_PROFILES)


def _stage(connection: Connection, profiles: pa.Table, habits: pa.Table) -> None:
    bulk.stage(connection, "staged_profiles", profiles)
    bulk.stage(connection, "staged_habits", habits)


def _stage_now(store: Store, connection: Connection, client_id: str) -> None:
    # The version first: what changes after it is told by it.
    found = bulk.query(connection, f"{VERSIONS} WHERE client_id = $1", (client_id,))
    history = events.of(store, connection, "client_id = $1", (client_id,))
    profile = made_of(client_id, history)
    profile.version = found.column("version")[0].as_py() + 1
    _stage(
        connection,
        pa.Table.from_pylist([dict(zip(COLUMNS, row_of(profile), strict=True))], schema=_PROFILES),
        pa.Table.from_pylist([dict(zip(HABITS, row, strict=True)) for row in habit_rows(profile)], schema=_HABITS),
    )
