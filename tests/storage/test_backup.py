"""Copies are of one moment, made and put back while the scorer goes on."""

import shutil
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from cli import store as commands
from fraudstack.errors import StoreError
from fraudstack.progress import Phases
from fraudstack.storage.backup import backup, copies, restore
from fraudstack.storage.connections.locks import ingest_turn
from fraudstack.storage.connections.store import Store, parse
from tests.api.scorer import known, post, running
from tests.jobs.databases import query


@pytest.fixture
def stores(tmp_path: Path) -> list[Store]:
    return [parse(f"sqlite:///{tmp_path}/{name}.db") for name in ("transactions", "transactions_clusters")]


def ids(path: Path) -> set[object]:
    return {row[0] for row in query(f"sqlite:///{path}", "SELECT id FROM transactions")}


def test_a_copy_is_put_back_under_a_scorer_that_goes_on(tmp_path: Path, stores: list[Store]) -> None:
    with running(tmp_path, stores[0].url) as client:
        known(client)
        copy = backup(stores, tmp_path / "model", tmp_path / "copies", 7)
        profile = client.get("/clients/7/profile").json()
        client.post("/transaction", json=post(500))
        done: list[tuple[int, int]] = []
        assert restore(copy, stores, tmp_path / "model", lambda *progress: done.append(progress)) == stores[:1]
        assert done[-1][0] == done[-1][1] > 0
        assert client.get("/transactions/500").status_code == 404
        assert client.get("/clients/7/profile").json() == profile
        assert client.post("/transaction", json=post(501)).status_code == 200
    assert ids(tmp_path / "transactions.db") == {*range(1, 41), 501}
    assert query(stores[0].url, "PRAGMA integrity_check") == [("ok",)]


def test_a_copy_made_beside_writers_is_whole(tmp_path: Path, stores: list[Store]) -> None:
    with running(tmp_path, stores[0].url) as client:
        known(client)
        over = threading.Event()
        acknowledged: list[int] = []

        def load() -> None:
            while not over.is_set():
                answer = client.post("/transaction", json=post())
                acknowledged.append(answer.json()["id"])

        writer = threading.Thread(target=load)
        writer.start()
        try:
            made = []
            for _ in range(3):
                before = len(acknowledged)
                made.append(
                    (backup(stores, tmp_path / "model", tmp_path / f"copies {before}", 7), set(acknowledged[:before]))
                )
        finally:
            over.set()
            writer.join()
    for copy, known_before in made:
        kept = query(
            f"sqlite:///{copy}/transactions.db",
            "SELECT t.id, d.id FROM transactions t LEFT JOIN decisions d ON d.id = t.id",
        )
        assert known_before <= {row[0] for row in kept}
        assert all(row[0] == row[1] for row in kept)


def test_the_newest_copies_stay_and_what_broke_off_goes(tmp_path: Path, stores: list[Store]) -> None:
    sqlite3.connect(tmp_path / "transactions.db").execute("CREATE TABLE t (x)").connection.close()
    folder = tmp_path / "copies"
    for name in ("20200101T000000Z", "20200102T000000Z", ".20200103T000000Z"):
        (folder / name).mkdir(parents=True)
    made = backup(stores, tmp_path / "model", folder, 2)
    assert copies(folder) == [folder / "20200102T000000Z", made]
    assert not (folder / ".20200103T000000Z").exists()


