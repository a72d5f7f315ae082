"""Velocity by card and by merchant: what came with them before a transaction, whoever paid."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fraudstack.profiles.event import Event
from fraudstack.profiles.profile import WEEK

HOUR = 3600
# As long as a confirmed fraud speaks against a card or a merchant.
FRAUD_SPEAKS = 30 * 24 * HOUR
# So many of a card or a merchant are looked at, the latest.
MOST_DEALS = 256
# Errors of those who guess what stands on a card; others, an outage or an empty account, are no evidence.
GUESSES = ("Bad CVV", "Bad Card Number", "Bad Expiration", "Bad PIN", "Bad Zipcode")


class Deal(NamedTuple):
    """A transaction with a card or at a merchant."""

    seconds: int
    client_id: str
    card: str | None
    cents: int
    errors: str | None
    # The client was at the merchant for the first time in the last week; of a card it isn't asked.
    first: bool = False


class WithCard(NamedTuple):
    """What came with a card before a transaction."""

    # Other clients in 7 days, and guesses in 1 hour.
    clients: int = 0
    guesses: int = 0
    # Known frauds in 30 days, and the seconds of the latest.
    frauds: int = 0
    last_fraud: int | None = None


class AtMerchant(NamedTuple):
    """What came at a merchant before a transaction."""

    # Cards that in 1 hour paid little, or guessed, where their clients weren't known.
    probes: int = 0
    # Of the known frauds among the latest payments of 30 days, at most MOST_DEALS, the latest first: how many payments
    # there were from it on.
    since_frauds: tuple[int, ...] = ()


class Velocity(NamedTuple):
    """What came before a transaction, itself not counted."""

    card: WithCard = WithCard()
    merchant: AtMerchant = AtMerchant()


NOTHING = Velocity()


def with_card(event: Event, deals: Iterable[Deal], frauds: Sequence[int]) -> WithCard:
    """The figures of an event's card: by its latest deals in 7 days, and the seconds of its frauds in 30."""
    clients, guesses = set(), 0
    for deal in deals:
        if deal.seconds > event.seconds - WEEK:
            clients.add(deal.client_id)
            guesses += deal.seconds > event.seconds - HOUR and guessed(deal.errors)
    clients.discard(event.client_id)
    return WithCard(len(clients), guesses, len(frauds), max(frauds, default=None))


def probes(event: Event, deals: Iterable[Deal], small: int) -> int:
    """The other cards among the latest deals of 1 hour at an event's merchant that probe; `small` is in cents."""
    cards = {
        deal.card or deal.client_id
        for deal in deals
        if deal.first and deal.seconds > event.seconds - HOUR and probing(deal.cents, deal.errors, small)
    }
    cards.discard(event.card or event.client_id)
    return len(cards)


def since_frauds(latest: Sequence[int], frauds: Iterable[int]) -> tuple[int, ...]:
    """AtMerchant.since_frauds, by the seconds of the latest payments, in order, and of the frauds among them.

    Of a file's frauds some may not be counted as payments yet.
    """
    known = (fraud for fraud in sorted(frauds, reverse=True) if fraud >= latest[0])
    return tuple(max(number, len(latest) - bisect_left(latest, fraud)) for number, fraud in enumerate(known, 1))


def probing(cents: int, errors: str | None, small: int) -> bool:
    """Whether a transaction looks like one that only asks whether a card works."""
    return guessed(errors) or 0 <= cents <= small


def guessed(errors: str | None) -> bool:
    """Whether a transaction was declined because somebody didn't know what stands on the card."""
    return errors is not None and any(guess in errors for guess in GUESSES)
