"""How a model is judged over time (le Borgne et al. 2022, Machine Learning for Credit Card Fraud Detection, chapter 5).

Trained up to a day, whose labels come a delay later, it is tested for a week on clients of whom no fraud was known.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from fraudstack.errors import InputError
from fraudstack.model.fit import Examples

_WEEK = 7
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Fold:
    """Days since 1970: the training week's first and last, the test week's first and last."""

    train_from: int
    until: int
    test_from: int
    test_to: int

    @property
    def name(self) -> str:
        """The days in which it is judged."""
        return f"{np.datetime64(self.test_from, 'D')}…{str(np.datetime64(self.test_to, 'D'))[5:]}"


def folds(starts: str, delay: int) -> list[Fold]:
    """Folds by the first days of their training weeks, YYYY-MM-DD and separated by commas."""
    return [_fold(day_of(start.strip()), delay) for start in starts.split(",") if start.strip()]


def day_of(text: str) -> int:
    """Days since 1970 of YYYY-MM-DD; raises InputError for anything else."""
    try:
        return (date.fromisoformat(text) - _EPOCH).days
    except ValueError as error:
        raise InputError(f"{text!r} is no date: it must be YYYY-MM-DD") from error


def judged_on(examples: Examples, fold: Fold, delay: int) -> NDArray[np.bool_]:
    """Which examples (n,) a fold is judged on: no client with a fraud that was known on the test day."""
    keep = np.zeros(len(examples.days), dtype=bool)
    fraud = (examples.frauds == 1) & (examples.days >= fold.train_from)
    for day in range(fold.test_from, fold.test_to + 1):
        known = np.unique(examples.clients[fraud & (examples.label_days < day - delay)])
        keep |= (examples.days == day) & ~np.isin(examples.clients, known)
    return keep


def covered(examples: Examples, every: list[Fold]) -> Iterator[Fold]:
    """The folds, each checked; raises InputError where the data don't reach."""
    for fold in every:
        for name, first, last in (
            ("training", fold.train_from, fold.until),
            ("test", fold.test_from, fold.test_to),
        ):
            if not np.any((examples.days >= first) & (examples.days <= last)):
                raise InputError(f"there is no labelled transaction in the {name} week of the fold {fold.name}")
        yield fold


def _fold(start: int, delay: int) -> Fold:
    until = start + _WEEK - 1
    return Fold(start, until, until + delay + 1, until + delay + _WEEK)
