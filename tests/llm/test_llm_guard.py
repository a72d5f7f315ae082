"""The circuit breaker, the budget and the cache by themselves."""

from datetime import UTC, datetime, timedelta

from fraudstack.llm.guard import Breaker, Budget, Cache
from tests.llm.asking import Time


def opened(time: Time) -> Breaker:
    breaker = Breaker(2, 30, time.clock)
    for _ in range(2):
        ticket = breaker.admit()
        assert ticket is not None
        breaker.report(ticket, works=False)
    return breaker


def test_the_breaker_opens_after_failures_in_a_row_alone() -> None:
    breaker = Breaker(2, 30, Time().clock)
    for works in (False, True, False, None, True, False):
        ticket = breaker.admit()
        assert ticket is not None
        breaker.report(ticket, works)
    ticket = breaker.admit()
    assert ticket is not None
    breaker.report(ticket, works=False)
    assert breaker.admit() is None


def test_one_trial_is_made_after_the_cool_down() -> None:
    time = Time()
    breaker = opened(time)
    time.seconds += 29.9
    assert breaker.admit() is None
    time.seconds += 0.1
    assert breaker.admit() is not None
    assert breaker.admit() is None


def test_a_trial_that_works_closes_it() -> None:
    time = Time()
    breaker = opened(time)
    time.seconds += 30
    trial = breaker.admit()
    assert trial is not None
    breaker.report(trial, works=True)
    assert breaker.admit() is not None
    assert breaker.admit() is not None


def test_a_trial_that_fails_opens_it_again_at_once() -> None:
    time = Time()
    breaker = opened(time)
    time.seconds += 30
    trial = breaker.admit()
    assert trial is not None
    breaker.report(trial, works=False)
    time.seconds += 29.9
    assert breaker.admit() is None
    time.seconds += 0.1
    assert breaker.admit() is not None


def test_a_trial_that_tells_nothing_makes_room_for_another() -> None:
    time = Time()
    breaker = opened(time)
    time.seconds += 30
    trial = breaker.admit()
    assert trial is not None
    breaker.report(trial, works=None)
    assert breaker.admit() is not None
    assert breaker.admit() is None


def test_a_call_from_before_it_opened_decides_nothing() -> None:
    time = Time()
    breaker = Breaker(1, 30, time.clock)
    slow, failing = breaker.admit(), breaker.admit()
    assert slow is not None
    assert failing is not None
    breaker.report(failing, works=False)
    breaker.report(slow, works=True)
    assert breaker.admit() is None
    time.seconds += 30
    assert breaker.admit() is not None
    breaker.report(slow, works=False)
    breaker.report(slow, works=True)
    assert breaker.admit() is None


def test_the_budget_holds_for_a_day() -> None:
    time = Time()
    budget = Budget(100, time.now)
    reserved = budget.reserve(100)
    assert reserved is not None
    assert budget.reserve(1) is None
    budget.settle(reserved, 60)
    assert budget.reserve(41) is None
    assert budget.reserve(40) is not None
    time.moment = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
    assert budget.reserve(1) is None
    time.moment += timedelta(seconds=1)
    assert budget.reserve(100) is not None


def test_what_nobody_knows_counts_as_set_aside() -> None:
    budget = Budget(100, Time().now)
    reserved = budget.reserve(70)
    assert reserved is not None
    budget.settle(reserved, None)
    assert budget.reserve(31) is None
    assert budget.reserve(30) is not None


def test_a_call_over_midnight_belongs_to_the_day_it_began() -> None:
    time = Time()
    budget = Budget(100, time.now)
    reserved = budget.reserve(80)
    assert reserved is not None
    time.moment += timedelta(days=1)
    assert budget.reserve(50) is not None
    budget.settle(reserved, 0)
    assert budget.reserve(51) is None
    # A clock that goes back brings nothing.
    time.moment -= timedelta(days=1)
    assert budget.reserve(51) is None
    assert budget.reserve(50) is not None


def test_the_cache_forgets_the_oldest_and_the_aged() -> None:
    time = Time()
    cache: Cache[int] = Cache(2, 60, time.clock)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert cache.get("b") is None
    assert (cache.get("a"), cache.get("c")) == (1, 3)
    time.seconds += 59.9
    assert cache.get("a") == 1
    time.seconds += 0.1
    assert cache.get("a") is None


def test_a_cache_without_room_keeps_nothing() -> None:
    cache: Cache[int] = Cache(0, 60, Time().clock)
    cache.put("a", 1)
    assert cache.get("a") is None
