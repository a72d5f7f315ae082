from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from fraudstack.errors import StoreError
from fraudstack.storage.connections import bulk, engines
from fraudstack.storage.connections.store import parse
from fraudstack.storage.upgrade import upgrade


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
