"""What a model is told of a transaction, whenever it is dated, is what a whole history tells of it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest

from fraudstack.features import DAY, LABEL_DELAY
from fraudstack.features.client import ClientMemory, remembered
from fraudstack.features.labels import fraud_of
from fraudstack.features.table import NAMES, row
from fraudstack.features.value import ValueDay, ValueMemory
from fraudstack.model import online
from fraudstack.model.online import Opinion
from fraudstack.profiles.event import Event
from fraudstack.storage import outdated, profiles, value_days
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import Store, parse
from fraudstack.storage.following import changes
from fraudstack.storage.memories import Fact, place
from fraudstack.storage.outdated import bulk as rebuild
from fraudstack.storage.upgrade import upgrade
from tests.storage.test_follow import Deeds
from tests.storage.test_load import load


class Seen(Deeds):
    """Deeds of which some are dated up to a day ahead, and what a model was told of each that was posted."""

    def __init__(self, store: Store, seed: int) -> None:
        super().__init__(store, seed)
        self.told: dict[int, Sequence[float]] = {}

    def fresh(self) -> dict[str, Any]:
        made = super().fresh()
        if self.draw.random() < 0.2:
            made["date"] = self.now + timedelta(minutes=self.draw.choice([30, 700, 1_440]))
        return made

    def post(self) -> None:
        real = online.opinion

        def noted(*arguments: Any) -> Opinion:
            found = real(*arguments)
            # Asked again it is about other amounts: what would have been normal.
            self.told.setdefault(arguments[1].id, found.figures)
            return found

        with mock.patch.object(online, "opinion", noted):
            super().post()

    def count(self) -> None:
        """What files and labels changed is counted."""
        with closing(Connection(self.store)) as connection:
            changes.count_all(connection, [client for client, _ in changes.waiting(connection)], lambda _: None)

    def facts(self) -> list[Fact]:
        with closing(Connection(self.store)) as connection:
            rows = connection.rows(f"SELECT {profiles.EVENT_COLUMNS} FROM transactions")
        return sorted(map(profiles.event_of, rows), key=lambda fact: place(fact[0]))


def of_history(facts: Iterable[Fact], event: Event) -> list[float]:
    """The features of a transaction by the others, folded in the order of time."""
    day = event.seconds // DAY
    clients: dict[str, ClientMemory] = defaultdict(ClientMemory)
    days: dict[tuple[str, str], dict[int, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0] * 5))
    earlier = []
    for one, marks in facts:
        if one.id == event.id:
            continue
        ordinary = clients[one.client_id].add(one, fraud_of(one, marks))
        if one.client_id == event.client_id and place(one) < place(event):
            earlier.append((one, marks))
        for (kind, value, at), tally in value_days.tallies(one, marks, ordinary):
            if at < day:
                found = days[kind, value][at]
                found[:] = (a + b for a, b in zip(found, tally, strict=True))

    def of(kind: str, value: object) -> ValueMemory | None:
        if value is None:
            return None
        memory = ValueMemory()
        for at, tally in sorted(days[kind, str(value)].items()):
            memory.add(ValueDay(at, *tally))
        return memory

    merchant, mcc, state = of("merchant", event.merchant), of("mcc", event.mcc), of("state", event.state)
    channel = of("channel", event.channel)
    return row(
        remembered(earlier).features(event, LABEL_DELAY),
        merchant.of_merchant(day) if merchant else None,
        mcc.of_risk(day) if mcc else None,
        state.of_risk(day) if state else None,
        channel.of_channel(day) if channel else None,
    )


@pytest.mark.parametrize("seed", range(3))
def test_early_late_declined_refunded_reviewed_and_loaded(database: str, seed: int) -> None:
    store = parse(database)
    upgrade(store, "transactions")
    upgrade(store, "clusters")
    # Of an empty store all is made anew, by other jobs: here there is nothing to make.
    load(store, [])
    with bulk.connect(store) as connection:
        for name in outdated.NAMES:
            rebuild.made(store, connection, name)
    deeds = Seen(store, seed)
    deeds.post()
    deeds.told.clear()
    compared = late = 0
    for _ in range(60):
        deeds.draw.choice([deeds.post, deeds.post, deeds.post, deeds.file, deeds.labels, deeds.review])()
        deeds.count()
        facts = deeds.facts()
        for event, _ in facts:
            if (told := deeds.told.pop(event.id, None)) is not None:
                for name, found, expected in zip(NAMES, told, of_history(facts, event), strict=True):
                    assert found == pytest.approx(expected, rel=0, abs=1e-9, nan_ok=True), (name, event)
                compared += 1
                late += any(one.client_id == event.client_id and place(one) > place(event) for one, _ in facts)
    assert compared > 10
    assert late > 2


def test_a_post_dated_ahead_hides_nothing_of_today() -> None:
    # Also where the history isn't read again.
    memory = ClientMemory()
    noon = 18_000 * DAY + DAY // 2
    for id in range(11):
        memory.add(Event(id, "a", noon + 60 * id, 1_000), None)
    before = memory.features(Event(12, "a", noon + 1_000, 1_000))
    memory.add(Event(11, "a", noon + DAY, 1_000), None)
    memory.hour.appendleft(noon + 600)
    after = memory.features(Event(12, "a", noon + 1_000, 1_000))
    assert (before.client_count_1d, after.client_count_1d) == (11, 11)
    assert before.client_count_7d == after.client_count_7d == 11
    assert before.client_seconds_since_last == after.client_seconds_since_last == 400
    assert after.client_count_1h == 1
