"""A loader and a scorer on one store: neither waits long, nothing is lost."""

import multiprocessing
import threading
import time
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import text

from fraudstack.storage.connections import bulk, engines, locks
from fraudstack.storage.connections.store import Store, parse
from fraudstack.storage.loads import Load
from fraudstack.storage.transactions import bulk as transactions
from fraudstack.storage.upgrade import upgrade

_ROWS = 300_000
# What the loader's write transactions promise is 200 ms; a scorer waits for one of them, and the machine.
_LONGEST_WAIT_SECONDS = 1.0


def rows(cents: int) -> list[pa.RecordBatch]:
    columns = {
        "id": pa.array(range(_ROWS), pa.int64()),
        "date": pa.repeat(datetime(2015, 3, 1, 12, 30), _ROWS).cast(pa.timestamp("us")),
        "client_id": pa.array([str(i % 1219) for i in range(_ROWS)]),
        "cents": pa.repeat(cents, _ROWS),
        "mcc": pa.repeat(5411, _ROWS).cast(pa.int32()),
    }
    blank = {name: pa.nulls(_ROWS, pa.string()) for name in transactions.STAGED.names if name not in columns}
    table = pa.table(columns | blank).select(transactions.STAGED.names).cast(transactions.STAGED)
    batches: list[pa.RecordBatch] = table.to_batches(max_chunksize=64 * 1024)
    return batches


def load(url: str, cents: int) -> None:
    store = parse(url)
    with bulk.connect(store) as connection:
        transactions.load(store, connection, rows(cents), "USD", lambda _: None, Load(1, "run", "clean"))
        transactions.ensure_indexes(store, connection)


def insert(store: Store, ident: int) -> float:
    """What a scorer does; returns the seconds from asking to being done."""
    started = time.perf_counter()
    with engines.write(store) as connection:
        connection.execute(
            text(
                "INSERT INTO transactions (id, date, client_id, amount, currency, flagged_fraud)"
                " VALUES (:id, '2019-10-31 23:59:00', '1', 1.5, 'USD', 0)"
            ),
            {"id": ident},
        )
    return time.perf_counter() - started


@pytest.mark.alone
def test_a_scorer_goes_on_inserting_while_a_file_is_loaded(database: str) -> None:
    store = parse(database)
    upgrade(store, "transactions")
    load(database, cents=100)
    # Every row changes: the loader has something to write all the time.
    loader = multiprocessing.get_context("spawn").Process(target=load, args=(database, 200))
    loader.start()
    waits: list[float] = []
    while loader.is_alive():
        waits.append(insert(store, 10**15 + len(waits)))
    loader.join()

    assert loader.exitcode == 0
    assert len(waits) > 20
    assert max(waits) <= _LONGEST_WAIT_SECONDS
    with engines.read(store) as connection:
        changed, posted = connection.execute(
            text("SELECT sum(CASE WHEN amount = 2 THEN 1 ELSE 0 END), sum(flagged_fraud + 1) FROM transactions")
        ).one()
    assert (changed, posted) == (_ROWS, len(waits))


def test_a_writer_who_comes_straight_back_stands_behind_those_who_wait(tmp_path: Path) -> None:
    store = parse(f"{tmp_path}/t.db")
    order: list[str] = []
    asked = threading.Event()

    def wait_for_a_turn() -> None:
        asked.set()
        with locks.write_turn(store):
            order.append("waiter")

    waiter = threading.Thread(target=wait_for_a_turn)
    with locks.write_turn(store):
        waiter.start()
        asked.wait()
        _until_queued(tmp_path / "t.db.queue.lock")
    with locks.write_turn(store):
        order.append("comes back")
    waiter.join()
    assert order == ["waiter", "comes back"]


def _until_queued(queue: Path) -> None:
    """Wait until somebody holds the queue."""
    import fcntl

    deadline = time.monotonic() + 60
    with queue.open() as handle:
        while time.monotonic() < deadline:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            fcntl.flock(handle, fcntl.LOCK_UN)
    raise TimeoutError("nobody came to the queue")


def test_a_second_ingest_waits_for_the_first(database: str) -> None:
    store = parse(database)
    waiting, done = threading.Event(), threading.Event()

    def second() -> None:
        with locks.ingest_turn(store, waiting.set):
            done.set()

    with locks.ingest_turn(store, pytest.fail):
        other = threading.Thread(target=second)
        other.start()
        assert waiting.wait(60)
        assert not done.is_set()
    assert done.wait(60)
    other.join()


def test_the_turn_of_a_killed_process_is_free_again(tmp_path: Path) -> None:
    store = parse(f"{tmp_path}/t.db")
    context = multiprocessing.get_context("spawn")
    holds = context.Event()
    holder = context.Process(target=_hold, args=(store, holds))
    holder.start()
    assert holds.wait(180)
    holder.kill()
    holder.join()
    with locks.ingest_turn(store, lambda: None), locks.write_turn(store):
        pass


def _hold(store: Store, holds: "threading.Event") -> None:
    with locks.ingest_turn(store, lambda: None), locks.write_turn(store):
        holds.set()
        threading.Event().wait()
