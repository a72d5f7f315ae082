"""Profiles are sums: whatever the order, late or not, and equal to what is counted another way."""

import math
import statistics
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstack.profiles import profile as profiles
from fraudstack.profiles.event import ONLINE, Event, Marks
from fraudstack.profiles.profile import (
    FAR_BACK,
    MOST_RECENT,
    WEEK,
    Amounts,
    Habit,
    Profile,
    Window,
    log_of,
    replayed,
)

# The same examples each time, however busy the machine is.
calm = settings(deadline=None, derandomize=True)

NOW = 1_572_611_400
DAY = 24 * 3600
USUAL = Event(1, "7", NOW, 10_00, "c", "Chip Transaction", "m", "Beulah", "ND", 5411)
LARGEST = 100_000_000_00


def at(seconds: int, id: int = 1, **changes: Any) -> Event:
    """The usual event so many seconds after NOW."""
    return replace(USUAL, **({"id": id, "seconds": NOW + seconds} | changes))


def made(*events: Event, trusted: bool = True) -> Profile:
    return replayed("7", [(event, trusted) for event in events])


@st.composite
def histories(draw: st.DrawFn, most: int = 25) -> list[tuple[Event, bool]]:
    """Events of three weeks, many within one of another, and whether each is trusted."""
    ids = draw(st.lists(st.integers(0, 10**18), max_size=most, unique=True))
    return [
        (
            Event(
                id,
                "7",
                draw(st.one_of(st.integers(NOW - 3 * WEEK, NOW), st.sampled_from([NOW, NOW - WEEK, NOW - WEEK - 1]))),
                draw(st.one_of(st.integers(-500_00, 500_00), st.sampled_from([0, 1, LARGEST, -LARGEST]))),
                draw(st.sampled_from([None, "c", "d"])),
                draw(st.sampled_from([None, "Chip Transaction", "Online Transaction"])),
                draw(st.sampled_from([None, "m", "n"])),
                draw(st.sampled_from([None, "Rome"])),
                draw(st.sampled_from([None, "ND", "Italy"])),
                draw(st.sampled_from([None, 0, 5411])),
                draw(st.sampled_from([None, "", "Bad PIN"])),
            ),
            draw(st.booleans()),
        )
        for id in ids
    ]


# Any order


@calm
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_events_makes_no_difference(history: list[tuple[Event, bool]], random: Random) -> None:
    shuffled = history.copy()
    random.shuffle(shuffled)
    one, other = replayed("7", shuffled), replayed("7", history)
    assert one == other
    assert one.recent == other.recent


@calm
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_makes_no_difference_beyond_what_is_remembered(
    history: list[tuple[Event, bool]], random: Random
) -> None:
    shuffled = history.copy()
    random.shuffle(shuffled)
    with mock.patch.object(profiles, "MOST_RECENT", 4):
        one, other = replayed("7", shuffled), replayed("7", history)
    assert one == other
    assert one.recent == other.recent
    assert len(one.recent) <= 4


@calm
@given(histories())
def test_a_profile_is_what_is_counted_another_way(history: list[tuple[Event, bool]]) -> None:
    found = replayed("7", history)
    usual = [event for event, is_trusted in history if is_trusted and not event.errors]
    bought = [event.cents for event in usual if event.cents > 0]
    assert (found.version, found.transactions) == (len(history), len(history))
    assert found.declined == sum(event.errors == "Bad PIN" for event, _ in history)
    assert found.refunds == sum(event.cents < 0 for event, _ in history)
    assert found.usual == len(usual)
    assert found.home == sum(event.state == "ND" and event.channel != ONLINE for event in usual)
    assert (found.amounts.purchases, found.amounts.cents) == (len(bought), sum(bought))
    assert {key: habit.count for key, habit in found.habits.items() if habit.count} == Counter(
        key for event in usual for key in event.keys
    )
    assert {key: habit.seen for key, habit in found.habits.items()} == Counter(
        key for event, _ in history for key in event.keys
    )
    for (kind, value), habit in found.habits.items():
        spent = [event.cents for event in usual if event.cents > 0 and str(event.mcc) == value and kind == "mcc"]
        assert (habit.amounts.purchases, habit.amounts.cents) == (len(spent), sum(spent))
    latest = sorted((event.seconds, event.id) for event, _ in history)
    assert [(recent.seconds, recent.id) for recent in found.recent] == [
        moment for moment in latest if moment[0] > latest[-1][0] - FAR_BACK
    ]
    assert found.last == (latest[-1][0] if latest else None)


@calm
@given(histories())
def test_a_truth_that_comes_late_makes_the_same_profile(history: list[tuple[Event, bool]]) -> None:
    found = made(*(event for event, _ in history))
    for event, is_trusted in history:
        if not is_trusted:
            found.judge_anew(event, trusted=False)
    expected = replayed("7", history)
    expected.version = found.version
    assert found == expected
    for event, is_trusted in history:
        if not is_trusted:
            found.judge_anew(event, trusted=True)
    expected = made(*(event for event, _ in history))
    expected.version = found.version
    assert found == expected


