"""Attacks on what a scorer knows of one client: it is walked up, stepped around, blinded, or isn't there yet."""

import math
from datetime import timedelta

from data.attacks.cast import CASH, DEPARTMENTS, GROCERIES, Cast, Client, Payment, Script

_WEEK = timedelta(days=7)
# So many transactions a day, evenly, are within each window of the shipped rules.
_IN_A_DAY = 24


def slow_escalation(cast: Cast) -> Script:
    """One client pays 1.98 σ above its mean, four times a day for 27 days, at a shop that it knows."""
    shop = cast.shop(GROCERIES, 20.0)
    thief, known = cast.client(shop), cast.client(shop)
    days = [cast.at + timedelta(days=number // 4, hours=number % 4) for number in range(4 * 27)]
    paid = [payment for payment in cast.past if payment.client_id == thief.client_id]
    attack: list[Payment] = []
    for at in days:
        logs = [math.log1p(payment.cents / 100) for payment in paid if payment.shop.mcc == GROCERIES]
        mean = sum(logs) / len(logs)
        spread = math.sqrt(max(0.0, sum(log * log for log in logs) / len(logs) - mean * mean))
        amount = min(math.expm1(mean + 1.98 * max(spread, 0.25)), 90_000_000.0)
        # Whatever was paid for a week has become usual.
        matured = max(payment.cents for payment in paid if payment.at <= at - _WEEK)
        attack.append(thief.pays(shop, amount, at, counted=round(amount * 100) > matured))
        paid.append(attack[-1])
    return cast.script([*attack], [known.pays(shop, 20.0 * cast.draw.lognormvariate(0, 0.35), at) for at in days])


def new_merchants(cast: Cast) -> Script:
    """One client pays 220.00 online at 192 merchants that it never saw, in a day, in a category that it knows."""
    shop = cast.shop(DEPARTMENTS, 220.0)
    thief, known = cast.client(shop, dear=4.0), cast.clients(192, shop, payments=35, dear=4.0)
    minutes = [cast.at + timedelta(minutes=7 * number) for number in range(192)]
    return cast.script(
        [thief.pays(cast.shop(DEPARTMENTS, 220.0), 220.0, at) for at in minutes],
        [client.pays(shop, 220.0, at) for client, at in zip(known, minutes, strict=True)],
    )


def cash_out(cast: Cast) -> Script:
    """Ten new clients take 450.00 six times in three hours; the twins are as new and buy groceries."""
    machine = cast.shop(CASH, 100.0, "Town 1", "OH")
    thieves, known = [cast.stranger() for _ in range(10)], [cast.stranger() for _ in range(10)]
    attack, twin = [], []
    for number in range(60):
        at = cast.at + timedelta(minutes=30 * (number % 6), seconds=number)
        attack.append(thieves[number // 6].pays(machine, 450.0, at))
        client = known[number // 6]
        shop = client.shops[number % len(client.shops)]
        twin.append(client.pays(shop, shop.usual, cast.at + timedelta(days=number % 6)))
    return cast.script([*attack], [*twin])


def country_hopping(cast: Cast) -> Script:
    """Five clients' cards are present in six countries within a day; the twins' in two states that they know."""
    places = (("Rome", "Italy"), ("Lagos", "Nigeria"), ("Lima", "Peru"), ("Oslo", "Norway"), ("Cairo", "Egypt"))
    shops = [cast.shop(DEPARTMENTS, 60.0, *place) for place in (*places, ("Quito", "Ecuador"))]
    beyond = cast.shop(DEPARTMENTS, 60.0, "Gary", "IN")
    robbed, known = cast.clients(5), cast.clients(5, beyond)
    hours = [cast.at + timedelta(hours=4 * number) for number in range(6)]
    return cast.script(
        [client.pays(shop, 60.0, at) for client in robbed for shop, at in zip(shops, hours, strict=True)],
        [
            client.pays(
                (beyond, client.shops[0])[number % 2], (60.0, 35.0)[number % 2], cast.at + timedelta(days=number)
            )
            for client in known
            for number in range(6)
        ],
    )


def splitting(cast: Cast) -> Script:
    """One client stays below each limit of the rules file for three days, at 1.9 σ above its mean."""
    shop = cast.shop(DEPARTMENTS, 60.0)
    thief, known = cast.client(shop), cast.clients(72, shop)
    amount = math.expm1(math.log1p(60.0) + 1.9 * 0.35)
    attack = [
        thief.pays(shop, amount, cast.at + timedelta(days=number // _IN_A_DAY, minutes=30 * (number % _IN_A_DAY)))
        for number in range(3 * _IN_A_DAY)
    ]
    return cast.script(
        [*attack], [client.pays(shop, 60.0, paid.at) for client, paid in zip(known, attack, strict=True)]
    )


def blinded(cast: Cast) -> Script:
    """A payment dated a day ahead, then 30 within ten minutes, at a shop that the client knows."""
    shop = cast.shop(DEPARTMENTS, 60.0)
    thief, known = cast.client(shop), cast.clients(10, shop)
    ahead = cast.at + timedelta(hours=24)
    return cast.script(
        [
            thief.pays(shop, 60.0, ahead, counted=False),
            *(thief.pays(shop, 60.0, cast.at + timedelta(seconds=20 * number)) for number in range(30)),
        ],
        [step for client in known for step in _ahead_and_back(client, cast)],
    )


def _ahead_and_back(client: Client, cast: Cast) -> list[Payment]:
    shop = client.shops[-1]
    return [client.pays(shop, 60.0, cast.at + timedelta(hours=hours)) for hours in (24, 0, 1)]


def dormant(cast: Cast) -> Script:
    """Ten clients who paid nothing for 200 days pay eight times in an hour at new merchants; the twins as ever."""
    long_ago = cast.at - timedelta(days=200)
    robbed, known = cast.clients(10, until=long_ago), cast.clients(10, until=long_ago)
    attack, twin = [], []
    for number in range(80):
        at = cast.at + timedelta(minutes=7 * (number % 8), seconds=number)
        attack.append(robbed[number // 8].pays(cast.shop(DEPARTMENTS, 60.0), 115.0, at))
        client = known[number // 8]
        shop = client.shops[number % len(client.shops)]
        twin.append(client.pays(shop, shop.usual, cast.at + timedelta(days=number % 8)))
    return cast.script([*attack], [*twin])
