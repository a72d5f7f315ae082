"""Every statement and file operation of a decision, a review, a batch fails once.

The store is as before or as after, never between.
"""

import itertools
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg
import pytest
from starlette.testclient import TestClient

from tests.api.scorer import known, post, running
from tests.api.test_decisions import ABROAD
from tests.api.test_history import load, make, profile
from tests.dags.airflow_process import wait_for
from tests.storage.recording import recording

pytestmark = pytest.mark.long
NOW = datetime(2026, 1, 5, 12)
LOADED = [post(id, date="2019-11-01 13:00:00", zip=None, merchant_city=None) for id in (201, 202)]
SEVERAL = [post(100, **ABROAD), *LOADED, post(101, client_id="8")]

Work = Callable[[TestClient], int]
# The rows of a store, each with its table's name.
Content = list[tuple[str, str]]


@dataclass
class Fault:
    """What fails, a statement or an operation on a file, counted from 0, and how; without one they are counted."""

    at: int = -1
    how: str = ""
    seen: list[str] = field(default_factory=list)
    armed: bool = False

    def strikes(self, statement: str) -> bool:
        if not self.armed:
            return False
        self.seen.append(statement)
        return len(self.seen) - 1 == self.at


class Lost(sqlite3.OperationalError, psycopg.OperationalError):
    """What a driver raises when an answer doesn't come."""


def on_file(fault: Fault) -> Any:
    """SQLite's connections as they are, but for one statement."""

    def around(do: Callable[[], Any], statement: str) -> Any:
        if not fault.strikes(statement):
            return do()
        if fault.how == "lost":
            do()
        error = Lost(fault.how)
        if fault.how == "full":
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    class Cursor(sqlite3.Cursor):
        def executemany(self, statement: str, rows: Any) -> Any:
            return around(lambda: super(Cursor, self).executemany(statement, rows), statement)

    class Connection(sqlite3.Connection):
        def execute(self, statement: str, parameters: Any = ()) -> Any:
            return around(lambda: super(Connection, self).execute(statement, parameters), statement)

        def cursor(self) -> Any:  # type: ignore[override]
            return super().cursor(Cursor)

    real = sqlite3.connect
    return mock.patch("sqlite3.connect", lambda *given, **named: real(*given, **({"factory": Connection} | named)))


@contextmanager
def on_server(fault: Fault, url: str) -> Iterator[None]:
    """A server's connections as they are, but for one statement, which fails there, or whose connection is cut."""
    execute, many = psycopg.Connection.execute, psycopg.RawCursor.executemany

    def around(raw: "psycopg.Connection[Any]", do: Callable[[], Any], statement: str) -> Any:
        if raw.info.dbname not in url or not fault.strikes(statement):
            return do()
        if fault.how == "error":
            return execute(raw, "SELECT 1 / (SELECT 0)")
        done = do() if fault.how == "lost" else None
        if done is not None:
            with raw.pipeline() as pipeline:
                pipeline.sync()
        with psycopg.connect(url, autocommit=True) as other:
            execute(other, "SELECT pg_terminate_backend(%s, 5000)", [raw.info.backend_pid])
        return done or do()

    def executed(raw: Any, statement: Any, *given: Any, **named: Any) -> Any:
        return around(raw, lambda: execute(raw, statement, *given, **named), str(statement))

    def many_executed(cursor: Any, statement: Any, rows: Any, **named: Any) -> Any:
        return around(cursor.connection, lambda: many(cursor, statement, rows, **named), str(statement))

    with (
        mock.patch.object(psycopg.Connection, "execute", executed),
        mock.patch.object(psycopg.RawCursor, "executemany", many_executed),
    ):
        yield


# SQLite's codes, sqlite.org/rescode.html.
_CODES = {"write": 778, "sync": 1034, "truncate": 1546, "delete": 2570}
_FULL = 13


def on_disk(fault: Fault, url: str) -> AbstractContextManager[None]:
    """SQLite's operations on the files of a store as they are, but for one."""

    def fails(kind: str, path: str) -> int:
        if not path.startswith(url.removeprefix("sqlite:///")) or not fault.strikes(kind):
            return 0
        return _FULL if fault.how == "full" and kind == "write" else _CODES[kind]

    return recording([], fails)


