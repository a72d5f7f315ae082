"""What the stores know of a client, deleted: transactions and all that hangs on them."""

from sqlalchemy import text

from fraudstack.storage import loads, profiles, transactions, value_days
from fraudstack.storage.connections import engines
from fraudstack.storage.connections.locks import ingest_turn
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.pace import Pace, Turn
from fraudstack.storage.connections.store import Store
from fraudstack.storage.decisions import batch_days
from fraudstack.storage.following.changes import done, follow_client
from fraudstack.storage.following.follow import Change, follow
from fraudstack.storage.memories import was_ordinary
from fraudstack.texts import same_id

_HISTORY = f"""SELECT {transactions.REASONED} FROM transactions WHERE client_id = ?
    ORDER BY date DESC, id DESC LIMIT ?"""
_OF_TRANSACTIONS = ("decisions", "reviews", "claims", "challenges", "replaced", "label_days", "transactions")
_OF_CLIENTS = ("profiles", "profile_habits", "exceptions", "cards", "changes", "replaced")
_LISTS = ("lists", "lists_past")
_MEMBER = text("DELETE FROM client_clusters WHERE client_id = :client")
# Transactions in a write transaction: the first, the fewest, the most.
_ROWS = (100, 20, 2_000)


def forget(store: Store, clusters: Store, client: str) -> int:
    """Delete a client, in write transactions that keep nobody waiting; returns how many transactions there were.

    The sums by day are right after each. One that was stopped halfway is finished by forgetting again. Waits for an
    ingest that is going on. Rows that were refused lie in quarantine as they stood, of nobody.
    """
    gone = 0
    with ingest_turn(store, lambda: None):
        connection = Connection(store)
        pace = Pace(*_ROWS)
        try:
            while True:
                turn, rows = _forget_some(connection, client, pace.rows)
                gone += rows
                if rows < pace.rows:
                    break
                pace.took(turn, rows)
        finally:
            connection.close()
        if clusters.path is None or clusters.path.exists():
            with engines.write(clusters) as members:
                members.execute(_MEMBER, {"client": client})
    return gone


def _forget_some(connection: Connection, client: str, most: int) -> tuple[Turn, int]:
    """Delete some of a client's transactions, and what is made of them all; how many there were."""
    with connection.write([client]) as turn:
        follow_client(connection, client)
        history = connection.rows(_HISTORY, (client, most))
        changes = []
        for row in history:
            event, marks = transactions.take_out_reasons(connection, row)
            changes.append(Change((event, marks), None))
            # As long as what came before is there.
            value_days.count(connection, event, marks, was_ordinary(connection, event, marks), -1)
        connection.many(batch_days.TAKE_OUT, [(row[0],) for row in history])
        done(connection, client, [row[0] for row in history])
        loads.take_out(connection, [row[0] for row in history])
        for table in _OF_TRANSACTIONS:
            connection.many(f"DELETE FROM {table} WHERE id = ?", [(row[0],) for row in history])
        if changes:
            [profile] = profiles.read_sums(connection, [client])
            # Of a client who goes nothing is remembered; those whom it dealt with are told apart, below.
            profile.memory = None
            follow(connection, profile, changes, profiles.latest(connection, client, len(changes) + 1))
        if len(history) < most:
            for table in _OF_CLIENTS:
                connection.execute(f"DELETE FROM {table} WHERE client_id = ?", (client,))
            for table in _LISTS:
                connection.execute(f"DELETE FROM {table} WHERE kind = 'client' AND value = ?", (same_id(client),))
    return turn, len(history)
