"""Rules of habit: what is not as usual for a client."""

import math

from fraudstack.features import DAY
from fraudstack.profiles.event import HOME, ONLINE
from fraudstack.profiles.profile import WEEK, Amounts
from fraudstack.rules.case import HOUR, MINUTE, Case, Reason, money


def amount_unusual(case: Case) -> Reason | None:
    """A purchase far above what the client spends in this category, or overall where it has bought too little there."""
    figures, event = case.rules.rules.amount_unusual, case.event
    if event.cents < round(figures.least_amount * 100):
        return None
    compared, where = _compared(case, figures.least_purchases)
    if compared is None:
        return None
    sigmas = compared.sigmas(event.cents, case.rules.least_spread)
    if sigmas < figures.sigmas:
        return None
    return Reason(
        "amount_unusual",
        figures.weight,
        {
            "amount": event.cents / 100,
            "sigmas": round(sigmas, 2),
            "usual": round(compared.usual, 2),
            "purchases": compared.purchases,
        },
        f"amount {money(event.cents)} is {sigmas:.1f} σ above this client's {compared.usual:,.2f} {where}",
    )


def _compared(case: Case, least: int) -> tuple[Amounts | None, str]:
    category = None if case.event.mcc is None else case.habit("mcc", str(case.event.mcc)).amounts
    if category is not None and category.purchases >= least:
        return category, f"at {case.category}" if case.category else f"in category {case.event.mcc}"
    overall = case.usual.amounts
    return (overall, "overall") if overall.purchases >= least and case.settled else (None, "")


def merchant_new(case: Case) -> Reason | None:
    """The client's first transaction at a merchant."""
    merchant = case.event.merchant
    if not case.first("merchant", merchant):
        return None
    weight = case.rules.rules.merchant_new.weight
    return Reason("merchant_new", weight, {"merchant_id": merchant}, f"first transaction at merchant {merchant}")


def mcc_new(case: Case) -> Reason | None:
    """The client's first transaction in a merchant category."""
    mcc = case.event.mcc
    if mcc is None or not case.first("mcc", str(mcc)):
        return None
    weight = case.rules.rules.mcc_new.weight
    return Reason("mcc_new", weight, {"mcc": mcc}, f"first transaction at {case.category or f'category {mcc}'}")


def country_new(case: Case) -> Reason | None:
    """The client's first transaction in a country."""
    country = case.event.country
    if country is None or not case.settled or _known_country(case, country):
        return None
    weight = case.rules.rules.country_new.weight
    return Reason("country_new", weight, {"country": country}, f"first transaction in {country}")


def _known_country(case: Case, country: str) -> bool:
    return bool(case.usual.home if country == HOME else case.habit("state", country).count)


def travel_impossible(case: Case) -> Reason | None:
    """A country that is new while the card was present in another one shortly before."""
    country, figures = case.event.country, case.rules.rules.travel_impossible
    if country is None or _known_country(case, country):
        return None
    before = case.profile.before(case.event.seconds, min(round(figures.hours * HOUR), WEEK))
    elsewhere = next(
        (r.event for r in reversed(before) if r.event.country not in (None, country) and not r.event.declined), None
    )
    if elsewhere is None:
        return None
    minutes = (case.event.seconds - elsewhere.seconds) // MINUTE
    return Reason(
        "travel_impossible",
        figures.weight,
        {"country": country, "before": elsewhere.country, "minutes": minutes},
        f"in {country} {_minutes(minutes)} after {elsewhere.country}",
    )


def channel_new(case: Case) -> Reason | None:
    """The client's first transaction through a channel."""
    channel = case.event.channel
    if not channel or not case.first("channel", channel):
        return None
    weight = case.rules.rules.channel_new.weight
    return Reason("channel_new", weight, {"use_chip": channel}, f"first {channel.lower()}")


def card_unknown(case: Case) -> Reason | None:
    """A card that this client never used."""
    card = case.event.card
    if not case.first("card", card):
        return None
    weight = case.rules.rules.card_unknown.weight
    return Reason("card_unknown", weight, {"card_id": card}, f"card {card} is new for this client")


