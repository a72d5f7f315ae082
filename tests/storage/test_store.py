from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from fraudstack.errors import StoreError
from fraudstack.storage.connections import bulk, engines
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import parse
from fraudstack.storage.upgrade import upgrade
from tests.jobs.databases import execute, query
from tests.storage.test_load import load, row


def test_urls_and_bare_paths_name_the_same_file(tmp_path: Path) -> None:
    assert parse(f"sqlite:///{tmp_path}/t.db").path == parse(f"{tmp_path}/t.db").path == tmp_path / "t.db"


@pytest.mark.parametrize("url", ["mysql://localhost/x", "sqlite://", "sqlite:///:memory:", "://"])
def test_other_databases_are_refused_in_one_sentence(url: str) -> None:
    with pytest.raises(StoreError, match="postgresql://"):
        parse(url)


def test_a_password_is_never_shown() -> None:
    store = parse("postgresql+psycopg://analyst:geheim@db.example/fraud")
    assert "geheim" not in f"{store!r} {store.shown}"
    assert store.url == "postgresql://analyst:geheim@db.example/fraud"


def test_what_the_url_sets_of_a_session_holds_whoever_opens_it(postgres_url: str) -> None:
    execute(postgres_url, "CREATE SCHEMA fraud")
    store = parse(f"{postgres_url}&options=-c%20search_path%3Dfraud%20-c%20deadlock_timeout%3D7ms")
    upgrade(store, "transactions")
    load(store, [row(1)])
    asked = "SELECT current_setting('deadlock_timeout') AS patience, (SELECT max(id) FROM transactions) AS id"
    found: list[Sequence[Any]] = []
    for read_only in (False, True):
        with closing(Connection(store, read_only=read_only)) as online:
            found += online.rows(asked)
        with bulk.connect(store, read_only=read_only) as loading:
            found += [[*told.values()] for told in bulk.query(loading, asked).to_pylist()]
    with engines.read(store) as reading:
        found += reading.execute(text(asked)).all()
    assert [tuple(told) for told in found] == [("7ms", 1)] * 5
    assert query(postgres_url, "SELECT id FROM fraud.transactions") == [(1,)]
    assert query(postgres_url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []


def test_reading_never_creates_a_file(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="fraudstack ingest"):
        engines.read_only(parse(f"{tmp_path}/missing.db"))
    with (
        pytest.raises(StoreError, match=r"missing\.db"),
        bulk.connect(parse(f"{tmp_path}/missing.db"), read_only=True),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_engine_cannot_write(database: str) -> None:
    store = parse(database)
    upgrade(store, "transactions")
    with engines.read(store) as connection, pytest.raises(DBAPIError, match=r"(?i)read-?.?only"):
        connection.execute(text("INSERT INTO mcc_codes (mcc, name) VALUES (1, 'x')"))


def test_a_failing_write_transaction_leaves_nothing(database: str) -> None:
    store = parse(database)
    upgrade(store, "transactions")

    def fail_half_way() -> None:
        with engines.write(store) as connection:
            connection.execute(text("INSERT INTO mcc_codes (mcc, name) VALUES (1, 'x')"))
            raise KeyError("half way")

    with pytest.raises(KeyError):
        fail_half_way()
    with engines.read(store) as connection:
        assert connection.execute(text("SELECT count(*) FROM mcc_codes")).scalar() == 0


def test_an_unreachable_server_is_one_sentence_without_the_password() -> None:
    store = parse("postgresql://analyst:geheim@127.0.0.1:1/fraud")
    with pytest.raises(StoreError, match=r"127\.0\.0\.1") as refused, bulk.connect(store):
        pass
    assert "geheim" not in str(refused.value)
    assert "\n" not in str(refused.value)
