"""What each client is used to: hours, categories, merchants, cities, amounts, travel and care."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.categories import Categories
from data.clients import Clients
from data.merchants import Merchants, draw_merchants
from data.places import Places, homes
from data.sampling import Floats, Ints, choose, cumulative, rake
from data.timeline import HOUR_WEIGHTS

CITIES = 12
FAVOURITES = np.array([0.5, 0.25, 0.15, 0.1])
# How far clients differ, as standard deviations of a logarithm.
TASTE, ONLINE_TASTE, DAYPART_TASTE, HOUR_TASTE, CARE, WANDERLUST = 0.6, 1.35, 0.5, 0.25, 0.8, 0.8
PAIRED = 0.85  # of the negatives, so many undo a payment or are undone by one


@dataclass(frozen=True)
class Habits:
    """Tables by client index (a); `cumulative` tables are made by `sampling.cumulative`.

    `kind` has 2 * c columns: the c categories with the card present, then online. `merchants` (a, c, 4) and
    `cities` (a, 12) are indices, the most usual first; `amount` (a, c) is a client's place among all in
    standard deviations; `errors` and `travel` are factors with mean 1.
    """

    home: Ints
    hour: Floats
    kind: Floats
    merchants: Ints
    cities: Ints
    city: Floats
    amount: Floats
    errors: Floats
    travel: Floats


def form_habits(
    clients: Clients, categories: Categories, merchants: Merchants, places: Places, rng: np.random.Generator
) -> Habits:
    """Habits whose mean over all rows is what the tables say."""
    count, codes = len(clients.user), len(categories.code)

    def factor(spread: float, *shape: int) -> Floats:
        return np.exp(spread * rng.standard_normal(shape))

    daypart = np.repeat([0, 1, 2, 3], [6, 6, 5, 7])
    hour = HOUR_WEIGHTS * factor(DAYPART_TASTE, count, 4)[:, daypart] * factor(HOUR_TASTE, count, 24)
    # Reversals add rows of their own to their categories, so the payments themselves are fewer.
    share = categories.share * (1 - PAIRED * categories.negative)
    kind = np.concatenate([share * (1 - categories.online), share * categories.online])
    taste = np.tile(factor(TASTE, count, codes), 2)
    taste[:, codes:] *= factor(ONLINE_TASTE, count, 1)
    # Nothing is impossible, or raking could not end: categories without online rows get none below.
    kinds = rake(np.maximum(kind, 1e-12) * taste, clients.rows, np.maximum(kind, 1e-12)) * (kind > 0)
    home = choose(places.state_weight, count, rng)
    return Habits(
        home=home,
        hour=cumulative(rake(hour, clients.rows, HOUR_WEIGHTS)),
        kind=cumulative(kinds),
        merchants=draw_merchants(merchants, np.tile(np.arange(codes)[None, :, None], (count, 1, len(FAVOURITES))), rng),
        cities=homes(places, np.repeat(home[:, None], CITIES, axis=1), rng),
        city=cumulative(_loyalty(count, rng)),
        amount=_standard(
            rng.standard_normal((count, codes)), clients.rows[:, None] * (kinds[:, :codes] + kinds[:, codes:])
        ),
        errors=_mean_one(factor(CARE, count), clients.rows),
        travel=_mean_one(factor(WANDERLUST, count), clients.rows),
    )


def _loyalty(count: int, rng: np.random.Generator) -> Floats:
    """The weights of each client's cities (count, 12): home, a second one, and ten that matter less and less."""
    home = rng.beta(7.0, 3.6, (count, 1))
    second = rng.beta(3.5, 5.0, (count, 1))
    lesser = np.arange(1, CITIES - 1, dtype=np.float64) ** -0.5
    rest = (1 - second) * (lesser / lesser.sum())
    return np.concatenate([home, (1 - home) * second, (1 - home) * rest], axis=1)


def _standard(table: Floats, mass: Floats) -> Floats:
    """`table` with mean 0 and variance 1 in every column, weighted by `mass` of the same shape."""
    weight = mass / mass.sum(axis=0)
    centred = table - (table * weight).sum(axis=0)
    deviation: Floats = np.sqrt((centred**2 * weight).sum(axis=0))
    return centred / np.maximum(deviation, 1e-9)


def _mean_one(factors: Floats, mass: Floats) -> Floats:
    return factors / ((factors * mass).sum() / mass.sum())
