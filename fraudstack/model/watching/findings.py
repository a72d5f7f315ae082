"""Which figures of which segments are out of what was normal in their own past, and since when."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraudstack.model.drift import SHIFTED
from fraudstack.model.watching import usual
from fraudstack.model.watching.usual import Usual
from fraudstack.model.watching.windows import ALL, BANDS, FIGURES, KINDS, Window

# So many of the latest windows are looked at together: what is too little to be seen in one adds up.
SPANS = (1, 3, 6, 12)
FRAUDS, ALERTS, PRECISION, RECALL, SHIFT = ("frauds", "alerts", "precision", "recall", "shift")
# The kind of a shift, beside those of windows: its segment is a feature, or the score.
FEATURE = "feature"
# What is worse when it is less, and no trouble when it is more.
_THE_MORE_THE_BETTER = (PRECISION, RECALL)
# What is counted of a figure, and of how many.
_OF = {
    FRAUDS: ("frauds", "expected"),
    ALERTS: ("alerts", "transactions"),
    PRECISION: ("alerts_frauds", "alerts_labelled"),
    RECALL: ("alerts_frauds", "frauds"),
}


class Finding(NamedTuple):
    """A figure of a segment from a day to another, both included, and what is usual of it.

    `seen` is a count of frauds or alerts, a share of 1 or an index; `of` the frauds expected, the days, or how many
    transactions a share or an index rests on.
    """

    figure: str
    kind: str
    value: str
    first: str
    last: str
    # The models that spoke on these days, the earliest first.
    by: tuple[str, ...]
    seen: float
    of: float
    usual: Usual

    @property
    def needs_attention(self) -> bool:
        """Whether it is out of what is usual, and not for the better."""
        better = self.figure in _THE_MORE_THE_BETTER and self.usual.strength > 0
        return self.usual.outside and not better


def findings(windows: Sequence[Window]) -> list[Finding]:
    """Each figure of each segment over that span of the latest windows which is furthest from usual, that first.

    Windows are in the order of days. Left out is what has no past that is long enough.
    """
    found = []
    for segment in segments(windows):
        for figure in (FRAUDS, ALERTS, PRECISION, RECALL):
            over = [one for one in (_judged(segment, figure, span) for span in SPANS) if one is not None]
            found += sorted(over, key=lambda one: -abs(one.usual.strength))[:1]
    return sorted(found, key=lambda one: -abs(one.usual.strength))


def shifts(indices: Mapping[str, Sequence[tuple[str, str, float, int]]], by: str) -> list[Finding]:
    """The same of stability indices of features: each with first and last day, index and sample, in their order.

    `by` is the model with whose training window they were compared.
    """
    found = []
    latest = max((values[-1][1] for values in indices.values()), default="")
    for name, values in indices.items():
        *before, (first, last, seen, sample) = values
        if last < latest:
            continue
        normal = usual.index(seen, [value for _, _, value, _ in before], SHIFTED)
        if normal is not None:
            found.append(Finding(SHIFT, FEATURE, name, first, last, (by,), seen, sample, normal))
    return sorted(found, key=lambda one: -one.usual.strength)


class Segment(NamedTuple):
    """A segment in every window, in the order of days: counts (windows, FIGURES), 0 where it had nothing."""

    kind: str
    value: str
    days: Sequence[tuple[str, str]]
    by: Sequence[str]
    counts: NDArray[np.float64]


def segments(windows: Sequence[Window]) -> list[Segment]:
    """The segments of windows, which are in the order of days; all transactions first, bands by their edges."""
    days = {(one.first, one.last): one.spoke for one in windows if one.kind == ALL}
    places = {key: place for place, key in enumerate(days)}
    counts: dict[tuple[str, str], NDArray[np.float64]] = {}
    for one in windows:
        rows = counts.setdefault((one.kind, one.value), np.zeros((len(days), len(FIGURES))))
        rows[places[one.first, one.last]] = one[-len(FIGURES) :]
    spoke = list(days.values())
    return [Segment(*key, list(days), spoke, counts[key]) for key in sorted(counts, key=_in_order(counts))]


def _in_order(counts: Mapping[tuple[str, str], NDArray[np.float64]]) -> Callable[[tuple[str, str]], tuple[int, float]]:
    def place(key: tuple[str, str]) -> tuple[int, float]:
        kind, value = key
        inside = BANDS[kind][1].index(value) if kind in BANDS else -float(counts[key][:, 0].sum())
        return KINDS.index(kind), inside

    return place


def total(segment: Segment, span: int) -> dict[str, float]:
    """The figures of the latest windows of a segment, by their names."""
    return dict(zip(FIGURES, segment.counts[-span:].sum(axis=0).tolist(), strict=True))


def bands(segment: Segment) -> Iterator[tuple[str, float, float, Usual | None]]:
    """Of each window its last day, the frauds observed and expected, and what is usual by all the others."""
    pairs = _pairs(segment.counts, FRAUDS)
    for place, (_, last) in enumerate(segment.days):
        observed, foretold = pairs[place]
        yield last, observed, foretold, usual.expected(observed, foretold, pairs[:place] + pairs[place + 1 :])


def _judged(segment: Segment, figure: str, span: int) -> Finding | None:
    """A figure of the latest windows, by those before them, as many at a time."""
    size = len(segment.days) - span
    if size < span:
        return None
    sums = np.cumsum(np.vstack([np.zeros(len(FIGURES)), segment.counts]), axis=0)
    rolled = sums[span:] - sums[:-span]
    pairs = _pairs(rolled, figure)
    (seen, of), past = pairs[-1], pairs[: size - span + 1]
    first, last = segment.days[size][0], segment.days[-1][1]
    if figure == FRAUDS:
        normal = usual.expected(seen, of, past)
    elif figure == ALERTS:
        of = float((date.fromisoformat(last) - date.fromisoformat(first)).days + 1)
        normal = usual.count(seen, [alerts for alerts, _ in past])
    else:
        normal = usual.share(seen, of, past)
        seen /= max(of, 1)
    by = tuple(dict.fromkeys(segment.by[size:]))
    return normal and Finding(figure, segment.kind, segment.value, first, last, by, seen, of, normal)


def _pairs(counts: NDArray[np.float64], figure: str) -> list[tuple[float, float]]:
    seen, of = (counts[:, FIGURES.index(name)].tolist() for name in _OF[figure])
    return list(zip(seen, of, strict=True))
