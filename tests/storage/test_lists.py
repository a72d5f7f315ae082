"""What was on a list goes on to be known for the transactions of its time."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from fraudstack.profiles.event import Event, seconds_of
from fraudstack.profiles.named import Entry, Held, Lists
from fraudstack.storage import lists, reviews
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import parse
from fraudstack.storage.lists import bulk as lists_bulk
from fraudstack.storage.upgrade import upgrade

START = datetime(2019, 11, 1, 12)


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    upgrade(parse(database), "transactions")
    with closing(Connection(parse(database))) as connection:
        yield connection


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def put(connection: Connection, list: str, since: float, until: float, reason: str = "told", value: str = "7") -> None:
    with connection.write():
        lists.put(connection, Entry(list, "client", value, reason), "ana", at(until), at(since))


def withdrawn(connection: Connection, list: str, when: float) -> bool:
    with connection.write():
        return lists.withdraw(connection, list, "client", "7", at(when))


def then(connection: Connection, hours: float) -> list[tuple[str, str]]:
    event = Event(1, "007", seconds_of(at(hours)), 10_00)
    found = lists.then(connection, [event])[0]
    with bulk.connect(connection.store, read_only=True) as other:
        assert lists_bulk.every(other).at(event) == found
    return [(entry.list, entry.reason) for entry in found]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_an_entry_holds_for_what_is_of_its_time(connection: Connection) -> None:
    put(connection, "held", 1, 5)
    put(connection, "block", 2, 3)
    put(connection, "held", 0, 9, value="8")
    assert [then(connection, hours) for hours in (0.9, 1, 2, 3, 4.9, 5)] == [
        [],
        [("held", "told")],
        [("block", "told"), ("held", "told")],
        [("held", "told")],
        [("held", "told")],
        [],
    ]


def test_what_was_withdrawn_or_put_anew_held_until_then(connection: Connection) -> None:
    put(connection, "held", 1, 20, "first")
    put(connection, "held", 3, 20, "second")
    # Twice in a second: nobody was ever told the one before.
    put(connection, "held", 3, 20, "third")
    assert withdrawn(connection, "held", 5)
    assert not withdrawn(connection, "held", 6)
    put(connection, "held", 8, 20, "fourth")
    assert [then(connection, hours) for hours in (2, 3, 4.9, 5, 7, 8)] == [
        [("held", "first")],
        [("held", "third")],
        [("held", "third")],
        [],
        [],
        [("held", "fourth")],
    ]
    # One that had ended by itself didn't hold until it was put anew.
    put(connection, "block", 1, 2)
    put(connection, "block", 4, 5, "again")
    assert [then(connection, hours) for hours in (1.5, 2.5, 4)] == [
        [("block", "told"), ("held", "first")],
        [("held", "first")],
        [("block", "again"), ("held", "third")],
    ]


def test_an_exception_holds_for_what_is_of_its_time(connection: Connection) -> None:
    with connection.write():
        reviews.allow(connection, "7", "9", at(5), "ana", None, at(1))

    def excepted(hours: float, client: str = "7", merchant: str | None = "9") -> bool:
        event = Event(1, client, seconds_of(at(hours)), 10_00, merchant=merchant)
        found = reviews.allowed_then(connection, [event])[0]
        with bulk.connect(connection.store, read_only=True) as other:
            assert lists_bulk.every(other).excepts(event) == found
        return found

    assert [excepted(hours) for hours in (0.9, 1, 4.9, 5)] == [False, True, True, False]
    assert not any([excepted(2, client="8"), excepted(2, merchant="8"), excepted(2, merchant=None)])


def test_of_many_entries_those_of_the_event_are_met_in_order() -> None:
    entries = [Entry(name, kind, "7", "") for name in ("held", "allow") for kind in ("merchant", "client", "card")]
    found = Lists.of(Held(entry, 0, 10) for entry in entries).at(Event(1, "7", 5, 1, card="7", merchant="8"))
    assert [entry[:2] for entry in found] == [
        ("allow", "card"),
        ("allow", "client"),
        ("held", "card"),
        ("held", "client"),
    ]
