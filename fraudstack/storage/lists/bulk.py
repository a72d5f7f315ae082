"""Lists and exceptions in bulk: what held at any time, for decisions of the past."""

from datetime import datetime

from adbc_driver_manager.dbapi import Connection

from fraudstack.profiles.event import seconds_of
from fraudstack.profiles.named import Entry, Held, Lists
from fraudstack.schema import DATE_FORMAT
from fraudstack.storage.connections import bulk

_EVERY = " UNION ALL ".join(
    f"SELECT list, kind, value, reason, CAST(at AS TEXT), CAST(until AS TEXT) FROM {table}"
    for table in ("lists", "lists_past")
)
_EXCEPTIONS = "SELECT client_id, merchant_id, CAST(at AS TEXT), CAST(until AS TEXT) FROM exceptions"


def every(connection: Connection) -> Lists:
    """All that was ever listed, and what is excepted, with its times."""
    rows, exceptions = bulk.rows(connection, _EVERY), bulk.rows(connection, _EXCEPTIONS)
    return Lists.of(
        (Held(Entry(*told), _seconds(at), _seconds(until)) for *told, at, until in rows),
        {(client, merchant): (_seconds(at), _seconds(until)) for client, merchant, at, until in exceptions},
    )


def _seconds(date: str) -> int:
    return seconds_of(datetime.strptime(date, DATE_FORMAT))
