"""Everything that a store says, in one form for both engines, and for whatever order it came in."""

from collections import Counter
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from typing import Any

from fraudstack.features import DAY, KEPT_DAYS
from fraudstack.profiles.event import date_of
from fraudstack.storage import loads
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import Store
from fraudstack.storage.days_seen import DAY as SEEN
from fraudstack.storage.value_days import BEFORE, TALLY

Dump = dict[str, list[Any]]

# By their columns, but for times of the clock, versions and numbers that rise with every write.
_FACTS = {
    "transactions": "*",
    "label_days": "*",
    "decisions": "id, score, suspicious, decision, reasons, rules_version, model_version, model_problem, source",
    "reviews": "id, verdict, note, reviewer",
    "exceptions": "client_id, merchant_id, until",
    "replaced": "*",
    "changes": "client_id, id",
    "outdated": "name",
    "batch_days": "*",
}
_DERIVED = {
    "profiles": """client_id, transactions, declined, refunds, usual, home, purchases, cents, logs, squares, recent,
        labelled, frauds, bought, bought_cents, bought_squares, memory""",
    "profile_habits": "*",
}
_SUMS = """SELECT kind, value, day, CAST(sum(transactions) AS BIGINT), CAST(sum(cents) AS BIGINT),
    CAST(sum(scored) AS BIGINT), CAST(sum(flagged) AS BIGINT), CAST(sum(labelled) AS BIGINT),
    CAST(sum(frauds) AS BIGINT), CAST(sum(scored_frauds) AS BIGINT), CAST(sum(flagged_labelled) AS BIGINT),
    CAST(sum(flagged_frauds) AS BIGINT) FROM daily_sums {where} GROUP BY kind, value, day"""
_WINDOWS = "SELECT kind, value, CAST(date AS TEXT), id, counted FROM windows"
_TALLY = ", ".join(f"CAST(sum({name}) AS BIGINT)" for name in TALLY)
_DAYS = f"SELECT kind, value, day, {_TALLY} FROM value_days GROUP BY kind, value, day"


def everything(store: Store) -> Dump:
    """Facts, what follows from them, and what waits to."""
    with closing(Connection(store)) as connection:
        found = {name: _rows(connection, f"SELECT {columns} FROM {name}") for name, columns in _FACTS.items()}
        found["batch_days"] = [row for row in found["batch_days"] if any(row[2:])]
        for kind in loads.KINDS:
            listed = (
                (run, *column)
                for number, run in connection.rows("SELECT number, run_id FROM loads ORDER BY number")
                for _, columns in loads.lists(connection, number, kind)
                for column in columns.T.tolist()
            )
            found[f"loads of {kind}"] = sorted(listed)
        reasons = connection.rows(_SUMS.format(where="WHERE kind = 'reason'"))
        found["reasons"] = sorted(row for row in map(_plain, reasons) if any(row[3:]))
        return found | _derived(connection, 0)


def derived(store: Store, newest: int = 0) -> Dump:
    """What follows from transactions and what is said of them; days before `newest` as far as they are kept."""
    with closing(Connection(store)) as connection:
        return _derived(connection, newest)


def _derived(connection: Connection, newest: int) -> Dump:
    found = {name: _rows(connection, f"SELECT {columns} FROM {name}") for name, columns in _DERIVED.items()}
    sums = map(_plain, connection.rows(_SUMS.format(where="WHERE kind <> 'reason'")))
    found["daily_sums"] = sorted(row for row in sums if any(row[3:]))
    lists = connection.rows("SELECT kind, value, cents, year, days FROM days_seen_by_year")
    found["days_seen"] = sorted((*key, list(SEEN.iter_unpack(packed))) for *key, packed in lists)
    first = str(date_of(max(0, newest - KEPT_DAYS) * DAY))
    found["windows"] = sorted(row for row in _rows(connection, _WINDOWS) if row[2] >= first)
    merged: dict[tuple[Any, ...], Counter[int]] = {}
    for kind, value, day, *figures in connection.rows(_DAYS):
        if day < newest - KEPT_DAYS:
            day, figures = BEFORE, [figures[0], 0, *figures[2:4], 0]
        merged.setdefault((kind, value, day), Counter()).update(dict(enumerate(figures)))
    found["value_days"] = sorted(
        (*key, *map(figures.__getitem__, range(5))) for key, figures in merged.items() if any(figures.values())
    )
    return found


def _rows(connection: Connection, query: str) -> list[Any]:
    return sorted(map(_plain, connection.rows(query)), key=repr)


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(_value(value) for value in row)


def _value(value: object) -> object:
    if isinstance(value, datetime):
        return str(value)
    return float(value) if isinstance(value, Decimal) else value
