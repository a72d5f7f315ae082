"""Whatever may befall a store, in any order, on SQLite and PostgreSQL side by side: both say the same, and what follows
from the facts is what the facts make."""

import random
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from pyspark.sql import SparkSession

from fraudstack.decisions.asked import Decided
from fraudstack.decisions.following import decide_all
from fraudstack.decisions.submission import Submission
from fraudstack.errors import InputError
from fraudstack.features import DAY
from fraudstack.model.artefact import Model
from fraudstack.profiles.event import date_of
from fraudstack.schema import TransactionsStore
from fraudstack.storage import days_seen, label_days, loads, outdated, profiles, reviews, value_days, velocity
from fraudstack.storage.connections import bulk, pace
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import Store, parse
from fraudstack.storage.following import changes
from fraudstack.storage.loads import bulk as loads_bulk
from fraudstack.storage.outdated import bulk as outdated_bulk
from fraudstack.storage.removal.delete import delete
from fraudstack.storage.removal.forget import forget
from fraudstack.storage.removal.undo import undo
from fraudstack.storage.transactions import bulk as transactions
from fraudstack.storage.upgrade import upgrade
from fraudstack.storage.verify.store import verify
from jobs.run import run
from tests.jobs.databases import new_postgres, quiet
from tests.jobs.databases import settings as job_settings
from tests.storage.daily_sums import counted, kept
from tests.storage.dump import derived, everything
from tests.storage.kills import KilledError, killed_after
from tests.storage.posted import decided
from tests.storage.test_follow import TERMS, Oracle
from tests.storage.test_load import batches, row
from tests.storage.test_load import label as apply_labels

# What fails is made small, which takes its time.
pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(1_500)]

START = datetime(2019, 1, 1)
# Examples and steps of each.
EXAMPLES, STEPS, LEAST_STEPS = 10, 105, 2_000
CLIENTS = ("7", "8", "9")
# Is there before all else: a load into an empty store is made by other jobs.
FIRST = 1_000

contents = st.fixed_dictionaries(
    {
        # Minutes, some of them a week and some half a year before the others.
        "date": st.sampled_from([0, 10, 600, 1_440, 3_000, 12_000, 40_000, 250_000]).map(
            lambda minutes: START + timedelta(minutes=minutes)
        ),
        "client_id": st.sampled_from(CLIENTS),
        "card_id": st.sampled_from(["70", "71", None]),
        "cents": st.sampled_from([500, 2050, 1999, -2050, 0, 90_000]),
        "use_chip": st.sampled_from([None, "Chip Transaction", "Online Transaction"]),
        "merchant_id": st.sampled_from(["1", "2", None]),
        "merchant_city": st.sampled_from([None, "Beulah"]),
        "merchant_state": st.sampled_from(["ND", "Italy", None]),
        "zip": st.none(),
        "mcc": st.sampled_from([None, 5411, 5812]),
        "errors": st.sampled_from([None, None, "Bad PIN"]),
    }
)
ids = st.integers(1, 40)
rows = st.dictionaries(ids, contents, min_size=1, max_size=6)
truths = st.dictionaries(ids, st.integers(0, 1), min_size=1, max_size=6)
some = st.lists(ids, min_size=1, max_size=3, unique=True)


BROKEN = (
    "DELETE FROM profile_habits WHERE client_id = '7'",
    "UPDATE profiles SET transactions = transactions + 1, version = version + 1 WHERE client_id = '8'",
    "DELETE FROM daily_sums WHERE kind = 'hour'",
    "DELETE FROM value_days WHERE value = '1'",
    "DELETE FROM days_seen_by_year",
    "DELETE FROM windows WHERE value = '1'",
    "UPDATE transactions SET is_fraud = 1 WHERE is_fraud IS NULL AND client_id = '9'",
    "UPDATE label_days SET day = day + 40",
)


def going_on(_: int) -> None:
    """Nobody kills it."""


def emptied(store: Store) -> None:
    """Let a store be as it is before all else."""
    with closing(Connection(store)) as connection:
        for table in TransactionsStore.metadata.sorted_tables:
            connection.execute(f"DELETE FROM {table.name}")
        submission = Submission.model_validate({"id": FIRST, "client_id": "0", "amount": 5, "date": str(START)})
        with connection.write(["0"]):
            decided(connection, submission, TERMS, START)


