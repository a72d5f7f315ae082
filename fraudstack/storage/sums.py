"""Sums by day, kept by every decision and review in its own write transaction.

A figure that people look at must not cost a scan: a day has some hundred rows, whatever came in on it. Bulk loads don't
keep them: `sums_load` makes them anew when an ingest ends.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from itertools import batched, chain
from typing import Any, NamedTuple

from fraudstack.profiles.event import Event, date_of
from fraudstack.storage.online import Connection, Key

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

SHARED = f"SELECT pg_advisory_xact_lock_shared({REBUILD_LOCK}, 0)"
_SUMS = ", ".join(f"CAST(sum({name}) AS BIGINT)" for name in FIGURES)
_BY_DAY = f"SELECT day, {_SUMS} FROM daily_sums WHERE kind = 'all' AND day BETWEEN ? AND ? GROUP BY day ORDER BY day"
_BY_VALUE = f"SELECT value, {_SUMS} FROM daily_sums WHERE kind = ? AND day BETWEEN ? AND ? GROUP BY value"
# A step of an ingest that may have changed transactions after the sums were last made.
_BEHIND = """SELECT 1 FROM ingest_runs r WHERE r.step IN ('clean', 'label') AND NOT EXISTS (
    SELECT 1 FROM ingest_runs p WHERE p.step = 'profiles' AND p.seconds IS NOT NULL AND p.error IS NULL
    AND p.started_at >= r.started_at) LIMIT 1"""
# Apart: SQLite looks only a lone minimum up.
_EXTENT = """SELECT (SELECT min(day) FROM daily_sums WHERE kind = 'all'),
    (SELECT max(day) FROM daily_sums WHERE kind = 'all')"""


class Said(NamedTuple):
    """What is said of a transaction: by the scorer and by the truth, each 0, 1, or None for nothing yet."""

    flagged: int | None = None
    is_fraud: int | None = None


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


def figures(cents: int, said: Said) -> Sums:
    """The figures of one transaction."""
    scored, labelled = said.flagged is not None, said.is_fraud is not None
    flagged, fraud = bool(said.flagged), bool(said.is_fraud)
    counted = (scored, flagged, labelled, fraud, scored and fraud, flagged and labelled, flagged and fraud)
    return Sums(1, cents, *map(int, counted))


def add(connection: Connection, event: Event, was: Said | None, now: Said, reasons: Iterable[str] = ()) -> None:
    """Count what is said of a transaction now in the place of what was (None: it is new), in the transaction under way.

    `reasons` are the codes that it has not been counted with before.
    """
    after = figures(event.cents, now)
    change = after if was is None else [a - b for a, b in zip(after, figures(event.cents, was), strict=True)]
    _add_up(connection, event, change, reasons, after)


def take_away(connection: Connection, event: Event, was: Said, reasons: Iterable[str]) -> None:
    """Count a transaction no more, in the transaction under way."""
    before, given = ([-figure for figure in figures(event.cents, said)] for said in (was, Said(was.flagged)))
    _add_up(connection, event, before, reasons, given)


def _add_up(
    connection: Connection, event: Event, change: Sequence[int], reasons: Iterable[str], of_reasons: Sequence[int]
) -> None:
    day = str(date_of(event.seconds).date())
    for kind, value in keys(event):
        connection.add_up(_write, (kind, day, value), (1, *change))
    for code in reasons:
        connection.add_up(_write, ("reason", day, code), (1, *of_reasons))


def _write(connection: Connection, changes: Mapping[Key, Sequence[int]]) -> None:
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


def are_current(connection: Connection) -> bool:
    """Whether the last ingest that changed transactions has also made the sums anew."""
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
