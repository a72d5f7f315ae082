"""Each rule of habit at its boundary: it holds at its figure, not just before, and never where nothing is told."""

import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from fraudstack.profiles.event import Event
from fraudstack.rules import habit, refunds
from fraudstack.rules.case import Case, Figure, Reason
from fraudstack.rules.config import RulesFile
from tests.rules.cases import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    RULES,
    UNKNOWN,
    USUAL,
    WEEK,
    ago,
    altered,
    case,
    days,
    event,
    least_cents,
    profile,
    thousandths,
)

SETTLED = profile(days(10))
# All purchases were 10.00, so the spread is the least: 0.25, 250 thousandths.
SIGMAS_3_5 = least_cents(thousandths(10_00) + 875)


# An unusual amount


def test_an_amount_is_unusual_from_its_sigmas_on() -> None:
    reason = habit.amount_unusual(case(event(cents=SIGMAS_3_5), SETTLED, category="Grocery Stores"))
    assert reason == Reason(
        "amount_unusual",
        0.5,
        {"amount": SIGMAS_3_5 / 100, "sigmas": 3.5, "usual": 10.0, "purchases": 10},
        f"amount {SIGMAS_3_5 / 100:.2f} is 3.5 σ above this client's 10.00 at Grocery Stores",
    )
    assert habit.amount_unusual(case(event(cents=SIGMAS_3_5 - 1), SETTLED)) is None


def test_the_sigmas_are_the_files() -> None:
    cents = least_cents(thousandths(10_00) + 1000)
    assert habit.amount_unusual(case(event(cents=cents), SETTLED, altered("amount_unusual", sigmas=4.0)))
    assert not habit.amount_unusual(case(event(cents=cents), SETTLED, altered("amount_unusual", sigmas=4.001)))


def test_sigmas_are_those_of_the_clients_own_spread() -> None:
    amounts = [1_00, 3_00, 10_00, 30_00, 100_00, 2_00, 50_00, 7_00, 20_00, 5_00]
    spending = [replace(one, cents=cents) for one, cents in zip(days(10), amounts, strict=True)]
    logs = [thousandths(cents) for cents in amounts]
    mean, spread = statistics.fmean(logs), statistics.pstdev(logs)
    cents = least_cents(round(mean + 3.6 * spread))
    reason = habit.amount_unusual(case(event(cents=cents), profile(spending)))
    assert reason is not None
    assert reason.figures["sigmas"] == round((thousandths(cents) - mean) / spread, 2)
    assert habit.amount_unusual(case(event(cents=least_cents(round(mean + 3.4 * spread))), profile(spending))) is None


@pytest.mark.parametrize(("rules", "least"), [(RULES, 20_00), (altered("amount_unusual", least_amount=33.33), 33_33)])
def test_small_amounts_are_never_unusual(rules: RulesFile, least: int) -> None:
    spending = profile(days(10, cents=50))
    assert habit.amount_unusual(case(event(cents=least), spending, rules))
    assert habit.amount_unusual(case(event(cents=least - 1), spending, rules)) is None


def test_a_category_is_compared_from_seven_purchases_on_settled_or_not() -> None:
    dear = event(cents=900_00)
    reason = habit.amount_unusual(case(dear, profile(days(7))))
    assert reason is not None
    assert reason.figures["purchases"] == 7
    assert reason.text.endswith("above this client's 10.00 in category 5411")
    assert habit.amount_unusual(case(dear, profile(days(6)))) is None


@pytest.mark.parametrize("mcc", [5812, None])
def test_elsewhere_all_purchases_are_compared_once_the_client_is_settled(mcc: int | None) -> None:
    dear = event(cents=900_00, mcc=mcc)
    reason = habit.amount_unusual(case(dear, SETTLED))
    assert reason is not None
    assert reason.text.endswith("above this client's 10.00 overall")
    assert habit.amount_unusual(case(dear, profile(days(9)))) is None


def test_refunds_make_a_client_settled_and_are_no_purchases() -> None:
    dear = event(cents=900_00, mcc=5812)
    assert habit.amount_unusual(case(dear, profile(days(7), days(5, first=7, cents=-10_00))))
    assert habit.amount_unusual(case(dear, profile(days(6), days(6, first=6, cents=-10_00)))) is None


