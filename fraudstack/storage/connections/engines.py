"""SQLAlchemy engines on a store: one that can only read, one that writes in turn."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from fraudstack.errors import StoreError
from fraudstack.storage.connections.locks import keep_turn, write_turn
from fraudstack.storage.connections.store import Store

_BUSY_SECONDS = 10


def read_only(store: Store) -> Engine:
    """An engine whose connections can't write.

    Raises StoreError when a SQLite file isn't there: reading never creates one.
    """
    if store.path is None:
        return _postgresql(store, "-c default_transaction_read_only=on")
    if not store.path.exists():
        raise StoreError(
            f"there is no store at {store.path}: `fraudstack ingest` or the DAG transactions_ingest makes it"
        )
    return _sqlite(store.path, "ro")


@contextmanager
def read(store: Store) -> Iterator[Connection]:
    """One connection that can't write, closed at the end; raises StoreError as `read_only` does."""
    engine = read_only(store)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def write(store: Store) -> Iterator[Connection]:
    """One write transaction, in turn with every other writer; commits at the end, rolls back on an error."""
    with write_turn(store):
        engine = _postgresql(store, "") if store.path is None else _sqlite(store.path, "rwc")
        try:
            with engine.begin() as connection:
                keep_turn(store, lambda statement: connection.exec_driver_sql(statement).scalar())
                yield connection
        except OperationalError as error:
            raise StoreError(f"the store {store.shown} can't be written: {error.orig}") from error
        finally:
            # Closing the last handle on a SQLite file is a checkpoint: it belongs inside the turn.
            engine.dispose()


def _postgresql(store: Store, options: str) -> Engine:
    url = store.url.replace("postgresql://", "postgresql+psycopg://", 1)
    given = {"options": store.options(f"-c timezone=UTC {options}")}
    return create_engine(url, connect_args=given, pool_pre_ping=True)


def _sqlite(path: Path, mode: str) -> Engine:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True, timeout=_BUSY_SECONDS, check_same_thread=False)

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    # sqlite3 would begin late and leave DDL outside the transaction: we begin ourselves.
    @event.listens_for(engine, "connect")
    def _no_implicit_begin(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if mode == "ro" else "BEGIN IMMEDIATE")

    return engine
