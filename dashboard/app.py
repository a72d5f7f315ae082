"""The dashboard; `make dashboard` serves it on port 8501."""

from functools import partial
from pathlib import Path
from types import ModuleType

import streamlit as st

from dashboard import door
from dashboard.screens import clusters, lists, model, overview, pipeline, review, transactions

# Streamlit's own margins leave a table half of a laptop's screen, and its captions are too pale to be read by all.
_STYLE = """<style>
.stMainBlockContainer {padding: 3rem clamp(1rem, 3vw, 3rem)}
[data-testid=stCaptionContainer], [data-testid=stCaptionContainer] p {color: inherit; opacity: .9}
</style>"""


def main() -> None:
    """Let the reader in and draw the page that was asked for."""
    # A file of our own: the browser would fetch a named icon from outside.
    st.set_page_config("fraudstack", str(Path(__file__).with_name("icon.svg")), layout="wide")
    st.html(_STYLE)
    if not door.open_to_reader():
        return
    st.navigation(
        [
            _page(overview, "Overview", ":material/monitoring:", first=True),
            _page(transactions, "Transactions", ":material/receipt_long:"),
            _page(review, "Review", ":material/fact_check:"),
            _page(lists, "Lists", ":material/rule:"),
            _page(clusters, "Clusters", ":material/hub:"),
            _page(model, "Model", ":material/model_training:"),
            _page(pipeline, "Pipeline", ":material/account_tree:"),
        ]
    ).run()


def _page(module: ModuleType, title: str, icon: str, *, first: bool = False) -> st.Page:
    # Drawn inside the guard, which turns errors into sentences.
    draw = partial(door.guarded, module.draw)
    return st.Page(draw, title=title, icon=icon, url_path=title.lower(), default=first)


main()
