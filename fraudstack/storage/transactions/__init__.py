"""Transactions with their decisions, one at a time, within the scorer's write transactions."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from fraudstack.profiles.event import Event, Marks
from fraudstack.schema import DECISIONS, TRANSACTIONS
from fraudstack.storage import profiles, sums
from fraudstack.storage.connections.online import Connection, Row, amount_for, date_text, held
from fraudstack.storage.decisions import batch_days

TRANSACTION = tuple(column.name for column in TRANSACTIONS.columns)
DECISION = tuple(column.name for column in DECISIONS.columns if column.name != "id")
_T = ", ".join(f"t.{name}" for name in TRANSACTION)
_D = ", ".join(f"d.{name}" for name in DECISION)
SELECT = f"SELECT {_T}, {_D} FROM transactions t LEFT JOIN decisions d ON d.id = t.id"
_BY_ID = f"{SELECT} WHERE t.id = ?"
_INSERT = f"INSERT INTO transactions ({', '.join(TRANSACTION)}) VALUES ({', '.join('?' * len(TRANSACTION))})"
_FLAG = "UPDATE transactions SET flagged_fraud = ?, description = coalesce(description, ?) WHERE id = ?"
_DECIDE = f"""INSERT INTO decisions (id, {", ".join(DECISION)}) VALUES (?, {", ".join("?" * len(DECISION))})
    ON CONFLICT (id) DO UPDATE SET {", ".join(f"{c} = excluded.{c}" for c in DECISION)}"""
_NEXT_OF_FILE = "UPDATE last_assigned SET id = id + 1 RETURNING id"
_NEXT_OF_SERVER = "SELECT nextval('assigned_ids')"
_SKIP_OF_FILE = "UPDATE last_assigned SET id = ? RETURNING id"
_SKIP_OF_SERVER = "SELECT setval('assigned_ids', ?)"
_TAKEN = "SELECT 1 FROM transactions WHERE id = ?"
_FREE = """SELECT min(t.id) + 1 FROM transactions t
    WHERE t.id >= ? AND NOT EXISTS (SELECT 1 FROM transactions n WHERE n.id = t.id + 1)"""
# Of `transactions`, as events, with the reasons of what was decided online: those of decisions in batch aren't counted.
REASONED = f"""{profiles.EVENT_COLUMNS}, (SELECT reasons FROM decisions d
    WHERE d.id = transactions.id AND d.source = 'online')"""
# Of ids as JSON.
_OF_BATCH = {
    of_file: tuple(batch_days.counting(ids, sign) for sign in (-1, 1))
    for of_file, ids in (
        (True, "SELECT value FROM json_each(?)"),
        (False, "SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(? AS JSON))"),
    )
}
_LOOK = "SELECT 1 FROM transactions LIMIT 1"
_CATEGORIES = "SELECT mcc, name FROM mcc_codes"


class Stored(NamedTuple):
    """A transaction as the store has it, with its latest decision, or None where nobody decided."""

    transaction: dict[str, Any]
    decision: dict[str, Any] | None


def find(connection: Connection, id: int, *, hold: bool = False) -> Stored | None:
    """The transaction of an id; `hold`: for the transaction under way alone."""
    return find_each(connection, [id], hold=hold).get(id)


def find_each(connection: Connection, ids: Sequence[int], *, hold: bool = False) -> dict[int, Stored]:
    """The transactions of ids that the store has; `hold`: for the transaction under way alone."""
    statement = held(connection.store, _BY_ID) if hold else _BY_ID
    found = connection.rows_of(*((statement, (id,)) for id in ids))
    return {id: stored(rows[0]) for id, rows in zip(ids, found, strict=True) if rows}


def stored(row: Row) -> Stored:
    """A row of SELECT: dates as text, amounts exact to the cent, reasons as a list."""
    transaction = dict(zip(TRANSACTION, row, strict=False))
    transaction["date"] = date_text(transaction["date"])
    transaction["amount"] = Decimal(round(transaction["amount"] * 100)).scaleb(-2)
    decision = dict(zip(DECISION, row[len(TRANSACTION) :], strict=True))
    if decision["decided_at"] is None:
        return Stored(transaction, None)
    decision |= {
        "decided_at": date_text(decision["decided_at"]),
        "suspicious": bool(decision["suspicious"]),
        "below_budget": bool(decision["below_budget"]),
        "reasons": from_json(decision["reasons"]),
    }
    return Stored(transaction, decision)


def next_ids(connection: Connection, several: int) -> list[int]:
    """So many ids that nobody has and nobody had, which rise; within a write transaction."""
    next = _NEXT_OF_FILE if connection.store.path else _NEXT_OF_SERVER
    ids = [int(id) for [(id,)] in connection.rows_of(*[(next, ())] * several)]
    if any(connection.rows_of(*((_TAKEN, (id,)) for id in ids))):
        return [_free_id(connection) for _ in ids]
    return ids


def _free_id(connection: Connection) -> int:
    """An id, where a file may have brought those that were the scorer's to give."""
    next, skip = (_NEXT_OF_FILE, _SKIP_OF_FILE) if connection.store.path else (_NEXT_OF_SERVER, _SKIP_OF_SERVER)
    [(id,)] = connection.rows(next)
    if connection.rows(_TAKEN, (id,)):
        [(id,)] = connection.rows(_FREE, (id,))
        connection.rows(skip, (id,))
    return int(id)


def insert(connection: Connection, transaction: Mapping[str, Any], cents: int) -> None:
    """Store a transaction (columns of TRANSACTION; what isn't there is NULL)."""
    values = [transaction.get(name) for name in TRANSACTION]
    values[TRANSACTION.index("amount")] = amount_for(connection.store, cents)
    connection.execute(_INSERT, values)


def flag(connection: Connection, id: int, flagged: bool, description: str | None) -> None:
    """Set flagged_fraud of a transaction that an ingest brought."""
    connection.execute(_FLAG, (int(flagged), description, id))


def store_decision(connection: Connection, id: int, decision: Mapping[str, Any]) -> None:
    """Store what was said of a transaction (columns of DECISION; reasons as a list)."""
    values = [decision.get(name) for name in DECISION]
    values[DECISION.index("reasons")] = to_json(decision["reasons"], inf_nan_mode="null").decode()
    for name in ("suspicious", "below_budget"):
        values[DECISION.index(name)] = int(decision[name])
    connection.execute(_DECIDE, (id, *values))


def replace_decisions(connection: Connection, decisions: Mapping[int, Mapping[str, Any]]) -> None:
    """Store what is said of transactions, by their ids, of which something may have been said in batch, or is."""
    ids = to_json(list(decisions)).decode()
    take_out, count = _OF_BATCH[connection.store.path is not None]
    connection.execute(take_out, (ids,))
    for id, decision in decisions.items():
        store_decision(connection, id, decision)
    connection.execute(count, (ids,))


def look(connection: Connection) -> None:
    """Read the table of transactions; raises StoreError when that can't be done."""
    connection.rows(_LOOK)


def categories(connection: Connection) -> dict[int, str]:
    """The names of the merchant category codes."""
    return dict(connection.rows(_CATEGORIES))


def take_out_reasons(connection: Connection, row: Row) -> tuple[Event, Marks]:
    """Count the reasons of a transaction, a row of REASONED, no more; it, and what is said of it."""
    *told, reasons = row
    event, marks = profiles.event_of(tuple(told))
    codes = [reason["code"] for reason in from_json(reasons)] if reasons else []
    sums.count_reasons(connection, event, marks.flagged, codes, -1)
    return event, marks
