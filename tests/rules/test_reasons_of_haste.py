"""Each rule of haste at its boundary: bursts, guessing, money sent in circles."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from fraudstack.profiles.event import Event
from fraudstack.rules import haste, refunds
from fraudstack.rules.case import Case, Reason
from tests.rules.cases import DAY, HOUR, MINUTE, UNKNOWN, WEEK, ago, altered, case, event, profile


class Burst(NamedTuple):
    rule: Callable[[Case], Reason | None]
    length: int
    most: int
    weight: float
    said: str


BURSTS = [
    Burst(haste.burst_10_minutes, 10 * MINUTE, 5, 0.5, "10 minutes"),
    Burst(haste.burst_1_hour, HOUR, 10, 0.35, "1 hour"),
    Burst(haste.burst_24_hours, DAY, 25, 0.25, "24 hours"),
    Burst(haste.burst_7_days, WEEK, 90, 0.15, "7 days"),
]
each_burst = pytest.mark.parametrize("burst", BURSTS, ids=[burst.rule.__name__ for burst in BURSTS])


def lately(count: int, seconds: int = 0, **changes: object) -> list[Event]:
    """So many events at one moment."""
    return [ago(seconds, id=2000 + number, **changes) for number in range(count)]


@each_burst
def test_more_than_the_most_is_a_burst(burst: Burst) -> None:
    count = burst.most + 1
    assert burst.rule(case(event(), profile(lately(burst.most, burst.length // 2)))) == Reason(
        burst.rule.__name__,
        burst.weight,
        {"transactions": count, "most": burst.most},
        f"{count} transactions in {burst.said}",
    )
    assert burst.rule(case(event(), profile(lately(burst.most - 1, burst.length // 2)))) is None


@each_burst
def test_the_edge_is_out_and_the_same_second_in(burst: Burst) -> None:
    for seconds, holds in ((0, True), (burst.length - 1, True), (burst.length, False), (-1, False)):
        assert bool(burst.rule(case(event(), profile(lately(burst.most, seconds))))) is holds


@each_burst
def test_declined_and_flagged_ones_count(burst: Burst) -> None:
    assert burst.rule(case(event(), profile(lately(burst.most, errors="Bad PIN"), trusted=False)))


@each_burst
def test_the_most_is_the_files(burst: Burst) -> None:
    rules = altered(burst.rule.__name__, most=1)
    assert burst.rule(case(event(), profile(lately(1)), rules))
    assert burst.rule(case(event(), profile(), rules)) is None


@each_burst
def test_where_nothing_is_told_time_still_counts(burst: Burst) -> None:
    assert burst.rule(case(UNKNOWN, profile(lately(burst.most))))


# Declines, then success


def test_success_after_declines_is_a_reason() -> None:
    tried = lately(2, HOUR - 1, errors="Bad CVV")
    assert haste.declines_then_success(case(event(), profile(tried))) == Reason(
        "declines_then_success", 0.5, {"declined": 2}, "approved after 2 declines in 1 hour"
    )
    assert haste.declines_then_success(case(event(), profile(tried[:1]))) is None


@pytest.mark.parametrize(("seconds", "holds"), [(0, True), (HOUR - 1, True), (HOUR, False), (-1, False)])
def test_declines_count_for_an_hour(seconds: int, holds: bool) -> None:
    tried = profile(lately(2, seconds, errors="Bad CVV"))
    assert bool(haste.declines_then_success(case(event(), tried))) is holds


def test_another_decline_is_no_success() -> None:
    tried = profile(lately(5, errors="Bad CVV"))
    assert haste.declines_then_success(case(event(errors="Bad CVV"), tried)) is None


def test_approved_ones_are_no_declines() -> None:
    assert haste.declines_then_success(case(event(), profile(lately(5)))) is None
    assert haste.declines_then_success(case(event(), profile(lately(5, errors="")))) is None


def test_the_number_of_declines_is_the_files() -> None:
    rules = altered("declines_then_success", declines=3)
    for count, holds in ((2, False), (3, True)):
        tried = profile(lately(count, errors="Bad CVV"))
        assert bool(haste.declines_then_success(case(event(), tried, rules))) is holds


# Purchases and their refunds


def circle(*cents: int, seconds: int = HOUR, **changes: object) -> list[Event]:
    """Events of these amounts, at one moment."""
    return [ago(seconds, id=3000 + at, cents=amount, **changes) for at, amount in enumerate(cents)]


def test_three_pairs_are_mirrored() -> None:
    before = circle(80_00, -80_00, 90_00, -90_00, 95_00)
    assert refunds.refunds_mirrored(case(event(cents=-95_00), profile(before))) == Reason(
        "refunds_mirrored",
        0.5,
        {"pairs": 3, "merchant_id": "59935"},
        "3 purchases with their refunds at merchant 59935 in 48 hours",
    )
    assert refunds.refunds_mirrored(case(event(cents=-95_01), profile(before))) is None


def test_equal_amounts_pair_one_to_one() -> None:
    assert refunds.refunds_mirrored(case(event(cents=-5), profile(circle(5, 5, 5, -5, -5))))
    assert refunds.refunds_mirrored(case(event(cents=-5), profile(circle(5, -5, -5, -5)))) is None
    assert refunds.refunds_mirrored(case(event(cents=5), profile(circle(5, 5, 5, -5, -5)))) is None


def test_a_refund_may_come_before_its_purchase() -> None:
    assert refunds.refunds_mirrored(case(event(cents=7), profile(circle(-5, 5, -6, 6, -7))))


@pytest.mark.parametrize(
    ("seconds", "holds"),
    [(0, True), (2 * DAY - 1, True), (2 * DAY, False), (-1, False)],
    ids=["now", "two days", "out", "later"],
)
def test_pairs_count_for_two_days(seconds: int, holds: bool) -> None:
    before = profile(circle(5, -5, 6, -6, 7, seconds=seconds))
    assert bool(refunds.refunds_mirrored(case(event(cents=-7), before))) is holds


def test_pairs_are_of_one_merchant() -> None:
    elsewhere = profile(circle(5, -5, 6, -6, 7, merchant="7"))
    assert refunds.refunds_mirrored(case(event(cents=-7), elsewhere)) is None
    assert refunds.refunds_mirrored(case(event(cents=-7, merchant="7"), elsewhere))


def test_an_unknown_merchant_has_no_pairs() -> None:
    unknown = profile(circle(5, -5, 6, -6, 7, merchant=None))
    assert refunds.refunds_mirrored(case(event(cents=-7, merchant=None), unknown)) is None


def test_a_check_of_the_card_ends_no_pair() -> None:
    assert refunds.refunds_mirrored(case(event(cents=0), profile(circle(5, -5, 6, -6, 7, -7)))) is None


def test_what_was_declined_is_in_no_pair() -> None:
    before = profile(circle(5, -5, 6, -6, 7))
    assert refunds.refunds_mirrored(case(event(cents=-7, errors="Bad PIN"), before)) is None
    declined = profile(circle(5, -5, 6, -6, 7, errors="Bad PIN"))
    assert refunds.refunds_mirrored(case(event(cents=-7), declined)) is None


def test_the_number_of_pairs_is_the_files() -> None:
    rules = altered("refunds_mirrored", pairs=1)
    assert refunds.refunds_mirrored(case(event(cents=-7), profile(circle(7)), rules))
    assert refunds.refunds_mirrored(case(event(cents=-7), profile(circle(8)), rules)) is None
