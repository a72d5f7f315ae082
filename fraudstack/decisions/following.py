"""What a file brought, and is counted, is decided, client by client.

Each transaction is decided as if it had just been posted: by the earlier-dated ones that the store holds, itself and
what came later taken away. Later ones keep their decisions.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import perf_counter
from typing import Any

from fraudstack.decisions.deciding import Terms, decision_of, scored_by
from fraudstack.features import DAY, KEPT_DAYS
from fraudstack.profiles.event import Event
from fraudstack.profiles.profile import Profile, trusted
from fraudstack.storage import changes, decided, profiles
from fraudstack.storage.online import Connection
from fraudstack.storage.pace import Pace, Turn
from fraudstack.storage.remembering import Fact, before, from_place, place

# Clients in a write transaction: the first, the fewest, the most.
_MANY = (5, 1, 500)


@dataclass(frozen=True)
class Judge:
    """What undecided transactions are decided by, and when."""

    terms: Terms
    now: datetime
    # Of the store's newest transaction, since 1970.
    newest: int

    def of(self, event: Event) -> Terms:
        """The terms for a transaction: of what a model had learned from, and of days that aren't kept, rules decide."""
        model, day = self.terms.model, event.seconds // DAY
        if model is None:
            return self.terms
        if day < model.first_unseen:
            return replace(self.terms, model=None, model_problem="the model has learned from later days")
        if day <= self.newest - KEPT_DAYS:
            return replace(self.terms, model=None, model_problem="what was known of that day isn't kept any more")
        return self.terms


@dataclass(frozen=True)
class _Made:
    """Decisions by ids, and the version of the profile on which they rest."""

    version: int
    decisions: Mapping[int, Mapping[str, Any]]


def decide_all(
    connection: Connection, clients: Sequence[str], terms: Terms, now: datetime, on_rows: Callable[[int], None]
) -> int:
    """Decide what is counted of clients and waits, in write transactions that keep nobody waiting; how much it was.

    Whatever came with it has to be counted, of other clients too.
    """
    judge = Judge(terms, now, profiles.newest_day(connection) or 0)
    pace, begun, total = Pace(*_MANY), 0, 0
    while begun < len(clients):
        several = clients[begun : begun + pace.rows]
        begun += len(several)
        while several:
            decided_of = len(several)
            turn, made, several = _decide(connection, several, judge)
            pace.took(turn, decided_of)
            total += made
            on_rows(made)
    return total


def _decide(connection: Connection, clients: Sequence[str], judge: Judge) -> tuple[Turn, int, list[str]]:
    """Decide before others have to wait, and store what holds still; how much that was, and of whom it didn't hold."""
    with connection.read():
        made = {client_id: _decided(connection, client_id, judge) for client_id in clients}
    turn, decisions, again = Turn(), 0, []
    with connection.write(clients):
        started = perf_counter()
        for client_id, found in made.items():
            if profiles.version(connection, client_id) != found.version:
                again.append(client_id)
                continue
            for id, decision in found.decisions.items():
                decided.replace(connection, id, decision)
            changes.decided(connection, client_id)
            decisions += len(found.decisions)
    turn.seconds = perf_counter() - started
    return turn, decisions, again


def _decided(connection: Connection, client_id: str, judge: Judge) -> _Made:
    """The decisions of what waits of a client."""
    undecided = changes.undecided(connection, client_id)
    if not undecided:
        return _Made(profiles.version(connection, client_id), {})
    first = place(undecided[0][0])
    profile = profiles.read_some(connection, client_id, (key for event, _ in undecided for key in event.keys))
    version = profile.version
    since = list(from_place(connection, client_id, first))
    _roll_back(connection, profile, since, asked=judge.terms.model is not None)
    wanted = {event.id for event, _ in undecided}
    decisions = {}
    for event, said in since:
        if event.id in wanted:
            terms = judge.of(event)
            _, excepted = profiles.basis(connection, event)
            scored = scored_by(connection, event, profile, excepted, terms)
            decisions[event.id] = decision_of(scored, terms, judge.now, None, "not_asked") | {"source": "batch"}
        profile.add(event, trusted=trusted(*said))
        if profile.memory is not None:
            profile.memory.add(event, said.is_fraud)
    return _Made(version, decisions)


def _roll_back(connection: Connection, profile: Profile, since: Sequence[Fact], *, asked: bool) -> None:
    """Let a profile be as it was before the latest transactions, in order; its memory too, if a model is asked."""
    at = place(since[0][0])
    for event, said in since:
        profile.take_away(event, trusted=trusted(*said))
    profile.recent = profiles.latest_before(connection, profile.client_id, *at)
    if profile.memory is None or not asked:
        profile.memory = None
        return
    profile.memory = before(connection, profile.client_id, profile.memory, at)
    profile.memory.seen = {key: habit.seen for key, habit in profile.habits.items()}
