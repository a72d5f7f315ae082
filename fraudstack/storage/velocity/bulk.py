"""The latest transactions by card and by merchant, all anew, a day at a time, while a scorer enters its own."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

from adbc_driver_manager.dbapi import Connection

from fraudstack.features import KEPT_DAYS
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.store import Store
from fraudstack.storage.sums import day_after

_FORGET = "DELETE FROM windows"
# SQLite wants a WHERE between the SELECT and ON CONFLICT.
_ENTER = """INSERT INTO windows (kind, value, date, id, counted) SELECT '{kind}', {kind}_id, date, id, 1
    FROM transactions
    WHERE date >= CAST($1 AS {type}) AND date < CAST($2 AS {type}) AND {kind}_id <> ''
    ON CONFLICT (kind, value, date, id) DO NOTHING"""


def replace(store: Store, connection: Connection, days: Sequence[str], on_days: Callable[[int], None]) -> None:
    """Enter the transactions of the KEPT_DAYS up to the last of some days (YYYY-MM-DD, in order) and of no others."""
    first = str(date.fromisoformat(days[-1]) - timedelta(KEPT_DAYS)) if days else ""
    with bulk.write(store, connection):
        bulk.execute(connection, _FORGET)
    for day in days:
        if day >= first:
            with bulk.write(store, connection):
                for kind in ("card", "merchant"):
                    statement = _ENTER.format(kind=kind, type="TEXT" if store.path else "TIMESTAMP")
                    bulk.execute(connection, statement, (day, day_after(day)))
        on_days(1)
