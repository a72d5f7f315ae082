import math
import random
from collections.abc import Sequence
from itertools import pairwise

import pytest

from fraudstack.features import DAY
from fraudstack.features.client import ClientMemory
from fraudstack.features.labels import fraud_of, label_day
from fraudstack.features.table import FEATURES, ClientFigures
from fraudstack.features.value import ValueDay, ValueMemory
from fraudstack.profiles.event import Event, Marks


def event(day: float, cents: int = 1000, **more: object) -> Event:
    fields = {"id": 1, "client_id": "a", "seconds": int(day * DAY), "cents": cents, "merchant": "m", "mcc": 5411}
    return Event(**(fields | more))  # type: ignore[arg-type]


def of_client(memory: ClientMemory, one: Event, delay: int = 7) -> dict[str, float]:
    return memory.features(one, delay)._asdict()


def of_merchant(memory: ValueMemory, day: int, delay: int = 7) -> dict[str, float]:
    return memory.of_merchant(day, delay)._asdict()


def test_a_first_transaction_has_no_past() -> None:
    figures = of_client(ClientMemory(), event(100, 12_345))
    assert figures["amount"] == 123
    assert figures["client_transactions"] == 0
    assert math.isnan(figures["amount_to_mean"])
    assert math.isnan(figures["client_seconds_since_last"])
    assert figures["client_merchant_seen"] == 0


def test_an_amount_is_held_against_the_clients_own_habit() -> None:
    memory = ClientMemory()
    for day, cents in enumerate((900, 1000, 1100, 1000, 1000)):
        memory.add(event(day, cents), None)
    figures = of_client(memory, event(10, 5000))
    assert figures["amount_to_mean"] == pytest.approx(5)
    assert figures["amount_to_median"] == pytest.approx(5)
    assert memory.add(event(10, 5000), None) is False
    # What is far above habit doesn't become habit, and is remembered.
    figures = of_client(memory, event(12, 1000))
    assert figures["amount_to_mean"] == pytest.approx(1)
    assert figures["client_days_since_high"] == pytest.approx(2)
    assert figures["client_highs_14d"] == 1
    assert figures["client_highest_ratio_7d"] == pytest.approx(5)
    assert of_client(memory, event(17, 1000))["client_highest_ratio_7d"] == 0
    assert of_client(memory, event(17, 1000))["client_highest_ratio_14d"] == pytest.approx(5)
    assert memory.add(event(12, 1000), None) is True


def test_windows_are_whole_days() -> None:
    memory = ClientMemory()
    for day in (1, 20, 24, 30, 30.5):
        memory.add(event(day), None)
    figures = of_client(memory, event(30.9))
    assert (figures["client_count_1d"], figures["client_count_7d"], figures["client_count_30d"]) == (2, 3, 5)
    assert figures["client_seconds_since_last"] == pytest.approx(0.4 * DAY, abs=1)


def test_bursts_and_novelty() -> None:
    memory = ClientMemory()
    for minute in (0, 50, 55):
        memory.add(event(5 + minute / 1440, merchant="m" if minute else "n", state="CA"), None)
    figures = of_client(memory, event(5 + 59 / 1440, merchant="m", state="Italy", channel="Online Transaction"))
    assert figures["client_count_1h"] == 3
    assert figures["client_merchant_seen"] == 2
    assert figures["client_state_seen"] == 0
    assert (figures["online"], figures["abroad"]) == (1, 0)
    assert of_client(memory, event(5 + 65 / 1440, state="Italy"))["client_count_1h"] == 2
    assert of_client(memory, event(5.1, state="Italy"))["abroad"] == 1


@pytest.mark.parametrize("delay", [0, 7])
def test_a_clients_frauds_are_known_after_the_delay(delay: int) -> None:
    memory = ClientMemory()
    memory.add(event(10), fraud_of(event(10), Marks(None, 1), delay))
    assert of_client(memory, event(10 + delay), delay)["client_frauds_30d"] == 0
    assert of_client(memory, event(11 + delay), delay)["client_frauds_30d"] == 1


def test_each_model_hears_the_frauds_of_its_own_delay() -> None:
    memory = ClientMemory()
    memory.add(event(10), fraud_of(event(10), Marks(None, 1), 7))
    assert [of_client(memory, event(18), delay)["client_frauds_30d"] for delay in (7, 30, 7)] == [1, 0, 1]


@pytest.mark.parametrize("delay", [0, 7, 30])
@pytest.mark.parametrize(("told", "known"), [(40, 40), (12, 12), (10, 10), (3, 10)])
def test_a_label_is_known_from_its_day_on(delay: int, told: int, known: int) -> None:
    """One that is told to have been known before it happened from the day on which it did."""
    of = label_day(event(10), Marks(None, 1, told), delay)
    memory, value = ClientMemory(), ValueMemory()
    memory.add(event(10), of)
    value.add(ValueDay(of, 0, 0, 1, 1, 1))
    for day, frauds in ((known, 0), (known + 1, 1), (known + 30, 1), (known + 31, 0)):
        assert of_client(memory, event(day), delay)["client_frauds_30d"] == frauds
        assert value.of_merchant(day, delay).merchant_frauds_30d == frauds
        rate = value.of_channel(day, delay).channel_fraud_rate_30d
        assert rate == pytest.approx(1 / 11 if frauds else math.nan, nan_ok=True)


