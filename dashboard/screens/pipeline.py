"""How the last ingests went, and the rows that they refused."""

from math import ceil
from typing import Any

import pyarrow as pa
import streamlit as st

from dashboard import door, queries_pipeline, stores, words
from dashboard.queries_pipeline import CUT, Reason, Refused, Step

_PAGE = 50
_REFRESH_SECONDS = 5
_ALL = "all reasons"

_NO_RUNS = "Nothing was ingested yet. `make demo` brings a sample, `fraudstack ingest` loads files."
_NOTHING_REFUSED = "None of these runs refused a row."

_COLUMNS: dict[str, Any] = {
    "run_id": st.column_config.TextColumn("Run", width="medium"),
    "step": st.column_config.TextColumn("Step"),
    "state": st.column_config.TextColumn("State"),
    "started_at": st.column_config.TextColumn("Started (UTC)"),
    "seconds": st.column_config.NumberColumn("Seconds", format="%,.1f"),
    "rows_in": st.column_config.NumberColumn("Rows in", format="%,d"),
    "loaded": st.column_config.NumberColumn("Loaded", format="%,d"),
    "quarantined": st.column_config.NumberColumn("Quarantined", format="%,d"),
    "repeated": st.column_config.NumberColumn("Repeated", format="%,d", help="Rows that say the same again."),
    "unmatched": st.column_config.NumberColumn(
        "Unmatched", format="%,d", help="Labels whose transaction isn't in the store."
    ),
}


def draw() -> None:
    """The last runs step by step, and the quarantine of one."""
    st.title("Pipeline")
    _live_runs()
    _draw_quarantine()


@st.fragment(run_every=_REFRESH_SECONDS)
def _live_runs() -> None:
    # A fragment runs again without the page around it: it needs a guard of its own.
    door.guarded(_draw_runs)


def _draw_runs() -> None:
    with stores.transactions() as connection:
        found = queries_pipeline.steps(connection)
    if not found:
        st.info(_NO_RUNS, icon=":material/inbox:")
        return
    st.dataframe(
        _table(found),
        hide_index=True,
        column_order=list(_COLUMNS),
        column_config=_COLUMNS,
        placeholder=words.NOTHING,
        alt="Table of the last ingest runs",
    )
    for step in found:
        if step.error and step.run_id == found[0].run_id:
            st.error(f"The step {step.step} of {step.run_id} failed: {step.error}", icon=":material/error:")
        if step.state == "under way, or killed":
            st.info(
                f"The step {step.step} of {step.run_id} is under way since {step.started_at} UTC, or was killed; "
                "`fraudstack ingest` again takes up where a killed one stood.",
                icon=":material/hourglass_top:",
            )


def _draw_quarantine() -> None:
    asked = st.query_params.get("run")
    with stores.transactions() as connection:
        found = queries_pipeline.steps(connection, asked)
        runs = list(dict.fromkeys(step.run_id for step in found if step.quarantined or step.seconds is None))
        if not found:
            return
        st.subheader("Quarantine", anchor=False)
        if not runs:
            st.write(_NOTHING_REFUSED)
            return
        run_id = st.selectbox("Run", runs, key="run", bind="query-params", on_change=_first_page)
        reasons = queries_pipeline.reasons(connection, run_id)
    if not reasons:
        st.write("This run refused no row.")
        return
    _draw_reasons(reasons)
    _draw_rows(run_id, reasons)


def _draw_reasons(reasons: list[Reason]) -> None:
    st.dataframe(
        _table(reasons),
        hide_index=True,
        width="content",
        column_config={
            "step": st.column_config.TextColumn("Step"),
            "reason": st.column_config.TextColumn("Reason", width="large"),
            "rows": st.column_config.NumberColumn("Rows", format="%,d"),
        },
        alt="Table of refused rows by step and reason",
    )


def _draw_rows(run_id: str, reasons: list[Reason]) -> None:
    by_name = {f"{reason.step}: {reason.reason}": reason for reason in reasons}
    name = st.selectbox("Reason", [_ALL, *by_name], key="reason", bind="query-params", on_change=_first_page)
    reason = by_name.get(name)
    count = reason.rows if reason else sum(reason.rows for reason in reasons)
    pages = ceil(count / _PAGE)
    # Above the rows, though the number of the page is asked for below them.
    place = st.container()
    page = st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1
    with stores.transactions() as connection:
        rows = queries_pipeline.refused(connection, run_id, reason, _PAGE, _PAGE * (page - 1))
    with place:
        first = _PAGE * (page - 1) + 1
        st.caption(
            f"Rows {words.count(first)} to {words.count(first + len(rows) - 1)} of {words.count(count)}. "
            f"Texts are cut at {CUT} characters; select a row to read it whole."
        )
        _draw_page(rows, f"refused-{run_id}-{name}-{page}")


def _draw_page(rows: list[Refused], key: str) -> None:
    chosen = st.dataframe(
        _table(rows),
        hide_index=True,
        column_order=["step", "file", "line", "reason", "text"],
        placeholder=words.NOTHING,
        key=key,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "step": st.column_config.TextColumn("Step"),
            "file": st.column_config.TextColumn("File"),
            "line": st.column_config.NumberColumn("Line", format="%,d"),
            "reason": st.column_config.TextColumn("Reason"),
            "text": st.column_config.TextColumn("Text", width="large"),
        },
        alt="Table of refused rows",
    )
    for row in (rows[place] for place in chosen.selection.rows if place < len(rows)):
        with stores.transactions() as connection:
            text = queries_pipeline.text(connection, row.quarantine_id)
        line = "" if row.line is None else f", line {words.count(row.line)}"
        with st.expander(f"{row.file}{line}: {row.reason}", expanded=True):
            st.code(text, language=None, wrap_lines=True)
            if len(text) < row.length:
                st.caption(f"The first {words.count(len(text))} of {words.count(row.length)} characters.")


def _first_page() -> None:
    if "page" in st.session_state:
        st.session_state["page"] = 1


def _table(rows: list[Step] | list[Reason] | list[Refused]) -> pa.Table:
    # Arrow keeps a whole number whole beside one that is missing.
    return pa.Table.from_pylist([row._asdict() for row in rows])
