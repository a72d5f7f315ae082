"""A load taken back, transactions deleted: the store is as if they had never been, but for what people said since."""

import random
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from cli.main import app
from fraudstack.decisions.asked import Decided
from fraudstack.decisions.submission import Submission
from fraudstack.errors import InputError
from fraudstack.progress import Phases
from fraudstack.storage import loads, outdated, reviews
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import Store, parse
from fraudstack.storage.outdated import bulk as rebuild
from fraudstack.storage.removal.delete import delete
from fraudstack.storage.removal.undo import Undone, undo
from fraudstack.storage.upgrade import upgrade
from fraudstack.storage.verify.store import verify
from tests.storage.kills import KilledError, killed_after
from tests.storage.posted import decided
from tests.storage.test_follow import TERMS
from tests.storage.test_load import content, label, load, row

NOW = datetime(2026, 1, 1)
FIRST = 1000


@pytest.fixture
def store(database: str) -> Store:
    """A store of which nothing is to be made anew."""
    found = parse(database)
    upgrade(found, "transactions")
    upgrade(found, "clusters")
    load(found, [])
    with bulk.connect(found) as connection:
        for name in outdated.NAMES:
            rebuild.made(found, connection, name)
    # Or the next load would be the first of an empty store.
    post(found, FIRST, client_id="0")
    return found


def taken_back(store: Store, run: str, share: float = 1e9) -> Undone:
    with closing(Connection(store)) as connection:
        return undo(connection, run, share, lambda _: None)


def differences(store: Store) -> list[object]:
    with closing(Connection(store)) as connection:
        # Nobody decides in batch here.
        connection.execute("DELETE FROM outdated WHERE name = 'decisions'")
        connection.execute("INSERT INTO outdated (name) VALUES ('decisions')")
    return list(verify(store, Phases(Console(quiet=True)), repair=False))


def said(store: Store) -> list[tuple[int, int, str, int | None]]:
    return [
        (id, round(amount * 100), client, known)
        for id, amount, client, known in content(store, "id, amount, client_id, is_fraud")
        if id != FIRST
    ]


def review(store: Store, id: int, verdict: str) -> None:
    with closing(Connection(store)) as connection, connection.write(["7"]):
        reviews.add(connection, id, verdict, None, "ana", NOW, {})


def post(store: Store, id: int, **given: Any) -> None:
    told = row(id, **given)
    body = {name: value for name, value in told.items() if name != "cents"} | {"amount": told["cents"] / 100}
    posted = Submission.model_validate(body | {"date": str(told["date"])})
    with closing(Connection(store)) as connection, connection.write(["7"]):
        assert isinstance(decided(connection, posted, TERMS, NOW), Decided)


def test_a_load_that_is_undone_leaves_what_was_there_before(store: Store) -> None:
    load(store, [row(1), row(2), row(3)], "first")
    label(store, {1: 1, 2: 0}, "first labels")
    before = said(store)
    load(store, [row(2, cents=5), row(3, client_id="8"), row(4)], "second")
    label(store, {1: 0, 3: 1, 4: 1}, "second")
    found = taken_back(store, "second")
    assert (found.gone, found.restored, found.unlabelled, found.stay) == (1, 2, 3, set())
    assert said(store) == before
    assert differences(store) == []


def test_what_a_later_load_corrected_stays_as_that_one_left_it(store: Store) -> None:
    load(store, [row(1), row(2)], "first")
    load(store, [row(1, cents=5), row(2, cents=5), row(3)], "second")
    load(store, [row(2, cents=6), row(3, cents=6)], "third")
    assert taken_back(store, "second").gone == 0
    assert said(store) == [(1, 1029, "7", None), (2, 6, "7", None), (3, 6, "7", None)]
    # What the third replaced is now what the first brought, and the transaction that nobody else brought is its own.
    found = taken_back(store, "third")
    assert (found.gone, found.restored) == (1, 1)
    assert said(store) == [(1, 1029, "7", None), (2, 1029, "7", None)]
    assert differences(store) == []


