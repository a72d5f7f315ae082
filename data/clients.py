"""Who: users, the cards they hold, and in which months the active ones pay with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.sampling import Bools, Floats, Ints
from data.timeline import FULL_ROWS, MONTHS, rows_by_month

USERS, ACTIVE_USERS, CARDS, ACTIVE_CARDS = 2_000, 1_219, 6_146, 4_071
FEWEST = 5
RATE_SPREAD = 0.545  # log-normal: a client at p95 pays six times as often as one at p5
LATECOMERS, LATEST = 0.19, 72  # this share of clients starts late, up to so many months


@dataclass(frozen=True)
class Clients:
    """Active clients (a) and their cards (k). Months count from January 2010 and may be negative.

    `user` and `card` are ids; `owner` is each card's client index; `share` a card's weight with its client;
    `rows` the expected rows of each client; the other users have no rows but stand in the files.
    """

    users: int
    user: Ints
    start: Ints
    end: Ints
    rate: Floats
    rows: Floats
    card: Ints
    owner: Ints
    opened: Ints
    share: Floats
    idle_owner: Ints
    idle_card: Ints


def active_clients(rows: int) -> int:
    """How many clients pay in a set of `rows`: the cube root keeps both clients and history per client.

    1,219 at full size, 301 at 200,000 rows, 51 at 1,000. What shrinks with it is the time a client is active.
    """
    return int(np.clip(round(ACTIVE_USERS * (rows / FULL_ROWS) ** (1 / 3)), FEWEST, ACTIVE_USERS))


def active_months(rows: int) -> int:
    """For how many months a client pays: as many as make about three rows a day, at most all 118."""
    clients = active_clients(rows)
    per_client = rows / clients / (FULL_ROWS / ACTIVE_USERS)
    return int(np.clip(np.ceil(max(per_client, 2 / clients) * MONTHS), 1, MONTHS))


def enrol(rows: int, rng: np.random.Generator) -> Clients:
    """The clients and cards of a set of `rows` rows."""
    active = active_clients(rows)
    users = round(active * USERS / ACTIVE_USERS)
    cards = round(active * CARDS / ACTIVE_USERS)
    active_cards = round(active * ACTIVE_CARDS / ACTIVE_USERS)
    user = rng.permutation(users)
    length = active_months(rows)
    # Evenly spread, with as many windows at both ends as in the middle.
    middle = (rng.permutation(active) + rng.random(active)) / active * MONTHS
    start = np.clip(np.floor(middle - length / 2), 0, MONTHS - length).astype(np.int64)
    end = start + length
    late = (rng.random(active) < LATECOMERS) * rng.random(active) * np.minimum(LATEST, length / 2)
    start = start + late.astype(np.int64)
    owner = _owners(active, active_cards, rng)
    card = rng.permutation(cards)
    first = np.diff(owner, prepend=-1) > 0
    age = np.floor(rng.exponential(40, len(owner))).astype(np.int64) + 1
    opened = start[owner] - age
    later = ~first & (rng.random(len(owner)) < 0.3)
    opened = np.where(later, start[owner] + (rng.random(len(owner)) * 0.8 * length).astype(np.int64), opened)
    rate = np.exp(RATE_SPREAD * rng.standard_normal(active))
    share = rng.gamma(0.4, size=len(owner)) + 0.02
    expected = np.zeros(active)
    for month, count in enumerate(rows_by_month(rows).tolist()):
        weight = rate * _present(start, end, month)
        expected += count * weight / weight.sum()
    return Clients(
        users=users,
        user=user[:active],
        start=start,
        end=end,
        rate=rate,
        rows=expected,
        card=card[:active_cards],
        owner=owner,
        opened=opened,
        share=share,
        idle_owner=user[active:][_owners(users - active, cards - active_cards, rng)],
        idle_card=card[active_cards:],
    )


def card_weights(clients: Clients, month: int) -> Floats:
    """How likely a row of `month` is by each card (k); none before the month in which it was opened."""
    share = clients.share * (clients.opened <= month)
    owned = np.bincount(clients.owner, share, len(clients.user))[clients.owner]
    present = (clients.rate * _present(clients.start, clients.end, month))[clients.owner]
    weight: Floats = np.where(owned > 0, present * share / np.maximum(owned, 1e-9), 0)
    return weight


def _present(start: Ints, end: Ints, month: int) -> Bools:
    present = (start <= month) & (month < end)
    return present if present.any() else month < end if (month < end).any() else np.ones(len(start), np.bool_)


def _owners(owners: int, cards: int, rng: np.random.Generator) -> Ints:
    """The owner of each of `cards` cards, ascending; everyone has at least one."""
    eager = rng.gamma(2.0, size=owners)
    more = rng.multinomial(cards - owners, eager / eager.sum())
    return np.repeat(np.arange(owners), 1 + more)
