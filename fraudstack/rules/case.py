"""What a rule looks at, and what it gives."""

from collections.abc import Callable
from typing import NamedTuple

from fraudstack.profiles.event import Event
from fraudstack.profiles.named import Entry
from fraudstack.profiles.profile import Habit, Profile
from fraudstack.profiles.velocity import NOTHING, Velocity
from fraudstack.rules.config import RulesFile

MINUTE, HOUR = 60, 3600
Figure = str | int | float | None


class Reason(NamedTuple):
    """Why a transaction is out of the ordinary: the figures say by how much, the text is for a person."""

    code: str
    # 0 to 1: how much it alone would make of a score.
    weight: float
    figures: dict[str, Figure]
    text: str


class Case(NamedTuple):
    """What a rule may look at; the profile doesn't hold the transaction itself."""

    event: Event
    profile: Profile
    # Of it, what is old enough to make something usual.
    usual: Profile
    rules: RulesFile
    # Of its card and its merchant.
    velocity: Velocity = NOTHING
    # The name of the merchant category, for people.
    category: str | None = None
    # What of it is on a list of the store.
    listed: tuple[Entry, ...] = ()

    def habit(self, kind: str, value: str | None) -> Habit:
        """How usual a value is."""
        return self.usual.habits.get((kind, value), _NONE) if value else _NONE

    def first(self, kind: str, value: str | None) -> bool:
        """Whether a value that is told was never usual for a client with enough history."""
        return bool(value) and self.settled and not self.habit(kind, value).count

    @property
    def settled(self) -> bool:
        """Whether the client has the history that habits need."""
        return self.usual.usual >= self.rules.least_history


def case_of(
    event: Event,
    profile: Profile,
    rules: RulesFile,
    velocity: Velocity = NOTHING,
    category: str | None = None,
    listed: tuple[Entry, ...] = (),
) -> Case:
    """What rules look at of a transaction, its client, its card and its merchant."""
    return Case(event, profile, profile.matured(event, rules.usual_after), rules, velocity, category, listed)


_NONE = Habit()
Rule = Callable[[Case], Reason | None]


def expected_loss(probability: float, cents: int) -> float:
    """What is lost on average where a transaction is fraud with some probability, in units of the currency."""
    return round(probability * abs(cents) / 100, 2)


def money(cents: int) -> str:
    """An amount as people read it."""
    return f"{cents / 100:,.2f}"
