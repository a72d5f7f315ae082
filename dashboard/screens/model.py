"""The model in force: what is watched of it, how good decisions were over the years, its card."""

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import streamlit as st

from dashboard import queries_model, stores, watched, words
from dashboard.queries_model import Year
from dashboard.screens import model_registry
from fraudstack.errors import InputError
from fraudstack.model import champion

_NO_MODEL = (
    "No model is in force: the rules decide alone. The DAG `model_refresh` trains one and puts it in force, "
    "`fraudstack promote` takes one that you trained."
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
        version = None if named is None else champion.read(folder, named).version
    except InputError as error:
        named = version = None
        st.error(f"The champion can't be used: {error}.", icon=":material/error:")
    else:
        if named is None:
            st.info(_NO_MODEL, icon=":material/model_training:")
    with stores.transactions() as connection:
        years = queries_model.years(connection)
        windows = queries_model.windows(connection, version) if version else []
        measured = queries_model.measured(connection, version) if version else {}
    if named is not None:
        st.write(f"Model `{version}` is in force: {named.get('reason', 'nobody said why')}.")
        watched.draw(str(version), windows, measured)
    _draw_years(years)
    model_registry.draw(version)
    if named is not None:
        _draw_card(champion.of_version(folder, named["version"]))


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
            st.image((folder / part).read_text(encoding="utf-8"), caption=described, alt=described)
