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
from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, DropIndex

from fraudstack.schema import CONTENT, TRANSACTIONS
from fraudstack.storage import batch as bulk
from fraudstack.storage import batch_days, changes, outdated
from fraudstack.storage.pace import Pace, Turn
from fraudstack.storage.store import Store

# Amounts travel in whole cents: a float made of them by one division is the nearest there is.
STAGED = pa.schema(
    [
        ("id", pa.int64()),
        ("date", pa.timestamp("us")),
        ("client_id", pa.string()),
        ("card_id", pa.string()),
        ("cents", pa.int64()),
        ("use_chip", pa.string()),
        ("merchant_id", pa.string()),
        ("merchant_city", pa.string()),
        ("merchant_state", pa.string()),
        ("zip", pa.string()),
        ("mcc", pa.int32()),
        ("errors", pa.string()),
    ]
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
_NEW = ", ".join(f"s.{name}" for name in CONTENT)
_DIFFERS = _differs("t")


def _conflicts(known: str) -> str:
    """Whether a row contradicts what was decided online."""
    return f"""({_clashes(known, "s")} AND ({known}.flagged_fraud IS NOT NULL
        OR EXISTS (SELECT 1 FROM decisions d WHERE d.id = {known}.id AND d.source = 'online')))"""


_MADE_SQLITE = "SELECT name FROM sqlite_master WHERE name = 'transactions'"
_MADE_POSTGRESQL = "SELECT to_regclass('transactions') AS name WHERE to_regclass('transactions') IS NOT NULL"
_COUNTED = "SELECT CAST(coalesce(sum(transactions), 0) AS BIGINT) AS transactions FROM profiles"
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
_CHANGE = f"""UPDATE transactions SET {", ".join(f"{c} = s.{c}" for c in _TOLD if c != "id")} FROM staged s
    WHERE s.id = transactions.id AND {_differs("transactions")} AND NOT {_conflicts("transactions")}"""
# A row that came a moment ago wasn't entered: it is looked at once more.
_CHANGE_ENTERED = f"""{_CHANGE}
    AND EXISTS (SELECT 1 FROM changes c WHERE c.client_id = transactions.client_id AND c.id = transactions.id)"""
# Decisions in batch follow their content: they are made anew.
_CHANGED_IDS = f"SELECT t.id FROM staged s JOIN transactions t ON t.id = s.id WHERE {_DIFFERS}"
_DROP_DECIDED = (
    batch_days.counting(_CHANGED_IDS, -1),
    f"DELETE FROM decisions WHERE source = 'batch' AND id IN ({_CHANGED_IDS})",
)
_INSERT = f"""INSERT INTO transactions ({_COLUMNS})
    SELECT {_NEW} FROM staged s LEFT JOIN transactions t ON t.id = s.id WHERE t.id IS NULL
    ON CONFLICT (id) DO NOTHING"""
# A row that comes to another client is counted with both.
_CHANGED = f"""SELECT t.client_id, t.id, {{was}} AS was FROM staged s JOIN transactions t ON t.id = s.id
    WHERE {_DIFFERS}
    UNION ALL SELECT s.client_id, s.id, NULL FROM staged s JOIN transactions t ON t.id = s.id
    WHERE s.client_id <> t.client_id"""
_FRESH = (
    "SELECT s.client_id, s.id, NULL AS was FROM staged s LEFT JOIN transactions t ON t.id = s.id WHERE t.id IS NULL"
)


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
) -> list[int]:
    """Insert or update rows; returns the ids that turned out to be in conflict and were left out.

    What is changed is entered in `changes`, to be counted, unless all is outdated that is made of transactions. An
    empty store is filled without indexes: call `ensure_indexes` after. Every transaction is short.
    """
    empty = is_empty(connection)
    if empty:
        outdated.mark(store, connection)
        with bulk.write(store, connection):
            for index in TRANSACTIONS.indexes:
                bulk.execute(connection, _sql(DropIndex(index, if_exists=True), store))
    enter = not outdated.holds(connection, outdated.PROFILES)
    put = _append if empty else partial(_upsert, enter=enter)
    pace = Pace()
    conflicts: list[int] = []
    for batch in batches:
        for piece in bulk.pieces(_for_store(batch, store, currency), pace):
            pace.took(put(store, connection, piece, conflicts), piece.num_rows)
            on_rows(piece.num_rows)
    return conflicts


def most_entered(connection: Connection, share: float) -> int:
    """How many transactions a load may change to be counted one by one: a share of those that are counted."""
    return int(share * (bulk.query(connection, _COUNTED).column("transactions")[0].as_py() or 0))


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


def _append(store: Store, connection: Connection, rows: pa.Table, conflicts: list[int]) -> Turn:
    ids = pc.min_max(rows.column("id")).as_py()

    def append() -> bool:
        if bulk.query(connection, _ANY_BETWEEN, (ids["min"], ids["max"])).num_rows:
            return False
        bulk.append(connection, "transactions", rows)
        return True

    turn, done = bulk.write_again(store, connection, append)
    # The scorer may have been first with one of them, or the files' ids are mixed.
    return turn if done else _upsert(store, connection, rows, conflicts)


def _upsert(store: Store, connection: Connection, rows: pa.Table, conflicts: list[int], *, enter: bool = False) -> Turn:
    bulk.stage(connection, "staged", rows)
    longest = Turn()
    while True:
        compared = bulk.query(connection, _COMPARE).to_pylist()[0]
        staged = bulk.query(connection, "SELECT count(*) AS rows FROM staged").to_pylist()[0]["rows"]
        if compared["known"] == staged and not compared["changed"]:
            return longest
        put = partial(_put, store, connection, enter, bool(compared["changed"]))
        turn, clashing = bulk.write_again(store, connection, put)
        conflicts += clashing
        longest.seconds = max(longest.seconds, turn.seconds)
        if store.path:
            return longest
        # A server's scorer may have been first with a row: then it is compared again.


def _put(store: Store, connection: Connection, enter: bool, changes_some: bool) -> list[int]:
    """Write what is staged, in the transaction under way; the ids that clash, which aren't staged any more."""
    if store.path is None:
        bulk.query(connection, _HOLD)
    # Asked again inside the transaction: the scorer may have decided one of them meanwhile.
    clashing: list[int] = bulk.query(connection, _CONFLICTS).column("id").to_pylist()
    if clashing:
        bulk.execute(connection, _DROP_CONFLICTS)
    for statement in _DROP_DECIDED if changes_some else ():
        bulk.execute(connection, statement)
    if enter:
        bulk.execute(connection, changes.entering(_CHANGED.format(was=changes.counted(store))))
    bulk.execute(connection, _CHANGE_ENTERED if enter else _CHANGE)
    if not enter:
        bulk.execute(connection, _INSERT)
    elif store.path:
        bulk.execute(connection, changes.entering(_FRESH))
        bulk.execute(connection, _INSERT)
    else:
        # Only what isn't the scorer's at this very moment.
        put = f"WITH put AS ({_INSERT} RETURNING client_id, id) "
        bulk.execute(connection, put + changes.entering("SELECT client_id, id, CAST(NULL AS TEXT) AS was FROM put"))
    return clashing


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
