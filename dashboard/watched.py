"""What is watched of the model in force: what needs attention, frauds expected and observed, segment by segment."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import streamlit as st

from dashboard import drawing, words
from dashboard.drawing import Between, Line
from dashboard.queries_model import Measured
from fraudstack.features.table import GROUPS
from fraudstack.model.watching import findings
from fraudstack.model.watching.findings import Finding, Segment
from fraudstack.model.watching.usual import LEAST_PAST
from fraudstack.model.watching.windows import (
    AGE,
    ALL,
    AMOUNT,
    CHANNEL,
    COUNTRY,
    ELSEWHERE,
    NOT_TOLD,
    NOWHERE,
    REFUNDS,
    SCORE,
    WEEK,
    Window,
)

_NOT_WATCHED = (
    "There is nothing to see yet. Once a week, or when it is triggered, the DAG `model_watch` looks at each week, or "
    "four weeks where a week has few frauds, that the model has not learned from and whose labels had time to come."
)
_NO_PAST = f"What is usual can't be said yet: that takes {LEAST_PAST} of them."
_MOST_SENTENCES, _MOST_FEATURES, _MOST_CHANNELS, _CHANNEL_HEIGHT = 6, 3, 4, 180
_KINDS = {
    ALL: "All", CHANNEL: "Channel", SCORE: "Score", COUNTRY: "Country", AMOUNT: "Amount", AGE: "Client known for",
}  # fmt: skip
_SEGMENTS: dict[str, Any] = {
    "by": st.column_config.TextColumn("By"),
    "segment": st.column_config.TextColumn("Segment"),
    "attention": st.column_config.TextColumn("Unusual"),
    "transactions": st.column_config.NumberColumn("Transactions", format="%,d"),
    "alerts": st.column_config.NumberColumn("Alerts a day", format="%.2f"),
    "labelled": st.column_config.NumberColumn("Labelled", format="%,d"),
    "expected": st.column_config.NumberColumn(
        "Frauds expected", format="%.1f", help="The sum of the probabilities of what is labelled."
    ),
    "observed": st.column_config.NumberColumn("Frauds observed", format="%,d"),
    "precision": st.column_config.NumberColumn("Precision", format="percent", help="Frauds among the labelled alerts."),
    "recall": st.column_config.NumberColumn("Recall", format="percent", help="Alerts among the labelled frauds."),
}
_FEATURES: dict[str, Any] = {
    "feature": st.column_config.TextColumn("Feature"),
    "attention": st.column_config.TextColumn("Unusual"),
    "index": st.column_config.NumberColumn("Stability index", format="%.3f"),
    "usual": st.column_config.NumberColumn("Usual up to", format="%.3f"),
    "transactions": st.column_config.NumberColumn("Transactions", format="%,d"),
}


def draw(version: str, windows: Sequence[Window], measured: Mapping[str, Sequence[Measured]]) -> None:
    """Draw what was watched of a model, of which windows are in the order of days."""
    st.subheader("What needs attention", anchor=False)
    segments = findings.segments(windows)
    if not segments:
        st.write(_NOT_WATCHED)
        return
    whole = segments[0]
    found = findings.findings(windows)
    moved = findings.shifts(_indices(measured, whole), version)
    attention, shifted = ([one for one in some if one.needs_attention] for some in (found, moved))
    _draw_attention(attention, shifted, judged=bool(found), version=version)
    st.caption(_looked_at(whole, version))
    _draw_expected(segments)
    _draw_segments(segments, attention)
    _draw_features(moved)


def _draw_attention(attention: Sequence[Finding], shifted: Sequence[Finding], *, judged: bool, version: str) -> None:
    if not judged:
        st.info(_NO_PAST, icon=":material/hourglass_empty:")
    elif not attention and not shifted:
        st.success("Nothing is out of what is usual.", icon=":material/check:")
    for one in attention[:_MOST_SENTENCES]:
        before = "" if version in one.by else " A model before this one spoke then."
        st.warning(f"{sentence(one)}{before}", icon=":material/trending_up:")
    if len(attention) > _MOST_SENTENCES:
        st.write(f"And {len(attention) - _MOST_SENTENCES} more, which the table by segment names.")
    if shifted:
        st.warning(_spread(shifted), icon=":material/shuffle:")


def _spread(shifted: Sequence[Finding]) -> str:
    """What the model looks at and is spread otherwise, in a sentence."""
    named = [
        f"{_feature(one.value)} (stability index {one.seen:.2f}, usual up to {one.usual.high:.2f})"
        for one in shifted[:_MOST_FEATURES]
    ]
    more = f" and {len(shifted) - _MOST_FEATURES} more" if len(shifted) > _MOST_FEATURES else ""
    return f"Spread otherwise than in the training window since {_day(shifted[0].first)}: {', '.join(named)}{more}."


def sentence(found: Finding) -> str:
    """What is out of the usual in a segment, for a person."""
    low, high = found.usual.low, found.usual.high
    days = f"since {_day(found.first)}"
    subject = _subject(found.kind, found.value)
    if found.figure == findings.FRAUDS:
        usual = f"{_number(low)} to {_number(high)} would be usual"
        return f"{subject}: {_number(found.of)} frauds expected, {found.seen:,.0f} observed {days}; {usual}."
    if found.figure == findings.ALERTS:
        a_day = [_number(figure / found.of) for figure in (found.seen, low, high)]
        return f"{subject}: {a_day[0]} alerts a day {days}, usual are {a_day[1]} to {a_day[2]}."
    if found.figure == findings.PRECISION:
        of = f"of {found.of:,.0f} labelled alerts {found.seen:.0%} were fraud"
        return f"{subject}: {of} {days}, usual is {low:.0%} or more."
    return f"{subject}: of {found.of:,.0f} frauds {found.seen:.0%} were alerts {days}, usual is {low:.0%} or more."


def _looked_at(whole: Segment, version: str) -> str:
    (first, _), (_, last) = whole.days[0], whole.days[-1]
    step = _step(whole).removeprefix("a ")
    champions = [day for (day, _), by in zip(whole.days, whole.by, strict=True) if by == version]
    if not champions:
        spoke = "The model in force has seen all of them: models spoke that had learned only from what came before."
    elif len(champions) < len(whole.days):
        spoke = f"The model in force spoke from {_day(champions[0])} on, before it models that had learned only from "
        spoke += "what came before."
    else:
        spoke = "The model in force spoke in all of them, and had learned from none."
    return (
        f"Looked at {step} by {step}, from {_day(first)} to {_day(last)}: labels of later days had no time to come. "
        f"{spoke} Usual is what a figure did in its own past, with the noise of counting."
    )


def _draw_expected(segments: Sequence[Segment]) -> None:
    channels = [one for one in segments if one.kind == CHANNEL]
    weight = {one.value: findings.total(one, len(one.days)) for one in channels}
    told = [one for one in channels if max(weight[one.value]["frauds"], weight[one.value]["expected"]) >= 1]
    told = sorted(told, key=lambda one: -weight[one.value]["frauds"])[:_MOST_CHANNELS]
    if not told:
        return
    st.subheader("Frauds expected and observed", anchor=False)
    st.caption(f"In {_step(told[0])} up to each day, by channel, among what is labelled; grey is what would be usual.")
    for segment in told:
        st.markdown(f"**{_subject(segment.kind, segment.value)}**")
        points = list(findings.bands(segment))
        days = [date.fromisoformat(last) for last, *_ in points]
        lines = [
            Line("expected", list(zip(days, [foretold for _, _, foretold, _ in points], strict=True))),
            Line("observed", list(zip(days, [observed for _, observed, _, _ in points], strict=True))),
        ]
        band = [Between(day, usual.low, usual.high) for day, (*_, usual) in zip(days, points, strict=True) if usual]
        chart = drawing.lines(lines, "frauds", band=band, height=_CHANNEL_HEIGHT)
        st.altair_chart(chart, width="stretch", alt=f"Lines: frauds expected and observed, {segment.value.lower()}")


def _draw_segments(segments: Sequence[Segment], attention: Sequence[Finding]) -> None:
    span = min(findings.SPANS[-1], len(segments[0].days))
    (first, _), (_, last) = segments[0].days[-span], segments[0].days[-1]
    length = (date.fromisoformat(last) - date.fromisoformat(first)).days + 1
    st.subheader("By segment", anchor=False)
    st.caption(f"From {_day(first)} to {_day(last)}. Alerts are the model's alone; precision and recall by the labels.")
    rows = []
    for one in segments:
        now = findings.total(one, span)
        named = [found.figure for found in attention if (found.kind, found.value) == (one.kind, one.value)]
        if now["transactions"]:
            rows.append(
                {
                    "by": _KINDS[one.kind],
                    "segment": one.value,
                    "attention": ", ".join(named),
                    "transactions": int(now["transactions"]),
                    "alerts": now["alerts"] / length,
                    "labelled": int(now["labelled"]),
                    "expected": now["expected"],
                    "observed": int(now["frauds"]),
                    "precision": now["alerts_frauds"] / now["alerts_labelled"] if now["alerts_labelled"] else None,
                    "recall": now["alerts_frauds"] / now["frauds"] if now["frauds"] else None,
                }
            )
    st.dataframe(
        pa.Table.from_pylist(rows),
        hide_index=True,
        column_config=_SEGMENTS,
        height="content",
        placeholder=words.NOTHING,
        alt="Table of what was said and what came of it, by segment",
    )


def _draw_features(moved: Sequence[Finding]) -> None:
    if not moved:
        return
    with st.expander("What the model looks at"):
        st.caption(
            "Population stability index of each feature and of the score against the training window (Siddiqi 2006); "
            "counts that only grow are left out."
        )
        rows = [
            {
                "feature": _feature(one.value),
                "attention": one.figure if one.needs_attention else "",
                "index": one.seen,
                "usual": one.usual.high,
                "transactions": int(one.of),
            }
            for one in sorted(moved, key=lambda one: -one.seen)
        ]
        st.dataframe(
            pa.Table.from_pylist(rows),
            hide_index=True,
            column_config=_FEATURES,
            alt="Table of the population stability index of every feature",
        )


def _indices(
    measured: Mapping[str, Sequence[Measured]], whole: Segment
) -> dict[str, list[tuple[str, str, float, int]]]:
    """The stability indices by feature, each with the first and last day of its window."""
    length = timedelta(days=_length(whole) - 1)
    return {
        name.removeprefix("psi:"): [
            (str(date.fromisoformat(one.day) - length), one.day, one.value, one.sample) for one in found
        ]
        for name, found in measured.items()
        if name.startswith("psi:")
    }


def _length(whole: Segment) -> int:
    first, last = whole.days[-1]
    return (date.fromisoformat(last) - date.fromisoformat(first)).days + 1


def _step(whole: Segment) -> str:
    return "a week" if _length(whole) == WEEK else "four weeks"


def _subject(kind: str, value: str) -> str:
    of = f"of {value}" if value[:1].isdigit() else value
    said = {
        ALL: "All transactions",
        CHANNEL: "Channel not told" if value == NOT_TOLD else value,
        SCORE: f"Scores {of}",
        COUNTRY: {NOWHERE: "Online, or place not told", ELSEWHERE: "Other countries"}.get(value, value),
        AMOUNT: "Refunds" if value == REFUNDS else f"Amounts {of}",
        AGE: f"Clients known for {value}",
    }
    return said[kind]


def _feature(name: str) -> str:
    group = next((code for code, group in GROUPS.items() if name in group), None)
    return name.replace("_", " ") if group else f"{name} of the model"


def _number(figure: float) -> str:
    """A count with as many digits as it can bear."""
    return f"{figure:,.0f}" if figure >= 10 or figure == 0 else f"{figure:.1f}" if figure >= 1 else f"{figure:.2g}"


def _day(day: str) -> str:
    found = date.fromisoformat(day)
    return f"{found.day} {found:%B %Y}"