def test_a_merchants_run_of_frauds() -> None:
    memory = ValueMemory()
    memory.add(ValueDay(9, 2, 2000, 2, 0, 0))
    for day in (10, 11, 13):
        memory.add(ValueDay(day, 1, 1000, 1, 1, 1))
    known_of_two = of_merchant(memory, 19)
    assert known_of_two["merchant_run_frauds"] == 2
    assert known_of_two["merchant_run_days"] == 9
    assert known_of_two["merchant_days_before_run"] == 1
    assert known_of_two["merchant_last_label"] == 1
    assert known_of_two["merchant_frauds_7d"] == 2
    assert of_merchant(memory, 17)["merchant_run_frauds"] == 0
    memory.add(ValueDay(20, 3, 3000, 3, 0, 0))
    over = of_merchant(memory, 28)
    assert over["merchant_run_frauds"] == 0
    assert over["merchant_days_since_fraud"] == 15
    assert over["merchant_legitimate_since_fraud"] == 3
    assert over["merchant_fraud_rate"] == pytest.approx(3 / 8)
    assert (over["merchant_count_1d"], over["merchant_count_30d"]) == (0, 8)


def test_days_that_left_the_memory_still_count_in_the_rate() -> None:
    memory = ValueMemory()
    memory.add(ValueDay(0, 4, 4000, 4, 1, 1))
    memory.add(ValueDay(200, 4, 4000, 4, 0, 0))
    assert len(memory.days) == 1
    assert of_merchant(memory, 208)["merchant_fraud_rate"] == pytest.approx(1 / 8)
    assert list(memory.of_risk(208)) == [0, 0, pytest.approx(1 / 8)]


def test_who_reviews_alerts_alone_raises_no_rate() -> None:
    every, alerts = ValueMemory(), ValueMemory()
    for day in range(60):
        every.add(ValueDay(day, 1000, 0, 1000, 1, 0))
        # Of four that looked like it the one is.
        alerts.add(ValueDay(day, 1000, 0, 4, 1, 0))
    for asked in (ValueMemory.of_risk, ValueMemory.of_channel):
        for rate, true in zip(asked(alerts, 60), asked(every, 60), strict=True):
            assert true <= rate < 3 * true + 1e-9
    assert alerts.of_merchant(60).merchant_fraud_rate <= 3 * every.of_merchant(60).merchant_fraud_rate


def test_a_channels_rate_is_of_a_month() -> None:
    memory = ValueMemory()
    for day, labelled, frauds in ((150, 90, 9), (210, 40, 2), (240, 5, 5)):
        memory.add(ValueDay(day, 0, 0, labelled, frauds, 0))
    assert memory.of_channel(247).channel_fraud_rate_30d == pytest.approx(2 / 50)
    assert memory.of_channel(248).channel_fraud_rate_30d == pytest.approx(5 / 15)
    assert math.isnan(ValueMemory().of_channel(248).channel_fraud_rate_30d)


def test_no_label_is_seen_before_its_time() -> None:
    chance = random.Random(1)
    events = [event(chance.randrange(40) + chance.random(), chance.randrange(1, 9000)) for _ in range(300)]
    events.sort(key=lambda one: one.seconds)
    labels = [chance.randrange(2) for _ in events]
    since = 20

    def figures(labels: list[int]) -> list[Sequence[float]]:
        memory = ClientMemory()
        days: dict[int, list[int]] = {}
        rows: list[Sequence[float]] = []
        for one, label in zip(events, labels, strict=True):
            rows.append(memory.features(one))
            ordinary = memory.add(one, fraud_of(one, Marks(None, label)))
            sums = days.setdefault(one.seconds // DAY, [0, 0, 0, 0, 0])
            for place, more in enumerate((1, one.cents, 1, label, label * ordinary)):
                sums[place] += more
        of_value = ValueMemory()
        for day, tally in days.items():
            rows.append([day, *of_value.of_merchant(day), *of_value.of_risk(day), *of_value.of_channel(day)])
            of_value.add(ValueDay(day, *tally))
        return rows

    flipped = [label if one.seconds < since * DAY else 1 - label for one, label in zip(events, labels, strict=True)]
    before, after = figures(labels), figures(flipped)
    changed = [
        row[0] if place >= len(events) else events[place].seconds // DAY
        for place, row in enumerate(before)
        if repr(row) != repr(after[place])
    ]
    assert min(changed) == since + 8


def test_what_only_grows_never_falls_where_the_same_is_asked_again() -> None:
    chance = random.Random(2)
    memory, asked = ClientMemory(), []
    for day in range(200):
        asked.append(memory.features(event(day, 1000, channel="Chip Transaction", state="CA"))._asdict())
        memory.add(event(day, chance.randrange(1, 9000), merchant=chance.choice("mn")), chance.randrange(2))
    fell = {name for earlier, later in pairwise(asked) for name in earlier if later[name] < earlier[name]}
    growing = {name for name in ClientFigures._fields if FEATURES[name].grows}
    assert not growing & fell
    assert growing
    assert {"amount_to_mean", "client_frauds_30d"} <= fell
