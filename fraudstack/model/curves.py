"""What the pictures of a model card show: precision against recall, and fraud rates against scores."""

from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Curve = list[list[float]]

_MOST_POINTS, _MOST_BINS = 200, 10


def curves(frauds: NDArray[np.int64], scores: Floats, weights: Floats | None = None) -> dict[str, Curve]:
    """What the pictures of a card show, ready for JSON; an empty list where nothing can be told.

    "precision_recall": [recall, precision] from the highest threshold to the lowest, which takes every transaction.
    "calibration": [mean score, fraud rate, transactions, frauds] of bins of scores, the lowest first.
    Each example stands for as many transactions as its weight says.
    """
    weights = np.ones(len(scores)) if weights is None else weights
    counted = weights > 0
    given = frauds[counted], scores[counted], weights[counted]
    return {"precision_recall": _precision_recall(*given), "calibration": _calibration(*given)}


def _precision_recall(frauds: NDArray[np.int64], scores: Floats, weights: Floats) -> Curve:
    if not frauds.any():
        return []
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.append(np.diff(scores[order]) != 0, True)
    found = np.cumsum((weights * frauds)[order])[last_of_tie]
    taken = np.cumsum(weights[order])[last_of_tie]
    points = np.column_stack((found / found[-1], found / taken))
    thinned: Curve = points[_outline(points)].tolist()
    return thinned


def _outline(points: Floats) -> list[int]:
    """Which points keep the shape of a line, its ends among them (Ramer 1972, Douglas and Peucker 1973)."""
    kept = {0, len(points) - 1}
    spans = [(0, len(points) - 1)]
    farthest: list[tuple[float, int, int, int]] = []
    while True:
        for first, last in spans:
            if last - first > 1:
                distances = _distances(points[first : last + 1])
                place = int(np.argmax(distances[1:-1])) + 1
                heappush(farthest, (-float(distances[place]), first + place, first, last))
        if not farthest or len(kept) == _MOST_POINTS:
            return sorted(kept)
        _, place, first, last = heappop(farthest)
        kept.add(place)
        spans = [(first, place), (place, last)]


def _distances(points: Floats) -> Floats:
    """Of each point (n, 2) from the straight line between the first and the last."""
    along = points[-1] - points[0]
    away = points - points[0]
    length = float(along @ along)
    share = np.clip(away @ along / length, 0, 1) if length else np.zeros(len(points))
    rest = away - share[:, None] * along
    return np.asarray(np.hypot(rest[:, 0], rest[:, 1]), dtype=np.float64)


def _calibration(frauds: NDArray[np.int64], scores: Floats, weights: Floats) -> Curve:
    if not len(scores):
        return []
    # Nearly all scores are tiny, and narrow bins of them would hold no fraud to compare with. So the lowest bin takes
    # all that together promise a twentieth of the frauds; above it bins are equally wide on a logarithmic scale. The
    # scores alone decide, never what came.
    ascending = np.argsort(scores, kind="stable")
    promised = np.cumsum((weights * scores)[ascending])
    low = float(scores[ascending][np.searchsorted(promised, promised[-1] / 20)])
    high = float(scores.max())
    cuts = np.geomspace(low, high, _MOST_BINS)[:-1] if 0 < low < high else np.zeros(0)
    places = np.searchsorted(cuts, scores, side="right")
    bins: Curve = []
    for place in np.unique(places):
        inside = places == place
        weight, found = float(weights[inside].sum()), float((weights * frauds)[inside].sum())
        mean = float(np.average(scores[inside], weights=weights[inside]))
        bins.append([mean, found / weight, max(1, round(weight), round(found)), round(found)])
    return bins
