"""Whatever keeps a worker from writing: what waits is answered, /readyz says why, and it goes on when it can."""

import asyncio
import resource
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from fraudstack.decisions import writer as writing
from fraudstack.decisions.work import Overloaded, Unfinished
from fraudstack.decisions.writer import Writer
from fraudstack.errors import StoreError
from fraudstack.storage.connections.locks import write_turn
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import parse
from fraudstack.storage.upgrade import upgrade
from tests.api.scorer import known, post, running
from tests.api.served import environment, ready, served, workers
from tests.dags.airflow_process import wait_for
from tests.jobs.databases import query


@contextmanager
def no_lock(path: Path) -> Iterator[None]:
    """A lock file that can't be opened, by nobody: a folder stands in its place."""
    path.unlink()
    path.mkdir()
    yield
    path.rmdir()


@contextmanager
def moved(path: Path) -> Iterator[None]:
    away = path.with_name("away")
    path.rename(away)
    yield
    away.rename(path)


@contextmanager
def no_folder(folder: Path) -> Iterator[None]:
    with moved(folder):
        yield


FAULTS = {
    "no lock to write": lambda folder: no_lock(folder / "t.db.write.lock"),
    "no lock of the queue": lambda folder: no_lock(folder / "t.db.queue.lock"),
    "no store": lambda folder: moved(folder / "t.db"),
    "no folder": no_folder,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_waits_is_answered_and_readyz_says_why(tmp_path: Path, fault: str) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    with running(tmp_path, f"sqlite:///{folder}/t.db") as client:
        known(client)
        with FAULTS[fault](folder):
            answers = [client.post("/transaction", json=post(100 + number)) for number in range(2)]
            batch = client.post("/transactions", json={"transactions": [post(200)]})
            assert {(each.status_code, each.headers["retry-after"]) for each in (*answers, batch)} == {(503, "1")}
            wait_for(lambda: client.get("/readyz").status_code == 503, 10, "the scorer to say that it can't write")
            assert str(folder) in client.get("/readyz").json()["detail"]
            assert client.get("/healthz").status_code == 200
        wait_for(lambda: client.get("/readyz").status_code == 200, 10, "the scorer to write again")
        assert client.post("/transaction", json=post(100)).status_code == 200
    assert query(f"sqlite:///{folder}/t.db", "SELECT count(*) FROM transactions WHERE id >= 100") == [(1,)]


def test_a_store_that_was_replaced_is_opened_anew(tmp_path: Path) -> None:
    """Else what is acknowledged would go into a file that nobody sees any more."""
    with running(tmp_path, f"sqlite:///{tmp_path}/t.db") as client:
        known(client)
        with closing(sqlite3.connect(tmp_path / "t.db")) as old, closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
            old.backup(copy)
        for name in ("t.db", "t.db-wal", "t.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        (tmp_path / "copy.db").rename(tmp_path / "t.db")
        assert client.post("/transaction", json=post(100)).status_code == 200
    assert query(f"sqlite:///{tmp_path}/t.db", "SELECT count(*) FROM decisions WHERE id = 100") == [(1,)]


def test_a_server_that_is_gone_and_back(tmp_path: Path, postgres_server: str, postgres_url: str) -> None:
    name = postgres_url.partition("?")[0].rpartition("/")[2]
    with running(tmp_path, postgres_url) as client, psycopg.connect(postgres_server, autocommit=True) as server:
        known(client)
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        for number in range(2):
            assert client.post("/transaction", json=post(100 + number)).status_code == 503
        wait_for(lambda: client.get("/readyz").status_code == 503, 10, "the scorer to say that it can't write")
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        wait_for(lambda: client.get("/readyz").status_code == 200, 10, "the scorer to write again")
        assert client.post("/transaction", json=post(100)).status_code == 200
    assert query(postgres_url, "SELECT count(*) FROM transactions WHERE id >= 100") == [(1,)]


def test_a_server_that_lets_nobody_write_is_not_ready(tmp_path: Path, postgres_server: str, postgres_url: str) -> None:
    name = postgres_url.partition("?")[0].rpartition("/")[2]
    with running(tmp_path, postgres_url) as client, psycopg.connect(postgres_server, autocommit=True) as server:
        for setting, status in (("on", 503), ("off", 200)):
            server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {setting}")
            server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

            def seen(status: int = status) -> bool:
                client.post("/transaction", json=post(100))
                return client.get("/readyz").status_code == status

            wait_for(seen, 10, f"a status {status}")


async def on(writer: Writer, *work: Callable[[Connection], object]) -> list[object]:
    answers: list[object] = await asyncio.gather(*(writer.written(each) for each in work), return_exceptions=True)
    return answers


def broken(*_: object, **__: object) -> None:
    raise MemoryError("no memory")


PLACES = {
    "its turn": (writing, "write_turn"),
    "the connection": (writing, "Connection"),
    "the file's mark": (Writer, "_there"),
    "what has come": (Writer, "_arrived"),
    "the transaction": (Connection, "transaction"),
}


@pytest.mark.parametrize("place", PLACES)
def test_an_error_anywhere_in_the_writer_is_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    store = parse(f"sqlite:///{tmp_path}/t.db")
    upgrade(store, "transactions")
    monkeypatch.setattr(writing, "_TRY_EVERY_SECONDS", 0.02)
    monkeypatch.setattr(writing, "_PATIENCE_SECONDS", 0.1)
    lost = threading.Event()

    async def work() -> None:
        writer = Writer(store, 100, on_lost=lost.set)
        with monkeypatch.context() as patch:
            patch.setattr(*PLACES[place], broken)
            answers = await on(writer, *[lambda connection: "done"] * 3)
            assert all(isinstance(answer, (StoreError, MemoryError)) for answer in answers), answers
            if place != "what has come":
                while not writer.problem:
                    await asyncio.sleep(0.01)
                # Another process could write: this one is told to make room.
                await asyncio.to_thread(lost.wait, 10)
                assert lost.is_set()
        while writer.problem:
            await asyncio.sleep(0.01)
        assert await on(writer, lambda connection: "done") == ["done"]
        assert writer.waiting == 0
        await writer.close()

    asyncio.run(work())


def test_a_count_that_fails_is_no_reason_to_wait(tmp_path: Path) -> None:
    store = parse(f"sqlite:///{tmp_path}/t.db")
    upgrade(store, "transactions")

    async def work() -> None:
        writer = Writer(store, 100, on_waiting=broken)
        assert await on(writer, lambda connection: "done") == ["done"]
        await writer.close()

    asyncio.run(work())


def test_a_turn_that_does_not_come_is_told_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = parse(f"sqlite:///{tmp_path}/t.db")
    upgrade(store, "transactions")
    monkeypatch.setattr(writing, "_LONGEST_WAIT_SECONDS", 0.2)
    monkeypatch.setattr(writing, "_STALLED_SECONDS", 0.05)
    ran: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def slow(_: Connection) -> None:
        begun.set()
        go_on.wait(10)

    async def work() -> None:
        writer = Writer(store, 100)
        with write_turn(store):
            [refused] = await on(writer, lambda connection: ran.append("refused"))
            assert isinstance(refused, Overloaded)
            assert "has let nobody write" in str(writer.problem)
            waiting = asyncio.gather(on(writer, slow))
            await asyncio.sleep(0)
        await asyncio.to_thread(begun.wait, 10)
        [[unfinished]] = await waiting
        assert isinstance(unfinished, Unfinished)
        go_on.set()
        assert await on(writer, lambda connection: ran.append("done")) == [None]
        # What was told as not written wasn't begun later.
        assert (ran, writer.problem, writer.waiting) == (["done"], None, 0)
        await writer.close()

    asyncio.run(work())


def worker_of(client: httpx.Client, url: str, process: object) -> psutil.Process:
    """The worker at the other end of a connection that stays open."""
    [ours] = [
        each
        for each in psutil.Process().net_connections()
        if each.raddr and each.raddr.port == httpx.URL(url).port and each.status == psutil.CONN_ESTABLISHED
    ]
    return next(
        worker
        for worker in workers(process)  # type: ignore[arg-type]
        if any(each.raddr == ours.laddr for each in worker.net_connections())
    )


@pytest.mark.alone
def test_a_worker_without_descriptors_makes_room_for_another(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/transactions.db"
    with served(tmp_path, environment(tmp_path, database, TX_API_WORKERS="2")) as (url, process):
        with httpx.Client(base_url=url, timeout=30) as client:
            assert client.post("/transaction", json=post(1)).status_code == 200
            worker = worker_of(client, url, process)
            worker.rlimit(resource.RLIMIT_NOFILE, (5, worker.rlimit(resource.RLIMIT_NOFILE)[1]))
            assert client.post("/transaction", json=post(2)).status_code == 503
            ready = client.get("/readyz")
            assert (ready.status_code, "Too many open files" in ready.json()["detail"]) == (503, True)
            wait_for(lambda: not worker.is_running() or worker not in workers(process), 30, "the worker to end")
        wait_for(lambda: len(workers(process)) == 2, 20, "another worker")
        with ThreadPoolExecutor(4) as pool:
            posts = [pool.submit(httpx.post, f"{url}/transaction", json=post(number)) for number in range(2, 22)]
            assert {each.result().status_code for each in posts} == {200}
    assert query(database, "SELECT count(*) FROM decisions") == [(21,)]


@pytest.mark.alone
def test_a_full_disk_is_told_and_survived_without_new_workers(tmp_path: Path) -> None:
    """The limit of a file's size stands for the disk: SQLite's write ends in an error, as on a full disk."""
    database = f"sqlite:///{tmp_path}/transactions.db"
    with (
        served(tmp_path, environment(tmp_path, database, TX_API_WORKERS="1")) as (url, process),
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        assert client.post("/transaction", json=post(1)).status_code == 200
        [worker] = workers(process)
        before = worker.rlimit(resource.RLIMIT_FSIZE)
        worker.rlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        assert client.post("/transaction", json=post(2)).status_code == 503
        # The trial that tells it follows the answer.
        wait_for(lambda: client.get("/readyz").status_code == 503, 2, "the fault to be told")
        end = time.monotonic() + writing._PATIENCE_SECONDS + 2
        while time.monotonic() < end:
            assert client.get("/readyz").status_code == 503
            time.sleep(0.2)
        worker.rlimit(resource.RLIMIT_FSIZE, before)
        wait_for(lambda: client.get("/readyz").status_code == 200, 10, "the scorer to write again")
        assert client.post("/transaction", json=post(2)).status_code == 200
        assert workers(process) == [worker]
    assert query(database, "SELECT count(*) FROM decisions") == [(2,)]


@pytest.mark.alone
def test_a_worker_that_cannot_start_is_no_end_of_the_others(tmp_path: Path) -> None:
    """gunicorn ends altogether when a worker can't boot."""
    database = f"sqlite:///{tmp_path}/transactions.db"
    with served(tmp_path, environment(tmp_path, database, TX_API_WORKERS="2")) as (url, process):
        log = tmp_path / "scorer.log"
        # One that hadn't started yet wouldn't either.
        wait_for(lambda: log.read_text().count("Application startup complete") == 2, 60, "two workers")
        with no_lock(tmp_path / "transactions.db.write.lock"):
            first = workers(process)
            first[0].kill()
            # One comes, finds no lock, goes, and another comes.
            wait_for(lambda: "another one starts" in log.read_text(), 40, "one that can't start")
            assert httpx.post(f"{url}/transaction", json=post(1), timeout=30).status_code == 503
        wait_for(lambda: len(workers(process)) == 2 and ready(url), 60, "two workers")
        assert process.poll() is None
        assert httpx.post(f"{url}/transaction", json=post(1), timeout=30).status_code == 200


def test_a_batch_tells_what_became_of_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = f"sqlite:///{tmp_path}/t.db"
    with running(tmp_path, database, api_queue=50) as client:
        known(client)
        rows = [post(100 + number, client_id=str(number % 9)) for number in range(250)] + [post(400, amount="much")]
        written = Writer.written
        calls: list[int] = []

        async def full(self: Writer, *given: object) -> object:
            calls.append(1)
            if len(calls) == 2:
                raise Overloaded
            return await written(self, *given)  # type: ignore[arg-type]

        monkeypatch.setattr(Writer, "written", full)
        answer = client.post("/transactions", json={"transactions": rows})
        results = answer.json()["results"]
        assert answer.status_code == 200
        [(stored,)] = query(database, "SELECT count(*) FROM transactions WHERE id >= 100")
        assert isinstance(stored, int)
        assert 0 < stored < 250
        assert [result["status"] for result in results] == [200] * stored + [503] * (250 - stored) + [422]
        # Sent again as told, each is there once.
        again = [row for row, result in zip(rows, results, strict=True) if result["status"] == 503]
        answer = client.post("/transactions", json={"transactions": again})
        assert {result["status"] for result in answer.json()["results"]} == {200}
    assert query(database, "SELECT count(*), count(DISTINCT id) FROM transactions WHERE id >= 100") == [(250, 250)]


def test_overload_is_told_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unexpected(*_: object) -> None:
        raise AssertionError("it was scored")

    with running(tmp_path) as client:
        monkeypatch.setattr(client.app.state.scorer.writer, "_most_waiting", 0)  # type: ignore[attr-defined]
        monkeypatch.setattr("api.routes.scoring.score", unexpected)
        for path, body in (("/transaction", post(1)), ("/transactions", {"transactions": [post(1)]})):
            answer = client.post(path, json=body)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
