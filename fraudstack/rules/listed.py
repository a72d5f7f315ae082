"""Lists: of the rules file, and of the store, where each entry has a reason, an owner and an end."""

from collections.abc import Iterator

from fraudstack.profiles.named import Named, named
from fraudstack.rules.case import Case, Reason
from fraudstack.rules.config import Allow, Block

_NAMES = {"mcc": "merchant category"}


def blocked(case: Case) -> Reason | None:
    """Why a transaction is blocked whatever the rules say."""
    return _reason(case, "block", "block_list", 0.9999)


def held(case: Case) -> Reason | None:
    """Why a transaction is suspicious whatever else is known."""
    return _reason(case, "held", "held_list", case.rules.decision.suspicious_at)


def allowed(case: Case) -> str | None:
    """Why a transaction is normal whatever the rules say, in a sentence."""
    found = next(_on(case, "allow"), None)
    return found and _sentence(*found, "allow")


def _reason(case: Case, listed: str, code: str, weight: float) -> Reason | None:
    found = next(_on(case, listed), None)
    if found is None:
        return None
    one, why = found
    return Reason(code, weight, {"list": _name(one), "value": one.told}, _sentence(one, why, listed))


def _name(one: Named) -> str:
    return _NAMES.get(one.kind, one.kind)


def _sentence(one: Named, why: str, listed: str) -> str:
    said = f"{_name(one)} {one.told} is on the {listed} list"
    return f"{said}: {why}" if why else said


def _on(case: Case, listed: str) -> Iterator[tuple[Named, str]]:
    """What of a transaction is on a list, and why where that is told."""
    parts: dict[str, Allow | Block] = {"block": case.rules.block, "allow": case.rules.allow}
    part = parts.get(listed)
    # Most have no list at all, and names cost time.
    if not case.listed and (part is None or part.empty):
        return
    for one in named(case.event):
        if part is not None and one.value in _of_file(part, one):
            yield one, ""
        for entry in case.listed:
            if entry[:3] == (listed, one.kind, one.value):
                yield one, entry.reason


def _of_file(part: Allow | Block, one: Named) -> frozenset[str]:
    match one.kind, part:
        case "client", _:
            return part.clients
        case "merchant", _:
            return part.merchants
        case "card", Block():
            return part.cards
        case "country", Block():
            return part.countries
        case "mcc", Block():
            return frozenset(map(str, part.mccs))
    return frozenset()
