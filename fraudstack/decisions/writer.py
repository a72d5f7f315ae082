"""Whatever waits together is written together: one transaction of the store for many decisions.

A commit that survives a power cut costs a disk's round trip, whatever it holds. Requests that come while one is
under way wait in a bounded queue and share the next. On SQLite the event loop itself writes while nobody else does:
a hop to a thread and back would take as long as the decision. A thread waits where there is somebody to wait for.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from fraudstack.errors import StoreError
from fraudstack.storage.locks import write_turn
from fraudstack.storage.online import Connection
from fraudstack.storage.store import Store

log = logging.getLogger(__name__)

# Decisions in one database transaction: it stays well under the 200 ms that others may wait.
MOST_TOGETHER = 100


class Overloaded(Exception):  # noqa: N818 - a state, which passes
    """The queue is full: the work wasn't begun and can be sent again."""


@dataclass(frozen=True)
class _Work:
    do: Callable[[Connection], Any]
    # Clients whose profiles it changes, and how many decisions it is.
    clients: Sequence[str]
    size: int
    done: "asyncio.Future[Any]"


# What became of a piece of work: its answer, or the error that ended it.
_Outcome = tuple[_Work, Any, Exception | None]


class Writer:
    """Runs pieces of work in short write transactions, in the order in which they came; it belongs to an event loop."""

    def __init__(self, store: Store, most_waiting: int, on_waiting: Callable[[int], object] = int) -> None:
        """Start the thread; at most `most_waiting` decisions wait, and `on_waiting` is told how many do."""
        self._store = store
        self._most_waiting = most_waiting
        self._on_waiting = on_waiting
        self._loop = asyncio.get_running_loop()
        self._fresh: list[_Work] = []
        self._queue: queue.SimpleQueue[list[_Work] | None] = queue.SimpleQueue()
        # Decisions that wait or are under way, and pieces of work that the thread has.
        self.waiting = 0
        self._threaded = 0
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="writer")
        self._thread.start()

    async def written(self, do: Callable[[Connection], Any], clients: Sequence[str] = (), size: int = 1) -> Any:  # noqa: ANN401
        """Have work done in a write transaction; returns its answer once it is committed.

        Work may run twice, when another piece of the same transaction fails: it must not remember anything.
        Raises Overloaded when too many decisions wait already.
        """
        # A batch may pass the mark, or it would never find room.
        if self.waiting >= self._most_waiting:
            raise Overloaded
        work = _Work(do, clients, size, self._loop.create_future())
        self.waiting += size
        self._on_waiting(self.waiting)
        if not self._fresh:
            # After what else is ready: several requests may have come at once.
            self._loop.call_soon(self._begin)
        self._fresh.append(work)
        return await work.done

    async def close(self) -> None:
        """Finish what waits, then end the thread and close the connection."""
        while self._fresh:
            await asyncio.sleep(0)
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _begin(self) -> None:
        fresh, self._fresh = self._fresh, []
        # What the thread has came first, and the connection is its own until it is done.
        if self._store.path is not None and not self._threaded and sum(w.size for w in fresh) <= MOST_TOGETHER:
            outcomes = self._at_once(fresh)
            if outcomes is not None:
                self._settle(outcomes)
                return
        self._threaded += len(fresh)
        self._queue.put(fresh)

    def _at_once(self, group: list[_Work]) -> list[_Outcome] | None:
        """Do the work here; None when somebody else writes, or when it failed and nobody knows which piece."""
        try:
            self._connection = self._connection or Connection(self._store)
            with self._connection.write_at_once() as held:
                answers = [work.do(self._connection) for work in group] if held else None
        except Exception:  # noqa: BLE001 - the thread does it again, piece by piece
            return None
        return None if answers is None else [(w, a, None) for w, a in zip(group, answers, strict=True)]

    def _settle(self, outcomes: list[_Outcome], *, threaded: bool = False) -> None:
        for work, answer, error in outcomes:
            self.waiting -= work.size
            self._threaded -= threaded
            # A caller that hung up waits no more; what it asked for is done all the same.
            if not work.done.done():
                if error is None:
                    work.done.set_result(answer)
                else:
                    work.done.set_exception(error)
        self._on_waiting(self.waiting)

    def _run(self) -> None:
        """The thread: waits for the turn to write, then does everything that has come by then."""
        over = False
        while not over:
            first = self._queue.get()
            if first is None:
                break
            with write_turn(self._store):
                group, over = self._arrived(first)
                while group:
                    outcomes = self._together(_cut(group))
                    self._loop.call_soon_threadsafe(partial(self._settle, outcomes, threaded=True))
        if self._connection is not None:
            self._connection.close()

    def _arrived(self, first: list[_Work]) -> tuple[list[_Work], bool]:
        """What waits, and whether nothing comes after it."""
        group = [*first]
        while True:
            try:
                more = self._queue.get_nowait()
            except queue.Empty:
                return group, False
            if more is None:
                return group, True
            group += more

    def _together(self, group: list[_Work]) -> list[_Outcome]:
        try:
            self._connection = self._connection or Connection(self._store)
            with self._connection.transaction([client for work in group for client in work.clients]):
                answers = [work.do(self._connection) for work in group]
            return [(work, answer, None) for work, answer in zip(group, answers, strict=True)]
        except Exception as error:  # noqa: BLE001 - it goes to whoever asked
            if len(group) == 1:
                self._forget(error)
                return [(group[0], None, error)]
        # One of them is to blame: the others must not suffer for it.
        return [outcome for work in group for outcome in self._together([work])]

    def _forget(self, error: Exception) -> None:
        """A server may have gone away: the next work finds a new connection. A file's connection serves on."""
        if not isinstance(error, StoreError) or self._connection is None or self._store.path is not None:
            return
        log.warning("the store failed; connecting anew")
        connection, self._connection = self._connection, None
        try:
            connection.close()
        except Exception:  # noqa: BLE001 - it is gone
            log.warning("the old connection could not be closed")


def _cut(group: list[_Work]) -> list[_Work]:
    """Take what fits into one transaction from the front of a group."""
    together = [group.pop(0)]
    while group and sum(work.size for work in together) + group[0].size <= MOST_TOGETHER:
        together.append(group.pop(0))
    return together
