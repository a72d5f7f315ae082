"""Who comes in, and what they read where a page can't be drawn."""

import logging
from collections.abc import Callable

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from fraudstack.errors import Refusal, StoreError

log = logging.getLogger(__name__)


def open_to_reader() -> bool:
    """Whether the reader may see the pages: with the secret of an OIDC provider only after signing in."""
    if not _asks_for_sign_in():
        return True
    if st.user.is_logged_in:
        st.sidebar.button("Sign out", icon=":material/logout:", on_click=st.logout)
        return True
    st.title("fraudstack")
    st.write("Sign in to see the transactions.")
    st.button("Sign in", type="primary", icon=":material/login:", on_click=st.login)
    return False


def guarded(draw: Callable[[], None]) -> None:
    """Draw a page; what keeps it from being drawn is a sentence that says what to do."""
    try:
        draw()
    except Refusal as error:
        st.error(explained(error), icon=":material/error:")
    except Exception:
        # Streamlit's own control flow (rerun, stop) isn't an Exception.
        log.exception("a page failed")
        st.error("This page failed; the dashboard's log says why. The other pages still work.", icon=":material/error:")


def explained(error: Refusal) -> str:
    """What a reader can do about an error."""
    said = str(error)
    if not isinstance(error, StoreError):
        return said
    if "unable to open" in said or ("does not exist" in said and "database" in said):
        return "There is no store yet: `make demo` or `fraudstack ingest` makes one; then reload this page."
    if "no such table" in said or "no such column" in said or "does not exist" in said:
        return f"{said}. The store is of another version: `fraudstack ingest` or a start of the scorer mends that."
    if "locked" in said or "busy" in said:
        return f"{said}. Somebody writes to it just now; reload this page in a moment."
    return f"{said}. Check that the database is up and that TX_DATABASE_URL or TX_SQLITE_DB names it; then reload."


def _asks_for_sign_in() -> bool:
    try:
        return "auth" in st.secrets
    except StreamlitSecretNotFoundError:
        return False
