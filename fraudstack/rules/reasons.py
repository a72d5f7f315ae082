"""The rules: each looks at a transaction and its client's profile and gives a reason, or None."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from fraudstack.features.table import CODES as MODEL_CODES
from fraudstack.profiles.event import HOME, ONLINE, Event
from fraudstack.profiles.profile import WEEK, Amounts, Habit, Profile
from fraudstack.rules.config import Burst, RulesFile

_MINUTE, _HOUR, _DAY = 60, 3600, 24 * 3600

Figure = str | int | float | None


class Reason(NamedTuple):
    """Why a transaction is out of the ordinary: the figures say by how much, the text is for a person."""

    code: str
    # 0 to 1: how much it alone would make of a score.
    weight: float
    figures: dict[str, Figure]
    text: str


class Case(NamedTuple):
    """What a rule may look at; the profile doesn't hold the transaction itself."""

    event: Event
    profile: Profile
    rules: RulesFile
    # The name of the merchant category, for people.
    category: str | None = None

    def habit(self, kind: str, value: str | None) -> Habit:
        """How usual a value is."""
        return self.profile.habits.get((kind, value), _NONE) if value else _NONE

    def first(self, kind: str, value: str | None) -> bool:
        """Whether a value that is told was never usual for a client with enough history."""
        return bool(value) and self.settled and not self.habit(kind, value).count

    @property
    def settled(self) -> bool:
        """Whether the client has the history that habits need."""
        return self.profile.usual >= self.rules.least_history


_NONE = Habit()
Rule = Callable[[Case], Reason | None]


def money(cents: int) -> str:
    """An amount as people read it."""
    return f"{cents / 100:,.2f}"


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
    overall = case.profile.amounts
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
    return bool(case.profile.home if country == HOME else case.habit("state", country).count)


def travel_impossible(case: Case) -> Reason | None:
    """A country that is new while the card was present in another one shortly before."""
    country, figures = case.event.country, case.rules.rules.travel_impossible
    if country is None or _known_country(case, country):
        return None
    before = case.profile.before(case.event.seconds, min(round(figures.hours * _HOUR), WEEK))
    elsewhere = next((r for r in reversed(before) if r.country not in (None, country) and not r.declined), None)
    if elsewhere is None:
        return None
    minutes = (case.event.seconds - elsewhere.seconds) // _MINUTE
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
    share = case.habit("hour", f"{hour:02}").count / case.profile.usual
    if share > figures.most_share:
        return None
    return Reason(
        "hour_unusual",
        figures.weight,
        {"hour": hour, "share": round(share, 4)},
        f"{share:.1%} of this client's transactions are between {hour:02}:00 and {hour:02}:59",
    )


def burst_10_minutes(case: Case) -> Reason | None:
    """Too many transactions in 10 minutes."""
    return _burst(case, "burst_10_minutes", case.rules.rules.burst_10_minutes, 10 * _MINUTE, "10 minutes")


def burst_1_hour(case: Case) -> Reason | None:
    """Too many transactions in an hour."""
    return _burst(case, "burst_1_hour", case.rules.rules.burst_1_hour, _HOUR, "1 hour")


def burst_24_hours(case: Case) -> Reason | None:
    """Too many transactions in a day."""
    return _burst(case, "burst_24_hours", case.rules.rules.burst_24_hours, _DAY, "24 hours")


def burst_7_days(case: Case) -> Reason | None:
    """Too many transactions in a week."""
    return _burst(case, "burst_7_days", case.rules.rules.burst_7_days, WEEK, "7 days")


def _burst(case: Case, code: str, figures: Burst, length: int, said: str) -> Reason | None:
    count = len(case.profile.before(case.event.seconds, length)) + 1
    if count <= figures.most:
        return None
    return Reason(
        code, figures.weight, {"transactions": count, "most": figures.most}, f"{count} transactions in {said}"
    )


def declines_then_success(case: Case) -> Reason | None:
    """An approved transaction after several declined ones within the hour."""
    figures = case.rules.rules.declines_then_success
    declined = case.profile.window(case.event.seconds, _HOUR).declined
    if case.event.declined or declined < figures.declines:
        return None
    return Reason(
        "declines_then_success", figures.weight, {"declined": declined}, f"approved after {declined} declines in 1 hour"
    )


