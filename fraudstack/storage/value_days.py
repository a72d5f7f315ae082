"""What came in by day with merchants, categories and states, of which a decision reads and writes only its own."""

from collections.abc import Iterable, Mapping, Sequence

from fraudstack.features import DAY, ValueDay, ValueMemory
from fraudstack.profiles.event import Event
from fraudstack.storage.online import Connection, Key
from fraudstack.storage.sums import PARTS, SHARED

KINDS = ("merchant", "mcc", "state")
TALLY = ("transactions", "cents", "labelled", "frauds", "ordinary_frauds")
COLUMNS = ("kind", "value", "day", "part", *TALLY)
# The row that holds the labels of all days before those that are kept.
BEFORE = 0

_SUMS = ", ".join(f"CAST(sum({name}) AS BIGINT)" for name in TALLY)
_ONE = f"SELECT kind, day, {_SUMS} FROM value_days WHERE kind = ? AND value = ? AND day < ? GROUP BY kind, day"
_OF_EVENT = f"{' UNION ALL '.join([_ONE] * len(KINDS))} ORDER BY 1, 2"
_ADD = f"""INSERT INTO value_days ({", ".join(COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?, 0, 0, 0)
    ON CONFLICT (kind, value, day, part) DO UPDATE SET
    transactions = value_days.transactions + excluded.transactions, cents = value_days.cents + excluded.cents"""


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
    for (kind, value, other), (transactions, cents) in connection.added_up(_write).items():
        if value == event.merchant and int(other) < day:
            memories[kind].count(int(other), transactions, cents)
    return memories


def add(connection: Connection, event: Event) -> None:
    """Count a transaction at its merchant, in the transaction under way; of the others only labels are looked at."""
    if event.merchant:
        connection.add_up(_write, ("merchant", event.merchant, str(event.seconds // DAY)), (1, event.cents))


def _write(connection: Connection, changes: Mapping[Key, Sequence[int]]) -> None:
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
