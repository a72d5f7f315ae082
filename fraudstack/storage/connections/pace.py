"""Write transactions on a store in use, and how much fits into one that keeps nobody waiting."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# What a write transaction on a store in use aims at; 200 ms is the promise.
_TURN_SECONDS = 0.08
_FEWEST_ROWS, _FIRST_ROWS, _MOST_ROWS = 200, 5_000, 100_000


@dataclass
class Turn:
    """A write transaction, and for how many seconds it kept others waiting once it is over."""

    seconds: float = 0.0


class Pace:
    """How many rows fit into one short write transaction here, learned from the transactions before."""

    def __init__(self, first: int = _FIRST_ROWS, fewest: int = _FEWEST_ROWS, most: int = _MOST_ROWS) -> None:
        self.rows, self._fewest, self._most = first, fewest, most

    def slices[T](self, items: Sequence[T]) -> Iterator[Sequence[T]]:
        """Items in their order, as many at a time as the pace then allows."""
        begun = 0
        while begun < len(items):
            several = items[begun : begun + self.rows]
            yield several
            begun += len(several)

    def took(self, turn: Turn, rows: int) -> None:
        """Learn from a transaction of so many rows; at most doubles, shrinks at once."""
        if turn.seconds > 0:
            fitting = int(rows * _TURN_SECONDS / turn.seconds)
            self.rows = max(self._fewest, min(fitting, 2 * self.rows, self._most))
