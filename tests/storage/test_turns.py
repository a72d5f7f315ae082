"""Two that ingest at once: on a server whoever lost the turn writes no more, whatever became of the lock."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import text

from fraudstack.errors import StoreError
from fraudstack.storage.connections import bulk, engines
from fraudstack.storage.connections.locks import ingest_turn
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import Store, parse
from fraudstack.storage.removal.forget import forget
from fraudstack.storage.upgrade import upgrade
from tests.storage.test_load import content, load, row

_ELSEWHERE = """
import sys
from fraudstack.storage.connections.locks import ingest_turn
from fraudstack.storage.connections.store import parse
with ingest_turn(parse(sys.argv[1]), lambda: sys.exit("somebody has it")):
    pass
"""
_NAME = "INSERT INTO mcc_codes (mcc, name) VALUES (1, 'late')"


def in_bulk(store: Store) -> None:
    with bulk.connect(store) as connection, bulk.write(store, connection):
        bulk.execute(connection, _NAME)


def one_by_one(store: Store) -> None:
    with closing(Connection(store)) as connection, connection.write(["7"]):
        connection.execute(_NAME)


def by_engine(store: Store) -> None:
    with engines.write(store) as connection:
        connection.execute(text(_NAME))


@pytest.fixture
def store(postgres_url: str) -> Store:
    found = parse(postgres_url)
    upgrade(found, "transactions")
    upgrade(found, "clusters")
    return found


@pytest.mark.parametrize("write", [in_bulk, one_by_one, by_engine])
def test_whoever_lost_the_turn_writes_no_more(store: Store, write: Callable[[Store], None]) -> None:
    with ingest_turn(store, lambda: None):
        with psycopg.connect(store.url, autocommit=True) as server:
            # As a failover does: the session that holds the lock is gone.
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
            )
        subprocess.run([sys.executable, "-c", _ELSEWHERE, store.url], check=True)
        with pytest.raises(StoreError, match=r"another process has got the turn to ingest into .*can be run again"):
            write(store)
    with engines.read(store) as connection:
        assert connection.execute(text("SELECT count(*) FROM mcc_codes")).scalar() == 0
    # A scorer has no turn, and needs none.
    write(store)


def test_whoever_has_the_turn_writes_and_others_wait(store: Store) -> None:
    with ingest_turn(store, lambda: None):
        in_bulk(store)
        waits = subprocess.run(
            [sys.executable, "-c", _ELSEWHERE, store.url], capture_output=True, text=True, check=False
        )
        assert "somebody has it" in waits.stderr
    load(store, [row(1)])
    assert forget(store, store, "7") == 1
    assert content(store) == []
