"""What the store has already, decided or judged anew: the profile is what a replay of everything gives, at no wait."""

import gc
import random
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast
from unittest import mock

import numpy as np
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from fraudstack.features.table import NAMES, ClientFigures
from fraudstack.profiles.profile import Profile
from fraudstack.storage import profiles
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import parse
from fraudstack.storage.following import history
from tests.api.scorer import post, running
from tests.jobs.databases import execute, query

START = datetime(2019, 3, 1)
CLIENTS = ("7", "8")
# What a write transaction may take of a processor, and what others may wait on a machine that is busy otherwise, too.
LONGEST_TURN_SECONDS, LONGEST_WAIT_SECONDS = 0.2, 5.0


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    with closing(Connection(parse(url))) as connection:
        yield connection


def profile(url: str, client_id: str) -> tuple[Profile, Profile]:
    """As it is kept, and as all transactions make it."""
    with connected(url) as connection:
        kept, whole = profiles.read_whole(connection, client_id), history.replay(connection, client_id).profile
    if kept.memory is not None and whole.memory is not None:
        # What was seen stands among the habits.
        kept.memory.seen.clear()
        whole.memory.seen.clear()
    return kept, whole


def make(url: str, *clients: str, all_of_them: bool = True) -> None:
    """What the jobs do after a load that was large: of all clients, or of some so far."""
    with connected(url) as connection, connection.write(clients):
        for client_id in clients:
            made = history.replay(connection, client_id).profile
            made.version += 1
            profiles.write_whole(connection, made)
        if all_of_them:
            connection.execute("DELETE FROM outdated")


def load(url: str, *bodies: dict[str, Any]) -> None:
    """What a file brings that is large against the store."""
    names = (
        "id",
        "date",
        "client_id",
        "card_id",
        "amount",
        "use_chip",
        "merchant_id",
        "merchant_state",
        "mcc",
        "errors",
    )

    def value(given: object) -> str:
        return "NULL" if given is None else str(given) if isinstance(given, (int, float)) else f"'{given}'"

    rows = ", ".join(f"({', '.join(value(body.get(name)) for name in names)}, 'USD')" for body in bodies)
    execute(
        url,
        f"INSERT INTO transactions ({', '.join(names)}, currency) VALUES {rows}",
        "INSERT INTO outdated (name) VALUES ('profiles'), ('memories') ON CONFLICT DO NOTHING",
    )


def body(id: int, moment: datetime, draw: random.Random) -> dict[str, Any]:
    return post(
        id,
        date=str(moment),
        client_id=draw.choice(CLIENTS),
        amount=draw.choice([5, 20.5, 19.99, -20.5, 0, 900]),
        merchant_id=draw.choice(["1", "2", "3"]),
        merchant_city=None,
        zip=None,
        merchant_state=draw.choice(["ND", "ND", "Italy"]),
        use_chip=draw.choice([None, "Chip Transaction", "Online Transaction"]),
        mcc=draw.choice([None, 5411, 5812]),
        errors=draw.choice([None, None, "Bad PIN"]),
    )


@pytest.mark.parametrize("seed", range(4))
def test_whatever_comes_the_profile_is_what_a_replay_of_it_all_gives(tmp_path: Path, database: str, seed: int) -> None:
    draw = random.Random(seed)
    loaded: dict[int, dict[str, Any]] = {}
    client_of: dict[int, str] = {}
    # Clients of whom a file told more than the profile counts.
    behind: set[str] = set()
    moment = START

    def settled(*several: dict[str, Any]) -> None:
        client_of.update((one["id"], one["client_id"]) for one in several)

    with running(tmp_path, database) as client:
        for id in range(1, 60):
            moment += timedelta(hours=draw.choice([0, 1, 30]), minutes=draw.randrange(59))
            late = timedelta(hours=draw.choice([0, 0, 400]))
            one = body(id, moment - late, draw)
            kind = draw.choice(["post", "post", "file", "label", "review", "decide", "batch"])
            if kind == "post":
                assert client.post("/transaction", json=one).status_code == 200
                settled(one)
            elif kind == "file":
                loaded[id] = one
                load(database, one)
                behind.add(one["client_id"])
                # Sometimes the profile isn't made before more comes in.
                if draw.random() < 0.7:
                    behind.discard(one["client_id"])
                    make(database, one["client_id"], all_of_them=not behind)
            elif kind == "label" and client_of:
                label = (
                    f"UPDATE transactions SET is_fraud = {draw.choice([0, 1])} WHERE id = {draw.choice([*client_of])}"
                )
                execute(database, label)
                make(database, *CLIENTS)
                behind.clear()
            elif kind == "review" and client_of:
                reviewed = draw.choice([*client_of])
                verdict = {"verdict": draw.choice(["fraud", "legitimate", "unsure"]), "reviewer": "ana"}
                assert client.post(f"/transactions/{reviewed}/review", json=verdict).status_code == 201
            elif kind == "decide" and loaded:
                one = loaded.pop(draw.choice([*loaded]))
                assert client.post("/transaction", json=one).status_code == 200
                settled(one)
                behind.discard(one["client_id"])
            elif kind == "batch" and loaded:
                several = [*loaded.values(), one]
                answer = client.post("/transactions", json={"transactions": several}).json()
                assert {result["status"] for result in answer["results"]} == {200}
                settled(*several)
                behind -= {other["client_id"] for other in loaded.values()}
                loaded.clear()
            for client_id in {*CLIENTS} - behind:
                kept, whole = profile(database, client_id)
                assert kept == whole, (id, kind)


