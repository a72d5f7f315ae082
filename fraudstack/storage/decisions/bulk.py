"""Decisions in bulk: what a job decided of the history, beside what the scorer decided."""

from collections.abc import Callable, Iterable
from datetime import datetime

import pyarrow as pa
from adbc_driver_manager.dbapi import Connection

from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.pace import Pace
from fraudstack.storage.connections.store import Store
from fraudstack.storage.decisions import batch_days

STAGED = pa.schema(
    [
        ("id", pa.int64()),
        ("score", pa.float64()),
        ("expected_loss", pa.float64()),
        ("below_budget", pa.int32()),
        ("suspicious", pa.int32()),
        ("decision", pa.string()),
        ("reason", pa.string()),
        ("reasons", pa.string()),
        ("normal_if", pa.string()),
        ("rules_version", pa.string()),
        ("model_version", pa.string()),
        ("probability", pa.float64()),
        ("figures", pa.string()),
    ]
)
IDS = pa.schema([("id", pa.int64())])

_DECIDED = "SELECT id FROM decisions"
# What the scorer decided meanwhile stands above it.
_INSERT = f"""INSERT INTO decisions ({", ".join(STAGED.names)}, decided_at, llm_status, source)
    SELECT {", ".join(STAGED.names)}, CAST('{{now}}' AS {{date}}), 'not_asked', 'batch' FROM staged_decisions s
    WHERE EXISTS (SELECT 1 FROM transactions t WHERE t.id = s.id) ON CONFLICT (id) DO NOTHING"""
_COUNT = batch_days.counting("SELECT id FROM staged_decisions", 1)


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
    """Store decisions (columns of STAGED) with source `batch`, in short transactions; returns how many were given.

    None of them was decided in batch before.
    """
    statement = _INSERT.format(now=now, date="TEXT" if store.path else "TIMESTAMP")
    pace = Pace()
    given = 0
    for batch in batches:
        for piece in bulk.pieces(batch, pace):
            bulk.stage(connection, "staged_decisions", piece.cast(STAGED))
            with bulk.write(store, connection) as turn:
                bulk.execute(connection, statement)
                bulk.execute(connection, _COUNT)
            pace.took(turn, piece.num_rows)
            given += piece.num_rows
            on_rows(piece.num_rows)
    return given
