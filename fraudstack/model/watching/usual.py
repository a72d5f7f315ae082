"""Within which bounds a figure is normal, by what it did in its own past: an empirical null.

Of the noise of counting alone it is known how wide it is, and that it is too narrow: frauds come in bursts, and clients
change. So figures are brought to a scale on which counting has a spread of 1, and as much wider as their past was is
normal (Efron 2004, Large-Scale Simultaneous Hypothesis Testing: The Choice of a Null Hypothesis). Counts by Freeman,
Tukey (1950), shares by Anscombe (1948).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Of fewer figures in the past nothing is said.
LEAST_PAST = 8
# So many spreads: of the some hundred figures that are looked at, chance alone puts one beyond them in a hundred looks.
_LIMIT = 3.9
# The spread of what is normally distributed, of its median absolute deviation.
_OF_DEVIATION = 1.4826
# What chance makes of a stability index.
_NOISE = 0.05


class Usual(NamedTuple):
    """The bounds within which a figure is normal, and how far the figure is from their middle, 1 at a bound."""

    low: float
    high: float
    strength: float

    @property
    def outside(self) -> bool:
        """Whether the figure is beyond a bound."""
        return abs(self.strength) > 1


def expected(observed: float, foretold: float, past: Sequence[tuple[float, float]]) -> Usual | None:
    """Of a count and what was expected of it, by such pairs of the past; None where that is too short."""
    if len(past) < LEAST_PAST:
        return None
    before = np.asarray(past, dtype=np.float64)
    # What was expected is a claim: if it was wrong in the past, that makes it no more normal.
    middle = float(np.sqrt(4 * foretold + 1))
    width = _LIMIT * _spread(_rooted(before[:, 0]) - np.sqrt(4 * before[:, 1] + 1))
    return Usual(_count(middle - width), _count(middle + width), float((_rooted(observed) - middle) / width))


def count(now: float, past: Sequence[float]) -> Usual | None:
    """Of a count, by what it was in as many days of the past."""
    if len(past) < LEAST_PAST:
        return None
    before = _rooted(past)
    middle, width = float(np.median(before)), _LIMIT * _spread(before)
    return Usual(_count(middle - width), _count(middle + width), float((_rooted(now) - middle) / width))


def share(part: float, of: float, past: Sequence[tuple[float, float]]) -> Usual | None:
    """Of a share, by the parts and wholes of the past; None also of nothing."""
    before = np.asarray([one for one in past if one[1]], dtype=np.float64).reshape(-1, 2)
    if not of or len(before) < LEAST_PAST:
        return None
    middle = float(_angle(*before.sum(axis=0)))
    deviations = (_angle(before[:, 0], before[:, 1]) - middle) * np.sqrt(before[:, 1] + 0.5)
    width = _LIMIT * _spread(deviations) / float(np.sqrt(of + 0.5))
    low, high = (float(np.sin(np.clip(middle + side * width, 0, np.pi) / 2) ** 2) for side in (-1, 1))
    return Usual(low, high, float((_angle(part, of) - middle) / width))


def index(now: float, past: Sequence[float], least: float) -> Usual | None:
    """Of a stability index, by what it was; it is normal up to `least`, and has no lower bound."""
    if len(past) < LEAST_PAST:
        return None
    # It is never negative and has a long tail: what it is multiplied by is what varies, but for the noise of chance.
    before = np.log(np.asarray(past, dtype=np.float64) + _NOISE)
    middle = float(np.median(before))
    width = _LIMIT * _OF_DEVIATION * float(np.median(np.abs(before - middle)))
    high = max(least, float(np.exp(middle + width)) - _NOISE)
    return Usual(0.0, high, now / high)


def _spread(deviations: NDArray[np.float64]) -> float:
    """Of figures on a scale on which counting has one of 1: never less."""
    off = np.abs(deviations - np.median(deviations))
    return max(1.0, _OF_DEVIATION * float(np.median(off)))


def _rooted(counts: ArrayLike) -> NDArray[np.float64]:
    counts = np.asarray(counts, dtype=np.float64)
    return np.asarray(np.sqrt(counts) + np.sqrt(counts + 1))


def _count(rooted: float) -> float:
    """The count of which that is the root; 0 below that of nothing."""
    return ((rooted**2 - 1) / (2 * rooted)) ** 2 if rooted > 1 else 0.0


def _angle(part: ArrayLike, of: ArrayLike) -> NDArray[np.float64]:
    part, of = np.asarray(part, dtype=np.float64), np.asarray(of, dtype=np.float64)
    return np.asarray(2 * np.arcsin(np.sqrt((part + 3 / 8) / (of + 3 / 4))))
