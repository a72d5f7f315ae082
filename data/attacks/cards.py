"""Attacks with stolen card numbers: many are tried, one is guessed at, one is used by many."""

from dataclasses import replace
from datetime import timedelta

from data.attacks.cast import DEPARTMENTS, ELECTRONICS, GOODS, Cast, Script

_CVV = "Bad CVV"


def card_testing(cast: Cast) -> Script:
    """300 cards with 1.00 each at one merchant that none of them knows, in five minutes."""
    market, kiosk = cast.shop(GOODS, 1.0), cast.shop(GOODS, 1.0)
    stolen, known = cast.clients(300, cast.shop(GOODS, 1.0), payments=35), cast.clients(300, kiosk, payments=35)
    seconds = [cast.at + timedelta(seconds=number) for number in range(300)]
    return cast.script(
        [client.pays(market, 1.0, at) for client, at in zip(stolen, seconds, strict=True)],
        [client.pays(kiosk, 1.0, at) for client, at in zip(known, seconds, strict=True)],
    )


def declined_testing(cast: Cast) -> Script:
    """120 cards with 5.00 each at one merchant within an hour, two of three declined."""
    market, kiosk = cast.shop(GOODS, 5.0), cast.shop(GOODS, 5.0)
    stolen, known = cast.clients(120, cast.shop(GOODS, 5.0), payments=35), cast.clients(120, kiosk, payments=35)
    seconds = [cast.at + timedelta(seconds=30 * number) for number in range(120)]
    return cast.script(
        [
            client.pays(market, 5.0, at, errors=_CVV if number % 3 else None)
            for number, (client, at) in enumerate(zip(stolen, seconds, strict=True))
        ],
        [client.pays(kiosk, 5.0, at) for client, at in zip(known, seconds, strict=True)],
    )


def enumeration(cast: Cast) -> Script:
    """One card under 60 clients at one merchant, five of six declined until the number is right."""
    shop = cast.shop(DEPARTMENTS, 20.0)
    card = cast.stranger().card_id
    thieves, known = cast.clients(60, payments=35), cast.clients(60, shop, payments=35)
    seconds = [cast.at + timedelta(seconds=20 * number) for number in range(60)]
    return cast.script(
        [
            replace(client, card_id=card).pays(shop, 20.0, at, errors=None if number % 6 == 5 else _CVV)
            for number, (client, at) in enumerate(zip(thieves, seconds, strict=True))
        ],
        [
            client.pays(shop, 20.0, at, errors=None if number % 12 else _CVV)
            for number, (client, at) in enumerate(zip(known, seconds, strict=True))
        ],
    )


def shared_card(cast: Cast) -> Script:
    """One card under 40 clients within a day, approved, in the shops that each of them knows."""
    card = cast.stranger().card_id
    thieves, known = cast.clients(40), cast.clients(40)
    minutes = [cast.at + timedelta(minutes=10 * number) for number in range(40)]
    return cast.script(
        [
            replace(client, card_id=card).pays(client.shops[0], 35.0, at)
            for client, at in zip(thieves, minutes, strict=True)
        ],
        [client.pays(client.shops[0], 35.0, at) for client, at in zip(known, minutes, strict=True)],
    )


def zero_probes(cast: Cast) -> Script:
    """60 cards with 0.00 at one merchant that none of them knows, within an hour."""
    market, kiosk = cast.shop(GOODS, 12.0), cast.shop(GOODS, 12.0)
    stolen, known = cast.clients(60), cast.clients(60, kiosk)
    minutes = [cast.at + timedelta(minutes=number) for number in range(60)]
    return cast.script(
        [client.pays(market, 0.0, at) for client, at in zip(stolen, minutes, strict=True)],
        [client.pays(kiosk, 0.0, at) for client, at in zip(known, minutes, strict=True)],
    )


def takeover(cast: Cast) -> Script:
    """Ten clients' cards online for electronics, eight times each within two hours, 300.00 to 900.00."""
    robbed, known = cast.clients(10), cast.clients(10)
    attack, twin = [], []
    for number in range(80):
        at = cast.at + timedelta(minutes=15 * (number % 8), seconds=number)
        amount = cast.draw.uniform(300, 900)
        attack.append(robbed[number // 8].pays(cast.shop(ELECTRONICS, 400.0), amount, at))
        # In two hours nobody shops eight times: the twin's are eight days.
        client = known[number // 8]
        shop = client.shops[number % len(client.shops)]
        twin.append(client.pays(shop, shop.usual, cast.at + timedelta(days=2 * (number % 8), hours=1)))
    return cast.script([*attack], [*twin])
