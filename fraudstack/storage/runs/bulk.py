"""What an ingest run leaves behind: a row a step, the rows it refused, and the names that go with the codes."""

import csv
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from io import StringIO

import pyarrow as pa
from adbc_driver_manager.dbapi import Connection

from fraudstack.card_numbers import masked_line
from fraudstack.schema import DATE_FORMAT, TransactionsStore
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.online import numbered
from fraudstack.storage.connections.pace import Pace
from fraudstack.storage.connections.store import Store
from fraudstack.storage.runs import FORGET

REFUSED = pa.schema([("file", pa.string()), ("line", pa.int64()), ("text", pa.string()), ("reason", pa.string())])

_START = "INSERT INTO ingest_runs (run_id, step, started_at) VALUES ($1, $2, {})"
_FINISH = """UPDATE ingest_runs SET seconds = $1, rows_in = $2, loaded = $3, quarantined = $4, repeated = $5,
    unmatched = $6, fingerprint = $7, header = $8, error = $9 WHERE run_id = $10 AND step = $11"""
_FORGET_COPIES = "DELETE FROM quarantine WHERE digest IN (SELECT digest FROM staged)"
# What is too much or too old, of which some are deleted at a time; an old run's row in ingest_runs stays.
_TOO_MANY = """SELECT quarantine_id FROM quarantine WHERE quarantine_id <= (SELECT quarantine_id FROM quarantine
    ORDER BY quarantine_id DESC LIMIT 1 OFFSET {most}) ORDER BY quarantine_id LIMIT {some}"""
_TOO_OLD = """SELECT quarantine_id FROM quarantine WHERE run_id IN (SELECT run_id FROM ingest_runs GROUP BY run_id
    HAVING max(started_at) < '{first}') ORDER BY quarantine_id LIMIT {some}"""
_FORGET_REFUSED = "DELETE FROM quarantine WHERE run_id = $1 AND step = $2"


def start(store: Store, connection: Connection, run_id: str, step: str) -> None:
    """Note that a step begins; what an earlier try of the same run left is forgotten."""
    now = datetime.now(UTC).strftime(DATE_FORMAT)
    value = "$3" if store.path else "CAST($3 AS TEXT)::timestamp"
    with bulk.write(store, connection):
        bulk.execute(connection, numbered(FORGET), (run_id, step))
        bulk.execute(connection, _FORGET_REFUSED, (run_id, step))
        bulk.execute(connection, _START.format(value), (run_id, step, now))


def finish(
    store: Store,
    connection: Connection,
    run_id: str,
    step: str,
    *,
    seconds: float,
    rows_in: int | None = None,
    loaded: int | None = None,
    quarantined: int | None = None,
    repeated: int | None = None,
    unmatched: int | None = None,
    fingerprint: str | None = None,
    header: Sequence[str] | None = None,
    error: str | None = None,
) -> None:
    """Note how a step ended."""
    written = None if header is None else csv_line(header)
    with bulk.write(store, connection):
        bulk.execute(
            connection,
            _FINISH,
            (seconds, rows_in, loaded, quarantined, repeated, unmatched, fingerprint, written, error, run_id, step),
        )


def csv_line(fields: Sequence[str]) -> str:
    """Fields as a line of a CSV file, without its end."""
    line = StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()


def quarantine(store: Store, connection: Connection, run_id: str, step: str, refused: pa.Table) -> None:
    """Keep refused rows (columns of REFUSED), with [card] for each card number in them.

    One that stood in the same place before, of another run, makes way.
    """
    rows = refused.num_rows
    masked = pa.array(map(masked_line, refused.column("text").to_pylist()), pa.string())
    refused = refused.set_column(refused.schema.get_field_index("text"), "text", masked)
    places = zip(*(refused.column(name).to_pylist() for name in ("file", "line", "text")), strict=True)
    digests = pa.array((_digest(step, *place) for place in places), pa.int64())
    rows_of_run = refused.append_column("run_id", pa.repeat(run_id, rows)).append_column("step", pa.repeat(step, rows))
    rows_of_run = rows_of_run.append_column("digest", digests)
    pace = Pace()
    for batch in rows_of_run.combine_chunks().to_batches():
        for piece in bulk.pieces(batch, pace):
            bulk.stage(connection, "staged", piece.select(["digest"]))
            with bulk.write(store, connection) as turn:
                bulk.execute(connection, _FORGET_COPIES)
                bulk.append(connection, "quarantine", piece)
            pace.took(turn, piece.num_rows)


def tidy(store: Store, connection: Connection, most: int, days: int) -> None:
    """Let go of refused rows of runs that are older than so many days, and of the oldest beyond so many."""
    first = (datetime.now(UTC) - timedelta(days=days)).strftime(DATE_FORMAT)
    for which in (_TOO_OLD.format(first=first, some="{some}"), _TOO_MANY.format(most=int(most), some="{some}")):
        pace = Pace()
        while bulk.query(connection, which.format(some=1)).num_rows:
            some = pace.rows
            with bulk.write(store, connection) as turn:
                bulk.execute(connection, f"DELETE FROM quarantine WHERE quarantine_id IN ({which.format(some=some)})")
            pace.took(turn, some)


def _digest(*place: object) -> int:
    return int.from_bytes(blake2b(repr(place).encode(), digest_size=8).digest(), signed=True)


def merge_names(store: Store, connection: Connection, table: str, rows: pa.Table) -> None:
    """Put rows, by their key, into `mcc_codes` or `cards`: what isn't among them stays, and NULL replaces nothing."""
    key = TransactionsStore.metadata.tables[table].primary_key.columns.keys()[0]
    names = ", ".join(rows.column_names)
    known = ", ".join(
        f"{name} = coalesce(excluded.{name}, {table}.{name})" for name in rows.column_names if name != key
    )
    pace = Pace()
    for batch in rows.combine_chunks().to_batches():
        for piece in bulk.pieces(batch, pace):
            bulk.stage(connection, "staged", piece)
            with bulk.write(store, connection) as turn:
                bulk.execute(
                    connection,
                    f"""INSERT INTO {table} ({names}) SELECT {names} FROM staged WHERE true
                    ON CONFLICT ({key}) DO UPDATE SET {known}""",
                )
            pace.took(turn, piece.num_rows)
