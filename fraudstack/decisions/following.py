"""What a file brought, and is counted, is decided, client by client.

Each transaction is decided as if it had just been posted: by the earlier-dated ones that the store holds, itself and
what came later taken away. Later ones keep their decisions.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import nlargest
from itertools import pairwise
from typing import Any, NamedTuple

from fraudstack.decisions import champions
from fraudstack.decisions.around import Around, around_each
from fraudstack.decisions.scoring import decision_of, scored_by
from fraudstack.decisions.terms import Terms, at_its_time, looks_back
from fraudstack.errors import InputError
from fraudstack.features.labels import fraud_of
from fraudstack.fields.dates import this_second
from fraudstack.model import registry
from fraudstack.model.artefact import Model
from fraudstack.profiles.event import Event
from fraudstack.profiles.profile import WEEK, Habit, Profile
from fraudstack.progress import Phases
from fraudstack.rules import config
from fraudstack.settings import Settings
from fraudstack.storage import days_seen, lists, profiles, reviews, transactions, value_days, velocity
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.pace import Pace, Turn
from fraudstack.storage.following import changes, history
from fraudstack.storage.memories import Fact, before, count_from, from_place, place, until_place

# Each asks for what was recent, and copies the profile: of more it is cheaper to go through what lies between.
_MOST_RUNS = 8


@dataclass(frozen=True)
class Judge:
    """What undecided transactions are decided by, and when."""

    terms: Terms
    now: datetime
    # Of the store's newest transaction, since 1970.
    newest: int

    def of(self, event: Event) -> Terms:
        """The terms for a transaction."""
        return at_its_time(self.terms, event, self.newest)


@dataclass(frozen=True)
class _Made:
    """Decisions by ids, and the version of the profile on which they rest."""

    version: int
    decisions: Mapping[int, Mapping[str, Any]]


class Followed(NamedTuple):
    """How many changes waited, were counted, and how many transactions were decided."""

    waited: int = 0
    counted: int = 0
    decided: int = 0


def follow_all(connection: Connection, settings: Settings, phases: Phases) -> Followed | None:
    """Count and decide whatever waits, in short write transactions; None where all is to be made anew.

    What nobody decided is decided by the rules and the champion, unless the step `decide` is to decide it all.
    """
    if not history.is_whole(connection):
        return None
    waiting = changes.waiting(connection)
    waited = sum(several for _, several in waiting)
    with phases.counted("follow: count changes", waited) as on_rows:
        counted = changes.count_all(connection, [client for client, _ in waiting], on_rows)
    # First: what is decided of long ago looks at no more than what is kept.
    velocity.forget_old(connection)
    waiting, made = changes.waiting(connection), 0
    if waiting:
        terms, now = _terms(settings, connection, phases), this_second()
        with phases.counted("follow: decide", sum(several for _, several in waiting)) as on_rows:
            made = decide_all(connection, [client for client, _ in waiting], terms, now, on_rows)
    with phases.phase("follow: days"):
        value_days.merge_old(connection)
        days_seen.catch_up(connection)
    return Followed(waited, counted, made)


def _terms(settings: Settings, connection: Connection, phases: Phases) -> Terms:
    rules = config.load(settings.rules_path or config.DEFAULT)
    champion, problem = None, None
    try:
        champions.export(connection, settings.model_dir)
        champion = registry.champion(settings.model_dir)
    except InputError as error:
        # As a scorer does, which goes on without it.
        phases.say(f"follow: {error}")
        problem = str(error)
    return Terms(
        rules,
        settings.currency,
        transactions.categories(connection),
        champion,
        problem,
        figures_share=settings.figures_share,
        challenger=_challenger(connection, champion, phases),
    )


def _challenger(connection: Connection, champion: Model | None, phases: Phases) -> Model | None:
    """What is asked beside the champion now; one that can't be used is told, and nobody waits for it."""
    try:
        found = champions.challenger(connection)
    except InputError as error:
        phases.say(f"follow: the challenger isn't asked: {error}")
        return None
    return None if champion and found and champion.version == found.version else found


def decide_all(
    connection: Connection, clients: Sequence[str], terms: Terms, now: datetime, on_rows: Callable[[int], None]
) -> int:
    """Decide what is counted of clients and waits, in write transactions that keep nobody waiting; how much it was.

    Whatever came with it has to be counted, of other clients too.
    """
    judge = Judge(terms, now, profiles.newest_day(connection) or 0)
    pace, total = Pace(*changes.CLIENTS), 0
    for several in pace.slices(clients):
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
        facts = changes.undecided(connection, clients)
        around = _around(connection, [event for of_client in facts for event, _ in of_client], judge)
        made = [
            _decided(connection, client_id, undecided, around, judge)
            for client_id, undecided in zip(clients, facts, strict=True)
        ]
    decisions: dict[int, Mapping[str, Any]] = {}
    again = []
    with connection.write(clients) as turn:
        for client_id, found, version in zip(clients, made, profiles.versions(connection, clients), strict=True):
            if version != found.version:
                again.append(client_id)
                continue
            decisions |= found.decisions
            changes.decided(connection, client_id)
        transactions.replace_decisions(connection, decisions)
    return turn, len(decisions), again


