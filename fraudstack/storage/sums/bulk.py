"""Sums by day in bulk: how those that an ingest made take the place of the old while the scorer goes on."""

from collections.abc import Callable, Mapping
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_manager.dbapi import Connection

from fraudstack.storage import events, sums
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.pace import Pace
from fraudstack.storage.connections.store import Store
from fraudstack.storage.outdated.bulk import Swap, make_again, put
from fraudstack.storage.sums import COLUMNS, FIGURES, KEY, KINDS, REBUILD_LOCK

MADE, _STAGED = (
    pa.schema([(name, pa.string() if name in KEY else pa.int64()) for name in names])
    for names in ((*KEY, *FIGURES), COLUMNS)
)

_VERSIONS = """SELECT day, CAST(sum(version) AS BIGINT) AS version FROM daily_sums WHERE kind = 'all' {which}
    GROUP BY day"""
_LOCK = f"SELECT count(pg_advisory_xact_lock({REBUILD_LOCK}, 0)) AS locked"
_CHANGED = """SELECT s.day FROM staged_sums s WHERE s.kind = 'all' AND s.version - 1 <> coalesce(
    (SELECT sum(d.version) FROM daily_sums d WHERE d.kind = 'all' AND d.day = s.day), 0)"""
_SWAP = Swap(
    lock=_LOCK,
    lock_one=_LOCK,
    changed=_CHANGED,
    leave_changed=(f"DELETE FROM staged_sums WHERE day IN ({_CHANGED})",),
    put=(
        f"""DELETE FROM daily_sums WHERE kind IN ({", ".join(f"'{kind}'" for kind in KINDS)})
            AND day IN (SELECT day FROM staged_sums)""",
        f"INSERT INTO daily_sums ({', '.join(COLUMNS)}) SELECT {', '.join(COLUMNS)} FROM staged_sums",
    ),
)
# Days in a write transaction: the first, the fewest, the most.
_DAYS = (20, 1, 1_000)


def versions(connection: Connection) -> dict[str, int]:
    """The version of every day: read before the transactions, so that what changes later is told by it."""
    return _versions(connection)


def _versions(connection: Connection, which: str = "", parameters: tuple[str, ...] = ()) -> dict[str, int]:
    found = bulk.query(connection, _VERSIONS.format(which=which), parameters)
    return dict(zip(found.column("day").to_pylist(), found.column("version").to_pylist(), strict=True))


def replace(
    store: Store, connection: Connection, made: pa.Table, known: Mapping[str, int], on_days: Callable[[int], None]
) -> None:
    """Put sums (columns of MADE) in the place of the old ones, but for those of reasons.

    `known` are the versions from before they were made: a day with another one now is made again here.
    """
    days = made.column("day").unique().sort()
    pace = Pace(*_DAYS)
    start = 0
    while start < len(days):
        piece = days.slice(start, pace.rows)
        chosen = made.filter(pc.is_in(made.column("day"), value_set=piece))
        _stage(connection, chosen, known)
        turn, changed = put(store, connection, _SWAP)
        pace.took(turn, len(piece))
        for day in changed:
            make_again(store, connection, _SWAP, day, partial(_stage_now, store, connection))
        start += len(piece)
        on_days(len(piece))


def _stage(connection: Connection, made: pa.Table, known: Mapping[str, int]) -> None:
    rows = [row | {"part": 0, "version": known.get(row["day"], 0) + 1} for row in made.to_pylist()]
    bulk.stage(connection, "staged_sums", pa.Table.from_pylist(rows, schema=_STAGED))


def _stage_now(store: Store, connection: Connection, day: str) -> None:
    # The version first: what changes after it is told by it.
    known = _versions(connection, "AND day = $1", (day,))
    found: dict[tuple[str, str], list[int]] = {}
    kind_of_date = "TEXT" if store.path else "TIMESTAMP"
    within = f"date >= CAST($1 AS {kind_of_date}) AND date < CAST($2 AS {kind_of_date})"
    for event, marks in events.of(store, connection, within, (day, sums.day_after(day))):
        one = sums.figures(event.cents, marks)
        for key in sums.keys(event):
            before = found.setdefault(key, [0] * len(FIGURES))
            found[key] = [a + b for a, b in zip(before, one, strict=True)]
    rows = [
        {"day": day, "kind": kind, "value": value} | dict(zip(FIGURES, sum_, strict=True))
        for (kind, value), sum_ in found.items()
    ]
    _stage(connection, pa.Table.from_pylist(rows, schema=MADE), known)
