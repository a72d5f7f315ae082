"""What a file changed of transactions and isn't counted yet: written with the rows, and gone once it is followed.

An entry is of a client and a transaction, and holds what is counted of it, or NULL for nothing: a process that was
killed in between leaves nothing that isn't known. Loads and labels enter it in bulk, within their own transactions.
"""

from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter

from pydantic_core import from_json

from fraudstack.storage import profiles
from fraudstack.storage.batch import Pace, Turn
from fraudstack.storage.follow import Change, follow
from fraudstack.storage.online import Connection
from fraudstack.storage.store import Store

# As rows of profiles.EVENT_COLUMNS, as JSON.
_AS_JSON = {True: "json_array({})", False: "CAST(json_build_array({}) AS TEXT)"}
_OF_CLIENT = "SELECT id, was FROM changes WHERE client_id = ? ORDER BY id"
_NOW = f"SELECT {profiles.EVENT_COLUMNS} FROM transactions WHERE id = ? AND client_id = ?"
_DONE = "DELETE FROM changes WHERE client_id = ? AND id = ?"
_CLIENTS = "SELECT client_id, count(*) FROM changes GROUP BY client_id ORDER BY client_id"
# Clients in a write transaction: the first, the fewest, the most.
_MANY = (5, 1, 500)


def entering(rows: str) -> str:
    """A statement that enters transactions, of which `rows` selects client_id, id and `was`.

    What was entered before stays: it is what is counted.
    """
    return f"""INSERT INTO changes (client_id, id, was) SELECT client_id, id, was FROM ({rows}) entered WHERE true
        ON CONFLICT (client_id, id) DO NOTHING"""


def counted(store: Store, table: str) -> str:
    """The value of `was` for transactions of a table, as they stand there."""
    columns = ", ".join(f"{table}.{name}" for name in profiles.EVENT_COLUMNS.split(", "))
    return _AS_JSON[store.path is not None].format(columns)


def follow_client(connection: Connection, client_id: str) -> int:
    """Count what waits of a client, in the write transaction under way, which has the client; how much it was."""
    waiting = connection.rows(_OF_CLIENT, (client_id,))
    if waiting:
        changes = []
        for id, was in waiting:
            now = connection.rows(_NOW, (id, client_id))
            changes.append(
                Change(
                    None if was is None else profiles.event_of(from_json(was)),
                    profiles.event_of(now[0]) if now else None,
                )
            )
        changes = [change for change in changes if change.was != change.now]
        if changes:
            follow(connection, profiles.read_sums(connection, client_id), changes, of_file=True)
        connection.many(_DONE, [(client_id, id) for id, _ in waiting])
    return len(waiting)


def waiting(connection: Connection) -> list[tuple[str, int]]:
    """The clients of whom something waits to be counted, and how many transactions of each."""
    return [(client_id, int(several)) for client_id, several in connection.rows(_CLIENTS)]


def follow_all(connection: Connection, clients: Sequence[str], on_rows: Callable[[int], None]) -> int:
    """Count what waits of clients, in write transactions that keep nobody waiting; returns how much it was."""
    pace, done, total = Pace(*_MANY), 0, 0
    while done < len(clients):
        several = clients[done : done + pace.rows]
        turn = Turn()
        with connection.write(several):
            started = perf_counter()
            found = sum(map(partial(follow_client, connection), several))
        turn.seconds = perf_counter() - started
        pace.took(turn, len(several))
        done += len(several)
        total += found
        on_rows(found)
    return total
