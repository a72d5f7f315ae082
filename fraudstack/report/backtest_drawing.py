"""Charts of a backtest: precision and recall, alerts a day, money caught and missed."""

from collections.abc import Callable, Sequence
from math import nan
from typing import Any, NamedTuple

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from fraudstack.report import formats
from fraudstack.report.backtest import Backtest, Counts
from fraudstack.report.backtest_periods import Period, over_time, period_name
from fraudstack.report.backtest_text import NO_ALERT, mean, money, roles
from fraudstack.report.drawing import BLUE, GREEN, ORANGE, Chart, count_ticks, draw, plain
from fraudstack.report.rates import interval

# Of fewer, a share is chance.
_FEWEST = 10
_NOTHING = "There are no transactions."
# By way, told apart without colour too.
_LINES: tuple[dict[str, Any], ...] = (
    {"color": BLUE, "linestyle": "-", "marker": "o"},
    {"color": ORANGE, "linestyle": "--", "marker": "s", "markerfacecolor": "none"},
)
# Months between ticks: the fewest with which labels don't touch.
_STEPS = (1, 2, 3, 6, 12, 24, 60, 120, 240)
_MOST_MONTHS, _MOST_YEARS = 6, 10


class _Rate(NamedTuple):
    # Of the period, on the axis.
    place: int
    name: str
    part: int
    whole: int

    @property
    def share(self) -> float:
        return self.part / self.whole


class _Measure(NamedTuple):
    name: str
    axis: str
    # Of a period by a way: how many there were of what it is a share of.
    whole: Callable[[Period, Counts], int]


_MEASURES = (
    _Measure("precision", "precision, % of\nlabelled alerts", lambda _period, counts: counts.labelled),
    _Measure("recall", "recall, %\nof frauds", lambda period, _counts: period.frauds),
)


