"""Lists beside those of the rules file: who is allowed, blocked or held, why, by whom, and until when."""

from collections.abc import Sequence
from datetime import datetime

from fraudstack.profiles.event import Event, date_of
from fraudstack.profiles.named import Entry, named
from fraudstack.schema import DATE_FORMAT
from fraudstack.storage.connections.online import Connection, date_text

# Of one event at most so many things may be listed.
_MOST = 5
_OF = f"""SELECT list, kind, value, reason FROM lists
    WHERE ({" OR ".join(["(kind = ? AND value = ?)"] * _MOST)}) AND until > ? ORDER BY list, kind"""
_ANY = "SELECT 1 FROM lists LIMIT 1"
_PUT = """INSERT INTO lists (kind, value, list, reason, owner, until, at) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (kind, value, list) DO UPDATE SET
    reason = excluded.reason, owner = excluded.owner, until = excluded.until, at = excluded.at"""
# What held goes on to be known: transactions of its time are decided by it. What is put twice in a second never held.
_END = """INSERT INTO lists_past (kind, value, list, at, until, reason, owner)
    SELECT kind, value, list, at, CASE WHEN until < ? THEN until ELSE ? END, reason, owner FROM lists
    WHERE kind = ? AND value = ? AND list = ? AND at < ? AND at < until
    ON CONFLICT (kind, value, list, at) DO NOTHING"""
_THEN = " UNION ALL ".join(
    f"""SELECT list, kind, value, reason FROM {table}
    WHERE ({" OR ".join(["(kind = ? AND value = ?)"] * _MOST)}) AND at <= ? AND until > ?"""
    for table in ("lists", "lists_past")
)
_WITHDRAW = "DELETE FROM lists WHERE kind = ? AND value = ? AND list = ? RETURNING list"
_EVERY = """SELECT list, kind, value, reason, owner, until, at FROM lists WHERE until > ?
    ORDER BY list, kind, value LIMIT ?"""
COLUMNS = ("list", "kind", "value", "reason", "owner", "until", "at")


def of(connection: Connection, events: Sequence[Event], now: Sequence[datetime]) -> list[tuple[Entry, ...]]:
    """The entries that each event meets and that haven't ended at a moment, of its own."""
    # Most stores list nothing, and names cost time.
    if not connection.rows(_ANY):
        return [()] * len(events)
    each = zip(events, now, strict=True)
    found = connection.rows_of(*((_OF, (*_names(event), at.strftime(DATE_FORMAT))) for event, at in each))
    return [tuple(Entry(*row) for row in rows) for rows in found]


def then(connection: Connection, events: Sequence[Event]) -> list[tuple[Entry, ...]]:
    """The entries that each event meets and that held at its own time, as profiles.named.Lists has them."""
    asked = [(*_names(event), *[date_of(event.seconds).strftime(DATE_FORMAT)] * 2) for event in events]
    answers = connection.rows_of(*((_THEN, one * 2) for one in asked))
    return [tuple(sorted(Entry(*row) for row in found)) for found in answers]


def _names(event: Event) -> list[str | None]:
    asked: list[str | None] = [part for one in named(event) for part in (one.kind, one.value)]
    return asked + [None] * (2 * _MOST - len(asked))


def put(connection: Connection, entry: Entry, owner: str, until: datetime, at: datetime) -> None:
    """Put a value on a list until a date, in the place of what was said before; in the transaction under way."""
    times = until.strftime(DATE_FORMAT), at.strftime(DATE_FORMAT)
    _end(connection, entry.list, entry.kind, entry.value, at)
    connection.execute(_PUT, (entry.kind, entry.value, entry.list, entry.reason, owner, *times))


def withdraw(connection: Connection, name: str, kind: str, value: str, at: datetime) -> bool:
    """Take a value off a list; whether it was on it."""
    _end(connection, name, kind, value, at)
    return bool(connection.rows(_WITHDRAW, (kind, value, name)))


def _end(connection: Connection, name: str, kind: str, value: str, at: datetime) -> None:
    now = at.strftime(DATE_FORMAT)
    connection.execute(_END, (now, now, kind, value, name, now))


def every(connection: Connection, now: datetime, most: int) -> list[dict[str, object]]:
    """The entries that haven't ended, COLUMNS of each, at most so many."""
    rows = connection.rows(_EVERY, (now.strftime(DATE_FORMAT), most))
    return [
        dict(zip(COLUMNS, row, strict=True)) | {"until": date_text(row[-2]), "at": date_text(row[-1])} for row in rows
    ]
