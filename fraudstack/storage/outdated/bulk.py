"""What an ingest made anew takes the place of the old, while the scorer goes on changing the old.

Each thing has a version that rises with every change. What was made carries the version that follows the one it was
made by; where the store has moved on, it is made again alone: beside the scorer, and if it keeps changing, while that
waits.
"""

from collections.abc import Callable
from dataclasses import dataclass

from adbc_driver_manager.dbapi import Connection

from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.pace import Turn
from fraudstack.storage.connections.store import Store
from fraudstack.storage.outdated import MARK

_MADE = "DELETE FROM outdated WHERE name = $1"
_IS_DUE = "SELECT name FROM outdated WHERE name = $1"
# How often a thing that keeps changing is made again before everybody waits for it.
_TRIES = 3


@dataclass(frozen=True)
class Swap:
    """The statements that put staged rows in the place of the old; PostgreSQL's locks keep the scorer off meanwhile."""

    # Of everything staged, and of one thing, whose name is $1 if the statement asks for it.
    lock: str
    lock_one: str
    # The names of staged things that changed meanwhile, and what takes them off the stage.
    changed: str
    leave_changed: tuple[str, ...]
    put: tuple[str, ...]


def order(store: Store, connection: Connection) -> None:
    """Let all be made anew that follows from transactions."""
    with bulk.write(store, connection):
        for statement in MARK:
            bulk.execute(connection, statement)


def made(store: Store, connection: Connection, name: str) -> None:
    """Note that one of outdated.NAMES was made."""
    with bulk.write(store, connection):
        bulk.execute(connection, _MADE, (name,))


def is_due(connection: Connection, name: str) -> bool:
    """Whether one of outdated.NAMES is to be made anew."""
    return bool(bulk.query(connection, _IS_DUE, (name,)).num_rows)


def put(store: Store, connection: Connection, swap: Swap) -> tuple[Turn, list[str]]:
    """Put what is staged in the place of the old, but for what changed meanwhile; returns the names of that."""
    with bulk.write(store, connection) as turn:
        if store.path is None:
            bulk.query(connection, swap.lock)
        changed = bulk.query(connection, swap.changed).column(0).to_pylist()
        for statement in (*swap.leave_changed, *swap.put) if changed else swap.put:
            bulk.execute(connection, statement)
    return turn, changed


def make_again(store: Store, connection: Connection, swap: Swap, name: str, stage: Callable[[str], None]) -> None:
    """Put one thing anew, which `stage` makes of what the store holds at that moment."""
    for _ in range(_TRIES):
        stage(name)
        if not put(store, connection, swap)[1]:
            return
    with bulk.write(store, connection):
        if store.path is None:
            bulk.query(connection, swap.lock_one, (name,) if "$1" in swap.lock_one else ())
        stage(name)
        for statement in swap.put:
            bulk.execute(connection, statement)
