"""What the stores know of a client, deleted: transactions and all that hangs on them."""

from pydantic_core import from_json
from sqlalchemy import text

from fraudstack.storage import engines, profiles, sums
from fraudstack.storage.locks import ingest_turn
from fraudstack.storage.online import Connection
from fraudstack.storage.store import Store

_HISTORY = f"""SELECT {profiles.EVENT_COLUMNS}, (SELECT reasons FROM decisions d WHERE d.id = transactions.id)
    FROM transactions WHERE client_id = ?"""
_OF_TRANSACTIONS = ("decisions", "reviews", "claims")
_OF_CLIENTS = ("profiles", "profile_habits", "exceptions", "cards", "transactions")
# The lists of days name cards; merchants and amounts are nobody's.
_CARDS = """DELETE FROM days_seen WHERE kind = 'card' AND value IN
    (SELECT DISTINCT card_id FROM transactions WHERE client_id = ?)"""
_MEMBER = text("DELETE FROM client_clusters WHERE client_id = :client")


def forget(store: Store, clusters: Store, client: str) -> int:
    """Delete a client, the sums by day made right in the same transaction; returns how many transactions there were.

    Waits for an ingest that is going on. Rows that were refused lie in quarantine as they stood, of nobody.
    """
    with ingest_turn(store, lambda: None):
        connection = Connection(store)
        try:
            with connection.write([client]):
                history = connection.rows(_HISTORY, (client,))
                for *row, reasons in history:
                    event, said = profiles.event_of(tuple(row))
                    codes = [reason["code"] for reason in from_json(reasons)] if reasons else []
                    sums.take_away(connection, event, said, codes)
                for table in _OF_TRANSACTIONS:
                    ids = "SELECT id FROM transactions WHERE client_id = ?"
                    connection.execute(f"DELETE FROM {table} WHERE id IN ({ids})", (client,))
                connection.execute(_CARDS, (client,))
                for table in _OF_CLIENTS:
                    connection.execute(f"DELETE FROM {table} WHERE client_id = ?", (client,))
        finally:
            connection.close()
        if clusters.path is None or clusters.path.exists():
            with engines.write(clusters) as members:
                members.execute(_MEMBER, {"client": client})
    return len(history)
