"""The model in force: what is watched of it, how good decisions were over the years, its card."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import streamlit as st

from dashboard import drawing, queries_model, stores, words
from dashboard.drawing import Line
from dashboard.queries_model import Measured, Year
from fraudstack.errors import InputError
from fraudstack.features.table import GROUPS
from fraudstack.model import champion
from fraudstack.model.drift import LEAST_SAMPLE, SHIFTED

# What deserves a look (Siddiqi 2006, Credit Risk Scorecards).
_MOVED = 0.1
_DRAWN = 4
_NO_MODEL = (
    "No model is in force: the rules decide alone. The DAG `model_refresh` trains one and puts it in force, "
    "`fraudstack promote` takes one that you trained."
)
_NOT_WATCHED = (
    "There is nothing to see yet: the DAG `model_watch` looks at the latest weeks once a week, or when it is "
    f"triggered, and says nothing of one with fewer than {LEAST_SAMPLE} transactions."
)
_NO_HISTORY = "The history was not decided yet: the job `decide` does that after a first load."
_YEARS: dict[str, Any] = {
    "year": st.column_config.TextColumn("Year"),
    "by": st.column_config.TextColumn("Decided by"),
    "transactions": st.column_config.NumberColumn("Transactions", format="%,d"),
    "alerts": st.column_config.NumberColumn("Alerts", format="%,d"),
    "frauds": st.column_config.NumberColumn("Labelled frauds", format="%,d"),
    "precision": st.column_config.NumberColumn("Precision", format="percent", help="Frauds among the labelled alerts."),
    "recall": st.column_config.NumberColumn("Recall", format="percent", help="Alerts among the labelled frauds."),
    "caught": st.column_config.TextColumn("Caught"),
    "missed": st.column_config.TextColumn("Missed"),
}


def draw() -> None:
    """Draw the page."""
    st.title("Model")
    folder = stores.settings().model_dir
    try:
        named = champion.facts(folder)
        version = named and champion.read(folder, named).version
    except InputError as error:
        named = version = None
        st.error(f"The champion can't be used: {error}.", icon=":material/error:")
    else:
        if named is None:
            st.info(_NO_MODEL, icon=":material/model_training:")
    with stores.transactions() as connection:
        years = queries_model.years(connection)
        measured = queries_model.measured(connection, version) if version else {}
    if named is not None:
        st.write(f"Model `{version}` is in force: {named.get('reason', 'nobody said why')}.")
        _draw_watched(measured)
    _draw_years(years)
    if named is not None:
        _draw_card(champion.of_version(folder, named["version"]))


def _draw_watched(measured: dict[str, list[Measured]]) -> None:
    st.subheader("Watched", anchor=False)
    moved = {name.removeprefix("psi:"): found for name, found in measured.items() if name.startswith("psi:")}
    if not moved:
        st.write(_NOT_WATCHED)
        return
    latest = sorted(((found[-1].value, name) for name, found in moved.items()), reverse=True)
    shifted = [name for value, name in latest if value >= SHIFTED]
    said = ", ".join(_name(name) for name in shifted[:_DRAWN])
    more = f" and {len(shifted) - _DRAWN} more" if len(shifted) > _DRAWN else ""
    if shifted:
        st.warning(f"Shifted against the training window: {said}{more}.", icon=":material/trending_up:")
    else:
        st.success("Nothing has shifted against the training window.", icon=":material/check:")
    st.caption(
        f"Population stability index of the week up to {moved[latest[0][1]][-1].day} against the training window: "
        f"from {_MOVED} on it deserves a look, from {SHIFTED} on it is called a shift. Weeks of few transactions are "
        "left out."
    )
    drawn = sorted(moved, key=lambda name: (name != "score", -moved[name][-1].value))[:_DRAWN]
    lines = [_line(_name(name), moved[name]) for name in drawn]
    st.altair_chart(drawing.lines(lines, "population stability index", mark=SHIFTED), width="stretch")
    with st.expander("All features"):
        rows = [
            {"feature": _name(name), "index": value, "transactions": moved[name][-1].sample} for value, name in latest
        ]
        st.dataframe(
            pa.Table.from_pylist(rows),
            hide_index=True,
            column_config={
                "feature": st.column_config.TextColumn("Feature"),
                "index": st.column_config.NumberColumn("Stability index", format="%.3f"),
                "transactions": st.column_config.NumberColumn("Transactions", format="%,d"),
            },
            alt="Table of the population stability index of every feature",
        )
    _draw_told(measured)


def _draw_told(measured: dict[str, list[Measured]]) -> None:
    """Precision and recall of the model alone, as labels arrive."""
    told = [_line(name, measured[name]) for name in ("precision", "recall") if name in measured]
    if told:
        st.altair_chart(drawing.lines(told, "by the labels known so far", shares=True), width="stretch")
    else:
        st.caption("No week after the training window has enough labels yet to say how good the model is.")


def _draw_years(years: list[Year]) -> None:
    st.subheader("Over the years", anchor=False)
    if not years:
        st.write(_NO_HISTORY)
        return
    st.caption(
        "Every transaction that nobody decided as it came, decided by what was known at its time: by the rules, and "
        "by a model that had learned only from what came before."
    )
    rows = [
        {
            "year": year.year,
            "by": "rules and model" if year.asked else "rules alone",
            "transactions": year.transactions,
            "alerts": year.suspicious,
            "frauds": year.frauds,
            "precision": year.precision,
            "recall": year.recall,
            "caught": words.money(year.caught_cents),
            "missed": words.money(year.fraud_cents - year.caught_cents),
        }
        for year in years
    ]
    st.dataframe(
        pa.Table.from_pylist(rows),
        hide_index=True,
        column_config=_YEARS,
        height="content",
        placeholder=words.NOTHING,
        alt="Table of decisions by year",
    )


def _draw_card(folder: Path) -> None:
    st.subheader("Card", anchor=False)
    try:
        card = (folder / "card.md").read_text(encoding="utf-8")
    except OSError:
        st.write("This model has no card.")
        return
    # The pictures lie beside the card, where a browser can't reach.
    for place, part in enumerate(re.split(r"!\[([^\]]*)\]\(([a-z_]+\.svg)\)", card)):
        if place % 3 == 0:
            st.markdown(re.sub(r"^(#+)", r"##\1", part, flags=re.MULTILINE))
        elif place % 3 == 1:
            described = part
        elif (folder / part).exists():
            st.image((folder / part).read_text(encoding="utf-8"), caption=described)


def _line(name: str, found: list[Measured]) -> Line:
    return Line(name, [(date.fromisoformat(one.day), one.value) for one in found])


def _name(feature: str) -> str:
    group = next((code for code, group in GROUPS.items() if feature in group), None)
    return feature.replace("_", " ") if group else f"{feature} of the model"