def load(store: Store, run: str, told: dict[int, dict[str, Any]], on_rows: Callable[[int], None]) -> list[int]:
    with bulk.connect(store) as connection:
        of = loads_bulk.begin(connection, run, "clean")
        found = transactions.load(
            store, connection, batches([row(id, **one) for id, one in sorted(told.items())]), "USD", on_rows, of
        )
    return sorted(found)


def decide(store: Store, several: list[tuple[int, dict[str, Any]]]) -> list[object]:
    """What is said of posts that come together."""
    told = [row(id, **one) for id, one in several]
    bodies = [{**{name: one[name] for name in one if name != "cents"}, "amount": one["cents"] / 100} for one in told]
    posted = [Submission.model_validate(body | {"date": str(body["date"])}) for body in bodies]
    with closing(Connection(store)) as connection, connection.write({one.client_id for one in posted}):
        return [answer(decided(connection, one, TERMS, START)) for one in posted]


def answer(found: object) -> object:
    if isinstance(found, Decided):
        return found.decision["score"], found.decision["decision"], found.decision["reasons"]
    return type(found).__name__


def settled(store: Store) -> None:
    """What the step `follow` does."""
    terms = replace(TERMS, model=cast(Model, Oracle()))
    with closing(Connection(store)) as connection:
        changes.count_all(connection, [client for client, _ in changes.waiting(connection)], going_on)
        velocity.forget_old(connection)
        decide_all(connection, [client for client, _ in changes.waiting(connection)], terms, START, going_on)
        value_days.merge_old(connection)
        days_seen.catch_up(connection)


