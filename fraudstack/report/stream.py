"""Decisions as they come, a line each, and what became of all."""

import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.text import Text

from fraudstack.fields import amounts
from fraudstack.texts import shown

_LONGEST = 500
_STYLES = {"whitelisted": "dim", "normal": "", "challenge": "cyan", "suspicious": "yellow", "blocked": "bold red"}


def line(transaction: Mapping[str, str], answer: Mapping[str, Any], is_fraud: bool | None) -> Text:
    """A transaction as its file has it: when, who, how much, what was decided and why, the truth where it is known."""
    place = transaction.get("merchant_state") or "online"
    client = shown(transaction["client_id"])
    cents = amounts.cents(transaction["amount"], "")
    amount = shown(transaction["amount"]) if cents is None else f"{cents / 100:,.2f}"
    said = (
        f"{shown(transaction.get('date', '')[:16]):<16}  client {client:>5}  {amount:>9}  "
        f"{shown(place, 14):<14}  {answer['decision']:<11}  {answer['score']:.2f}  {shown(answer['reason'], _LONGEST)}"
    )
    text = Text(said, style=_STYLES[answer["decision"]])
    if is_fraud:
        text.append("  ← fraud", style="bold magenta")
    return text


@dataclass
class Tally:
    """Counts over a stream."""

    decisions: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    frauds: int = 0
    caught: int = 0
    # What was suspicious and is labelled legitimate.
    false_alarms: int = 0
    # Of frauds, and of those that were suspicious.
    cents: int = 0
    saved_cents: int = 0
    milliseconds: list[float] = field(default_factory=list)

    def add(
        self, transaction: Mapping[str, str], answer: Mapping[str, Any], is_fraud: bool | None, milliseconds: float
    ) -> None:
        """Count one."""
        self.decisions[answer["decision"]] += 1
        self.milliseconds.append(milliseconds)
        self.false_alarms += is_fraud is False and answer["suspicious"]
        if is_fraud:
            cents = abs(amounts.cents(transaction["amount"], "") or 0)
            self.frauds += 1
            self.caught += answer["suspicious"]
            self.cents += cents
            self.saved_cents += cents * answer["suspicious"]

    def sentence(self) -> str:
        """What became of all."""
        if not self.milliseconds:
            return f"nothing was posted, {self.refused:,} refused" if self.refused else "nothing was posted"
        counts = ", ".join(f"{self.decisions[name]:,} {name}" for name in _STYLES if self.decisions[name])
        half = statistics.median(self.milliseconds)
        refused = f", {self.refused:,} refused" if self.refused else ""
        said = f"{len(self.milliseconds):,} posted: {counts}{refused}; median {half:.1f} ms"
        if not self.frauds:
            return said
        return (
            f"{said}\nof {self.frauds} labelled fraud {self.caught} were suspicious, which saves "
            f"{self.saved_cents / 100:,.2f} of {self.cents / 100:,.2f}; false alarms: {self.false_alarms}"
        )
