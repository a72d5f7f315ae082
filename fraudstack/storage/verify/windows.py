"""The latest transactions by card and by merchant, held against the transactions themselves."""

from collections.abc import Iterator

from fraudstack.features import DAY, KEPT_DAYS
from fraudstack.storage.connections.online import Connection, date_for
from fraudstack.storage.verify.difference import Difference, between

_KEPT = "SELECT kind, value, date, id, counted FROM windows WHERE date >= ?"
_MADE = """SELECT '{kind}', {kind}_id, date, id, 1 FROM transactions WHERE date >= ? AND {kind}_id <> ''"""
_REBUILT = " UNION ALL ".join(_MADE.format(kind=kind) for kind in ("card", "merchant"))
_MORE = f"{_KEPT} EXCEPT SELECT * FROM ({_REBUILT}) made"
_LESS = f"SELECT * FROM ({_REBUILT}) made EXCEPT {_KEPT}"
_FORGET = "DELETE FROM windows WHERE kind = ? AND value = ? AND date = ? AND id = ? AND counted = ?"
_ENTER = "INSERT INTO windows (kind, value, date, id, counted) VALUES (?, ?, ?, ?, ?)"


def differences(connection: Connection, newest: int) -> Iterator[Difference]:
    """What of the KEPT_DAYS up to a day is listed and isn't there, or isn't listed; in the transaction under way."""
    more, less = _found(connection, newest)
    yield from between("windows", dict.fromkeys(more, 1), dict.fromkeys(less, 1))


def repair(connection: Connection, newest: int) -> None:
    """List what is there, in the transaction under way, beside which nobody else counts."""
    more, less = _found(connection, newest)
    connection.many(_FORGET, more)
    connection.many(_ENTER, less)


def _found(connection: Connection, newest: int) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    since = (date_for(connection.store, (newest - KEPT_DAYS) * DAY),) * 3
    return connection.rows(_MORE, since), connection.rows(_LESS, since)
