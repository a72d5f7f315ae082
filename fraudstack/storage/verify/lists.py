"""The lists of days of cards, merchants and amounts: held against the days' transactions by a digest of each day.

A day's digest is a sum over its values, so that both sides add it up in whatever order they come, in little memory.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b

from fraudstack.storage import days_seen
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.days_seen import Value
from fraudstack.storage.memories import Fact
from fraudstack.storage.verify.difference import Difference, between

_LISTS = "SELECT kind, value, cents, days FROM days_seen_by_year"
_KEPT_WITHIN = 1 << 64


def digest(facts: Iterable[Fact]) -> int:
    """The digest of a day's transactions."""
    return sum(_digest(key) * count for key, count in counted(facts).items()) % _KEPT_WITHIN


def counted(facts: Iterable[Fact]) -> Counter[Value]:
    """How many transactions of a day each list has."""
    found: Counter[Value] = Counter()
    for event, _ in facts:
        found.update(days_seen.values(event.card, event.merchant, event.cents))
    return found


def kept_digests(connection: Connection) -> dict[int, int]:
    """The digests of days, since 1970, by the lists that are kept."""
    found: Counter[int] = Counter()
    for kind, value, cents, packed in connection.rows(_LISTS):
        one = _digest((kind, value, cents))
        for day, count in days_seen.DAY.iter_unpack(packed):
            found[day] = (found[day] + one * count) % _KEPT_WITHIN
    return found


def differences(connection: Connection, facts: Mapping[int, Iterable[Fact]]) -> Iterator[Difference]:
    """How the lists differ from the transactions of some days."""
    kept: dict[tuple[int, Value], int] = {}
    for kind, value, cents, packed in connection.rows(_LISTS):
        for day, count in days_seen.DAY.iter_unpack(packed):
            if day in facts:
                kept[day, (kind, value, cents)] = count
    rebuilt = {(day, key): count for day, of_day in facts.items() for key, count in counted(of_day).items()}
    yield from between("days_seen_by_year", kept, rebuilt)


def repair(connection: Connection, facts: Mapping[int, Iterable[Fact]]) -> None:
    """Enter some days anew, in short write transactions, while nobody else enters."""
    should = {day: counted(of_day) for day, of_day in facts.items()}
    wrong: set[Value] = {key for of_day in should.values() for key in of_day}
    for kind, value, cents, packed in connection.rows(_LISTS):
        if any(day in should for day, _ in days_seen.DAY.iter_unpack(packed)):
            wrong.add((kind, value, cents))
    days_seen.enter(connection, sorted(wrong), should)


def _digest(key: Value) -> int:
    return int.from_bytes(blake2b(repr(key).encode(), digest_size=8).digest())
