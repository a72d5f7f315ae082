"""Drawing many values at once: cumulative rows, raking to known totals, quotas, random rounding."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

type Floats = npt.NDArray[np.float64]
type Ints = npt.NDArray[np.int64]
type Bools = npt.NDArray[np.bool_]


def cumulative(weights: Floats) -> Floats:
    """Cumulative shares of each row of `weights` (r, c), row i shifted by i, as one sorted array (r * c)."""
    rising = np.cumsum(weights, axis=1)
    return (rising / rising[:, -1:] + np.arange(len(weights))[:, None]).ravel()


def pick(shifted: Floats, width: int, row: Ints, rng: np.random.Generator) -> Ints:
    """One column (0 … width - 1) for each entry of `row`, from an array made by `cumulative`."""
    found = np.searchsorted(shifted, row + rng.random(len(row)), side="right") - row * width
    column: Ints = np.minimum(found, width - 1)
    return column


def choose(weights: Floats, size: int, rng: np.random.Generator) -> Ints:
    """`size` indices into the one-dimensional `weights`, with replacement."""
    return pick(cumulative(weights[None, :]), len(weights), np.zeros(size, np.int64), rng)


def rake(weights: Floats, mass: Floats, target: Floats) -> Floats:
    """Rows that sum to 1 and whose mean, weighted by `mass` (r), is `target` (c), from `weights` (r, c) > 0.

    The sums run in a fixed order and not through a matrix product, whose order depends on the cores.
    """
    mass, target = mass / mass.sum(), target / target.sum()
    for _ in range(30):
        weights = weights / weights.sum(axis=1, keepdims=True)
        weights = weights * (target / (weights * mass[:, None]).sum(axis=0))
    return weights / weights.sum(axis=1, keepdims=True)


def quota(counts: Floats, size: int, rng: np.random.Generator) -> Ints:
    """`size` indices in random order, index i as often as its share of `counts` says, rounded."""
    ends = np.round(np.cumsum(counts) / counts.sum() * size).astype(np.int64)
    return rng.permutation(np.repeat(np.arange(len(counts)), np.diff(ends, prepend=0)))


def rounded(value: float, rng: np.random.Generator) -> int:
    """`value` rounded up or down at random, so that the mean stays `value`."""
    return int(value + rng.random())
