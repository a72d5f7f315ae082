"""From reasons to a score, and from a score to a decision."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from fraudstack.rules.case import Case, Reason
from fraudstack.rules.config import Bounds
from fraudstack.rules.listed import allowed, blocked, held
from fraudstack.rules.reasons import SILENCED, reasons
from fraudstack.rules.whitelist import whitelisted

Decision = Literal["whitelisted", "normal", "challenge", "suspicious", "blocked"]
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
        return self.decision in ("challenge", "suspicious", "blocked")


def decide(case: Case, *, excepted: bool = False, more: Sequence[Reason] = ()) -> Verdict:
    """Block list, allow list, held list, whitelist, then the rules.

    `excepted`: an analyst allowed this client at this merchant. `more` are reasons from elsewhere, a model's or a
    language model's: with one the whitelist isn't asked, and they only ever raise the score.
    """
    if on_block_list := blocked(case):
        return Verdict("blocked", 1.0, on_block_list.text, (on_block_list,))
    if on_allow_list := allowed(case):
        return Verdict("whitelisted", 0.0, on_allow_list)
    holds = excepted and case.event.cents <= case.rules.excepted_up_to
    on_held_list = held(case)
    every = (*([on_held_list] if on_held_list else ()), *reasons(case, excepted=holds), *more)
    found = sorted(every, key=lambda reason: -reason.weight)
    # What is usual in each single transaction may be too much of it.
    if not any(reason.code not in SILENCED for reason in found) and (usual := whitelisted(case)):
        return Verdict("whitelisted", 0.0, usual)
    score = combined([reason.weight for reason in found])
    bounds = case.rules.decision
    decision: Decision = (
        "blocked" if score >= bounds.block_at else "suspicious" if score >= bounds.suspicious_at else "normal"
    )
    return Verdict(decision, score, _sentence(found), tuple(found))


def stepped_up(verdict: Verdict, bounds: Bounds, latest: str | None) -> Verdict:
    """The verdict where the caller can challenge the cardholder (EMV 3-D Secure); `latest` on this card and merchant.

    Doubt becomes a challenge; one that was passed spares another, one that wasn't makes no doubt smaller.
    """
    if verdict.decision != "suspicious" or verdict.score >= bounds.challenge_below:
        return verdict
    if latest == "passed":
        return verdict._replace(decision="normal", reason=f"{verdict.reason}; the cardholder passed a challenge here")
    if latest is None:
        return verdict._replace(decision="challenge")
    return verdict._replace(reason=f"{verdict.reason}; the last challenge here was {latest}")


def combined(weights: Sequence[float]) -> float:
    """Noisy-or (Pearl 1988): the chance that at least one of independent causes is at work."""
    innocent = 1.0
    for weight in weights:
        innocent *= 1.0 - weight
    return round(1.0 - innocent, 4)


def in_grey_band(case: Case, score: float) -> bool:
    """Whether a score is neither clear nor alarming, so that the transaction's text may be asked."""
    return case.rules.decision.grey_from <= score <= case.rules.decision.grey_to


def _sentence(found: Sequence[Reason]) -> str:
    if not found:
        return "nothing out of the ordinary"
    said = "; ".join(reason.text for reason in found[:_MOST_IN_A_SENTENCE])
    rest = len(found) - _MOST_IN_A_SENTENCE
    return f"{said}; and {rest} more" if rest > 0 else said
