"""Whatever waits together is written together: one transaction of the store for many decisions.

A commit that survives a power cut costs a disk's round trip, whatever it holds. Requests that come while one is
under way wait in a bounded queue and share the next. On SQLite the event loop itself writes while nobody else does:
a hop to a thread and back would take as long as the decision. A thread waits where there is somebody to wait for.

Whatever fails, what waits is answered. After a failure the thread writes a trial, and goes on trying once a second;
until one succeeds `problem` says why nothing can be written.
"""

import asyncio
import errno
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from fraudstack.decisions.work import (
    MOST_TOGETHER,
    Do,
    Outcome,
    Overloaded,
    Unfinished,
    Work,
    cut,
    deserves_another_try,
    done,
)
from fraudstack.errors import CollidedError, OutcomeUnknownError, StoreError
from fraudstack.storage.connections.locks import write_turn
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import Store
from fraudstack.storage.connections.trial import try_writing

log = logging.getLogger(__name__)

_TRY_EVERY_SECONDS = 1.0
# What only another process can mend has had this long to mend itself.
_PATIENCE_SECONDS = 5.0
_LONGEST_WAIT_SECONDS = 20.0
# Somebody else has the turn to write, or a server doesn't answer.
_STALLED_SECONDS = 10.0


class Writer:
    """Runs pieces of work in short write transactions, in the order in which they came; it belongs to an event loop."""

    def __init__(
        self,
        store: Store,
        most_waiting: int,
        on_waiting: Callable[[int], object] = int,
        on_lost: Callable[[], object] = bool,
    ) -> None:
        """Start the thread; at most `most_waiting` decisions wait, and `on_waiting` is told how many do.

        `on_lost` is called, in the event loop, when another process could write and this one can't.
        """
        self._store = store
        self._most_waiting = most_waiting
        self._on_waiting = on_waiting
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._fresh: list[Work] = []
        self._queue: queue.SimpleQueue[list[Work] | None] = queue.SimpleQueue()
        # Decisions that wait or are under way, and pieces of work that the thread has.
        self.waiting = 0
        self._threaded = 0
        self._settled = time.monotonic()
        # Why the last trial failed, and since when they do.
        self._fault: str | None = None
        self._failing_since = 0.0
        self._lost = False
        self._connection: Connection | None = None
        self._file: tuple[int, int] | None = None
        self._thread = threading.Thread(target=self._run, name="writer")
        self._thread.start()

    @property
    def problem(self) -> str | None:
        """Why nothing can be written at this moment; None when it can."""
        if self._fault is None and self.waiting and (since := time.monotonic() - self._settled) > _STALLED_SECONDS:
            return f"the store {self._store.shown} has let nobody write for {since:.0f} seconds"
        return self._fault

    def look_for_room(self) -> None:
        """Raises Overloaded when too many decisions wait already; a batch may pass the mark, or it would never go."""
        if self.waiting >= self._most_waiting:
            raise Overloaded

    @contextmanager
    def room(self, size: int = 1) -> Iterator["Room"]:
        """Keep room in the queue, for what has to be found out before the work is known.

        Raises Overloaded when too many decisions wait already.
        """
        self.look_for_room()
        room = Room(self, size)
        self._wait_for(size)
        try:
            yield room
        finally:
            if not room.used:
                room.used = True
                self._wait_for(-size)
                self._tell()

    async def written(self, do: Callable[[Connection], Any], clients: Sequence[str] = (), size: int = 1) -> Any:  # noqa: ANN401
        """Have work done in a write transaction; returns its answer once it is committed.

        Work may run twice, when another piece of the same transaction fails: it must not remember anything.
        Raises Overloaded when too many decisions wait already or the turn doesn't come, Unfinished when it doesn't end.
        """
        with self.room(size) as room:
            return await room.written(do, clients)

    def _put(self, work: Work) -> None:
        if not self._fresh:
            # After what else is ready: several requests may have come at once.
            self._loop.call_soon(self._begin)
        self._fresh.append(work)

    def _wait_for(self, size: int) -> None:
        if not self.waiting:
            self._settled = time.monotonic()
        self.waiting += size

    def _tell(self) -> None:
        # Once for many that come or go together: it is written to a file.
        try:
            self._on_waiting(self.waiting)
        except Exception:
            log.exception("how many decisions wait could not be told")

    async def close(self) -> None:
        """Finish what waits, then end the thread and close the connection."""
        while self._fresh:
            await asyncio.sleep(0)
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _begin(self) -> None:
        fresh, self._fresh = self._fresh, []
        # What the thread has came first, and the connection is its own until it is done.
        at_once = self._store.path is not None and not self._threaded and self._fault is None
        if at_once and sum(work.size for work in fresh) <= MOST_TOGETHER:
            outcomes = self._at_once(fresh)
            self._settle(outcomes)
            fresh = fresh[len(outcomes) :]
        if fresh:
            self._threaded += len(fresh)
            self._queue.put(fresh)
        self._tell()

    def _at_once(self, group: list[Work]) -> list[Outcome]:
        """Do here what there is time for; nothing when somebody else writes, or when it failed: the thread does it."""
        connection = self._connection
        try:
            # To connect is the thread's.
            if connection is None or self._there() != self._file:
                return []
            with connection.write_at_once() as held:
                answers = done(connection, group) if held else []
        except OutcomeUnknownError as error:
            return [(work, None, error) for work in group]
        except Exception:  # noqa: BLE001 - nobody knows which piece is to blame
            return []
        return [(work, answer, None) for work, answer in zip(group, answers, strict=False)]

    def _settle(self, outcomes: list[Outcome], *, threaded: bool = False) -> None:
        self._settled = time.monotonic()
        for work, answer, error in outcomes:
            self._threaded -= threaded
            self._wait_for(-work.size)
            # A caller that hung up waits no more; what it asked for is done all the same.
            if not work.done.done():
                if error is None:
                    work.done.set_result(answer)
                else:
                    work.done.set_exception(error)
        if threaded:
            self._tell()

    def _run(self) -> None:
        """The thread: waits for the turn to write, then does everything that has come by then."""
        over = False
        while not over:
            try:
                first = self._queue.get(timeout=None if self._fault is None else _TRY_EVERY_SECONDS)
            except queue.Empty:
                self._try()
                continue
            if first is None:
                break
            try:
                over = self._write(first)
            except Exception:
                log.exception("the writer failed")
        self._forget(held=False)

    def _write(self, group: list[Work]) -> bool:
        """Write a group and what came while it waited for its turn; whether nothing comes after it."""
        over = False
        doubtful = False
        try:
            while group:
                with write_turn(self._store):
                    over |= self._arrived(group)
                    outcomes = self._together(group)
                    self._answer(outcomes)
                doubtful |= any(error is not None for _, _, error in outcomes)
        except Exception as error:  # noqa: BLE001 - what waits is told, whatever it was
            self._answer([(work, None, _as_store_error(self._store, error)) for work in group])
            doubtful = True
        if doubtful or self._fault is not None:
            # Was it the work, or can nothing be written?
            self._try()
        return over

    def _arrived(self, group: list[Work]) -> bool:
        """Add what waits to a group; whether nothing comes after it."""
        while True:
            try:
                more = self._queue.get_nowait()
            except queue.Empty:
                return False
            if more is None:
                return True
            group += more

    def _together(self, group: list[Work]) -> list[Outcome]:
        """Take what fits into one transaction from the front of a group and write it; what came to nothing is put back.

        What was called off is left out.
        """
        wanted: list[Work] = []
        outcomes: list[Outcome] = []
        for work in cut(group):
            if work.taken():
                wanted.append(work)
            else:
                outcomes.append((work, None, None))
        if not wanted:
            return outcomes
        try:
            connection = self._connected()
            with connection.transaction([client for work in wanted for client in work.clients]):
                answers = done(connection, wanted)
        except Exception as error:  # noqa: BLE001 - it goes to whoever asked
            if self._store.path is None and isinstance(error, StoreError) and not isinstance(error, CollidedError):
                # A server may have gone away: the next work finds a new connection. A file's connection serves on.
                self._forget(held=True)
            again = [work for work in wanted if deserves_another_try(work, error, of=len(wanted))]
            outcomes += [(work, None, error) for work in wanted if work not in again]
        else:
            outcomes += [(work, answer, None) for work, answer in zip(wanted, answers, strict=False)]
            again = wanted[len(answers) :]
        for work in again:
            work.put_back()
        group[:0] = again
        return outcomes

    def _answer(self, outcomes: list[Outcome]) -> None:
        try:
            self._loop.call_soon_threadsafe(partial(self._settle, outcomes, threaded=True))
        except RuntimeError:
            log.warning("the event loop has ended before its answers came")

    def _try(self) -> None:
        """Write a trial; from its outcome on it is known whether anything can be written."""
        try:
            with write_turn(self._store):
                connection = self._connected()
                with connection.transaction(()):
                    try_writing(connection)
        except Exception as error:  # noqa: BLE001 - /readyz tells it, and it is tried again
            self._failed(error)
            return
        if self._fault is not None:
            log.info("writing works again")
        self._fault = None

    def _failed(self, error: Exception) -> None:
        now = time.monotonic()
        if self._fault is None:
            self._failing_since = now
            log.error("nothing can be written", extra={"said": {"error": str(error)}})
        self._fault = str(_as_store_error(self._store, error))
        self._forget(held=False)
        elsewhere = not isinstance(error, StoreError) or _no_descriptor_left()
        if elsewhere and now - self._failing_since >= _PATIENCE_SECONDS and not self._lost:
            self._lost = True
            log.error("only another process can write: this one makes room for it")
            self._loop.call_soon_threadsafe(self._on_lost)

    def _connected(self) -> Connection:
        """The connection, for whoever has the turn; another one where the file isn't the one that it opened."""
        found = self._there()
        if self._connection is not None and found != self._file:
            self._forget(held=True)
        if self._connection is None:
            self._connection, self._file = Connection(self._store), found
        return self._connection

    def _there(self) -> tuple[int, int] | None:
        """What tells the store's file from another one that takes its place."""
        if self._store.path is None:
            return None
        try:
            found = os.stat(self._store.path)  # noqa: PTH116 - asked for each decision: half as long as a Path takes
        except OSError as error:
            raise StoreError(f"the store {self._store.shown} can't be found: {error.strerror}") from error
        return found.st_dev, found.st_ino

    def _forget(self, *, held: bool) -> None:
        """Close the connection; `held`: within a turn to write."""
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                connection.close(held=held)
        except Exception:  # noqa: BLE001 - it is gone
            log.warning("a connection could not be closed")


