"""Whatever is done to a store, what follows from its transactions is what they make from scratch."""

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic_core import from_json
from rich.console import Console

from fraudstack.decisions.around import around_each
from fraudstack.decisions.following import decide_all
from fraudstack.decisions.scoring import scored_by
from fraudstack.decisions.submission import Submission
from fraudstack.decisions.terms import Terms
from fraudstack.errors import InputError
from fraudstack.features import DAY, KEPT_DAYS
from fraudstack.features.client import remembered
from fraudstack.features.table import NAMES
from fraudstack.model.artefact import Model
from fraudstack.progress import Phases
from fraudstack.rules import config
from fraudstack.storage import days_seen, outdated, profiles, reviews, value_days, velocity
from fraudstack.storage.connections import bulk, engines
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import Store, parse
from fraudstack.storage.following import changes
from fraudstack.storage.memories import place
from fraudstack.storage.outdated import bulk as rebuild
from fraudstack.storage.removal.delete import delete
from fraudstack.storage.removal.forget import forget
from fraudstack.storage.removal.undo import undo
from fraudstack.storage.upgrade import upgrade
from fraudstack.storage.verify.store import verify
from tests.storage.derived import both
from tests.storage.posted import decided
from tests.storage.test_load import content, label, load, row

START = datetime(2019, 1, 1)
# Rules that a handful of transactions makes speak.
_TOUCHY = config.DEFAULT.read_bytes()
for _usual, _touchy in (
    (b"weight: 0.25, most: 25", b"weight: 0.25, most: 1"),
    (b"weight: 0.15, most: 90", b"weight: 0.15, most: 2"),
    (b"refund_unmatched: {weight: 0.5, least_amount: 250.00}", b"refund_unmatched: {weight: 0.5, least_amount: 1.00}"),
    (b"least_history: 10", b"least_history: 3"),
    (b"pairs: 3", b"pairs: 1"),
    (b"clients: 2", b"clients: 1"),
    (b"guesses: 3", b"guesses: 1"),
    (b"cards: 5", b"cards: 2"),
    (b"frauds: 3, least_share: 0.1", b"frauds: 1, least_share: 0.05"),
    (b"merchants: 2, least_amount: 500.00", b"merchants: 2, least_amount: 5.00"),
):
    assert _usual in _TOUCHY
    _TOUCHY = _TOUCHY.replace(_usual, _touchy)
TERMS = Terms(config.parse(_TOUCHY, "rules"), "USD")


class Oracle:
    """Stands for a model: what it says changes with each of the features."""

    version, label_delay, features, first_unseen = "oracle", 7, NAMES, 0

    def scores(self, figures: NDArray[np.floating]) -> NDArray[np.float64]:
        said = np.nan_to_num(figures.astype(np.float64), nan=-1.5) @ np.sqrt(np.arange(2, 2 + len(NAMES)))
        return np.asarray(said % 1.0)

    def contributions(self, figures: Sequence[float]) -> NDArray[np.float64]:
        return np.ones(len(figures))


def seen(date: str | datetime) -> datetime:
    return datetime.fromisoformat(date) if isinstance(date, str) else date


def decisions(connection: Connection) -> dict[int, tuple[Any, ...]]:
    """What is decided in batch, by id."""
    columns = "id, score, decision, reason, reasons, model_version"
    return {row[0]: row for row in connection.rows(f"SELECT {columns} FROM decisions WHERE source = 'batch'")}


def assert_decided(connection: Connection, terms: Terms, known: Mapping[int, tuple[Any, ...]]) -> None:
    """Whatever is new or corrected was decided by what came before it, and nothing waits."""
    assert connection.rows("SELECT * FROM changes") == []
    rows = connection.rows(f"SELECT {profiles.EVENT_COLUMNS} FROM transactions")
    facts = sorted(map(profiles.event_of, rows), key=lambda fact: place(fact[0]))
    decided = {row[0] for row in connection.rows("SELECT id FROM decisions")}
    assert decided == {event.id for event, _ in facts}
    now = decisions(connection)
    for at, (event, _) in enumerate(facts):
        found = now.get(event.id)
        if found is None or known.get(event.id) == found:
            continue
        earlier = [fact for fact in facts[:at] if fact[0].client_id == event.client_id]
        profile = profiles.made_of(event.client_id, earlier)
        profile.memory = remembered(earlier)
        by = terms if event.seconds // DAY > facts[-1][0].seconds // DAY - KEPT_DAYS else replace(terms, model=None)
        [around] = around_each(connection, [event], [by], [()], [profiles.basis(connection, event)[1]])
        scored = scored_by(event, profile, around, by)
        assert found[1:3] == (scored.verdict.score, scored.verdict.decision), event
        assert from_json(found[4]) == [reason._asdict() for reason in scored.verdict.reasons], event
        assert found[5] == (None if by.model is None else "oracle")


