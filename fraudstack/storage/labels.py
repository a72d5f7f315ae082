"""Labels become transactions.is_fraud, by id and in short transactions; a decisive review stands above them."""

from collections.abc import Callable, Iterable

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
# An expression: SQLite would follow the index on client_id and fetch every row by itself.
_BY_CLIENT = """SELECT client_id || '' AS client_id, count(*) AS labelled,
        CAST(sum(is_fraud) AS BIGINT) AS frauds
    FROM transactions WHERE is_fraud IS NOT NULL GROUP BY client_id || ''"""


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
                with bulk.write(store, connection) as turn:
                    bulk.execute(connection, _UPDATE)
                pace.took(turn, piece.num_rows)
            on_rows(piece.num_rows)
    return matched


def by_client(connection: Connection) -> pa.Table:
    """Per client with labels: client_id, labelled (transactions), frauds (among them)."""
    return bulk.query(connection, _BY_CLIENT)
