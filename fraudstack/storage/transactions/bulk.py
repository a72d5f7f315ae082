"""Loading transactions in bulk: straight into an empty store, in short transactions into one in use.

Rows come as Arrow batches with the columns of STAGED. What the scorer or an analyst wrote is never touched:
a transaction that was decided online keeps its content. A file may fill what it lacked; one that says otherwise is a
conflict.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_manager.dbapi import Connection
from sqlalchemy import BigInteger, Dialect, Integer, Text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, DropIndex

from fraudstack.schema import CONTENT, RAW, TRANSACTIONS, UtcSeconds
from fraudstack.storage import outdated
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.pace import Pace, Turn
from fraudstack.storage.connections.store import Store
from fraudstack.storage.decisions import batch_days
from fraudstack.storage.following import changes
from fraudstack.storage.loads import Load
from fraudstack.storage.loads import bulk as loads_bulk
from fraudstack.storage.outdated import bulk as rebuild

_ARROW = {BigInteger: pa.int64(), Integer: pa.int32(), Text: pa.string(), UtcSeconds: pa.timestamp("us")}
# Amounts travel in whole cents: a float made of them by one division is the nearest there is.
STAGED = pa.schema(
    [("cents", pa.int64()) if name == "amount" else (name, _ARROW[type(TRANSACTIONS.c[name].type)]) for name in RAW]
)

# Of a file with columns of its own.
DESCRIBED = STAGED.append(pa.field("description", pa.string()))

# A file can't hold a description: what the API was told stays, and is no difference.
_TOLD = tuple(name for name in CONTENT if name != "description")


def _clashes(known: str, told: str) -> str:
    """Whether one row says otherwise than another that is known: not where it fills a NULL."""
    columns = (f"({known}.{c} IS NOT NULL AND {known}.{c} IS DISTINCT FROM {told}.{c})" for c in _TOLD)
    return f"({' OR '.join(columns)})"


def _differs(known: str) -> str:
    """Whether a staged row says otherwise than one that is known, in whatever a file can say."""
    return f"({', '.join(f'{known}.{c}' for c in _TOLD)}) IS DISTINCT FROM ({', '.join(f's.{c}' for c in _TOLD)})"


_COLUMNS = ", ".join(CONTENT)
_DIFFERS = _differs("t")


def _conflicts(known: str) -> str:
    """Whether a row contradicts what was decided online."""
    return f"""({_clashes(known, "s")} AND ({known}.flagged_fraud IS NOT NULL
        OR EXISTS (SELECT 1 FROM decisions d WHERE d.id = {known}.id AND d.source = 'online')))"""


_MADE_SQLITE = "SELECT name FROM sqlite_master WHERE name = 'transactions'"
_MADE_POSTGRESQL = "SELECT to_regclass('transactions') AS name WHERE to_regclass('transactions') IS NOT NULL"
_ANY_BETWEEN = "SELECT id FROM transactions WHERE id BETWEEN $1 AND $2 LIMIT 1"
_COMPARE = f"""SELECT count(*) AS known, coalesce(sum(CASE WHEN {_DIFFERS} THEN 1 ELSE 0 END), 0) AS changed
    FROM staged s JOIN transactions t ON t.id = s.id"""
_CONFLICTS = f"""SELECT s.id FROM staged s JOIN transactions t ON t.id = s.id
    WHERE {_conflicts("t")}"""
_DROP_CONFLICTS = f"""DELETE FROM staged WHERE id IN ({_CONFLICTS})"""
# What a server's scorer is about to decide is waited for: from then on nobody else changes what differs.
_HOLD = f"""SELECT count(*) AS held FROM (SELECT t.id FROM transactions t JOIN staged s ON s.id = t.id
    WHERE {_DIFFERS} ORDER BY t.id FOR UPDATE OF t) rows"""
# Unchanged rows are left out, so that loading the same file again writes nothing.
_REPLACE = f"""INSERT INTO replaced (load, {_COLUMNS}) SELECT $1, {", ".join(f"t.{c}" for c in CONTENT)}
    FROM staged s JOIN transactions t ON t.id = s.id WHERE {_DIFFERS} AND NOT {_conflicts("t")}
    ON CONFLICT (load, id) DO NOTHING"""
# What a load replaces is noted first: a row that came a moment ago isn't among it, and is looked at once more.
# Asked of each staged row: joined, SQLite would read all that the load has replaced.
_REPLACED = "EXISTS (SELECT 1 FROM replaced r WHERE r.load = $1 AND r.id = s.id)"
_THESE = f"FROM staged s JOIN transactions t ON t.id = s.id WHERE {_DIFFERS} AND {_REPLACED}"
_CHANGE = f"""UPDATE transactions SET {", ".join(f"{c} = s.{c}" for c in _TOLD if c != "id")} FROM staged s
    WHERE s.id = transactions.id AND {_differs("transactions")} AND {_REPLACED}"""
# Decisions in batch follow their content: they are made anew.
_DROP_DECIDED = (
    batch_days.counting(f"SELECT s.id {_THESE}", -1),
    f"DELETE FROM decisions WHERE source = 'batch' AND id IN (SELECT s.id {_THESE})",
)
# A row that comes to another client is counted with both.
_CHANGED = f"""SELECT t.client_id, t.id, {{was}} AS was {_THESE}
    UNION ALL SELECT s.client_id, s.id, NULL {_THESE} AND s.client_id <> t.client_id"""
_FRESH = "SELECT s.id FROM staged s LEFT JOIN transactions t ON t.id = s.id WHERE t.id IS NULL"
_ENTER_FRESH = changes.entering("SELECT client_id, id, CAST(NULL AS TEXT) AS was FROM fresh")


@dataclass
class Survey:
    """What loading a file would do: rows new to the store, rows that change one, ids in conflict."""

    new: int = 0
    changed: int = 0
    conflicts: list[int] = field(default_factory=list)


def survey(store: Store, connection: Connection, batches: Iterable[pa.RecordBatch], currency: str) -> Survey:
    """Compare rows with the store without writing to it."""
    found = Survey()
    for batch in batches:
        bulk.stage(connection, "staged", pa.Table.from_batches([_for_store(batch, store, currency)]))
        row = bulk.query(connection, _COMPARE).to_pylist()[0]
        found.new += batch.num_rows - row["known"]
        found.changed += int(row["changed"])
        if row["changed"]:
            conflicts = bulk.query(connection, _CONFLICTS).column("id").to_pylist()
            found.conflicts += conflicts
            found.changed -= len(conflicts)
    return found


def load(
    store: Store,
    connection: Connection,
    batches: Iterable[pa.RecordBatch],
    currency: str,
    on_rows: Callable[[int], None],
    of: Load,
) -> list[int]:
    """Insert or update rows; returns the ids that turned out to be in conflict and were left out.

    What is changed is entered in `changes`, to be counted, unless all is outdated that is made of transactions, and
    noted as the load's, to be taken back. An empty store is filled without indexes: call `ensure_indexes` after. Every
    transaction is short.
    """
    if is_empty(connection):
        rebuild.order(store, connection)
        with bulk.write(store, connection):
            for index in TRANSACTIONS.indexes:
                bulk.execute(connection, _sql(DropIndex(index, if_exists=True), store))
    enter = not rebuild.is_due(connection, outdated.PROFILES)
    pace = Pace()
    conflicts: list[int] = []
    for batch in batches:
        for piece in bulk.pieces(_for_store(batch, store, currency), pace):
            pace.took(_put(store, connection, piece, of, conflicts, enter=enter), piece.num_rows)
            on_rows(piece.num_rows)
    return conflicts


def most_entered(connection: Connection, share: float) -> int:
    """How many transactions a load may change to be counted one by one: a share of those that are counted."""
    return int(share * (bulk.query(connection, outdated.COUNTED).column("transactions")[0].as_py() or 0))


def is_made(store: Store, connection: Connection) -> bool:
    """Whether the store has its tables yet."""
    return bool(bulk.query(connection, _MADE_SQLITE if store.path else _MADE_POSTGRESQL).num_rows)


def is_empty(connection: Connection) -> bool:
    """Whether the store holds no transaction."""
    return not bulk.query(connection, "SELECT id FROM transactions LIMIT 1").num_rows


def ensure_indexes(store: Store, connection: Connection) -> None:
    """Create the indexes that are missing: after a first load, or after one that was killed."""
    for index in sorted(TRANSACTIONS.indexes, key=lambda index: str(index.name)):
        with bulk.write(store, connection):
            bulk.execute(connection, _sql(CreateIndex(index, if_not_exists=True), store))


def _put(store: Store, connection: Connection, rows: pa.Table, of: Load, conflicts: list[int], *, enter: bool) -> Turn:
    """Write what is new or says otherwise; the longest of the write transactions that it takes."""
    ids = pc.min_max(rows.column("id")).as_py()
    between = ids["min"], ids["max"]
    longest = Turn()
    # Most files bring ids that rise: then there is nothing between theirs to be compared with.
    if _are_new(connection, between):

        def add() -> bool:
            if not _are_new(connection, between):
                return False
            _add(store, connection, rows, of, enter=enter)
            return True

        longest, done = bulk.write_again(store, connection, add)
        if done:
            return longest
    while True:
        bulk.stage(connection, "staged", rows)
        compared = bulk.query(connection, _COMPARE).to_pylist()[0]
        if compared["known"] == rows.num_rows and not compared["changed"]:
            return longest
        turn, clashing = bulk.write_again(store, connection, partial(_upsert, store, connection, rows, of, enter=enter))
        conflicts += clashing
        longest.seconds = max(longest.seconds, turn.seconds)
        if store.path:
            return longest
        # A server's scorer may have been first with a row: then it is compared again.
        rows = _without(rows, clashing)


def _are_new(connection: Connection, between: tuple[int, int]) -> bool:
    """Whether the store has no transaction from one id to another."""
    return not bulk.query(connection, _ANY_BETWEEN, between).num_rows


def _add(store: Store, connection: Connection, rows: pa.Table, of: Load, *, enter: bool) -> None:
    """Insert rows, in the transaction under way."""
    bulk.append(connection, "transactions", rows)
    if enter:
        bulk.stage(connection, "fresh", rows.select(["client_id", "id"]))
        bulk.execute(connection, _ENTER_FRESH)
    loads_bulk.note(store, connection, of, "transactions", rows.column("id").to_numpy())


def _upsert(store: Store, connection: Connection, rows: pa.Table, of: Load, *, enter: bool) -> list[int]:
    """Write what is staged of rows, in the transaction under way; the ids that clash."""
    if store.path is None:
        bulk.query(connection, _HOLD)
    # Asked again inside the transaction: the scorer may have decided one of them meanwhile.
    clashing: list[int] = bulk.query(connection, _CONFLICTS).column("id").to_pylist()
    if clashing:
        bulk.execute(connection, _DROP_CONFLICTS)
    number = (of.number,)
    bulk.execute(connection, _REPLACE, number)
    for statement in _DROP_DECIDED:
        bulk.execute(connection, statement, number)
    if enter:
        bulk.execute(connection, changes.entering(_CHANGED.format(was=changes.counted(store))), number)
    bulk.execute(connection, _CHANGE, number)
    loads_bulk.enter(store, connection, of)
    fresh = bulk.query(connection, _FRESH).column("id")
    if len(fresh):
        _add(store, connection, rows.filter(pc.is_in(rows.column("id"), value_set=fresh)), of, enter=enter)
    return clashing


def _without(rows: pa.Table, ids: list[int]) -> pa.Table:
    return rows.filter(pc.invert(pc.is_in(rows.column("id"), value_set=pa.array(ids, pa.int64())))) if ids else rows


def _for_store(batch: pa.RecordBatch, store: Store, currency: str) -> pa.RecordBatch:
    """The staged columns as the store's table has them."""
    rows = batch.num_rows
    cents, date = batch.column("cents"), batch.column("date")
    columns = {name: batch.column(name) for name in batch.schema.names if name != "cents"}
    if store.path is None:
        exact = cents.cast(pa.decimal128(19, 0))
        columns["amount"] = pc.multiply(exact, pa.scalar(Decimal("0.01"), pa.decimal128(3, 2))).cast(
            pa.decimal128(12, 2)
        )
    else:
        columns["date"] = date.cast(pa.timestamp("s")).cast(pa.string())
        columns["amount"] = pc.divide(cents.cast(pa.float64()), 100.0)
    columns["currency"] = pa.repeat(currency, rows)
    columns.setdefault("description", pa.nulls(rows, pa.string()))
    return pa.RecordBatch.from_pydict({name: columns[name] for name in CONTENT})


def _sql(statement: CreateIndex | DropIndex, store: Store) -> str:
    dialect: Dialect = sqlite.dialect() if store.path else postgresql.dialect()  # type: ignore[no-untyped-call]
    return str(statement.compile(dialect=dialect))
