"""What models said of the transactions of some days, segment by segment, against what the labels say."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fraudstack.features import DAY
from fraudstack.profiles.event import ONLINE, country

# A window is a week; where weeks have fewer labelled frauds than these, it is four.
WEEK, MONTH, _LEAST_FRAUDS = 7, 28, 10
# A year and a half of weeks, six years of months: the past that says what is normal, and what is judged.
_MOST = 78
ALL, CHANNEL, SCORE, COUNTRY, AMOUNT, AGE = KINDS = ("all", "channel", "score", "country", "amount", "age")
NOWHERE, ELSEWHERE, NOT_TOLD, REFUNDS = "online or not told", "elsewhere", "not told", "refunds"
# Edges and names of the bands between them; of scores, of cents, and of days since a client's first transaction.
BANDS: dict[str, tuple[Sequence[float], Sequence[str]]] = {
    SCORE: ((1e-3, 1e-2, 0.1, 0.3), ("below 0.1 %", "0.1 to 1 %", "1 to 10 %", "10 to 30 %", "30 % and more")),
    AMOUNT: (
        (0, 10_00, 50_00, 100_00, 500_00),
        (REFUNDS, "below 10", "10 to 50", "50 to 100", "100 to 500", "500 and more"),
    ),
    AGE: ((30, 365, 1095), ("less than 30 days", "30 days to a year", "1 to 3 years", "3 years and more")),
}
# Countries that are shown one by one: those with the most frauds, expected and observed.
_COUNTRIES = 8


class Window(NamedTuple):
    """What was said of a segment's transactions from a day to another, both included (YYYY-MM-DD), and what is known.

    All figures but the first two are of labelled transactions; `expected` is the sum of their probabilities.
    """

    first: str
    last: str
    # One of KINDS, and which segment of it; of all of them the value is empty.
    kind: str
    value: str
    # The model that spoke from the first of the days on.
    spoke: str
    transactions: int
    alerts: int
    labelled: int
    frauds: int
    expected: float
    alerts_labelled: int
    alerts_frauds: int


FIGURES = Window._fields[5:]
_FRAUDS, _EXPECTED = FIGURES.index("frauds"), FIGURES.index("expected")


@dataclass(frozen=True)
class Calendar:
    """Windows of the same length side by side; days are counted since 1970."""

    first: int
    length: int
    count: int

    def places(self, days: NDArray[np.int64]) -> NDArray[np.int64]:
        """The window of each day (n,); below 0 or beyond the last where it has none."""
        return (days - self.first) // self.length

    def days(self, place: int) -> tuple[int, int]:
        """First and last day of a window."""
        first = self.first + place * self.length
        return first, first + self.length - 1


def calendar(days: NDArray[np.int64], frauds: NDArray[np.bool_], delay: int) -> Calendar | None:
    """The windows of transactions on days (n,) up to the last whose labels had `delay` days to come; None of too few.

    They are weeks where those have frauds enough, else months of four weeks.
    """
    if not len(days):
        return None
    first, last = int(days.min()), int(days.max()) - delay
    for length in (WEEK, MONTH):
        count = min(_MOST, (last - first + 1) // length)
        if count < 1:
            return None
        found = Calendar(last + 1 - count * length, length, count)
        places = found.places(days[frauds])
        in_each = np.bincount(places[(places >= 0) & (places < count)], minlength=count)
        if np.median(in_each) >= _LEAST_FRAUDS:
            break
    return found


class Tally:
    """Windows by segments, counted part by part."""

    def __init__(self, calendar: Calendar) -> None:
        """Begin with nothing."""
        self._calendar = calendar
        self._found: dict[tuple[str, str], NDArray[np.float64]] = {}

    def add(
        self, rows: pa.RecordBatch, since: NDArray[np.int64], scores: NDArray[np.float64], alerts: NDArray[np.bool_]
    ) -> None:
        """Count rows (client_id, seconds, cents, channel, state, is_fraud), each within the calendar.

        `since` are the seconds of each client's first transaction, `scores` probabilities, all (n,).
        """
        days = rows.column("seconds").to_numpy() // DAY
        fraud = rows.column("is_fraud").fill_null(-1).to_numpy()
        labelled = fraud >= 0
        counted = (
            np.ones(len(days)),
            alerts,
            labelled,
            fraud == 1,
            labelled * scores,
            alerts & labelled,
            alerts & (fraud == 1),
        )
        places = self._calendar.places(days)
        for kind, (codes, names) in _segments(rows, since, scores).items():
            where, size = codes * self._calendar.count + places, len(names) * self._calendar.count
            figures = np.stack([np.bincount(where, figure, size) for figure in counted], axis=-1)
            for name, found in zip(names, figures.reshape(len(names), self._calendar.count, -1), strict=True):
                if found.any():
                    self._found[kind, name] = self._found.get((kind, name), 0) + found

    def windows(self, speaker: Callable[[int], str | None]) -> list[Window]:
        """What was counted, in the order of days; of windows on whose first day (since 1970) nobody spoke nothing."""
        found, shown = [], _of_countries(self._found)
        for place in range(self._calendar.count):
            first, last = self._calendar.days(place)
            if (spoke := speaker(first)) is None:
                continue
            for (kind, value), figures in shown.items():
                if figures[place].any():
                    counted = zip(FIGURES, figures[place].tolist(), strict=True)
                    counts = [figure if name == "expected" else int(figure) for name, figure in counted]
                    found.append(Window._make([_date(first), _date(last), kind, value, spoke, *counts]))
        return found


def _segments(
    rows: pa.RecordBatch, since: NDArray[np.int64], scores: NDArray[np.float64]
) -> dict[str, tuple[NDArray[np.int64], Sequence[str]]]:
    """Of each kind the segment of each row, as its place among the names of all."""
    channel = pc.fill_null(rows.column("channel"), "")
    state = pc.if_else(pc.equal(channel, ONLINE), "", pc.fill_null(rows.column("state"), ""))
    in_bands = {SCORE: scores, AMOUNT: rows.column("cents").to_numpy(), AGE: _age(rows, since)}
    return {
        ALL: (np.zeros(len(scores), dtype=np.int64), [""]),
        CHANNEL: _named(channel, lambda name: name.removesuffix(" Transaction") or NOT_TOLD),
        COUNTRY: _named(state, lambda name: (name and country(name)) or NOWHERE),
        **{kind: (np.searchsorted(BANDS[kind][0], of, side="right"), BANDS[kind][1]) for kind, of in in_bands.items()},
    }


def _age(rows: pa.RecordBatch, since: NDArray[np.int64]) -> NDArray[np.int64]:
    days: NDArray[np.int64] = (rows.column("seconds").to_numpy() - since) // DAY
    return days


def _named(texts: pa.Array, name: Callable[[str], str]) -> tuple[NDArray[np.int64], Sequence[str]]:
    encoded = texts.dictionary_encode()
    names = [name(text) for text in encoded.dictionary.to_pylist()]
    different = sorted(set(names))
    places = np.array([different.index(one) for one in names], dtype=np.int64)
    return places[encoded.indices.to_numpy()], different


def _of_countries(
    found: Mapping[tuple[str, str], NDArray[np.float64]],
) -> dict[tuple[str, str], NDArray[np.float64]]:
    """The same, with all countries but those with the most frauds in one."""
    kept = {key: figures for key, figures in found.items() if key[0] != COUNTRY}
    frauds = {key: float(figures[:, [_FRAUDS, _EXPECTED]].sum()) for key, figures in found.items() if key[0] == COUNTRY}
    for place, key in enumerate(sorted(frauds, key=lambda key: (-frauds[key], key))):
        shown = key if place < _COUNTRIES or len(frauds) == _COUNTRIES + 1 else (COUNTRY, ELSEWHERE)
        kept[shown] = kept.get(shown, 0) + found[key]
    return kept


def _date(day: int) -> str:
    return str(np.datetime64(day, "D"))
