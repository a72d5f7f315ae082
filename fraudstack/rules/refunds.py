"""Rules of refunds: money that comes back without having been spent."""

from collections import defaultdict

from fraudstack.features import DAY
from fraudstack.profiles.profile import FAR_BACK, WEEK
from fraudstack.rules.case import Case, Reason, money


def refund_unmatched(case: Case) -> Reason | None:
    """Refunds of a week that no purchase at their merchant covers; each uses up what it is of."""
    figures, event = case.rules.rules.refund_unmatched, case.event
    if event.cents >= 0 or event.declined:
        return None
    left: dict[str | None, int] = defaultdict(int)
    here = 0
    # Of each refund that nothing covers, when it was and how much of it.
    uncovered: dict[str | None, list[tuple[int, int]]] = defaultdict(list)
    for one in (*(recent.event for recent in case.profile.before(event.seconds, FAR_BACK)), event):
        if one.declined:
            continue
        refunds = uncovered[one.merchant]
        # A terminal often sends the reversal first.
        reversed_ = next((r for r in refunds if r[1] == one.cents and r[0] > one.seconds - 2 * DAY), None)
        if reversed_ is not None:
            refunds.remove(reversed_)
            continue
        left[one.merchant] += one.cents
        here = max(0, -left[one.merchant])
        if here:
            refunds.append((one.seconds, here))
            left[one.merchant] = 0
    unmatched = sum(cents for of in uncovered.values() for at, cents in of if at > event.seconds - WEEK)
    if not here or unmatched < round(figures.least_amount * 100):
        return None
    return Reason(
        "refund_unmatched",
        figures.weight,
        {"amount": event.cents / 100, "unmatched": unmatched / 100},
        f"refunds of {money(unmatched)} in 7 days without their purchases in the 28 days before",
    )


def refunds_mirrored(case: Case) -> Reason | None:
    """Purchases and their exact refunds at one merchant, again and again."""
    figures, event = case.rules.rules.refunds_mirrored, case.event
    if not event.merchant or not event.cents or event.declined:
        return None
    there = [
        one
        for one in (*(recent.event for recent in case.profile.before(event.seconds, 2 * DAY)), event)
        if one.merchant == event.merchant and not one.declined
    ]
    bought = [one for one in there if one.cents > 0]
    pairs = 0
    for refund in (one for one in there if one.cents < 0):
        if pair := next((one for one in bought if one.cents == -refund.cents), None):
            bought.remove(pair)
            pairs += 1
    if pairs < figures.pairs:
        return None
    return Reason(
        "refunds_mirrored",
        figures.weight,
        {"pairs": pairs, "merchant_id": event.merchant},
        f"{pairs} purchases with their refunds at merchant {event.merchant} in 48 hours",
    )
