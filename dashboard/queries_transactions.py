"""Pages of transactions under any filter, at any length of history.

Clients have an index. The rest is found by days: the daily sums say of flags, categories, states and reasons on which
days there is something to find, and how much; lists of days say it of cards, merchants and amounts. Only those days
are read.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from fraudstack.storage import days_seen, sums
from fraudstack.storage.connections.online import Connection, amount_for, day_for
from fraudstack.storage.days_seen import Seen
from fraudstack.storage.transactions import SELECT, Stored, stored

MOST_COUNTED = 10_000
_COUNT_SECONDS = 1.0
# Filters that the daily sums are kept by, and those that have lists of days.
_KINDS = ("mcc", "state", "reason")
_SEEN = ("card", "merchant")
_EQUAL = {"client": "client_id", "card": "card_id", "merchant": "merchant_id", "mcc": "mcc", "state": "merchant_state"}
# Figures of the daily sums by what is asked of flagged_fraud and is_fraud.
_FIGURES = {
    (None, None): "transactions",
    ("yes", None): "flagged",
    ("no", None): "scored - flagged",
    ("unsaid", None): "transactions - scored",
    (None, "yes"): "frauds",
    (None, "no"): "labelled - frauds",
    (None, "unsaid"): "transactions - labelled",
    ("yes", "yes"): "flagged_frauds",
    ("yes", "no"): "flagged_labelled - flagged_frauds",
    ("yes", "unsaid"): "flagged - flagged_labelled",
    ("no", "yes"): "scored_frauds - flagged_frauds",
    ("unsaid", "yes"): "frauds - scored_frauds",
}


class Filters(NamedTuple):
    """Which transactions; flags are yes, no or unsaid, amounts whole cents, days YYYY-MM-DD, both ends included."""

    flagged: str | None = None
    fraud: str | None = None
    client: str | None = None
    card: str | None = None
    merchant: str | None = None
    mcc: str | None = None
    state: str | None = None
    reason: str | None = None
    least: int | None = None
    most: int | None = None
    since: str | None = None
    until: str | None = None


class Count(NamedTuple):
    """How many transactions match; `more`: at least so many."""

    rows: int
    more: bool = False


_Condition = tuple[str, tuple[Any, ...]]


class Search:
    """The transactions that match, in one view of the store."""

    def __init__(self, connection: Connection, filters: Filters) -> None:
        """Look up on which days there may be some."""
        self._connection = connection
        self._conditions = _conditions(connection, filters)
        self._exact = _exact(filters)
        # Days, newest first, and how many there are at most; None: any day, or that it isn't known.
        whole = filters.client is not None or not any(filters) or not sums.are_current(connection)
        self._days: list[tuple[str | None, int | None]] = [(None, None)] if whole else [*_days(connection, filters)]

    def ids(self, limit: int, offset: int = 0) -> list[int]:
        """Ids of the transactions, newest first."""
        found: list[int] = []
        for day, most in self._days:
            if self._exact and most is not None and most <= offset:
                offset -= most
                continue
            where, values = self._on(day)
            statement = f"SELECT t.id FROM transactions t{where} ORDER BY t.date DESC, t.id DESC LIMIT ?"
            here = [row[0] for row in self._connection.rows(statement, (*values, offset + limit - len(found)))]
            found += here[offset:]
            offset = max(0, offset - len(here))
            if len(found) >= limit:
                break
        return found

    def count(self) -> Count:
        """How many there are: exact up to MOST_COUNTED; beyond it, or when a second doesn't suffice, `more`."""
        deadline = time.monotonic() + _COUNT_SECONDS
        total = 0
        for day, most in self._days:
            if self._exact and most is not None:
                total += most
            elif time.monotonic() > deadline:
                return Count(total, more=True)
            else:
                where, values = self._on(day)
                statement = f"SELECT count(*) FROM (SELECT 1 FROM transactions t{where} LIMIT ?) found"
                total += self._connection.rows(statement, (*values, MOST_COUNTED + 1 - total))[0][0]
            if total > MOST_COUNTED:
                return Count(MOST_COUNTED, more=True)
        return Count(total)

    def _on(self, day: str | None) -> tuple[str, tuple[Any, ...]]:
        conditions = list(self._conditions)
        if day is not None:
            conditions += _from(self._connection, day), _to(self._connection, day)
        where = " AND ".join(text for text, _ in conditions)
        return f" WHERE {where}" if where else "", tuple(value for _, values in conditions for value in values)


