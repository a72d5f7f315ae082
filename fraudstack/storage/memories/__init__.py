"""What a model has to know of a client, brought up to date where transactions come late, are corrected or are gone.

Whether an amount is high or ordinary is judged by the purchases just before it. So a difference reaches no further than
the next purchases of that number, and no more of the history is read, however long it is.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, overload

from fraudstack.features import DAY, KEPT_DAYS
from fraudstack.features.client import LATEST, ClientMemory, Part
from fraudstack.features.labels import fraud_of
from fraudstack.profiles.event import Event, Marks
from fraudstack.storage.connections.online import Connection, date_for
from fraudstack.storage.profiles import EVENT_COLUMNS, event_of, seconds_at

Fact = tuple[Event, Marks]
# A transaction's place in a client's history: its seconds and its id.
Place = tuple[int, int]

# Below every id.
_FIRST = -(2**63)
# Rows of a question; where more follow each asks for twice as many.
_PAGE, _MOST_OF_A_PAGE = 200, 6_400
_AFTER = f"""SELECT {EVENT_COLUMNS} FROM transactions WHERE client_id = ? AND (date, id) > (?, ?)
    ORDER BY date, id LIMIT ?"""
_BEFORE = f"""SELECT {EVENT_COLUMNS} FROM transactions WHERE client_id = ? AND (date, id) < (?, ?)
    ORDER BY date DESC, id DESC LIMIT {_PAGE}"""
_UNTIL = f"""SELECT {EVENT_COLUMNS} FROM transactions WHERE client_id = ? AND (date, id) <= (?, ?)
    ORDER BY date, id"""
_COUNT_FROM = """SELECT count(*) FROM (SELECT 1 FROM transactions WHERE client_id = ? AND (date, id) >= (?, ?)
    ORDER BY date, id LIMIT ?) later"""
_NEWEST = "SELECT max(date) FROM transactions WHERE client_id = ?"
_NEWEST_BEFORE = "SELECT max(date) FROM transactions WHERE client_id = ? AND (date, id) < (?, ?)"
_PURCHASES = f"""SELECT amount FROM transactions WHERE client_id = ? AND (date, id) < (?, ?) AND amount > 0
    ORDER BY date DESC, id DESC LIMIT {LATEST}"""


class Told(NamedTuple):
    """What a part of a history says of a transaction: once more (1) or no more (-1), and was its amount ordinary?"""

    event: Event
    marks: Marks
    ordinary: bool
    sign: int


def place(event: Event) -> Place:
    """Where a transaction stands among those of its client."""
    return event.seconds, event.id


def amended(
    connection: Connection, client_id: str, memory: ClientMemory, gone: Sequence[Fact], come: Sequence[Fact]
) -> Iterator[Told]:
    """Remember what is gone from a client's history no more, and what has come: the store has the history as it is now.

    Gives what is to be counted otherwise with merchants, categories and states.
    """
    left, entered = ({place(event): (event, marks) for event, marks in facts} for facts in (gone, come))
    places = sorted(left.keys() | entered.keys())
    while places:
        first, rows, ends, within = _read(connection, client_id, memory, places, entered)
        inside, places = set(places[:within]), places[within:]
        begin = first * DAY, _FIRST
        latest = _purchases(connection, client_id, begin)
        now, was = ClientMemory.begun(latest), ClientMemory.begun(latest)
        before = [fact for fact in rows if place(fact[0]) not in entered.keys() & inside]
        before += [left[at] for at in left.keys() & inside]
        before.sort(key=lambda fact: place(fact[0]))
        for folded, history, sign in ((now, rows, 1), (was, before, -1)):
            for event, marks in history:
                ordinary = folded.add(event, fraud_of(event, marks))
                # Of the others both say the same.
                if marks.is_fraud == 1 or place(event) in inside:
                    yield Told(event, marks, ordinary, sign)
        last = max(event.seconds for event, _ in (*rows[-1:], *before[-1:])) // DAY
        if not memory.amend(Part(first, last, was, now, ends)):
            memory.last_high = _high_before(connection, client_id, begin)


@overload
def before(connection: Connection, client_id: str, memory: ClientMemory, at: Place) -> ClientMemory: ...
@overload
def before(
    connection: Connection, client_id: str, memory: ClientMemory, at: Place, most: int
) -> ClientMemory | None: ...
def before(
    connection: Connection, client_id: str, memory: ClientMemory, at: Place, most: int | None = None
) -> ClientMemory | None:
    """The memory of what came before a place in the history, all of which `memory` holds; but for what was seen.

    Reads from that place on, and as many days before it as are remembered one by one; None where that is `most`
    transactions or more.
    """
    earlier = connection.rows(_NEWEST_BEFORE, _asked(connection, client_id, at))[0][0]
    newest = at[0] // DAY if earlier is None else seconds_at(earlier) // DAY
    first = min(at[0] // DAY, newest - KEPT_DAYS + 1)
    begin = first * DAY, _FIRST
    if most is not None and count_from(connection, client_id, begin, most) == most:
        return None
    latest = _purchases(connection, client_id, begin)
    now, was = ClientMemory.begun(latest), ClientMemory.begun(latest)
    last = first
    for event, marks in _after(connection, client_id, begin):
        if place(event) < at:
            now.add(event, fraud_of(event, marks))
        was.add(event, fraud_of(event, marks))
        last = event.seconds // DAY
    rolled = memory.copy()
    if not rolled.amend(Part(first, last, was, now, ends=True)):
        rolled.last_high = _high_before(connection, client_id, begin)
    rolled.hour = now.hour
    return rolled


def was_ordinary(connection: Connection, event: Event, marks: Marks) -> bool:
    """Whether the amount of a fraud was ordinary for its client; of others nobody asks."""
    if marks.is_fraud != 1:
        return False
    memory = ClientMemory.begun(_purchases(connection, event.client_id, place(event)))
    return memory.add(event, fraud_of(event, marks))


def _read(
    connection: Connection, client_id: str, memory: ClientMemory, places: Sequence[Place], entered: Mapping[Place, Fact]
) -> tuple[int, list[Fact], bool, int]:
    """The history in whole days from the first of some places on, as far as it may be judged otherwise.

    The first day, the transactions in order, whether nothing follows them, and how many of the places lie within.
    """
    first = places[0][0] // DAY
    if memory.days and places[-1][0] // DAY >= memory.days[-1].day:
        newest = _newest_day(connection, client_id)
        # The latest days are gone: then some are remembered again that had been too old.
        if newest is not None and newest < memory.days[-1].day:
            first = min(first, newest - KEPT_DAYS + 1)
    rows: list[Fact] = []
    within = purchases = 0
    for event, marks in _after(connection, client_id, (first * DAY, _FIRST)):
        day = event.seconds // DAY
        on_a_new_day = bool(rows) and rows[-1][0].seconds // DAY < day
        if on_a_new_day and purchases >= LATEST and not (within < len(places) and places[within][0] // DAY < day):
            return first, rows, False, within
        rows.append((event, marks))
        reached = bisect_right(places, place(event))
        if reached > within:
            within, purchases = reached, 0
        purchases += event.cents > 0 and place(event) not in entered
    return first, rows, True, len(places)


def from_place(connection: Connection, client_id: str, at: Place) -> Iterator[Fact]:
    """A client's transactions from a place on, in order."""
    return _after(connection, client_id, (at[0], at[1] - 1))


