"""Of the page Model what the registry knows: the challenger beside the champion, and who put what in force when."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import streamlit as st

from dashboard import queries_registry, stores, words
from dashboard.queries_registry import Beside
from fraudstack.storage import models
from fraudstack.storage.models import Promotion, Shadow

_NO_CHALLENGER = (
    "No challenger was ever asked beside the champion: `fraudstack shadow` has one asked, without effect, until a day."
)
_BESIDE: dict[str, Any] = {
    "model": st.column_config.TextColumn("Model"),
    "version": st.column_config.TextColumn("Version"),
    "alerts": st.column_config.NumberColumn("Alerts", format="%,d", help="Where it alone would have raised one."),
    "precision": st.column_config.NumberColumn("Precision", format="percent", help="Frauds among the labelled alerts."),
    "recall": st.column_config.NumberColumn("Recall", format="percent", help="Alerts among the labelled frauds."),
    "order": st.column_config.NumberColumn(
        "Average precision", format="%.3f", help="Of the labelled, at all thresholds."
    ),
}
_LOG: dict[str, Any] = {
    "at": st.column_config.TextColumn("When (UTC)"),
    "what": st.column_config.TextColumn("What"),
    "version": st.column_config.TextColumn("Version"),
    "before": st.column_config.TextColumn("In the place of"),
    "who": st.column_config.TextColumn("Who"),
    "why": st.column_config.TextColumn("Why", width="large"),
    "vetoed": st.column_config.CheckboxColumn("Vetoed", help="Rolled back from: no refresh promotes it again."),
}


def draw(champion: str | None) -> None:
    """Draw both sections; `champion` is the version that is in force here."""
    with stores.transactions() as connection:
        promotions, shadows = models.promotions(connection), models.shadows(connection)
        asked = models.shadow(connection, datetime.now(UTC))
    challenger = queries_registry.challenger(shadows)
    st.subheader("Challenger", anchor=False)
    if challenger is None:
        st.write(_NO_CHALLENGER)
    else:
        _draw_challenger(challenger, champion, is_asked=asked == challenger)
    _draw_log(promotions, shadows)


@st.cache_data(ttl=60, max_entries=1, show_spinner=False)
def _beside(challenger: str, champion: str) -> Beside | None:
    with stores.transactions() as connection:
        return queries_registry.beside(connection, challenger, champion)


def _draw_challenger(challenger: Shadow, champion: str | None, *, is_asked: bool) -> None:
    tense = f"is asked until {challenger.until}" if is_asked else "is asked no more"
    st.write(
        f"Model `{challenger.version}` {tense} (UTC), without effect; {challenger.who} had it asked from "
        f"{challenger.at} on: {challenger.reason}."
    )
    beside = None if champion is None else _beside(challenger.version, champion)
    if champion is None or beside is None:
        st.caption("It was asked of nothing yet that the model in force was asked of, too.")
        return
    st.caption(
        f"Of {words.count(beside.decisions)} decisions for which both were asked they agree on "
        f"{words.share(beside.agreed / beside.decisions, 2)} whether to raise an alert. "
        f"{words.count(beside.labelled)} of them have a label by now, {words.count(beside.frauds)} are fraud."
    )
    rows = [
        {
            "model": name,
            "version": version,
            "alerts": judged.alerts,
            "precision": judged.precision,
            "recall": judged.recall,
            "order": judged.average_precision,
        }
        for name, version, judged in (
            ("champion", champion, beside.champion),
            ("challenger", challenger.version, beside.challenger),
        )
    ]
    st.dataframe(
        pa.Table.from_pylist(rows),
        hide_index=True,
        column_config=_BESIDE,
        height="content",
        placeholder=words.NOTHING,
        alt="Table of champion and challenger on the same decisions",
    )


def _draw_log(promotions: list[Promotion], shadows: list[Shadow]) -> None:
    st.subheader("Registry", anchor=False)
    if not promotions and not shadows:
        st.write("No model was ever put in force.")
        return
    vetoes = models.vetoes(promotions)
    rows = [_of_promotion(one, one.version in vetoes) for one in promotions]
    rows += [_of_shadow(one, one.version in vetoes) for one in shadows]
    st.dataframe(
        pa.Table.from_pylist(sorted(rows, key=lambda row: str(row["at"]), reverse=True)),
        hide_index=True,
        column_config=_LOG,
        placeholder=words.NOTHING,
        alt="Table of who put which model in force when, and why",
    )


def _of_promotion(one: Promotion, is_vetoed: bool) -> dict[str, object]:
    why = str(one.why.get("reason", "nobody said why"))
    if "after_rollback" in one.why:
        why += f" (although it was rolled back from {one.why['after_rollback']})"
    what = "promoted" if one.vetoed is None else "rolled back"
    shown = {"at": one.at, "what": what, "version": one.version, "before": one.before, "who": one.who, "why": why}
    return shown | {"vetoed": is_vetoed}


def _of_shadow(one: Shadow, is_vetoed: bool) -> dict[str, object]:
    what = f"asked beside until {one.until}" if one.until > one.at else "asked no more"
    shown = {"at": one.at, "what": what, "version": one.version, "before": None, "who": one.who, "why": one.reason}
    return shown | {"vetoed": is_vetoed}
