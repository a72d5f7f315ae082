"""Sums by day in bulk: how those that an ingest made take the place of the old while the scorer goes on."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_manager.dbapi import Connection

from fraudstack.storage import batch as bulk
from fraudstack.storage import events, sums
from fraudstack.storage.store import Store
from fraudstack.storage.sums import COLUMNS, FIGURES, KEY, KINDS, REBUILD_LOCK

MADE = pa.schema([(name, pa.string() if name in KEY else pa.int64()) for name in (*KEY, *FIGURES)])
_STAGED = pa.schema([(name, pa.string() if name in KEY else pa.int64()) for name in COLUMNS])

_VERSIONS = """SELECT day, CAST(sum(version) AS BIGINT) AS version FROM daily_sums WHERE kind = 'all'
    GROUP BY day"""
_LOCK = f"SELECT count(pg_advisory_xact_lock({REBUILD_LOCK}, 0)) AS locked"
_CHANGED = """SELECT s.day FROM staged_sums s WHERE s.kind = 'all' AND s.version - 1 <> coalesce(
    (SELECT sum(d.version) FROM daily_sums d WHERE d.kind = 'all' AND d.day = s.day), 0)"""
_LEAVE_CHANGED = f"DELETE FROM staged_sums WHERE day IN ({_CHANGED})"
_FORGET = f"""DELETE FROM daily_sums WHERE kind IN ({", ".join(f"'{kind}'" for kind in KINDS)})
    AND day IN (SELECT day FROM staged_sums)"""
_PUT = f"INSERT INTO daily_sums ({', '.join(COLUMNS)}) SELECT {', '.join(COLUMNS)} FROM staged_sums"
_DAYS = (20, 1, 1_000)
_TRIES = 3


def versions(connection: Connection) -> dict[str, int]:
    """The version of every day: read before the transactions, so that what changes later is told by it."""
    found = bulk.query(connection, _VERSIONS)
    return dict(zip(found.column("day").to_pylist(), found.column("version").to_pylist(), strict=True))


def replace(
    store: Store, connection: Connection, made: pa.Table, known: Mapping[str, int], on_days: Callable[[int], None]
) -> None:
    """Put sums (columns of MADE) in the place of the old ones, but for those of reasons.

    `known` are the versions from before they were made: a day with another one now is made again here.
    """
    days = made.column("day").unique().sort()
    pace = bulk.Pace(*_DAYS)
    start = 0
    while start < len(days):
        piece = days.slice(start, pace.rows)
        chosen = made.filter(pc.is_in(made.column("day"), value_set=piece))
        turn, changed = _put(store, connection, _versioned(chosen, known))
        pace.took(turn, len(piece))
        for day in changed:
            _make_again(store, connection, day)
        start += len(piece)
        on_days(len(piece))


def _versioned(made: pa.Table, known: Mapping[str, int]) -> pa.Table:
    rows = [row | {"part": 0, "version": known.get(row["day"], 0) + 1} for row in made.to_pylist()]
    return pa.Table.from_pylist(rows, schema=_STAGED)


def _put(store: Store, connection: Connection, rows: pa.Table) -> tuple[bulk.Turn, list[str]]:
    """Write the sums of days that nobody changed meanwhile; returns the others."""
    bulk.stage(connection, "staged_sums", rows)
    with bulk.write(store, connection) as turn:
        if store.path is None:
            bulk.query(connection, _LOCK)
        changed = bulk.query(connection, _CHANGED).column("day").to_pylist()
        for statement in (_LEAVE_CHANGED, _FORGET, _PUT) if changed else (_FORGET, _PUT):
            bulk.execute(connection, statement)
    return turn, changed


def _make_again(store: Store, connection: Connection, day: str) -> None:
    """Make a day's sums of what the store holds now: beside the scorer, or at last while it waits."""
    for _ in range(_TRIES):
        if not _put(store, connection, _made_now(store, connection, day))[1]:
            return
    with bulk.write(store, connection):
        if store.path is None:
            bulk.query(connection, _LOCK)
        bulk.stage(connection, "staged_sums", _made_now(store, connection, day))
        for statement in (_FORGET, _PUT):
            bulk.execute(connection, statement)


def _made_now(store: Store, connection: Connection, day: str) -> pa.Table:
    # The version first: what changes after it is told by it.
    version = versions(connection).get(day, 0)
    found: dict[tuple[str, str], list[int]] = {}
    after = str(date.fromisoformat(day) + timedelta(days=1))
    kind_of_date = "TEXT" if store.path else "TIMESTAMP"
    within = f"date >= CAST($1 AS {kind_of_date}) AND date < CAST($2 AS {kind_of_date})"
    for event, said in events.of(store, connection, within, (day, after)):
        one = sums.figures(event.cents, said)
        for key in sums.keys(event):
            before = found.setdefault(key, [0] * len(FIGURES))
            found[key] = [a + b for a, b in zip(before, one, strict=True)]
    rows = [
        {"day": day, "kind": kind, "value": value} | dict(zip(FIGURES, sum_, strict=True))
        for (kind, value), sum_ in found.items()
    ]
    return _versioned(pa.Table.from_pylist(rows, schema=MADE), {day: version})
