"""Several who write to a PostgreSQL store at once, stepped through in every order of their statements."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import psycopg

from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.online import Connection

_PATIENCE_SECONDS = 60
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
_here = threading.local()


class Actor:
    """A thread that stands before each statement that matters until it is told to go on."""

    def __init__(self, do: Callable[[], object]) -> None:
        self.answer: object = None
        self.error: Exception | None = None
        self.done = False
        self.standing = threading.Event()
        self._go = threading.Semaphore(0)
        self._do = do
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        _here.actor = self
        try:
            self.answer = self._do()
        except Exception as error:  # noqa: BLE001 - whoever asks for the outcome is told
            self.error = error
        self.done = True
        self.standing.set()

    def stand(self) -> None:
        """Stand until told to go on; by the actor itself."""
        self.standing.set()
        if not self._go.acquire(timeout=_PATIENCE_SECONDS):
            raise TimeoutError("nobody told it to go on")

    def go_on(self) -> None:
        """Do one statement and what follows it up to the next."""
        self.standing.clear()
        self._go.release()


def _matters(statement: str) -> bool:
    # Whether the store is empty is asked before any of them begins.
    if statement.endswith("FROM transactions LIMIT 1"):
        return False
    return statement == "COMMIT" or "transactions" in statement or "pg_advisory" in statement


@contextmanager
def stepped() -> Iterator[None]:
    """Statements of actors' threads stand before they are sent."""

    def gated(real: Callable[..., Any], place: int) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            actor = getattr(_here, "actor", None)
            if actor is not None and _matters(str(arguments[place])):
                actor.stand()
            return real(*arguments, **named)

        return call

    with (
        mock.patch.object(Connection, "rows", gated(Connection.rows, 1)),
        mock.patch.object(Connection, "execute", gated(Connection.execute, 1)),
        mock.patch.object(bulk, "query", gated(bulk.query, 1)),
        mock.patch.object(bulk, "execute", gated(bulk.execute, 1)),
        mock.patch.object(bulk, "append", gated(bulk.append, 1)),
    ):
        yield


def played(url: str, acts: Mapping[str, Callable[[], object]], order: Sequence[str]) -> dict[str, Actor]:
    """Let each act do a statement when its name comes in the order, unless it waits for another; then all to the end.

    Raises TimeoutError when they come to no end.
    """
    with psycopg.connect(url, autocommit=True) as observer:
        actors = {name: Actor(do) for name, do in acts.items()}
        _settled(observer, actors)
        for name in order:
            if actors[name].standing.is_set() and not actors[name].done:
                actors[name].go_on()
                _settled(observer, actors)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not all(actor.done for actor in actors.values()):
            if time.monotonic() > deadline:
                raise TimeoutError("they wait for each other")
            for actor in actors.values():
                if actor.standing.is_set() and not actor.done:
                    actor.go_on()
                    break
            _settled(observer, actors)
    return actors


def _settled(observer: "psycopg.Connection[Any]", actors: Mapping[str, Actor]) -> None:
    """Wait until each stands, is done, or waits for a lock that another has."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        running = [actor for actor in actors.values() if not actor.standing.is_set()]
        if not running:
            return
        found = observer.execute(_WAITING).fetchone()
        if found is not None and found[0] >= len(running) and not any(actor.standing.is_set() for actor in running):
            return
        running[0].standing.wait(0.002)
    raise TimeoutError("an act neither stands nor waits")