def test_the_label_of_a_later_load_stays_and_that_of_an_earlier_one_comes_back(store: Store) -> None:
    load(store, [row(id) for id in (1, 2, 3)])
    label(store, {1: 1, 2: 1}, "first")
    label(store, {1: 0, 2: 0, 3: 0}, "second")
    label(store, {2: 1}, "third")
    assert taken_back(store, "second").unlabelled == 2
    assert [known for *_, known in said(store)] == [1, 1, None]
    assert taken_back(store, "first").unlabelled == 1
    assert [known for *_, known in said(store)] == [None, 1, None]
    assert differences(store) == []


def test_what_was_decided_online_or_reviewed_since_stays_and_is_named(store: Store) -> None:
    load(store, [row(id) for id in (1, 2, 3, 4)], "first")
    load(store, [row(4, cents=5)], "second")
    label(store, {3: 0}, "labels")
    post(store, 1)
    review(store, 2, "unsure")
    review(store, 3, "fraud")
    review(store, 4, "legitimate")
    assert taken_back(store, "labels").stay == {3}
    assert taken_back(store, "second").stay == {4}
    assert taken_back(store, "first").stay == {1, 2, 3, 4}
    assert said(store) == [(1, 1029, "7", None), (2, 1029, "7", None), (3, 1029, "7", 1), (4, 5, "7", 0)]
    assert differences(store) == []


def test_a_label_under_a_verdict_is_a_fact(store: Store) -> None:
    load(store, [row(1)])
    label(store, {1: 0}, "first")
    review(store, 1, "fraud")
    label(store, {1: 1}, "second")
    label(store, {1: 1}, "again")
    assert [known for *_, known in said(store)] == [1]
    with closing(Connection(store)) as connection:
        [one] = loads.labels_of(connection.rows, np.array([1])).values()
        [(run,)] = connection.rows("SELECT run_id FROM loads WHERE number = ?", (one.load,))
    assert (one.is_fraud, run) == (1, "second")


def test_a_load_that_changes_nothing_leaves_nothing_to_undo(store: Store) -> None:
    load(store, [row(1), row(2)], "first")
    label(store, {1: 1}, "first")
    load(store, [row(1), row(2)], "again")
    label(store, {1: 1, 99: 0}, "again")
    with pytest.raises(InputError, match="no run again is known that changed transactions"):
        taken_back(store, "again")


def test_a_large_load_is_undone_and_all_is_made_anew(store: Store) -> None:
    load(store, [row(id) for id in range(1, 50)], "first")
    assert taken_back(store, "first", share=0.1).gone == 49
    with closing(Connection(store)) as connection:
        assert outdated.names(connection) == set(outdated.NAMES)
        assert connection.rows("SELECT count(*) FROM changes") == [(0,)]
    assert said(store) == []


