"""Events, histories and rules for the tests: the default rules, and a client of settled habits."""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from fraudstack.profiles.event import Event
from fraudstack.profiles.profile import Profile, replayed
from fraudstack.profiles.velocity import NOTHING, Velocity
from fraudstack.rules import config
from fraudstack.rules.case import Case, case_of
from fraudstack.rules.config import RulesFile

RULES = config.load(config.DEFAULT).file
MINUTE, HOUR, DAY, WEEK = 60, 3600, 24 * 3600, 7 * 24 * 3600
# 2019-11-01 12:30:00.
NOW = 1_572_611_400

# What the client does every day.
USUAL = Event(
    1,
    "1556",
    NOW,
    10_00,
    card="2972",
    channel="Chip Transaction",
    merchant="59935",
    city="Beulah",
    state="ND",
    mcc=5411,
)
# The same moment and amount, and nothing else is told.
UNKNOWN = Event(1, "1556", NOW, 10_00)


def event(**changes: Any) -> Event:
    """The usual event, with changes."""
    return replace(USUAL, **changes)


def days(count: int, first: int = 0, **changes: Any) -> list[Event]:
    """One event a day, at the same time of the day, all more than a week before NOW."""
    return [
        event(**{"id": 1000 + day, "seconds": NOW - (8 + day) * DAY} | changes) for day in range(first, first + count)
    ]


def ago(seconds: int, id: int = 500, **changes: Any) -> Event:
    """An event so many seconds before NOW."""
    return event(**{"id": id, "seconds": NOW - seconds} | changes)


def profile(*events: Event | Iterable[Event], trusted: bool = True) -> Profile:
    """The profile that events make, all of them trusted or none."""
    every = [one for some in events for one in ([some] if isinstance(some, Event) else some)]
    return replayed("1556", [(one, trusted) for one in every])


def altered(code: str, **figures: Any) -> RulesFile:
    """The default rules with other figures of one rule."""
    rule = getattr(RULES.rules, code).model_copy(update=figures)
    return RULES.model_copy(update={"rules": RULES.rules.model_copy(update={code: rule})})


def case(
    event: Event,
    profile: Profile,
    rules: RulesFile = RULES,
    category: str | None = None,
    velocity: Velocity = NOTHING,
) -> Case:
    """What a rule looks at."""
    return case_of(event, profile, rules, velocity, category)


def thousandths(cents: int) -> int:
    """ln(1 + amount) as profiles keep it."""
    return round(1000 * math.log(1 + cents / 100))


def least_cents(logs: int) -> int:
    """The smallest amount whose ln(1 + amount) is so many thousandths."""
    cents = int((math.exp((logs - 2) / 1000) - 1) * 100)
    while thousandths(cents) < logs:
        cents += 1
    return cents
