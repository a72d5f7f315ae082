"""On which days a card, a merchant or an amount was seen: an inverted index that an ingest makes when it ends.

An index of the transactions would cost every decision its share. This one costs them nothing: the versions of the
daily sums tell which days have changed since, and those are searched. What a file changes is entered at once.
"""

import struct
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import batched

from fraudstack.profiles.event import Event, date_of
from fraudstack.storage.connections.online import Connection, Key, Row, day_for
from fraudstack.storage.sums import day_after

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
_HAS_CHANGED = """SELECT 1 WHERE coalesce((SELECT sum(version) FROM daily_sums WHERE kind = 'all' AND day = ?), 0)
    <> coalesce((SELECT version FROM days_seen_versions WHERE day = ?), 0)"""
_OF_VALUE = "SELECT days FROM days_seen WHERE kind = ? AND value = ? AND cents = ?"
_PUT = """INSERT INTO days_seen (kind, value, cents, days) VALUES (?, ?, ?, ?)
    ON CONFLICT (kind, value, cents) DO UPDATE SET days = excluded.days"""
_VERSION = "SELECT CAST(sum(version) AS BIGINT) FROM daily_sums WHERE kind = 'all' AND day = ?"
_SET_VERSION = """INSERT INTO days_seen_versions (day, version) VALUES (?, ?)
    ON CONFLICT (day) DO UPDATE SET version = excluded.version"""
_OF_DAY = "SELECT card_id, merchant_id, amount FROM transactions WHERE date >= ? AND date < ?"
# Values in a write transaction.
_AT_ONCE = 500
_FORGET = "DELETE FROM days_seen WHERE kind = ? AND value = ? AND cents = ?"
_COUNT = """INSERT INTO days_seen_versions (day, version) VALUES (?, ?)
    ON CONFLICT (day) DO UPDATE SET version = days_seen_versions.version + excluded.version"""


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


def values(card: str | None, merchant: str | None, cents: int) -> list[tuple[str, str, int]]:
    """The key of every list that a transaction is in: kind, value, cents."""
    found = [("card", card, 0), ("merchant", merchant, 0), ("amount", "", cents)]
    return [(kind, value, cents) for kind, value, cents in found if value or (kind == "amount" and value is not None)]


def catch_up(connection: Connection) -> None:
    """Enter what came since on the days that have changed, in short write transactions; while nobody else enters."""
    for (day,) in connection.rows(_CHANGED):
        with connection.read():
            [(version,)] = connection.rows(_VERSION, (day,))
            ends = day_for(connection.store, day), day_for(connection.store, day_after(day))
            found: Counter[tuple[str, str, int]] = Counter()
            for card, merchant, amount in connection.rows(_OF_DAY, ends):
                found.update(values(card, merchant, round(amount * 100)))
        number = (date.fromisoformat(day) - _FIRST_DAY).days
        enter(connection, sorted(found), {number: found})
        with connection.write():
            connection.execute(_SET_VERSION, (day, version))


def enter(
    connection: Connection, keys: Iterable[tuple[str, str, int]], found: Mapping[int, Counter[tuple[str, str, int]]]
) -> None:
    """Let lists say how many transactions they have on some days, by days since 1970; in short write transactions."""
    for some in batched(keys, _AT_ONCE):
        with connection.write():
            for key in some:
                packed = _packed(connection, key)
                _put(connection, key, packed, {day: n[key] - _place(packed, day)[1] for day, n in found.items()})


def has_changed(connection: Connection, day: str) -> bool:
    """Whether more came on a day, YYYY-MM-DD, than was entered."""
    return bool(connection.rows(_HAS_CHANGED, (day, day)))


def _write_versions(connection: Connection, changes: Mapping[Key, Sequence[int]]) -> None:
    connection.many(_COUNT, [(day, versions) for (day,), (versions,) in sorted(changes.items())])


def _write(connection: Connection, changes: Mapping[Key, Sequence[int]]) -> None:
    of_values: dict[tuple[str, str, int], dict[int, int]] = {}
    for (kind, value, cents, day), (difference,) in changes.items():
        of_values.setdefault((kind, value, int(cents)), {})[int(day)] = difference
    for key, differences in sorted(of_values.items()):
        _put(connection, key, _packed(connection, key), differences)


def _packed(connection: Connection, key: tuple[str, str, int]) -> bytes:
    found = connection.rows(_OF_VALUE, key)
    return found[0][0] if found else b""


def _put(connection: Connection, key: tuple[str, str, int], packed: bytes, differences: Mapping[int, int]) -> None:
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
        connection.execute(_PUT, (*key, amended))
    else:
        connection.execute(_FORGET, key)


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