def until_place(connection: Connection, client_id: str, at: Place) -> list[Fact]:
    """A client's transactions up to a place, in order."""
    return list(map(event_of, connection.rows(_UNTIL, _asked(connection, client_id, at))))


def count_from(connection: Connection, client_id: str, at: Place, most: int) -> int:
    """How many transactions a client has from a place on, of which no more are counted than `most`."""
    return int(connection.rows(_COUNT_FROM, (*_asked(connection, client_id, at), most))[0][0])


def _newest_day(connection: Connection, client_id: str) -> int | None:
    [(newest,)] = connection.rows(_NEWEST, (client_id,))
    return None if newest is None else seconds_at(newest) // DAY


def _after(connection: Connection, client_id: str, at: Place) -> Iterator[Fact]:
    """A client's transactions after a place, in order."""
    rows = _PAGE
    while True:
        page = list(map(event_of, connection.rows(_AFTER, (*_asked(connection, client_id, at), rows))))
        yield from page
        if len(page) < rows:
            return
        at, rows = place(page[-1][0]), min(2 * rows, _MOST_OF_A_PAGE)


def _purchases(connection: Connection, client_id: str, at: Place) -> list[int]:
    """The cents of the latest purchases before a place, in order."""
    found = connection.rows(_PURCHASES, _asked(connection, client_id, at))
    return [round(amount * 100) for (amount,) in reversed(found)]


def _high_before(connection: Connection, client_id: str, at: Place) -> int | None:
    """The seconds of the latest transaction before a place that was far above habit."""
    while True:
        page = list(map(event_of, connection.rows(_BEFORE, _asked(connection, client_id, at))))
        if not page:
            return None
        at = place(page[-1][0])
        memory = ClientMemory.begun(_purchases(connection, client_id, at))
        for event, marks in reversed(page):
            memory.add(event, fraud_of(event, marks))
        if memory.last_high is not None:
            return memory.last_high


def _asked(connection: Connection, client_id: str, at: Place) -> tuple[object, ...]:
    return client_id, date_for(connection.store, at[0]), at[1]
