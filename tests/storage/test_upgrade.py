from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData, Table, inspect, text
from sqlalchemy.sql.schema import SchemaItem

from fraudstack.errors import StoreError
from fraudstack.features import DAY
from fraudstack.schema import CONTENT, RAW, ClustersStore, TransactionsStore
from fraudstack.storage import days_seen, loads
from fraudstack.storage import upgrade as migrations
from fraudstack.storage.connections import engines
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import Store, parse
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


@contextmanager
def _as_it_was(store: Store, version: str) -> Iterator[sqlalchemy.Connection]:
    """The empty store of an older version, in a transaction."""
    with engines.write(store) as connection:
        TransactionsStore.metadata.drop_all(connection)
        connection.execute(text("DELETE FROM schema_transactions"))
        if not store.path:
            connection.execute(text("DROP SEQUENCE assigned_ids"))
        config = migrations._config("transactions")
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        yield connection


def test_lists_of_days_are_taken_apart_by_years(database: str) -> None:
    store = parse(database)
    upgrade(store, "transactions")
    days = [date(2019, 12, 31), date(2020, 1, 1), date(2020, 12, 31), date(2021, 6, 1)]
    packed = b"".join(days_seen.DAY.pack((day - date(1970, 1, 1)).days, 2) for day in days)
    with _as_it_was(store, "0012") as connection:
        put = text("INSERT INTO days_seen (kind, value, cents, days) VALUES (:kind, :value, :cents, :days)")
        for kind, value, cents in (("card", "70", 0), ("amount", "", -250)):
            connection.execute(put, {"kind": kind, "value": value, "cents": cents, "days": packed})
    upgrade(store, "transactions")
    with closing(Connection(store)) as connection:
        expected = {str(day): 2 for day in days}
        assert days_seen.of(connection, "card", "70") == days_seen.of_amounts(connection, -250, -250) == expected
        assert [year for (year,) in connection.rows("SELECT year FROM days_seen_by_year WHERE kind = 'card'")] == [
            2019,
            2020,
            2021,
        ]
        assert connection.rows("SELECT kind FROM days_seen") == []


def test_days_of_channels_are_counted_by_the_sums_of_days(database: str) -> None:
    store = parse(database)
    upgrade(store, "transactions")
    figures = "labelled, frauds, version, transactions, cents, scored, flagged, scored_frauds, flagged_labelled"
    put = text(
        f"""INSERT INTO daily_sums (kind, value, day, part, {figures}, flagged_frauds)
        VALUES (:kind, 'Online Transaction', :day, :part, :labelled, 1, 1, 9, 900, 0, 0, 0, 0, 0)"""
    )
    with _as_it_was(store, "0016") as connection:
        for kind, day, part, labelled in (
            ("channel", "1970-01-03", 1, 3),
            ("channel", "1970-01-03", 2, 2),
            ("channel", "2020-01-01", 1, 4),
            ("channel", "2020-01-02", 1, 0),
            ("all", "2020-01-01", 1, 4),
        ):
            connection.execute(put, {"kind": kind, "day": day, "part": part, "labelled": labelled})
    upgrade(store, "transactions")
    told = "kind, value, day, transactions, cents, labelled, frauds, ordinary_frauds"
    assert query(database, f"SELECT {told} FROM value_days ORDER BY day") == [
        ("channel", "Online Transaction", 2, 18, 0, 5, 2, 0),
        ("channel", "Online Transaction", 18_262, 9, 0, 4, 1, 0),
        ("channel", "Online Transaction", 18_263, 9, 0, 0, 0, 0),
    ]


def test_days_that_are_gone_know_how_many_transactions_came(database: str) -> None:
    store = parse(database)
    upgrade(store, "transactions")
    kept = "kind, value, day, part, transactions, cents, labelled, frauds, ordinary_frauds"
    with _as_it_was(store, "0021") as connection:
        for id, day, merchant in (
            (1, "01-01", "m"),
            (2, "01-02", "m"),
            (3, "01-03", "m"),
            (4, "06-01", "m"),
            (5, "01-01", ""),
        ):
            connection.execute(
                text(
                    "INSERT INTO transactions (id, date, client_id, amount, currency, merchant_id)"
                    f" VALUES ({id}, '2020-{day} 10:00:00', 'c', 1, 'USD', '{merchant}')"
                )
            )
        # The third is too old by now, and wasn't put with those before it yet.
        for day_kept, came, labelled in ((0, 0, 1), (18_264, 1, 0), (18_414, 1, 0)):
            row = f"'merchant', 'm', {day_kept}, 0, {came}, 0, {labelled}, 0, 0"
            connection.execute(text(f"INSERT INTO value_days ({kept}) VALUES ({row})"))
    upgrade(store, "transactions")
    assert query(database, "SELECT value, day, transactions, labelled FROM value_days ORDER BY day") == [
        ("m", 0, 2, 1),
        ("m", 18_264, 1, 0),
        ("m", 18_414, 1, 0),
    ]


def test_labels_and_verdicts_that_told_it_are_known_from_their_days(database: str) -> None:
    store = parse(database)
    upgrade(store, "transactions")
    with _as_it_was(store, "0022") as connection:
        for id in (1, 2, 3, 4):
            connection.execute(
                text(
                    "INSERT INTO transactions (id, date, client_id, amount, currency, is_fraud)"
                    f" VALUES ({id}, '2020-01-01 10:00:00', 'c', 1, 'USD', 1)"
                )
            )
        for number, ids, since in ((1, (1, 2, 3, 9), 50), (2, (3, 4), None)):
            told = [
                np.array(ids),
                np.ones(len(ids)),
                np.full(len(ids), loads.UNDATED if since is None else since * DAY),
            ]
            packed = {"packed": loads.pack(*(column.astype(np.int64) for column in told))}
            put = f"INSERT INTO load_lists VALUES ({number}, 'labels', 1, {ids[0]}, {ids[-1]}, :packed)"
            connection.execute(text(put), packed)
        review = "INSERT INTO reviews (id, verdict, reviewer, at) VALUES ({}, '{}', 'ana', '2020-03-0{} 23:00:00')"
        for day, verdict in enumerate(("legitimate", "fraud", "unsure"), 1):
            connection.execute(text(review.format(2, verdict, day)))
        sums = "version, transactions, declined, refunds, usual, home, purchases, cents, logs, squares"
        known = (
            f"INSERT INTO profiles (client_id, recent, memory, {sums}) VALUES ('c', '[]', '[]', {', '.join('1' * 10)})"
        )
        connection.execute(text(known))
    upgrade(store, "transactions")
    assert query(database, "SELECT id, day FROM label_days ORDER BY id") == [(1, 50), (2, 18_323)]
    # Where a model's memory is kept, it is to be made anew.
    assert query(database, "SELECT name FROM outdated") == [("memories",)]


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
