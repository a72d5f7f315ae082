"""Charts that several pages share, in colours that every kind of colour vision tells apart.

Okabe and Ito (2008), "Color Universal Design".
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import altair as alt
import streamlit as st

Layers = alt.LayerChart | alt.FacetChart

BLUE, GREEN, VERMILLION, PURPLE = "#0072B2", "#009E73", "#D55E00", "#CC79A7"
PALETTE = (BLUE, "#E69F00", GREEN, PURPLE, VERMILLION, "#56B4E9", "#F0E442", "#999999")

_HEIGHT, _BAR, _AXIS = 260, 24, 96
_DAYS_NAMED = 150
_LONGEST_NAME = 150
# The rest of a day, week or month is the gap between its bar and the next.
_FILLED = 0.85
# A count's axis says 2k, 3M and, other than SI, 4B; it has no half transactions.
_COUNTS = alt.Axis(format="~s", labelExpr="replace(datum.label, 'G', 'B')", tickMinStep=1)
# Where the room for figures behind the bars reaches beyond the whole, the axis is silent.
_SHARES = alt.Axis(format="~%", labelExpr="datum.value > 1 ? '' : datum.label")


class Bar(NamedTuple):
    """A figure by name; `said` is what a reader sees of it beside or over the bar."""

    name: str
    figure: float
    said: str


class Stretch(NamedTuple):
    """A figure of some days; `end` is the first day after them."""

    start: date
    end: date
    figure: float
    said: str


class Point(NamedTuple):
    """Something on two features, as big as `size`."""

    name: str
    label: str
    x: float
    y: float
    size: int


class Line(NamedTuple):
    """A figure day by day, under a name."""

    name: str
    points: Sequence[tuple[date, float]]


class Between(NamedTuple):
    """Within what a figure is usual on a day."""

    day: date
    low: float
    high: float


class Feature(NamedTuple):
    """A title with its unit, and whether the values are shares of 1."""

    title: str
    share: bool


def over_time(stretches: Sequence[Stretch], title: str, colour: str) -> alt.Chart:
    """Upright bars along time."""
    rows = [
        {
            "start": _milliseconds(start),
            "end": _milliseconds(start) + _FILLED * (_milliseconds(end) - _milliseconds(start)),
            "from": str(start),
            "figure": figure,
            "said": said,
        }
        for start, end, figure, said in stretches
    ]
    in_utc = alt.Scale(type="utc")
    drawn: alt.Chart = (
        _chart(rows)
        .mark_bar(color=colour)
        .encode(
            x=alt.X("start:T", title="date (UTC)", scale=in_utc, axis=alt.Axis(format=_dates(stretches), tickCount=6)),
            x2="end",
            y=alt.Y("figure:Q", title=title, axis=_COUNTS),
            y2=alt.Y2Datum(0),
            tooltip=[alt.Tooltip("from:N", title="from"), alt.Tooltip("said:N", title=title)],
        )
        .properties(height=_HEIGHT)
    )
    return drawn


def columns(bars: Sequence[Bar], names: str, title: str, colour: str) -> alt.Chart:
    """Upright bars of shares, in the order given."""
    drawn: alt.Chart = (
        _chart([bar._asdict() for bar in bars])
        .mark_bar(color=colour)
        .encode(
            x=alt.X("name:N", title=names, sort=None, axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y("figure:Q", title=title, axis=_SHARES),
            tooltip=[alt.Tooltip("name:N", title=names), alt.Tooltip("said:N", title=title)],
        )
        .properties(height=_HEIGHT)
    )
    return drawn


def bars(bars: Sequence[Bar], names: str, title: str, colour: str, *, shares: bool = False) -> Layers:
    """Lying bars with their figures behind them, in the order given."""
    base = _chart([bar._asdict() for bar in bars]).encode(
        y=alt.Y("name:N", title=names, sort=None, axis=alt.Axis(labelLimit=_LONGEST_NAME)),
        x=alt.X(
            "figure:Q",
            title=title,
            axis=_SHARES if shares else _COUNTS,
            # Room for what stands behind the longest bar.
            scale=alt.Scale(domainMax=1.5 * max((bar.figure for bar in bars), default=0) or 1, nice=False),
        ),
        tooltip=[alt.Tooltip("name:N", title=names), alt.Tooltip("said:N", title=title)],
    )
    said = base.mark_text(align="left", dx=4, color=_ink()).encode(text="said:N")
    return alt.layer(base.mark_bar(color=colour), said).properties(height=_BAR * len(bars) + _AXIS)


def scatter(points: Sequence[Point], across: Feature, upwards: Feature, size: str) -> Layers:
    """Points on two features, each with its label, since no colour alone should tell them apart."""
    names = [point.name for point in points]
    base = _chart([point._asdict() for point in points]).encode(
        x=alt.X("x:Q", title=across.title, axis=_axis(across), scale=alt.Scale(zero=False, padding=40)),
        y=alt.Y("y:Q", title=upwards.title, axis=_axis(upwards), scale=alt.Scale(zero=False, padding=40)),
        tooltip=[
            alt.Tooltip("name:N", title="cluster"),
            alt.Tooltip("size:Q", title=size, format=","),
            alt.Tooltip("x:Q", title=across.title, format=_number(across)),
            alt.Tooltip("y:Q", title=upwards.title, format=_number(upwards)),
        ],
    )
    colours = [PALETTE[place % len(PALETTE)] for place in range(len(points))]
    circles = base.mark_circle(opacity=0.85).encode(
        size=alt.Size("size:Q", title=size, legend=None, scale=alt.Scale(domainMin=0, range=[80, 2_000])),
        color=alt.Color("name:N", legend=None, sort=None, scale=alt.Scale(domain=names, range=colours)),
    )
    # Above the circle's middle a label could be lost in its colour: it stands to the right of the biggest.
    labels = base.mark_text(align="left", dx=26, fontWeight="bold", color=_ink()).encode(text="label:N")
    return alt.layer(circles, labels).properties(height=420)


def lines(lines: Sequence[Line], title: str, *, band: Sequence[Between] = (), height: int = _HEIGHT) -> Layers:
    """Lines along time, told apart by colour and by the form of their points, over a band of what is usual."""
    rows = [
        {"name": line.name, "day": _milliseconds(day), "figure": figure}
        for line in lines
        for day, figure in line.points
    ]
    names = [line.name for line in lines]
    colours = [PALETTE[place % len(PALETTE)] for place in range(len(names))]
    base = _chart(rows).encode(
        x=alt.X("day:T", title="date (UTC)", scale=alt.Scale(type="utc"), axis=alt.Axis(format="%b %Y", tickCount=6)),
        y=alt.Y("figure:Q", title=title, axis=alt.Axis(format="~r")),
        color=alt.Color("name:N", title=None, sort=None, scale=alt.Scale(domain=names, range=colours)),
        shape=alt.Shape("name:N", title=None, sort=None, scale=alt.Scale(domain=names)),
        tooltip=[
            alt.Tooltip("name:N", title="of"),
            alt.Tooltip("day:T", title="up to", format="%Y-%m-%d"),
            alt.Tooltip("figure:Q", title=title, format=",.1f"),
        ],
    )
    usual = _chart([{"day": _milliseconds(one.day), "low": one.low, "high": one.high} for one in band])
    area = usual.mark_area(color=PALETTE[-1], opacity=0.25).encode(x="day:T", y="low:Q", y2="high:Q")
    layers = [base.mark_line(strokeWidth=1.5), base.mark_point(size=24, filled=True)]
    return alt.layer(*([area] if band else []), *layers).properties(height=height)


def _chart(rows: list[dict[str, Any]]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=rows))


def _axis(feature: Feature) -> alt.Axis:
    return alt.Axis(format="~%" if feature.share else ",~r")


def _number(feature: Feature) -> str:
    return ".1%" if feature.share else ",.1f"


def _dates(stretches: Sequence[Stretch]) -> str:
    long = stretches and (stretches[-1].end - stretches[0].start).days > _DAYS_NAMED
    return "%b %Y" if long else "%d %b"


def _ink() -> str:
    # The charts' theme colours all text but what stands among the marks.
    return "#E6EBF2" if st.context.theme.type == "dark" else "#1B2430"


def _milliseconds(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000
