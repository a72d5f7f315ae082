"""Whether a new model comes into force: it beats the rules, is calibrated, and isn't worse than the champion.

All is found on the days on which it was tried, by a model that had not seen them.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace

import numpy as np

from fraudstack.model.artefact import Model
from fraudstack.model.fit import LEAST_FRAUDS, Tried
from fraudstack.model.judge import Outcomes, average_precision, gain, less_loss, log_loss
from fraudstack.model.protocol import day_of

# Of expected to observed frauds: beyond, a probability is none.
_CALIBRATED = (0.5, 2.0)


@dataclass(frozen=True)
class Comparison:
    """What was found; figures are None where they can't be told."""

    # Whether it is to come into force.
    better: bool
    reason: str
    # On the whole trial: average precision and log loss, the rules' and the base rate's, expected to observed frauds.
    of_trial: float | None = None
    rules: float | None = None
    loss_of_trial: float | None = None
    loss_of_base_rate: float | None = None
    expected_to_observed: float | None = None
    # On its days that the champion hasn't seen: average precision, and the difference's bounds, each one-sided at 95 %.
    candidate: float | None = None
    champion: float | None = None
    lower_bound: float | None = None
    upper_bound: float | None = None
    # Log loss there.
    loss: float | None = None
    champion_loss: float | None = None

    def facts(self) -> dict[str, object]:
        """All of it, for JSON."""
        return asdict(self)


def compare(candidate: Model, tried: Tried | None, champion: Model | None, vetoed: Collection[str] = ()) -> Comparison:
    """Hold a candidate against an absolute floor, and against the champion where there is one.

    `vetoed` are versions that somebody went back from. Days that the champion has learned from are left out.
    """
    stays = "the rules go on alone" if champion is None else "the champion stays"
    if champion is not None and champion.version == candidate.version:
        return Comparison(False, "it is the champion already")
    if candidate.version in vetoed:
        return Comparison(False, f"it was rolled back from, and a person alone can promote it again: {stays}")
    if tried is None:
        return Comparison(False, f"its last weeks have too few frauds to judge it on: {stays}")
    if tried.by_rules is None:
        return Comparison(False, f"what the rules say of its last weeks isn't known, train it anew: {stays}")
    found = _above_the_floor(tried, tried.by_rules)
    if not found.better:
        return replace(found, reason=f"{found.reason}: {stays}")
    if champion is None:
        return replace(found, reason=f"{found.reason}; there was no champion")
    return _beside(tried, champion, found)


def _above_the_floor(tried: Tried, by_rules: np.ndarray) -> Comparison:
    """Whether it beats the rules by more than the noise, and its probabilities are some."""
    examples, scores = tried.examples, tried.scores
    frauds, weights = examples.frauds, examples.weights
    _, lower, _ = gain(Outcomes(examples.days, examples.clients, frauds, scores), by_rules, weights)
    ours, rules = (average_precision(frauds, one, weights) for one in (scores, by_rules))
    loss, base_rate = log_loss(frauds, scores, weights), float(np.average(frauds, weights=weights))
    base = log_loss(frauds, np.full(len(frauds), base_rate), weights)
    expected = float(np.sum(scores * weights) / np.sum(frauds * weights))
    found = Comparison(
        True,
        f"average precision {ours:.3f} against the rules' {rules:.3f}, {expected:.2f} times as many frauds expected as "
        "there were",
        of_trial=ours,
        rules=rules,
        loss_of_trial=loss,
        loss_of_base_rate=base,
        expected_to_observed=expected,
    )
    if lower <= 0:
        return replace(found, better=False, reason=f"{found.reason}: it may be chance that it beats the rules")
    least, most = _CALIBRATED
    if not least <= expected <= most or not loss < base:
        doubt = f"{found.reason}, log loss {loss:.4f} against the base rate's {base:.4f}: it isn't calibrated"
        return replace(found, better=False, reason=doubt)
    return found


def _beside(tried: Tried, champion: Model, floor: Comparison) -> Comparison:
    """Better by more than the noise, or no worse by more than it and fresher."""
    until = str(champion.facts["trained"]["until"])
    unseen = tried.examples.days > day_of(until)
    examples, ours = tried.examples.where(unseen), tried.scores[unseen]
    frauds, weights = examples.frauds, examples.weights
    if (count := int(frauds.sum())) < LEAST_FRAUDS:
        return replace(
            floor,
            better=False,
            reason=f"since {until}, when the champion was trained, it was tried on {count} frauds, of which "
            f"{LEAST_FRAUDS} are needed to compare: the champion stays",
        )
    theirs = champion.scores(examples.figures)
    scored = Outcomes(examples.days, examples.clients, frauds, ours)
    precision, loss = gain(scored, theirs, weights), less_loss(scored, theirs, weights)
    figures = [average_precision(frauds, one, weights) for one in (ours, theirs)]
    losses = [log_loss(frauds, one, weights) for one in (ours, theirs)]
    first = np.datetime64(int(examples.days[0]), "D")
    said = (
        f"average precision {figures[0]:.3f} against the champion's {figures[1]:.3f}, log loss {losses[0]:.4f} against "
        f"{losses[1]:.4f}, from {first} on"
    )
    if precision.lower > 0:
        better, verdict = True, f"at least {precision.lower:.3f} better"
    elif precision.upper < 0 or loss.upper < 0:
        better, verdict = False, "worse by more than chance: the champion stays"
    else:
        # From the days on which it was tried it has learned since.
        better, verdict = True, f"no worse than chance allows, and it has learned from the days since {until}"
    return replace(
        floor,
        better=better,
        reason=f"{said}, {verdict}",
        candidate=figures[0],
        champion=figures[1],
        lower_bound=precision.lower,
        upper_bound=precision.upper,
        loss=losses[0],
        champion_loss=losses[1],
    )
