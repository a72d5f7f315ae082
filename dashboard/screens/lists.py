"""Who and what is allowed, blocked or held until a date: seen, put there and withdrawn; exceptions too."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import streamlit as st

from dashboard import reviewer, scorer, stores, words
from fraudstack.card_numbers import masked
from fraudstack.errors import Refusal
from fraudstack.fields.dates import this_second
from fraudstack.profiles.named import Kind
from fraudstack.storage import lists, reviews

# What a list does to the transactions of what stands on it.
_LISTS = {"block": "blocked", "held": "suspicious", "allow": "normal"}
_KINDS = {"mcc": "merchant category"}
_DAYS = (1, 7, 30, 90, 180, 365)
# As many as the scorer tells.
_MOST = 10_000

type _Entry = dict[str, Any]


def draw() -> None:
    """Draw the page."""
    st.title("Lists")
    st.write(
        "What stands here holds beside the lists of the rules file, from now until its end, whatever the rules say. "
        "A block goes before a permission, and that before what is held."
    )
    reviewer.own_key()
    name = reviewer.name()
    for kind, show in (("problem", st.error), ("done", st.success)):
        if said := st.session_state.pop(f"lists {kind}", ""):
            show(said)
    now = this_second()
    with stores.transactions() as connection:
        entries = lists.every(connection, now, _MOST)
        exceptions = reviews.exceptions(connection, now, _MOST)
    at_left, at_right = st.columns([2, 1], gap="large")
    with at_left:
        _listed(entries)
        _excepted(exceptions)
    with at_right, st.container(border=True):
        _form(name)


def _listed(entries: list[_Entry]) -> None:
    st.markdown("##### On a list")
    if not entries:
        st.info("Nothing is on a list of the store.")
        return
    _table([(one["list"], _said(one), one["reason"], one["owner"], one["until"], one["at"]) for one in entries])
    _withdrawal("entry", entries, lambda one: f"{one['list']}: {_said(one)}", _take_off)


def _excepted(exceptions: list[_Entry]) -> None:
    st.markdown("##### Exceptions")
    if not exceptions:
        st.info("No client has an exception; one is made on the page Review.")
        return
    st.caption("Rules of habit keep silent for the client at the merchant; lists and rules of haste still hold.")
    shown = [
        ("exception", _pair(one), one["note"] or words.NOTHING, one["reviewer"], one["until"], one["at"])
        for one in exceptions
    ]
    _table(shown)
    _withdrawal("exception", exceptions, _pair, _disallow)


def _said(one: _Entry) -> str:
    return f"{_KINDS.get(one['kind'], one['kind'])} {masked(one['value'])}"


def _pair(one: _Entry) -> str:
    return f"client {masked(one['client_id'])} at merchant {masked(one['merchant_id'])}"


def _table(rows: Sequence[tuple[str, ...]]) -> None:
    names = ("List", "What", "Why", "Who", "Until (UTC)", "Since (UTC)")
    # To the minute, so that all columns have room.
    shown = [(*told, until[:16], since[:16]) for *told, until, since in rows]
    st.dataframe([dict(zip(names, row, strict=True)) for row in shown], hide_index=True, height="content")


def _withdrawal(what: str, several: list[_Entry], said: Callable[[_Entry], str], do: Callable[[_Entry], None]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        at = st.selectbox(
            f"An {what} to withdraw", range(len(several)), None, format_func=lambda at: said(several[at]), key=what
        )
        chosen = None if at is None else several[at]
        st.button(
            "Withdraw",
            f"withdraw {what}",
            icon=":material/delete:",
            disabled=chosen is None,
            on_click=_done,
            args=(lambda: do(chosen) if chosen else None, f"Withdrawn: {said(chosen)}" if chosen else ""),
        )


def _take_off(one: _Entry) -> None:
    scorer.take_off_list(one["list"], one["kind"], one["value"])


def _disallow(one: _Entry) -> None:
    scorer.disallow(one["client_id"], one["merchant_id"])


def _form(name: str) -> None:
    st.markdown("##### Put on a list")
    chosen = st.selectbox("List", tuple(_LISTS), key="list", format_func=lambda one: f"{one}: {_LISTS[one]}")
    kind = st.selectbox("What", get_args(Kind), key="kind", format_func=lambda one: _KINDS.get(one, one))
    value = st.text_input("Its id, code or name", key="value", max_chars=100).strip()
    reason = st.text_input("Why", key="reason", max_chars=200).strip()
    days = st.selectbox("For", _DAYS, 2, key="days", format_func=lambda one: f"{one} day{'' if one == 1 else 's'}")
    until = (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0)
    if not (name and value and reason):
        st.caption("An entry needs your name, what it is about, and why.")
    entry = (chosen, kind, value, until, name, reason)
    st.button(
        "Put on the list",
        "put",
        icon=":material/playlist_add:",
        width="stretch",
        disabled=not (name and value and reason),
        on_click=_done,
        args=(lambda: _put(*entry), f"{chosen.capitalize()}: {kind} {masked(value)} until {until.date()}"),
    )


def _put(*entry: Any) -> None:  # noqa: ANN401 - put_on_list's own
    scorer.put_on_list(*entry)
    for field in ("value", "reason"):
        st.session_state[field] = ""


def _done(do: Callable[[], None], said: str) -> None:
    """Do something through the scorer; what came of it is said on the page that is drawn next."""
    try:
        do()
    except scorer.UnknownError:
        st.session_state["lists problem"] = "It isn't there any more: it ended, or somebody withdrew it."
    except Refusal as error:
        st.session_state["lists problem"] = str(error)
    else:
        st.session_state["lists done"] = scorer.literal(f"{said}.")