@calm
@given(histories(), st.integers(NOW - 2 * WEEK, NOW + 10), st.sampled_from([0, 1, 600, 3600, DAY, WEEK]))
def test_a_window_holds_what_happened_in_it(history: list[tuple[Event, bool]], seconds: int, length: int) -> None:
    found = replayed("7", history)
    kept = {recent.id for recent in found.recent}
    inside = [event for event, _ in history if event.id in kept and seconds - length < event.seconds <= seconds]
    spent = sum(max(event.cents, 0) for event in inside)
    assert found.window(seconds, length) == Window(len(inside), sum(event.declined for event in inside), spent)
    assert [recent.id for recent in found.before(seconds, length)] == [
        event.id for event in sorted(inside, key=lambda event: (event.seconds, event.id))
    ]


# Late events


def test_a_late_event_takes_its_place() -> None:
    found = made(at(0, id=1), at(-60, id=2), at(-30, id=3))
    assert [recent.id for recent in found.recent] == [2, 3, 1]
    assert found.last == NOW


def test_an_event_that_is_far_back_counts_and_is_not_remembered() -> None:
    found = made(at(0, id=1), at(-FAR_BACK - 1, id=4), at(-FAR_BACK, id=2), at(-FAR_BACK + 1, id=3))
    # But for the last before: how long a client was silent is asked.
    assert [recent.id for recent in found.recent] == [2, 3, 1]
    assert (found.transactions, found.usual, found.amounts.purchases) == (4, 4, 4)


def test_a_newer_event_drops_what_is_far_back() -> None:
    found = made(at(-1, id=4), at(0, id=1), at(1, id=2))
    found.add(at(FAR_BACK, id=3), trusted=True)
    assert [recent.id for recent in found.recent] == [1, 2, 3]


def test_events_of_one_second_stand_by_id() -> None:
    assert [recent.id for recent in made(at(0, id=9), at(0, id=2), at(0, id=5)).recent] == [2, 5, 9]


