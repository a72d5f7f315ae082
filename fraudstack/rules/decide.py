"""From reasons to a score, and from a score to a decision."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from fraudstack.rules.reasons import Case, Reason, reasons, whitelisted

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
        (block.countries, "country", event.country),
        (block.mccs, "merchant category", event.mcc),
    ):
        if value in listed:
            return Reason("block_list", 0.9999, {"list": name, "value": value}, f"{name} {value} is on the block list")
    return None


def _allowed(case: Case) -> str | None:
    if case.event.client_id in case.rules.allow.clients:
        return f"client {case.event.client_id} is on the allow list"
    if case.event.merchant in case.rules.allow.merchants:
        return f"merchant {case.event.merchant} is on the allow list"
    return None


def _sentence(found: Sequence[Reason]) -> str:
    if not found:
        return "nothing out of the ordinary"
    said = "; ".join(reason.text for reason in found[:_MOST_IN_A_SENTENCE])
    rest = len(found) - _MOST_IN_A_SENTENCE
    return f"{said}; and {rest} more" if rest > 0 else said
