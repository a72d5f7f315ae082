"""Loading transactions and labels into a store that the scorer and analysts write to as well."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import text

from fraudstack.storage import labels
from fraudstack.storage.connections import bulk, engines
from fraudstack.storage.connections.store import Store, parse
from fraudstack.storage.loads import bulk as loads_bulk
from fraudstack.storage.transactions import bulk as transactions
from fraudstack.storage.upgrade import upgrade


def row(ident: int, **given: Any) -> dict[str, Any]:
    common = {
        "date": datetime(2015, 3, 1, 12, 30),
        "client_id": "7",
        "card_id": "70",
        "cents": 1029,
        "use_chip": "Chip Transaction",
        "merchant_id": "59935",
        "merchant_city": "Beulah",
        "merchant_state": "ND",
        "zip": "58523",
        "mcc": 5499,
        "errors": None,
    }
    return {"id": ident} | common | given


def batches(rows: Iterable[dict[str, Any]]) -> list[pa.RecordBatch]:
    return [pa.RecordBatch.from_pylist(list(rows), schema=transactions.STAGED)]


def load(store: Store, rows: Iterable[dict[str, Any]], run: str = "run") -> list[int]:
    with bulk.connect(store) as connection:
        of = loads_bulk.begin(connection, run, "clean")
        conflicts = transactions.load(store, connection, batches(rows), "USD", lambda _: None, of)
        transactions.ensure_indexes(store, connection)
        return conflicts


def content(store: Store, columns: str = "id, amount, flagged_fraud, is_fraud") -> list[tuple[Any, ...]]:
    with engines.read(store) as connection:
        return [tuple(r) for r in connection.execute(text(f"SELECT {columns} FROM transactions ORDER BY id"))]


@pytest.fixture
def store(database: str) -> Store:
    store = parse(database)
    upgrade(store, "transactions")
    return store


def execute(store: Store, *statements: str) -> None:
    with engines.write(store) as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_every_amount_is_exact_to_the_cent(store: Store) -> None:
    cents = [0, 1, 29, 110, -7700, 682_020, -50_000, 999_999_999_999, 57, 1_005]
    load(store, [row(i, cents=value) for i, value in enumerate(cents)])
    # Python reads the text of a number to the nearest double, and so must we have written it.
    expected = [float(f"{'-' if v < 0 else ''}{abs(v) // 100}.{abs(v) % 100:02d}") for v in cents]
    assert [float(amount) for (amount,) in content(store, "amount")] == expected


def test_new_rows_are_added_and_changed_rows_take_the_files_content(store: Store) -> None:
    load(store, [row(1), row(2)])
    assert load(store, [row(2, cents=5), row(3)]) == []
    assert [(i, float(a)) for i, a, *_ in content(store)] == [(1, 10.29), (2, 0.05), (3, 10.29)]


def test_what_the_scorer_and_analysts_wrote_stays(store: Store) -> None:
    load(store, [row(1), row(2), row(3)])
    execute(
        store,
        "UPDATE transactions SET is_fraud = 1 WHERE id = 1",
        "UPDATE transactions SET flagged_fraud = 1 WHERE id = 2",
    )
    before = content(store)
    assert load(store, [row(1), row(2), row(3)]) == []
    assert content(store) == before


def test_a_changed_row_keeps_its_label(store: Store) -> None:
    load(store, [row(1)])
    execute(store, "UPDATE transactions SET is_fraud = 1 WHERE id = 1")
    load(store, [row(1, cents=7)])
    assert [(float(amount), label) for _, amount, _, label in content(store)] == [(0.07, 1)]


def test_a_transaction_decided_online_keeps_its_content_and_the_file_is_in_conflict(store: Store) -> None:
    load(store, [row(1), row(2)])
    execute(
        store,
        "UPDATE transactions SET flagged_fraud = 0 WHERE id = 1",
        "INSERT INTO decisions (id, decided_at, score, suspicious, decision, reason, reasons, source)"
        " VALUES (2, '2026-01-01 00:00:00', 0.1, 0, 'normal', 'as usual', '[]', 'online')",
    )
    with bulk.connect(store) as connection:
        found = transactions.survey(store, connection, batches([row(1, cents=5), row(2, zip=None), row(3)]), "USD")
    assert (found.new, found.changed, sorted(found.conflicts)) == (1, 0, [1, 2])
    assert sorted(load(store, [row(1, cents=5), row(2, zip=None), row(3)])) == [1, 2]
    assert [(i, float(a)) for i, a, *_ in content(store)] == [(1, 10.29), (2, 10.29), (3, 10.29)]


def test_a_file_fills_what_a_decided_transaction_lacked(store: Store) -> None:
    lacking: dict[str, Any] = {"zip": None, "mcc": None, "card_id": None, "errors": None}
    load(store, [row(1, **lacking), row(2, **lacking)])
    execute(store, "UPDATE transactions SET flagged_fraud = 1")
    settled = [row(1, errors="Bad PIN"), row(2, cents=5)]
    with bulk.connect(store) as connection:
        found = transactions.survey(store, connection, batches(settled), "USD")
    assert (found.new, found.changed, found.conflicts) == (0, 1, [2])
    assert load(store, settled) == [2]
    assert content(store, "zip, mcc, card_id, errors, flagged_fraud") == [
        ("58523", 5499, "70", "Bad PIN", 1),
        (None, None, None, None, 1),
    ]


def test_a_decision_in_batch_does_not_keep_a_correction_out(store: Store) -> None:
    load(store, [row(1)])
    execute(
        store,
        "INSERT INTO decisions (id, decided_at, score, suspicious, decision, reason, reasons, source)"
        " VALUES (1, '2026-01-01 00:00:00', 0.1, 0, 'normal', 'as usual', '[]', 'batch')",
    )
    assert load(store, [row(1, cents=5)]) == []
    assert [float(a) for _, a, *_ in content(store)] == [0.05]


def test_indexes_are_there_after_a_first_load(store: Store) -> None:
    load(store, [row(1)])
    names = "SELECT name FROM sqlite_master" if store.path else "SELECT indexname FROM pg_indexes"
    with engines.read(store) as connection:
        found = set(connection.scalars(text(names)))
    assert {"transactions_by_date", "transactions_by_client", "transactions_fraud"} <= found


def label(
    store: Store,
    pairs: Mapping[int, int],
    run: str = "run",
    known: Mapping[int, datetime | None] = MappingProxyType({}),
) -> int:
    """Apply labels by id; `known` are the times, of some, from which they are known."""
    rows = pa.RecordBatch.from_pylist(
        [{"id": i, "is_fraud": value, "known_at": known.get(i)} for i, value in sorted(pairs.items())],
        schema=labels.STAGED,
    )
    with bulk.connect(store) as connection:
        of = loads_bulk.begin(connection, run, "label")
        return labels.apply(store, connection, [rows], lambda _: None, 100, of)


def test_labels_reach_their_transactions_and_the_rest_stays_unknown(store: Store) -> None:
    load(store, [row(1), row(2), row(3)])
    assert label(store, {1: 1, 2: 0, 99: 1}) == 2
    assert [known for *_, known in content(store)] == [1, 0, None]


def test_a_decisive_review_stands_above_a_label_and_unsure_does_not(store: Store) -> None:
    load(store, [row(1), row(2), row(3)])
    review = "INSERT INTO reviews (id, verdict, reviewer, at) VALUES ({}, '{}', 'ana', '2026-01-01 00:00:00')"
    execute(
        store,
        review.format(1, "legitimate"),
        review.format(2, "unsure"),
        "UPDATE transactions SET is_fraud = 0 WHERE id = 1",
    )
    label(store, {1: 1, 2: 1, 3: 1})
    assert [known for *_, known in content(store)] == [0, 1, 1]


def test_labelled_transactions_are_counted_per_client(store: Store) -> None:
    load(store, [row(1), row(2), row(3, client_id="8"), row(4, client_id="9")])
    label(store, {1: 1, 2: 0, 3: 0})
    with bulk.connect(store) as connection:
        counted = labels.by_client(store, connection).to_pylist()
    assert sorted((r["client_id"], r["labelled"], r["frauds"]) for r in counted) == [("7", 2, 1), ("8", 1, 0)]


def test_a_description_is_no_difference_and_stays(store: Store) -> None:
    load(store, [row(1), row(2)])
    execute(
        store,
        "UPDATE transactions SET description = 'a gift'",
        "UPDATE transactions SET flagged_fraud = 0 WHERE id = 1",
    )
    assert load(store, [row(1), row(2, cents=5)]) == []
    assert content(store, "id, description, flagged_fraud, amount")[0][:3] == (1, "a gift", 0)
    assert [float(amount) for _, _, amount in content(store, "id, description, amount")] == [10.29, 0.05]
    assert content(store, "description") == [("a gift",), ("a gift",)]
