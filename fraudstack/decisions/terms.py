"""What decisions are made by at a moment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fraudstack.features import DAY, KEPT_DAYS
from fraudstack.profiles.event import Event
from fraudstack.profiles.profile import FAR_BACK
from fraudstack.rules.config import Rules

if TYPE_CHECKING:
    from fraudstack.model.artefact import Model


@dataclass(frozen=True)
class Terms:
    """What decisions are made by at a moment."""

    rules: Rules
    # ISO 4217.
    currency: str
    # Names of merchant category codes.
    categories: Mapping[int, str] = field(default_factory=dict)
    model: "Model | None" = None
    # Why the champion isn't asked.
    model_problem: str | None = None
    # Is told how many seconds a model's opinion took.
    timed: Callable[[float], object] | None = None
    # Is told what kept a model from an opinion, and puts it in a sentence.
    failed: Callable[[Exception], str] = str
    # Of what is normal, the share (0 to 1) of which is kept what the model looked at.
    figures_share: float = 0.0
    # Is asked beside the model, without effect; who is told what kept it from an opinion.
    challenger: "Model | None" = None
    challenger_failed: Callable[[Exception], object] = str

    @property
    def asks(self) -> bool:
        """Whether any model is asked, so that memories are needed."""
        return bool(self.label_delays)

    @property
    def label_delays(self) -> set[int]:
        """The whole days after which the models that are asked take a label as known."""
        return {model.label_delay for model in (self.model, self.challenger) if model is not None}


def at_its_time(terms: Terms, event: Event, newest: int) -> Terms:
    """The terms for a transaction of the past, in a store whose newest is of the day `newest`, since 1970.

    Of what a model has learned from, and of days that aren't kept, rules decide.
    """
    day = event.seconds // DAY
    is_kept = day > newest - KEPT_DAYS
    if terms.challenger is not None and (day < terms.challenger.first_unseen or not is_kept):
        terms = replace(terms, challenger=None)
    if terms.model is None:
        return terms
    if day < terms.model.first_unseen:
        return replace(terms, model=None, model_problem="the model has learned from later days")
    if not is_kept:
        return replace(terms, model=None, model_problem="what was known of that day isn't kept any more")
    return terms


def looks_back(event: Event, terms: Terms) -> int:
    """How many seconds before an event its client's transactions are looked at one by one."""
    # What a refund is of may be long ago.
    return FAR_BACK if event.cents < 0 else terms.rules.file.looks_back
