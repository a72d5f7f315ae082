"""The rates of a decision's category, state and channel are those of all their days, of which few rows are read."""

import random
from collections import deque
from contextlib import closing

import pytest

from fraudstack.features import DAY
from fraudstack.features.value import ValueDay, ValueMemory
from fraudstack.profiles.event import Event, Marks
from fraudstack.storage import sums, value_days
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import parse
from fraudstack.storage.upgrade import upgrade

NEWEST = 18_000


def of(day: int, id: int = 1) -> Event:
    values = {"merchant": "1", "mcc": 5411, "state": "CA", "channel": "Online Transaction"}
    return Event(id, "a", day * DAY + 60, 1000, **values)  # type: ignore[arg-type]


def rates(memories: dict[str, ValueMemory], day: int, delay: int) -> list[float]:
    of_risk = [rate for kind in ("mcc", "state") for rate in memories[kind].of_risk(day, delay)]
    return [*of_risk, *memories["channel"].of_channel(day, delay)]


@pytest.mark.parametrize(("delay", "share"), [(0, 1), (7, 1), (7, 0.2), (30, 0.5)])
def test_rates_by_windows_are_those_by_days(database: str, delay: int, share: float) -> None:
    store = parse(database)
    upgrade(store, "transactions")
    chance = random.Random(delay)
    told = [*sorted(chance.randrange(NEWEST - 200, NEWEST + 1) for _ in range(150)), NEWEST]
    days: dict[int, ValueDay] = {}
    with closing(Connection(store)) as connection:
        with connection.write(["a"]):
            for id, day in enumerate(told):
                marks = Marks(None, int(chance.random() < 0.3) if chance.random() < share else None)
                sums.count(connection, of(day, id), marks, 1)
                value_days.count(connection, of(day, id), marks, False, 1)
                found = days.setdefault(day, ValueDay(day, 0, 0, 0, 0, 0))
                found.transactions += 1
                found.labelled += marks.is_fraud is not None
                found.frauds += marks.is_fraud or 0
        for merged in (False, True):
            if merged:
                value_days.merge_old(connection)
            # As late as what is kept tells.
            for day in range(NEWEST - 30 + delay, NEWEST + 2):
                before = ValueMemory(deque(one for one in days.values() if one.day < day))
                with connection.read():
                    known = value_days.read(connection, of(day), delay)
                assert rates(known, day, delay) == rates(dict.fromkeys(known, before), day, delay), (merged, day)
                assert len(known["channel"].days) <= 4


def test_what_was_decided_late_in_the_same_transaction_is_counted(database: str) -> None:
    store = parse(database)
    upgrade(store, "transactions")
    with closing(Connection(store)) as connection:
        with connection.write(["a"]):
            value_days.count(connection, of(NEWEST - 20, 1), Marks(None, 1), False, 1)
        with connection.write(["a"]):
            for id, day in enumerate([NEWEST - 10] * 5 + [NEWEST - 3] * 5, 2):
                value_days.count(connection, of(day, id), Marks(), False, 1)
            within = value_days.read(connection, of(NEWEST), 7)
        with connection.read():
            after = value_days.read(connection, of(NEWEST), 7)
    assert rates(within, NEWEST, 7) == rates(after, NEWEST, 7)
    # Six have matured, of which one has a label.
    assert after["mcc"].of_risk(NEWEST).fraud_rate == pytest.approx(1 / 2)


def test_days_are_kept_as_long_as_a_rate_of_30_days_is_asked(database: str) -> None:
    store = parse(database)
    upgrade(store, "transactions")
    with closing(Connection(store)) as connection:
        with connection.write(["a"]):
            for id, age in enumerate((0, 60, 61, 120, 121)):
                sums.count(connection, of(NEWEST - age, id), Marks(None, 1), 1)
                value_days.count(connection, of(NEWEST - age, id), Marks(None, 1), False, 1)
        value_days.merge_old(connection)
        rows = connection.rows("SELECT kind, day, CAST(sum(labelled) AS BIGINT) FROM value_days GROUP BY kind, day")
    kept = {(kind, NEWEST - day if day else "before", labelled) for kind, day, labelled in rows}
    assert kept == {(kind, *one) for kind in value_days.KINDS for one in ((0, 1), (60, 1), ("before", 3))}
