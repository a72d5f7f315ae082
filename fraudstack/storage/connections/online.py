"""The scorer's connections: one row at a time, over the databases' own clients, without a layer between.

A decision is a dozen statements: what SQLAlchemy adds to each would cost more than the statements themselves.
"""

import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from time import perf_counter
from typing import Any

import psycopg
from psycopg.errors import DeadlockDetected, SerializationFailure, UniqueViolation
from psycopg.pq import PipelineStatus, TransactionStatus

from fraudstack.errors import CollidedError, OutcomeUnknownError, StoreError
from fraudstack.profiles.event import date_of, seconds_of
from fraudstack.schema import DATE_FORMAT
from fraudstack.storage.connections.locks import keep_turn, write_turn, write_turn_at_once
from fraudstack.storage.connections.pace import Turn
from fraudstack.storage.connections.store import Store

Row = tuple[Any, ...]
Key = tuple[str, ...]
Sums = dict[Key, Sequence[int]]
_BUSY_SECONDS = 10
# A server that went silent is given up: libpq's own patience is two hours.
_LONGEST_STATEMENT_SECONDS = 30
_PATIENCE: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    # What was sent and isn't acknowledged, in milliseconds.
    "tcp_user_timeout": 10_000,
}
# After these SQLite has rolled back (sqlite.org/lang_transaction.html, "Response To Errors Within A Transaction").
_ROLLED_BACK = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_INTERRUPT,
)
# Locks of clients don't cover ids, nor what an ingest writes.
_COLLISIONS = (UniqueViolation, SerializationFailure, DeadlockDetected)
# Namespace of the advisory locks, apart from those of an upgrade and an ingest.
CLIENT_LOCKS = 1_081
_LOCK = f"SELECT pg_advisory_xact_lock({CLIENT_LOCKS}, hashtext(c)) FROM unnest(CAST(? AS text[])) AS c"


class Connection:
    """A connection of one thread. Statements hold `?` for parameters, on both databases."""

    def __init__(self, store: Store, *, read_only: bool = False) -> None:
        """Open it; raises StoreError when the store can't be reached."""
        self.store = store
        self._sums: dict[_Write, Sums] = {}
        try:
            self._raw = _sqlite(store, read_only) if store.path else _postgresql(store, read_only)
        except (sqlite3.Error, psycopg.Error) as error:
            raise _failed(store, error) from error

    @property
    def number(self) -> int:
        """Tells it from other connections to a server, which write at the same time; a file has one writer: 0."""
        return 0 if isinstance(self._raw, sqlite3.Connection) else self._raw.info.backend_pid

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """The answer of a query."""
        try:
            return self._raw.execute(self._spelt(statement), parameters).fetchall()
        except (sqlite3.Error, psycopg.Error) as error:
            raise _failed(self.store, error) from error

    def rows_of(self, *queries: tuple[str, Sequence[Any]]) -> list[list[Row]]:
        """The answers of several queries, which go to a server together."""
        try:
            with self._together():
                asked = [self._raw.execute(self._spelt(statement), parameters) for statement, parameters in queries]
                return [cursor.fetchall() for cursor in asked]
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

    def add_up(self, write: "_Write", key: Key, figures: Sequence[int]) -> None:
        """Add figures up under a key; `write` gets the sums once, at the end of the transaction under way.

        Decisions that are written together often change the same sums.
        """
        sums = self._sums.setdefault(write, {})
        known = sums.get(key)
        sums[key] = figures if known is None else [a + b for a, b in zip(known, figures, strict=True)]

    def added_up(self, write: "_Write") -> Mapping[Key, Sequence[int]]:
        """What `write` is to get at the end of the transaction under way."""
        return self._sums.get(write, {})

    @contextmanager
    def write(self, clients: Iterable[str] = ()) -> Iterator[Turn]:
        """One write transaction, which nobody else changes `clients` beside; rolls back on an error.

        SQLite has one writer at a time; PostgreSQL locks the clients, in one order for all.
        """
        turn = Turn()
        with write_turn(self.store):
            started = perf_counter()
            with self.transaction(clients):
                yield turn
            turn.seconds = perf_counter() - started

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
        committing = False
        try:
            with self._pipeline():
                self.execute("BEGIN IMMEDIATE" if self.store.path else "BEGIN")
                keep_turn(self.store, lambda statement: self.rows(statement)[0][0])
                if self.store.path is None:
                    self.execute(_LOCK, (sorted(set(clients)),))
                yield
                for write, sums in self._sums.items():
                    write(self, sums)
                committing = True
                self.execute("COMMIT")
        except BaseException as error:
            ended = self._gone or not _under_way(self._raw)
            if not ended:
                self.execute("ROLLBACK")
            elif committing and isinstance(error, StoreError) and not _came_to_nothing(error):
                raise OutcomeUnknownError(str(error)) from error
            raise
        finally:
            # Whoever reads after it must not count them twice.
            self._sums.clear()

    @property
    def _gone(self) -> bool:
        """Whether the connection to a server broke: it ends the transaction itself, if it got no commit."""
        return not isinstance(self._raw, sqlite3.Connection) and self._raw.broken

    def _together(self) -> AbstractContextManager[object]:
        """What several statements are sent in; within a write transaction they are together already."""
        if isinstance(self._raw, sqlite3.Connection) or self._raw.pgconn.pipeline_status != PipelineStatus.OFF:
            return nullcontext()
        return self._raw.pipeline()

    @contextmanager
    def _pipeline(self) -> Iterator[None]:
        """A server gets statements without waiting for the answers of those before, which come with the next rows."""
        if isinstance(self._raw, sqlite3.Connection):
            yield
            return
        try:
            with self._raw.pipeline():
                yield
        except psycopg.Error as error:
            raise _failed(self.store, error) from error

    @contextmanager
    def read(self) -> Iterator[None]:
        """One view of the store for several queries."""
        self.execute("BEGIN" if self.store.path else "BEGIN ISOLATION LEVEL REPEATABLE READ")
        try:
            yield
        finally:
            self.execute("ROLLBACK")

    def close(self, *, held: bool = False) -> None:
        """Close it; `held`: by whoever has the turn to write."""
        # Closing the last handle on a SQLite file is a checkpoint: it belongs inside a turn.
        try:
            with nullcontext() if held else write_turn(self.store):
                self._raw.close()
        except StoreError:
            # No turn can be had: then without a checkpoint.
            if isinstance(self._raw, sqlite3.Connection):
                self._raw.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)
            self._raw.close()

    def _spelt(self, statement: str) -> str:
        return statement if self.store.path else numbered(statement)


