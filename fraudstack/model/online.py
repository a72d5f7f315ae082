"""A model's opinion of one transaction: its probability, what that weighs in a decision, what it rests on."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fraudstack.features import DAY
from fraudstack.features.client import ClientMemory
from fraudstack.features.table import GROUPS, WHOLE, in_words, row
from fraudstack.features.value import ValueMemory
from fraudstack.profiles.event import Event
from fraudstack.rules.config import RulesFile
from fraudstack.rules.reasons import Figure, Reason

if TYPE_CHECKING:
    from fraudstack.model.artefact import Model

# Features of a group that are said.
_MOST_SAID = 2
# A weight of 1 would leave no room for what others say.
_MOST_WEIGHT = 0.9999


@dataclass(frozen=True)
class Opinion:
    """What a model says of a transaction."""

    model: "Model"
    # Its features, NAMES.
    figures: Sequence[float]
    # 0 to 1.
    probability: float

    def reason(self, rules: RulesFile) -> Reason | None:
        """The opinion as one reason; None below the probability from which the rules file lets a model speak."""
        return reason(self.probability, self.model.version, rules)

    def reasons(self, whole: Reason) -> list[Reason]:
        """The same reason in parts, one a group of features that speaks for fraud; together they weigh the same.

        A group's part is its share of the positive contributions to the log odds (Lundberg, Lee 2017, TreeSHAP).
        Noisy-or of the parts gives the whole: 1 - (1 - w)^s, with shares s that add up to 1.
        """
        contributions = dict(zip(self.model.features, self.model.contributions(self.figures), strict=True))
        values = dict(zip(self.model.features, self.figures, strict=True))
        sums = {code: sum(contributions[name] for name in group) for code, group in GROUPS.items()}
        speaking = {code: found for code, found in sums.items() if found > 0}
        parts = []
        for code, found in speaking.items():
            share = found / sum(speaking.values())
            positive = [name for name in GROUPS[code] if contributions[name] > 0]
            names = sorted(positive, key=lambda name: -contributions[name])[:_MOST_SAID]
            shown = {name: round(values[name], 4) if math.isfinite(values[name]) else None for name in names}
            text = f"the model: {', '.join(in_words(name, values[name]) for name in names)}"
            parts.append(Reason(code, 1 - (1 - whole.weight) ** share, {**whole.figures, **shown}, text))
        return parts or [whole]


def opinion(model: "Model", event: Event, memory: ClientMemory, values: Mapping[str, ValueMemory]) -> Opinion:
    """What a model says of a transaction that the memories don't hold yet."""
    day, delay = event.seconds // DAY, model.label_delay
    merchant, mcc, state = (values.get(kind) for kind in ("merchant", "mcc", "state"))
    figures = row(
        memory.features(event, delay),
        merchant.of_merchant(day, delay) if merchant else None,
        mcc.of_risk(day, delay) if mcc else None,
        state.of_risk(day, delay) if state else None,
    )
    # As it was trained: on single precision.
    score = model.scores(np.array([figures], dtype=np.float32))[0]
    return Opinion(model, figures, float(score))


def reason(probability: float, version: str, rules: RulesFile) -> Reason | None:
    """A probability as a reason; None below `speaks_at`."""
    if probability < rules.model.speaks_at:
        return None
    shown: dict[str, Figure] = {"probability": round(probability, 4), "model_version": version}
    return Reason(WHOLE, weight(probability, rules), shown, f"the model gives {probability:.1%}")


def weight(probability: float, rules: RulesFile) -> float:
    """What a probability weighs beside the rules' reasons: rising with it, 0 at 0, and at `alert_at` suspicious alone.

    A power of the probability, p^(ln suspicious_at / ln alert_at).
    """
    suspicious_at = min(max(rules.decision.suspicious_at, 1e-6), 1 - 1e-6)
    return min(_MOST_WEIGHT, math.pow(probability, math.log(suspicious_at) / math.log(rules.model.alert_at)))
