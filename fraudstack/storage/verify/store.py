"""A store held against its own facts, and mended: in short transactions, while the scorer goes on."""

from collections.abc import Callable, Iterator
from contextlib import closing

from fraudstack.errors import StoreError
from fraudstack.progress import Phases
from fraudstack.storage import days_seen, outdated, profiles, value_days
from fraudstack.storage.connections.locks import ingest_turn
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import Store
from fraudstack.storage.following import changes
from fraudstack.storage.memories import Fact
from fraudstack.storage.sums import ALONE
from fraudstack.storage.verify import clients, days, decisions, lists, windows
from fraudstack.storage.verify.difference import Difference


def verify(store: Store, phases: Phases, *, repair: bool) -> Iterator[Difference]:
    """As `compare`; waits for an ingest that is going on."""
    with ingest_turn(store, lambda: phases.say(f"verify: waiting for an ingest into {store.shown}")):
        yield from compare(store, phases, repair=repair)


def compare(store: Store, phases: Phases, *, repair: bool) -> Iterator[Difference]:
    """What differs between what follows from the facts and what they make, as it is found; mended then, if asked.

    For whoever has the turn to ingest. What one left to be counted is counted first. Raises StoreError where all is to
    be made anew by the next ingest.
    """
    with closing(Connection(store)) as connection:
        behind = outdated.names(connection)
        if outdated.PROFILES in behind:
            raise StoreError(f"{store.shown} can't be verified: a large load is to be finished first, by an ingest")
        memories = outdated.MEMORIES not in behind
        waiting = [client_id for client_id, _ in changes.waiting(connection)]
        changes.count_all(connection, waiting, lambda _: None)
        value_days.merge_old(connection)
        days_seen.catch_up(connection)
        if outdated.DECISIONS not in behind:
            yield from decisions.differences(connection)
            if repair:
                decisions.repair(connection)
        yield from decisions.truths(connection)
        if repair:
            decisions.repair_truths(connection)
        yield from _clients(connection, phases, memories=memories, repair=repair)
        yield from _days(connection, phases, memories=memories, repair=repair)


def _clients(connection: Connection, phases: Phases, *, memories: bool, repair: bool) -> Iterator[Difference]:
    every = clients.clients(connection)
    with phases.counted("verify: clients", len(every)) as on_clients:
        for client_id in every:
            with connection.read():
                found = list(clients.differences(connection, client_id, memories=memories))
            yield from found
            if found and repair:
                with connection.write([client_id]):
                    clients.repair(connection, client_id, memories=memories)
            on_clients(1)


def _days(connection: Connection, phases: Phases, *, memories: bool, repair: bool) -> Iterator[Difference]:
    newest = profiles.newest_day(connection) or 0
    every = days.days(connection)
    digests = lists.kept_digests(connection)
    unlike: dict[int, list[Fact]] = {}
    with phases.counted("verify: days", len(every)) as on_days:
        for day in every:
            with connection.read():
                facts = days.facts_of(connection, day)
                found = list(days.differences(connection, day, facts, newest, memories=memories))
                changed = days_seen.has_changed(connection, day)
            yield from found
            if found and repair:
                with connection.write():
                    _alone(connection)
                    days.repair(connection, day, newest, memories=memories)
            number = days.number_of(day)
            # Of a day on which something came since, the lists say nothing.
            if lists.digest(facts) != digests.pop(number, 0) and not changed:
                unlike[number] = facts
            on_days(1)
    unlike |= {number: [] for number, kept in digests.items() if kept}
    with phases.phase("verify: windows"):
        yield from _held(connection, newest, windows.differences, windows.repair, repair=repair)
    with phases.phase("verify: lists of days"):
        yield from lists.differences(connection, unlike)
        if repair and unlike:
            lists.repair(connection, unlike)
        if memories:
            yield from _held(connection, newest, days.before_kept, days.repair_before, repair=repair)


def _held(
    connection: Connection,
    newest: int,
    differences: Callable[[Connection, int], Iterator[Difference]],
    mend: Callable[[Connection, int], None],
    *,
    repair: bool,
) -> Iterator[Difference]:
    """What differs up to the newest day, in one view; mended then, while nobody else counts."""
    with connection.read():
        found = list(differences(connection, newest))
    yield from found
    if found and repair:
        with connection.write():
            _alone(connection)
            mend(connection, newest)


def _alone(connection: Connection) -> None:
    """Let nobody else count by days till the end of the transaction under way."""
    if connection.store.path is None:
        connection.execute(ALONE)