@cache
def columns(url: str) -> dict[str, list[str]]:
    """What is compared of each table: all but versions, which rise with every try."""
    if url.startswith("sqlite"):
        tables = "SELECT name FROM sqlite_master WHERE type = 'table'"
        names = "SELECT name FROM pragma_table_info('{}') ORDER BY name"
    else:
        tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        names = "SELECT column_name FROM information_schema.columns WHERE table_name = '{}' ORDER BY 1"
    found = {}
    with opened(url) as connection:
        for (table,) in connection.execute(tables).fetchall():
            every = [name for (name,) in connection.execute(names.format(table)).fetchall()]
            # What a server rolls back leaves a gap in its numbers.
            found[table] = [name for name in every if name not in ("version", "review_id")]
    return found


# A row of these columns as one text, on a file and on a server.
_AS_TEXT: dict[bool, Callable[[list[str]], str]] = {
    True: lambda names: " || ',' || ".join(f"quote({name})" for name in names),
    False: lambda names: f"CAST(ROW({', '.join(names)}) AS TEXT)",
}


def opened(url: str) -> AbstractContextManager[Any]:
    if url.startswith("sqlite"):
        return closing(sqlite3.connect(url.removeprefix("sqlite:///")))
    return psycopg.connect(url, autocommit=True)


def one(client: TestClient) -> int:
    return client.post("/transaction", json=post(100, **ABROAD)).status_code


def of_a_file(client: TestClient) -> int:
    return client.post("/transaction", json=LOADED[0]).status_code


def review(client: TestClient) -> int:
    return client.post("/transactions/3/review", json={"verdict": "fraud", "reviewer": "ana"}).status_code


def batch(client: TestClient) -> int:
    return of_a_batch(client, SEVERAL)


def of_a_batch(client: TestClient, several: list[dict[str, Any]]) -> int:
    answer = client.post("/transactions", json={"transactions": several})
    if answer.status_code != 200:
        return answer.status_code
    statuses: list[int] = [result["status"] for result in answer.json()["results"]]
    return max(statuses)


# Those before one whose history has to be replayed are stored on their own.
PARTS_OF: dict[Work, list[Work]] = {batch: [partial(of_a_batch, several=SEVERAL[:1])]}


def then(client: TestClient) -> int:
    """The next decision of the same client."""
    return client.post("/transaction", json=post(300, date="2019-11-02 12:00:00")).status_code


@pytest.fixture
def template(tmp_path: Path, database: str) -> str:
    """A store with a history, some of it loaded."""
    with running(tmp_path, database) as client:
        known(client)
    load(database, *LOADED)
    make(database, "7")
    return database


class Store:
    """A store that can be looked at and put back to what it was, by one connection and one statement each."""

    def __init__(self, url: str, connection: Any) -> None:
        self._connection = connection
        on_file = url.startswith("sqlite")
        if on_file:
            file = url.removeprefix("sqlite:///")
            shutil.copy(file, f"{file}.kept")
            connection.execute("ATTACH ? AS kept", (f"{file}.kept",))
        else:
            connection.execute("CREATE SCHEMA kept")
            for table in columns(url):
                connection.execute(f'CREATE TABLE kept."{table}" AS TABLE public."{table}"')
        main = "main" if on_file else "public"
        # Of a few rows that is a tenth of what TRUNCATE takes.
        again = [
            f'DELETE FROM {main}."{table}"; INSERT INTO {main}."{table}" SELECT * FROM kept."{table}"'
            for table in columns(url)
        ]
        self._again = "; ".join(["BEGIN", *again, "COMMIT"])
        rows = (
            f"SELECT '{table}', {_AS_TEXT[on_file](kept)} FROM {main}.\"{table}\""
            for table, kept in columns(url).items()
        )
        self._content = " UNION ALL ".join(rows)

    def put_back(self) -> None:
        if isinstance(self._connection, sqlite3.Connection):
            self._connection.executescript(self._again)
        else:
            self._connection.execute(self._again)

    def content(self) -> Content:
        """The tables' rows, but for versions."""
        return sorted(self._connection.execute(self._content).fetchall())


