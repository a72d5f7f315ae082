"""What keeps a language model from costing too much: a circuit breaker, a day's budget and a cache.

They belong to one event loop and aren't locked.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import date, datetime
from typing import NamedTuple


class Breaker:
    """Opens after `most` failures in a row; `seconds` later one trial decides whether it closes again."""

    def __init__(self, most: int, seconds: float, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that never go back."""
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._failures = 0
        self._opened: float | None = None
        self._trying = False
        # Each opening has a number, so that a call from before it isn't taken for the trial.
        self._openings = 0

    def admit(self) -> int | None:
        """A ticket for one call, to be handed to `report`; None while it is open."""
        if self._opened is not None:
            if self._trying or self._clock() - self._opened < self._seconds:
                return None
            self._trying = True
        return self._openings

    def report(self, ticket: int, works: bool | None) -> None:
        """How an admitted call went; None when that can't be told: a trial may then be made again."""
        if ticket != self._openings:
            return
        trial, self._trying = self._trying, False
        if works:
            self._failures, self._opened = 0, None
        elif works is not None:
            self._failures += 1
            if trial or self._failures >= self._most:
                self._failures, self._opened = 0, self._clock()
                self._openings += 1


class Reserved(NamedTuple):
    """Tokens that a call may use, and the UTC day they belong to."""

    tokens: int
    day: date


class Budget:
    """Tokens for a UTC day."""

    def __init__(self, per_day: int, now: Callable[[], datetime]) -> None:
        """`now` gives the moment in UTC."""
        self._per_day = per_day
        self._now = now
        self._day = date.min
        self._spent = 0

    def reserve(self, tokens: int) -> Reserved | None:
        """Set tokens aside for a call; None when fewer are left."""
        # A clock that goes back doesn't bring a new budget.
        if (today := self._now().date()) > self._day:
            self._day, self._spent = today, 0
        if self._spent + tokens > self._per_day:
            return None
        self._spent += tokens
        return Reserved(tokens, self._day)

    def settle(self, reserved: Reserved, used: int | None) -> None:
        """Count what a call used instead of what was set aside; None when nobody knows: that stands."""
        if used is not None and reserved.day == self._day:
            self._spent += used - reserved.tokens


class Cache[Value]:
    """The last `size` values, for `seconds` each; the one that was asked for longest ago goes first."""

    def __init__(self, size: int, seconds: float, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that never go back."""
        self._size = size
        self._seconds = seconds
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, Value]] = OrderedDict()

    def get(self, key: Hashable) -> Value | None:
        """The value, or None where there is none or it is too old."""
        if (kept := self._kept.get(key)) is None:
            return None
        if self._clock() - kept[0] >= self._seconds:
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return kept[1]

    def put(self, key: Hashable, value: Value) -> None:
        """Keep a value."""
        self._kept[key] = (self._clock(), value)
        self._kept.move_to_end(key)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)
