"""What is out of the ordinary of a model's figures is told, and what their own past has seen before isn't."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fraudstack.features import DAY
from fraudstack.features.table import FEATURES
from fraudstack.model import drift
from fraudstack.model.watching import usual, windows
from fraudstack.model.watching.findings import ALERTS, FRAUDS, PRECISION, RECALL, Finding, findings, shifts
from fraudstack.model.watching.windows import Calendar, Tally, Window

FIRST, WEEKS = date(2018, 1, 1), 60


def poisson(draw: Random, mean: float) -> int:
    return sum(draw.random() < mean / 1000 for _ in range(1000))


def week(place: int, kind: str, value: str, **figures: float) -> Window:
    first = FIRST + timedelta(days=7 * place)
    counts = {"transactions": 1000, "alerts": 30, "labelled": 700, "frauds": 20, "expected": 20.0}
    counts |= {"alerts_labelled": 20, "alerts_frauds": 12}
    return Window(str(first), str(first + timedelta(days=6)), kind, value, "m", **(counts | figures))  # type: ignore[arg-type]


def weeks(seed: int = 1, spread: float = 0.0, **latest: Mapping[str, float]) -> Iterator[Window]:
    """All transactions, and those online and by chip; `latest` changes the last six weeks of a channel."""
    draw = Random(seed)
    for place in range(WEEKS):
        level = 1 + spread * draw.choice((-1, 1))
        for kind, value in (("all", ""), ("channel", "Online"), ("channel", "Chip")):
            alerts, frauds = poisson(draw, 30 * level), poisson(draw, 20 * level)
            figures: dict[str, float] = {"alerts": alerts, "frauds": frauds}
            figures |= {"alerts_frauds": sum(draw.random() < 0.6 for _ in range(min(20, frauds)))}
            if place >= WEEKS - 6:
                figures |= latest.get(value, {})
            yield week(place, kind, value, **figures)


def told(found: list[Finding]) -> set[tuple[str, str]]:
    return {(one.figure, one.value) for one in found if one.needs_attention}


@pytest.mark.parametrize("seed", range(5))
def test_chance_alone_is_not_told(seed: int) -> None:
    assert told(findings(list(weeks(seed)))) == set()


def test_frauds_that_were_expected_and_did_not_come_are_told_with_their_beginning() -> None:
    found = findings(list(weeks(Online={"frauds": 6, "alerts_frauds": 4})))
    assert (FRAUDS, "Online") in told(found)
    [one] = [one for one in found if (one.figure, one.value) == (FRAUDS, "Online")]
    assert (one.first, one.last) == (str(FIRST + timedelta(days=7 * (WEEKS - 6))), "2019-02-24")
    assert (one.seen, one.of) == (36, 120)
    assert one.usual.low > 36
    assert one.usual.low < 120 < one.usual.high
    assert not {value for _, value in told(found)} - {"Online"}


def test_what_its_own_past_has_seen_is_usual() -> None:
    latest: dict[str, Any] = {"Online": {"frauds": 31, "alerts": 45, "alerts_labelled": 30, "alerts_frauds": 18}}
    assert told(findings(list(weeks(**latest)))) >= {(FRAUDS, "Online"), (ALERTS, "Online")}
    assert told(findings(list(weeks(spread=0.6, **latest)))) == set()


def test_of_precision_and_recall_only_the_worse_is_told() -> None:
    worse = findings(list(weeks(Chip={"alerts_frauds": 3})))
    assert told(worse) == {(PRECISION, "Chip"), (RECALL, "Chip")}
    better = findings(list(weeks(Chip={"alerts_frauds": 20, "frauds": 20})))
    assert told(better) == set()
    assert max(abs(one.usual.strength) for one in better) > 1


def test_without_a_past_nothing_is_said() -> None:
    few = [one for one in weeks() if one.first >= str(FIRST + timedelta(days=7 * (WEEKS - usual.LEAST_PAST)))]
    assert findings(few) == []
    assert findings([]) == []


def test_a_shift_is_beyond_the_past_and_large() -> None:
    def values(*latest: float) -> list[tuple[str, str, float, int]]:
        before = [0.15, 0.05, 0.1, 0.02, 0.08, 0.12, 0.05, 0.1, 0.04, 0.09]
        return [
            (f"2019-01-{day:02}", f"2019-01-{day:02}", index, 900) for day, index in enumerate([*before, *latest], 1)
        ]

    always = [(first, last, index + 2, n) for first, last, index, n in values(0.1)]
    found = shifts({"moved": values(0.9), "steady": values(0.19), "always": always, "ended": values()}, "m")
    assert [one.value for one in found if one.needs_attention] == ["moved"]
    # Of what the latest window has too little of nothing is said.
    assert {one.value for one in found} == {"moved", "steady", "always"}


def test_what_only_grows_is_not_called_shifted() -> None:
    growing = {name for name, feature in FEATURES.items() if feature.grows}
    columns = {name: np.full(1000, 50.0) for name in FEATURES}
    known = drift.reference({name: np.arange(1000.0) for name in FEATURES}, np.ones(1000))
    assert set(drift.indices(known, columns)) == set(drift.STEADY) == set(FEATURES) - growing != set(FEATURES)


def rows(**columns: Any) -> pa.RecordBatch:
    size = len(columns["seconds"])
    given = {
        "client_id": ["1"] * size,
        "cents": [10_00] * size,
        "channel": ["Chip Transaction"] * size,
        "state": ["CA"] * size,
        "is_fraud": [0] * size,
    } | columns
    return pa.RecordBatch.from_pydict(given)


def test_transactions_are_counted_in_every_segment_that_they_are_in() -> None:
    tally = Tally(Calendar(first=100, length=7, count=2))
    batch = rows(
        seconds=[100 * DAY, 101 * DAY, 107 * DAY, 113 * DAY],
        cents=[-5_00, 9_99, 10_00, 700_00],
        channel=["Online Transaction", "Chip Transaction", "", "Chip Transaction"],
        # Online there is no country, whatever a file says.
        state=["CA", "CA", None, "Italy"],
        is_fraud=[None, 0, 1, 1],
    )
    scores = np.array([0.9, 0.0001, 0.05, 0.4])
    tally.add(batch, np.array([100, 50, 0, 0]) * DAY, scores, scores >= 0.3)
    tally.add(batch.slice(3), np.array([0]), scores[3:], scores[3:] >= 0.3)
    assert tally.windows(lambda day: None) == []
    found = {(one.first, one.kind, one.value): one for one in tally.windows(lambda day: "old" if day < 107 else "new")}
    one, two = "1970-04-11", "1970-04-18"
    assert {key[1:] for key in found if key[0] == one} == {
        ("all", ""),
        ("channel", "Online"),
        ("channel", "Chip"),
        ("score", "30 % and more"),
        ("score", "below 0.1 %"),
        ("country", windows.NOWHERE),
        ("country", "US"),
        ("amount", "refunds"),
        ("amount", "below 10"),
        ("age", "less than 30 days"),
        ("age", "30 days to a year"),
    }
    first = found[one, "all", ""]
    assert (first.last, first.spoke, first.transactions, first.alerts) == ("1970-04-17", "old", 2, 1)
    assert (first.labelled, first.frauds, first.alerts_labelled) == (1, 0, 0)
    assert first.expected == pytest.approx(0.0001)
    second = found[two, "all", ""]
    assert (second.spoke, second.frauds, second.alerts_frauds) == ("new", 3, 2)
    assert second.expected == pytest.approx(0.85)
    assert found[two, "country", "Italy"].frauds == 2
    assert found[two, "channel", windows.NOT_TOLD].transactions == 1
    for kind in windows.KINDS:
        assert sum(one.transactions for key, one in found.items() if key[1] == kind) == 5


def test_countries_with_few_frauds_are_one() -> None:
    tally = Tally(Calendar(first=0, length=7, count=1))
    for place in range(12):
        size = 20 - place
        batch = rows(seconds=[0] * size, state=[f"Country {place:02}"] * size, is_fraud=[1] * size)
        tally.add(batch, np.zeros(size, dtype=np.int64), np.full(size, 0.5), np.ones(size, dtype=bool))
    found = {one.value: one.frauds for one in tally.windows(lambda day: "m") if one.kind == "country"}
    assert len(found) == 9
    assert found["Country 00"] == 20
    assert found[windows.ELSEWHERE] == sum(20 - place for place in range(8, 12))


@pytest.mark.parametrize(("frauds_a_week", "length"), [(20, windows.WEEK), (3, windows.MONTH)])
def test_where_weeks_are_thin_months_are_looked_at(frauds_a_week: int, length: int) -> None:
    days = np.repeat(np.arange(400), 100)
    frauds = np.arange(len(days)) % (700 // frauds_a_week) == 0
    found = windows.calendar(days, frauds, 7)
    assert found is not None
    assert found.length == length
    assert found.days(found.count - 1)[1] == 399 - 7
    assert found.first >= 0
    assert windows.calendar(days[:300], frauds[:300], 7) is None
    assert windows.calendar(days[:0], frauds[:0], 7) is None