def precision_and_recall(found: Backtest) -> Chart:
    """Of every period that has enough of what they are shares of."""
    key = "rates"
    months, unit, periods = over_time(found)
    title = f"Precision and recall by {unit}"
    if not found.labelled:
        return Chart(key, title, "No transaction is labelled: neither is known." if months else _NOTHING)
    if len(months) == 1:
        return Chart(key, title, f"All is of one month, {months[0].name}: the figures above are that month's.")
    if not any(way.counts.alerts for way in found.ways):
        return Chart(key, title, f"{NO_ALERT} There is no precision, and no fraud was caught.")
    rates = [(measure, [_rates(measure, periods, way) for way in range(len(found.ways))]) for measure in _MEASURES]
    drawn = [(measure, ways) for measure, ways in rates if any(ways)]
    columns, rows = _rate_table(found, months)
    if not drawn:
        finding = f"No {unit} has {_FEWEST} labelled alerts or {_FEWEST} frauds: a share of fewer is chance."
        return Chart(key, title, finding, columns=columns, rows=rows)
    said = (
        _sentence(role, "; ".join(_range(measure.name, ways[place]) for measure, ways in rates))
        for place, (role, _) in enumerate(roles(found))
    )
    finding = (
        f"{' '.join(said)} Thin lines show the 95 % interval. Left out: {unit}s with fewer than {_FEWEST} labelled "
        f"alerts or, for recall, fewer than {_FEWEST} frauds."
    )

    def paint(figure: Figure) -> None:
        panels = figure.subplots(len(drawn), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (measure, ways) in zip(panels, drawn, strict=True):
            for place, points in enumerate(ways):
                _line(axes, points, len(periods), place, len(ways))
            axes.set_xlim(-0.7, len(periods) - 0.3)
            axes.set_ylim(0, None)
            axes.set_ylabel(measure.axis)
            plain(axes, upright=True)
        _time_axis(panels[-1], periods, unit)
        figure.align_ylabels(panels)
        _legend(figure, [Line2D([], [], markersize=4, label=role, **line) for role, line in _lines(found)])

    return Chart(key, title, finding, draw(key, f"{title}. {finding}", 1.1 + 1.5 * len(drawn), paint), columns, rows)


def alerts_a_day(found: Backtest) -> Chart | None:
    """How much there is to review; None where no month differs from the whole."""
    key = "alerts"
    months, unit, periods = over_time(found)
    title = f"Alerts a day, by {unit}"
    if len(months) < 2:
        return None
    if not any(way.counts.alerts for way in found.ways):
        return Chart(key, title, NO_ALERT)
    means = [[period.by_way[way].alerts / period.days for period in periods] for way in range(len(found.ways))]
    said = []
    for (role, _), way in zip(roles(found), means, strict=True):
        low, high = (f"{mean(value)} ({periods[way.index(value)].name})" for value in (min(way), max(way)))
        said.append(_sentence(role, f"from {low} to {high}" if min(way) < max(way) else f"always {mean(way[0])}"))
    finding = " ".join(said)

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        edges = [place - 0.5 for place in range(len(periods) + 1)]
        for place, way in enumerate(means):
            colour, style = _LINES[place]["color"], _LINES[place]["linestyle"]
            if place == 0:
                axes.stairs(way, edges, fill=True, color=colour, alpha=0.25)
            axes.stairs(way, edges, color=colour, linestyle=style, linewidth=1.4)
        axes.set_ylabel("alerts a day")
        axes.set_ylim(0, None)
        plain(axes, upright=True)
        _time_axis(axes, periods, unit)
        _legend(figure, [Line2D([], [], label=role, **line | {"marker": None}) for role, line in _lines(found)])

    columns = ("month", "days", *_for_each(found, ("alerts", "alerts a day")))
    rows = []
    for month in months:
        cells = [(formats.count(counts.alerts), mean(counts.alerts / month.days)) for counts in month.by_way]
        rows.append((month.name, str(month.days), *(cell for of_way in cells for cell in of_way)))
    return Chart(key, title, finding, draw(key, f"{title}. {finding}", 2.5, paint), columns, rows)


def caught_and_missed(found: Backtest) -> Chart:
    """What became of the money of all frauds."""
    key, title = "money", "Money of the frauds: caught and missed"
    if not found.frauds:
        return Chart(key, title, "No fraud is known." if found.transactions else _NOTHING)
    parts = [(way.counts.cents, found.missed(way.counts)) for way in found.ways]
    finding = " ".join(
        _sentence(role, f"caught {money(found, caught)}, missed {money(found, missed)}")
        for (role, _), (caught, missed) in zip(roles(found), parts, strict=True)
    )
    # Refunds may be all the fraud there is, and lose no money.
    if not found.cents:
        return Chart(key, title, finding)

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for place, (caught, missed) in enumerate(parts):
            axes.barh(place, caught / 100, height=0.6, color=GREEN)
            axes.barh(place, missed / 100, left=caught / 100, height=0.6, facecolor="none", edgecolor=GREEN)
            beside: dict[str, Any] = {"xycoords": axes.get_yaxis_transform(), "textcoords": "offset points"}
            axes.annotate(formats.share(caught / found.cents), (1, place), (5, 0), va="center", **beside)
        axes.set_yticks(range(len(parts)), [role for role, _ in roles(found)])
        axes.invert_yaxis()
        axes.set_xlim(0, found.cents / 100)
        axes.set_xlabel(f"{formats.name(found.currency)}; at the right, the share that was caught")
        count_ticks(axes.xaxis)
        axes.locator_params(axis="x", nbins=4)
        plain(axes, upright=False)
        _legend(figure, [Patch(color=GREEN, label="caught"), Patch(fill=False, edgecolor=GREEN, label="missed")])

    rows = [
        (
            role or formats.name(way.name),
            money(found, caught),
            money(found, missed),
            formats.share(caught / found.cents),
        )
        for (role, way), (caught, missed) in zip(roles(found), parts, strict=True)
    ]
    svg = draw(key, f"{title}. {finding}", 1.1 + 0.4 * len(parts), paint)
    return Chart(key, title, finding, svg, ("way", "caught", "missed", "share caught"), rows)


def _rates(measure: _Measure, periods: Sequence[Period], way: int) -> list[_Rate]:
    rates = (
        _Rate(place, period.name, period.by_way[way].frauds, measure.whole(period, period.by_way[way]))
        for place, period in enumerate(periods)
    )
    return [rate for rate in rates if rate.whole >= _FEWEST]


def _line(axes: Axes, points: Sequence[_Rate], length: int, way: int, ways: int) -> None:
    """Neighbours are joined; where a period is left out, the line has a gap."""
    # Two ways stand apart by a few points of print, so that their intervals don't cover each other.
    aside = min(0.01 * length, 0.2) * (2 * way - ways + 1)
    heights = [nan] * length
    for point in points:
        heights[point.place] = 100 * point.share
        low, high = interval(point.part, point.whole)
        axes.vlines(point.place + aside, 100 * low, 100 * high, color=_LINES[way]["color"], linewidth=0.8, alpha=0.6)
    axes.plot([n + aside for n in range(length)], heights, linewidth=1.2, markersize=3.5, clip_on=False, **_LINES[way])


def _time_axis(axes: Axes, periods: Sequence[Period], unit: str) -> None:
    months = periods[-1].number - periods[0].number + 1
    fitting = (step for step in _STEPS if months / step <= (_MOST_MONTHS if step < 12 else _MOST_YEARS))
    step = next(fitting, _STEPS[-1])
    shown = [(place, period.number) for place, period in enumerate(periods) if period.number % step == 0]
    names = [period_name(number, "month" if step < 12 else "year") for _, number in shown]
    axes.set_xticks([place for place, _ in shown], names)
    # So that the first one stays clear of the other axis' zero.
    axes.tick_params(axis="x", pad=6)
    axes.set_xlabel(f"{unit} of the transaction, UTC")


def _legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """Above, where no line can run through it; a single thing needs none."""
    if len(handles) > 1:
        figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), frameon=False)


def _lines(found: Backtest) -> list[tuple[str, dict[str, Any]]]:
    return [(role, line) for (role, _), line in zip(roles(found), _LINES, strict=False)]


def _sentence(role: str, what: str) -> str:
    said = f"{role}: {what}." if role else f"{what}."
    return said[0].upper() + said[1:]


def _range(measure: str, rates: Sequence[_Rate]) -> str:
    if not rates:
        return f"{measure} not known"
    low, high = min(rates, key=lambda rate: rate.share), max(rates, key=lambda rate: rate.share)
    if low.share == high.share:
        return f"{measure} {formats.share(low.share)}"
    return f"{measure} from {formats.share(low.share)} ({low.name}) to {formats.share(high.share)} ({high.name})"


def _for_each(found: Backtest, names: Sequence[str]) -> list[str]:
    return [f"{role} {name}".strip() for role, _ in roles(found) for name in names]


def _rate_table(found: Backtest, months: Sequence[Period]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    names = ("labelled alerts", "frauds caught", "precision", "recall")
    rows = []
    for month in months:
        cells = [month.name, formats.count(month.frauds)]
        for counts in month.by_way:
            recall = counts.frauds / month.frauds if month.frauds else None
            cells += (formats.count(counts.labelled), formats.count(counts.frauds))
            cells += (formats.share(counts.precision), formats.share(recall))
        rows.append(tuple(cells))
    return ("month", "frauds", *_for_each(found, names)), rows