@pytest.mark.parametrize("seed", range(3))
def test_only_the_latest_are_remembered(seed: int) -> None:
    events = [at(number // 3, id=number) for number in range(MOST_RECENT + 44)]
    Random(seed).shuffle(events)
    found = made(*events)
    assert [recent.id for recent in found.recent] == list(range(44, MOST_RECENT + 44))
    assert found.transactions == MOST_RECENT + 44


def test_as_many_as_can_be_remembered_are() -> None:
    found = made(*(at(number, id=number) for number in range(MOST_RECENT)))
    assert len(found.recent) == MOST_RECENT
    assert found.window(NOW + MOST_RECENT, WEEK).transactions == MOST_RECENT


def test_what_is_remembered_of_an_event() -> None:
    refused = at(0, id=4, cents=-5, errors="Bad PIN", state="Italy")
    assert made(refused).recent == [(NOW, 4, refused, False)]
    assert made(USUAL).recent == [(NOW, 1, USUAL, True)]
    assert made(USUAL, trusted=False).recent == [(NOW, 1, USUAL, False)]


# What has matured


@calm
@given(histories(), st.integers(-2 * WEEK, 10), st.sampled_from([1, DAY, WEEK, FAR_BACK]))
def test_what_has_matured_is_what_the_older_ones_make(
    history: list[tuple[Event, bool]], seconds: int, age: int
) -> None:
    asked = at(seconds, id=-1, merchant="n", state="Italy")
    older = [found for found in history if found[0].seconds <= asked.seconds - age]
    found, expected = replayed("7", history).matured(asked, age), replayed("7", older)
    assert (found.usual, found.home, found.amounts) == (expected.usual, expected.home, expected.amounts)
    for key in asked.keys:
        one, other = (profile.habits.get(key, Habit()) for profile in (found, expected))
        assert (one.count, one.amounts) == (other.count, other.amounts)


# What makes something usual


@pytest.mark.parametrize(
    ("flagged", "is_fraud", "expected"),
    [
        (None, None, True),
        (0, None, True),
        (1, None, False),
        (0, 0, True),
        (1, 0, True),
        (None, 0, True),
        (0, 1, False),
        (1, 1, False),
        (None, 1, False),
    ],
)
def test_the_truth_counts_and_until_it_is_known_the_flag(
    flagged: int | None, is_fraud: int | None, expected: bool
) -> None:
    assert Marks(flagged, is_fraud).trusted is expected


@pytest.mark.parametrize(("errors", "is_trusted"), [("Bad PIN", True), (None, False)], ids=["declined", "flagged"])
def test_declined_and_flagged_ones_make_nothing_usual_and_still_happened(errors: str | None, is_trusted: bool) -> None:
    found = made(at(0, errors=errors, cents=70_00), trusted=is_trusted)
    assert (found.usual, found.home, found.amounts) == (0, 0, Amounts())
    assert {(habit.count, habit.seen) for habit in found.habits.values()} == {(0, 1)}
    assert (found.transactions, found.declined) == (1, int(errors is not None))
    assert found.window(NOW, 1) == Window(1, int(errors is not None), 70_00)


@pytest.mark.parametrize("cents", [0, -1, -LARGEST])
def test_refunds_and_zeros_are_usual_but_no_purchases(cents: int) -> None:
    found = made(at(0, cents=cents))
    assert (found.usual, found.refunds) == (1, int(cents < 0))
    assert found.amounts == Amounts() == found.habits["mcc", "5411"].amounts
    assert found.habits["mcc", "5411"].count == 1
    assert found.window(NOW, 1) == Window(1, 0, 0)


def test_amounts_are_kept_for_categories_alone() -> None:
    found = made(at(0, cents=70_00))
    assert found.habits["mcc", "5411"].amounts == found.amounts
    assert {kind for (kind, _), habit in found.habits.items() if habit.amounts != Amounts()} == {"mcc"}


@pytest.mark.parametrize(("state", "home"), [("ND", 1), ("Italy", 0), (None, 0), ("", 0)])
def test_home_is_any_state(state: str | None, home: int) -> None:
    assert made(at(0, state=state)).home == home


def test_every_change_raises_the_version() -> None:
    found = Profile("7")
    for number in range(1, 4):
        found.add(at(0, id=number), trusted=number > 1)
        assert found.version == number


def test_profiles_share_nothing() -> None:
    one, other = Profile("7"), Profile("8")
    one.add(USUAL, trusted=True)
    assert other == Profile("8")
    assert other.last is None


# Windows


@pytest.mark.parametrize("length", [1, 600, 3600, DAY, WEEK])
def test_a_window_begins_after_its_length_and_ends_with_the_same_second(length: int) -> None:
    for seconds, inside in ((-length, 0), (-length + 1, 1), (0, 1), (1, 0)):
        assert made(at(seconds)).window(NOW, length).transactions == inside


# Amounts


def test_the_usual_amount_is_the_geometric_mean() -> None:
    random = Random(5)
    amounts = [max(1, round(math.exp(random.gauss(3, 1)) * 100)) for _ in range(2000)]
    found = made(*(at(0, id=id, cents=cents) for id, cents in enumerate(amounts))).amounts
    logs = [math.log1p(cents / 100) for cents in amounts]
    mean, spread = statistics.fmean(logs), statistics.pstdev(logs)
    # Thousandths of a logarithm are rounded.
    assert found.usual == pytest.approx(math.expm1(mean), rel=1e-3)
    for cents in (1, 20_00, 500_00, LARGEST):
        assert found.sigmas(cents, 0.01) == pytest.approx((math.log1p(cents / 100) - mean) / spread, abs=1e-3)


@calm
@given(st.lists(st.integers(1, LARGEST), min_size=1, max_size=50), st.integers(0, LARGEST))
def test_sigmas_are_those_of_statistics(amounts: list[int], cents: int) -> None:
    found = Amounts()
    for amount in amounts:
        found.add(amount)
    logs = [log_of(amount) for amount in amounts]
    spread = max(statistics.pstdev(logs), 250)
    assert found.sigmas(cents, 0.25) == pytest.approx((log_of(cents) - statistics.fmean(logs)) / spread, abs=1e-6)


def test_a_client_who_always_pays_the_same_has_the_least_spread() -> None:
    found = Amounts()
    for _ in range(100):
        found.add(10_00)
    assert found.sigmas(10_00, 0.25) == 0
    assert found.sigmas(10_01, 0.25) == pytest.approx(0.004)
    assert found.sigmas(0, 0.25) == pytest.approx(-math.log(11) / 0.25, abs=0.002)


def test_rounding_never_makes_a_spread_below_nothing() -> None:
    # With these sums the difference of the squares comes out below 0.
    many, log = 50_000_999, 18_421
    found = Amounts(many, many, log * many - 1, log * log * (many - 1) + (log - 1) ** 2)
    assert found.squares / many - (found.logs / many) ** 2 < 0
    assert found.sigmas(LARGEST, 0.25) == pytest.approx(0, abs=1e-6)


def test_nothing_bought_has_no_usual_amount() -> None:
    assert Amounts().usual == 0.0


@pytest.mark.parametrize(("cents", "log"), [(0, 0), (1, 10), (100, 693), (10_00, 2398), (LARGEST, 18421)])
def test_logs_are_whole_thousandths(cents: int, log: int) -> None:
    assert log_of(cents) == log


def test_sums_of_ten_million_of_the_largest_amount_fit_64_bits() -> None:
    one, many = Amounts(), 10_000_000
    one.add(LARGEST)
    sums = [one.purchases * many, one.cents * many, one.logs * many, one.squares * many]
    assert max(sums) < 2**63
    found = Amounts(*sums)
    assert found.usual == pytest.approx(LARGEST / 100, rel=1e-3)
    # The difference of two large squares must not become a spread.
    assert found.sigmas(LARGEST, 1e-3) == 0
