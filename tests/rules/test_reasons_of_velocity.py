"""Each rule of velocity at its boundary: cards that are shared, guessed or tried, frauds that are known."""

from dataclasses import replace
from typing import Any

import pytest

from fraudstack.profiles.velocity import GUESSES, AtMerchant, Deal, Velocity, WithCard, probes, since_frauds, with_card
from fraudstack.rules import velocity
from fraudstack.rules.case import Reason
from fraudstack.rules.decide import decide
from tests.rules.cases import DAY, HOUR, NOW, USUAL, WEEK, altered, case, days, event, profile

SETTLED = profile(days(30))
NEW = event(cents=1_00, merchant="7")


def deal(client: str = "8", seconds: int = 60, **changes: Any) -> Deal:
    """A transaction of another client with a card of its own, so many seconds before NOW."""
    return Deal(NOW - seconds, client, f"card of {client}", 1_00, None, first=True)._replace(**changes)


# What is counted


def test_other_clients_with_the_card_count_for_a_week() -> None:
    deals = [deal("8", WEEK), deal("9", WEEK - 1), deal("9"), deal("10"), deal(USUAL.client_id)]
    assert with_card(USUAL, deals, []).clients == 2


@pytest.mark.parametrize("error", [*GUESSES, "Bad PIN,Insufficient Balance"])
def test_guesses_count_for_an_hour(error: str) -> None:
    deals = [deal(seconds=seconds, errors=error) for seconds in (0, HOUR - 1, HOUR)]
    assert with_card(USUAL, deals, []).guesses == 2


@pytest.mark.parametrize("error", ["Technical Glitch", "Insufficient Balance", ""])
def test_an_outage_or_an_empty_account_is_no_guess(error: str) -> None:
    assert with_card(USUAL, [deal(errors=error)] * 9, []).guesses == 0
    assert probes(NEW, [deal(str(n), errors=error, cents=50_00) for n in range(9)], 5_00) == 0


def test_probes_are_cards_new_at_the_merchant_that_pay_little_within_the_hour() -> None:
    found = [deal("1"), deal("1"), deal("2", cents=5_00), deal("3", cents=0), deal("4", errors="Bad CVV", cents=900_00)]
    not_found = [
        deal("5", HOUR),
        deal("6", first=False),
        deal("7", cents=5_01),
        deal("8", cents=-1_00),
        deal("9", card=NEW.card),
    ]
    assert probes(NEW, [*found, *not_found], 5_00) == 4


def test_frauds_that_are_not_counted_as_payments_yet_are_no_more_than_all() -> None:
    assert since_frauds([NOW - 9, NOW - 5, NOW - 1], [NOW, NOW - 5, NOW - 20]) == (1, 2)


# What is a reason


def test_a_card_of_many_clients() -> None:
    found = case(USUAL, SETTLED, velocity=Velocity(WithCard(clients=2)))
    assert velocity.card_shared(found) == Reason(
        "card_shared", 0.5, {"card_id": "2972", "clients": 2}, "card 2972 was used by 2 other clients in 7 days"
    )
    assert velocity.card_shared(case(USUAL, SETTLED, velocity=Velocity(WithCard(clients=1)))) is None
    more = altered("card_shared", clients=3)
    assert velocity.card_shared(found._replace(rules=more)) is None


def test_a_card_of_which_somebody_guesses() -> None:
    found = case(USUAL, SETTLED, velocity=Velocity(WithCard(guesses=3)))
    assert velocity.card_guessed(found) == Reason(
        "card_guessed",
        0.5,
        {"card_id": "2972", "guesses": 3},
        "card 2972 was declined for a wrong number, date, CVV, PIN or zip 3 times in 1 hour",
    )
    assert velocity.card_guessed(case(USUAL, SETTLED, velocity=Velocity(WithCard(guesses=2)))) is None


def test_a_confirmed_fraud_speaks_with_its_number_and_age() -> None:
    found = case(USUAL, SETTLED, velocity=Velocity(WithCard(frauds=2, last_fraud=NOW - 2 * DAY)))
    assert velocity.card_fraud(found) == Reason(
        "card_fraud",
        0.5,
        {"card_id": "2972", "frauds": 2, "days": 2},
        "2 confirmed frauds with card 2972, the last 2 days ago",
    )
    older = velocity.card_fraud(found._replace(velocity=Velocity(WithCard(frauds=1, last_fraud=NOW - 3 * DAY))))
    assert older is not None
    assert (older.weight, older.figures["days"]) == (0.1, 3)
    one = found._replace(velocity=Velocity(WithCard(frauds=1, last_fraud=NOW)))
    said = velocity.card_fraud(one)
    assert said is not None
    assert said.text == "1 confirmed fraud with card 2972, the last today"


def test_many_cards_that_are_tried_at_one_merchant() -> None:
    tried = Velocity(merchant=AtMerchant(probes=4))
    assert velocity.card_testing(case(NEW, SETTLED, velocity=tried)) == Reason(
        "card_testing",
        0.5,
        {"merchant_id": "7", "cards": 5},
        "5 cards new at merchant 7 paid little or were declined there in 1 hour",
    )
    assert velocity.card_testing(case(NEW, SETTLED, velocity=Velocity(merchant=AtMerchant(probes=3)))) is None
    assert velocity.card_testing(case(replace(NEW, cents=5_01), SETTLED, velocity=tried)) is None
    assert velocity.card_testing(case(replace(NEW, cents=5_01, errors="Bad PIN"), SETTLED, velocity=tried))
    # Whoever was there before tries no card.
    assert velocity.card_testing(case(replace(NEW, merchant=USUAL.merchant), SETTLED, velocity=tried)) is None
    assert velocity.card_testing(case(replace(NEW, merchant=None), SETTLED, velocity=tried)) is None


@pytest.mark.parametrize(
    ("since", "frauds"), [((1, 9, 30), 3), ((1, 9, 31), 0), ((2, 2), 0), ((9, 30, 30, 41), 3), ((1, 2, 3, 40), 4)]
)
def test_a_merchant_of_whose_payments_many_are_frauds(since: tuple[int, ...], frauds: int) -> None:
    found = velocity.merchant_fraud(case(USUAL, SETTLED, velocity=Velocity(merchant=AtMerchant(since_frauds=since))))
    assert (found is not None) is bool(frauds)
    if found is not None:
        payments = since[frauds - 1]
        assert found.text == f"{frauds} of the last {payments} payments at merchant 59935 are confirmed frauds"
        assert found.figures == {"merchant_id": "59935", "frauds": frauds, "share": round(frauds / payments, 4)}


@pytest.mark.parametrize(
    "there",
    [Velocity(WithCard(frauds=1, last_fraud=NOW)), Velocity(merchant=AtMerchant(since_frauds=(99,)))],
    ids=["card", "merchant"],
)
def test_nothing_is_waved_through_where_a_fraud_is_known(there: Velocity) -> None:
    assert decide(case(USUAL, SETTLED)).decision == "whitelisted"
    assert decide(case(USUAL, SETTLED, velocity=there)).decision != "whitelisted"
