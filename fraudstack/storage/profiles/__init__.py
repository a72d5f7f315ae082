"""Profiles in the store: a row per client, and a row per habit, of which a decision reads and writes only its own."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import batched, chain
from typing import Any

from pydantic_core import from_json, to_json

from fraudstack.features import DAY
from fraudstack.features.client import ClientMemory
from fraudstack.places import channel_of, city_of, state_of
from fraudstack.profiles.event import KINDS, Event, Marks, seconds_of
from fraudstack.profiles.profile import (
    MOST_RECENT,
    WEEK,
    Amounts,
    Habit,
    Profile,
    Recent,
    replayed,
)
from fraudstack.storage import outdated
from fraudstack.storage.connections.online import Connection, Row, date_for, held
from fraudstack.storage.label_days import known_day

# No transaction has it.
NO_ID = -1
SUMS = ("purchases", "cents", "logs", "squares")
BOUGHT = ("bought", "bought_cents", "bought_squares")
COLUMNS = (
    "client_id",
    "version",
    "transactions",
    "declined",
    "refunds",
    "usual",
    "home",
    *SUMS,
    "labelled",
    "frauds",
    *BOUGHT,
)
_STORED = (*COLUMNS, "memory")
HABITS = ("client_id", "kind", "value", "count", *SUMS, "seen")

_SELECT = f"SELECT {', '.join(_STORED)} FROM profiles WHERE client_id = ?"
_HABIT = (
    f"SELECT kind, value, {', '.join(HABITS[3:])} FROM profile_habits WHERE client_id = ? AND kind = ? AND value = ?"
)
_OF_EVENT = " UNION ALL ".join([_HABIT] * len(KINDS))
# Of the merchants at which the client was in a day.
_OF_DAY = f"""SELECT kind, value, {", ".join(HABITS[3:])} FROM profile_habits WHERE client_id = ? AND kind = 'merchant'
    AND value IN (SELECT merchant_id FROM transactions WHERE client_id = ? AND date > ? AND date <= ?)"""
# So many at once; if more are asked for, all are.
_SOME = 20
_SOME_HABITS = " UNION ALL ".join([_HABIT] * _SOME)
_ALL_HABITS = f"SELECT kind, value, {', '.join(HABITS[3:])} FROM profile_habits WHERE client_id = ?"
# What is asked of each event.
_QUERIES = 5
# What a score rests on: the version of the client's profile, an analyst's word for the merchant; do profiles count all?
_BASIS = f"""SELECT (SELECT version FROM profiles WHERE client_id = ?),
    (SELECT 1 FROM exceptions WHERE client_id = ? AND merchant_id = ? AND until > ?),
    (SELECT 1 FROM outdated WHERE name = '{outdated.PROFILES}')"""
# `recent` is what an older version asks for.
_PUT = f"""INSERT INTO profiles ({", ".join(_STORED)}, recent) VALUES ({", ".join("?" * len(_STORED))}, '[]')
    ON CONFLICT (client_id) DO UPDATE SET {", ".join(f"{c} = excluded.{c}" for c in _STORED[1:])}"""
_FORGET = "DELETE FROM profiles WHERE client_id = ?"
_FORGET_HABITS = "DELETE FROM profile_habits WHERE client_id = ?"
_FORGET_UNSEEN = "DELETE FROM profile_habits WHERE client_id = ? AND seen = 0"
# Rows of a statement; few, for each length is a statement of its own to prepare.
_MOST_ROWS = 8

_MARKED = (
    "id, client_id, date, amount, card_id, use_chip, merchant_id, merchant_city, merchant_state, mcc, errors, "
    "flagged_fraud, is_fraud"
)


def event_columns(of: str) -> str:
    """What a profile is made of, of a table of transactions by its name, in the order of `event_of`."""
    return f"{', '.join(f'{of}.{name}' for name in _MARKED.split(', '))}, {known_day(of)}"


EVENT_COLUMNS = event_columns("transactions")
_EVENT = f"SELECT {event_columns('t')} FROM transactions t WHERE id = ?"
_HISTORY = f"SELECT {EVENT_COLUMNS} FROM transactions WHERE client_id = ?"
# Of what isn't counted yet, or otherwise than it stands, nothing is to be taken from what is usual.
_RECENT = f"""SELECT {_MARKED},
    (SELECT 1 FROM changes c WHERE c.client_id = t.client_id AND c.id = t.id AND c.was IS DISTINCT FROM '')
    FROM transactions t WHERE client_id = ? AND id <> ?"""
_UP_TO = f"""SELECT * FROM ({_RECENT} AND date > ? AND date <= ? ORDER BY date DESC, id DESC LIMIT {MOST_RECENT}) before
    UNION ALL SELECT * FROM ({_RECENT} AND date <= ? ORDER BY date DESC, id DESC LIMIT 1) last"""
_ABOUT = f"{_UP_TO} UNION ALL SELECT * FROM ({_RECENT} AND date > ? ORDER BY date, id LIMIT {MOST_RECENT}) after"
_LATEST = """SELECT date, id FROM transactions WHERE client_id = ? ORDER BY date DESC, id DESC LIMIT ?"""
_VERSION = "SELECT version FROM profiles WHERE client_id = ?"


@cache
def _put_habits(rows: int) -> str:
    return f"""INSERT INTO profile_habits ({", ".join(HABITS)})
        VALUES {", ".join([f"({', '.join('?' * len(HABITS))})"] * rows)}
        ON CONFLICT (client_id, kind, value) DO UPDATE SET
        {", ".join(f"{c} = profile_habits.{c} + excluded.{c}" for c in HABITS[3:])}"""


def read(connection: Connection, event: Event, looks_back: int = WEEK) -> tuple[Profile, bool]:
    """The profile of an event's client; whether an analyst allowed it.

    It has the habits that the event asks for, and of what is looked at by itself so many seconds before it and what
    came later; the event itself isn't among them.
    """
    return read_of(connection, [event], [looks_back])[0]


def read_of(connection: Connection, events: Sequence[Event], looks_back: Sequence[int]) -> list[tuple[Profile, bool]]:
    """The profiles of several events' clients, as `read` gives them."""
    each = zip(events, looks_back, strict=True)
    asked = [query for event, seconds in each for query in _queries(connection, event, seconds)]
    answers = batched(connection.rows_of(*asked), _QUERIES, strict=True)
    return [_about_event(event, *found) for event, found in zip(events, answers, strict=True)]


