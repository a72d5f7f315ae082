"""A load, decisions and reviews at the same moment on PostgreSQL: in whatever order their statements come, what each
was told is what the store holds."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from functools import partial
from itertools import combinations
from typing import Any

import pytest

from fraudstack.decisions.deciding import Conflict, Decided, Terms, decide_and_store
from fraudstack.decisions.submission import Submission
from fraudstack.errors import CollidedError
from fraudstack.rules import config
from fraudstack.storage import reviews
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import Store, parse
from fraudstack.storage.loads import Load
from fraudstack.storage.transactions import bulk as transactions
from fraudstack.storage.upgrade import upgrade
from tests.jobs.databases import new_postgres
from tests.storage.schedules import Actor, played, stepped
from tests.storage.test_load import batches, content, execute, label, load, row

pytestmark = [pytest.mark.slow, pytest.mark.long]

NOW = datetime(2015, 3, 2)
TERMS = Terms(config.load(config.DEFAULT), "USD")
# So many statements that matter has a decision or a review, and a file: what is more follows in the order of names.
_FEW, _MANY = 4, 7
# Faster than TRUNCATE on a handful of rows.
_TABLES = (
    "transactions",
    "decisions",
    "reviews",
    "claims",
    "changes",
    "outdated",
    "batch_days",
    "loads",
    "load_lists",
    "replaced",
)
_OF_PROFILES = ("profiles", "profile_habits", "daily_sums", "value_days")
_EMPTY = [f"DELETE FROM {table}" for table in (*_TABLES, *_OF_PROFILES)]


@pytest.fixture(scope="module")
def store(postgres_server: str) -> Store:
    found = parse(new_postgres(postgres_server))
    upgrade(found, "transactions")
    return found


def orders(of_b: int) -> list[str]:
    """Every order of a, with few statements, and b."""
    places = range(_FEW + of_b)
    return ["".join("a" if at in of_a else "b" for at in places) for of_a in combinations(places, _FEW)]


def posted(store: Store, **given: Any) -> Callable[[], Decided | Conflict]:
    """A post of the transaction that `row(1)` loads, as a scorer decides it."""
    told = row(1, **given)
    body = {name: value for name, value in told.items() if name != "cents"} | {"amount": told["cents"] / 100}
    submission = Submission.model_validate(body | {"date": str(told["date"])})

    def decide() -> Decided | Conflict:
        with closing(Connection(store)) as connection:
            # As the writer does: one that collides is tried again.
            while True:
                try:
                    with connection.write([submission.client_id]):
                        found = decide_and_store(connection, submission, TERMS, NOW)
                except CollidedError:
                    continue
                assert isinstance(found, Decided | Conflict)
                return found

    return decide


def reviewed(store: Store, verdict: str) -> Callable[[], object]:
    def review() -> object:
        with closing(Connection(store)) as connection, connection.write(["7"]):
            return reviews.add(connection, 1, verdict, None, "ana", NOW, {})

    return review


def loaded(store: Store, **given: Any) -> Callable[[], list[int]]:
    def do() -> list[int]:
        with bulk.connect(store) as connection:
            return transactions.load(
                store, connection, batches([row(1, **given)]), "USD", lambda _: None, Load(9, "run", "clean")
            )

    return do


def every_order(
    store: Store, make: Callable[[], object], a: Callable[[], object], b: Callable[[], object], of_b: int = _MANY
) -> Iterator[tuple[str, Actor, Actor]]:
    for order in orders(of_b):
        execute(store, *_EMPTY)
        make()
        # What a load into an empty store would have made anew.
        execute(store, "DELETE FROM outdated")
        with stepped():
            actors = played(store.url, {"a": a, "b": b}, order)
        for actor in actors.values():
            if actor.error is not None:
                raise AssertionError(order) from actor.error
        yield order, actors["a"], actors["b"]


def test_a_verdict_stands_above_a_label_that_comes_at_that_moment(store: Store) -> None:
    def make() -> None:
        load(store, [row(1), row(2, client_id="8")])
        label(store, {1: 1})
        execute(store, "DELETE FROM profiles")

    tried = set()
    for order, _, _ in every_order(store, make, reviewed(store, "fraud"), lambda: label(store, {1: 0, 2: 0})):
        tried.add(content(store, "id, is_fraud")[0])
        assert content(store, "id, is_fraud") == [(1, 1), (2, 0)], order
    assert tried == {(1, 1)}


@pytest.mark.parametrize("known", [[row(2, client_id="8")], [row(1), row(2, client_id="8")]], ids=["new", "correction"])
def test_what_was_decided_is_what_the_store_holds(store: Store, known: list[dict[str, Any]]) -> None:
    outcomes = set()
    make = partial(load, store, known)
    for order, decision, file in every_order(store, make, posted(store), loaded(store, cents=2058)):
        cents = [round(amount * 100) for id, amount, *_ in content(store) if id == 1]
        if isinstance(decision.answer, Decided):
            assert (cents, file.answer) == ([1029], [1]), order
        else:
            assert (cents, file.answer) == ([2058], []), order
        outcomes.add(type(decision.answer))
    assert outcomes == {Decided, Conflict}


def test_two_posts_of_an_id_are_one_transaction(store: Store) -> None:
    def make() -> None:
        load(store, [row(2, client_id="8")])

    for order, one, other in every_order(store, make, posted(store), posted(store, cents=2058), _FEW):
        kinds = sorted(type(actor.answer).__name__ for actor in (one, other))
        assert kinds == ["Conflict", "Decided"], order