def _around(connection: Connection, events: Sequence[Event], judge: Judge) -> dict[int, Around]:
    """What was around transactions, by their ids."""
    listed, excepted = lists.then(connection, events), reviews.allowed_then(connection, events)
    found = around_each(connection, events, list(map(judge.of, events)), listed, excepted)
    return {event.id: around for event, around in zip(events, found, strict=True)}


def _decided(
    connection: Connection, client_id: str, undecided: Sequence[Fact], around: Mapping[int, Around], judge: Judge
) -> _Made:
    """The decisions of what waits of a client, in order, and what is around each by its id."""
    if not undecided:
        return _Made(profiles.version(connection, client_id), {})
    events = [event for event, _ in undecided]
    profile, wanted = profiles.read_about(connection, client_id, events), {event.id for event in events}
    version, decisions = profile.version, {}
    for past, facts in _pasts(connection, profile, events, judge):
        for event, marks in facts:
            if event.id in wanted:
                terms = judge.of(event)
                scored = scored_by(event, past, around[event.id], terms)
                decisions[event.id] = decision_of(scored, terms, judge.now, None, "not_asked") | {"source": "batch"}
            past.add(event, trusted=marks.trusted)
            if past.memory is not None:
                past.memory.add(event, fraud_of(event, marks))
    return _Made(version, decisions)


def _pasts(
    connection: Connection, profile: Profile, events: Sequence[Event], judge: Judge
) -> Iterator[tuple[Profile, Sequence[Fact]]]:
    """A client's profile as it was before each run of events, and what the store has from its first to its last.

    Each is gone to from the end of the history that is nearer; with a memory only from now.
    """
    half = profile.transactions // 2 + 1
    early: list[Sequence[Event]] = []
    late: list[Sequence[Event]] = []
    for run in _runs(events):
        asked = any(judge.of(event).asks for event in run)
        far = not asked and count_from(connection, profile.client_id, place(run[0]), half) == half
        (early if far else late).append(run)
    if early:
        begun = Profile(profile.client_id, habits={key: Habit() for key in profile.habits})
        facts = until_place(connection, profile.client_id, place(early[-1][-1]))
        yield from _swept(connection, begun, facts, early, 1, judge)
    if late:
        facts = list(from_place(connection, profile.client_id, place(late[0][0])))
        yield from _swept(connection, profile, facts, late, -1, judge)


def _runs(events: Sequence[Event]) -> list[Sequence[Event]]:
    """Events in order, in a few parts, cut where the time between two is longest, and a week at least."""
    gaps = [(later.seconds - earlier.seconds, at) for at, (earlier, later) in enumerate(pairwise(events), 1)]
    cuts = sorted(at for gap, at in nlargest(_MOST_RUNS - 1, gaps) if gap >= WEEK)
    return [events[first:end] for first, end in pairwise([0, *cuts, len(events)])]


def _swept(
    connection: Connection,
    profile: Profile,
    facts: Sequence[Fact],
    runs: Sequence[Sequence[Event]],
    sign: int,
    judge: Judge,
) -> Iterator[tuple[Profile, Sequence[Fact]]]:
    """`_pasts` of runs by what lies between them and one end of the history, counted (1) or counted no more (-1)."""
    places = [place(event) for event, _ in facts]
    at = 0 if sign > 0 else len(facts)
    for run in runs[::sign]:
        first, end = bisect_left(places, place(run[0])), bisect_right(places, place(run[-1]))
        for event, marks in facts[min(at, first) : max(at, first)]:
            profile.count(event, sign, trusted=marks.trusted)
        at = first
        yield _before(connection, profile, run, judge), facts[first:end]


def _before(connection: Connection, profile: Profile, run: Sequence[Event], judge: Judge) -> Profile:
    """A profile of what came before a run of events, with what was recent; its memory too, if a model is asked."""
    past, at = profile.copy(), place(run[0])
    far = max(looks_back(event, judge.terms) for event in run)
    known = profiles.up_to(connection, profile.client_id, at[0], far)
    past.recent = [recent for recent in known if recent[:2] < at]
    if profile.memory is None or not any(judge.of(event).asks for event in run):
        past.memory = None
        return past
    past.memory = before(connection, profile.client_id, profile.memory, at)
    past.memory.seen = {key: habit.seen for key, habit in past.habits.items() if habit.seen}
    return past
