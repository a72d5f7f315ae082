"""The columns of cards_data.csv and users_data.csv, a snapshot of February 2020."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.clients import Clients
from data.places import Places
from data.sampling import Bools, Ints, quota
from data.timeline import FIRST_YEAR

BRANDS, BRAND_COUNTS = ("Mastercard", "Visa", "Amex", "Discover"), np.array([3209, 2326, 402, 209])
TYPES = ("Debit", "Credit", "Debit (Prepaid)")
# Amex and Discover are credit cards only; what is left of 3,511 debit, 2,057 credit and 578 prepaid.
OTHER_TYPES, CHIPS = np.array([3511, 2057 - 611, 578]), np.array([5500, 646])
AMEX, DISCOVER, CREDIT = 2, 3, 1
# Numbers of 16 digits (Amex 15) that begin with 9999 and fail the check digit. ISO/IEC 7812 keeps a leading
# 9 for national bodies, followed by a country code, and 999 is no country: no issuer can have them.
PREFIX = 9999
SNAPSHOT = 2020
STREETS = (
    "Elm",
    "Oak",
    "Maple",
    "Rose",
    "Lake",
    "Hill",
    "Valley",
    "River",
    "Park",
    "Spruce",
    "Plum",
    "Bayview",
)
WAYS = ("Street", "Avenue", "Lane", "Drive", "Boulevard")


@dataclass(frozen=True)
class Cards:
    """Every card, 6,146 at full size; those in use come first and in the order of `Clients.card`."""

    id: Ints
    user: Ints
    brand: Ints
    kind: Ints
    chip: Bools
    opened: Ints


def issue_cards(clients: Clients, rng: np.random.Generator) -> Cards:
    """Brands, types and chips by their shares, at random over all cards."""
    id = np.concatenate([clients.card, clients.idle_card])
    brand = quota(BRAND_COUNTS.astype(np.float64), len(id), rng)
    other = brand < AMEX
    kind = np.full(len(id), CREDIT)
    kind[other] = quota(OTHER_TYPES.astype(np.float64), int(other.sum()), rng)
    idle = rng.integers(-120, 120, len(clients.idle_card))
    return Cards(
        id=id,
        user=np.concatenate([clients.user[clients.owner], clients.idle_owner]),
        brand=brand,
        kind=kind,
        chip=quota(CHIPS.astype(np.float64), len(id), rng) == 0,
        opened=np.concatenate([clients.opened, idle]),
    )


def card_lines(cards: Cards, rng: np.random.Generator) -> list[str]:
    """The lines of cards_data.csv, header first, in the order of users."""
    size = len(cards.id)
    digits = rng.integers(10**10, 10**11, size).tolist()
    slip = rng.integers(1, 10, size).tolist()
    cvv = rng.integers(0, 1000, size).tolist()
    month, year = rng.integers(1, 13, size).tolist(), rng.integers(SNAPSHOT, SNAPSHOT + 5, size).tolist()
    issued = np.minimum(1 + rng.geometric(0.6, size), 4) - 1
    limit = np.where(cards.kind == CREDIT, 11_000, 16_000) * np.exp(0.6 * rng.standard_normal(size))
    limit = np.where(cards.kind == 2, rng.uniform(0, 120, size), np.minimum(limit, 150_000)).astype(np.int64)
    opened_year, opened_month = FIRST_YEAR + cards.opened // 12, cards.opened % 12 + 1
    pin = np.minimum(opened_year + rng.integers(0, 9, size), SNAPSHOT)
    lines = [
        "id,client_id,card_brand,card_type,card_number,expires,cvv,has_chip,num_cards_issued,credit_limit,"
        "acct_open_date,year_pin_last_changed,card_on_dark_web\n"
    ]
    for i in np.lexsort((cards.id, cards.user)).tolist():
        brand = int(cards.brand[i])
        number = _number(digits[i] // 10 if brand == AMEX else digits[i], slip[i])
        lines.append(
            f"{cards.id[i]},{cards.user[i]},{BRANDS[brand]},{TYPES[int(cards.kind[i])]},"
            f"{number},{month[i]:02d}/{year[i]},{cvv[i]},"
            f"{'YES' if cards.chip[i] else 'NO'},{issued[i]},${limit[i]},"
            f"{opened_month[i]:02d}/{opened_year[i]},{pin[i]},No\n"
        )
    return lines


def user_lines(clients: Clients, cards: Cards, home: Ints, places: Places, rng: np.random.Generator) -> list[str]:
    """The lines of users_data.csv, header first, by id; `home` is the state of each active client."""
    size = clients.users
    held = np.bincount(cards.user, minlength=size)
    oldest = np.full(size, 120)
    np.minimum.at(oldest, cards.user, cards.opened)
    adult = SNAPSHOT + 1 - (FIRST_YEAR + oldest // 12) + 18  # old enough for the first card
    age = np.clip(np.maximum(18 + rng.gamma(2.2, 14, size), adult), 18, 101).astype(np.int64)
    birth_month = rng.integers(1, 13, size)
    birth_year = SNAPSHOT - age - (birth_month > 2)
    retirement = np.clip(np.round(rng.normal(66.2, 3.6, size)), 50, 79).astype(np.int64)
    state = rng.permutation(np.resize(home, size))
    state[clients.user] = home
    spot = places.centre[state] + rng.normal(0, 0.6, (size, 2))
    per_capita = np.clip(22_000 * np.exp(0.45 * rng.standard_normal(size)), 0, 163_145).astype(np.int64)
    yearly = (per_capita * np.clip(rng.normal(2.0, 0.15, size), 1.5, 2.6)).astype(np.int64)
    debt = (yearly * rng.gamma(1.5, 0.9, size)).astype(np.int64)
    score = np.clip(np.round(rng.normal(710, 67, size)), 480, 850).astype(np.int64)
    gender = rng.integers(0, 2, size).tolist()
    house = rng.integers(1, 1000, size).tolist()
    street, way = rng.integers(0, len(STREETS), size).tolist(), rng.integers(0, len(WAYS), size).tolist()
    lines = [
        "id,current_age,retirement_age,birth_year,birth_month,gender,address,latitude,longitude,"
        "per_capita_income,yearly_income,total_debt,credit_score,num_credit_cards\n"
    ]
    lines += [
        f"{i},{age[i]},{retirement[i]},{birth_year[i]},{birth_month[i]},{('Female', 'Male')[gender[i]]},"
        f"{house[i]} {STREETS[street[i]]} {WAYS[way[i]]},{spot[i, 0]:.2f},{spot[i, 1]:.2f},"
        f"${per_capita[i]},${yearly[i]},${debt[i]},{score[i]},{held[i]}\n"
        for i in range(size)
    ]
    return lines


def _number(digits: int, slip: int) -> str:
    """A card number whose last digit is off by `slip` (1 … 9) from what the Luhn check asks for."""
    body = f"{PREFIX}{digits}"
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(body))]
    check = -sum(value // 10 + value % 10 for value in doubled) % 10
    return f"{body}{(check + slip) % 10}"