def hour_unusual(case: Case) -> Reason | None:
    """An hour in which the client hardly ever buys."""
    figures, hour = case.rules.rules.hour_unusual, case.event.hour
    if not case.settled:
        return None
    share = case.habit("hour", f"{hour:02}").count / case.usual.usual
    if share > figures.most_share:
        return None
    return Reason(
        "hour_unusual",
        figures.weight,
        {"hour": hour, "share": round(share, 4)},
        f"{share:.1%} of this client's transactions are between {hour:02}:00 and {hour:02}:59",
    )


def dormant(case: Case) -> Reason | None:
    """A payment at a merchant that isn't usual, of a client who did nothing for long, or until a week ago."""
    event, figures = case.event, case.rules.rules.dormant
    if not case.first("merchant", event.merchant):
        return None
    days = case.profile.longest_gap(event.seconds, WEEK) // DAY
    if days < figures.days:
        return None
    said = f"at merchant {event.merchant}, which is new, after {days} days without a transaction"
    return Reason("dormant", figures.weight, {"days": days, "merchant_id": event.merchant}, said)


def day_spend_unusual(case: Case) -> Reason | None:
    """Far more in 24 hours than the client's purchases are worth, and no single payment's doing."""
    figures, usual, event = case.rules.rules.day_spend_unusual, case.usual.amounts, case.event
    if not case.settled or not usual.purchases:
        return None
    mean = usual.cents / usual.purchases
    # Small change after a large purchase adds nothing to it.
    if event.cents < mean:
        return None
    spent = [cents for one in case.profile.before(event.seconds, DAY) if (cents := one.event.cents) > 0]
    spent.append(event.cents)
    total = sum(spent)
    if total < round(figures.least_amount * 100) or total / mean < figures.times:
        return None
    # Who pays much now and then pays much on a day, too.
    spread = mean * math.sqrt(len(spent)) * usual.variation(case.rules.least_spread)
    if max(spent) > figures.most_of_one * total or total - len(spent) * mean < figures.sigmas * spread:
        return None
    said = f"{money(total)} in 24 hours, {total / mean:.0f} times this client's mean purchase"
    return Reason("day_spend_unusual", figures.weight, {"spent": total / 100, "times": round(total / mean, 2)}, said)


def new_merchants_spend(case: Case) -> Reason | None:
    """Much money online in 24 hours at several merchants that aren't usual."""
    figures, event = case.rules.rules.new_merchants_spend, case.event
    if event.channel != ONLINE or event.cents <= 0 or not case.first("merchant", event.merchant):
        return None
    lately = [recent.event for recent in case.profile.before(event.seconds, DAY)]
    there = [e for e in (*lately, event) if e.channel == ONLINE and e.cents > 0 and case.first("merchant", e.merchant)]
    spent, merchants = sum(e.cents for e in there), len({e.merchant for e in there})
    if merchants < figures.merchants or spent < round(figures.least_amount * 100):
        return None
    said = f"{money(spent)} at {merchants} new online merchants in 24 hours"
    return Reason("new_merchants_spend", figures.weight, {"spent": spent / 100, "merchants": merchants}, said)


def cold_start(case: Case) -> Reason | None:
    """Much money in 24 hours from a client of whom little is known."""
    figures = case.rules.rules.cold_start
    spent = case.profile.window(case.event.seconds, DAY).cents + case.event.cents
    if case.settled or case.event.cents <= 0 or spent < round(figures.least_amount * 100):
        return None
    # Who has just come buys a household, and each small thing after it would be one more alert.
    if case.event.cents < round(figures.least_payment * 100) and spent < round(figures.most_little * 100):
        return None
    return Reason(
        "cold_start",
        figures.weight,
        {"spent": spent / 100, "usual_transactions": case.usual.usual},
        f"{money(spent)} in 24 hours of a client with {case.usual.usual} usual transactions so far",
    )


def _minutes(minutes: int) -> str:
    if minutes < 120:
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    return f"{minutes / 60:.1f} hours"