class Deeds:
    """A store, and what may be done to it, each drawn at random."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store, self.draw = store, random.Random(seed)
        self.terms = replace(TERMS, model=cast(Model, Oracle()))
        self.ids = 0
        self.now = START
        self.known: dict[int, dict[str, Any]] = {}
        self.runs: list[str] = []

    def fields(self, moment: datetime) -> dict[str, Any]:
        draw = self.draw
        return {
            "date": moment,
            "client_id": draw.choice(["7", "7", "8", "9"]),
            "card_id": draw.choice(["70", "71", None]),
            "cents": draw.choice([500, 2050, 1999, -2050, 0, 90_000, draw.randint(1, 9_999)]),
            "use_chip": draw.choice([None, "Chip Transaction", "Online Transaction"]),
            "merchant_id": draw.choice([*"12345", None]),
            "merchant_city": draw.choice([None, "Beulah"]),
            "merchant_state": draw.choice(["ND", "ND", "Italy", None]),
            "zip": None,
            "mcc": draw.choice([None, 5411, 5812]),
            "errors": draw.choice([None, None, "Bad PIN"]),
        }

    def fresh(self) -> dict[str, Any]:
        """A transaction that nobody knows: mostly later than all, sometimes of long ago."""
        self.ids += 1
        self.now += timedelta(minutes=self.draw.choice([0, 10, 600, 3_000]))
        late = self.draw.choice([0, 0, 0, 0, 1, 20_000, 200_000])
        made = row(self.ids, **self.fields(self.now - timedelta(minutes=late)))
        self.known[self.ids] = made
        return made

    def some(self, most: int) -> list[int]:
        return self.draw.sample(sorted(self.known), min(len(self.known), self.draw.randint(1, most)))

    def file(self) -> None:
        """New rows, known ones again, and some that say otherwise."""
        rows = {made["id"]: made for made in (self.fresh() for _ in range(self.draw.randint(0, 6)))}
        for id in self.some(4):
            made = dict(self.known[id])
            if self.draw.random() < 0.6:
                other = self.fields(made["date"] + timedelta(minutes=self.draw.choice([0, 0, 5, -9_000])))
                made |= {name: other[name] for name in self.draw.sample(sorted(other), self.draw.randint(1, 4))}
            rows.setdefault(id, made)
        conflicts = load(self.store, [rows[id] for id in sorted(rows)], self.run())
        self.known |= {id: made for id, made in rows.items() if id not in conflicts}

    def labels(self) -> None:
        """Of some of them it is told since when they are known: late, soon, or before they can have been."""
        told = {id: self.draw.choice([None, None, -5, 0, 2, 9, 70]) for id in self.some(8)}
        known = {id: self.known[id]["date"] + timedelta(days=days) for id, days in told.items() if days is not None}
        label(self.store, {id: self.draw.choice([0, 0, 1]) for id in told}, self.run(), known)

    def run(self) -> str:
        self.runs.append(f"run {len(self.runs)} {self.draw.random()}")
        return self.runs[-1]

    def post(self) -> None:
        """One that nobody knows, or one that a file brought."""
        known = self.draw.random() < 0.3 and self.known
        told = self.known[self.draw.choice(sorted(self.known))] if known else self.fresh()
        body = {name: value for name, value in told.items() if name != "cents"} | {"amount": told["cents"] / 100}
        posted = Submission.model_validate(body | {"date": str(told["date"])})
        self.write(told["client_id"], lambda found: decided(found, posted, self.terms, self.now))

    def review(self) -> None:
        id = self.draw.choice(sorted(self.known))
        verdict = self.draw.choice(["fraud", "legitimate", "unsure"])
        client_id = self.known[id]["client_id"]
        self.write(client_id, lambda found: reviews.add(found, id, verdict, None, "ana", self.now, {}))

    def forget(self) -> None:
        if self.draw.random() < 0.15:
            client = self.draw.choice("789")
            forget(self.store, self.store, client)
            self.known = {id: made for id, made in self.known.items() if made["client_id"] != client}

    def undo(self) -> None:
        if self.runs and self.draw.random() < 0.4:
            run = self.runs.pop(self.draw.randrange(len(self.runs)))
            # It may have changed nothing.
            with closing(Connection(self.store)) as connection, suppress(InputError):
                undo(connection, run, 1e9, lambda _: None)
            self.recall()

    def delete(self) -> None:
        with closing(Connection(self.store)) as connection:
            delete(connection, self.some(2), 1e9, lambda _: None)
        self.recall()

    def recall(self) -> None:
        """What files and posts that say it again would say now."""
        told = ("date", *(name for name in row(1) if name not in ("id", "date", "cents")))
        found = content(self.store, f"id, amount, {', '.join(told)}")
        self.known = {
            id: row(id, cents=round(amount * 100), **dict(zip(told, (seen(date), *rest), strict=True)))
            for id, amount, date, *rest in found
        }

    def write(self, client_id: str, do: Callable[[Connection], object]) -> None:
        with closing(Connection(self.store)) as connection, connection.write([client_id]):
            do(connection)

    def settle(self) -> None:
        """What the step `follow` does."""
        with closing(Connection(self.store)) as connection:
            known = decisions(connection)
            changes.count_all(connection, [client for client, _ in changes.waiting(connection)], lambda _: None)
            velocity.forget_old(connection)
            clients = [client for client, _ in changes.waiting(connection)]
            decide_all(connection, clients, self.terms, self.now, lambda _: None)
            assert_decided(connection, self.terms, known)
            value_days.merge_old(connection)
            days_seen.catch_up(connection)


@pytest.fixture
def store(database: str) -> Store:
    found = parse(database)
    upgrade(found, "transactions")
    upgrade(found, "clusters")
    return found


@pytest.fixture
def counted(store: Store) -> Store:
    """An empty one: of one in which all is made anew, by other jobs, nothing would be counted."""
    load(store, [])
    with bulk.connect(store) as connection:
        for name in (outdated.PROFILES, outdated.MEMORIES, outdated.DECISIONS):
            rebuild.made(store, connection, name)
    return store


@pytest.mark.parametrize("seed", range(3))
def test_what_follows_is_what_the_transactions_make(counted: Store, seed: int) -> None:
    store, deeds = counted, Deeds(counted, seed)
    ways = [deeds.file, deeds.file, deeds.post, deeds.post, deeds.labels, deeds.review, deeds.forget]
    ways += [deeds.undo, deeds.delete]
    deeds.post()
    for turn in range(150):
        deeds.draw.choice(ways)() if deeds.known else deeds.post()
        if turn % 5 == 0:
            deeds.settle()
            kept, made = both(store)
            for name in made:
                assert kept[name] == made[name], (seed, turn, name)
            assert list(verify(store, Phases(Console(quiet=True)), repair=False)) == []


def test_where_a_client_bought_on_that_day_is_as_usual_as_for_a_post(counted: Store) -> None:
    deeds = Deeds(counted, 1)
    deeds.terms = Terms(config.load(config.DEFAULT), "USD")
    online = {"use_chip": "Online Transaction", "merchant_state": None, "merchant_city": "ONLINE"}

    def bought(id: int, days: int, merchant: str, cents: int) -> dict[str, Any]:
        return row(id, date=START + timedelta(days=days), merchant_id=merchant, cents=cents, **online)

    # Without it the store is empty, and all would be made anew.
    deeds.post()
    load(counted, [bought(100 + day, day, "1", 40_000) for day in range(1, 41)])
    deeds.settle()
    load(counted, [bought(141, 40, "2", 20_000)])
    deeds.settle()
    with closing(Connection(counted)) as connection:
        [(reasons,)] = connection.rows("SELECT reasons FROM decisions WHERE id = 141")
    # Of two merchants in a day one is the usual one.
    assert "new_merchants_spend" not in {reason["code"] for reason in from_json(reasons)}


def test_a_load_that_changes_nothing_writes_nothing(store: Store) -> None:
    deeds = Deeds(store, 1)
    rows = [deeds.fresh() for _ in range(20)]
    load(store, rows)
    with bulk.connect(store) as connection:
        rebuild.made(store, connection, outdated.PROFILES)
    load(store, rows)
    with engines.read(store) as found:
        assert found.exec_driver_sql("SELECT count(*) FROM changes").scalar() == 0
