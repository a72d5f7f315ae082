"""A model's opinion of one transaction: its probability, what that weighs in a decision, what it rests on."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fraudstack.features import DAY
from fraudstack.features.client import ClientMemory
from fraudstack.features.table import CODES, GROUPS, WHOLE, in_words, is_odd, row
from fraudstack.features.value import ValueMemory
from fraudstack.profiles.event import Event
from fraudstack.rules.case import Case, Figure, Reason, expected_loss, money
from fraudstack.rules.config import RulesFile
from fraudstack.rules.decide import Verdict, combined

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

    def reason(self, case: Case) -> Reason | None:
        """The opinion as one reason; None below the probability from which the rules file lets a model speak."""
        return reason(self.probability, self.model.version, case)

    def reasons(self, whole: Reason) -> list[Reason]:
        """The same reason in parts, one a group of features that speaks for fraud; together they weigh the same.

        A group's part is its share of the positive contributions to the log odds (Lundberg, Lee 2017, TreeSHAP).
        Noisy-or of the parts gives the whole: 1 - (1 - w)^s, with shares s that add up to 1. Only what is out of the
        ordinary is a reason: a group without it leaves its share to the others, and what is typical stands beside.
        """
        contributions = dict(zip(self.model.features, self.model.contributions(self.figures), strict=True))
        values = dict(zip(self.model.features, self.figures, strict=True))
        sums = {code: sum(contributions[name] for name in group) for code, group in GROUPS.items()}
        odd = {
            code: sorted(
                (name for name in GROUPS[code] if contributions[name] > 0 and is_odd(name, values)),
                key=lambda name: -contributions[name],
            )[:_MOST_SAID]
            for code, found in sums.items()
            if found > 0
        }
        speaking = {code: sums[code] for code, names in odd.items() if names}
        if not speaking:
            return [whole._replace(text=f"{whole.text}, though nothing alone is out of the ordinary")]
        parts = []
        for code, found in speaking.items():
            share = found / sum(speaking.values())
            shown = {name: round(values[name], 4) if math.isfinite(values[name]) else None for name in odd[code]}
            text = f"the model: {', '.join(in_words(name, values[name]) for name in odd[code])}"
            parts.append(Reason(code, 1 - (1 - whole.weight) ** share, {**whole.figures, **shown}, text))
        first = max(range(len(parts)), key=lambda at: parts[at].weight)
        parts[first] = parts[first]._replace(text=f"{parts[first].text}{_typical(contributions, values)}")
        return parts


def _typical(contributions: Mapping[str, float], values: Mapping[str, float]) -> str:
    """What speaks most against fraud, in words; empty where nothing does."""
    name, found = min(contributions.items(), key=lambda one: one[1])
    if found >= 0 or not math.isfinite(values[name]) or is_odd(name, values):
        return ""
    return f" (typical: {in_words(name, values[name])})"


def opinion(model: "Model", event: Event, memory: ClientMemory, values: Mapping[str, ValueMemory]) -> Opinion:
    """What a model says of a transaction that the memories don't hold yet."""
    day, delay = event.seconds // DAY, model.label_delay
    merchant, mcc, state, channel = (values.get(kind) for kind in ("merchant", "mcc", "state", "channel"))
    figures = row(
        memory.features(event, delay),
        merchant.of_merchant(day, delay) if merchant else None,
        mcc.of_risk(day, delay) if mcc else None,
        state.of_risk(day, delay) if state else None,
        channel.of_channel(day, delay) if channel else None,
    )
    # As it was trained: on single precision.
    score = model.scores(np.array([figures], dtype=np.float32))[0]
    return Opinion(model, figures, float(score))


def reason(probability: float, version: str, case: Case) -> Reason | None:
    """A probability as a reason; None below `speaks_at` and below what is worth an alert."""
    if not speaks(probability, case.event.cents, case.rules):
        return None
    alert_at = case.rules.alert_at(case.event.cents)
    shown: dict[str, Figure] = {"probability": round(probability, 4), "model_version": version}
    said = f"the model gives {probability:.1%}"
    if case.rules.costs is not None or case.rules.budget is not None:
        shown["expected_loss"] = expected_loss(probability, case.event.cents)
        said = f"{said} of {money(abs(case.event.cents))}"
    return Reason(WHOLE, weight(probability, alert_at, case.rules), shown, said)


def speaks(probability: float, cents: int, rules: RulesFile) -> bool:
    """Whether the rules file lets a model speak of so many cents."""
    return probability >= min(rules.model.speaks_at, rules.alert_at(cents))


def weight(probability: float, alert_at: float, rules: RulesFile) -> float:
    """What a probability weighs beside the rules' reasons: rising with it, 0 at 0, and at `alert_at` suspicious alone.

    A power of the probability, p^(ln suspicious_at / ln alert_at).
    """
    return min(_MOST_WEIGHT, math.pow(probability, math.log(_bar(rules)) / math.log(alert_at)))


def alerted_up_to(probability: float | None, verdict: Verdict, rules: RulesFile) -> float:
    """The highest `alert_at` for all amounts with which a transaction is suspicious; 0 to 1, 0 where it is with none.

    The reasons beside the model's are the verdict's, so that one threshold is compared with another way to choose it.
    """
    others = combined([reason.weight for reason in verdict.reasons if reason.code not in CODES])
    if others >= rules.decision.suspicious_at or probability is None:
        return float(others >= rules.decision.suspicious_at)
    speaks_at = rules.model.speaks_at
    if not probability or (verdict.decision == "whitelisted" and probability >= speaks_at):
        # An allow list says so: the whitelist is silent where a model speaks.
        return 0.0
    # What `weight` has to be at least, turned round.
    needed = 1 - (1 - _bar(rules)) / (1 - others)
    if needed <= 0:
        return 1.0
    found = math.exp(math.log(_bar(rules)) * math.log(min(probability, _MOST_WEIGHT)) / math.log(needed))
    return found if probability >= speaks_at else min(found, probability)


def _bar(rules: RulesFile) -> float:
    return min(max(rules.decision.suspicious_at, 1e-6), 1 - 1e-6)
