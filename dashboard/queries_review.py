"""What a review asks of the store: the queue, a random sample of the rest, and what stands around a transaction."""

import time
from collections.abc import Collection, Mapping
from random import SystemRandom
from typing import NamedTuple

from fraudstack.profiles.event import Event
from fraudstack.profiles.profile import WEEK, Profile, log_of
from fraudstack.storage import profiles, sums
from fraudstack.storage.connections.online import Connection, date_for, day_for
from fraudstack.storage.transactions import SELECT, Stored, stored

MOST_COUNTED = 1_000
# Read at once: others may take some before us.
_BATCH = 20
_AROUND = 10
_WINDOWS = {"10 minutes": 600, "1 hour": 3600, "24 hours": 24 * 3600, "7 days": WEEK}
_DRAWS = 20
_RANDOM = SystemRandom()

# The condition stands in it as the partial index on decisions has it: a parameter couldn't be matched with the index.
_WAITING = """decisions d WHERE d.suspicious = 1 AND d.source = 'online' AND NOT EXISTS (
    SELECT 1 FROM reviews r WHERE r.id = d.id AND r.verdict IN ('fraud', 'legitimate'))"""
_COUNT = f"""SELECT count(*), coalesce(sum(below_budget), 0)
    FROM (SELECT d.below_budget FROM {_WAITING} LIMIT {MOST_COUNTED + 1}) AS waiting"""
_QUEUE = f"""SELECT d.id FROM {_WAITING} AND NOT EXISTS (
    SELECT 1 FROM claims c WHERE c.id = d.id AND c.reviewer <> ? AND c.until > ?)
    ORDER BY d.expected_loss DESC, d.decided_at DESC, d.id DESC LIMIT ?"""
_UNFLAGGED = """SELECT id FROM transactions
    WHERE date >= ? AND date < ? AND flagged_fraud = 0 AND is_fraud IS NULL LIMIT 1 OFFSET ?"""
_BEFORE = f"""{SELECT} WHERE t.client_id = ? AND t.date <= ? AND (t.date < ? OR t.id < ?)
    ORDER BY t.date DESC, t.id DESC LIMIT {_AROUND}"""
_AFTER = f"""{SELECT} WHERE t.client_id = ? AND t.date >= ? AND (t.date > ? OR t.id > ?)
    ORDER BY t.date, t.id LIMIT {_AROUND}"""
_WINDOW = """SELECT count(*), count(CASE WHEN errors <> '' THEN 1 END),
    coalesce(sum(CASE WHEN amount > 0 THEN CAST(round(amount * 100) AS BIGINT) END), 0)
    FROM transactions WHERE client_id = ? AND date > ? AND date <= ? AND id <> ?"""


class Window(NamedTuple):
    """What a client did in some time up to a transaction, without it; cents are whole, of purchases."""

    transactions: int
    declined: int
    cents: int


def waiting(connection: Connection) -> tuple[int, int]:
    """How many suspicious transactions have no decisive verdict, and of them those that are below the budget.

    Beyond MOST_COUNTED it counts only one more.
    """
    [(number, below)] = connection.rows(_COUNT)
    return int(number), int(below)


def queue(connection: Connection, reviewer: str, passed: Collection[int]) -> list[int]:
    """The first that wait, that nobody else looks at, and that aren't `passed`: what may cost most, then newest."""
    now = date_for(connection.store, int(time.time()))
    rows = connection.rows(_QUEUE, (reviewer, now, _BATCH + len(passed)))
    return [id for (id,) in rows if id not in passed]


def unflagged_days(connection: Connection) -> dict[str, int]:
    """For each day at least as many as it has scored, unflagged transactions whose truth isn't known."""
    unflagged = dict(sums.days(connection, "all", "", "scored - flagged"))
    unknown = dict(sums.days(connection, "all", "", "transactions - labelled"))
    return {day: min(most, unknown[day]) for day, most in unflagged.items() if day in unknown}


def sample(connection: Connection, days: Mapping[str, int]) -> int | None:
    """One of the transactions that `unflagged_days` counts, each as likely as any other; None where none is found.

    A day by the number it may have, then a place within that number: a place behind the day's last is drawn again.
    """
    for _ in range(_DRAWS if days else 0):
        [day] = _RANDOM.choices(list(days), list(days.values()))
        first, end = (day_for(connection.store, date) for date in (day, sums.day_after(day)))
        if found := connection.rows(_UNFLAGGED, (first, end, _RANDOM.randrange(days[day]))):
            return int(found[0][0])
    return None


def habits(connection: Connection, id: int) -> tuple[Event, Profile] | None:
    """A transaction, and what is known of its client beside it: the habits that it touches; None if it is gone."""
    found = profiles.find(connection, id)
    if found is None:
        return None
    event, marks = found
    profile, _ = profiles.read(connection, event)
    if not marks.trusted or event.declined:
        return event, profile
    profile.usual -= 1
    log, known = log_of(max(event.cents, 0)), [profile.amounts]
    for habit in (profile.habits[key] for key in event.keys if key in profile.habits):
        habit.count -= 1
        known.append(habit.amounts)
    # Only a category counts purchases beside the whole; of the other habits there are none.
    for amounts in (one for one in known if one.purchases and event.cents > 0):
        amounts.purchases, amounts.cents = amounts.purchases - 1, amounts.cents - event.cents
        amounts.logs, amounts.squares = amounts.logs - log, amounts.squares - log * log
    return event, profile


def around(connection: Connection, event: Event) -> tuple[list[Stored], list[Stored]]:
    """What the client did last before a transaction and first after it, in the order of time."""
    date = date_for(connection.store, event.seconds)
    asked = (event.client_id, date, date, event.id)
    before, after = connection.rows_of((_BEFORE, asked), (_AFTER, asked))
    return [stored(row) for row in reversed(before)], [stored(row) for row in after]


def windows(connection: Connection, event: Event) -> dict[str, Window]:
    """What the client did in the last minutes, hours and days up to a transaction, by the lengths' names."""
    end = date_for(connection.store, event.seconds)
    asked = [
        (_WINDOW, (event.client_id, date_for(connection.store, event.seconds - length), end, event.id))
        for length in _WINDOWS.values()
    ]
    found = connection.rows_of(*asked)
    return {name: Window(*map(int, row)) for name, [row] in zip(_WINDOWS, found, strict=True)}
