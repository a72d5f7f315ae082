"""What is known of a transaction beside its client's profile: the card, the merchant, lists, what a model looks at."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fraudstack.decisions.terms import Terms
from fraudstack.features.value import ValueMemory
from fraudstack.profiles.event import Event
from fraudstack.profiles.named import Entry
from fraudstack.profiles.velocity import NOTHING, Velocity
from fraudstack.storage import value_days, velocity
from fraudstack.storage.connections.online import Connection

Values = Mapping[str, ValueMemory]


class Around(NamedTuple):
    """What is known of a transaction beside its client's profile."""

    velocity: Velocity = NOTHING
    # What of it is on a list of the store.
    listed: tuple[Entry, ...] = ()
    # An analyst allowed this client at this merchant.
    excepted: bool = False
    # By kind, by the label delays of the models that are asked.
    values: Mapping[int, Values] = {}


def around_each(
    connection: Connection,
    events: Sequence[Event],
    terms: Sequence[Terms],
    listed: Sequence[tuple[Entry, ...]],
    excepted: Sequence[bool],
) -> list[Around]:
    """What is around several transactions, each by its own terms, whose rules are the same; looked up together."""
    if not events:
        return []
    velocities = velocity.read_of(connection, events, terms[0].rules.file.small)
    return [Around(*one) for one in zip(velocities, listed, excepted, _values(connection, events, terms), strict=True)]


def _values(connection: Connection, events: Sequence[Event], terms: Sequence[Terms]) -> list[dict[int, Values]]:
    found: list[dict[int, Values]] = [{} for _ in events]
    for delay in {delay for one in terms for delay in one.label_delays}:
        asked = [at for at, one in enumerate(terms) if delay in one.label_delays]
        values = value_days.read_of(connection, [events[at] for at in asked], delay)
        for at, of_event in zip(asked, values, strict=True):
            found[at][delay] = of_event
    return found
