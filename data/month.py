"""The rows of one month: payments, the errands around them, reversals, travel and the planned frauds."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from data import amounts, errors, places
from data.categories import Categories
from data.clients import Clients, card_weights
from data.fraud import CHIP, CHIP_SINCE, ONLINE, SWIPE, Frauds
from data.habits import FAVOURITES, PAIRED, Habits
from data.merchants import Merchants, draw_merchants
from data.places import Places
from data.sampling import Bools, Floats, Ints, choose, cumulative, pick, rounded
from data.timeline import DAY, DAYS, YEAR

ERRANDS = 0.12  # this share of rows follows another by the same card in the same city and hour
ERRAND_MINUTES = 20
ONE_CARD_A_DAY = 0.65
NEW_MERCHANTS = 0.18
REVERSAL_MEAN = 14.0  # minutes, at least one
TRIPS_ABROAD, TRIPS_AT_HOME = 0.041, 0.32  # a client and month
TRIP_DAYS = (3, 9)
ON_THE_WAY = 0.4  # of a trip's days
CHIP_SHARE = {2015: 0.76, 2016: 0.875, 2017: 0.94, 2018: 0.955, 2019: 0.955}  # of the rows of chip cards
MISREAD = 0.0037  # of the rows at ONLINE are logged as swiped or chip


@dataclass(frozen=True)
class World:
    """All that stays the same from month to month."""

    categories: Categories
    merchants: Merchants
    places: Places
    clients: Clients
    habits: Habits
    chip: Bools


@dataclass(frozen=True)
class Rows:
    """One month's rows (n) by `minute` since its start; the others are indices, `cents` as in `amounts`."""

    minute: Ints
    card: Ints
    category: Ints
    merchant: Ints
    place: Ints
    channel: Ints
    cents: Ints
    error: Ints
    fraud: Bools