HOW = {"sqlite": ("error", "full", "lost"), "postgresql": ("error", "cut", "lost")}
of_each = pytest.mark.parametrize("work", [one, of_a_file, review, batch], ids=lambda work: str(work.__name__))


@pytest.mark.timeout(1200)
@of_each
def test_whichever_statement_fails_the_store_is_as_before_or_as_after(
    tmp_path: Path, template: str, work: Work, record_property: Any
) -> None:
    engine = template.partition(":")[0]
    fault = Fault()
    faults = on_file(fault) if engine == "sqlite" else on_server(fault, template)
    record_property("faults", all_tried(tmp_path, template, work, fault, faults, HOW[engine]))


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@of_each
def test_whichever_file_operation_fails_the_store_is_as_before_or_as_after(
    tmp_path: Path, template: str, work: Work, record_property: Any
) -> None:
    fault = Fault()
    faults = on_disk(fault, template)
    record_property("faults", all_tried(tmp_path, template, work, fault, faults, ("error", "full")))


def all_tried(
    folder: Path, template: str, work: Work, fault: Fault, faults: AbstractContextManager[Any], ways: tuple[str, ...]
) -> int:
    """Have each step of the work fail in each way, and look at the store; returns how many faults that were."""
    parts: list[Content] = []

    def tried(client: TestClient, at: int = -1, how: str = "", work: Work = work) -> tuple[int, list[Content]]:
        """The answer, and the store after it, after what was asked again if need be, and after the next decision."""
        store.put_back()
        # The connections of the writer and the readers are open, as they are in service.
        wait_for(lambda: client.post("/transaction", json=post(50, client_id="9")).status_code == 200, 20, "a decision")
        before = store.content()
        fault.at, fault.how, fault.seen, fault.armed = at, how, [], True
        status = work(client)
        fault.armed = False
        stores = [before, store.content()]
        if stores[1] in (before, *parts):
            wait_for(lambda: work(client) in (200, 201), 20, "the same again")
        stores.append(store.content())
        wait_for(lambda: then(client) == 200, 20, "the next decision")
        stores.append(store.content())
        kept, whole = profile(template, "7")
        assert kept == whole
        return status, stores

    with (
        opened(template) as connection,
        faults,
        # Connections of a server add to parts of their own: to be compared, they share one.
        mock.patch("fraudstack.storage.sums.PARTS", 1),
        mock.patch("fraudstack.storage.value_days.PARTS", 1),
        # On a busy machine a batch would take two turns to write, and be in part what it was.
        mock.patch("fraudstack.decisions.deciding.TURN_SECONDS", 60),
        # Stores that are compared were all written at one time.
        mock.patch("api.routes.scoring.this_second", return_value=NOW),
        mock.patch("api.routes.batches.this_second", return_value=NOW),
        mock.patch("api.routes.reviews.this_second", return_value=NOW),
        running(folder, template) as client,
    ):
        store = Store(template, connection)
        parts.extend(tried(client, work=part)[1][1] for part in PARTS_OF.get(work, []))
        status, (before, done, _, over) = tried(client)
        assert status in (200, 201)
        assert before != done != over
        steps = fault.seen
        assert len(steps) > 2, "nothing of what was done was seen"
        answers: dict[int, int] = {}
        struck = 0
        for at, how in itertools.product(range(len(steps)), ways):
            status, (before, after, again, end) = tried(client, at, how)
            struck += len(fault.seen) > at
            what = (at, how, steps[at])
            answers[status] = answers.get(status, 0) + 1
            assert status in (200, 201, 503), what
            assert after == done or (status == 503 and after in (before, *parts)), what
            assert again == done, what
            assert end == over, what
    sys.stderr.write(f"{work.__name__} on {template.partition(':')[0]}: {struck} faults, answers {answers}\n")
    # A log that begins anew takes a step less or more.
    assert struck >= 0.9 * len(steps) * len(ways)
    return struck
