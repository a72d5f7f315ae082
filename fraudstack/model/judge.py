"""How good scores are, by the measures of le Borgne et al. 2022, Machine Learning for Card Fraud Detection, 4."""

from collections.abc import Callable
from dataclasses import dataclass

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


def auc_roc(frauds: Ints, scores: Floats) -> float:
    """The chance that a fraud scores above a legitimate transaction, ties counting half (Mann and Whitney 1947)."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    positive = int(frauds.sum())
    negative = len(frauds) - positive
    if not positive or not negative:
        return float("nan")
    return float((ranks[frauds == 1].sum() - positive * (positive + 1) / 2) / (positive * negative))


def average_precision(frauds: Ints, scores: Floats) -> float:
    """The mean of the precision at each threshold, weighted by the recall it adds; nan without a fraud."""
    return _average_precision(frauds, scores)(np.ones(len(scores)))


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


def gain(scored: Outcomes, other: Floats, draws: int = 400) -> tuple[float, float]:
    """How much better the average precision of the scores is than that of others (n,), and its lower bound.

    19 in 20 draws of as many clients, with replacement, give more than the bound (paired cluster bootstrap, Field and
    Welsh 2007): transactions of one client aren't independent.
    """
    ours, theirs = _average_precision(scored.frauds, scored.scores), _average_precision(scored.frauds, other)
    _, places = np.unique(scored.clients, return_inverse=True)
    clients = int(places.max()) + 1
    chance = np.random.default_rng(1)
    differences = []
    for _ in range(draws):
        drawn = np.bincount(chance.integers(0, clients, clients), minlength=clients)[places].astype(np.float64)
        differences.append(ours(drawn) - theirs(drawn))
    once = np.ones(len(other))
    return ours(once) - theirs(once), float(np.nanquantile(differences, 0.05))


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