class Room:
    """A place in a writer's queue."""

    def __init__(self, writer: Writer, size: int) -> None:
        self._writer = writer
        self._size = size
        # Whether it was given back, or work has taken it, which gives it back when it is done.
        self.used = False

    async def written(self, do: Callable[[Connection], Any], clients: Sequence[str] = ()) -> Any:  # noqa: ANN401
        """As Writer.written."""
        return await self.written_with(lambda connection, _: [do(connection)], None, clients)

    async def written_with(self, do: Do, part: Any, clients: Sequence[str] = ()) -> Any:  # noqa: ANN401
        """Have a part done by what does others of its kind with it, and returns an answer for each it has done."""
        if self.used:
            # More work of one that has begun is never refused.
            self._writer._wait_for(self._size)
        self.used = True
        work = Work(do, part, clients, self._size, asyncio.get_running_loop().create_future())
        self._writer._put(work)
        # What can be written at once is written now.
        await asyncio.sleep(0)
        if work.done.done():
            return work.done.result()
        try:
            async with asyncio.timeout(_LONGEST_WAIT_SECONDS):
                return await work.done
        except TimeoutError:
            raise (Overloaded if work.taken() else Unfinished) from None


def _as_store_error(store: Store, error: Exception) -> StoreError:
    return error if isinstance(error, StoreError) else StoreError(f"the store {store.shown} can't be written: {error}")


def _no_descriptor_left() -> bool:
    """Whether this process can open nothing more; another one could."""
    try:
        os.close(os.dup(0))
    except OSError as error:
        return error.errno == errno.EMFILE
    return False
