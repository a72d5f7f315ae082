"""What came in by day with merchants, categories, states and channels, of which a decision uses only its own."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import batched

from fraudstack.features import DAY, KEPT_DAYS
from fraudstack.features.labels import label_day
from fraudstack.features.value import ValueDay, ValueMemory
from fraudstack.profiles.event import Event, Marks
from fraudstack.storage.connections.online import Connection, Key, Row
from fraudstack.storage.profiles import newest_day
from fraudstack.storage.sums import PARTS, SHARED

KINDS = ("merchant", "mcc", "state", "channel")
TALLY = ("transactions", "cents", "labelled", "frauds", "ordinary_frauds")
COLUMNS = ("kind", "value", "day", "part", *TALLY)
# The row that holds transactions and labels of all days before those that are kept.
BEFORE = 0

_SUMS = ", ".join(f"CAST(sum({name}) AS BIGINT)" for name in TALLY)
_ONE = "FROM value_days WHERE kind = ? AND value = ? AND day < ? GROUP BY kind"
# Of what isn't a merchant's, rates of some windows are asked alone: a window's days are told by its latest.
_WINDOWS = 7, 30
_WINDOW = f"CASE {' '.join(f'WHEN day >= ? THEN {window}' for window in _WINDOWS)} ELSE 0 END"
_RATES = f"SELECT kind, max(day), {_SUMS} {_ONE}, {_WINDOW}"
_OF_EVENT = (
    f"SELECT kind, day, {_SUMS} {_ONE}, day {' '.join([f'UNION ALL {_RATES}'] * (len(KINDS) - 1))} ORDER BY 1, 2"
)
_ADD = f"""INSERT INTO value_days ({", ".join(COLUMNS)}) VALUES ({", ".join("?" * len(COLUMNS))})
    ON CONFLICT (kind, value, day, part) DO UPDATE SET
    {", ".join(f"{name} = value_days.{name} + excluded.{name}" for name in TALLY)}"""

_OLD = "SELECT DISTINCT kind, value FROM value_days WHERE day <> 0 AND day < ? ORDER BY kind, value"
_FORGET_OLD = """DELETE FROM value_days WHERE kind = ? AND value = ? AND day <> 0 AND day < ?
    RETURNING transactions, labelled, frauds"""
# Values in a write transaction.
_AT_ONCE = 500


def read(connection: Connection, event: Event, delay: int) -> dict[str, ValueMemory]:
    """What is remembered of an event's values where they are told, by kind; of earlier days.

    It is exact for features that take a label as known `delay` whole days later.
    """
    return read_of(connection, [event], delay)[0]


def read_of(connection: Connection, events: Sequence[Event], delay: int) -> list[dict[str, ValueMemory]]:
    """What is remembered of several events' values, as `read` gives it."""
    found = connection.rows_of(*((_OF_EVENT, _asked(event, delay)) for event in events))
    return [_remembered(connection, event, delay, rows) for event, rows in zip(events, found, strict=True)]


def _asked(event: Event, delay: int) -> list[str | int | None]:
    day, known = event.seconds // DAY, event.seconds // DAY - delay
    begins = [known - window for window in _WINDOWS]
    return [
        one
        for kind, value in _values(event)
        for one in ((kind, value, day) if kind == "merchant" else (kind, value, known, *begins))
    ]


def _remembered(connection: Connection, event: Event, delay: int, rows: list[Row]) -> dict[str, ValueMemory]:
    day, known = event.seconds // DAY, event.seconds // DAY - delay
    values = list(_values(event))
    memories = {kind: ValueMemory() for kind, value in values if value}
    for kind, day_of_row, *tally in rows:
        memory = memories[kind]
        if day_of_row == BEFORE:
            memory.transactions, _, memory.labelled, memory.frauds, _ = tally
        else:
            memory.days.append(ValueDay(day_of_row, *tally))
    # Of transactions that are decided together the last may be of another day than the first.
    for (kind, value, other), (transactions, cents, *_) in connection.added_up(write).items():
        if (kind, value) in values and int(other) < (day if kind == "merchant" else known):
            memories[kind].count(int(other), transactions, cents)
    return memories


def count(connection: Connection, event: Event, marks: Marks, ordinary: bool, sign: int) -> None:
    """Count a transaction, or with -1 no more, in the transaction under way."""
    for (kind, value, day), tally in tallies(event, marks, ordinary):
        connection.add_up(write, (kind, value, str(day)), [sign * figure for figure in tally])


def tallies(event: Event, marks: Marks, ordinary: bool) -> Iterator[tuple[tuple[str, str, int], tuple[int, ...]]]:
    """What a transaction and its label are counted with: kind, value and day, and the TALLY."""
    day, labelled_of, fraud = event.seconds // DAY, label_day(event, marks), marks.is_fraud == 1
    for kind, value in _values(event):
        if not value:
            continue
        # Amounts are asked of merchants alone, and nobody blames a channel.
        came = (1, event.cents if kind == "merchant" else 0)
        if marks.is_fraud is None:
            yield (kind, value, day), (*came, 0, 0, 0)
            continue
        label = (1, int(fraud), int(fraud and ordinary and kind != "channel"))
        if labelled_of == day:
            yield (kind, value, day), (*came, *label)
        else:
            yield (kind, value, day), (*came, 0, 0, 0)
            yield (kind, value, labelled_of), (0, 0, *label)


def merge_old(connection: Connection) -> None:
    """Put what came in on days that are too old to be kept one by one into one row, in short write transactions."""
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
                sums = list(map(sum, zip(*gone, strict=True)))
                if any(sums):
                    came, labelled, frauds = sums
                    part = connection.number % PARTS
                    connection.execute(_ADD, (kind, value, BEFORE, part, came, 0, labelled, frauds, 0))


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
    return zip(KINDS, (event.merchant, mcc, event.state, event.channel), strict=True)
