"""A piece of work for the writer, and what of several goes into one transaction."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from fraudstack.errors import CollidedError, OutcomeUnknownError
from fraudstack.storage.connections.online import Connection

# Decisions in one database transaction: it stays well under the 200 ms that others may wait.
MOST_TOGETHER = 100
# How long they may take, commit apart; what isn't done by then waits for the next turn.
TURN_SECONDS = 0.08
# How often work is done that collides with what others write.
_TRIES = 4


class Overloaded(Exception):  # noqa: N818 - a state, which passes
    """The queue is full or the turn to write didn't come: the work wasn't begun and can be sent again."""


class Unfinished(Exception):  # noqa: N818 - a state, which passes
    """Work was begun and takes too long: whether it gets written isn't known."""


# Does parts of work from the first on, at least one, and returns their answers.
Do = Callable[[Connection, Sequence[Any]], list[Any]]


@dataclass(eq=False)
class Work:
    """What somebody waits for, and how often it is tried."""

    # Does it with what waits behind it and has the same `do`.
    do: Do
    part: Any
    # Clients whose profiles it changes, what else nobody may change beside it, and how many decisions it is.
    clients: Sequence[str]
    size: int
    done: "asyncio.Future[Any]"
    # It failed in company, and is done again in a transaction of its own; how often that is tried.
    alone: bool = False
    tries: int = _TRIES
    # Whoever takes it from the list begins the work, or calls it off: taking from a list is atomic.
    _ticket: list[None] = field(default_factory=lambda: [None])

    def taken(self) -> bool:
        """Begin it, or call it off, which can be done once."""
        try:
            self._ticket.pop()
        except IndexError:
            return False
        return True

    def put_back(self) -> None:
        """It was begun, nothing came of it, and it is begun once more."""
        self._ticket.append(None)


# What became of a piece of work: its answer, or the error that ended it.
Outcome = tuple[Work, Any, Exception | None]


def done(connection: Connection, group: list[Work]) -> list[Any]:
    """The answers of the work for which there is time, at least of the first."""
    until = time.perf_counter() + TURN_SECONDS
    answers: list[Any] = []
    while len(answers) < len(group) and (not answers or time.perf_counter() <= until):
        waiting = group[len(answers) :]
        alike = takewhile(lambda work, do=waiting[0].do: work.do is do, waiting)  # type: ignore[misc]
        answers += waiting[0].do(connection, [work.part for work in alike])
    return answers


def deserves_another_try(work: Work, error: Exception, *, of: int) -> bool:
    """Whether work that failed, one of so many, is done again by itself: the others must not suffer for one of them."""
    work.alone = True
    if isinstance(error, OutcomeUnknownError):
        # It may be stored: done again it would be stored twice.
        return False
    if isinstance(error, CollidedError):
        work.tries -= 1
        return work.tries > 0
    return of > 1


def cut(group: list[Work]) -> list[Work]:
    """Take what fits into one transaction from the front of a group."""
    together = [group.pop(0)]
    size = together[0].size
    while group and not (together[0].alone or group[0].alone) and size + group[0].size <= MOST_TOGETHER:
        size += group[0].size
        together.append(group.pop(0))
    return together