def test_an_undo_that_was_killed_is_made_up_for_by_the_next(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fraudstack.storage.removal.chosen._ROWS", (2, 1, 2))
    load(store, [row(id) for id in range(1, 10)], "first")
    label(store, dict.fromkeys(range(1, 10), 1), "first")
    load(store, [row(20)], "second")
    for turns in (0, 2, 2):
        with closing(Connection(store)) as connection, pytest.raises(KilledError):
            undo(connection, "first", 1e9, killed_after(turns))
        # What it left is a store as any other.
        assert differences(store) == []
    gone = set(range(1, 10)) - {id for id, *_ in said(store)}
    load(store, [row(id) for id in gone], "third")
    taken_back(store, "first")
    assert said(store) == [(id, 1029, "7", None) for id in sorted(gone | {20})]
    assert differences(store) == []
    with closing(Connection(store)) as connection:
        assert connection.rows("SELECT count(*) FROM load_lists WHERE kind = 'labels'") == [(0,)]


def test_what_was_deleted_comes_again_as_new_also_after_a_kill(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fraudstack.storage.removal.chosen._ROWS", (2, 1, 2))
    load(store, [row(id) for id in range(1, 10)], "first")
    label(store, dict.fromkeys(range(1, 10), 1), "labels")
    with closing(Connection(store)) as connection, pytest.raises(KilledError):
        delete(connection, range(1, 10), 1e9, killed_after(1))
    assert differences(store) == []
    gone = set(range(1, 10)) - {id for id, *_ in said(store)}
    assert gone
    load(store, [row(id) for id in gone], "second")
    assert differences(store) == []
    # Of another load now.
    assert taken_back(store, "first").gone == 9 - len(gone)
    assert said(store) == [(id, 1029, "7", None) for id in sorted(gone)]


def test_deleted_transactions_leave_nothing(store: Store) -> None:
    load(store, [row(id) for id in (1, 2, 3, 4)], "first")
    load(store, [row(2, cents=5)], "second")
    label(store, {2: 1, 3: 0}, "labels")
    post(store, 1)
    review(store, 3, "fraud")
    with closing(Connection(store)) as connection:
        assert delete(connection, [3, 1, 2, 99], 1e9, lambda _: None) == 3
    assert said(store) == [(4, 1029, "7", None)]
    assert differences(store) == []
    with closing(Connection(store)) as connection:
        for table in ("decisions", "reviews", "claims", "replaced"):
            assert connection.rows(f"SELECT id FROM {table} WHERE id <> {FIRST}") == [], table
        of_first = [ids.tolist() for _, (ids,) in loads.lists(connection, 2, "transactions")]
        assert [list(loads.lists(connection, number, "labels")) for number in (3, 4)] == [[], []]
    assert of_first == [] or of_first == [[4]]
    assert taken_back(store, "first").gone == 1


def test_a_list_of_which_little_is_there_makes_nothing_anew(store: Store) -> None:
    load(store, [row(id) for id in range(1, 50)])
    assert differences(store) == []
    with closing(Connection(store)) as connection:
        assert delete(connection, range(49, FIRST), 0.1, lambda _: None) == 1
        assert outdated.PROFILES not in outdated.names(connection)
    assert differences(store) == []


@pytest.mark.parametrize("counted", [False, True], ids=["not counted yet", "counted"])
def test_what_was_deleted_can_be_posted_at_once(store: Store, counted: bool) -> None:
    load(store, [row(1)])
    assert not counted or differences(store) == []
    with closing(Connection(store)) as connection:
        assert delete(connection, [1], 1e9, lambda _: None) == 1
    # Later than what there was, or its client would be counted anyway.
    post(store, 1, date=NOW, cents=500)
    assert said(store) == [(1, 500, "7", None)]
    assert differences(store) == []


def test_what_is_posted_between_a_deletion_and_its_count_is_remembered_in_its_place(store: Store) -> None:
    # The last is high for its client once five others came before it, and was not when it came.
    load(store, [row(id, cents=500) for id in (1, 2, 3)] + [row(4, cents=900_000, date=NOW)])
    assert differences(store) == []
    with closing(Connection(store)) as connection:
        assert delete(connection, [4], 1e9, lambda _: None) == 1
    for id in (5, 6):
        post(store, id, cents=500, date=NOW - timedelta(days=30))
    assert differences(store) == []


@dataclass
class Model:
    """What each transaction is by the loads that stand, the last of which counts."""

    contents: dict[int, list[tuple[str, Any]]] = field(default_factory=dict)
    labels: dict[int, list[tuple[str, int]]] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)

    def load(self, run: str, rows: dict[int, tuple[str, int]]) -> None:
        for id, told in rows.items():
            of_id = self.contents.setdefault(id, [])
            if not of_id or of_id[-1][1] != told:
                of_id.append((run, told))

    def label(self, run: str, pairs: dict[int, int]) -> None:
        for id, value in pairs.items():
            of_id = self.labels.setdefault(id, [])
            if id in self.contents and (not of_id or of_id[-1][1] != value):
                of_id.append((run, value))

    def undo(self, run: str) -> None:
        for id, of_id in list(self.contents.items()):
            if of_id[-1][0] == run and id in self.touched:
                # It stays, of no run.
                of_id[-1] = ("", of_id[-1][1])
            of_id[:] = [one for one in of_id if one[0] != run]
            if not of_id:
                del self.contents[id]
        for of_label in self.labels.values():
            of_label[:] = [one for one in of_label if one[0] != run]
        for id in self.labels.keys() - self.contents.keys():
            del self.labels[id]

    def said(self) -> list[tuple[int, int, str, int | None]]:
        return [
            (id, of_id[-1][1][1], of_id[-1][1][0], self.labels[id][-1][1] if self.labels.get(id) else None)
            for id, of_id in sorted(self.contents.items())
        ]


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_undone_leaves_what_the_others_make(store: Store, seed: int) -> None:
    draw, model, runs = random.Random(seed), Model(), list[str]()
    for number in range(60):
        ids = draw.sample(range(1, 15), draw.randint(1, 6))
        deed = draw.choice(["file", "file", "labels", "undo", "unsure"])
        if deed == "undo" and runs:
            run = runs.pop(draw.randrange(len(runs)))
            # It may have changed nothing.
            with suppress(InputError):
                taken_back(store, run)
            model.undo(run)
        elif deed == "file":
            told = {id: (draw.choice("78"), draw.choice([500, 600])) for id in ids}
            load(store, [row(id, client_id=c, cents=cents) for id, (c, cents) in sorted(told.items())], f"run {number}")
            model.load(f"run {number}", told)
            runs.append(f"run {number}")
        elif deed == "labels":
            pairs = {id: draw.randint(0, 1) for id in ids}
            known = {id: draw.choice([None, datetime(2024, 1, number % 28 + 1)]) for id in ids}
            label(store, pairs, f"run {number}", known)
            model.label(f"run {number}", pairs)
            runs.append(f"run {number}")
        elif model.contents:
            id = draw.choice(sorted(model.contents))
            review(store, id, "unsure")
            model.touched.add(id)
        assert said(store) == model.said(), (number, deed)
    assert differences(store) == []


def test_the_commands_undo_and_delete_say_what_they_did(store: Store, tmp_path: Path) -> None:
    load(store, [row(id) for id in (1, 2, 3)], "first")
    load(store, [row(1, cents=5), row(4)], "second")
    post(store, 4)
    run = CliRunner()
    found = run.invoke(app, ["undo", "second", "--database", store.url])
    assert found.exit_code == 0, found.output
    assert "run second is undone: 0 transactions are gone, 1 are as they were before" in found.stdout
    assert "4 stays: it was decided online or reviewed since" in found.stdout
    ids = tmp_path / "ids.csv"
    ids.write_text("id\n2\n\n77\n")
    found = run.invoke(app, ["delete", "--ids", str(ids), "--database", store.url])
    assert "1 of 2 transactions are deleted, as run delete-" in found.stdout
    assert [id for id, *_ in said(store)] == [1, 3, 4]
    with closing(Connection(store)) as connection:
        runs = connection.rows("SELECT run_id, step, rows_in, loaded FROM ingest_runs ORDER BY step")
        assert [row[1:] for row in runs] == [("delete", 2, 1), ("undo", 2, 1)]
        assert "77" not in str(connection.rows("SELECT * FROM ingest_runs")[0][0])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("1\nx\n", "line 2: 'x' is no id of a transaction; nothing was deleted"), ("\n", "holds no id")],
)
def test_a_file_that_holds_something_else_deletes_nothing(
    store: Store, tmp_path: Path, text: str, sentence: str
) -> None:
    load(store, [row(1)], "first")
    ids = tmp_path / "ids"
    ids.write_text(text)
    found = CliRunner().invoke(app, ["delete", "--ids", str(ids), "--database", store.url])
    assert isinstance(found.exception, InputError)
    assert sentence in str(found.exception)
    assert [id for id, *_ in said(store)] == [1]
