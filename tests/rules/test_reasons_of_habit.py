"""Each rule of habit at its boundary: it holds at its figure, not just before, and never where nothing is told."""

import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from fraudstack.profiles.event import Event
from fraudstack.rules import reasons
from fraudstack.rules.config import RulesFile
from fraudstack.rules.reasons import Case, Figure, Reason
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
    reason = reasons.amount_unusual(case(event(cents=SIGMAS_3_5), SETTLED, category="Grocery Stores"))
    assert reason == Reason(
        "amount_unusual",
        0.5,
        {"amount": SIGMAS_3_5 / 100, "sigmas": 3.5, "usual": 10.0, "purchases": 10},
        f"amount {SIGMAS_3_5 / 100:.2f} is 3.5 σ above this client's 10.00 at Grocery Stores",
    )
    assert reasons.amount_unusual(case(event(cents=SIGMAS_3_5 - 1), SETTLED)) is None


def test_the_sigmas_are_the_files() -> None:
    cents = least_cents(thousandths(10_00) + 1000)
    assert reasons.amount_unusual(case(event(cents=cents), SETTLED, altered("amount_unusual", sigmas=4.0)))
    assert not reasons.amount_unusual(case(event(cents=cents), SETTLED, altered("amount_unusual", sigmas=4.001)))


def test_sigmas_are_those_of_the_clients_own_spread() -> None:
    amounts = [1_00, 3_00, 10_00, 30_00, 100_00, 2_00, 50_00, 7_00, 20_00, 5_00]
    spending = [replace(one, cents=cents) for one, cents in zip(days(10), amounts, strict=True)]
    logs = [thousandths(cents) for cents in amounts]
    mean, spread = statistics.fmean(logs), statistics.pstdev(logs)
    cents = least_cents(round(mean + 3.6 * spread))
    reason = reasons.amount_unusual(case(event(cents=cents), profile(spending)))
    assert reason is not None
    assert reason.figures["sigmas"] == round((thousandths(cents) - mean) / spread, 2)
    assert reasons.amount_unusual(case(event(cents=least_cents(round(mean + 3.4 * spread))), profile(spending))) is None


@pytest.mark.parametrize(("rules", "least"), [(RULES, 20_00), (altered("amount_unusual", least_amount=33.33), 33_33)])
def test_small_amounts_are_never_unusual(rules: RulesFile, least: int) -> None:
    spending = profile(days(10, cents=50))
    assert reasons.amount_unusual(case(event(cents=least), spending, rules))
    assert reasons.amount_unusual(case(event(cents=least - 1), spending, rules)) is None


def test_a_category_is_compared_from_five_purchases_on_settled_or_not() -> None:
    dear = event(cents=900_00)
    reason = reasons.amount_unusual(case(dear, profile(days(5))))
    assert reason is not None
    assert reason.figures["purchases"] == 5
    assert reason.text.endswith("above this client's 10.00 in category 5411")
    assert reasons.amount_unusual(case(dear, profile(days(4)))) is None


@pytest.mark.parametrize("mcc", [5812, None])
def test_elsewhere_all_purchases_are_compared_once_the_client_is_settled(mcc: int | None) -> None:
    dear = event(cents=900_00, mcc=mcc)
    reason = reasons.amount_unusual(case(dear, SETTLED))
    assert reason is not None
    assert reason.text.endswith("above this client's 10.00 overall")
    assert reasons.amount_unusual(case(dear, profile(days(9)))) is None


def test_refunds_make_a_client_settled_and_are_no_purchases() -> None:
    dear = event(cents=900_00, mcc=5812)
    assert reasons.amount_unusual(case(dear, profile(days(5), days(5, first=5, cents=-10_00))))
    assert reasons.amount_unusual(case(dear, profile(days(4), days(6, first=4, cents=-10_00)))) is None


def test_a_category_with_few_purchases_falls_back_to_all() -> None:
    mixed = profile(days(4, cents=10_00), days(8, first=4, mcc=5812, cents=10_00))
    reason = reasons.amount_unusual(case(event(cents=900_00), mixed, category="Grocery Stores"))
    assert reason is not None
    assert reason.figures["purchases"] == 12
    assert reason.text.endswith("overall")


