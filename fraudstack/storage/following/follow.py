"""Whatever is made of transactions, brought up to date by what changed of them.

One way for all: a post is a change of one transaction, a verdict and a label are, and a file brings many. The rows of
`transactions` say already what is now; every figure is a sum of whole numbers, so what was is taken away exactly.
"""

from collections.abc import Sequence
from typing import NamedTuple

from fraudstack.features.client import MOST_IN_AN_HOUR, ClientMemory
from fraudstack.features.labels import fraud_of
from fraudstack.profiles.event import Event, Marks
from fraudstack.profiles.profile import Profile, log_of
from fraudstack.storage import days_seen, profiles, sums, value_days, velocity
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.memories import Fact, Place, amended, place


class Change(NamedTuple):
    """A transaction as it was counted, and as it is now; None where it wasn't, or isn't any more."""

    was: Fact | None
    now: Fact | None

    @property
    def alike(self) -> bool:
        """Whether only what is said of it has changed."""
        return self.was is not None and self.now is not None and self.was[0] == self.now[0]


def follow(
    connection: Connection, profile: Profile, changes: Sequence[Change], latest: Sequence[Place] | None = None
) -> None:
    """Count changes of a client's transactions, in the write transaction under way.

    `profile` is the client's as it is stored, with all or some of its habits, and changes with them. What a file
    brought is entered in the lists of days at once, which costs a decision too much: of it the client's `latest` places
    are told, one more than there are changes.
    """
    of_file = latest is not None
    last = _last(profile, changes, latest)
    version = profile.version
    for change in changes:
        _count(profile, change)
        for fact, sign in ((change.was, -1), (change.now, 1)):
            if fact is not None:
                sums.count(connection, *fact, sign)
                if not change.alike:
                    velocity.count(connection, fact[0], sign)
                if of_file:
                    days_seen.count(connection, fact[0], 0 if change.alike else sign)
    if profile.memory is not None:
        _remember(connection, profile, profile.memory, changes, last)
    # Told by each change of the client, whatever it says.
    profile.version = version + 1
    profiles.write(connection, profile, _habits(changes))


def _last(profile: Profile, changes: Sequence[Change], latest: Sequence[Place] | None) -> Place | None:
    """The place of the client's latest transaction before the changes; a post knows it by what it looked at."""
    if latest is None:
        return profile.recent[-1][:2] if profile.recent else None
    come = {change.now[0].id for change in changes if change.now is not None and not change.alike}
    return next((found for found in reversed(latest) if found[1] not in come), None)


def _count(profile: Profile, change: Change) -> None:
    """Count a change in a profile."""
    was, now = change
    if was is not None:
        profile.tell(was[1].is_fraud, -1)
    if now is not None:
        profile.tell(now[1].is_fraud)
    if was is not None and now is not None and was[0] == now[0]:
        usual = now[1].trusted
        if usual != was[1].trusted:
            profile.judge_anew(now[0], trusted=usual)
        return
    if was is not None:
        profile.take_away(was[0], trusted=was[1].trusted)
    if now is not None:
        profile.add(now[0], trusted=now[1].trusted)


def _habits(changes: Sequence[Change]) -> dict[tuple[str, str], list[int]]:
    """What changes add to the habits of a client: profiles.HABITS by kind and value."""
    found: dict[tuple[str, str], list[int]] = {}
    for was, now in changes:
        if was is not None:
            _add_habits(found, *was, -1)
        if now is not None:
            _add_habits(found, *now, 1)
    if len(changes) == 1 and changes[0].was is None:
        return found
    return {key: figures for key, figures in found.items() if any(figures)}


def _add_habits(found: dict[tuple[str, str], list[int]], event: Event, marks: Marks, sign: int) -> None:
    usual = sign * (marks.trusted and not event.declined)
    for key in event.keys:
        figures = found.get(key)
        if figures is None:
            figures = found[key] = [0] * 6
        figures[0] += usual
        figures[5] += sign
        if usual and key[0] == "mcc" and event.cents > 0:
            log = log_of(event.cents)
            for at, figure in enumerate((1, event.cents, log, log * log), 1):
                figures[at] += usual * figure


def _remember(
    connection: Connection,
    profile: Profile,
    memory: ClientMemory,
    changes: Sequence[Change],
    last: Place | None,
) -> None:
    """Bring what a model has to know of the client, and of whom it dealt with, up to date."""
    gone: list[Fact] = []
    come: list[Fact] = []
    for was, now in changes:
        if was is not None and now is not None and was[0] == now[0]:
            if was[1] == now[1]._replace(flagged=was[1].flagged):
                continue
            if 1 not in (was[1].is_fraud, now[1].is_fraud):
                # No fraud either way: whether it was ordinary is nobody's question.
                value_days.count(connection, *was, False, -1)
                value_days.count(connection, *now, False, 1)
                continue
        if was is not None:
            gone.append(was)
        if now is not None:
            come.append(now)
    come.sort(key=lambda fact: place(fact[0]))
    if not gone and come and (last is None or place(come[0][0]) > last):
        for event, marks in come:
            value_days.count(connection, event, marks, memory.add(event, fraud_of(event, marks)), 1)
    elif gone or come:
        for event, marks, ordinary, sign in amended(connection, profile.client_id, memory, gone, come):
            value_days.count(connection, event, marks, ordinary, sign)
        memory.come_in_the_hour(profiles.latest(connection, profile.client_id, MOST_IN_AN_HOUR))
