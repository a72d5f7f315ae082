"""How good scores are, by the measures of le Borgne et al. 2022, Machine Learning for Card Fraud Detection, 4."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Outcomes:
    """Transactions that were scored and whose labels are known, one a place in each array."""

    days: Ints
    clients: NDArray[np.str_]
    # 0 or 1.
    frauds: Ints
    # Higher is more suspicious.
    scores: Floats


class Difference(NamedTuple):
    """Of a measure of some scores and of others; 18 in 20 draws lie between the bounds."""

    found: float
    lower: float
    upper: float


def auc_roc(frauds: Ints, scores: Floats) -> float:
    """The chance that a fraud scores above a legitimate transaction, ties counting half (Mann and Whitney 1947)."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    positive = int(frauds.sum())
    negative = len(frauds) - positive
    if not positive or not negative:
        return float("nan")
    return float((ranks[frauds == 1].sum() - positive * (positive + 1) / 2) / (positive * negative))


def average_precision(frauds: Ints, scores: Floats, weights: Floats | None = None) -> float:
    """The mean of the precision at each threshold, weighted by the recall it adds; nan without a fraud.

    Each transaction stands for so many as its weight (n,) says.
    """
    return _average_precision(frauds, scores)(np.ones(len(scores)) if weights is None else weights)


def log_loss(frauds: Ints, probabilities: Floats, weights: Floats | None = None) -> float:
    """The mean of -ln of the probability (n,) that was given to what came true; 0 and 1 count as 1e-9 from there."""
    return float(np.average(_losses(frauds, probabilities), weights=weights))


def _losses(frauds: Ints, probabilities: Floats) -> Floats:
    sure = np.clip(probabilities, 1e-9, 1 - 1e-9)
    return -np.log(np.where(frauds == 1, sure, 1 - sure))


def _average_precision(frauds: Ints, scores: Floats) -> Callable[[Floats], float]:
    """The same of transactions of which each stands for so many as a weight (n,) says; sorted once for all weights."""
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.append(np.diff(scores[order]) != 0, True)

    def weighted(weights: Floats) -> float:
        found = np.cumsum((weights * frauds)[order])[last_of_tie]
        taken = np.cumsum(weights[order])[last_of_tie]
        if not found[-1]:
            return float("nan")
        return float(np.sum(np.diff(found, prepend=0) * found / np.maximum(taken, 1e-300)) / found[-1])

    return weighted


def gain(scored: Outcomes, other: Floats, weights: Floats | None = None) -> Difference:
    """How much better the average precision of the scores is than that of others (n,)."""
    ours, theirs = _average_precision(scored.frauds, scored.scores), _average_precision(scored.frauds, other)
    return _drawn(scored.clients, lambda drawn: ours(drawn) - theirs(drawn), weights)


def less_loss(scored: Outcomes, other: Floats, weights: Floats | None = None) -> Difference:
    """How much less the log loss of the scores is than that of others (n,), both probabilities."""
    less = _losses(scored.frauds, other) - _losses(scored.frauds, scored.scores)
    return _drawn(scored.clients, lambda drawn: float(np.average(less, weights=drawn)), weights)


def _drawn(
    clients: NDArray[np.str_], measure: Callable[[Floats], float], weights: Floats | None, draws: int = 400
) -> Difference:
    """A measure of weighted transactions (n,), and what it is of as many clients drawn with replacement.

    19 in 20 draws give more than the lower bound, and 19 less than the upper (paired cluster bootstrap, Field and
    Welsh 2007): transactions of one client aren't independent.
    """
    _, places = np.unique(clients, return_inverse=True)
    several = int(places.max()) + 1
    each = np.ones(len(places)) if weights is None else weights
    chance = np.random.default_rng(1)
    found = [
        measure(each * np.bincount(chance.integers(0, several, several), minlength=several)[places])
        for _ in range(draws)
    ]
    lower, upper = np.nanquantile(found, [0.05, 0.95])
    return Difference(measure(each), float(lower), float(upper))


def card_precision(scored: Outcomes, most: int = 100) -> float:
    """Card precision@k, by client: of the `most` clients who score highest on a day, how many were defrauded.

    A client once found is left out on later days; the mean over the days, 0 to 1.
    """
    found: set[str] = set()
    shares = []
    for day in np.unique(scored.days):
        of_day = scored.days == day
        best: dict[str, tuple[float, int]] = {}
        for client, score, fraud in zip(
            scored.clients[of_day], scored.scores[of_day], scored.frauds[of_day], strict=True
        ):
            if client not in found:
                score_before, fraud_before = best.get(client, (-np.inf, 0))
                best[client] = max(score, score_before), max(int(fraud), fraud_before)
        # Ties by the client's name: the order of the rows must not matter.
        top = sorted(best, key=lambda client: (-best[client][0], client))[:most]
        defrauded = {client for client in top if best[client][1]}
        shares.append(len(defrauded) / most)
        found |= defrauded
    return float(np.mean(shares)) if shares else float("nan")


def at_alerts(scored: Outcomes, most: int = 100) -> tuple[float, float]:
    """Precision and recall when the `most` transactions that score highest are looked at on each day."""
    alerts = found = 0
    for day in np.unique(scored.days):
        of_day = np.flatnonzero(scored.days == day)
        top = of_day[np.argsort(-scored.scores[of_day], kind="stable")[:most]]
        alerts += len(top)
        found += int(scored.frauds[top].sum())
    frauds = int(scored.frauds.sum())
    return (found / alerts if alerts else float("nan")), (found / frauds if frauds else float("nan"))
