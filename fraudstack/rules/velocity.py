"""Rules of velocity: what others did with the card and at the merchant."""

from fraudstack.features import DAY
from fraudstack.profiles.velocity import probing
from fraudstack.rules.case import Case, Reason


def card_shared(case: Case) -> Reason | None:
    """A card with which too many other clients paid in a week."""
    figures, clients = case.rules.rules.card_shared, case.velocity.card.clients
    if clients < figures.clients:
        return None
    said = f"card {case.event.card} was used by {clients} other clients in 7 days"
    return Reason("card_shared", figures.weight, {"card_id": case.event.card, "clients": clients}, said)


def card_guessed(case: Case) -> Reason | None:
    """A card of which somebody guesses what stands on it, under whatever client."""
    figures, guesses = case.rules.rules.card_guessed, case.velocity.card.guesses
    if guesses < figures.guesses:
        return None
    said = f"card {case.event.card} was declined for a wrong number, date, CVV, PIN or zip {guesses} times in 1 hour"
    return Reason("card_guessed", figures.weight, {"card_id": case.event.card, "guesses": guesses}, said)


def card_fraud(case: Case) -> Reason | None:
    """A card with a confirmed fraud, which should have been replaced."""
    figures, frauds, last = case.rules.rules.card_fraud, case.velocity.card.frauds, case.velocity.card.last_fraud
    if not frauds or last is None:
        return None
    days = (case.event.seconds - last) // DAY
    weight = figures.weight if days < figures.days else figures.later
    said = f"{frauds} confirmed fraud{'' if frauds == 1 else 's'} with card {case.event.card}, the last {_ago(days)}"
    return Reason("card_fraud", weight, {"card_id": case.event.card, "frauds": frauds, "days": days}, said)


def card_testing(case: Case) -> Reason | None:
    """One of many cards that pay little, or guess, at a merchant that their clients don't know."""
    figures, event = case.rules.rules.card_testing, case.event
    seen = case.profile.habits.get(("merchant", event.merchant or ""))
    cards = case.velocity.merchant.probes + 1
    if (seen is not None and seen.seen) or not probing(event.cents, event.errors, case.rules.small):
        return None
    if not event.merchant or cards < figures.cards:
        return None
    said = f"{cards} cards new at merchant {event.merchant} paid little or were declined there in 1 hour"
    return Reason("card_testing", figures.weight, {"merchant_id": event.merchant, "cards": cards}, said)


def merchant_fraud(case: Case) -> Reason | None:
    """A merchant at which, since some fraud that is confirmed, many payments are confirmed frauds."""
    figures = case.rules.rules.merchant_fraud
    enough = [
        (frauds, payments)
        for frauds, payments in enumerate(case.velocity.merchant.since_frauds, 1)
        if frauds >= figures.frauds and frauds / payments >= figures.least_share
    ]
    if not enough:
        return None
    frauds, payments = enough[-1]
    return Reason(
        "merchant_fraud",
        figures.weight,
        {"merchant_id": case.event.merchant, "frauds": frauds, "share": round(frauds / payments, 4)},
        f"{frauds} of the last {payments} payments at merchant {case.event.merchant} are confirmed frauds",
    )


def _ago(days: int) -> str:
    return "today" if not days else f"{days} day{'' if days == 1 else 's'} ago"
