"""What came with a card and at a merchant lately, by the second.

`windows` is an index of the transactions of KEPT_DAYS: one of all of them would halve the speed of a backfill. It has
what is counted, as profiles do.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import batched
from typing import Any

from fraudstack.features import DAY, KEPT_DAYS
from fraudstack.profiles.event import Event
from fraudstack.profiles.profile import WEEK
from fraudstack.profiles.velocity import (
    FRAUD_SPEAKS,
    HOUR,
    MOST_DEALS,
    AtMerchant,
    Deal,
    Velocity,
    probes,
    since_frauds,
    with_card,
)
from fraudstack.storage.connections.online import Connection, Row, date_for
from fraudstack.storage.profiles import newest_day, seconds_at

CARD, MERCHANT = "card", "merchant"
# Behind every id: a transaction that has none yet is the latest of its second.
_NO_ID = 2**63 - 1

_OF = "FROM windows WHERE kind = ? AND value = ? AND date > ? AND (date, id) < (?, ?) ORDER BY date DESC, id DESC"
_LATEST = f"(SELECT id {_OF} LIMIT {MOST_DEALS})"
_COLUMNS = "t.date, t.client_id, t.card_id, t.amount, t.errors"
# All that the client has of the merchant is what it did there in the last week.
_FIRST = """coalesce((SELECT h.seen FROM profile_habits h WHERE h.client_id = t.client_id AND h.kind = 'merchant'
    AND h.value = t.merchant_id), 0) <= (SELECT count(*) FROM transactions o
    WHERE o.client_id = t.client_id AND o.merchant_id = t.merchant_id AND o.date > ?)"""
_DEALS = f"SELECT {_COLUMNS}, 0 FROM {_LATEST} w JOIN transactions t ON t.id = w.id"
_PROBES = f"""SELECT {_COLUMNS}, {_FIRST} FROM {_LATEST} w JOIN transactions t ON t.id = w.id
    WHERE t.errors IS NOT NULL OR t.amount BETWEEN 0 AND ?"""
_FRAUDS = f"""SELECT date FROM transactions WHERE {{column}} = ? AND is_fraud = 1 AND date > ? AND (date, id) < (?, ?)
    ORDER BY date DESC, id DESC LIMIT {MOST_DEALS}"""
_FRAUDS_WITH_CARD, _FRAUDS_AT_MERCHANT = (_FRAUDS.format(column=f"{kind}_id") for kind in (CARD, MERCHANT))
# What is asked of each transaction.
_QUERIES = 4
_THERE = f"SELECT date {_OF} LIMIT {MOST_DEALS}"
_ENTER = """INSERT INTO windows (kind, value, date, id, counted) VALUES (?, ?, ?, ?, 1)
    ON CONFLICT (kind, value, date, id) DO UPDATE SET counted = windows.counted + 1"""
_KEY = "WHERE kind = ? AND value = ? AND date = ? AND id = ?"
_TAKE_OUT = f"UPDATE windows SET counted = counted - 1 {_KEY}"
_FORGET = f"DELETE FROM windows {_KEY} AND counted < 1"
_OLD = "DELETE FROM windows WHERE date < ?"


def read(connection: Connection, event: Event, small: int) -> Velocity:
    """The figures of a transaction, by those before it in time and id; `small` is in cents."""
    return read_of(connection, [event], small)[0]


def read_of(connection: Connection, events: Sequence[Event], small: int) -> list[Velocity]:
    """The figures of several transactions, as `read` gives them."""
    asked = [query for event in events for query in _queries(connection, event, small)]
    answers = batched(connection.rows_of(*asked), _QUERIES, strict=True)
    return [_figures(connection, event, small, *found) for event, found in zip(events, answers, strict=True)]


def _queries(connection: Connection, event: Event, small: int) -> tuple[tuple[str, Sequence[Any]], ...]:
    hour, week, month = (date_for(connection.store, event.seconds - seconds) for seconds in (HOUR, WEEK, FRAUD_SPEAKS))
    place = _place(connection, event)
    return (
        (_DEALS, (CARD, event.card, week, *place)),
        (_FRAUDS_WITH_CARD, (event.card, month, *place)),
        (_PROBES, (week, MERCHANT, event.merchant, hour, *place, small / 100)),
        (_FRAUDS_AT_MERCHANT, (event.merchant, month, *place)),
    )


def _place(connection: Connection, event: Event) -> tuple[str | datetime, int]:
    return date_for(connection.store, event.seconds), event.id or _NO_ID


def _figures(
    connection: Connection,
    event: Event,
    small: int,
    deals: list[Row],
    frauds: list[Row],
    there: list[Row],
    frauds_there: list[Row],
) -> Velocity:
    payments: list[Row] = []
    if frauds_there:
        month = date_for(connection.store, event.seconds - FRAUD_SPEAKS)
        payments = connection.rows(_THERE, (MERCHANT, event.merchant, month, *_place(connection, event)))
    of_card = with_card(event, map(_deal, deals), _seconds(frauds))
    since = since_frauds(_seconds(payments)[::-1], _seconds(frauds_there)) if payments else ()
    return Velocity(of_card, AtMerchant(probes(event, map(_deal, there), small), since))


def _seconds(dates: Iterable[Row]) -> list[int]:
    return [seconds_at(date) for (date,) in dates]


def _deal(row: Row) -> Deal:
    date, client_id, card, amount, errors, first = row
    return Deal(seconds_at(date), client_id, card, round(amount * 100), errors, bool(first))


def count(connection: Connection, event: Event, sign: int) -> None:
    """Enter a transaction, or with -1 take it out, in the transaction under way."""
    place = date_for(connection.store, event.seconds), event.id
    named = [(kind, value) for kind, value in ((CARD, event.card), (MERCHANT, event.merchant)) if value]
    # At once: of transactions that are decided together the next one looks at it.
    for statement in (_ENTER,) if sign > 0 else (_TAKE_OUT, _FORGET):
        connection.many(statement, [(*one, *place) for one in named])


def forget_old(connection: Connection) -> None:
    """Let go of what is too old for any window, in a write transaction."""
    newest = newest_day(connection)
    if newest is not None:
        with connection.write():
            connection.execute(_OLD, (date_for(connection.store, (newest - KEPT_DAYS) * DAY),))
