"""On which days a card, a merchant or an amount was seen: an inverted index that an ingest makes when it ends.

An index of the transactions would cost every decision its share. This one costs them nothing: the versions of the
daily sums tell which days have changed since, and those are searched. What a file changes is entered at once.
"""

import struct
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import batched, product

from fraudstack.profiles.event import Event, date_of
from fraudstack.storage.connections.online import Connection, Key, Row, day_for
from fraudstack.storage.sums import day_after

# A card, merchant or amount: kind, value, cents.
Value = tuple[str, str, int]

# How many transactions there are by days, YYYY-MM-DD; None of a day that has changed since.
Seen = dict[str, int | None]
# A day since 1970, and how many transactions it has of the value: what `days` is made of, in order.
DAY = struct.Struct("<HI")
# So many days of a range of amounts say that it is common: then the newest days will do.
_MOST_DAYS = 200_000
_FIRST_DAY = date(1970, 1, 1)
_MOST_CENTS = 2**62

_DAYS = "SELECT days FROM days_seen_by_year WHERE kind = ? AND value = ? AND cents = 0"
_AMOUNTS = "SELECT days FROM days_seen_by_year WHERE kind = 'amount' AND value = '' AND cents BETWEEN ? AND ?"
_BYTES = f"SELECT sum(length(days)) FROM ({_AMOUNTS} LIMIT {_MOST_DAYS}) of_some"
_CHANGED = """SELECT d.day FROM (SELECT day, sum(version) AS version FROM daily_sums WHERE kind = 'all' GROUP BY day) d
    LEFT JOIN days_seen_by_year_versions s ON s.day = d.day WHERE s.version IS NULL OR s.version <> d.version"""
_HAS_CHANGED = """SELECT 1 WHERE coalesce((SELECT sum(version) FROM daily_sums WHERE kind = 'all' AND day = ?), 0)
    <> coalesce((SELECT version FROM days_seen_by_year_versions WHERE day = ?), 0)"""
_OF_YEAR = "SELECT days FROM days_seen_by_year WHERE kind = ? AND value = ? AND cents = ? AND year = ?"
_PUT = """INSERT INTO days_seen_by_year (kind, value, cents, year, days) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (kind, value, cents, year) DO UPDATE SET days = excluded.days"""
_VERSION = "SELECT CAST(sum(version) AS BIGINT) FROM daily_sums WHERE kind = 'all' AND day = ?"
_SET_VERSION = """INSERT INTO days_seen_by_year_versions (day, version) VALUES (?, ?)
    ON CONFLICT (day) DO UPDATE SET version = excluded.version"""
_OF_DAY = "SELECT card_id, merchant_id, amount FROM transactions WHERE date >= ? AND date < ?"
# Values in a write transaction.
_AT_ONCE = 500
_FORGET = "DELETE FROM days_seen_by_year WHERE kind = ? AND value = ? AND cents = ? AND year = ?"
_COUNT = """INSERT INTO days_seen_by_year_versions (day, version) VALUES (?, ?)
    ON CONFLICT (day) DO UPDATE SET version = days_seen_by_year_versions.version + excluded.version"""


def count(connection: Connection, event: Event, sign: int) -> None:
    """Enter a transaction (1), take it out (-1) or leave it (0), where `sums.count` counts it, in the same transaction.

    What it doesn't know of a day, it goes on not to know: the versions differ by as much as before.
    """
    day = date_of(event.seconds).date()
    connection.add_up(_write_versions, (str(day),), (1,))
    if sign:
        number = str((day - _FIRST_DAY).days)
        for kind, value, cents in values(event.card, event.merchant, event.cents):
            connection.add_up(_write, (kind, value, str(cents), number), (sign,))


def values(card: str | None, merchant: str | None, cents: int) -> list[Value]:
    """The values that a transaction is listed by."""
    found = [("card", card, 0), ("merchant", merchant, 0), ("amount", "", cents)]
    return [(kind, value, cents) for kind, value, cents in found if value or (kind == "amount" and value is not None)]


