"""What a profile says of a transaction that the store has already: before it, by its history replayed, and judged anew.

Sums are whole: taking one transaction away, or counting it otherwise, is exact, at a cost that doesn't grow with the
history. That holds where the profile counts all that the store has. Between a load that was large and the step
`profiles` it doesn't: then the whole history is replayed, before the turn to write has come, and only what came since
is made up for.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from fraudstack.features.client import ClientMemory
from fraudstack.features.labels import fraud_of
from fraudstack.profiles.event import Event, Marks
from fraudstack.profiles.profile import Profile
from fraudstack.storage import outdated, profiles
from fraudstack.storage.connections.online import Connection, Row
from fraudstack.storage.following.changes import follow_client
from fraudstack.storage.following.follow import Change, follow


class Wanted(NamedTuple):
    """What can't be done within a write transaction until this client's history has been replayed."""

    client_id: str


@dataclass(frozen=True)
class Replayed:
    """A client's history at a moment: its rows by id, and the profile that they make, with the version of the stored.

    `before` are the profiles from just before some of the transactions, by the ids of these.
    """

    rows: Mapping[int, Row]
    profile: Profile
    before: Mapping[int, Profile]


Replays = Mapping[str, Replayed]


@dataclass(frozen=True)
class Known:
    """The profile of a client, which counts a transaction for certain."""

    profile: Profile
    # An analyst allowed the client at the merchant.
    excepted: bool
    # All of it was made anew; else it has the habits of the transaction alone.
    anew: bool

    def judge_anew(self, connection: Connection, event: Event, before: Marks, after: Marks) -> None:
        """Count what is said of the transaction now; its row says so already."""
        profile = self.profile.copy()
        follow(connection, profile, [Change((event, before), (event, after))])
        if self.anew:
            profiles.write_whole(connection, profile)


def known(connection: Connection, event: Event, replays: Replays) -> Known | None:
    """What is known of an event's client, with others about it; None where the history has to be replayed first."""
    follow_client(connection, event.client_id)
    if is_whole(connection):
        profile, excepted = profiles.read(connection, event)
        return Known(profile, excepted, anew=False)
    found = replays.get(event.client_id)
    if found is None:
        return None
    made = _caught_up(connection, found)
    made.recent = profiles.about(connection, event.client_id, event.seconds, without=event.id)
    _, excepted = profiles.basis(connection, event)
    return Known(made, excepted, anew=True)


def replay(connection: Connection, client_id: str, ids: Collection[int] = ()) -> Replayed:
    """Replay a client's history as it is now; of transactions in `ids` it is told what was known before."""
    rows = {row[0]: row for row in profiles.history(connection, client_id)}
    history = sorted(map(profiles.event_of, rows.values()), key=lambda found: (found[0].seconds, found[0].id))
    stored = profiles.read_whole(connection, client_id)
    profile = Profile(client_id, memory=None if stored.memory is None else ClientMemory())
    before = {}
    for event, marks in history:
        if event.id in ids:
            before[event.id] = profile.copy()
        profile.add(event, trusted=marks.trusted)
        profile.tell(marks.is_fraud)
        if profile.memory is not None:
            profile.memory.add(event, fraud_of(event, marks))
    profile.version = stored.version
    return Replayed(rows, profile, before)


def is_whole(connection: Connection) -> bool:
    """Whether profiles count all that the store has, but for what waits in `changes`."""
    return outdated.PROFILES not in outdated.names(connection)


def _caught_up(connection: Connection, found: Replayed) -> Profile:
    """The profile that the client's transactions make now, by what they made some moments ago."""
    profile, version = found.profile.copy(), profiles.version(connection, found.profile.client_id)
    if version == profile.version:
        return profile
    now = {row[0]: row for row in profiles.history(connection, profile.client_id)}
    for row in found.rows.values():
        if now.get(row[0]) != row:
            event, marks = profiles.event_of(row)
            profile.take_away(event, trusted=marks.trusted)
            profile.tell(marks.is_fraud, -1)
            if profile.memory is not None:
                profile.memory.tell(fraud_of(event, marks), -1)
    come = [profiles.event_of(row) for row in now.values() if found.rows.get(row[0]) != row]
    for event, marks in sorted(come, key=lambda one: (one[0].seconds, one[0].id)):
        profile.add(event, trusted=marks.trusted)
        profile.tell(marks.is_fraud)
        if profile.memory is not None and event.id in found.rows:
            profile.memory.tell(fraud_of(event, marks))
        elif profile.memory is not None:
            profile.memory.add(event, fraud_of(event, marks))
    profile.version = version
    return profile
