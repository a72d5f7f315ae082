"""What a scorer made of scripted attacks, as a table for a terminal."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich import box
from rich.table import Table

# What is wanted of each: payments and money through before the first alert, share flagged after it, alerts a thousand.
MOST_THROUGH, MOST_MONEY, LEAST_FLAGGED, MOST_A_THOUSAND = 5, 500.0, 0.9, 5.0


@dataclass(frozen=True)
class Outcome:
    """What a scorer made of an attack and of its twin."""

    name: str
    # Payments of the attack, and those with their absolute amounts, in units of the currency, before the first alert.
    payments: int
    through: int
    money: float
    # Of those after the first alert; None where none was given, or nothing came after it.
    flagged: float | None
    twin: int
    # Payments of the twin that were suspicious.
    false_alarms: int

    @property
    def a_thousand(self) -> float:
        """Alerts of the twin a thousand of its payments."""
        return 1000 * self.false_alarms / self.twin


def holds(outcome: Outcome) -> bool:
    """Whether an attack was stopped as is wanted, and its twin left in peace."""
    seen = outcome.through < outcome.payments and outcome.through <= MOST_THROUGH and outcome.money <= MOST_MONEY
    return seen and (outcome.flagged or 0.0) >= LEAST_FLAGGED and outcome.a_thousand <= MOST_A_THOUSAND


def table(outcomes: Iterable[Outcome]) -> Table:
    """A row an attack, its benign twin beside it; red where it isn't what is wanted."""
    made = Table(
        box=box.SIMPLE_HEAD,
        caption="through, money: before the first alert; flagged: of what came after; alerts ‰: of the twin",
        caption_justify="left",
    )
    made.add_column("attack")
    for name in ("payments", "through", "money", "flagged"):
        made.add_column(name, justify="right")
    for name in ("twin", "alerts ‰"):
        made.add_column(name, justify="right")
    for one in outcomes:
        made.add_row(
            one.name,
            f"{one.payments:,}",
            f"{one.through:,}",
            f"{one.money:,.2f}",
            "–" if one.flagged is None else f"{one.flagged:.0%}",
            f"{one.twin:,}",
            f"{one.a_thousand:,.0f}",
            style=None if holds(one) else "red",
        )
    return made
