"""Whose turn it is: one writer at a time on a SQLite file, one ingest at a time on a store.

SQLite before 3.51.3 can corrupt a WAL file when two connections write or checkpoint at once, so a lock
file stands around each write transaction, across processes and containers on one node.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

import psycopg

from fraudstack.errors import StoreError
from fraudstack.storage.connections.store import Store

# Held shared by whoever writes in a turn to ingest, alone by whoever takes one.
_TURN_LOCK = 1_083
# The numbers of the turns to ingest that this process has, by store.
_turns: dict[str, int] = {}


@contextmanager
def write_turn(store: Store) -> Iterator[None]:
    """Hold the right to write to `store`; PostgreSQL keeps its own order.

    flock isn't first come, first served: whoever waits for `write` holds `queue`, so that a writer who
    comes straight back stands behind, and waits no longer than one transaction of each.
    """
    if store.path is None:
        yield
        return
    with _locked(_beside(store.path, "write"), gate=_beside(store.path, "queue")):
        yield


@contextmanager
def write_turn_at_once(store: Store) -> Iterator[bool]:
    """Hold the right to write if nobody else has it or waits for it; yields whether it is held."""
    if store.path is None:
        yield True
        return
    handle = _open(_beside(store.path, "write"))
    try:
        gate = _open(_beside(store.path, "queue"))
        try:
            fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = True
        except BlockingIOError:
            held = False
        finally:
            os.close(gate)
        yield held
    finally:
        os.close(handle)


@contextmanager
def ingest_turn(store: Store, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the right to ingest into `store`; `on_wait` is called once if another ingest has it.

    On a server the lock ends with its session, also when the process is killed. A failover ends it too, and a pooler
    may lend one session to two: so each turn has a number, and whoever writes asks whether it is still the latest.
    """
    if store.path is not None:
        with _locked(_beside(store.path, "ingest"), on_wait=on_wait):
            yield
        return
    key = int.from_bytes(hashlib.sha256(b"fraudstack ingest").digest()[:8], signed=True)
    with closing(psycopg.connect(store.url, autocommit=True)) as connection:
        taken = connection.execute("SELECT pg_try_advisory_lock(%s)", [key]).fetchone()
        if taken is None or not taken[0]:
            on_wait()
            connection.execute("SELECT pg_advisory_lock(%s)", [key])
        _turns[store.url] = _next_turn(connection)
        try:
            yield
        finally:
            del _turns[store.url]


def _next_turn(connection: "psycopg.Connection[tuple[object, ...]]") -> int:
    """The number of a turn that begins; who writes in an earlier one is waited for, and writes no more."""
    with connection.transaction():
        connection.execute(f"SELECT pg_advisory_xact_lock({_TURN_LOCK})")
        # Asked first: it takes the right to create, which only whoever upgrades needs.
        if connection.execute("SELECT to_regclass('ingest_turns')").fetchone() == (None,):
            connection.execute("CREATE SEQUENCE ingest_turns")
        found = connection.execute("SELECT nextval('ingest_turns')").fetchone()
    assert found is not None  # noqa: S101 - it has a value
    return int(str(found[0]))


def keep_turn(store: Store, ask: Callable[[str], object]) -> None:
    """Raise StoreError where this process has a turn to ingest that isn't the latest any more.

    `ask` gives the one value that a query answers, in a write transaction that has just begun: till its end nobody else
    gets a turn.
    """
    number = _turns.get(store.url)
    if number is None:
        return
    ask(f"SELECT count(pg_advisory_xact_lock_shared({_TURN_LOCK})) AS held")
    if ask("SELECT last_value FROM ingest_turns") != number:
        raise StoreError(
            f"another process has got the turn to ingest into {store.shown}: this one writes no more, and can be run "
            "again"
        )


@cache
def _beside(database: Path, name: str) -> Path:
    return database.with_name(f"{database.name}.{name}.lock")


@contextmanager
def _locked(path: Path, gate: Path | None = None, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    # Locks belong to the open file: one handle a turn, so that threads of one process wait for each other too.
    handle = _open(path)
    try:
        if gate is not None:
            gate_handle = _open(gate)
            try:
                fcntl.flock(gate_handle, fcntl.LOCK_EX)
                fcntl.flock(handle, fcntl.LOCK_EX)
            finally:
                os.close(gate_handle)
        else:
            _wait(handle, on_wait)
        yield
    finally:
        os.close(handle)


def _wait(handle: int, on_wait: Callable[[], None] | None) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if on_wait is not None:
            on_wait()
        fcntl.flock(handle, fcntl.LOCK_EX)


def _open(path: Path) -> int:
    # Group-writable: the containers that share the volume share a group.
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o664)
    except OSError as error:
        raise StoreError(f"the lock file {path} can't be opened: {error.strerror}") from error
