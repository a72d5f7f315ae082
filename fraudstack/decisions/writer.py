"""One thread a process writes: what waits together is committed together.

A commit that survives a power cut costs a disk's round trip, whatever it holds. Requests that come while one is
under way wait in a bounded queue and share the next.
"""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from fraudstack.errors import StoreError
from fraudstack.storage.online import Connection
from fraudstack.storage.store import Store

log = logging.getLogger(__name__)

# Decisions in one database transaction: it stays well under the 200 ms that others may wait.
MOST_TOGETHER = 100


class Overloaded(Exception):  # noqa: N818 - a state, which passes
    """The queue is full: the work wasn't begun and can be sent again."""


@dataclass
class _Work:
    do: Callable[[Connection], Any]
    # Clients whose profiles it changes, and how many decisions it is.
    clients: Sequence[str]
    size: int
    done: "Future[Any]" = field(default_factory=Future)


class Writer:
    """Runs pieces of work in short write transactions, in the order in which they came."""

    def __init__(self, store: Store, most_waiting: int) -> None:
        """Start the thread; at most `most_waiting` decisions wait."""
        self._store = store
        self._most_waiting = most_waiting
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._waiting = 0
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="writer")
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Decisions that wait or are under way."""
        return self._waiting

    def submit(self, do: Callable[[Connection], Any], clients: Sequence[str] = (), size: int = 1) -> "Future[Any]":
        """Have work done in a write transaction; the future is set once it is committed.

        Work may run twice, when another piece of the same transaction fails: it must not remember anything.
        Raises Overloaded when too many decisions wait already.
        """
        work = _Work(do, clients, size)
        with self._lock:
            # A batch may pass the mark, or it would never find room.
            if self._waiting >= self._most_waiting:
                raise Overloaded
            self._waiting += size
        self._queue.put(work)
        return work.done

    def close(self) -> None:
        """Finish what waits, then end the thread and close the connection."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        over = False
        while not over:
            group, over = self._group()
            if group:
                self._together(group)
                with self._lock:
                    self._waiting -= sum(work.size for work in group)
        if self._connection is not None:
            self._connection.close()

    def _group(self) -> tuple[list[_Work], bool]:
        """What waits, up to MOST_TOGETHER decisions; True when nothing comes after it."""
        first = self._queue.get()
        if first is None:
            return [], True
        group, size = [first], first.size
        while size < MOST_TOGETHER:
            try:
                more = self._queue.get_nowait()
            except queue.Empty:
                break
            if more is None:
                return group, True
            group.append(more)
            size += more.size
        return group, False

    def _together(self, group: list[_Work]) -> None:
        try:
            answers = self._transaction(group)
        except Exception as error:  # noqa: BLE001 - it goes to whoever asked
            if len(group) == 1:
                self._failed(group[0], error)
                return
            # One of them is to blame: the others must not suffer for it.
            for work in group:
                self._together([work])
            return
        for work, answer in zip(group, answers, strict=True):
            work.done.set_result(answer)

    def _transaction(self, group: list[_Work]) -> list[Any]:
        if self._connection is None:
            self._connection = Connection(self._store)
        clients = [client for work in group for client in work.clients]
        with self._connection.write(clients):
            return [work.do(self._connection) for work in group]

    def _failed(self, work: _Work, error: Exception) -> None:
        if isinstance(error, StoreError) and self._connection is not None:
            # A server may have gone away: the next work finds a new connection.
            log.warning("the store failed; connecting anew")
            try:
                self._connection.close()
            except Exception:  # noqa: BLE001 - it is gone
                log.warning("the old connection could not be closed")
            self._connection = None
        work.done.set_exception(error)
