"""What the windows say of a card and a merchant is what a search through all transactions finds."""

import random
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from fraudstack.features import DAY
from fraudstack.profiles.event import Event, Marks, seconds_of
from fraudstack.profiles.profile import WEEK
from fraudstack.profiles.velocity import FRAUD_SPEAKS, GUESSES, HOUR, AtMerchant, Velocity, WithCard, guessed, probing
from fraudstack.storage import events, profiles, sums, transactions, velocity
from fraudstack.storage.connections.online import Connection, date_for
from fraudstack.storage.connections.store import parse
from fraudstack.storage.following import follow
from fraudstack.storage.memories import Fact
from fraudstack.storage.upgrade import upgrade
from jobs.features.velocity import with_velocity

SMALL = 5_00
_START = seconds_of(datetime(2019, 3, 1))
_DELAY = 2


def drawn(seed: int, count: int) -> list[Fact]:
    """Transactions of few clients, cards and merchants, many of them within seconds, in order."""
    draw = random.Random(seed)
    seconds, found = _START, []
    for id in range(1, count + 1):
        seconds += draw.choice([0, 0, 1, 30, HOUR - 1, HOUR, 5 * HOUR, 2 * DAY])
        event = Event(
            id,
            draw.choice("789"),
            seconds,
            draw.choice([0, 1_00, SMALL, SMALL + 1, 80_00, -3_00]),
            card=draw.choice(["70", "71", None]),
            merchant=draw.choice(["1", "2", "3", None]),
            errors=draw.choice([None, None, "Technical Glitch", *GUESSES]),
        )
        found.append((event, Marks(None, draw.choice([None, None, 0, 1]))))
    return found


def searched(event: Event, facts: Sequence[Fact]) -> Velocity:
    """The figures by all that came before."""
    before = [fact for fact in facts if (fact[0].seconds, fact[0].id) < (event.seconds, event.id)]

    def lately(kind: str, seconds: int) -> list[Fact]:
        value = getattr(event, kind)
        return [f for f in before if value and getattr(f[0], kind) == value and f[0].seconds > event.seconds - seconds]

    frauds = [one.seconds for one, marks in lately("card", FRAUD_SPEAKS) if marks.is_fraud == 1]
    there = lately("merchant", FRAUD_SPEAKS)
    frauds_there = sorted((one.seconds for one, marks in there if marks.is_fraud == 1), reverse=True)
    known = {
        one.client_id for one, _ in facts if one.merchant == event.merchant and one.seconds <= event.seconds - WEEK
    }
    tried = {
        one.card or one.client_id
        for one, _ in lately("merchant", HOUR)
        if probing(one.cents, one.errors, SMALL) and one.client_id not in known
    }
    return Velocity(
        WithCard(
            len({one.client_id for one, _ in lately("card", WEEK)} - {event.client_id}),
            sum(guessed(one.errors) for one, _ in lately("card", HOUR)),
            len(frauds),
            max(frauds, default=None),
        ),
        AtMerchant(
            len(tried - {event.card or event.client_id}),
            tuple(sum(one.seconds >= fraud for one, _ in there) for fraud in frauds_there),
        ),
    )


def stored(connection: Connection, facts: Sequence[Fact]) -> None:
    """Load transactions, and count them."""
    for event, marks in facts:
        with connection.write([event.client_id]):
            said: dict[str, Any] = {
                "id": event.id,
                "date": date_for(connection.store, event.seconds),
                "client_id": event.client_id,
                "card_id": event.card,
                "merchant_id": event.merchant,
                "errors": event.errors,
                "currency": "USD",
                "is_fraud": marks.is_fraud,
            }
            transactions.insert(connection, dict.fromkeys(transactions.TRANSACTION) | said, event.cents)
            known = profiles.read_whole(connection, event.client_id)
            follow.follow(connection, known, [follow.Change(None, (event, marks))])


@pytest.mark.parametrize("seed", range(3))
def test_windows_say_what_a_search_finds(database: str, seed: int) -> None:
    store = parse(database)
    upgrade(store, "transactions")
    facts = drawn(seed, 150)
    random.Random(seed).shuffle(facts)
    with closing(Connection(store)) as connection:
        stored(connection, facts)
        found = [velocity.read(connection, event, SMALL) for event, _ in facts]
        assert found == [searched(event, facts) for event, _ in facts]
        assert all(any(getattr(one.card, name) for one in found) for name in WithCard._fields)
        assert all(any(getattr(one.merchant, name) for one in found) for name in AtMerchant._fields)


def test_a_transaction_without_an_id_yet_is_the_latest_of_its_second(database: str) -> None:
    store = parse(database)
    upgrade(store, "transactions")
    facts = drawn(0, 20)
    with closing(Connection(store)) as connection:
        stored(connection, facts)
        last = replace(facts[-1][0], id=0, card="70", client_id="new")
        assert velocity.read(connection, last, SMALL) == searched(replace(last, id=10**6), facts)


def test_what_is_too_old_is_let_go_of(database: str) -> None:
    store = parse(database)
    upgrade(store, "transactions")
    with closing(Connection(store)) as connection:
        stored(
            connection,
            [
                (Event(id, "7", _START + day * DAY, 1_00, card="70"), Marks(None, None))
                for id, day in ((1, 0), (2, 1), (3, 61))
            ],
        )
        assert sums.are_current(connection)
        velocity.forget_old(connection)
        assert connection.rows("SELECT id FROM windows ORDER BY id") == [(2,), (3,)]


def test_a_history_is_folded_to_the_same_figures(spark: SparkSession, tmp_path: Path) -> None:
    facts = drawn(7, 400)
    rows = [
        dict.fromkeys(events.COLUMNS.names)
        | {name: getattr(event, name, None) for name in events.COLUMNS.names}
        | {"card": event.card or "", "merchant": event.merchant or "", "errors": event.errors or ""}
        | {"is_fraud": marks.is_fraud}
        for event, marks in facts
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=events.COLUMNS), tmp_path / "events.parquet")
    folded = with_velocity(spark.read.parquet(str(tmp_path)), [1_00, SMALL], _DELAY).toArrow().to_pylist()
    found = {
        row["id"]: Velocity(
            WithCard(**row["with_card"]) if row["with_card"] else WithCard(),
            AtMerchant(row["at_merchant"]["probes"][1], tuple(row["at_merchant"]["since_frauds"]))
            if row["at_merchant"]
            else AtMerchant(),
        )
        for row in folded
    }
    for event, _ in facts:
        # A label is known some days later.
        told = [
            (one, marks if one.seconds // DAY + _DELAY < event.seconds // DAY else Marks(None, None))
            for one, marks in facts
        ]
        assert found[event.id] == searched(event, told), event
