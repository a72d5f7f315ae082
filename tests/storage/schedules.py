"""Several who write to a PostgreSQL store at once, stepped through in every order of their statements."""

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any
from unittest import mock

import psycopg

from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.online import CLIENT_LOCKS, Connection

_PATIENCE_SECONDS = 60
# How often a beginning is tried that leads elsewhere: a busy server now and then lets another give way.
_TRIES = 10
# Not by what it says that it waits for: that is still there when the lock is already given.
_WAITING = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"""
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


# Where one of them takes what it locks, reads what is there, writes and commits; all else is between two of these.
_MATTERS = re.compile(
    rf"""COMMIT$|transactions$|SELECT\ pg_advisory_xact_lock\({CLIENT_LOCKS},|SELECT\ count\(\*\)\ AS\ held
    |SELECT\ (t\.id,\ t\.date|s\.id\ FROM\ staged\ s\ JOIN\ transactions|\S*id,\ \S*client_id,\ \S*date)
    |INSERT\ INTO\ (transactions|replaced)|UPDATE\ transactions""",
    re.VERBOSE,
)


@contextmanager
def _stepped() -> Iterator[None]:
    """Statements of actors' threads stand before they are sent."""

    def gated(real: Callable[..., Any], place: int) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            actor = getattr(_here, "actor", None)
            if actor is not None and _MATTERS.match(str(arguments[place])):
                actor.stand()
            return real(*arguments, **named)

        return call

    with (
        # Else one would wait at the server for what it sent, while it stands before what it hasn't.
        mock.patch.object(psycopg.Connection, "pipeline", return_value=nullcontext()),
        mock.patch.object(Connection, "rows", gated(Connection.rows, 1)),
        mock.patch.object(Connection, "execute", gated(Connection.execute, 1)),
        mock.patch.object(bulk, "query", gated(bulk.query, 1)),
        mock.patch.object(bulk, "execute", gated(bulk.execute, 1)),
        mock.patch.object(bulk, "append", gated(bulk.append, 1)),
    ):
        yield


@dataclass(frozen=True)
class Choice:
    """Who went on, of those who could."""

    chosen: str
    able: Sequence[str]


def every_schedule(
    url: str, begin: Callable[[], None], acts: Mapping[str, Callable[[], object]]
) -> Iterator[tuple[str, dict[str, Actor]]]:
    """Let acts come to their ends in every order of their statements that locks allow, each after `begin`.

    Stateless model checking (Godefroid, 1997): what was chosen last is chosen otherwise the next time.
    """
    order: list[str] = []
    tries = 0
    while True:
        begin()
        with _stepped():
            actors, choices = _played(url, acts, order)
        yield "".join(choice.chosen for choice in choices), actors
        if [choice.chosen for choice in choices[: len(order)]] != order:
            tries += 1
            assert tries < _TRIES, f"{''.join(order)} leads elsewhere"
            continue
        tries = 0
        while choices and choices[-1].chosen == choices[-1].able[-1]:
            choices.pop()
        if not choices:
            return
        last = choices.pop()
        order = [choice.chosen for choice in choices] + [last.able[last.able.index(last.chosen) + 1]]


def _played(
    url: str, acts: Mapping[str, Callable[[], object]], order: Sequence[str]
) -> tuple[dict[str, Actor], list[Choice]]:
    """Let one do a statement after the other, as named in the order while they can, then the first that doesn't wait.

    Raises TimeoutError when they come to no end.
    """
    choices: list[Choice] = []
    with psycopg.connect(url, autocommit=True) as observer:
        actors = {name: Actor(do) for name, do in acts.items()}
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            _settled(observer, actors)
            able = [name for name, actor in sorted(actors.items()) if actor.standing.is_set() and not actor.done]
            if able:
                wanted = order[len(choices)] if len(choices) < len(order) else able[0]
                chosen = wanted if wanted in able else able[0]
                choices.append(Choice(chosen, able))
                actors[chosen].go_on()
            elif all(actor.done for actor in actors.values()):
                return actors, choices
            elif time.monotonic() > deadline:
                raise TimeoutError("they wait for each other")


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