def made_anew(store: Store, other: Store) -> None:
    """Bring the facts of a store into another: transactions load by load, labels load by load, verdicts, decisions."""
    with closing(Connection(store)) as connection:
        names = "id, " + ", ".join(name for name in row(1) if name not in ("id", "cents")) + ", amount, flagged_fraud"
        told = {found[0]: found for found in connection.rows(f"SELECT {names} FROM transactions WHERE id <> {FIRST}")}
        latest = dict.fromkeys(told, 0)
        for number, _ in connection.rows("SELECT number, step FROM loads ORDER BY number"):
            for _, columns in loads.lists(connection, number, "transactions"):
                latest |= {id: number for id in columns[0].tolist() if id in told}
        for id, number in connection.rows("SELECT id, max(load) FROM replaced GROUP BY id"):
            latest[id] = max(latest[id], number)
        said = loads.labels_of(connection.rows, np.array(sorted(told)))
        verdicts = connection.rows("SELECT id, verdict, reviewer, at FROM reviews ORDER BY review_id")
    for number in sorted(set(latest.values())):
        some = {
            id: dict(zip(names.split(", ")[1:-2], found[1:-2], strict=True)) | {"cents": round(found[-2] * 100)}
            for id, found in told.items()
            if latest[id] == number
        }
        for one in some.values():
            one["date"] = date_of(profiles.seconds_at(one["date"]))
        load(other, f"load {number}", some, going_on)
    with closing(Connection(other)) as connection, connection.write():
        connection.many(
            "UPDATE transactions SET flagged_fraud = ? WHERE id = ?", [(f[-1], id) for id, f in told.items()]
        )
        review = "INSERT INTO reviews (id, verdict, reviewer, at) VALUES (?, ?, ?, ?)"
        connection.many(review, [(id, verdict, reviewer, str(at)) for id, verdict, reviewer, at in verdicts])
        for id, verdict, _, at in verdicts:
            if verdict in reviews.DECISIVE:
                connection.execute("UPDATE transactions SET is_fraud = ? WHERE id = ?", (reviews.DECISIVE[verdict], id))
                label_days.tell(connection, id, profiles.seconds_at(at) // DAY)
    for number in sorted({one.load for one in said.values()}):
        of_load = {id: one for id, one in said.items() if one.load == number}
        known = {id: date_of(one.known_at) for id, one in of_load.items() if one.known is not None}
        apply_labels(other, {id: one.is_fraud for id, one in of_load.items()}, known=known)
    with closing(Connection(other)) as connection:
        changes.count_all(connection, [client for client, _ in changes.waiting(connection)], going_on)
        value_days.merge_old(connection)
        days_seen.catch_up(connection)


# More often, and hardly anything would come together; and what proves so much takes as long as ten other steps.
several = precondition(lambda machine: machine.unsettled > 6)


class Machine(RuleBasedStateMachine):
    """Deeds on both stores, each of which has to answer the same."""

    stores: tuple[Store, Store]
    another: Store
    runs = Bundle("runs")
    steps = 0
    settlings = 0

    def __init__(self) -> None:
        super().__init__()
        self.number = 0
        self.unsettled = 0
        for store in self.stores:
            emptied(store)

    def both(self, do: Callable[[Store], object]) -> Any:
        Machine.steps += 1
        self.unsettled += 1
        answers = [do(store) for store in self.stores]
        assert answers[0] == answers[1]
        return answers[0]

    def run_id(self) -> str:
        self.number += 1
        return f"run {self.number:04}"

    @rule(target=runs, told=rows)
    def file(self, told: dict[int, dict[str, Any]]) -> str:
        run = self.run_id()
        self.both(lambda store: load(store, run, told, going_on))
        return run

    @rule(target=runs, told=rows, turns=st.integers(0, 2))
    def killed_file(self, told: dict[int, dict[str, Any]], turns: int) -> str:
        run = self.run_id()

        def do(store: Store) -> None:
            with suppress(KilledError):
                load(store, run, told, killed_after(turns))

        self.both(do)
        return run

    @rule(target=runs, pairs=truths, days=st.sampled_from([None, None, 0, 5, 20, 190]))
    def labels(self, pairs: dict[int, int], days: int | None) -> str:
        run = self.run_id()
        known = {} if days is None else dict.fromkeys(sorted(pairs)[::2], START + timedelta(days=days))
        self.both(lambda store: apply_labels(store, pairs, run, known))
        return run

    @rule(id=ids, told=contents)
    def post(self, id: int, told: dict[str, Any]) -> None:
        self.both(lambda store: decide(store, [(id, told)]))

    @rule(told=rows)
    def posts_together(self, told: dict[int, dict[str, Any]]) -> None:
        self.both(lambda store: decide(store, sorted(told.items())))

    @rule(id=ids, verdict=st.sampled_from(["fraud", "legitimate", "unsure"]), days=st.sampled_from([0, 9, 180]))
    def review(self, id: int, verdict: str, days: int) -> None:
        at = START + timedelta(days=days)

        def do(store: Store) -> bool:
            with closing(Connection(store)) as connection:
                client = reviews.client_of(connection, id)
                if client is not None:
                    with connection.write([client]):
                        reviews.add(connection, id, verdict, None, "ana", at, {})
                return client is not None

        self.both(do)

    @rule(client=st.sampled_from(CLIENTS), merchant=st.sampled_from(["1", "2"]), days=st.integers(-5, 200))
    def exception(self, client: str, merchant: str, days: int) -> None:
        def do(store: Store) -> None:
            with closing(Connection(store)) as connection, connection.write([client]):
                reviews.allow(connection, client, merchant, START + timedelta(days=days), "ana", None, START)

        self.both(do)

    @rule(run=runs)
    def undo(self, run: str) -> None:
        self._undo(run, None)

    @rule(run=runs, turns=st.integers(0, 3))
    def killed_undo(self, run: str, turns: int) -> None:
        self._undo(run, turns)

    def _undo(self, run: str, turns: int | None) -> None:
        def do(store: Store) -> object:
            with closing(Connection(store)) as connection:
                try:
                    return undo(connection, run, 1e9, going_on if turns is None else killed_after(turns))
                except (InputError, KilledError) as error:
                    return type(error)

        self.both(do)

    @rule(some=some)
    def delete(self, some: list[int]) -> None:
        def do(store: Store) -> int:
            with closing(Connection(store)) as connection:
                return delete(connection, some, 1e9, going_on)

        self.both(do)

    @rule(some=some, turns=st.integers(0, 1))
    def killed_delete(self, some: list[int], turns: int) -> None:
        def do(store: Store) -> None:
            with closing(Connection(store)) as connection, suppress(KilledError):
                delete(connection, some, 1e9, killed_after(turns))

        self.both(do)

    @precondition(lambda self: self.number % 7 == 6)
    @rule(client=st.sampled_from(CLIENTS))
    def forget(self, client: str) -> None:
        self.both(lambda store: forget(store, store, client))

    @rule(turns=st.integers(0, 2))
    def killed_count(self, turns: int) -> None:
        def do(store: Store) -> None:
            with closing(Connection(store)) as connection, suppress(KilledError):
                clients = [client for client, _ in changes.waiting(connection)]
                changes.count_all(connection, clients, killed_after(turns))

        self.both(do)

    @several
    @rule(broken=st.sampled_from(BROKEN))
    def broken_and_repaired(self, broken: str) -> None:
        def do(store: Store) -> list[object]:
            settled(store)
            with closing(Connection(store)) as connection, connection.write():
                connection.execute(broken)
            return sorted(verify(store, quiet(), repair=True), key=str)

        self.both(do)
        self.settle()

    @several
    @rule()
    def settle(self) -> None:
        self.both(settled)
        Machine.settlings += 1
        self.unsettled = 0
        for store in self.stores:
            assert list(verify(store, quiet(), repair=False)) == []
        store = self.stores[0]
        emptied(self.another)
        made_anew(store, self.another)
        with closing(Connection(store)) as connection:
            newest = profiles.newest_day(connection) or 0
        assert derived(self.another, newest) == derived(store, newest)

    @invariant()
    def both_say_the_same(self) -> None:
        dumps = [everything(store) for store in self.stores]
        for name, found in dumps[0].items():
            assert found == dumps[1][name], name
        if not dumps[0]["changes"]:
            for store in self.stores:
                assert [found for found in kept(store.url) if any(found[3:])] == counted(store.url)


@pytest.fixture
def stores(tmp_path: Path, postgres_server: str, monkeypatch: pytest.MonkeyPatch) -> list[Store]:
    """A SQLite store, one on PostgreSQL, and one to be made anew."""
    found = [
        parse(f"sqlite:///{tmp_path}/transactions.db"),
        parse(new_postgres(postgres_server)),
        parse(f"sqlite:///{tmp_path}/another.db"),
    ]
    for store in found:
        upgrade(store, "transactions")
        upgrade(store, "clusters")
    # Few rows a turn, so that there is something to kill between, and the same number on both.
    monkeypatch.setattr(pace, "_FIRST_ROWS", 2)
    monkeypatch.setattr(pace.Pace, "__init__", lambda self, *_: setattr(self, "rows", 2))
    monkeypatch.setattr(pace.Pace, "took", lambda *_: None)
    return found


def test_whatever_befalls_them_both_stores_say_what_the_facts_make(
    stores: list[Store], spark: SparkSession, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    Machine.stores, Machine.another = (stores[0], stores[1]), stores[2]
    Machine.steps = Machine.settlings = 0
    one = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
        phases=[Phase.generate, Phase.shrink],
    )
    seeds: list[int] = []
    try:
        # How many steps an example takes is its seed's to say.
        while Machine.steps < LEAST_STEPS:
            seeds.append(random.randrange(2**32))
            run_state_machine_as_test(seed(seeds[-1])(Machine), settings=one)
    finally:
        told = ", ".join(map(str, seeds))
        told = f"state machine: seeds {told}, {Machine.steps:,} steps, verified {Machine.settlings} times"
        record_property("told", told)
    assert Machine.settlings >= 40
    for store in stores[:2]:
        made_anew_in_bulk(store, spark, tmp_path)


def made_anew_in_bulk(store: Store, spark: SparkSession, folder: Path) -> None:
    """What Spark makes of the last of these stores is what their changes have made of it."""
    settled(store)
    with closing(Connection(store)) as connection:
        newest = profiles.newest_day(connection) or 0
    kept_by_changes = derived(store, newest)
    assert kept_by_changes["profiles"]
    with bulk.connect(store) as connection:
        outdated_bulk.order(store, connection)
    for job in (outdated.PROFILES, outdated.MEMORIES):
        run(job, lambda: spark, job_settings(folder, store.url), "anew", quiet())
    assert derived(store, newest) == kept_by_changes
