"""What the stores know of a client, deleted: transactions and all that hangs on them."""

import time

from pydantic_core import from_json
from sqlalchemy import text

from fraudstack.storage import engines, profiles, sums
from fraudstack.storage.batch import Pace, Turn
from fraudstack.storage.locks import ingest_turn
from fraudstack.storage.online import Connection
from fraudstack.storage.store import Store

_HISTORY = f"""SELECT {profiles.EVENT_COLUMNS}, (SELECT reasons FROM decisions d WHERE d.id = transactions.id)
    FROM transactions WHERE client_id = ? ORDER BY id LIMIT ?"""
_OF_TRANSACTIONS = ("decisions", "reviews", "claims", "transactions")
_OF_CLIENTS = ("profiles", "profile_habits", "exceptions", "cards")
# The lists of days name cards; merchants and amounts are nobody's.
_CARD = "DELETE FROM days_seen WHERE kind = 'card' AND value = ?"
_MEMBER = text("DELETE FROM client_clusters WHERE client_id = :client")
# Transactions in a write transaction: the first, the fewest, the most.
_ROWS = (200, 20, 2_000)


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
    turn = Turn()
    with connection.write([client]):
        started = time.perf_counter()
        history = connection.rows(_HISTORY, (client, most))
        cards = set()
        for *row, reasons in history:
            event, said = profiles.event_of(tuple(row))
            codes = [reason["code"] for reason in from_json(reasons)] if reasons else []
            sums.take_away(connection, event, said, codes)
            cards.add(event.card)
        for table in _OF_TRANSACTIONS:
            connection.many(f"DELETE FROM {table} WHERE id = ?", [(row[0],) for row in history])
        connection.many(_CARD, [(card,) for card in sorted(filter(None, cards))])
        for table in _OF_CLIENTS:
            connection.execute(f"DELETE FROM {table} WHERE client_id = ?", (client,))
    turn.seconds = time.perf_counter() - started
    return turn, len(history)
