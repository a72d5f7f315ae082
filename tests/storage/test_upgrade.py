from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData, Table, inspect, text
from sqlalchemy.sql.schema import SchemaItem

from fraudstack.errors import StoreError
from fraudstack.schema import CONTENT, RAW, ClustersStore, TransactionsStore
from fraudstack.storage.connections import engines
from fraudstack.storage.connections.store import parse
from fraudstack.storage.upgrade import Part, upgrade, version_table
from tests.jobs.databases import query

METADATA: dict[Part, MetaData] = {"transactions": TransactionsStore.metadata, "clusters": ClustersStore.metadata}


def test_the_16_columns_stand_in_the_order_of_the_contract() -> None:
    columns = [column.name for column in TransactionsStore.metadata.tables["transactions"].columns]
    assert ",".join(columns) == (
        "id,date,client_id,card_id,amount,currency,use_chip,merchant_id,merchant_city,merchant_state,"
        "zip,mcc,description,errors,flagged_fraud,is_fraud"
    )
    assert list(CONTENT) == columns[:14]
    assert list(RAW) == [name for name in columns[:14] if name not in {"currency", "description"}]


@pytest.mark.parametrize("part", ["transactions", "clusters"])
def test_migrations_make_the_tables_of_the_schema(database: str, part: Part) -> None:
    store = parse(database)
    upgrade(store, part)
    with engines.read(store) as connection:

        def ours(item: SchemaItem, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
            return not (kind == "table" and isinstance(item, Table) and name == version_table(part))

        context = MigrationContext.configure(connection, opts={"include_object": ours})
        assert compare_metadata(context, METADATA[part]) == []


def test_upgrading_twice_changes_nothing_and_keeps_rows(database: str) -> None:
    store = parse(database)
    upgrade(store, "transactions")
    with engines.write(store) as connection:
        connection.execute(text("INSERT INTO mcc_codes (mcc, name) VALUES (5411, 'Groceries')"))
    upgrade(store, "transactions")
    with engines.read(store) as connection:
        assert connection.execute(text("SELECT mcc, name FROM mcc_codes")).all() == [(5411, "Groceries")]


def test_both_parts_live_in_one_postgresql_database(postgres_url: str) -> None:
    store = parse(postgres_url)
    upgrade(store, "transactions")
    upgrade(store, "clusters")
    with engines.read(store) as connection:
        assert {"transactions", "transactions_clusters"} <= set(inspect(connection).get_table_names())


def test_a_store_of_a_newer_version_is_refused(database: str) -> None:
    store = parse(database)
    upgrade(store, "transactions")
    with engines.write(store) as connection:
        connection.execute(text("UPDATE schema_transactions SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer fraudstack"):
        upgrade(store, "transactions")


def test_a_newer_schema_of_the_same_minor_version_is_left_as_it_is(database: str) -> None:
    store = parse(database)
    upgrade(store, "transactions")
    with engines.write(store) as connection:
        connection.execute(text("UPDATE schema_transactions SET version_num = '0999'"))
    upgrade(store, "transactions")
    with engines.read(store) as connection:
        assert connection.execute(text("SELECT version_num FROM schema_transactions")).scalar() == "0999"


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "notes.db"
    file.write_text("not a database, and long enough to be looked at as one " * 20)
    before = file.read_bytes()
    with pytest.raises(StoreError, match=r"notes\.db"):
        upgrade(parse(f"sqlite:///{file}"), "transactions")
    assert file.read_bytes() == before


def test_sqlite_stores_are_in_wal_mode(tmp_path: Path) -> None:
    upgrade(parse(f"sqlite:///{tmp_path}/t.db"), "transactions")
    assert query(f"sqlite:///{tmp_path}/t.db", "PRAGMA journal_mode") == [("wal",)]
