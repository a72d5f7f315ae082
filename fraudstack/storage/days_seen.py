"""On which days a card, a merchant or an amount was seen: an inverted index that an ingest makes when it ends.

An index of the transactions would cost every decision its share. This one costs them nothing: the versions of the
daily sums tell which days have changed since, and those are searched.
"""

import struct
from collections import Counter
from datetime import date, timedelta

from fraudstack.storage.online import Connection, Row

# How many transactions there are by days, YYYY-MM-DD; None of a day that has changed since.
Seen = dict[str, int | None]
# A day since 1970, and how many transactions it has of the value: what `days` is made of, in order.
DAY = struct.Struct("<HI")
# So many days of a range of amounts say that it is common: then the newest days will do.
_MOST_DAYS = 200_000
_FIRST_DAY = date(1970, 1, 1)
_MOST_CENTS = 2**62

_DAYS = "SELECT days FROM days_seen WHERE kind = ? AND value = ? AND cents = 0"
_AMOUNTS = "SELECT days FROM days_seen WHERE kind = 'amount' AND value = '' AND cents BETWEEN ? AND ?"
_BYTES = f"SELECT sum(length(days)) FROM ({_AMOUNTS} LIMIT {_MOST_DAYS}) of_some"
_CHANGED = """SELECT d.day FROM (SELECT day, sum(version) AS version FROM daily_sums WHERE kind = 'all' GROUP BY day) d
    LEFT JOIN days_seen_versions s ON s.day = d.day WHERE s.version IS NULL OR s.version <> d.version"""


def of(connection: Connection, kind: str, value: str) -> Seen:
    """The days of a card or a merchant."""
    return _counted(connection, connection.rows(_DAYS, (kind, value)))


def of_amounts(connection: Connection, least: int | None, most: int | None) -> Seen | None:
    """The days of amounts from so many cents to so many; None if there are very many."""
    cents = (-_MOST_CENTS if least is None else least, _MOST_CENTS if most is None else most)
    if (connection.rows(_BYTES, cents)[0][0] or 0) > _MOST_DAYS * DAY.size:
        return None
    return _counted(connection, connection.rows(_AMOUNTS, cents))


def _counted(connection: Connection, rows: list[Row]) -> Seen:
    found: Counter[int] = Counter()
    for (days,) in rows:
        for day, transactions in DAY.iter_unpack(days):
            found[day] += transactions
    changed: Seen = {day: None for (day,) in connection.rows(_CHANGED)}
    return {str(_FIRST_DAY + timedelta(day)): transactions for day, transactions in found.items()} | changed