def month_rows(world: World, frauds: Frauds, month: int, size: int, rng: np.random.Generator) -> Rows:
    """`size` rows of `month` in order of time."""
    stolen = np.flatnonzero(frauds.month == month)[: size // 2]
    legitimate = _payments(world, month, size - len(stolen), rng)
    both = {
        field.name: np.concatenate([getattr(legitimate, field.name), getattr(frauds, field.name)[stolen]])
        for field in fields(Rows)
        if field.name != "fraud"
    }
    order = np.argsort(both["minute"], kind="stable")
    return Rows(**{name: values[order] for name, values in both.items()}, fraud=order >= size - len(stolen))


def _payments(world: World, month: int, size: int, rng: np.random.Generator) -> Rows:
    categories, habits, where = world.categories, world.habits, world.places
    codes = len(categories.code)
    # The first rows are outings, the others errands on one of these; the last undo an earlier row.
    outings = max(size - int(size * ERRANDS), 1)
    source = np.arange(size)
    source[outings:] = rng.integers(0, outings, size - min(size, outings))
    errand = source != np.arange(size)
    weight = card_weights(world.clients, month)
    client = world.clients.owner[choose(weight, size, rng)][source]
    day = rng.integers(0, DAYS[month], size)[source]
    card = _cards(world.clients, weight, client, day, rng)[source]
    hour = pick(habits.hour, 24, client, rng)[source]
    # Round the clock face and not into the next hour, so that the hours keep their weights.
    past = rng.integers(0, 60, size)[source] + rng.integers(0, ERRAND_MINUTES, size) * errand
    minute = day * DAY + hour * 60 + past % 60
    city = _cities(world, month, client, day, source, rng)

    kind = pick(habits.kind, 2 * codes, client, rng)
    online, category = kind >= codes, kind % codes
    slot = pick(cumulative(FAVOURITES[None, :]), len(FAVOURITES), np.zeros(size, np.int64), rng)
    merchant = habits.merchants[client, category, slot]
    elsewhere = rng.random(size) < NEW_MERCHANTS
    merchant[elsewhere] = draw_merchants(world.merchants, category[elsewhere], rng)
    cents = amounts.ordinary(categories, category, habits.amount[client, category], rng)
    place = places.shops(where, np.where(online, places.ONLINE, city), world.merchants.id[merchant])
    channel = _channels(online, world.chip[card], int(YEAR[month]), rng)
    error = errors.ordinary(channel == ONLINE, habits.errors[client], rng)

    pairs = _pairs(categories, category, rng)
    mirror = np.arange(size - len(pairs), size)
    cents = _refunds(categories, category, cents, pairs, rng)
    for column in (card, category, merchant, place, channel, minute):
        column[mirror] = column[pairs]
    cents[mirror], error[mirror], error[pairs] = -cents[pairs], 0, 0
    delay = 1 + rng.exponential(REVERSAL_MEAN - 1, len(pairs)).astype(np.int64)
    minute[mirror] += np.where(rng.random(len(pairs)) < 0.5, delay, -delay)
    return Rows(
        minute=np.clip(minute, 0, DAYS[month] * DAY - 1),
        card=card,
        category=category,
        merchant=merchant,
        place=place,
        channel=channel,
        cents=cents,
        error=error,
        fraud=np.zeros(size, np.bool_),
    )


def _cities(world: World, month: int, client: Ints, day: Ints, source: Ints, rng: np.random.Generator) -> Ints:
    """Where each client is: in one of its usual cities, or on a trip of some days."""
    habits, count = world.habits, len(world.clients.user)
    slot = pick(habits.city, habits.cities.shape[1], client, rng)
    usual = habits.cities[client, slot][source]
    lot = rng.random(count) / habits.travel
    abroad = np.repeat(lot < TRIPS_ABROAD, 31)
    # Most days of a trip are in one city, the others on the way.
    stay = places.destinations(world.places, lot < TRIPS_ABROAD, rng)[:, None]
    stop = places.destinations(world.places, abroad, rng).reshape(count, 31)
    target = np.where(rng.random((count, 31)) < ON_THE_WAY, stop, stay)
    length = np.where(lot < TRIPS_ABROAD + TRIPS_AT_HOME, rng.integers(*TRIP_DAYS, count), 0)
    leave = (rng.random(count) * (DAYS[month] - length + 1)).astype(np.int64)
    away = (leave[client] <= day) & (day < (leave + length)[client])
    return np.where(away, target[client, day], usual)


def _cards(clients: Clients, weight: Floats, client: Ints, day: Ints, rng: np.random.Generator) -> Ints:
    """The card of each row; a client mostly pays all of a day with the same one."""
    ends = np.cumsum(weight)
    last = np.cumsum(np.bincount(clients.owner)) - 1
    high, low = ends[last], np.append(0.0, ends[last])[:-1]
    lot = rng.random((len(last), 31))[client, day]
    lot = np.where(rng.random(len(day)) < ONE_CARD_A_DAY, lot, rng.random(len(day)))
    card = np.searchsorted(ends, low[client] + lot * (high - low)[client], side="right")
    return np.where(card < last[client], card, last[client])


def _channels(online: Bools, chip: Bools, year: int, rng: np.random.Generator) -> Ints:
    inserted = chip & (rng.random(len(chip)) < CHIP_SHARE.get(year, 0.0)) & (year >= CHIP_SINCE)
    read = np.where(inserted, CHIP, SWIPE)
    return np.where(online & (rng.random(len(online)) >= MISREAD), ONLINE, read)


def _pairs(categories: Categories, category: Ints, rng: np.random.Generator) -> Ints:
    """Rows that another row will undo: as many as it takes, none among the last, which become the others."""
    wanted = rounded(len(category) * float((PAIRED * categories.negative * categories.share).sum()), rng)
    odds = PAIRED * categories.negative / (1 - PAIRED * categories.negative)
    candidate = np.flatnonzero(odds[category[: len(category) - wanted]] > 0)
    lot = rng.random(len(candidate)) / odds[category[candidate]]
    return candidate[np.argsort(lot, kind="stable")[:wanted]]


def _refunds(categories: Categories, category: Ints, cents: Ints, pairs: Ints, rng: np.random.Generator) -> Ints:
    """`cents` with whole dollars where a row is undone, and with few negatives that undo nothing."""
    lone = (1 - PAIRED) * categories.negative / (1 - PAIRED * categories.negative)
    odds = lone[category] / (1 - PAIRED * categories.negative[category])
    whole = amounts.whole(categories.travel[category], rng)
    cents = np.where(rng.random(len(cents)) < odds, -whole, cents)
    cents[pairs] = whole[pairs]
    return cents
