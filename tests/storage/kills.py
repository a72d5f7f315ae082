"""A process that is killed between two of its write transactions."""

from collections.abc import Callable


class KilledError(Exception):
    """Stands for a process that is killed."""


def killed_after(turns: int) -> Callable[[int], None]:
    """What is told of each write transaction and, after so many, kills."""
    left = [turns]

    def on_rows(_: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KilledError

    return on_rows
