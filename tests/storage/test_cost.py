"""What a day's file costs doesn't grow with the history: counted in steps of SQLite's machine and of Python's."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from fraudstack.decisions.following import decide_all
from fraudstack.storage import outdated
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import Store, parse
from fraudstack.storage.following import changes
from fraudstack.storage.outdated import bulk as rebuild
from fraudstack.storage.upgrade import upgrade
from tests.storage.test_follow import TERMS
from tests.storage.test_load import label, load, row

_START = datetime(2010, 1, 1, 12)
_EVERY = 20
_MONITOR = sys.monitoring.PROFILER_ID


def _days(first: int, count: int) -> list[dict[str, object]]:
    """A transaction a day, at two merchants by turns."""
    return [
        row(day, date=_START + timedelta(days=day), merchant_id=str(day % 2)) for day in range(first, first + count)
    ]


def _followed(store: Store) -> None:
    with closing(Connection(store)) as connection:
        clients = [client for client, _ in changes.waiting(connection)]
        changes.count_all(connection, clients, lambda _: None)
        decide_all(connection, clients, TERMS, _START, lambda _: None)


@contextmanager
def _steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Steps of each machine, in all connections that are opened meanwhile and in this thread."""
    found: Counter[str] = Counter()

    def count(kind: str) -> Callable[..., None]:
        def counted(*_: object) -> None:
            found[kind] += 1

        return counted

    opened = Connection.__init__

    def opening(self: Connection, store: Store, *, read_only: bool = False) -> None:
        opened(self, store, read_only=read_only)
        self._raw.set_progress_handler(count("SQLite"), _EVERY)  # type: ignore[union-attr]

    starts, resumes = sys.monitoring.events.PY_START, sys.monitoring.events.PY_RESUME
    sys.monitoring.use_tool_id(_MONITOR, "cost")
    try:
        for event in (starts, resumes):
            sys.monitoring.register_callback(_MONITOR, event, count("Python"))
        with monkeypatch.context() as patched:
            patched.setattr(Connection, "__init__", opening)
            sys.monitoring.set_events(_MONITOR, starts | resumes)
            yield found
    finally:
        sys.monitoring.set_events(_MONITOR, 0)
        sys.monitoring.free_tool_id(_MONITOR)


def _cost(folder: Path, history: int, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """What a day costs after so many, and its label."""
    store = parse(f"sqlite:///{folder}/{history}.db")
    upgrade(store, "transactions")
    # What comes into an empty store is counted by Spark.
    load(store, [row(10**6, client_id="8")])
    with bulk.connect(store) as connection:
        for name in outdated.NAMES:
            rebuild.made(store, connection, name)
    load(store, _days(0, history))
    _followed(store)
    load(store, _days(history, 1))
    with _steps(monkeypatch) as found:
        _followed(store)
    label(store, {history: 1})
    with _steps(monkeypatch) as more:
        _followed(store)
    return found + more


def test_a_day_costs_the_same_after_a_long_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short, long = (_cost(tmp_path, history, monkeypatch) for history in (200, 2_000))
    assert short["SQLite"] > 20
    assert short["Python"] > 200
    for machine in short:
        assert long[machine] < 1.3 * short[machine], (machine, short, long)
