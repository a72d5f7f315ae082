"""Frauds: short bursts on stolen cards, in the years, channels, categories and places where they happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data import amounts, errors, places
from data.categories import Categories
from data.clients import Clients, card_weights
from data.merchants import Merchants, draw_merchants
from data.places import Places
from data.sampling import Bools, Floats, Ints, choose, rounded
from data.timeline import DAY, DAYS, FIRST_YEAR, FULL_ROWS, HOUR_WEIGHTS, YEAR

LABELLED = 0.67  # the share of rows with a label
SWIPE, CHIP, ONLINE = 0, 1, 2
WEB, HOME, ABROAD, ITALY = range(4)
# Labelled frauds of each year (2010 …) by scheme, at full size.
COUNTS = np.array(
    [
        # web, at home, abroad, Italy
        [2201, 304, 68, 0],
        [32, 4, 1, 0],
        [790, 109, 24, 0],
        [1144, 158, 35, 0],
        [568, 78, 18, 0],
        [1872, 259, 58, 0],
        [2094, 289, 65, 0],
        [8, 3, 1, 160],
        [38, 10, 6, 1575],
        [31, 9, 5, 1315],
    ]
)
BURST = np.array([5.0, 3.0, 5.0, 7.0])  # frauds on a stolen card, mean by scheme
ITALIAN_START = 93  # October 2017: the burst in Italy begins
# Labelled rate in % by hour.
HOUR_RATES = np.array(
    [
        *(0.015, 0.05, 0.05, 0.155, 0.185, 0.2, 0.09, 0.09, 0.09, 0.145, 0.26, 0.255),
        *(0.215, 0.225, 0.185, 0.17, 0.15, 0.16, 0.155, 0.14, 0.015, 0.015, 0.005, 0.02),
    ]
)
TYPE_RATES = np.array([0.13, 0.16, 0.22])  # debit, credit, prepaid
MEDIAN_DOLLARS, SPREAD, NEGATIVE_IN_TRAVEL = 72.0, 1.01, 0.7
CHIP_AT_HOME, CHIP_SINCE = 0.08, 2015  # a copied card is mostly swiped, chip or not


@dataclass(frozen=True)
class Frauds:
    """Frauds (f): `card` and `merchant` are indices, `minute` counts from the start of `month`."""

    month: Ints
    minute: Ints
    card: Ints
    category: Ints
    merchant: Ints
    place: Ints
    channel: Ints
    cents: Ints
    error: Ints


def plan_frauds(
    rows: int,
    clients: Clients,
    kind: Ints,
    chip: Bools,
    categories: Categories,
    merchants: Merchants,
    where: Places,
    rng: np.random.Generator,
) -> Frauds:
    """All frauds of a set of `rows` rows; `kind` (k) is each card's type (debit, credit, prepaid)."""
    expected = COUNTS / LABELLED * rows / FULL_ROWS
    cells = [(y, s, rounded(expected[y, s], rng)) for y in range(len(COUNTS)) for s in range(4)]
    year, scheme, count = np.array(cells).T
    year, scheme = np.repeat(year, count) + FIRST_YEAR, np.repeat(scheme, count)
    cell = np.repeat(np.arange(len(cells)), count)
    size = len(cell)
    fresh = (rng.random(size) < 1 / BURST[scheme]) | (np.diff(cell, prepend=-1) != 0)
    burst, first = np.cumsum(fresh) - 1, np.flatnonzero(fresh)

    month = _months(year[first], scheme[first], rng)
    card = _victims(clients, month, scheme[first], kind, chip, rng)[burst]
    month = month[burst]
    day = (rng.random(len(first)) * DAYS[month[first]])[burst].astype(np.int64)
    day = np.minimum(day + rng.exponential(0.7, size).astype(np.int64), DAYS[month] - 1)
    hour = choose(HOUR_WEIGHTS * HOUR_RATES, size, rng)
    hour = np.where(rng.random(size) < 0.6, hour[first][burst], hour)

    category = np.where(
        scheme % 3 == 0,  # on the web and in Italy alike
        choose(categories.fraud_remote, size, rng),
        choose(categories.fraud_present, size, rng),
    )
    merchant = draw_merchants(merchants, category, rng)
    again = rng.random(size) < 0.5  # half of a burst goes to the merchant it began with
    category = np.where(again, category[first][burst], category)
    merchant = np.where(again, merchant[first][burst], merchant)
    city = _cities(where, scheme[first], rng)[burst]

    swiped = (year < CHIP_SINCE) | ~chip[card] | (rng.random(size) >= CHIP_AT_HOME)
    channel = np.select([scheme == WEB, scheme == ITALY, swiped], [ONLINE, CHIP, SWIPE], CHIP)
    return Frauds(
        month=month,
        minute=day * DAY + hour * 60 + rng.integers(0, 60, size),
        card=card,
        category=category,
        merchant=merchant,
        place=places.shops(where, city, merchants.id[merchant]),
        channel=channel,
        cents=_cents(categories, category, rng),
        error=errors.fraudulent(channel == ONLINE, rng),
    )


def _months(year: Ints, scheme: Ints, rng: np.random.Generator) -> Ints:
    first = (year - FIRST_YEAR) * 12
    first = np.where(scheme == ITALY, np.maximum(first, ITALIAN_START), first)
    last = np.minimum((year - FIRST_YEAR) * 12 + 12, len(YEAR))
    return first + (rng.random(len(year)) * (last - first)).astype(np.int64)


def _victims(clients: Clients, month: Ints, scheme: Ints, kind: Ints, chip: Bools, rng: np.random.Generator) -> Ints:
    """A card for each burst, among those in use that month."""
    card = np.zeros(len(month), np.int64)
    for now in np.unique(month).tolist():
        weight = card_weights(clients, now) * TYPE_RATES[kind]
        for italy in (False, True):
            here = (month == now) & ((scheme == ITALY) == italy)
            among: Floats = weight * chip if italy and (weight * chip).any() else weight
            card[here] = choose(among, int(here.sum()), rng)
    return card


def _cities(where: Places, scheme: Ints, rng: np.random.Generator) -> Ints:
    """Where each burst is, one city each; what is not of the burst in Italy stays out of Italy."""
    elsewhere = where.travellers.copy()
    elsewhere[where.italy] = 0
    return np.select(
        [scheme == WEB, scheme == HOME, scheme == ABROAD],
        [
            np.full(len(scheme), places.ONLINE),
            choose(where.people, len(scheme), rng),
            choose(elsewhere, len(scheme), rng),
        ],
        places.italian(where, len(scheme), rng),
    )


def _cents(categories: Categories, category: Ints, rng: np.random.Generator) -> Ints:
    dollars = MEDIAN_DOLLARS * np.exp(SPREAD * rng.standard_normal(len(category)))
    cents = amounts.settle(categories, category, np.round(dollars * 100).astype(np.int64), rng)
    travel = categories.travel[category]
    refund = travel & (rng.random(len(category)) < NEGATIVE_IN_TRAVEL)
    return np.where(refund, -amounts.whole(travel, rng), cents)