def refunds_mirrored(case: Case) -> Reason | None:
    """Purchases and their exact refunds at one merchant, again and again."""
    figures, event = case.rules.rules.refunds_mirrored, case.event
    if not event.merchant or not event.cents or event.declined:
        return None
    before = case.profile.before(event.seconds, _DAY)
    amounts = [r.cents for r in before if r.merchant == event.merchant and not r.declined]
    amounts.append(event.cents)
    bought = sorted(cents for cents in amounts if cents > 0)
    pairs = 0
    for refund in (-cents for cents in amounts if cents < 0):
        if refund in bought:
            bought.remove(refund)
            pairs += 1
    if pairs < figures.pairs:
        return None
    return Reason(
        "refunds_mirrored",
        figures.weight,
        {"pairs": pairs, "merchant_id": event.merchant},
        f"{pairs} purchases with their refunds at merchant {event.merchant} in 24 hours",
    )


def refund_unmatched(case: Case) -> Reason | None:
    """A large refund of something that wasn't bought in the last week."""
    figures, event = case.rules.rules.refund_unmatched, case.event
    if event.cents > -round(figures.least_amount * 100):
        return None
    before = case.profile.before(event.seconds, WEEK)
    if any(r.cents == -event.cents and r.merchant == event.merchant and not r.declined for r in before):
        return None
    return Reason(
        "refund_unmatched",
        figures.weight,
        {"amount": event.cents / 100},
        f"a refund of {money(-event.cents)} without its purchase in the last 7 days",
    )


def cold_start(case: Case) -> Reason | None:
    """Much money from a client of whom little is known."""
    figures = case.rules.rules.cold_start
    if case.settled or case.event.cents < round(figures.least_amount * 100):
        return None
    return Reason(
        "cold_start",
        figures.weight,
        {"amount": case.event.cents / 100, "usual_transactions": case.profile.usual},
        f"amount {money(case.event.cents)} of a client with {case.profile.usual} usual transactions so far",
    )


def _minutes(minutes: int) -> str:
    if minutes < 120:
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    return f"{minutes / 60:.1f} hours"


# An exception for a client at a merchant silences these: what remains is haste.
OF_HABIT: tuple[Rule, ...] = (
    amount_unusual,
    merchant_new,
    mcc_new,
    country_new,
    travel_impossible,
    channel_new,
    hour_unusual,
    refund_unmatched,
    cold_start,
)
OF_HASTE: tuple[Rule, ...] = (
    card_unknown,
    burst_10_minutes,
    burst_1_hour,
    burst_24_hours,
    burst_7_days,
    declines_then_success,
    refunds_mirrored,
)

# The code of a rule's reason is its name; some reasons come from elsewhere.
CODES = tuple(sorted(("block_list", "llm_text", *MODEL_CODES, *(rule.__name__ for rule in OF_HABIT + OF_HASTE))))


def reasons(case: Case, *, excepted: bool = False) -> Iterator[Reason]:
    """Every reason that holds; `excepted` leaves out what an analyst allowed this client at this merchant."""
    for rule in OF_HASTE if excepted else OF_HABIT + OF_HASTE:
        if found := rule(case):
            yield found


def whitelisted(case: Case) -> str | None:
    """Why a transaction fits the client's history, in a sentence; None where it doesn't, or can't be told."""
    asked, event, profile = case.rules.whitelist, case.event, case.profile
    if profile.usual < asked.least_history or event.declined or event.cents < 0:
        return None
    if case.habit("card", event.card).count < asked.least_count:
        return None
    if case.habit("channel", event.channel).count < asked.least_count:
        return None
    if event.channel != ONLINE and case.habit("state", event.state).count < asked.least_count:
        return None
    category = case.habit("mcc", None if event.mcc is None else str(event.mcc))
    at_merchant = case.habit("merchant", event.merchant).count
    for amounts in (category.amounts, profile.amounts):
        if amounts.purchases < asked.least_count:
            return None
        if amounts.sigmas(event.cents, case.rules.least_spread) > asked.most_sigmas:
            return None
    if len(profile.before(event.seconds, 10 * _MINUTE)) + 1 > asked.most_in_10_minutes:
        return None
    if len(profile.before(event.seconds, _HOUR)) + 1 > asked.most_in_1_hour:
        return None
    if profile.window(event.seconds, _DAY).declined > asked.most_declines:
        return None
    where = f"at merchant {event.merchant} ({at_merchant} before)" if at_merchant else f"in category {event.mcc}"
    return f"usual card, place and amount for this client {where}"
