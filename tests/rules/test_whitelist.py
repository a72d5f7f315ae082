"""What fits a client's history is waved through; each condition broken alone takes that away."""

from collections.abc import Iterable
from typing import Any

import pytest

from fraudstack.profiles.event import ONLINE, Event
from fraudstack.rules.whitelist import whitelisted
from tests.rules.cases import DAY, HOUR, MINUTE, RULES, USUAL, ago, case, days, event, least_cents, profile, thousandths

HISTORY = days(20)
ONLINE_EVENT = event(channel=ONLINE, state=None, city=None)


def waved(found: Event, *events: Event | Iterable[Event]) -> bool:
    return whitelisted(case(found, profile(*events))) is not None


def test_the_usual_is_waved_through_with_a_reason() -> None:
    assert whitelisted(case(USUAL, profile(HISTORY))) == (
        "usual card, place and amount for this client at merchant 59935 (20 before)"
    )


def test_a_new_merchant_of_a_usual_category_is_fine() -> None:
    said = whitelisted(case(event(merchant="7"), profile(HISTORY)))
    assert said == "usual card, place and amount for this client in category 5411"
    assert waved(event(merchant=None), HISTORY)


def test_history_is_needed() -> None:
    assert waved(USUAL, days(20))
    assert not waved(USUAL, days(19))
    assert not waved(USUAL, days(19), days(5, first=19, errors="Bad PIN"))
    assert whitelisted(case(USUAL, profile(days(40), trusted=False))) is None


def test_a_declined_one_is_not_waved_through() -> None:
    assert not waved(event(errors="Technical Glitch"), HISTORY)


def test_a_refund_is_not_waved_through() -> None:
    assert waved(event(cents=0), HISTORY)
    assert not waved(event(cents=-1), HISTORY)


@pytest.mark.parametrize(
    ("field", "other"), [("card", "8"), ("channel", "Swipe Transaction"), ("state", "SD"), ("mcc", 5812)]
)
def test_card_channel_place_and_category_must_have_been_usual(field: str, other: object) -> None:
    assert waved(USUAL, days(3), days(17, first=3, **{field: other}))
    assert not waved(USUAL, days(2), days(18, first=2, **{field: other}))


@pytest.mark.parametrize("field", ["card", "channel", "state", "mcc"])
def test_what_is_not_told_is_not_usual(field: str) -> None:
    nothing: dict[str, Any] = {field: None}
    assert not waved(event(**nothing), HISTORY)
    assert not waved(event(**nothing), days(20, **nothing))


def test_online_no_place_is_asked() -> None:
    assert waved(ONLINE_EVENT, days(20, channel=ONLINE, state=None, city=None))
    assert not waved(event(state=None), days(20, state=None))


def test_the_place_is_the_state_not_the_country() -> None:
    assert not waved(event(state="NY"), HISTORY)


def test_purchases_of_a_category_must_be_enough() -> None:
    assert waved(USUAL, days(3), days(17, first=3, cents=-10_00))
    assert not waved(USUAL, days(2), days(18, first=2, cents=-10_00))


def test_the_amount_may_reach_the_sigmas() -> None:
    at_most = least_cents(thousandths(10_00) + 501) - 1
    assert thousandths(at_most) == thousandths(10_00) + 500
    assert waved(event(cents=at_most), HISTORY)
    assert not waved(event(cents=at_most + 1), HISTORY)


def test_little_money_is_fine() -> None:
    assert waved(event(cents=1), HISTORY)


def test_the_amount_must_be_usual_in_the_category() -> None:
    cheap_here = (days(3, cents=1_00), days(17, first=3, mcc=5812, cents=50_00))
    assert waved(event(cents=1_00), *cheap_here)
    assert not waved(event(cents=50_00), *cheap_here)
    assert waved(event(cents=50_00, mcc=5812), *cheap_here)


def test_the_amount_must_be_usual_overall() -> None:
    dear_here = (days(3, cents=100_00), days(97, first=3, mcc=5812, cents=1_00))
    assert not waved(event(cents=100_00), *dear_here)
    assert waved(event(cents=1_00), *dear_here)


def lately(count: int, seconds: int, **changes: object) -> list[Event]:
    return [ago(seconds, id=2000 + number, **changes) for number in range(count)]


@pytest.mark.parametrize(("length", "most"), [(10 * MINUTE, 4), (HOUR, 8)], ids=["10 minutes", "1 hour"])
def test_haste_is_not_waved_through(length: int, most: int) -> None:
    assert waved(USUAL, HISTORY, lately(most - 1, length - 1))
    assert not waved(USUAL, HISTORY, lately(most, length - 1))
    if length == HOUR:
        assert waved(USUAL, HISTORY, lately(most, length))


def test_ten_minutes_end_before_the_same_second() -> None:
    assert waved(USUAL, HISTORY, lately(4, 10 * MINUTE))
    assert not waved(USUAL, HISTORY, lately(4, 0))


def test_declines_of_a_day_are_counted() -> None:
    assert waved(USUAL, HISTORY, lately(1, DAY - 1, errors="Bad PIN"))
    assert not waved(USUAL, HISTORY, lately(2, DAY - 1, errors="Bad PIN"))
    assert waved(USUAL, HISTORY, lately(2, DAY, errors="Bad PIN"))


@pytest.mark.parametrize(
    "stricter",
    [
        {"least_history": 21},
        {"least_count": 21},
        {"most_sigmas": 1e-9},
        {"most_in_10_minutes": 1},
        {"most_in_1_hour": 1},
        {"most_declines": 0},
    ],
    ids=lambda figures: next(iter(figures)),
)
def test_every_figure_is_the_files(stricter: dict[str, float]) -> None:
    known = profile(HISTORY, ago(5, cents=9_00, errors="Bad PIN"))
    found = event(cents=10_50)
    assert whitelisted(case(found, known))
    rules = RULES.model_copy(update={"whitelist": RULES.whitelist.model_copy(update=stricter)})
    assert whitelisted(case(found, known, rules)) is None