def catch_up(connection: Connection) -> None:
    """Enter what came since on the days that have changed, in short write transactions; while nobody else enters."""
    for (day,) in connection.rows(_CHANGED):
        with connection.read():
            [(version,)] = connection.rows(_VERSION, (day,))
            ends = day_for(connection.store, day), day_for(connection.store, day_after(day))
            found: Counter[Value] = Counter()
            for card, merchant, amount in connection.rows(_OF_DAY, ends):
                found.update(values(card, merchant, round(amount * 100)))
        number = (date.fromisoformat(day) - _FIRST_DAY).days
        enter(connection, sorted(found), {number: found})
        with connection.write():
            connection.execute(_SET_VERSION, (day, version))


def enter(connection: Connection, values: Iterable[Value], found: Mapping[int, Counter[Value]]) -> None:
    """Let lists say how many transactions they have on some days, by days since 1970; in short write transactions."""
    years: dict[int, list[int]] = {}
    for day in found:
        years.setdefault(_year(day), []).append(day)
    for some in batched(values, _AT_ONCE):
        with connection.write():
            lists = list(product(some, years))
            for (value, year), packed in zip(lists, _packed(connection, lists), strict=True):
                differences = {day: found[day][value] - _place(packed, day)[1] for day in years[year]}
                _put(connection, value, year, packed, differences)


def has_changed(connection: Connection, day: str) -> bool:
    """Whether more came on a day, YYYY-MM-DD, than was entered."""
    return bool(connection.rows(_HAS_CHANGED, (day, day)))


def _write_versions(connection: Connection, changes: Mapping[Key, Sequence[int]]) -> None:
    connection.many(_COUNT, [(day, versions) for (day,), (versions,) in sorted(changes.items())])


def _write(connection: Connection, changes: Mapping[Key, Sequence[int]]) -> None:
    of_values: dict[tuple[Value, int], dict[int, int]] = {}
    for (kind, value, cents, day), (difference,) in changes.items():
        of_values.setdefault(((kind, value, int(cents)), _year(int(day))), {})[int(day)] = difference
    lists = sorted(of_values)
    for (listed, year), packed in zip(lists, _packed(connection, lists), strict=True):
        _put(connection, listed, year, packed, of_values[listed, year])


def _year(day: int) -> int:
    return (_FIRST_DAY + timedelta(day)).year


def _packed(connection: Connection, lists: Sequence[tuple[Value, int]]) -> list[bytes]:
    """The lists of values and years, which are asked for together."""
    found = connection.rows_of(*((_OF_YEAR, (*value, year)) for value, year in lists))
    return [rows[0][0] if rows else b"" for rows in found]


def _put(connection: Connection, value: Value, year: int, packed: bytes, differences: Mapping[int, int]) -> None:
    """Count some days of a list otherwise; the others aren't looked at, however many there are."""
    amended = packed
    for day, difference in differences.items():
        if difference:
            at, transactions = _place(amended, day)
            entry = DAY.pack(day, transactions + difference) if transactions + difference > 0 else b""
            amended = amended[:at] + entry + amended[at + DAY.size * bool(transactions) :]
    if amended == packed:
        return
    if amended:
        connection.execute(_PUT, (*value, year, amended))
    else:
        connection.execute(_FORGET, (*value, year))


def _place(packed: bytes, day: int) -> tuple[int, int]:
    """Where a day stands in a list, or would, and how many transactions it has."""
    entries = len(packed) // DAY.size
    at = DAY.size * bisect_left(range(entries), day, key=lambda entry: DAY.unpack_from(packed, DAY.size * entry)[0])
    found, transactions = DAY.unpack_from(packed, at) if at < len(packed) else (None, 0)
    return at, transactions if found == day else 0


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