def _queries(connection: Connection, event: Event, looks_back: int) -> tuple[tuple[str, Sequence[Any]], ...]:
    keys: list[str | None] = []
    values = dict(event.keys)
    for kind in KINDS:
        keys += (event.client_id, kind, values.get(kind))
    return (
        (_SELECT, (event.client_id,)),
        (_OF_EVENT, keys),
        (_OF_DAY, (event.client_id, event.client_id, *_day_of(connection, event))),
        (_ABOUT, _of_about(connection, event.client_id, event.seconds, looks_back, event.id)),
        (_BASIS, _of_basis(connection, event)),
    )


def _about_event(
    event: Event, found: list[Row], habits: list[Row], of_day: list[Row], recent: list[Row], basis: list[Row]
) -> tuple[Profile, bool]:
    [(_, excepted, uncounted)] = basis
    profile = _made(event.client_id, found, [*habits, *of_day])
    profile.recent = _recent(recent)
    if uncounted:
        # Which of them are counted nobody knows.
        profile.recent = [one._replace(usual=False) for one in profile.recent]
    return profile, bool(excepted)


def _day_of(connection: Connection, event: Event) -> tuple[Any, ...]:
    return tuple(date_for(connection.store, event.seconds - seconds) for seconds in (DAY, 0))


def about(connection: Connection, client_id: str, seconds: int, without: int = NO_ID) -> list[Recent]:
    """What is looked at by itself about a moment of a client, as `read` gives it, perhaps without one transaction."""
    return _recent(connection.rows(_ABOUT, _of_about(connection, client_id, seconds, WEEK, without)))


def up_to(connection: Connection, client_id: str, seconds: int, looks_back: int) -> list[Recent]:
    """`about`, without what came later than that moment."""
    return _recent(connection.rows(_UP_TO, _of_up_to(connection, client_id, seconds, looks_back, NO_ID)))


def _of_about(connection: Connection, client_id: str, seconds: int, looks_back: int, without: int) -> tuple[Any, ...]:
    before = _of_up_to(connection, client_id, seconds, looks_back, without)
    return *before, client_id, without, before[3]


