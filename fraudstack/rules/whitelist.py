"""What fits a client's history so well that no rule has to be asked."""

from fraudstack.features import DAY
from fraudstack.profiles.event import ONLINE
from fraudstack.rules.case import HOUR, MINUTE, Case


def whitelisted(case: Case) -> str | None:
    """Why a transaction fits the client's history, in a sentence; None where it doesn't, or can't be told."""
    asked, event, profile = case.rules.whitelist, case.event, case.profile
    if case.usual.usual < asked.least_history or event.declined or event.cents < 0:
        return None
    if case.velocity.card.frauds or case.velocity.merchant.since_frauds:
        return None
    spent = profile.window(event.seconds, DAY).cents + event.cents
    if event.cents > round(asked.most_amount * 100) or spent > round(asked.most_a_day * 100):
        return None
    if case.habit("card", event.card).count < asked.least_count:
        return None
    if case.habit("channel", event.channel).count < asked.least_count:
        return None
    if event.channel != ONLINE and case.habit("state", event.state).count < asked.least_count:
        return None
    category = case.habit("mcc", None if event.mcc is None else str(event.mcc))
    at_merchant = case.habit("merchant", event.merchant).count
    # Whoever asks only whether a card works, or pays where nobody sees it, is known there.
    if not at_merchant and (event.channel == ONLINE or not event.cents):
        return None
    if case.habit("hour", f"{event.hour:02}").count / case.usual.usual <= case.rules.rules.hour_unusual.most_share:
        return None
    for amounts in (category.amounts, case.usual.amounts):
        if amounts.purchases < asked.least_count:
            return None
        if amounts.sigmas(event.cents, case.rules.least_spread) > asked.most_sigmas:
            return None
    if len(profile.before(event.seconds, 10 * MINUTE)) + 1 > asked.most_in_10_minutes:
        return None
    if len(profile.before(event.seconds, HOUR)) + 1 > asked.most_in_1_hour:
        return None
    if profile.window(event.seconds, DAY).declined > asked.most_declines:
        return None
    where = f"at merchant {event.merchant} ({at_merchant} before)" if at_merchant else f"in category {event.mcc}"
    return f"usual card, place and amount for this client {where}"
