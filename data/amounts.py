"""Amounts in whole cents, as the file writes them."""

from __future__ import annotations

import numpy as np

from data.categories import Categories
from data.sampling import Bools, Floats, Ints

LOWEST, HIGHEST = -50_000, 682_020
MINUS_ZERO = LOWEST - 1  # stands for the text $-0.00
HABIT = 0.35  # the client's own part of the variance
ZEROS, MINUS_ZEROS = 0.00055, 0.3


def ordinary(categories: Categories, category: Ints, usual: Floats, rng: np.random.Generator) -> Ints:
    """Payments in cents: split log-normal, `usual` (n) of it the client's, in standard deviations."""
    own = rng.standard_normal(len(category))
    normal = np.sqrt(HABIT) * usual + np.sqrt(1 - HABIT) * own
    spread = np.where(normal < 0, categories.spread_below[category], categories.spread_above[category])
    dollars = categories.median[category] * np.exp(normal * spread)
    cents = np.round(dollars * 100).astype(np.int64)
    cents[rng.random(len(cents)) < ZEROS] = 0
    cents = np.where((cents == 0) & (rng.random(len(cents)) < MINUS_ZEROS), MINUS_ZERO, cents)
    return settle(categories, category, cents, rng)


def settle(categories: Categories, category: Ints, cents: Ints, rng: np.random.Generator) -> Ints:
    """Money transfers in steps of $20, and nothing above the highest amount."""
    steps = np.clip(np.round(cents / 2000), 1, 50).astype(np.int64) * 2000
    above = (HIGHEST * rng.uniform(0.3, 1.0, len(cents))).astype(np.int64)
    return np.where(categories.transfer[category], steps, np.where(cents > HIGHEST, above, cents))


def whole(travel: Bools, rng: np.random.Generator) -> Ints:
    """Sums that are reversed, in cents: $50 … $100, in travel $100 … $500, whole dollars."""
    uniform = rng.random(len(travel))
    dollars = np.where(travel, 100 + np.floor(uniform**2 * 401), 50 + np.floor(uniform * 51))
    return dollars.astype(np.int64) * 100


def texts() -> list[str]:
    """The text of every amount; that of `cents` stands at cents - MINUS_ZERO."""
    signed = [f"$-{-cents // 100}.{-cents % 100:02d}" for cents in range(LOWEST, 0)]
    return ["$-0.00", *signed, *(f"${cents // 100}.{cents % 100:02d}" for cents in range(HIGHEST + 1))]
