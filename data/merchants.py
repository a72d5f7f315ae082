"""Merchants: chains within a merchant category, a few of them very large."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.categories import Categories
from data.sampling import Floats, Ints

MERCHANTS = 80_000  # of which about 74,800 meet a customer in 13.3 M rows
LOWEST_ID, HIGHEST_ID = 9, 100_340
# The largest chains: code -> [(merchant id, share of the code's rows)].
CHAINS: dict[int, list[tuple[int, float]]] = {
    4784: [(39021, 0.653)],
    4829: [(27092, 1.0)],
    5411: [(75781, 0.2), (50783, 0.17), (20561, 0.13)],
    5499: [(59935, 0.4176), (43293, 0.2484)],
    5541: [(61195, 0.3948)],
    5812: [(13051, 0.25), (20519, 0.15)],
}
# Below the chains: a steep head, and a flat tail of small shops that each see a few rows a year.
HEAD_EXPONENT, HEAD_SHIFT, TAIL_SHARE = 1.6, 0.3, 0.12


@dataclass(frozen=True)
class Merchants:
    """`id` (m) grouped by category; `popularity` (m) is cumulative within category c, shifted by c."""

    id: Ints
    popularity: Floats


def open_merchants(categories: Categories, rng: np.random.Generator) -> Merchants:
    """All merchants with their ids and popularity."""
    size = np.maximum(5, np.sqrt(categories.share) / np.sqrt(categories.share).sum() * MERCHANTS).astype(int)
    size[categories.transfer] = 1
    taken = [chain for chains in CHAINS.values() for chain, _ in chains]
    ids = rng.permutation(np.setdiff1d(np.arange(LOWEST_ID, HIGHEST_ID + 1), taken))[: size.sum()]
    popularity = []
    start = 0
    for index, (code, count) in enumerate(zip(categories.code.tolist(), size.tolist(), strict=True)):
        chains = CHAINS.get(code, [])
        heads = np.array([share for _, share in chains])
        ids[start : start + len(chains)] = [chain for chain, _ in chains]
        rank = np.arange(1, count - len(chains) + 1, dtype=np.float64)
        zipf = (rank + HEAD_SHIFT) ** -HEAD_EXPONENT
        rest = (1 - TAIL_SHARE) * zipf / max(zipf.sum(), 1) + TAIL_SHARE / max(len(rank), 1)
        share = np.concatenate([heads, rest * (1 - heads.sum())])
        popularity.append(np.cumsum(share / share.sum()) + index)
        start += count
    return Merchants(ids, np.concatenate(popularity))


def draw_merchants(merchants: Merchants, category: Ints, rng: np.random.Generator) -> Ints:
    """A merchant's index for each category index, by popularity."""
    found = np.searchsorted(merchants.popularity, category + rng.random(category.shape), side="right")
    last = np.searchsorted(merchants.popularity, category + 1.0, side="left")
    return np.minimum(found, last)