def test_a_category_with_few_purchases_falls_back_to_all() -> None:
    mixed = profile(days(4, cents=10_00), days(8, first=4, mcc=5812, cents=10_00))
    reason = habit.amount_unusual(case(event(cents=900_00), mixed, category="Grocery Stores"))
    assert reason is not None
    assert reason.figures["purchases"] == 12
    assert reason.text.endswith("overall")


@pytest.mark.parametrize("cents", [0, -900_00])
def test_only_purchases_are_unusual(cents: int) -> None:
    assert habit.amount_unusual(case(event(cents=cents), SETTLED)) is None


# What is new


class New(NamedTuple):
    rule: Callable[[Case], Reason | None]
    found: Event
    weight: float
    figures: dict[str, Figure]
    text: str


NEW = [
    New(habit.merchant_new, event(merchant="7"), 0.1, {"merchant_id": "7"}, "first transaction at merchant 7"),
    New(habit.mcc_new, event(mcc=5812), 0.15, {"mcc": 5812}, "first transaction at category 5812"),
    New(habit.country_new, event(state="Italy"), 0.45, {"country": "Italy"}, "first transaction in Italy"),
    New(
        habit.channel_new,
        event(channel="Online Transaction"),
        0.15,
        {"use_chip": "Online Transaction"},
        "first online transaction",
    ),
    New(habit.card_unknown, event(card="8"), 0.25, {"card_id": "8"}, "card 8 is new for this client"),
]
each_new = pytest.mark.parametrize("new", NEW, ids=[new.rule.__name__ for new in NEW])


@each_new
def test_the_first_time_is_a_reason(new: New) -> None:
    assert new.rule(case(new.found, SETTLED)) == Reason(new.rule.__name__, new.weight, new.figures, new.text)


@each_new
def test_a_client_without_history_is_not_asked(new: New) -> None:
    assert new.rule(case(new.found, profile(days(10))))
    assert new.rule(case(new.found, profile(days(9)))) is None
    assert new.rule(case(new.found, profile(days(9)), RULES.model_copy(update={"least_history": 9})))


@each_new
def test_once_is_known(new: New) -> None:
    once = replace(new.found, id=2, seconds=NOW - 30 * DAY)
    assert new.rule(case(new.found, profile(days(10), once))) is None


@each_new
@pytest.mark.parametrize(("errors", "trusted"), [("Bad PIN", True), (None, False)], ids=["declined", "flagged"])
def test_what_was_declined_or_flagged_is_not_known(new: New, errors: str | None, trusted: bool) -> None:
    known = profile(days(10))
    known.add(replace(new.found, id=2, seconds=NOW - 30 * DAY, errors=errors), trusted=trusted)
    assert new.rule(case(new.found, known))


@each_new
@pytest.mark.parametrize("found", [USUAL, UNKNOWN], ids=["the usual", "nothing told"])
def test_the_usual_and_the_unknown_are_not_new(new: New, found: Event) -> None:
    assert new.rule(case(found, SETTLED)) is None


def test_a_new_category_is_named() -> None:
    reason = habit.mcc_new(case(event(mcc=5812), SETTLED, category="Eating Places and Restaurants"))
    assert reason is not None
    assert reason.text == "first transaction at Eating Places and Restaurants"


def test_category_0_is_a_category() -> None:
    assert habit.mcc_new(case(event(mcc=0), SETTLED))
    assert habit.mcc_new(case(event(mcc=0), profile(days(10, mcc=0)))) is None


def test_all_states_are_one_country() -> None:
    assert habit.country_new(case(event(state="NY"), SETTLED)) is None
    abroad = profile(days(10, state="Italy"))
    reason = habit.country_new(case(event(state="NY"), abroad))
    assert reason is not None
    assert reason.text == "first transaction in US"


# Travel


def travelled(seconds: int, **changes: Any) -> Case:
    return case(event(state="Italy"), profile(days(10), ago(seconds, **changes)))


def test_travel_is_impossible_within_its_hours() -> None:
    assert habit.travel_impossible(travelled(8 * HOUR - 1)) == Reason(
        "travel_impossible",
        0.5,
        {"country": "Italy", "before": "US", "minutes": 479},
        "in Italy 8.0 hours after US",
    )
    assert habit.travel_impossible(travelled(8 * HOUR)) is None


