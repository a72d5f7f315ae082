"""Decisions in bulk: what a job decided of the history, beside what the scorer decided, and how good it was by day."""

from collections.abc import Callable, Iterable
from datetime import datetime

import pyarrow as pa
from adbc_driver_manager.dbapi import Connection

from fraudstack.storage import batch as bulk
from fraudstack.storage.store import Store

STAGED = pa.schema(
    [
        ("id", pa.int64()),
        ("score", pa.float64()),
        ("suspicious", pa.int32()),
        ("decision", pa.string()),
        ("reason", pa.string()),
        ("reasons", pa.string()),
        ("rules_version", pa.string()),
        ("model_version", pa.string()),
    ]
)
IDS = pa.schema([("id", pa.int64())])

_DECIDED = "SELECT id FROM decisions"
# What the scorer decided meanwhile stands above it.
_INSERT = f"""INSERT INTO decisions ({", ".join(STAGED.names)}, decided_at, llm_status, source)
    SELECT {", ".join(STAGED.names)}, CAST('{{now}}' AS {{date}}), 'not_asked', 'batch' FROM staged_decisions s
    WHERE EXISTS (SELECT 1 FROM transactions t WHERE t.id = s.id) ON CONFLICT (id) DO NOTHING"""
FIGURES = (
    "transactions",
    "suspicious",
    "labelled",
    "frauds",
    "suspicious_labelled",
    "suspicious_frauds",
    "fraud_cents",
    "caught_cents",
)
_CENTS = "CAST(round(t.amount * 100) AS BIGINT)"
_COUNT = f"""CREATE TEMPORARY TABLE staged_batch_days AS
    SELECT substr(CAST(t.date AS TEXT), 1, 10) AS day, coalesce(d.model_version, '') AS model_version,
    count(*) AS transactions,
    sum(d.suspicious) AS suspicious,
    count(t.is_fraud) AS labelled,
    coalesce(sum(t.is_fraud), 0) AS frauds,
    sum(CASE WHEN t.is_fraud IS NOT NULL THEN d.suspicious ELSE 0 END) AS suspicious_labelled,
    sum(CASE WHEN t.is_fraud = 1 THEN d.suspicious ELSE 0 END) AS suspicious_frauds,
    CAST(sum(CASE WHEN t.is_fraud = 1 AND t.amount > 0 THEN {_CENTS} ELSE 0 END) AS BIGINT) AS fraud_cents,
    CAST(sum(CASE WHEN t.is_fraud = 1 AND t.amount > 0 AND d.suspicious = 1 THEN {_CENTS} ELSE 0 END) AS BIGINT)
        AS caught_cents
    FROM decisions d JOIN transactions t ON t.id = d.id WHERE d.source = 'batch' GROUP BY 1, 2"""
_PUT = (
    "DELETE FROM batch_days",
    f"""INSERT INTO batch_days (day, model_version, {", ".join(FIGURES)})
        SELECT day, model_version, {", ".join(FIGURES)} FROM staged_batch_days""",
)


def decided(store: Store, connection: Connection) -> Iterable[pa.RecordBatch]:
    """The ids of everything that has a decision."""
    for found in bulk.stream(store, connection, _DECIDED):
        yield found.cast(IDS)


def insert(
    store: Store,
    connection: Connection,
    batches: Iterable[pa.RecordBatch],
    now: datetime,
    on_rows: Callable[[int], None],
) -> int:
    """Store decisions (columns of STAGED) with source `batch`, in short transactions; returns how many were given."""
    statement = _INSERT.format(now=now, date="TEXT" if store.path else "TIMESTAMP")
    pace = bulk.Pace()
    given = 0
    for batch in batches:
        for piece in bulk.pieces(batch, pace):
            bulk.stage(connection, "staged_decisions", piece.cast(STAGED))
            with bulk.write(store, connection) as turn:
                bulk.execute(connection, statement)
            pace.took(turn, piece.num_rows)
            given += piece.num_rows
            on_rows(piece.num_rows)
    return given


def count_days(store: Store, connection: Connection) -> None:
    """Count what was decided in batch by day and model, against what the labels say now."""
    bulk.execute(connection, "DROP TABLE IF EXISTS staged_batch_days")
    bulk.execute(connection, _COUNT)
    with bulk.write(store, connection):
        for statement in _PUT:
            bulk.execute(connection, statement)
