"""Bulk access to a store: ADBC connections that speak Arrow, and short write transactions in turn."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import adbc_driver_manager
import adbc_driver_postgresql.dbapi
import adbc_driver_sqlite.dbapi
import pyarrow as pa
from adbc_driver_manager.dbapi import Connection

from fraudstack.errors import StoreError
from fraudstack.storage.connections.locks import keep_turn, write_turn
from fraudstack.storage.connections.online import numbered
from fraudstack.storage.connections.pace import Pace, Turn
from fraudstack.storage.connections.store import Store

_BUSY_MILLISECONDS = 10_000
# A server's codes for a transaction that collided with others: serialization, deadlock, the same key at once
# (PostgreSQL, Appendix A), and how often it is tried.
_COLLIDED, _TRIES = ("40001", "40P01", "23505"), 4


@contextmanager
def connect(store: Store, *, read_only: bool = False) -> Iterator[Connection]:
    """A connection in autocommit mode; `write` makes its transactions.

    Raises StoreError when the store can't be reached.
    """
    try:
        connection = _open(store, read_only=read_only)
    except adbc_driver_manager.Error as error:
        raise StoreError(f"the store {store.shown} can't be opened: {_first_line(error)}") from error
    try:
        yield connection
    except adbc_driver_manager.Error as error:
        raise StoreError(f"the store {store.shown} failed: {_first_line(error)}") from error
    finally:
        if read_only:
            connection.close()
        else:
            # Closing the last handle on a SQLite file is a checkpoint: it belongs inside a turn.
            with write_turn(store):
                connection.close()


@contextmanager
def write(store: Store, connection: Connection) -> Iterator[Turn]:
    """One write transaction, in turn with every other writer; commits at the end, rolls back on an error."""
    turn = Turn()
    with write_turn(store):
        started = time.perf_counter()
        execute(connection, "BEGIN IMMEDIATE" if store.path else "BEGIN")
        try:
            keep_turn(store, lambda statement: rows(connection, statement)[0][0])
            yield turn
        except BaseException:
            execute(connection, "ROLLBACK")
            raise
        execute(connection, "COMMIT")
        turn.seconds = time.perf_counter() - started


def write_again[T](store: Store, connection: Connection, do: Callable[[], T]) -> tuple[Turn, T]:
    """A write transaction for what `do` does, done again where it collided with what a scorer writes; its answer."""
    tries = _TRIES
    while True:
        try:
            with write(store, connection) as turn:
                found = do()
            return turn, found
        except adbc_driver_manager.Error as error:
            tries -= 1
            if error.sqlstate not in _COLLIDED or not tries:
                raise


def pieces(batch: pa.RecordBatch, pace: Pace) -> Iterator[pa.Table]:
    """Cut `batch` into pieces, each as long as the pace allows when its turn comes."""
    start = 0
    while start < batch.num_rows:
        piece = batch.slice(start, pace.rows)
        start += piece.num_rows
        yield pa.Table.from_batches([piece])


def execute(connection: Connection, statement: str, parameters: tuple[Any, ...] = ()) -> None:
    """Run a statement; parameters stand in it as $1, $2, …, in this order."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)


def query(connection: Connection, statement: str, parameters: tuple[Any, ...] = ()) -> pa.Table:
    """The whole answer of a query, as an Arrow table."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetch_arrow_table()


def rows(connection: Connection, statement: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The answer of a query, row by row; `?` stands for its parameters."""
    return list(zip(*query(connection, numbered(statement), parameters).to_pydict().values(), strict=True))


def stream(store: Store, connection: Connection, statement: str) -> Iterator[pa.RecordBatch]:
    """The answer of a query, a batch at a time."""
    with connection.cursor() as cursor:
        if store.path:
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": "65536"})
        cursor.execute(statement)
        yield from cursor.fetch_record_batch()


def append(connection: Connection, table: str, rows: pa.Table) -> None:
    """Bulk-load rows into a table that has columns of their names."""
    with connection.cursor() as cursor:
        cursor.adbc_ingest(table, rows, mode="append")


def stage(connection: Connection, table: str, rows: pa.Table) -> None:
    """Put rows into a temporary table of this connection, in the place of what was there."""
    with connection.cursor() as cursor:
        cursor.adbc_ingest(table, rows, mode="replace", temporary=True)


def _open(store: Store, *, read_only: bool) -> Connection:
    if store.path is None:
        server: Connection = adbc_driver_postgresql.dbapi.connect(store.url, autocommit=True)
        execute(server, "SET timezone TO 'UTC'")
        if read_only:
            execute(server, "SET default_transaction_read_only TO on")
        return server
    mode = "ro" if read_only else "rw"
    connection: Connection = adbc_driver_sqlite.dbapi.connect(f"{store.path.as_uri()}?mode={mode}", autocommit=True)
    for pragma in (
        f"busy_timeout={_BUSY_MILLISECONDS}",
        # Sorts for an index on both cores; in temporary files, which is faster than in memory here.
        "threads=2",
        # A power cut may cost a bulk load its last commits; it is run again then.
        "synchronous=NORMAL",
        # New rows touch a page of each client's: they stay in memory, and go to the file once for several commits, but
        # not so many pages at a time that the commit that waits for it were long.
        "cache_size=-65536",
        "wal_autocheckpoint=6000",
    ):
        query(connection, f"PRAGMA {pragma}")
    return connection


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
