"""From a transaction and what is known of it to what rules and model say, and to a row of `decisions`."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from fraudstack.decisions.around import Around
from fraudstack.decisions.otherwise import normal_if
from fraudstack.decisions.terms import Terms
from fraudstack.features import kept
from fraudstack.features.client import ClientMemory
from fraudstack.features.table import WHOLE
from fraudstack.profiles.event import Event
from fraudstack.profiles.profile import Profile
from fraudstack.rules.case import Case, Reason, case_of, expected_loss
from fraudstack.rules.decide import Verdict, decide, in_grey_band

if TYPE_CHECKING:
    from fraudstack.model.artefact import Model
    from fraudstack.model.online import Opinion

# Decisions that a text could still change.
_OPEN = ("normal", "suspicious")


@dataclass(frozen=True)
class Scored:
    """What rules and model say of a transaction; `excepted`: an analyst allowed this client at this merchant."""

    case: Case
    excepted: bool
    opinion: "Opinion | None"
    verdict: Verdict
    # Why the champion wasn't heard.
    problem: str | None = None
    # How the cardholder answered the latest challenge; asked only where the caller can challenge.
    challenged: str | None = None
    # What a challenger says, which nobody hears.
    challenger: "Opinion | None" = None
    # A language model's reasons, and who asks the model once more about the event changed.
    more: Sequence[Reason] = ()
    ask: "Callable[[Event], Opinion] | None" = None

    @property
    def grey(self) -> bool:
        """Whether the score is neither clear nor alarming, so that the text is worth asking."""
        return self.verdict.decision in _OPEN and in_grey_band(self.case, self.verdict.score)


class OpinionLike(Protocol):
    """A model's opinion of a transaction."""

    def reason(self, case: Case) -> Reason | None:
        """It as one reason; None where the rules file doesn't let it speak."""

    def reasons(self, whole: Reason) -> Sequence[Reason]:
        """That reason in parts, which together weigh the same."""


def judged(case: Case, excepted: bool, opinion: OpinionLike | None, more: Sequence[Reason] = ()) -> Verdict:
    """The verdict of rules, model and language model; what the model rests on is asked only for what isn't normal."""
    verdict = judged_in_short(case, excepted, opinion, more)
    whole = next((reason for reason in verdict.reasons if reason.code == WHOLE), None)
    if opinion is None or whole is None or not verdict.suspicious:
        return verdict
    return decide(case, excepted=excepted, more=[*opinion.reasons(whole), *more])


def judged_in_short(case: Case, excepted: bool, opinion: OpinionLike | None, more: Sequence[Reason] = ()) -> Verdict:
    """The verdict of rules, model and language model, what the model says as one reason."""
    whole = None if opinion is None else opinion.reason(case)
    return decide(case, excepted=excepted, more=more if whole is None else [whole, *more])


def scored_by(
    event: Event,
    profile: Profile,
    around: Around,
    terms: Terms,
    memory: ClientMemory | None = None,
) -> Scored:
    """What is said of a transaction by a profile, which has its habits and doesn't count it, and by what is around it.

    A model is told of the client what the profile remembers, or another `memory`.
    """
    memory = memory or profile.memory
    category = None if event.mcc is None else terms.categories.get(event.mcc)
    excepted = around.excepted
    case = case_of(event, profile, terms.rules.file, around.velocity, category, around.listed)
    # Of a client whose past nobody remembered, a model would think that there is none.
    if not terms.asks or memory is None:
        return _heard(case, excepted, None, terms.model_problem, terms)
    # With it comes numpy, which a scorer without a model does without.
    from fraudstack.model.online import opinion

    started = time.perf_counter()

    def ask(model: "Model", event: Event) -> "Opinion":
        return opinion(model, event, memory, around.values[model.label_delay])

    said, problem, beside = None, terms.model_problem, None
    if terms.model is not None:
        try:
            said = ask(terms.model, event)
        except Exception as error:  # noqa: BLE001 - whatever a model does, the rules decide
            problem = terms.failed(error)
        else:
            if terms.timed is not None:
                terms.timed(time.perf_counter() - started)
    if terms.challenger is not None:
        try:
            beside = ask(terms.challenger, event)
        except Exception as error:  # noqa: BLE001 - nor does a challenger's failure
            terms.challenger_failed(error)
    again = None if said is None else partial(ask, said.model)
    return replace(_heard(case, excepted, said, problem, terms, ask=again), challenger=beside)


def advised(scored: Scored, more: Sequence[Reason], terms: Terms) -> Scored:
    """What is said of a transaction with a language model's reasons."""
    heard = _heard(scored.case, scored.excepted, scored.opinion, scored.problem, terms, more, scored.ask)
    return replace(heard, challenger=scored.challenger)


def _heard(
    case: Case,
    excepted: bool,
    opinion: "Opinion | None",
    problem: str | None,
    terms: Terms,
    more: Sequence[Reason] = (),
    ask: "Callable[[Event], Opinion] | None" = None,
) -> Scored:
    """What rules and model say, other reasons included; the rules alone where a model can't say what it rests on."""
    try:
        return Scored(case, excepted, opinion, judged(case, excepted, opinion, more), problem, more=more, ask=ask)
    except Exception as error:
        if opinion is None:
            raise
        return _heard(case, excepted, None, terms.failed(error), terms, more)


def _normal_if(scored: Scored, terms: Terms) -> str | None:
    """What would have made a suspicious transaction normal, in words; None for others, or where that isn't known."""
    if not scored.verdict.suspicious:
        return None

    def again(case: Case) -> Verdict:
        # The amount alone is ever changed of an event.
        asked = scored.opinion is not None and scored.ask is not None and case.event.cents != scored.case.event.cents
        opinion = scored.ask(case.event) if asked and scored.ask is not None else scored.opinion
        return judged_in_short(case, scored.excepted, opinion, scored.more)

    try:
        return normal_if(scored.case, scored.verdict, again)
    except Exception as error:
        if scored.opinion is None:
            raise
        # Whatever a model does, a decision doesn't wait for it.
        terms.failed(error)
        return None


def decision_of(
    scored: Scored, terms: Terms, now: datetime, body_hash: str | None, llm_status: str | None
) -> dict[str, Any]:
    """A score as a row of `decisions`, taken online."""
    verdict, opinion, beside, event = scored.verdict, scored.opinion, scored.challenger, scored.case.event
    probability = None if opinion is None else opinion.probability
    keeps = opinion is not None and (verdict.suspicious or kept.sampled(event, terms.figures_share))
    loss = expected_loss(verdict.score if probability is None else probability, event.cents)
    return {
        "decided_at": str(now),
        "score": verdict.score,
        "expected_loss": loss,
        "suspicious": verdict.suspicious,
        "decision": verdict.decision,
        "reason": verdict.reason,
        "reasons": [reason._asdict() for reason in verdict.reasons],
        "below_budget": verdict.suspicious and scored.case.rules.below_budget(loss),
        "normal_if": _normal_if(scored, terms),
        "llm_status": llm_status,
        "rules_version": terms.rules.version,
        "model_version": None if opinion is None else opinion.model.version,
        "model_problem": scored.problem,
        "probability": probability,
        "figures": kept.written(opinion.model.features, opinion.figures) if opinion and keeps else None,
        "body_hash": body_hash,
        "source": "online",
        "challenger_version": beside and beside.model.version,
        "challenger_probability": beside and beside.probability,
        "alert_at": scored.case.rules.alert_at(scored.case.event.cents) if beside else None,
    }
