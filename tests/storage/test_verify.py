"""A store is held against its own facts: what differs is named and mended, and of what is right nothing is said."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console

from fraudstack.decisions.following import decide_all
from fraudstack.errors import DifferenceError, StoreError
from fraudstack.progress import Phases
from fraudstack.storage import outdated
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import Store, parse
from fraudstack.storage.following import changes
from fraudstack.storage.outdated import bulk as rebuild
from fraudstack.storage.upgrade import upgrade
from fraudstack.storage.verify.difference import Difference
from fraudstack.storage.verify.store import verify
from jobs import verify as job
from tests.jobs.databases import settings
from tests.storage.test_follow import Deeds
from tests.storage.test_load import execute, load
from tests.test_cli import fraudstack


@pytest.fixture
def store(database: str) -> Store:
    """One in which something of every kind was done, and is settled."""
    found = parse(database)
    upgrade(found, "transactions")
    upgrade(found, "clusters")
    deeds = Deeds(found, 11)
    load(found, [])
    with bulk.connect(found) as connection:
        for name in outdated.NAMES:
            rebuild.made(found, connection, name)
    deeds.post()
    for _ in range(8):
        for do in (deeds.file, deeds.post, deeds.labels, deeds.review):
            do()
    deeds.settle()
    return found


def found(store: Store, *, repair: bool = False) -> list[Difference]:
    return list(verify(store, Phases(Console(quiet=True)), repair=repair))


def test_of_a_store_that_is_right_nothing_is_said(store: Store) -> None:
    assert found(store) == []
    assert found(store, repair=True) == []


@pytest.mark.parametrize(
    ("damage", "tables"),
    [
        ("UPDATE profiles SET usual = usual + 1, memory = NULL WHERE client_id = '7'", {"profiles"}),
        ("DELETE FROM profiles WHERE client_id = '8'", {"profiles"}),
        ("DELETE FROM profile_habits WHERE kind = 'mcc'", {"profile_habits"}),
        (
            "INSERT INTO profile_habits (client_id, kind, value, count, purchases, cents, logs, squares, seen)"
            " VALUES ('7', 'state', 'XX', 1, 0, 0, 0, 0, 1)",
            {"profile_habits"},
        ),
        ("UPDATE daily_sums SET cents = cents - 5 WHERE kind = 'state'", {"daily_sums"}),
        ("DELETE FROM daily_sums WHERE kind = 'hour'", {"daily_sums"}),
        ("UPDATE batch_days SET suspicious = suspicious + 1", {"batch_days"}),
        ("UPDATE value_days SET frauds = frauds + 2", {"value_days", "value_days before"}),
        ("DELETE FROM value_days", {"value_days", "value_days before"}),
        ("DELETE FROM windows WHERE kind = 'card'", {"windows"}),
        ("UPDATE windows SET id = id + 1000000", {"windows"}),
        ("DELETE FROM days_seen_by_year WHERE kind = 'merchant'", {"days_seen_by_year"}),
        ("UPDATE days_seen_by_year SET value = 'nobody' WHERE kind = 'card' AND value = '70'", {"days_seen_by_year"}),
        (
            "UPDATE transactions SET is_fraud = 1 - is_fraud"
            " WHERE id IN (SELECT id FROM reviews WHERE verdict <> 'unsure')",
            {"transactions"},
        ),
        ("UPDATE label_days SET day = day + 40", {"label_days", "profiles", "value_days"}),
        ("DELETE FROM label_days", {"label_days", "profiles", "value_days"}),
        (
            "DELETE FROM decisions WHERE id = (SELECT max(id) FROM decisions WHERE source = 'batch')",
            {"decisions", "batch_days"},
        ),
    ],
)
def test_what_differs_is_named_and_mended(store: Store, tmp_path: Path, damage: str, tables: set[str]) -> None:
    execute(store, damage)
    differences = found(store)
    assert {one.table for one in differences} >= tables
    assert all(one.kept != one.rebuilt for one in differences)
    assert found(store) == differences
    with pytest.raises(DifferenceError, match=f"says otherwise than its facts in {len(differences)} places"):
        job.run(settings(tmp_path, store.url), "weekly", Phases(Console(quiet=True)))
    assert found(store, repair=True)
    with closing(Connection(store)) as connection:
        clients = [client_id for client_id, _ in changes.waiting(connection)]
        deeds = Deeds(store, 1)
        decide_all(connection, clients, deeds.terms, deeds.now, lambda _: None)
    assert found(store) == []


def test_one_that_is_to_be_made_anew_is_not_judged(store: Store) -> None:
    with bulk.connect(store) as connection:
        rebuild.order(store, connection)
    with pytest.raises(StoreError, match="a large load is to be finished first"):
        found(store)


def test_memories_that_are_to_be_made_anew_are_left_as_they_are(store: Store) -> None:
    execute(store, "INSERT INTO outdated (name) VALUES ('memories')")
    execute(store, "UPDATE profiles SET usual = usual + 1, memory = NULL WHERE client_id = '7'")
    execute(store, "UPDATE profiles SET usual = usual + 1 WHERE client_id = '8'")
    assert {one.key for one in found(store, repair=True)} == {"7 usual", "8 usual"}
    assert found(store) == []
    execute(store, "DELETE FROM outdated")
    assert {one.key for one in found(store) if one.table == "profiles"} == {"7 memory"}


def test_the_command_names_what_differs_and_ends_with_six(store: Store) -> None:
    command = ("verify", "--database", store.url)
    done = fraudstack(*command)
    assert (done.returncode, done.stdout) == (0, f"{store.shown} is verified: nothing differs\n")
    execute(store, "UPDATE profiles SET usual = usual + 1 WHERE client_id = '7'")
    done = fraudstack(*command, "--json", "--repair")
    assert done.returncode == 6
    [line] = done.stdout.splitlines()
    named = json.loads(line)
    assert (named["table"], named["key"], named["kept"]) == ("profiles", "7 usual", named["rebuilt"] + 1)
    assert fraudstack(*command).returncode == 0
