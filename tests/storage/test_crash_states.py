"""A power cut at any moment: whatever had reached the disk by then, the store opens whole, with all that was said."""

import random
import shutil
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from fraudstack.storage.connections import online
from fraudstack.storage.connections.store import Store, parse
from fraudstack.storage.upgrade import upgrade
from tests.api.scorer import post, running
from tests.storage.recording import Done, recording

pytestmark = pytest.mark.long
POSTS, SAMPLES = 300, 1200
SECTOR = 512

Files = dict[str, bytearray]


def applied(files: Files, done: Done) -> None:
    """Do to files what was done."""
    if done.kind == "write":
        file = files.setdefault(done.path, bytearray())
        file.extend(bytes(max(0, done.place + len(done.data) - len(file))))
        file[done.place : done.place + len(done.data)] = done.data
    elif done.kind == "truncate":
        file = files.setdefault(done.path, bytearray())
        del file[done.place :]
        file.extend(bytes(done.place - len(file)))
    elif done.kind == "delete":
        files.pop(done.path, None)


def torn(done: Done, draw: random.Random) -> list[Done]:
    """Some of a write's sectors."""
    places = range(0, len(done.data), SECTOR)
    return [
        Done("write", done.path, done.place + place, done.data[place : place + SECTOR])
        for place in places
        if draw.random() < 0.5
    ]


def after_a_cut(synced: Files, unsynced: Sequence[Done], draw: random.Random) -> Files:
    """What a disk may hold: what was synced, and of the rest some, in any order, some of it torn."""
    files = {path: bytearray(data) for path, data in synced.items()}
    share = draw.choice([0.0, 0.2, 0.5, 0.8, 1.0])
    chosen = [done for done in unsynced if draw.random() < share]
    if draw.random() < 0.7:
        draw.shuffle(chosen)
    for done in chosen:
        pieces = torn(done, draw) if done.kind == "write" and draw.random() < 0.3 else [done]
        for piece in pieces:
            applied(files, piece)
    return files


def opened(files: Files, folder: Path, said: set[int]) -> None:
    """The store after the machine has come back: whole, and nothing that was answered is missing."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path, data in files.items():
        (folder / Path(path).name).write_bytes(data)
    with closing(sqlite3.connect(folder / "transactions.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        ids = "SELECT t.id FROM transactions t JOIN decisions d ON d.id = t.id WHERE d.source = 'online'"
        assert said <= {id for (id,) in connection.execute(ids)}


def recorded(folder: Path) -> tuple[Files, list[Done]]:
    """A scorer's files before it began, and what it did to them; `said` tells which decision was answered when."""
    database = folder / "transactions.db"
    store = parse(f"sqlite:///{database}")
    upgrade(store, "transactions")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = {str(path): bytearray(path.read_bytes()) for path in (database, Path(f"{database}-wal")) if path.exists()}
    kept: list[Done] = []
    real = online._sqlite

    def often(store: Store, read_only: bool) -> sqlite3.Connection:
        raw = real(store, read_only)
        # So that there are many checkpoints, too.
        raw.execute("PRAGMA wal_autocheckpoint=60")
        return raw

    with recording(kept), mock.patch.object(online, "_sqlite", often), running(folder, store.url) as client:
        for id in range(1, POSTS, 3):
            assert client.post("/transaction", json=post(id, client_id=str(id % 7))).status_code == 200
            kept.append(Done("said", place=id))
            several = [post(id + more, client_id=str(id % 5), merchant_id=str(id)) for more in (1, 2)]
            answer = client.post("/transactions", json={"transactions": several}).json()
            assert [result["status"] for result in answer["results"]] == [200, 200]
            kept += [Done("said", place=id + 1), Done("said", place=id + 2)]
    return before, kept


def test_a_power_cut_at_any_moment_costs_nothing_that_was_answered(tmp_path: Path, record_property: Any) -> None:
    before, kept = recorded(tmp_path)
    syncs = [at for at, done in enumerate(kept) if done.kind == "sync"]
    database = str(tmp_path / "transactions.db")
    checkpoints = sum(done.kind == "sync" and done.path == database for done in kept)
    assert len(syncs) > POSTS / 3, "nothing of what SQLite did was recorded"
    assert checkpoints > 5
    folder = tmp_path / "after"

    # Every prefix up to a sync, all of it there.
    files = {path: bytearray(data) for path, data in before.items()}
    said: set[int] = set()
    for done in kept:
        applied(files, done)
        if done.kind == "said":
            said.add(done.place)
        if done.kind == "sync":
            opened(files, folder, said)
    assert len(said) == POSTS

    # Samples in which what wasn't synced is lost, reordered or torn.
    draw = random.Random(1)
    moments = sorted(draw.randrange(len(kept)) for _ in range(SAMPLES))
    synced = {path: bytearray(data) for path, data in before.items()}
    unsynced: list[Done] = []
    said = set()
    for at, done in enumerate(kept):
        while moments and moments[0] == at:
            moments.pop(0)
            opened(after_a_cut(synced, unsynced, draw), folder, said)
        if done.kind == "said":
            said.add(done.place)
        elif done.kind == "sync":
            for earlier in unsynced:
                if earlier.path == done.path:
                    applied(synced, earlier)
            unsynced = [earlier for earlier in unsynced if earlier.path != done.path]
        else:
            unsynced.append(done)
    counts = {"done": len(kept), "prefixes": len(syncs), "samples": SAMPLES, "checkpoints": checkpoints}
    record_property("counts", counts)
    sys.stderr.write(f"crash states: {counts}\n")
