"""A load in bulk: entered with the lists of what it brought."""

from adbc_driver_manager.dbapi import Connection

from fraudstack.storage import loads
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.online import numbered
from fraudstack.storage.connections.store import Store
from fraudstack.storage.loads import Ints, Kind, Load


def begin(connection: Connection, run_id: str, step: str) -> Load:
    """A load that begins, for whoever has the turn to ingest; it is entered with what it changes."""
    return Load(bulk.query(connection, loads.NEXT).column("number")[0].as_py(), run_id, step)


def enter(store: Store, connection: Connection, load: Load) -> None:
    """Enter a load, unless it is, in the transaction under way."""
    statement, parameters = loads.noting(load, server=store.path is None)
    bulk.execute(connection, numbered(statement), parameters)


def note(store: Store, connection: Connection, load: Load, kind: Kind, *columns: Ints) -> None:
    """Enter a load with a list of what it brought, in the transaction under way."""
    enter(store, connection, load)
    statement, parameters = loads.listing(load.number, kind, *columns, server=store.path is None)
    bulk.execute(connection, numbered(statement), parameters)
