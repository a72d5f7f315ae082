"""Labels become transactions.is_fraud, by id and in short transactions; a decisive review stands above them."""

from collections.abc import Callable, Iterable
from functools import partial

import pyarrow as pa
from adbc_driver_manager.dbapi import Connection

from fraudstack.storage import batch as bulk
from fraudstack.storage.store import Store

STAGED = pa.schema([("id", pa.int64()), ("is_fraud", pa.int32())])

_COMPARE = """SELECT count(*) AS matched,
        coalesce(sum(CASE WHEN t.is_fraud IS DISTINCT FROM s.is_fraud THEN 1 ELSE 0 END), 0) AS changed
    FROM staged s JOIN transactions t ON t.id = s.id"""
_UPDATE = """UPDATE transactions SET is_fraud = s.is_fraud FROM staged s
    WHERE s.id = transactions.id AND transactions.is_fraud IS DISTINCT FROM s.is_fraud
    AND NOT EXISTS (
        SELECT 1 FROM reviews r WHERE r.id = transactions.id AND r.verdict IN ('fraud', 'legitimate'))"""
# A server looks for verdicts as they were when a statement began: whoever is about to give one, who holds the row, is
# waited for before.
_HOLD = """SELECT count(*) AS held FROM (SELECT t.id FROM transactions t JOIN staged s ON s.id = t.id
    WHERE t.is_fraud IS DISTINCT FROM s.is_fraud ORDER BY t.id FOR UPDATE OF t) rows"""
_LABELLED = "SELECT client_id, is_fraud FROM transactions WHERE is_fraud IS NOT NULL"


def apply(
    store: Store,
    connection: Connection,
    batches: Iterable[pa.RecordBatch],
    on_rows: Callable[[int], None],
) -> int:
    """Set is_fraud from labels (columns of STAGED, each id once, best in order).

    Returns how many found their transaction.
    """
    matched = 0
    pace = bulk.Pace()
    for batch in batches:
        for piece in bulk.pieces(batch, pace):
            bulk.stage(connection, "staged", piece)
            compared = bulk.query(connection, _COMPARE).to_pylist()[0]
            matched += compared["matched"]
            if compared["changed"]:
                turn, _ = bulk.write_again(store, connection, partial(_update, store, connection))
                pace.took(turn, piece.num_rows)
            on_rows(piece.num_rows)
    return matched


def _update(store: Store, connection: Connection) -> None:
    if store.path is None:
        bulk.query(connection, _HOLD)
    bulk.execute(connection, _UPDATE)


def by_client(store: Store, connection: Connection) -> pa.Table:
    """Per client with labels: client_id, labelled (transactions), frauds (among them).

    Counted by Arrow: SQLite would sort all rows to group them.
    """
    schema = pa.schema([("client_id", pa.string()), ("is_fraud", pa.int64())])
    counted = [
        pa.Table.from_batches([batch.cast(schema)])
        .group_by("client_id")
        .aggregate([("is_fraud", "count"), ("is_fraud", "sum")])
        for batch in bulk.stream(store, connection, _LABELLED)
    ]
    none = schema.empty_table().group_by("client_id").aggregate([("is_fraud", "count"), ("is_fraud", "sum")])
    sums = pa.concat_tables([none, *counted]).group_by("client_id")
    return sums.aggregate([("is_fraud_count", "sum"), ("is_fraud_sum", "sum")]).rename_columns(
        ["client_id", "labelled", "frauds"]
    )
