"""Transactions that are taken out of the store, or changed back: chosen into a temporary table, and counted out."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from fraudstack.storage.connections.online import Connection, held
from fraudstack.storage.connections.pace import Pace
from fraudstack.storage.decisions import batch_days
from fraudstack.storage.following import changes
from fraudstack.storage.loads import Label

# Transactions in a write transaction: the first, the fewest, the most.
_ROWS = (200, 20, 2_000)

_MAKE = "CREATE TEMPORARY TABLE IF NOT EXISTS chosen (id BIGINT PRIMARY KEY, is_fraud INTEGER, known INTEGER)"
_NONE = "DELETE FROM chosen"
_CHOOSE = "INSERT INTO chosen (id, is_fraud, known) VALUES (?, ?, ?)"
_LEAVE = "DELETE FROM chosen WHERE id = ?"
_HOLD = "SELECT t.id FROM transactions t JOIN chosen c ON c.id = t.id ORDER BY t.id"
_DECIDED_OR_REVIEWED = """SELECT c.id FROM chosen c JOIN transactions t ON t.id = c.id
    WHERE EXISTS (SELECT 1 FROM decisions d WHERE d.id = c.id AND d.source = 'online')
    OR EXISTS (SELECT 1 FROM reviews r WHERE r.id = c.id) ORDER BY c.id"""
_STANDING = "SELECT t.client_id, t.id, {was} AS was FROM transactions t JOIN chosen c ON c.id = t.id"
_DROP_DECIDED = (
    batch_days.counting("SELECT id FROM chosen", -1),
    "DELETE FROM decisions WHERE source = 'batch' AND id IN (SELECT id FROM chosen)",
)


def in_turns[T](
    connection: Connection, items: Sequence[T], do: Callable[[Sequence[T]], None], on_rows: Callable[[int], None]
) -> None:
    """Do something with some items after the others, in write transactions that keep nobody waiting."""
    pace = Pace(*_ROWS)
    for several in pace.slices(items):
        with connection.write() as turn:
            do(several)
        pace.took(turn, len(several))
        on_rows(len(several))


def begin(connection: Connection) -> None:
    """Make room to choose in."""
    connection.execute(_MAKE)


def choose(connection: Connection, labels: Mapping[int, Label | None]) -> int:
    """Choose transactions by their ids, with a label for each, in the write transaction under way.

    Returns how many are there, and held.
    """
    connection.execute(_NONE)
    rows = ((id, None, None) if label is None else (id, label.is_fraud, label.known) for id, label in labels.items())
    connection.many(_CHOOSE, rows)
    return len(connection.rows(held(connection.store, _HOLD)))


def leave(connection: Connection, ids: Iterable[int]) -> None:
    """Choose some no more."""
    connection.many(_LEAVE, [(id,) for id in ids])


def leave_decided_or_reviewed(connection: Connection) -> list[int]:
    """Leave what was decided online or reviewed as it is; the ids of that."""
    found = [id for (id,) in connection.rows(_DECIDED_OR_REVIEWED)]
    leave(connection, found)
    return found


def enter(connection: Connection) -> None:
    """Let the chosen be counted anew, from what is counted of them now."""
    connection.execute(changes.entering(_STANDING.format(was=changes.counted(connection.store))))


def drop_decided(connection: Connection) -> None:
    """Let the chosen be decided in batch by nobody."""
    for statement in _DROP_DECIDED:
        connection.execute(statement)


def delete(connection: Connection, tables: Iterable[str]) -> None:
    """Delete the chosen from tables by their id."""
    for table in tables:
        connection.execute(f"DELETE FROM {table} WHERE id IN (SELECT id FROM chosen)")