@pytest.mark.parametrize("cents", [0, -900_00])
def test_only_purchases_are_unusual(cents: int) -> None:
    assert reasons.amount_unusual(case(event(cents=cents), SETTLED)) is None


# What is new


class New(NamedTuple):
    rule: Callable[[Case], Reason | None]
    found: Event
    weight: float
    figures: dict[str, Figure]
    text: str


NEW = [
    New(reasons.merchant_new, event(merchant="7"), 0.1, {"merchant_id": "7"}, "first transaction at merchant 7"),
    New(reasons.mcc_new, event(mcc=5812), 0.2, {"mcc": 5812}, "first transaction at category 5812"),
    New(reasons.country_new, event(state="Italy"), 0.45, {"country": "Italy"}, "first transaction in Italy"),
    New(
        reasons.channel_new,
        event(channel="Online Transaction"),
        0.15,
        {"use_chip": "Online Transaction"},
        "first online transaction",
    ),
    New(reasons.card_unknown, event(card="8"), 0.3, {"card_id": "8"}, "card 8 is new for this client"),
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
    reason = reasons.mcc_new(case(event(mcc=5812), SETTLED, category="Eating Places and Restaurants"))
    assert reason is not None
    assert reason.text == "first transaction at Eating Places and Restaurants"


def test_category_0_is_a_category() -> None:
    assert reasons.mcc_new(case(event(mcc=0), SETTLED))
    assert reasons.mcc_new(case(event(mcc=0), profile(days(10, mcc=0)))) is None


def test_all_states_are_one_country() -> None:
    assert reasons.country_new(case(event(state="NY"), SETTLED)) is None
    abroad = profile(days(10, state="Italy"))
    reason = reasons.country_new(case(event(state="NY"), abroad))
    assert reason is not None
    assert reason.text == "first transaction in US"


# Travel


def travelled(seconds: int, **changes: Any) -> Case:
    return case(event(state="Italy"), profile(days(10), ago(seconds, **changes)))


def test_travel_is_impossible_within_its_hours() -> None:
    assert reasons.travel_impossible(travelled(8 * HOUR - 1)) == Reason(
        "travel_impossible",
        0.5,
        {"country": "Italy", "before": "US", "minutes": 479},
        "in Italy 8.0 hours after US",
    )
    assert reasons.travel_impossible(travelled(8 * HOUR)) is None


@pytest.mark.parametrize(
    ("seconds", "said"), [(119 * MINUTE + 59, "119 minutes"), (120 * MINUTE, "2.0 hours"), (0, "0 minutes")]
)
def test_time_is_said_in_minutes_then_hours(seconds: int, said: str) -> None:
    reason = reasons.travel_impossible(travelled(seconds))
    assert reason is not None
    assert reason.text == f"in Italy {said} after US"


def test_the_latest_country_before_is_named() -> None:
    france = ago(2 * HOUR, id=501, state="France")
    reason = reasons.travel_impossible(case(event(state="Italy"), profile(ago(3 * HOUR), france)))
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
    assert reasons.travel_impossible(travelled(HOUR))
    assert reasons.travel_impossible(travelled(HOUR, **before)) is None


def test_what_comes_later_is_not_before() -> None:
    assert reasons.travel_impossible(travelled(-1)) is None


def test_travel_to_a_known_country_is_possible() -> None:
    known = profile(ago(HOUR), days(1, state="Italy"))
    assert reasons.travel_impossible(case(event(state="Italy"), known)) is None


def test_travel_of_a_card_that_is_not_present_is_not_asked() -> None:
    assert reasons.travel_impossible(case(event(state=None), profile(ago(HOUR)))) is None


def test_a_new_client_can_travel_impossibly() -> None:
    assert reasons.travel_impossible(case(event(state="Italy"), profile(ago(HOUR))))


@pytest.mark.parametrize("hours", [1000, 1e12])
def test_travel_looks_back_a_week_at_most(hours: float) -> None:
    rules = altered("travel_impossible", hours=hours)
    for seconds, holds in ((WEEK - 1, True), (WEEK, False)):
        found = reasons.travel_impossible(case(event(state="Italy"), profile(ago(seconds)), rules))
        assert bool(found) is holds


# Hours


def test_an_hour_is_unusual_up_to_its_share() -> None:
    night = event(seconds=NOW - 9 * HOUR - 30 * MINUTE)
    once = replace(night, id=2, seconds=night.seconds - 300 * DAY)
    assert reasons.hour_unusual(case(night, profile(days(99), once))) == Reason(
        "hour_unusual",
        0.15,
        {"hour": 3, "share": 0.01},
        "1.0% of this client's transactions are between 03:00 and 03:59",
    )
    assert reasons.hour_unusual(case(night, profile(days(98), once))) is None


def test_an_hour_without_any_transaction_is_unusual() -> None:
    assert reasons.hour_unusual(case(event(seconds=NOW + 30 * MINUTE), SETTLED))
    assert reasons.hour_unusual(case(event(seconds=NOW + 30 * MINUTE - 1), SETTLED)) is None
    never = altered("hour_unusual", most_share=0.0)
    assert reasons.hour_unusual(case(event(seconds=NOW + 30 * MINUTE), SETTLED, never))


@pytest.mark.parametrize("count", [0, 9])
def test_hours_of_a_client_without_history_are_not_asked(count: int) -> None:
    assert reasons.hour_unusual(case(event(seconds=NOW + HOUR), profile(days(count)))) is None


# Refunds of nothing


def test_a_large_refund_needs_its_purchase() -> None:
    assert reasons.refund_unmatched(case(event(cents=-100_00), SETTLED)) == Reason(
        "refund_unmatched",
        0.15,
        {"amount": -100.0},
        "a refund of 100.00 without its purchase in the last 7 days",
    )
    assert reasons.refund_unmatched(case(event(cents=-99_99), SETTLED)) is None
    assert reasons.refund_unmatched(case(event(cents=100_00), SETTLED)) is None


def test_the_least_refund_is_the_files() -> None:
    rules = altered("refund_unmatched", least_amount=0.29)
    assert reasons.refund_unmatched(case(event(cents=-29), SETTLED, rules))
    assert reasons.refund_unmatched(case(event(cents=-28), SETTLED, rules)) is None


@pytest.mark.parametrize(
    ("bought", "matched"),
    [
        (ago(WEEK - 1, cents=250_00), True),
        (ago(0, cents=250_00), True),
        (ago(WEEK, cents=250_00), False),
        (ago(DAY, cents=249_99), False),
        (ago(DAY, cents=-250_00), False),
        (ago(DAY, cents=250_00, merchant="7"), False),
        # What was declined wasn't bought.
        (ago(DAY, cents=250_00, errors="Insufficient Balance"), False),
        (ago(-1, cents=250_00), False),
    ],
    ids=["a week", "the same second", "longer ago", "less", "a refund", "elsewhere", "declined", "later"],
)
def test_a_purchase_matches_its_refund(bought: Event, matched: bool) -> None:
    found = reasons.refund_unmatched(case(event(cents=-250_00), profile(bought)))
    assert (found is None) is matched


# Nobody knows the client


def test_much_money_of_an_unknown_client_is_a_reason() -> None:
    few = profile(days(9))
    assert reasons.cold_start(case(event(cents=500_00), few)) == Reason(
        "cold_start",
        0.3,
        {"amount": 500.0, "usual_transactions": 9},
        "amount 500.00 of a client with 9 usual transactions so far",
    )
    assert reasons.cold_start(case(event(cents=499_99), few)) is None
    assert reasons.cold_start(case(event(cents=500_00), SETTLED)) is None
    assert reasons.cold_start(case(event(cents=-500_00), few)) is None


def test_flagged_transactions_make_no_history() -> None:
    assert reasons.cold_start(case(event(cents=500_00), profile(days(50), trusted=False)))


def test_money_has_separators() -> None:
    reason = reasons.cold_start(case(event(cents=1_234_567_89), profile()))
    assert reason is not None
    assert reason.text == "amount 1,234,567.89 of a client with 0 usual transactions so far"
