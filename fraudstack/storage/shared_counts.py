"""Counts that all processes of a deployment share: rates of keys, and what a day's budget still holds.

On a server they are a row each, changed on a connection of their own. On SQLite they lie in a small file beside the
store, so that nobody takes a turn to write for them; nothing is lost with it but what was counted.

Libraries of rate limits ask their storage for every hit, which would be a round trip of each decision; here a process
takes tokens ahead.
"""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from fraudstack.errors import StoreError
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import Store, parse

_CREATE = """CREATE TABLE IF NOT EXISTS shared_counts
    (name TEXT PRIMARY KEY, amount DOUBLE PRECISION NOT NULL, at DOUBLE PRECISION NOT NULL)"""
_BEGIN = "INSERT INTO shared_counts (name, amount, at) VALUES (?, 0, 0) ON CONFLICT (name) DO NOTHING"
_LOOK = "SELECT amount, at FROM shared_counts WHERE name = ?"
# By the server's clock, which is one for all.
_LOOK_AT_SERVER = """SELECT amount, at, CAST(extract(epoch FROM clock_timestamp()) AS double precision)
    FROM shared_counts WHERE name = ? FOR UPDATE"""
_KEEP = "UPDATE shared_counts SET amount = ?, at = ? WHERE name = ?"


# From what was counted, when, and the moment: an answer, what is counted now, and when.
type _Change[T] = Callable[[float, float, float], tuple[T, float, float]]


class Lease(NamedTuple):
    """So many of a rate's tokens, and where there were none the seconds until there are."""

    tokens: float
    wait: float


class Shared:
    """The counts of a store; for threads."""

    def __init__(self, store: Store) -> None:
        """Nothing is opened until something is counted."""
        self._store = store if store.path is None else parse(str(store.path.with_name(f"{store.path.name}.shared")))
        self._lock = threading.Lock()
        self._connection: Connection | None = None

    def lease(self, name: str, rate: float, most: float, wanted: float, spare: float) -> Lease:
        """Take `wanted` tokens, and up to `spare` more, of a bucket that `rate` a second fill up to `most`.

        They are had as soon as the bucket isn't empty: who takes more leaves a debt, which is paid before the next.
        Raises StoreError when the store can't be used.
        """

        def taken(amount: float, at: float, now: float) -> tuple[Lease, float, float]:
            had = min(most, amount + max(0.0, now - at) * rate)
            if had <= 0:
                return Lease(0, (1e-3 - had) / rate), had, max(at, now)
            tokens = max(wanted, min(had, wanted + spare))
            return Lease(tokens, 0), had - tokens, max(at, now)

        return self._change(name, taken)

    def spend(self, name: str, day: int, amount: int, most: int) -> bool:
        """Count what is used of a day's budget, if `most` allows it; less than 0 gives back.

        Raises StoreError when the store can't be used.
        """

        def counted(spent: float, of: float, _: float) -> tuple[bool, float, float]:
            # A clock that goes back doesn't bring a new budget.
            spent = spent if day <= of else 0
            allowed = amount < 0 or spent + amount <= most
            return allowed, max(0, spent + amount) if allowed else spent, max(day, of)

        return self._change(name, counted)

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            self._forget()

    def _change[T](self, name: str, change: _Change[T]) -> T:
        with self._lock:
            try:
                self._connection = self._connection or self._opened()
                with self._connection.transaction(()):
                    self._connection.execute(_BEGIN, (name,))
                    if self._store.path is None:
                        [(amount, at, now)] = self._connection.rows(_LOOK_AT_SERVER, (name,))
                    else:
                        [(amount, at)], now = self._connection.rows(_LOOK, (name,)), time.time()
                    found, amount, at = change(amount, at, now)
                    self._connection.execute(_KEEP, (amount, at, name))
            except StoreError:
                self._forget()
                raise
            return found

    def _opened(self) -> Connection:
        if self._store.path is None:
            return Connection(self._store)
        try:
            return self._file()
        except StoreError:
            # A power cut may have torn it: nothing syncs it.
            self._store.path.unlink(missing_ok=True)
            return self._file()

    def _file(self) -> Connection:
        assert self._store.path is not None  # noqa: S101 - the caller asked
        try:
            self._store.path.touch(0o664)
        except OSError as error:
            raise StoreError(f"{self._store.path} can't be made: {error.strerror}") from error
        connection = Connection(self._store)
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute(_CREATE)
        return connection

    def _forget(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # Without a turn: it has no log to be written back.
            connection.close(held=True)