@pytest.mark.parametrize(
    ("seconds", "said"), [(119 * MINUTE + 59, "119 minutes"), (120 * MINUTE, "2.0 hours"), (0, "0 minutes")]
)
def test_time_is_said_in_minutes_then_hours(seconds: int, said: str) -> None:
    reason = habit.travel_impossible(travelled(seconds))
    assert reason is not None
    assert reason.text == f"in Italy {said} after US"


def test_the_latest_country_before_is_named() -> None:
    france = ago(2 * HOUR, id=501, state="France")
    reason = habit.travel_impossible(case(event(state="Italy"), profile(ago(3 * HOUR), france)))
    assert reason is not None
    assert reason.figures == {"country": "Italy", "before": "France", "minutes": 120}


@pytest.mark.parametrize(
    "before",
    [
        {"errors": "Bad PIN"},
        {"state": None},
        {"state": "Italy", "errors": "Bad PIN"},
    ],
    ids=["declined", "online", "the same country"],
)
def test_travel_needs_a_card_present_elsewhere_before(before: dict[str, Any]) -> None:
    assert habit.travel_impossible(travelled(HOUR))
    assert habit.travel_impossible(travelled(HOUR, **before)) is None


def test_what_comes_later_is_not_before() -> None:
    assert habit.travel_impossible(travelled(-1)) is None


def test_travel_to_a_known_country_is_possible() -> None:
    known = profile(ago(HOUR), days(1, state="Italy"))
    assert habit.travel_impossible(case(event(state="Italy"), known)) is None


def test_travel_of_a_card_that_is_not_present_is_not_asked() -> None:
    assert habit.travel_impossible(case(event(state=None), profile(ago(HOUR)))) is None


def test_a_new_client_can_travel_impossibly() -> None:
    assert habit.travel_impossible(case(event(state="Italy"), profile(ago(HOUR))))


@pytest.mark.parametrize("hours", [1000, 1e12])
def test_travel_looks_back_a_week_at_most(hours: float) -> None:
    rules = altered("travel_impossible", hours=hours)
    for seconds, holds in ((WEEK - 1, True), (WEEK, False)):
        found = habit.travel_impossible(case(event(state="Italy"), profile(ago(seconds)), rules))
        assert bool(found) is holds


# Hours


def test_an_hour_is_unusual_up_to_its_share() -> None:
    night = event(seconds=NOW - 9 * HOUR - 30 * MINUTE)
    once = replace(night, id=2, seconds=night.seconds - 300 * DAY)
    assert habit.hour_unusual(case(night, profile(days(99), once))) == Reason(
        "hour_unusual",
        0.1,
        {"hour": 3, "share": 0.01},
        "1.0% of this client's transactions are between 03:00 and 03:59",
    )
    assert habit.hour_unusual(case(night, profile(days(98), once))) is None


def test_an_hour_without_any_transaction_is_unusual() -> None:
    assert habit.hour_unusual(case(event(seconds=NOW + 30 * MINUTE), SETTLED))
    assert habit.hour_unusual(case(event(seconds=NOW + 30 * MINUTE - 1), SETTLED)) is None
    never = altered("hour_unusual", most_share=0.0)
    assert habit.hour_unusual(case(event(seconds=NOW + 30 * MINUTE), SETTLED, never))


@pytest.mark.parametrize("count", [0, 9])
def test_hours_of_a_client_without_history_are_not_asked(count: int) -> None:
    assert habit.hour_unusual(case(event(seconds=NOW + HOUR), profile(days(count)))) is None


# Refunds of nothing


def test_a_large_refund_needs_its_purchase() -> None:
    assert refunds.refund_unmatched(case(event(cents=-250_00), profile())) == Reason(
        "refund_unmatched",
        0.5,
        {"amount": -250.0, "unmatched": 250.0},
        "refunds of 250.00 in 7 days without their purchases in the 28 days before",
    )
    assert refunds.refund_unmatched(case(event(cents=-249_99), profile())) is None
    assert refunds.refund_unmatched(case(event(cents=250_00), profile())) is None


