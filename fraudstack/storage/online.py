"""The scorer's connections: one row at a time, over the databases' own clients, without a layer between.

A decision is a dozen statements: what SQLAlchemy adds to each would cost more than the statements themselves.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any

import psycopg

from fraudstack.errors import StoreError
from fraudstack.profiles.event import date_of
from fraudstack.schema import DATE_FORMAT
from fraudstack.storage.locks import write_turn, write_turn_at_once
from fraudstack.storage.store import Store

Row = tuple[Any, ...]
_BUSY_SECONDS = 10
# Namespace of the advisory locks, apart from those of an upgrade and an ingest.
CLIENT_LOCKS = 1_081
_LOCK = f"SELECT pg_advisory_xact_lock({CLIENT_LOCKS}, hashtext(c)) FROM unnest(CAST(? AS text[])) AS c"


class Connection:
    """A connection of one thread. Statements hold `?` for parameters, on both databases."""

    def __init__(self, store: Store, *, read_only: bool = False) -> None:
        """Open it; raises StoreError when the store can't be reached."""
        self.store = store
        try:
            self._raw = _sqlite(store, read_only) if store.path else _postgresql(store, read_only)
        except (sqlite3.Error, psycopg.Error) as error:
            raise _failed(store, error) from error

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """The answer of a query."""
        try:
            return self._raw.execute(self._spelt(statement), parameters).fetchall()
        except (sqlite3.Error, psycopg.Error) as error:
            raise _failed(self.store, error) from error

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement that answers nothing."""
        try:
            self._raw.execute(self._spelt(statement), parameters)
        except (sqlite3.Error, psycopg.Error) as error:
            raise _failed(self.store, error) from error

    def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once for each row of parameters."""
        try:
            self._raw.cursor().executemany(self._spelt(statement), rows)
        except (sqlite3.Error, psycopg.Error) as error:
            raise _failed(self.store, error) from error

    @contextmanager
    def write(self, clients: Iterable[str] = ()) -> Iterator[None]:
        """One write transaction, which nobody else changes `clients` beside; rolls back on an error.

        SQLite has one writer at a time; PostgreSQL locks the clients, in one order for all.
        """
        with write_turn(self.store), self.transaction(clients):
            yield

    @contextmanager
    def write_at_once(self) -> Iterator[bool]:
        """A write transaction on SQLite if nobody else writes; yields whether it is one."""
        with write_turn_at_once(self.store) as held:
            if held:
                with self.transaction(()):
                    yield True
            else:
                yield False

    @contextmanager
    def transaction(self, clients: Iterable[str]) -> Iterator[None]:
        """A write transaction for whoever has the turn to write already."""
        self.execute("BEGIN IMMEDIATE" if self.store.path else "BEGIN")
        try:
            if self.store.path is None:
                self.rows(_LOCK, (sorted(set(clients)),))
            yield
        except BaseException:
            self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    @contextmanager
    def read(self) -> Iterator[None]:
        """One view of the store for several queries."""
        self.execute("BEGIN" if self.store.path else "BEGIN ISOLATION LEVEL REPEATABLE READ")
        try:
            yield
        finally:
            self.execute("ROLLBACK")

    def close(self) -> None:
        """Close it."""
        # Closing the last handle on a SQLite file is a checkpoint: it belongs inside a turn.
        with write_turn(self.store):
            self._raw.close()

    def _spelt(self, statement: str) -> str:
        return statement if self.store.path else _for_psycopg(statement)


def date_for(store: Store, seconds: int) -> str | datetime:
    """A time, in seconds since 1970, as the store's columns take it."""
    date = date_of(seconds)
    return str(date) if store.path else date


def date_text(date: str | datetime) -> str:
    """A time from the store as text, `YYYY-MM-DD HH:MM:SS`."""
    return date if isinstance(date, str) else date.strftime(DATE_FORMAT)


@lru_cache
def _for_psycopg(statement: str) -> str:
    return statement.replace("?", "%s")


def _sqlite(store: Store, read_only: bool) -> sqlite3.Connection:
    assert store.path is not None  # noqa: S101 - the caller asked
    connection = sqlite3.connect(
        f"{store.path.as_uri()}?mode={'ro' if read_only else 'rw'}",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    # An acknowledged transaction survives a power cut.
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def _postgresql(store: Store, read_only: bool) -> "psycopg.Connection[Row]":
    options = "-c timezone=UTC" + (" -c default_transaction_read_only=on" if read_only else "")
    return psycopg.connect(store.url, autocommit=True, options=options, prepare_threshold=1)


def _failed(store: Store, error: Exception) -> StoreError:
    reason = str(error).strip().partition("\n")[0]
    return StoreError(f"the store {store.shown} failed: {reason}")