def _of_up_to(connection: Connection, client_id: str, seconds: int, looks_back: int, without: int) -> tuple[Any, ...]:
    since, at = (date_for(connection.store, seconds - before) for before in (looks_back, 0))
    return client_id, without, since, at, client_id, without, since


def _recent(rows: Iterable[Row]) -> list[Recent]:
    found = []
    for row in rows:
        event, marks = event_of(row[:-1])
        found.append(Recent(event.seconds, event.id, event, not row[-1] and not event.declined and marks.trusted))
    return sorted(found)


def basis(connection: Connection, event: Event) -> tuple[int, bool]:
    """What a score rests on: the version of the profile (without one: 0), and whether an analyst allowed the event."""
    return basis_of(connection, [event])[0]


def basis_of(connection: Connection, events: Sequence[Event]) -> list[tuple[int, bool]]:
    """What the scores of several events rest on, as `basis` gives it."""
    found = connection.rows_of(*((_BASIS, _of_basis(connection, event)) for event in events))
    return [(version or 0, bool(excepted)) for [(version, excepted, _)] in found]


def _of_basis(connection: Connection, event: Event) -> tuple[Any, ...]:
    return event.client_id, event.client_id, event.merchant, date_for(connection.store, event.seconds)


def read_sums(connection: Connection, clients: Sequence[str]) -> list[Profile]:
    """Clients' profiles without their habits."""
    found = connection.rows_of(*((_SELECT, (client_id,)) for client_id in clients))
    return [_made(client_id, rows, ()) for client_id, rows in zip(clients, found, strict=True)]


def read_about(connection: Connection, client_id: str, events: Sequence[Event]) -> Profile:
    """A client's profile with the habits that these of its events ask for, or all; nothing is recent in it."""
    wanted = sorted({key for event in events for key in event.keys})
    if len(wanted) > _SOME:
        return read_whole(connection, client_id)
    asked: list[str | None] = [part for kind, value in wanted for part in (client_id, kind, value)]
    asked += [None] * (3 * _SOME - len(asked))
    of_days = ((_OF_DAY, (client_id, client_id, *_day_of(connection, event))) for event in events)
    found, *habits = connection.rows_of((_SELECT, (client_id,)), (_SOME_HABITS, asked), *of_days)
    return _made(client_id, found, chain.from_iterable(habits))


def read_whole(connection: Connection, client_id: str) -> Profile:
    """A client's profile with all its habits."""
    found = connection.rows(_SELECT, (client_id,))
    return _made(client_id, found, connection.rows(_ALL_HABITS, (client_id,)))


def write(connection: Connection, profile: Profile, habits: Mapping[tuple[str, str], Sequence[int]]) -> None:
    """Store a profile, and add to the client's habits (by kind and value, HABITS), in the transaction under way.

    Of a client without transactions nothing stays.
    """
    client = (profile.client_id,)
    if not profile.transactions:
        connection.execute(_FORGET, client)
        connection.execute(_FORGET_HABITS, client)
        return
    connection.execute(_PUT, _stored(profile))
    rows = [(profile.client_id, *key, *figures) for key, figures in habits.items()]
    for some in batched(rows, _MOST_ROWS):
        connection.execute(_put_habits(len(some)), list(chain.from_iterable(some)))
    if any(figures[-1] < 0 for figures in habits.values()):
        connection.execute(_FORGET_UNSEEN, client)


def write_whole(connection: Connection, profile: Profile) -> None:
    """Store a profile in the place of what was known of the client, in the transaction under way."""
    connection.execute(_PUT, _stored(profile))
    connection.execute(_FORGET_HABITS, (profile.client_id,))
    connection.many(_put_habits(1), list(habit_rows(profile)))


def latest(connection: Connection, client_id: str, count: int) -> list[tuple[int, int]]:
    """Seconds and ids of a client's latest transactions, in order."""
    return latest_of(connection, [(client_id, count)])[0]


def latest_of(connection: Connection, several: Sequence[tuple[str, int]]) -> list[list[tuple[int, int]]]:
    """Seconds and ids of the latest transactions of clients, so many of each, in order."""
    found = connection.rows_of(*((_LATEST, one) for one in several))
    return [[(seconds_at(date), id) for date, id in reversed(rows)] for rows in found]