_Write = Callable[[Connection, Sums], None]


class Readers:
    """Connections that can't write, for threads that come and go; each is used by one at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # Threads may share it: both ends of a deque are atomic. The last one used has the warmest cache.
        self._free: deque[Connection] = deque()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection with one view of the store; raises StoreError when it can't be read."""
        try:
            connection = self._free.pop()
        except IndexError:
            connection = Connection(self._store, read_only=True)
        try:
            with connection.read():
                yield connection
        except StoreError:
            # A file that was replaced, a server that went away: the next reader opens it anew.
            connection.close()
            raise
        except BaseException:
            self._free.append(connection)
            raise
        self._free.append(connection)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while self._free:
            self._free.pop().close()


def held(store: Store, statement: str) -> str:
    """A query of transactions `t` whose rows nobody else changes till the end of the transaction under way.

    A file has one writer at a time; on a server an ingest doesn't take the locks of clients.
    """
    return statement if store.path else f"{statement} FOR UPDATE OF t"


def date_for(store: Store, seconds: int) -> str | datetime:
    """A time, in seconds since 1970, as the store's columns take it."""
    date = date_of(seconds)
    return str(date) if store.path else date


def day_for(store: Store, day: str) -> str | datetime:
    """The beginning of a day, YYYY-MM-DD, as the store's columns take it."""
    return date_for(store, seconds_of(datetime.fromisoformat(day)))


def amount_for(store: Store, cents: int) -> float | Decimal:
    """Whole cents as the store's column of amounts takes them: the double nearest to them, or exactly them."""
    return cents / 100 if store.path else Decimal(cents).scaleb(-2)


def date_text(date: str | datetime) -> str:
    """A time from the store as text, `YYYY-MM-DD HH:MM:SS`."""
    return date if isinstance(date, str) else date.strftime(DATE_FORMAT)


@lru_cache
def numbered(statement: str) -> str:
    """A statement with `?` for its parameters, with $1, $2, … for them."""
    first, *rest = statement.split("?")
    return first + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))


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
    # A checkpoint stops everybody, up to 10 ms on a long history; the fewer, the more often pages are written twice.
    connection.execute("PRAGMA wal_autocheckpoint=800")
    return connection


def _postgresql(store: Store, read_only: bool) -> "psycopg.Connection[Row]":
    of_kind = (
        "-c default_transaction_read_only=on" if read_only else f"-c statement_timeout={_LONGEST_STATEMENT_SECONDS}s"
    )
    own = f"-c timezone=UTC {of_kind} -c idle_in_transaction_session_timeout={_LONGEST_STATEMENT_SECONDS}s"
    # Raw: statements go to the server as they stand, nothing looks for placeholders in each again.
    return psycopg.connect(
        store.url,
        autocommit=True,
        options=store.options(own),
        prepare_threshold=1,
        cursor_factory=psycopg.RawCursor,
        **_PATIENCE,
    )


def _under_way(raw: "sqlite3.Connection | psycopg.Connection[Row]") -> bool:
    if isinstance(raw, sqlite3.Connection):
        return raw.in_transaction
    return raw.info.transaction_status is not TransactionStatus.IDLE


def _came_to_nothing(error: StoreError) -> bool:
    """Whether a commit that failed is known to have stored nothing."""
    code = getattr(error.__cause__, "sqlite_errorcode", None)
    return isinstance(error, CollidedError) or (code is not None and code & 0xFF in _ROLLED_BACK)


def _failed(store: Store, error: Exception) -> StoreError:
    reason = str(error).strip().partition("\n")[0]
    kind = CollidedError if isinstance(error, _COLLISIONS) else StoreError
    return kind(f"the store {store.shown} failed: {reason}")
