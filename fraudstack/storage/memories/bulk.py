"""What a model has to know of clients, in bulk: what a job remembered takes the place of the old, beside the scorer.

As with profiles, what changed since the job read the store is told by versions: a client is made again alone.
"""

from collections.abc import Callable, Mapping
from functools import partial

import pyarrow as pa
import pyarrow.dataset as ds
from adbc_driver_manager.dbapi import Connection
from pydantic_core import to_json

from fraudstack.features.client import remembered
from fraudstack.storage import events
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.pace import Pace
from fraudstack.storage.connections.store import Store
from fraudstack.storage.outdated.bulk import Swap, make_again, put
from fraudstack.storage.profiles.bulk import LOCK, LOCK_ONE, VERSIONS

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
# Clients in a write transaction: the first, the fewest, the most.
_CLIENTS = (50, 1, 5_000)


def replace(
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


def _stage_now(store: Store, connection: Connection, client_id: str) -> None:
    # The version first: what changes after it is told by it.
    found = bulk.query(connection, f"{VERSIONS} WHERE client_id = $1", (client_id,))
    history = events.of(store, connection, "client_id = $1", (client_id,))
    memory = remembered(history)
    row = {
        "client_id": client_id,
        "version": found.column("version")[0].as_py() + 1,
        "memory": to_json(memory.state()).decode(),
    }
    bulk.stage(connection, "staged_memories", pa.Table.from_pylist([row], schema=_MEMORIES))