def test_models_are_copied_and_come_back_beside_later_ones(tmp_path: Path, stores: list[Store]) -> None:
    with running(tmp_path, stores[0].url) as client:
        known(client)
    models = tmp_path / "model"

    def champion(version: str) -> None:
        (models / "versions" / version).mkdir(parents=True)
        (models / "versions" / version / "model.txt").write_text(version)
        (models / "champion.json").write_text(version)

    champion("first")
    (models / "versions" / ".second.draft").mkdir()
    copy = backup(stores, models, tmp_path / "copies", 7)
    champion("second")
    (models / "versions" / "first" / "model.txt").write_text("torn")
    restore(copy, stores, models, lambda *_: None)
    assert (models / "champion.json").read_text() == "first"
    assert {file.parent.name: file.read_text() for file in models.glob("versions/*/model.txt")} == {
        "first": "first",
        "second": "second",
    }
    assert not list(copy.rglob("*draft*")) + list(models.rglob("*.restored"))
    without = backup(stores, tmp_path / "nowhere", tmp_path / "copies", 7)
    restore(without, stores, models, lambda *_: None)
    assert (models / "champion.json").read_text() == "first"


def test_a_damaged_copy_is_refused_and_nothing_changes(tmp_path: Path, stores: list[Store]) -> None:
    with running(tmp_path, stores[0].url) as client:
        known(client)
        copy = backup(stores, tmp_path / "model", tmp_path / "copies", 7)
        with (copy / "transactions.db").open("r+b") as file:
            file.seek(8192)
            file.write(b"\xff" * 8192)
        client.post("/transaction", json=post(500))
        with pytest.raises(StoreError, match="damaged"):
            restore(copy, stores, tmp_path / "model", lambda *_: None)
        assert client.get("/transactions/500").status_code == 200
    with pytest.raises(StoreError, match="is no copy"):
        restore(tmp_path, [parse(f"sqlite:///{tmp_path}/elsewhere/other.db")], tmp_path / "model", lambda *_: None)


def test_what_cannot_be_copied_is_said(tmp_path: Path, stores: list[Store]) -> None:
    with pytest.raises(StoreError, match="nothing to copy"):
        backup(stores, tmp_path / "model", tmp_path / "copies", 7)
    with pytest.raises(StoreError, match="pg_dump"):
        backup([parse("postgresql://me@host/db")], tmp_path / "model", tmp_path / "copies", 7)


@pytest.mark.parametrize(("free", "fits"), [(3.0, True), (1.5, False), (0.5, False)], ids=["twice", "once", "not even"])
def test_a_copy_leaves_the_store_room_to_grow(
    tmp_path: Path, stores: list[Store], monkeypatch: pytest.MonkeyPatch, free: float, fits: bool
) -> None:
    with running(tmp_path, stores[0].url) as client:
        known(client)
    size: Any = query(stores[0].url, "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")[0][0]
    usage = shutil.disk_usage(tmp_path)._replace(free=int(size * free))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    if fits:
        assert backup(stores, tmp_path / "model", tmp_path / "copies", 7).is_dir()
    else:
        with pytest.raises(StoreError, match=r"doesn't fit .* MB are free there"):
            backup(stores, tmp_path / "model", tmp_path / "copies", 7)
        assert list((tmp_path / "copies").iterdir()) == []


def test_a_copy_that_breaks_off_leaves_nothing(tmp_path: Path, stores: list[Store]) -> None:
    with running(tmp_path, stores[0].url) as client:
        known(client)
    (tmp_path / "transactions_clusters.db").write_bytes(b"no store at all" * 1000)
    with pytest.raises(StoreError, match="can't be made"):
        backup(stores, tmp_path / "model", tmp_path / "copies", 7)
    assert list((tmp_path / "copies").iterdir()) == []


def test_a_restore_waits_for_an_ingest(tmp_path: Path, stores: list[Store]) -> None:
    with running(tmp_path, stores[0].url) as client:
        known(client)
    copy = backup(stores, tmp_path / "model", tmp_path / "copies", 7)
    said, over = threading.Event(), threading.Event()

    def put_back() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Phases, "say", lambda *_: said.set())
            commands.restore(copy, stores[0].url, stores[1].url)
        over.set()

    with ingest_turn(stores[0], pytest.fail):
        other = threading.Thread(target=put_back)
        other.start()
        assert said.wait(60)
        assert not over.is_set()
    other.join()
    assert over.is_set()