def find(connection: Connection, id: int, *, hold: bool = False) -> tuple[Event, Marks] | None:
    """A transaction that the store has, and what is said of it; `hold`: for the transaction under way alone."""
    found = connection.rows(held(connection.store, _EVENT) if hold else _EVENT, (id,))
    return event_of(found[0]) if found else None


def history(connection: Connection, client_id: str) -> list[Row]:
    """A client's transactions, rows of EVENT_COLUMNS."""
    return connection.rows(_HISTORY, (client_id,))


def version(connection: Connection, client_id: str) -> int:
    """The version of a client's profile; without one: 0."""
    return versions(connection, [client_id])[0]


def versions(connection: Connection, clients: Sequence[str]) -> list[int]:
    """The versions of several clients' profiles, in their order."""
    found = connection.rows_of(*((_VERSION, (client_id,)) for client_id in clients))
    return [int(rows[0][0]) if rows else 0 for rows in found]


def event_of(row: Row) -> tuple[Event, Marks]:
    """A row of EVENT_COLUMNS as an event, and what is said of it; one may end before the last."""
    id, client, date, amount, card, channel, merchant, city, state, mcc, errors, *marks = row
    cents = round(amount * 100)
    # What older versions stored may be written otherwise.
    how, town, place = channel and channel_of(channel), city and city_of(city), state and state_of(state)
    event = Event(id, client, seconds_at(date), cents, card, how, merchant, town, place, mcc, errors)
    return event, Marks(*marks)


def seconds_at(date: str | datetime) -> int:
    """Seconds since 1970 of a time as the store's columns give it."""
    return seconds_of(datetime.fromisoformat(date) if isinstance(date, str) else date)


def newest_day(connection: Connection) -> int | None:
    """The day, since 1970, of the newest transaction that the store has had; None where there was none.

    It never goes back, when that is deleted: what was let go of older days isn't there any more.
    """
    [(newest,)] = connection.rows("SELECT max(day) FROM daily_sums WHERE kind = 'all'")
    return None if newest is None else seconds_at(newest) // DAY


def made_of(client_id: str, history: Iterable[tuple[Event, Marks]]) -> Profile:
    """The profile that a client's transactions make, in any order, with no memory."""
    known = list(history)
    profile = replayed(client_id, ((event, marks.trusted) for event, marks in known))
    for _, marks in known:
        profile.tell(marks.is_fraud)
    return profile


def row_of(profile: Profile) -> tuple[Any, ...]:
    """A profile as a row of COLUMNS."""
    sums = profile.amounts
    return (
        profile.client_id,
        profile.version,
        profile.transactions,
        profile.declined,
        profile.refunds,
        profile.usual,
        profile.home,
        sums.purchases,
        sums.cents,
        sums.logs,
        sums.squares,
        profile.labelled,
        profile.frauds,
        profile.bought,
        profile.bought_cents,
        str(profile.bought_squares),
    )


def _stored(profile: Profile) -> tuple[Any, ...]:
    memory = None if profile.memory is None else to_json(profile.memory.state()).decode()
    return (*row_of(profile), memory)


def habit_rows(profile: Profile) -> Iterator[tuple[Any, ...]]:
    """A profile's habits as rows of HABITS."""
    for (kind, value), habit in profile.habits.items():
        sums = habit.amounts
        yield (
            profile.client_id,
            kind,
            value,
            habit.count,
            sums.purchases,
            sums.cents,
            sums.logs,
            sums.squares,
            habit.seen,
        )


def _made(client_id: str, found: list[Row], habits: Iterable[Row]) -> Profile:
    # Of a client whom nobody knows there is nothing to remember.
    profile = Profile(client_id, memory=ClientMemory())
    if found:
        row = found[0]
        profile.version, profile.transactions, profile.declined, profile.refunds, profile.usual, profile.home = row[1:7]
        profile.amounts = Amounts(*row[7:11])
        profile.labelled, profile.frauds, profile.bought, profile.bought_cents, squares, memory = row[11:]
        profile.bought_squares = int(squares)
        profile.memory = None if memory is None else ClientMemory.of(from_json(memory))
    for kind, value, count, *sums, seen in habits:
        profile.habits[kind, value] = Habit(count, Amounts(*sums), seen)
    if profile.memory is not None:
        profile.memory.seen = {key: habit.seen for key, habit in profile.habits.items()}
    return profile
