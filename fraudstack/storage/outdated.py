"""What is made of all transactions at once, because a store was empty or a file is large against it."""

from adbc_driver_manager.dbapi import Connection

from fraudstack.schema import OUTDATED
from fraudstack.storage import batch as bulk
from fraudstack.storage.store import Store

NAMES = PROFILES, MEMORIES, DECISIONS = OUTDATED
_MARK = "INSERT INTO outdated (name) VALUES ($1) ON CONFLICT (name) DO NOTHING"
_CLEAR = "DELETE FROM outdated WHERE name = $1"
_IS = "SELECT name FROM outdated WHERE name = $1"
# What waits to be counted will be, with all the rest.
_FORGET_CHANGES = "DELETE FROM changes"


def mark(store: Store, connection: Connection) -> None:
    """Let all be made anew that follows from transactions."""
    with bulk.write(store, connection):
        for name in NAMES:
            bulk.execute(connection, _MARK, (name,))
        bulk.execute(connection, _FORGET_CHANGES)


def clear(store: Store, connection: Connection, name: str) -> None:
    """Note that it was made."""
    with bulk.write(store, connection):
        bulk.execute(connection, _CLEAR, (name,))


def holds(connection: Connection, name: str) -> bool:
    """Whether it is to be made anew."""
    return bool(bulk.query(connection, _IS, (name,)).num_rows)
