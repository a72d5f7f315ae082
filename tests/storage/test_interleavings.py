"""A load, decisions and reviews at the same moment on PostgreSQL: in whatever order their statements come, what each
was told is what the store holds."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from adbc_driver_manager.dbapi import Connection as Loading

from fraudstack.decisions.asked import Conflict, Decided
from fraudstack.decisions.submission import Submission
from fraudstack.decisions.terms import Terms
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
from tests.storage.posted import decided
from tests.storage.schedules import Actor, every_schedule
from tests.storage.test_load import batches, content, execute, label, load, row

pytestmark = [pytest.mark.slow, pytest.mark.long]

NOW = datetime(2015, 3, 2)
TERMS = Terms(config.load(config.DEFAULT), "USD")
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
    "profiles",
    "profile_habits",
    "daily_sums",
    "value_days",
    "label_days",
)


@pytest.fixture(scope="module")
def store(postgres_server: str) -> Store:
    # Of those that wait for each other the last to come gives way, at once: who waited has looked before.
    found = parse(f"{new_postgres(postgres_server)}&options=-c%20deadlock_timeout%3D1ms")
    upgrade(found, "transactions")
    return found


@pytest.fixture(scope="module")
def online(store: Store) -> Iterator[list[Connection]]:
    """For each of those that decide or review one for all orders: to open one takes longer than what is done."""
    with closing(Connection(store)) as one, closing(Connection(store)) as other:
        yield [one, other]


@pytest.fixture(scope="module")
def loading(store: Store) -> Iterator[Loading]:
    with bulk.connect(store) as connection:
        yield connection


def posted(connection: Connection, **given: Any) -> Callable[[], Decided | Conflict]:
    """A post of the transaction that `row(1)` loads, as a scorer decides it."""
    told = row(1, **given)
    body = {name: value for name, value in told.items() if name != "cents"} | {"amount": told["cents"] / 100}
    submission = Submission.model_validate(body | {"date": str(told["date"])})

    def decide() -> Decided | Conflict:
        # As the writer does: one that collides is tried again.
        while True:
            try:
                with connection.write([submission.client_id]):
                    return decided(connection, submission, TERMS, NOW)
            except CollidedError:
                continue

    return decide


def reviewed(connection: Connection, verdict: str) -> Callable[[], object]:
    def review() -> object:
        with connection.write(["7"]):
            return reviews.add(connection, 1, verdict, None, "ana", NOW, {})

    return review


def loaded(store: Store, connection: Loading, **given: Any) -> Callable[[], list[int]]:
    def do() -> list[int]:
        told, of = batches([row(1, **given)]), Load(9, "run", "clean")
        return transactions.load(store, connection, told, "USD", lambda _: None, of)

    return do


def every_order(
    store: Store, make: Callable[[], object], **acts: Callable[[], object]
) -> Iterator[tuple[str, dict[str, Actor]]]:
    """Let acts come in every order after what `make` has made, which is kept to begin again with."""
    execute(store, *(f"DELETE FROM {table}" for table in _TABLES))
    make()
    # What a load into an empty store would have made anew.
    execute(store, "DELETE FROM outdated")
    keep = (f"DROP TABLE IF EXISTS kept_{table}; CREATE TABLE kept_{table} AS TABLE {table}" for table in _TABLES)
    execute(store, *keep)
    # Faster than TRUNCATE on a handful of rows.
    again = "; ".join(f"DELETE FROM {table}; INSERT INTO {table} TABLE kept_{table}" for table in _TABLES)
    for order, actors in every_schedule(store.url, partial(execute, store, again), acts):
        for actor in actors.values():
            if actor.error is not None:
                raise AssertionError(order) from actor.error
        yield order, actors


def test_a_verdict_stands_above_a_label_that_comes_at_that_moment(store: Store, online: list[Connection]) -> None:
    def make() -> None:
        load(store, [row(1), row(2, client_id="8")])
        label(store, {1: 1})
        execute(store, "DELETE FROM profiles")

    label_again = partial(label, store, {1: 0, 2: 0})
    orders = set()
    for order, _ in every_order(store, make, a=reviewed(online[0], "fraud"), b=label_again):
        assert content(store, "id, is_fraud") == [(1, 1), (2, 0)], order
        orders.add(order)
    assert len(orders) > 10


KNOWN = pytest.mark.parametrize(
    "known", [[row(2, client_id="8")], [row(1), row(2, client_id="8")]], ids=["new", "correction"]
)


@KNOWN
def test_what_was_decided_is_what_the_store_holds(
    store: Store, online: list[Connection], loading: Loading, known: list[dict[str, Any]]
) -> None:
    outcomes = set()
    make = partial(load, store, known)
    for order, actors in every_order(store, make, a=posted(online[0]), b=loaded(store, loading, cents=2058)):
        said, held = actors["a"].answer, _cents(store)
        if isinstance(said, Decided):
            assert (held, actors["b"].answer) == ([1029], [1]), order
        else:
            assert (held, actors["b"].answer) == ([2058], []), order
        outcomes.add(type(said))
    assert outcomes == {Decided, Conflict}


def test_two_posts_of_an_id_are_one_transaction(store: Store, online: list[Connection]) -> None:
    make = partial(load, store, [row(2, client_id="8")])
    for order, actors in every_order(store, make, a=posted(online[0]), b=posted(online[1], cents=2058)):
        kinds = sorted(type(actor.answer).__name__ for actor in actors.values())
        assert kinds == ["Conflict", "Decided"], order


@KNOWN
def test_of_two_decisions_and_a_load_each_is_told_what_the_store_holds(
    store: Store,
    online: list[Connection],
    loading: Loading,
    known: list[dict[str, Any]],
    record_property: Callable[[str, object], None],
) -> None:
    make = partial(load, store, known)
    acts = {"a": posted(online[0]), "b": posted(online[1], cents=2058), "c": loaded(store, loading, cents=3087)}
    # What was loaded before is what the one posts, and the other contradicts.
    decide = {"a"} if len(known) > 1 else {"a", "b"}
    outcomes = Counter[str]()
    for order, actors in every_order(store, make, **acts):
        of_posts = {"a": [1029], "b": [2058]}
        decided = [name for name in of_posts if isinstance(actors[name].answer, Decided)]
        # What nobody decided is the file's.
        assert len(decided) <= 1, order
        held, refused = (of_posts[decided[0]], [1]) if decided else ([3087], [])
        assert (_cents(store), actors["c"].answer) == (held, refused), order
        outcomes["".join(decided) or "c"] += 1
    record_property("told", f"two decisions and a load: {outcomes.total():,} orders")
    assert set(outcomes) == decide | {"c"}


def _cents(store: Store) -> list[int]:
    """Of the transaction that each of them brings."""
    return [round(amount * 100) for id, amount, *_ in content(store) if id == 1]
