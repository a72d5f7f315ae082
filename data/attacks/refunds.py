"""Attacks by refunds: money that comes back without having been spent."""

from datetime import timedelta

from data.attacks.cast import DEPARTMENTS, Cast, Payment, Script

_AMOUNT, _BELOW = 250.0, 99.0


def never_bought(cast: Cast) -> Script:
    """20 refunds of 250.00 of what was never bought, over four days."""
    return _refunds(cast, _AMOUNT, bought=False)


def below_the_mark(cast: Cast) -> Script:
    """20 refunds of 99.00 of what was never bought, over four days: just below what the rules look at."""
    return _refunds(cast, _BELOW, bought=False)


def refunded_often(cast: Cast) -> Script:
    """One purchase of 250.00, refunded 20 times over four days."""
    return _refunds(cast, _AMOUNT, bought=True)


def mirrored(cast: Cast) -> Script:
    """Two purchases with their refunds a day at one merchant, below the mark of three, for ten days."""
    shop = cast.shop(DEPARTMENTS, 60.0)
    thief, known = cast.client(shop), cast.clients(20, shop)
    attack: list[Payment] = []
    twin: list[Payment] = []
    for number in range(20):
        at = cast.at + timedelta(days=number // 2, hours=4 * (number % 2))
        later = at + timedelta(hours=1)
        attack += [thief.pays(shop, 60.0, at), thief.pays(shop, -60.0, later)]
        twin += [known[number].pays(shop, 60.0, at), known[number].pays(shop, -60.0, later)]
    return cast.script([*attack], [*twin])


def _refunds(cast: Cast, amount: float, *, bought: bool) -> Script:
    """The twins buy, and are refunded once."""
    shop, other = cast.shop(DEPARTMENTS, amount), cast.shop(DEPARTMENTS, amount)
    thief, known = cast.client(other), cast.clients(20, shop)
    first = [thief.pays(shop, amount, cast.at, counted=False)] if bought else []
    refunds = [thief.pays(shop, -amount, cast.at + timedelta(hours=4 * (number + 1))) for number in range(20)]
    twin = [
        step
        for client, refund in zip(known, refunds, strict=True)
        for step in (
            client.pays(shop, amount, refund.at - timedelta(hours=3)),
            client.pays(shop, -amount, refund.at),
        )
    ]
    return cast.script([*first, *refunds], [*twin])
