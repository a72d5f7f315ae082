"""Who reviews: their own key for the scorer, and the name that stands with what they say."""

import streamlit as st

from dashboard import scorer, stores

_MOST = 100


def own_key() -> None:
    """Let a reader type a key of their own, at the side."""
    st.sidebar.text_input(
        "Your key for the scorer",
        type="password",
        key=scorer.KEY,
        persist_state="session",
        autocomplete="off",
        placeholder="the dashboard's own" if stores.settings().api_key else "",
        help="With the scope review. It is forgotten when you close this page.",
    )


def name() -> str:
    """Ask for the reader's name, unless who signed in has one; empty until it is given."""
    signed_in = str(st.user.get("name") or st.user.get("email") or "") if st.user.get("is_logged_in") else ""
    if signed_in:
        said = st.text_input("Reviewer", signed_in, disabled=True, width=260)
    else:
        said = st.text_input("Reviewer", key="reviewer", max_chars=_MOST, persist_state="session", width=260)
    return said.strip()[:_MOST]
