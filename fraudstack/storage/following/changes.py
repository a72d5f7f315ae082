"""What a file changed of transactions and isn't counted or decided yet: written with the rows, gone once it is.

An entry is of a client and a transaction, and holds what is counted of it, NULL for nothing, or that it is counted as
it stands and only to be decided: a process that was killed in between leaves nothing that isn't known. Loads and labels
enter it in bulk, within their own transactions.
"""

from collections.abc import Callable, Iterable, Sequence

from pydantic_core import from_json

from fraudstack.storage import profiles
from fraudstack.storage.connections.online import Connection, Row
from fraudstack.storage.connections.pace import Pace
from fraudstack.storage.connections.store import Store
from fraudstack.storage.following.follow import Change, follow
from fraudstack.storage.memories import Fact, place

# As rows of profiles.EVENT_COLUMNS, as JSON.
_AS_JSON = {True: "json_array({})", False: "CAST(json_build_array({}) AS TEXT)"}
_NOW = f"""SELECT {profiles.EVENT_COLUMNS}, (SELECT 1 FROM decisions d WHERE d.id = transactions.id)
    FROM transactions WHERE id = ? AND client_id = ?"""
_DONE = "DELETE FROM changes WHERE client_id = ? AND id = ?"
_AS_IT_STANDS = ""
_OF_CLIENT = f"SELECT id, was FROM changes WHERE client_id = ? AND was IS DISTINCT FROM '{_AS_IT_STANDS}' ORDER BY id"
# By their ids: a client may have a long history.
_UNDECIDED = f"""SELECT {profiles.EVENT_COLUMNS} FROM transactions
    WHERE id IN (SELECT id FROM changes WHERE client_id = ? AND was = '{_AS_IT_STANDS}')
    AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.id = transactions.id)"""
_TO_BE_COUNTED = f"SELECT 1 FROM changes WHERE client_id = ? AND id = ? AND was IS DISTINCT FROM '{_AS_IT_STANDS}'"
_COUNTED = f"UPDATE changes SET was = '{_AS_IT_STANDS}' WHERE client_id = ? AND id = ?"
_WAITS = f"""INSERT INTO changes (client_id, id, was) VALUES (?, ?, '{_AS_IT_STANDS}')
    ON CONFLICT (client_id, id) DO NOTHING"""
_DECIDED = f"DELETE FROM changes WHERE client_id = ? AND was = '{_AS_IT_STANDS}'"
_DECIDES = "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM outdated WHERE name = 'decisions')"
_CLIENTS = "SELECT client_id, count(*) FROM changes GROUP BY client_id ORDER BY client_id"
# Clients in a write transaction: the first, the fewest, the most.
CLIENTS = (5, 1, 500)


def entering(rows: str) -> str:
    """A statement that enters transactions, of which `rows` selects client_id, id and `was`.

    What was entered before stays: it is what is counted.
    """
    return f"""INSERT INTO changes (client_id, id, was) SELECT client_id, id, was FROM ({rows}) entered WHERE true
        ON CONFLICT (client_id, id) DO UPDATE SET was = excluded.was WHERE changes.was = '{_AS_IT_STANDS}'"""


def counted(store: Store) -> str:
    """The value of `was` for transactions `t` as they stand."""
    columns = profiles.event_columns("t")
    return _AS_JSON[store.path is not None].format(columns)


def follow_client(connection: Connection, client_id: str) -> int:
    """Count what waits of a client, in the write transaction under way, which has the client; how much it was."""
    return follow_clients(connection, [client_id])


def follow_clients(connection: Connection, clients: Sequence[str]) -> int:
    """Count what waits of clients, as `follow_client` does; what of them is asked of the store is asked together."""
    found = connection.rows_of(*((_OF_CLIENT, (client_id,)) for client_id in clients))
    waiting = [(client_id, id, was) for client_id, rows in zip(clients, found, strict=True) for id, was in rows]
    if not waiting:
        return 0
    changes: dict[str, list[Change]] = {}
    stay: list[tuple[str, int]] = []
    go: list[tuple[str, int]] = []
    decides = bool(connection.rows(_DECIDES))
    stand = connection.rows_of(*((_NOW, (id, client_id)) for client_id, id, _ in waiting))
    for (client_id, id, was), rows in zip(waiting, stand, strict=True):
        now = profiles.event_of(rows[0][:-1]) if rows else None
        change = Change(None if was is None else profiles.event_of(from_json(was)), now)
        if change.was != change.now:
            changes.setdefault(client_id, []).append(change)
        (stay if decides and rows and not rows[0][-1] else go).append((client_id, id))
    known = profiles.read_sums(connection, list(changes))
    latest = profiles.latest_of(connection, [(client_id, len(several) + 1) for client_id, several in changes.items()])
    for several, profile, places in zip(changes.values(), known, latest, strict=True):
        follow(connection, profile, several, places)
    connection.many(_COUNTED, stay)
    connection.many(_DONE, go)
    return sum(map(len, changes.values()))


def undecided(connection: Connection, clients: Sequence[str]) -> list[list[Fact]]:
    """The transactions of each of some clients that are counted and only to be decided, in order."""
    found = connection.rows_of(*((_UNDECIDED, (client_id,)) for client_id in clients))
    return [_of(client_id, rows) for client_id, rows in zip(clients, found, strict=True)]


def _of(client_id: str, rows: Iterable[Row]) -> list[Fact]:
    """A client's transactions among rows of profiles.EVENT_COLUMNS, in order."""
    facts = map(profiles.event_of, rows)
    return sorted((fact for fact in facts if fact[0].client_id == client_id), key=lambda fact: place(fact[0]))


def to_be_counted(connection: Connection, several: Sequence[tuple[str, int]]) -> list[bool]:
    """Whether transactions, by client and id, were changed, also such as are gone, and aren't counted yet."""
    return list(map(bool, connection.rows_of(*((_TO_BE_COUNTED, one) for one in several))))


def wait(connection: Connection, client_id: str) -> bool:
    """Whether something of a client isn't counted yet."""
    return bool(connection.rows(f"{_OF_CLIENT} LIMIT 1", (client_id,)))


def decided(connection: Connection, client_id: str) -> None:
    """Whatever is counted of a client is decided too; in the transaction under way."""
    connection.execute(_DECIDED, (client_id,))


def waits(connection: Connection, client_id: str, id: int) -> None:
    """Let a transaction that is counted be decided by the next that decides; in the transaction under way."""
    connection.execute(_WAITS, (client_id, id))


def done(connection: Connection, client_id: str, ids: Iterable[int]) -> None:
    """Nothing waits any more of transactions of a client; in the transaction under way."""
    connection.many(_DONE, [(client_id, id) for id in ids])


def waiting(connection: Connection) -> list[tuple[str, int]]:
    """The clients of whom something waits to be counted or decided, and how many transactions of each."""
    return [(client_id, int(several)) for client_id, several in connection.rows(_CLIENTS)]


def count_all(connection: Connection, clients: Sequence[str], on_rows: Callable[[int], None]) -> int:
    """Count what waits of clients, in write transactions that keep nobody waiting; returns how much it was."""
    pace, total = Pace(*CLIENTS), 0
    for several in pace.slices(clients):
        with connection.write(several) as turn:
            found = follow_clients(connection, several)
        pace.took(turn, len(several))
        total += found
        on_rows(found)
    return total
