"""What came in by day with merchants, categories and states, of which a decision reads and writes only its own."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import batched

from fraudstack.features import DAY, KEPT_DAYS
from fraudstack.features.value import ValueDay, ValueMemory
from fraudstack.profiles.event import Event, Marks
from fraudstack.storage.connections.online import Connection, Key
from fraudstack.storage.profiles import newest_day
from fraudstack.storage.sums import PARTS, SHARED

KINDS = ("merchant", "mcc", "state")
TALLY = ("transactions", "cents", "labelled", "frauds", "ordinary_frauds")
COLUMNS = ("kind", "value", "day", "part", *TALLY)
# The row that holds the labels of all days before those that are kept.
BEFORE = 0

_SUMS = ", ".join(f"CAST(sum({name}) AS BIGINT)" for name in TALLY)
_ONE = f"SELECT kind, day, {_SUMS} FROM value_days WHERE kind = ? AND value = ? AND day < ? GROUP BY kind, day"
_OF_EVENT = f"{' UNION ALL '.join([_ONE] * len(KINDS))} ORDER BY 1, 2"
_ADD = f"""INSERT INTO value_days ({", ".join(COLUMNS)}) VALUES ({", ".join("?" * len(COLUMNS))})
    ON CONFLICT (kind, value, day, part) DO UPDATE SET
    {", ".join(f"{name} = value_days.{name} + excluded.{name}" for name in TALLY)}"""

_OLD = "SELECT DISTINCT kind, value FROM value_days WHERE day <> 0 AND day < ? ORDER BY kind, value"
_FORGET_OLD = """DELETE FROM value_days WHERE kind = ? AND value = ? AND day <> 0 AND day < ?
    RETURNING labelled, frauds"""
# Values in a write transaction.
_AT_ONCE = 500


def read(connection: Connection, event: Event) -> dict[str, ValueMemory]:
    """What is remembered of an event's merchant, category and state where they are told, by kind; of earlier days."""
    day = event.seconds // DAY
    values = list(_values(event))
    asked = [part for kind, value in values for part in (kind, value, day)]
    memories = {kind: ValueMemory() for kind, value in values if value}
    for kind, day_of_row, *tally in connection.rows(_OF_EVENT, asked):
        memory = memories[kind]
        if day_of_row == BEFORE:
            memory.labelled, memory.frauds = tally[2:4]
        else:
            memory.days.append(ValueDay(day_of_row, *tally))
    # Of transactions that are decided together the last may be of another day than the first.
    for (kind, value, other), (transactions, cents, *_) in connection.added_up(write).items():
        if value == event.merchant and kind == "merchant" and int(other) < day:
            memories[kind].count(int(other), transactions, cents)
    return memories


def count(connection: Connection, event: Event, marks: Marks, ordinary: bool, sign: int) -> None:
    """Count a transaction, or with -1 no more, in the transaction under way.

    With categories and states only labels are looked at.
    """
    day = str(event.seconds // DAY)
    for kind, value, tally in tallies(event, marks, ordinary):
        connection.add_up(write, (kind, value, day), [sign * figure for figure in tally])


def tallies(event: Event, marks: Marks, ordinary: bool) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Kind, value and TALLY of what a transaction is counted with."""
    fraud = marks.is_fraud == 1
    label = (int(marks.is_fraud is not None), int(fraud), int(fraud and ordinary))
    for kind, value in _values(event):
        tally = (1, event.cents, *label) if kind == "merchant" else (0, 0, *label)
        if value and any(tally):
            yield kind, value, tally


def merge_old(connection: Connection) -> None:
    """Put the labels of days that are too old to be kept one by one into one row, in short write transactions."""
    newest = newest_day(connection)
    if newest is None:
        return
    first = newest - KEPT_DAYS
    values = connection.rows(_OLD, (first,))
    for some in batched(values, _AT_ONCE):
        with connection.write():
            if connection.store.path is None:
                connection.execute(SHARED)
            for kind, value in some:
                gone = connection.rows(_FORGET_OLD, (kind, value, first))
                labelled, frauds = (sum(figures) for figures in zip(*gone, strict=True)) if gone else (0, 0)
                if labelled or frauds:
                    part = connection.number % PARTS
                    connection.execute(_ADD, (kind, value, BEFORE, part, 0, 0, labelled, frauds, 0))


def write(connection: Connection, changes: Mapping[Key, Sequence[int]]) -> None:
    """Add to tallies by kind, value and day since 1970; at the end of a transaction."""
    if connection.store.path is None:
        connection.execute(SHARED)
    part = connection.number % PARTS
    # In one order for all, or two writers could wait for each other.
    connection.many(
        _ADD, [(kind, value, int(day), part, *change) for (kind, value, day), change in sorted(changes.items())]
    )


def _values(event: Event) -> Iterable[tuple[str, str | None]]:
    mcc = None if event.mcc is None else str(event.mcc)
    return zip(KINDS, (event.merchant, mcc, event.state), strict=True)
