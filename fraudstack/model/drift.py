"""How far what a model sees has moved from what it was trained on: the population stability index."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fraudstack.features.table import FEATURES

# What only grows is never again what it was in the training window, and that says nothing.
STEADY = tuple(name for name, feature in FEATURES.items() if not feature.grows)
# Bins of about the same share of the training window, and one for what isn't known.
_BINS = 10
# Of a score: most are so low that tenths of them would tell one in a billion from one in a trillion.
SCORE_EDGES = (1e-5, 1e-4, 1e-3, 1e-2, 0.1, 0.3)
# So that an empty bin is a large index and no infinite one.
_LEAST_SHARE = 1e-4
# Of fewer transactions nothing is said, and of fewer labelled alerts or frauds.
LEAST_SAMPLE, LEAST_LABELLED = 200, 30
# What is called a shift (Siddiqi 2006, Credit Risk Scorecards).
SHIFTED = 0.2

Reference = Mapping[str, Mapping[str, Sequence[float]]]


def reference(
    columns: Mapping[str, NDArray[np.floating]], weights: NDArray[np.float64], fixed: Sequence[float] | None = None
) -> dict[str, dict[str, list[float]]]:
    """Of each column (n,) the edges between its bins and the bins' shares, the last of them of NaN; ready for JSON.

    The edges are the `fixed` ones, or part the column into about the same shares.
    """
    found = {}
    for name, values in columns.items():
        edges = _edges(values) if fixed is None else list(fixed)
        counts = counted(values, edges, weights)
        found[name] = {"edges": edges, "shares": (counts / counts.sum()).tolist()}
    return found


def _edges(values: NDArray[np.floating]) -> list[float]:
    """As many as there are different values between tenths of what is known: a flag has one."""
    known = values[~np.isnan(values)]
    quantiles = np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1]) if len(known) else np.zeros(0)
    edges: list[float] = np.unique(quantiles.astype(np.float64)).tolist()
    return edges


def counted(
    values: NDArray[np.floating], edges: Sequence[float], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """How many values (n,) lie in each bin, the last of which is that of NaN: (edges + 2,)."""
    return np.bincount(_bins(values, edges), weights, minlength=len(edges) + 2).astype(np.float64)


def counted_apart(
    values: NDArray[np.floating], edges: Sequence[float], groups: NDArray[np.int64], most: int
) -> NDArray[np.float64]:
    """The same of each group, 0 to `most` - 1, that the values (n,) are in: (most, edges + 2)."""
    size = len(edges) + 2
    places = groups * size + _bins(values, edges)
    return np.bincount(places, minlength=most * size).reshape(most, size).astype(np.float64)


def _bins(values: NDArray[np.floating], edges: Sequence[float]) -> NDArray[np.intp]:
    places = np.searchsorted(np.asarray(edges), values, side="left")
    places[np.isnan(values)] = len(edges) + 1
    return places


def stability(expected: Sequence[float], counts: NDArray[np.float64]) -> float | None:
    """The population stability index of counts (bins,) against shares; 0 where nothing moved, None of too few.

    What chance alone makes of a sample of that size, (bins - 1) / n on average, is taken off.
    """
    total = float(counts.sum())
    if total < LEAST_SAMPLE:
        return None
    before = np.maximum(np.asarray(expected, dtype=np.float64), _LEAST_SHARE)
    now = np.maximum(counts / total, _LEAST_SHARE)
    index = float(np.sum((now - before) * np.log(now / before)))
    used = int(np.count_nonzero((counts > 0) | (np.asarray(expected) > 0)))
    return max(0.0, index - (used - 1) / total)


def indices(known: Reference, columns: Mapping[str, NDArray[np.floating]]) -> dict[str, float]:
    """The index of each column (n,) that the training window has a reference of, where enough is there to say one.

    A feature that only grows has none.
    """
    found = {}
    for name, values in columns.items():
        if name in known and not (name in FEATURES and FEATURES[name].grows):
            index = stability(known[name]["shares"], counted(values, known[name]["edges"]))
            if index is not None:
                found[name] = index
    return found