def rows(connection: Connection, wanted: Sequence[int]) -> list[Stored]:
    """Transactions with their decisions, in the order of their ids in `wanted`."""
    if not wanted:
        return []
    found = connection.rows(f"{SELECT} WHERE t.id IN ({', '.join('?' * len(wanted))})", wanted)
    by_id = {row[0]: stored(row) for row in found}
    return [by_id[id] for id in wanted if id in by_id]


def _exact(filters: Filters) -> bool:
    """Whether what is known of the days says how many match, or only how many at most."""
    kinds = [name for name in _KINDS if getattr(filters, name) is not None]
    seen = [name for name in _SEEN if getattr(filters, name) is not None]
    has_amounts = filters.least is not None or filters.most is not None
    flags = (filters.flagged, filters.fraud)
    if len(kinds) + len(seen) + has_amounts > 1:
        return False
    # Reasons are counted when they are given: what is said later isn't counted under them, nor under lists of days.
    return flags == (None, None) or (not seen and not has_amounts and "reason" not in kinds and flags in _FIGURES)


def _days(connection: Connection, filters: Filters) -> list[tuple[str, int | None]]:
    """The days on which something may match, newest first, and how many at most."""
    kind = next((name for name in _KINDS if getattr(filters, name) is not None), None)
    figure = _FIGURES.get((filters.flagged, filters.fraud)) or _FIGURES[filters.flagged, None]
    if kind == "reason":
        figure = "transactions"
    found: list[tuple[str, int | None]] = [
        (day, most)
        for day, most in sums.days(connection, kind or "all", getattr(filters, kind) if kind else "", figure)
        if (filters.since is None or day >= filters.since) and (filters.until is None or day <= filters.until)
    ]
    for seen in _seen(connection, filters):
        found = [(day, None if seen is None else seen[day]) for day, _ in found if seen is None or day in seen]
    return found


def _seen(connection: Connection, filters: Filters) -> Iterator[Seen | None]:
    """What is known of the days of each filter that has lists of them."""
    for name in _SEEN:
        asked = getattr(filters, name)
        if asked is not None:
            yield days_seen.of(connection, name, asked)
    if filters.least is not None or filters.most is not None:
        yield days_seen.of_amounts(connection, filters.least, filters.most)


def _conditions(connection: Connection, filters: Filters) -> list[_Condition]:
    found: list[_Condition] = []
    for name, column in (("flagged", "flagged_fraud"), ("fraud", "is_fraud")):
        asked = getattr(filters, name)
        if asked == "unsaid":
            found.append((f"t.{column} IS NULL", ()))
        elif asked is not None:
            found.append((f"t.{column} = ?", (int(asked == "yes"),)))
    for name, column in _EQUAL.items():
        asked = getattr(filters, name)
        if asked is not None:
            found.append((f"t.{column} = ?", (int(asked) if name == "mcc" else asked,)))
    for sign, cents in ((">=", filters.least), ("<=", filters.most)):
        if cents is not None:
            found.append((f"t.amount {sign} ?", (amount_for(connection.store, cents),)))
    if filters.since is not None:
        found.append(_from(connection, filters.since))
    if filters.until is not None:
        found.append(_to(connection, filters.until))
    if filters.reason is not None:
        given = "EXISTS (SELECT 1 FROM decisions d WHERE d.id = t.id AND d.reasons LIKE ?)"
        found.append((given, (f'%"code":"{filters.reason}"%',)))
    return found


def _from(connection: Connection, day: str) -> _Condition:
    return "t.date >= ?", (day_for(connection.store, day),)


def _to(connection: Connection, day: str) -> _Condition:
    return "t.date < ?", (day_for(connection.store, sums.day_after(day)),)
