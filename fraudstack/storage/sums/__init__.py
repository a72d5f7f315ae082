"""Sums by day, kept by every decision and review in its own write transaction.

A figure that people look at must not cost a scan: a day has some hundred rows, whatever came in on it. Bulk loads don't
keep them: `bulk` makes them anew when an ingest ends.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from itertools import batched, chain
from typing import Any, NamedTuple

from fraudstack.profiles.event import Event, Marks, date_of
from fraudstack.storage.connections.online import Connection, Key

KEY = ("kind", "day", "value")
FIGURES = (
    "transactions",
    "cents",
    "scored",
    "flagged",
    "labelled",
    "frauds",
    "scored_frauds",
    "flagged_labelled",
    "flagged_frauds",
)
# Of which the transactions themselves tell; reasons are the scorer's alone.
KINDS = ("all", "hour", "channel", "mcc", "state")
COLUMNS = (*KEY, "part", "version", *FIGURES)
# Parts of a sum on a server, and the namespace of the lock that keeps a rebuild and the writers apart.
PARTS, REBUILD_LOCK = 16, 1_082

# Rows of a statement; few, for each length is a statement of its own to prepare.
_MOST_ROWS = 8

ALONE = f"SELECT pg_advisory_xact_lock({REBUILD_LOCK}, 0)"
SHARED = f"SELECT pg_advisory_xact_lock_shared({REBUILD_LOCK}, 0)"
_SUMS = ", ".join(f"CAST(sum({name}) AS BIGINT)" for name in FIGURES)
_BY_DAY = f"SELECT day, {_SUMS} FROM daily_sums WHERE kind = 'all' AND day BETWEEN ? AND ? GROUP BY day ORDER BY day"
_BY_VALUE = f"SELECT value, {_SUMS} FROM daily_sums WHERE kind = ? AND day BETWEEN ? AND ? GROUP BY value"
_BEHIND = "SELECT 1 FROM outdated WHERE name = 'profiles' UNION ALL SELECT 1 FROM changes LIMIT 1"
_LATEST_FRAUD = """SELECT day FROM daily_sums WHERE kind = 'all' GROUP BY day HAVING sum(frauds) > 0
    ORDER BY day DESC LIMIT 1"""
# Apart: SQLite looks only a lone minimum up.
_EXTENT = """SELECT (SELECT min(day) FROM daily_sums WHERE kind = 'all'),
    (SELECT max(day) FROM daily_sums WHERE kind = 'all')"""


class Sums(NamedTuple):
    """Figures of some transactions; cents are whole, refunds negative."""

    transactions: int = 0
    cents: int = 0
    scored: int = 0
    flagged: int = 0
    labelled: int = 0
    frauds: int = 0
    scored_frauds: int = 0
    flagged_labelled: int = 0
    flagged_frauds: int = 0

    @property
    def precision(self) -> float | None:
        """The share of frauds among what was flagged and has a label; None where there is none."""
        return self.flagged_frauds / self.flagged_labelled if self.flagged_labelled else None

    @property
    def recall(self) -> float | None:
        """The share of what was flagged among the frauds that were scored; None where there is none."""
        return self.flagged_frauds / self.scored_frauds if self.scored_frauds else None


def figures(cents: int, marks: Marks) -> Sums:
    """The figures of one transaction."""
    scored, labelled = marks.flagged is not None, marks.is_fraud is not None
    flagged, fraud = bool(marks.flagged), bool(marks.is_fraud)
    counted = (scored, flagged, labelled, fraud, scored and fraud, flagged and labelled, flagged and fraud)
    return Sums(1, cents, *map(int, counted))


def count(connection: Connection, event: Event, marks: Marks, sign: int) -> None:
    """Count a transaction and what is said of it, or with -1 no more, in the transaction under way."""
    _add_up(connection, event, keys(event), figures(event.cents, marks), sign)


def count_reasons(
    connection: Connection, event: Event, flagged: int | None, codes: Iterable[str], sign: int = 1
) -> None:
    """Count a transaction, or with -1 no more, with the codes of its reasons: what the truth is isn't asked there."""
    _add_up(connection, event, (("reason", code) for code in codes), figures(event.cents, Marks(flagged)), sign)