def test_the_least_refund_is_the_files() -> None:
    rules = altered("refund_unmatched", least_amount=0.29)
    assert refunds.refund_unmatched(case(event(cents=-29), profile(), rules))
    assert refunds.refund_unmatched(case(event(cents=-28), profile(), rules)) is None


@pytest.mark.parametrize(
    ("bought", "matched"),
    [
        (ago(4 * WEEK - 1, cents=250_00), True),
        (ago(0, cents=250_00), True),
        (ago(4 * WEEK, cents=250_00), False),
        (ago(DAY, cents=50_01), True),
        (ago(DAY, cents=50_00), False),
        (ago(DAY, cents=-250_00), False),
        (ago(DAY, cents=250_00, merchant="7"), False),
        # What was declined wasn't bought.
        (ago(DAY, cents=250_00, errors="Insufficient Balance"), False),
        (ago(-1, cents=250_00), False),
    ],
    ids=[
        "28 days",
        "the same second",
        "longer ago",
        "almost all",
        "less",
        "a refund",
        "elsewhere",
        "declined",
        "later",
    ],
)
def test_a_purchase_matches_its_refund(bought: Event, matched: bool) -> None:
    found = refunds.refund_unmatched(case(event(cents=-300_00), profile(bought)))
    assert (found is None) is matched


def test_a_refund_uses_up_its_purchase() -> None:
    once = profile(ago(DAY, cents=250_00))
    assert refunds.refund_unmatched(case(event(cents=-250_00), once)) is None
    twice = profile(ago(DAY, cents=250_00), ago(HOUR, id=501, cents=-250_00))
    assert refunds.refund_unmatched(case(event(cents=-250_00), twice))


def test_many_small_refunds_are_together_a_large_one() -> None:
    small = [ago(hour * HOUR, id=2000 + hour, cents=-50_00) for hour in range(1, 5)]
    assert refunds.refund_unmatched(case(event(cents=-50_00), profile(small)))
    assert refunds.refund_unmatched(case(event(cents=-50_00), profile(small[1:]))) is None


@pytest.mark.parametrize(
    ("hours", "cents", "merchant", "covered"),
    [
        (47, 180_00, "59935", True),
        (49, 180_00, "59935", False),
        (47, 179_99, "59935", False),
        (47, 180_00, "7", False),
    ],
)
def test_a_refund_may_come_shortly_before_its_purchase(hours: int, cents: int, merchant: str, covered: bool) -> None:
    first, after = ago(100 * HOUR, cents=-180_00), ago((100 - hours) * HOUR, cents=cents, merchant=merchant)
    found = refunds.refund_unmatched(case(event(cents=-200_00, merchant="8"), profile(first, after)))
    assert (found is None) is covered


def test_a_refund_before_its_purchase_uses_it_up() -> None:
    before = profile(ago(90 * HOUR, cents=-180_00), ago(80 * HOUR, cents=180_00), ago(HOUR, id=501, cents=-70_00))
    found = refunds.refund_unmatched(case(event(cents=-180_00), before))
    assert found is not None
    assert found.figures["unmatched"] == 250.0


# Nobody knows the client


def test_much_money_of_an_unknown_client_is_a_reason() -> None:
    few = profile(days(9))
    assert habit.cold_start(case(event(cents=400_00), few)) == Reason(
        "cold_start",
        0.5,
        {"spent": 400.0, "usual_transactions": 9},
        "400.00 in 24 hours of a client with 9 usual transactions so far",
    )
    assert habit.cold_start(case(event(cents=399_99), few)) is None
    assert habit.cold_start(case(event(cents=400_00), SETTLED)) is None
    assert habit.cold_start(case(event(cents=-400_00), few)) is None
    assert habit.cold_start(case(event(cents=100_00), profile(days(9), ago(DAY - 1, cents=300_00))))
    assert habit.cold_start(case(event(cents=100_00), profile(days(9), ago(DAY, cents=300_00)))) is None


