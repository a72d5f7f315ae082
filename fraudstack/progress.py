"""How long work shows itself: bars on a terminal, plain lines elsewhere, and seconds per phase for whoever asks."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

# Sets how much of a phase is done, and of how much; a total of 0 means not known.
Advance = Callable[[int, int], None]
_LINE_EVERY_SECONDS = 15.0


@dataclass
class Phases:
    """The phases of a piece of work, in order, with the seconds that each took."""

    console: Console
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[Advance]:
        """Show and time one phase."""
        started = time.perf_counter()
        with _bar(self.console, name) if self.console.is_terminal else _lines(self.console, name) as advance:
            yield advance
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started

    @contextmanager
    def counted(self, name: str, total: int) -> Iterator[Callable[[int], None]]:
        """A phase over `total` things; what it yields is told how many more are done."""
        done = 0
        with self.phase(name) as advance:

            def more(things: int) -> None:
                nonlocal done
                done += things
                advance(done, total)

            yield more

    def say(self, sentence: str) -> None:
        """Tell something that belongs to no phase."""
        self.console.print(sentence, highlight=False, markup=False)


@contextmanager
def _bar(console: Console, name: str) -> Iterator[Advance]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(name, total=None)

        def advance(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total or None)

        yield advance


@contextmanager
def _lines(console: Console, name: str) -> Iterator[Advance]:
    started = said = time.perf_counter()

    def say(words: str) -> None:
        console.print(f"{name}: {words}", highlight=False, markup=False, soft_wrap=True)

    def advance(done: int, total: int) -> None:
        nonlocal said
        now = time.perf_counter()
        if now - said >= _LINE_EVERY_SECONDS:
            said = now
            say(f"{done:,} of {total:,}" if total else f"{done:,}")

    yield advance
    say(f"{time.perf_counter() - started:.1f} s")
