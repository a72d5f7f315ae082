"""What would have made a decision normal: the verdict made once more, with one thing otherwise."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from fraudstack.features.table import CODES as MODEL_CODES
from fraudstack.features.table import WHOLE
from fraudstack.rules.case import Case, money
from fraudstack.rules.config import Block
from fraudstack.rules.decide import Verdict, combined

_BLOCKED = "block_list"
# Reasons that a smaller amount may take away; a model's may be of it, too.
_OF_MONEY = {
    "amount_unusual",
    "day_spend_unusual",
    "new_merchants_spend",
    "cold_start",
    "refund_unmatched",
    *MODEL_CODES,
}
# How often a model is asked about other amounts.
_TRIES = 12
_NOBODY = Block(merchants=frozenset(), clients=frozenset(), cards=frozenset(), countries=frozenset(), mccs=frozenset())


def normal_if(case: Case, verdict: Verdict, again: Callable[[Case], Verdict], *, amounts: bool = True) -> str | None:
    """What would have made a suspicious verdict normal, behind "if"; None where nothing would.

    `again` gives the verdict on a case of which something is otherwise. Told is what was tried: off the block
    list, with a smaller amount, without one reason, or without the fewest of the weightiest. A model is one reason.
    Without `amounts` no other amount is tried, where nobody can say what a model thinks of it.
    """
    if verdict.reasons and verdict.reasons[0].code == _BLOCKED:
        return _off_the_list(case, verdict, again, amounts)
    amount = _amount(case, verdict, again) if amounts else None
    if amount is not None:
        return f"the amount were {money(amount)}"
    return _without(case, verdict)


def _off_the_list(case: Case, verdict: Verdict, again: Callable[[Case], Verdict], amounts: bool) -> str | None:
    listed = tuple(entry for entry in case.listed if entry.list != "block")
    free = case._replace(listed=listed, rules=case.rules.model_copy(update={"block": _NOBODY}))
    rest = again(free)
    figures = verdict.reasons[0].figures
    said = f"{figures['list']} {figures['value']} weren't on the block list"
    if not rest.suspicious:
        return said
    more = normal_if(free, rest, again, amounts=amounts)
    return more and f"{said} and {more}"


def _amount(case: Case, verdict: Verdict, again: Callable[[Case], Verdict]) -> int | None:
    """The largest amount that was found with which all would be normal, in cents; of larger ones in whole units."""
    if not any(reason.code in _OF_MONEY for reason in verdict.reasons):
        return None
    size, sign = abs(case.event.cents), -1 if case.event.cents < 0 else 1
    unit = 100 if size >= 1000 else 1

    def normal(units: int) -> bool:
        return not again(case._replace(event=replace(case.event, cents=sign * units * unit))).suspicious

    low, high = 1, (size + unit - 1) // unit
    if high <= low or not normal(low):
        return None
    for _ in range(_TRIES):
        if high - low < 2:
            break
        middle = (low + high) // 2
        low, high = (middle, high) if normal(middle) else (low, middle)
    return sign * low * unit


def _without(case: Case, verdict: Verdict) -> str | None:
    things = _things(verdict)

    def normal(kept: Sequence[_Thing]) -> bool:
        return combined([weight for one in kept for weight in one.weights]) < case.rules.decision.suspicious_at

    for at, thing in enumerate(things):
        if normal([*things[:at], *things[at + 1 :]]):
            return f"it weren't for this: {thing.said}"
    fewest = next((number for number in range(2, len(things) + 1) if normal(things[number:])), None)
    return f"it weren't for its {fewest} weightiest reasons" if fewest else None


class _Thing(NamedTuple):
    weights: list[float]
    said: str


def _things(verdict: Verdict) -> list[_Thing]:
    """What speaks against a transaction, the weightiest first; a model's reasons are one."""
    things: dict[str, _Thing] = {}
    for reason in verdict.reasons:
        name, said = reason.code, reason.text
        if name in MODEL_CODES:
            name, said = WHOLE, f"what the model says, {float(reason.figures['probability'] or 0):.1%}"
        things.setdefault(name, _Thing([], said)).weights.append(reason.weight)
    return sorted(things.values(), key=lambda thing: -combined(thing.weights))