@pytest.mark.parametrize(
    ("before", "cents", "holds"),
    [(700_00, 99_99, False), (700_00, 100_00, True), (700_01, 99_99, True), (799_99, 1, True), (799_98, 1, False)],
)
def test_small_change_of_an_unknown_client_is_a_reason_once_it_adds_up(before: int, cents: int, holds: bool) -> None:
    found = habit.cold_start(case(event(cents=cents), profile(days(9), ago(DAY - 1, cents=before))))
    assert (found is not None) is holds


def test_flagged_transactions_make_no_history() -> None:
    assert habit.cold_start(case(event(cents=500_00), profile(days(50), trusted=False)))


def test_money_has_separators() -> None:
    reason = habit.cold_start(case(event(cents=1_234_567_89), profile()))
    assert reason is not None
    assert reason.text == "1,234,567.89 in 24 hours of a client with 0 usual transactions so far"


# Awake after long, or all at once


@pytest.mark.parametrize(("gap", "holds"), [(90, True), (89, False)])
def test_a_new_merchant_after_a_silence_is_a_reason(gap: int, holds: bool) -> None:
    asleep = profile(days(20, first=gap - 8))
    assert (habit.dormant(case(event(merchant="7"), asleep)) is not None) is holds
    assert habit.dormant(case(event(), asleep)) is None


def test_a_silence_that_ended_in_the_last_week_counts() -> None:
    awake = profile(days(20, first=100), ago(DAY, merchant="7"))
    assert habit.dormant(case(event(merchant="8"), awake)) == Reason(
        "dormant",
        0.5,
        {"days": 107, "merchant_id": "8"},
        "at merchant 8, which is new, after 107 days without a transaction",
    )


def test_a_day_far_above_the_mean_purchase_is_a_reason() -> None:
    spending = profile(days(20, cents=50_00), ago(DAY - 1, cents=350_00))
    assert habit.day_spend_unusual(case(event(cents=250_00), spending)) == Reason(
        "day_spend_unusual",
        0.5,
        {"spent": 600.0, "times": 12.0},
        "600.00 in 24 hours, 12 times this client's mean purchase",
    )
    assert habit.day_spend_unusual(case(event(cents=249_99), spending)) is None
    assert habit.day_spend_unusual(case(event(cents=-250_00), spending)) is None
    # Far above a mean of next to nothing isn't much.
    little = profile(days(20, cents=1_00), ago(HOUR, cents=150_00))
    assert habit.day_spend_unusual(case(event(cents=149_99), little)) is None


def test_a_single_payment_or_small_change_makes_no_such_day() -> None:
    large = profile(days(20, cents=50_00), ago(HOUR, cents=900_00))
    assert habit.day_spend_unusual(case(event(cents=600_00), large))
    assert habit.day_spend_unusual(case(event(cents=599_99), large)) is None
    assert habit.day_spend_unusual(case(event(cents=49_99), large)) is None


def test_who_pays_much_now_and_then_may_on_a_day() -> None:
    uneven = profile(days(20, cents=10_00), days(4, first=20, cents=400_00))
    assert habit.day_spend_unusual(case(event(cents=600_00), profile(uneven_events()))) is None
    assert uneven.amounts.variation(0.25) > 2
    assert profile(days(20)).amounts.variation(0.25) == pytest.approx(0.254, abs=0.001)


def uneven_events() -> list[Event]:
    return [*days(20, cents=10_00), *days(4, first=20, cents=400_00), ago(HOUR, cents=600_00)]


@pytest.mark.parametrize(
    ("before", "holds"),
    [
        ({"merchant": "8"}, True),
        ({"merchant": "7"}, False),
        ({"merchant": "59935"}, False),
        ({"merchant": "8", "channel": "Chip Transaction"}, False),
        ({"merchant": "8", "cents": 199_99}, False),
        ({"merchant": "8", "seconds": NOW - DAY}, False),
    ],
    ids=["two", "one", "known", "not online", "less", "longer ago"],
)
def test_much_money_at_new_online_merchants_is_a_reason(before: dict[str, Any], holds: bool) -> None:
    earlier = event(**{"id": 500, "seconds": NOW - HOUR, "cents": 200_00, "channel": "Online Transaction"} | before)
    now = event(cents=300_00, merchant="7", channel="Online Transaction")
    assert (habit.new_merchants_spend(case(now, profile(days(20), earlier))) is not None) is holds