def test_what_a_file_loaded_is_scored_as_if_it_had_just_come(tmp_path: Path, database: str) -> None:
    usual = [post(id, date=str(START + timedelta(days=id)), merchant_city=None, zip=None) for id in range(1, 30)]
    odd = post(
        50,
        date=str(START + timedelta(days=40)),
        merchant_city=None,
        zip=None,
        merchant_state="Italy",
        amount=500,
        merchant_id="9",
    )
    with running(tmp_path, database) as client:
        client.post("/transactions", json={"transactions": usual})
        dry = client.post("/transaction?dry_run=1", json=odd).json()
        # What came later was known to nobody: the client is at home there, and spends as much, however often.
        later = [odd | {"id": 50 + n, "date": str(START + timedelta(days=40, hours=n))} for n in range(1, 1200)]
        load(database, odd, *later)
        make(database, "7")
        assert client.post("/transaction", json=odd).json() | {"llm_status": ""} == dry | {"llm_status": ""}


class Listener:
    """In the place of a model: hears each transaction's figures and finds none of them odd."""

    version, label_delay, first_unseen, features = "made up", 7, 0, NAMES

    def __init__(self) -> None:
        self.heard: list[list[float]] = []

    def scores(self, rows: np.ndarray[Any, Any]) -> list[float]:
        self.heard += rows[:, : len(ClientFigures._fields)].tolist()
        return [0.0]


def test_a_model_is_told_of_what_a_file_loaded_as_it_was_at_its_time(tmp_path: Path, database: str) -> None:
    draw = random.Random(1)
    bodies = [body(id, START + timedelta(hours=7 * id), draw) | {"client_id": "7"} for id in range(1, 60)]
    looked_at = "SELECT id, figures FROM decisions ORDER BY id"
    with running(tmp_path, database, figures_share=1.0) as client:
        scorer = cast("FastAPI", client.app).state.scorer
        scorer.model.model = Listener()
        client.post("/transactions", json={"transactions": bodies})
        at_first = query(database, looked_at)
        execute(database, "DELETE FROM decisions", "UPDATE transactions SET flagged_fraud = NULL")
        make(database, "7")
        # In an order that isn't theirs.
        answer = client.post("/transactions", json={"transactions": bodies[::-1]}).json()
    assert {result["status"] for result in answer["results"]} == {200}
    assert all(result["decision"]["model_version"] for result in answer["results"])
    assert all(figures for _, figures in at_first)
    assert query(database, looked_at) == at_first


def test_of_what_a_model_has_learned_from_it_is_not_asked(tmp_path: Path, database: str) -> None:
    bodies = [post(id, date=str(START + timedelta(days=id)), merchant_city=None, zip=None) for id in range(1, 30)]
    with running(tmp_path, database) as client:
        load(database, *bodies)
        make(database, "7")
        model = cast("FastAPI", client.app).state.scorer.model.model = Listener()
        model.first_unseen = (START - datetime(1970, 1, 1)).days + 20
        answers = client.post("/transactions", json={"transactions": bodies}).json()["results"]
    said = [answer["decision"]["model_problem"] for answer in answers]
    assert said == ["the model has learned from later days"] * 19 + [None] * 10
    assert len(model.heard) == 10


LONG = 11_000


class Others(threading.Thread):
    """Somebody else who posts all the time; how long posts took, and the write transactions of this process."""

    def __init__(self, client: TestClient) -> None:
        super().__init__(daemon=True)
        self._client, self._over = client, threading.Event()
        self._waits, self._turns = [0.0], [0.0]

    def run(self) -> None:
        while not self._over.is_set():
            started = time.perf_counter()
            assert self._client.post("/transaction", json=post(client_id="other")).status_code == 200
            self._waits.append(time.perf_counter() - started)

    @contextmanager
    def posting(self) -> Iterator[None]:
        """Post meanwhile; nobody may wait long."""
        real = Connection.transaction

        @contextmanager
        def timed(connection: Connection, clients: Iterable[str]) -> Iterator[None]:
            started = time.thread_time()
            with real(connection, clients):
                yield
            self._turns.append(time.thread_time() - started)

        with ExitStack() as after:
            # As a worker does: to look through all that tests left for garbage would be measured as a turn.
            gc.collect()
            gc.freeze()
            after.callback(gc.unfreeze)
            # The real transaction, and its time: no door tells how long a turn took.
            after.enter_context(mock.patch.object(Connection, "transaction", timed))
            self.start()
            after.callback(self.join)
            after.callback(self._over.set)
            yield
        said = f"{len(self._waits)} posts, the longest {max(self._waits):.3f} s, longest turn {max(self._turns):.3f} s"
        sys.stderr.write(f"others: {said}\n")
        assert len(self._waits) > 3
        assert max(self._turns) < LONGEST_TURN_SECONDS
        assert max(self._waits) < LONGEST_WAIT_SECONDS


@pytest.mark.alone
@pytest.mark.parametrize("made", [True, False], ids=["profiles are made", "profiles are not made"])
def test_nobody_waits_for_a_client_with_a_long_history(tmp_path: Path, database: str, made: bool) -> None:
    draw = random.Random(3)
    bodies = [body(id, START + timedelta(minutes=20 * id), draw) | {"client_id": "7"} for id in range(1, LONG)]
    with running(tmp_path, database) as client, running(tmp_path, database) as other:
        for first in range(0, LONG, 500):
            load(database, *bodies[first : first + 500])
        if made:
            make(database, "7")
        with Others(other).posting():
            answer = client.post("/transactions", json={"transactions": bodies[5000:5100]}).json()
            assert {result["status"] for result in answer["results"]} == {200}
            for one in bodies[5000:5050]:
                verdict = {"verdict": "fraud", "reviewer": "ana"}
                assert client.post(f"/transactions/{one['id']}/review", json=verdict).status_code == 201
    kept, whole = profile(database, "7")
    assert kept == whole
