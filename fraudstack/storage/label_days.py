"""From which day on it is known what is said of a transaction, where that is told: by its label, or by a verdict.

Without a row a label is known a delay after its transaction.
"""

from fraudstack.storage.connections.online import Connection

_PUT = "INSERT INTO label_days (id, day) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET day = excluded.day"
_FORGET = "DELETE FROM label_days WHERE id = ?"


def known_day(of: str) -> str:
    """The day, since 1970, of the rows of a table with ids, or NULL: an expression."""
    return f"(SELECT l.day FROM label_days l WHERE l.id = {of}.id)"


def tell(connection: Connection, id: int, day: int | None) -> None:
    """Know since when the truth of a transaction is known, in the transaction under way; None: nobody tells."""
    if day is None:
        connection.execute(_FORGET, (id,))
    else:
        connection.execute(_PUT, (id, day))