def _add_up(
    connection: Connection, event: Event, keys: Iterable[tuple[str, str]], figures: Sequence[int], sign: int
) -> None:
    day = str(date_of(event.seconds).date())
    change = (1, *figures) if sign > 0 else (1, *(-figure for figure in figures))
    for kind, value in keys:
        connection.add_up(write, (kind, day, value), change)


def write(connection: Connection, changes: Mapping[Key, Sequence[int]]) -> None:
    """Add to sums, by KEY with the day second: a version, then FIGURES; at the end of a transaction."""
    if connection.store.path is None:
        connection.execute(SHARED)
    part = connection.number % PARTS
    # In one order for all, or two writers could wait for each other.
    rows = [(*key, part, *change) for key, change in sorted(changes.items())]
    for some in batched(rows, _MOST_ROWS):
        connection.execute(_add(len(some)), list(chain.from_iterable(some)))


def keys(event: Event) -> list[tuple[str, str]]:
    """Kind and value of every sum that a transaction is in, but for those of its reasons."""
    found = [("all", ""), ("hour", f"{event.hour:02}")]
    told = (("channel", event.channel), ("mcc", None if event.mcc is None else str(event.mcc)), ("state", event.state))
    return found + [(kind, value) for kind, value in told if value]


def day_after(day: str) -> str:
    """The day after one, both YYYY-MM-DD."""
    return str(date.fromisoformat(day) + timedelta(days=1))


def extent(connection: Connection) -> tuple[str, str] | None:
    """The first and the last day that have sums."""
    first, last = connection.rows(_EXTENT)[0]
    return (first, last) if first else None


def by_day(connection: Connection, first: str, last: str) -> dict[str, Sums]:
    """The sums of each day from first to last, by day; days without transactions are left out."""
    return {day: Sums(*found) for day, *found in connection.rows(_BY_DAY, (first, last))}


def by_value(connection: Connection, kind: str, first: str, last: str) -> dict[str, Sums]:
    """The sums of the days from first to last, by the values of a kind."""
    return {value: Sums(*found) for value, *found in connection.rows(_BY_VALUE, (kind, first, last))}


def days(connection: Connection, kind: str, value: str, figure: str) -> list[tuple[str, int]]:
    """The days on which a figure (one of FIGURES, or a difference of two) isn't 0, newest first, with the figure."""
    statement = f"""SELECT day, CAST(sum({figure}) AS BIGINT) FROM daily_sums WHERE kind = ? AND value = ? GROUP BY day
        HAVING sum({figure}) > 0 ORDER BY day DESC"""
    return [(day, found) for day, found in connection.rows(statement, (kind, value))]


def latest_fraud(connection: Connection) -> str | None:
    """The latest day that has a known fraud."""
    found = connection.rows(_LATEST_FRAUD)
    return found[0][0] if found else None


def are_current(connection: Connection) -> bool:
    """Whether the sums count all that the last ingest changed."""
    return not connection.rows(_BEHIND)


def total(several: Iterable[Sequence[int]]) -> Sums:
    """Several sums together."""
    return Sums(*(sum(column) for column in zip(*several, strict=True)))


@cache
def _add(rows: int) -> str:
    places: list[Any] = [f"({', '.join('?' * len(COLUMNS))})"] * rows
    return f"""INSERT INTO daily_sums ({", ".join(COLUMNS)}) VALUES {", ".join(places)}
        ON CONFLICT (kind, day, value, part) DO UPDATE SET
        {", ".join(f"{name} = daily_sums.{name} + excluded.{name}" for name in COLUMNS[4:])}"""
