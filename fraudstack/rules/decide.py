"""From reasons to a score, and from a score to a decision."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from fraudstack.profiles.event import country
from fraudstack.rules.reasons import Case, Reason, reasons, whitelisted
from fraudstack.texts import same_id

Decision = Literal["whitelisted", "normal", "suspicious", "blocked"]
_MOST_IN_A_SENTENCE = 3


class Verdict(NamedTuple):
    """What the rules say: the score is 0 to 1, the reason a sentence, the reasons by falling weight."""

    decision: Decision
    score: float
    reason: str
    reasons: tuple[Reason, ...] = ()

    @property
    def suspicious(self) -> bool:
        """What becomes of flagged_fraud."""
        return self.decision in ("suspicious", "blocked")


def decide(case: Case, *, excepted: bool = False, more: Sequence[Reason] = ()) -> Verdict:
    """Block list, allow list, whitelist, then the rules.

    `excepted`: an analyst allowed this client at this merchant. `more` are reasons from elsewhere, a model's or a
    language model's: with one the whitelist isn't asked, and they only ever raise the score.
    """
    if blocked := _blocked(case):
        return Verdict("blocked", 1.0, blocked.text, (blocked,))
    if allowed := _allowed(case):
        return Verdict("whitelisted", 0.0, allowed)
    if not more and (usual := whitelisted(case)):
        return Verdict("whitelisted", 0.0, usual)
    found = sorted((*reasons(case, excepted=excepted), *more), key=lambda reason: -reason.weight)
    score = combined([reason.weight for reason in found])
    bounds = case.rules.decision
    decision: Decision = (
        "blocked" if score >= bounds.block_at else "suspicious" if score >= bounds.suspicious_at else "normal"
    )
    return Verdict(decision, score, _sentence(found), tuple(found))


def combined(weights: Sequence[float]) -> float:
    """Noisy-or (Pearl 1988): the chance that at least one of independent causes is at work."""
    innocent = 1.0
    for weight in weights:
        innocent *= 1.0 - weight
    return round(1.0 - innocent, 4)


def in_grey_band(case: Case, score: float) -> bool:
    """Whether a score is neither clear nor alarming, so that the transaction's text may be asked."""
    return case.rules.decision.grey_from <= score <= case.rules.decision.grey_to


def _blocked(case: Case) -> Reason | None:
    event, block = case.event, case.rules.block
    for listed, name, value in (
        (block.clients, "client", event.client_id),
        (block.cards, "card", event.card),
        (block.merchants, "merchant", event.merchant),
    ):
        if _is_in(listed, value):
            return _on_the_list(name, value)
    # Wherever the card was: who sells online from a country is in it too.
    if block.countries and (where := country(event.state)) in block.countries:
        return _on_the_list("country", where)
    if event.mcc in block.mccs:
        return _on_the_list("merchant category", event.mcc)
    return None


def _on_the_list(name: str, value: str | int | None) -> Reason:
    return Reason("block_list", 0.9999, {"list": name, "value": value}, f"{name} {value} is on the block list")


def _allowed(case: Case) -> str | None:
    event, allow = case.event, case.rules.allow
    if _is_in(allow.clients, event.client_id):
        return f"client {event.client_id} is on the allow list"
    if _is_in(allow.merchants, event.merchant):
        return f"merchant {event.merchant} is on the allow list"
    return None


def _is_in(listed: frozenset[str], id: str | None) -> bool:
    return bool(listed) and id is not None and same_id(id) in listed


def _sentence(found: Sequence[Reason]) -> str:
    if not found:
        return "nothing out of the ordinary"
    said = "; ".join(reason.text for reason in found[:_MOST_IN_A_SENTENCE])
    rest = len(found) - _MOST_IN_A_SENTENCE
    return f"{said}; and {rest} more" if rest > 0 else said
