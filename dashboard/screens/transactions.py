"""Recent transactions: filtered, by pages of 20, newest first; a row opens its decision."""

from datetime import date
from functools import partial
from typing import Any

import streamlit as st

from dashboard import case, door, export, stores, words
from dashboard.queries_transactions import Count, Filters, Search, rows
from fraudstack.rules.reasons import CODES
from fraudstack.storage import transactions
from fraudstack.storage.transactions import Stored

PAGE, MOST_PAGES = 20, 1_000
_ANSWERS = {"yes": "yes", "no": "no", "unsaid": "not said yet"}
_MORE = ("client_id", "card_id", "merchant_id", "state", "mcc", "reason", "least", "most")
_FIRST_DAY = date(1970, 1, 1)
_LIVE_SECONDS = 4
# The page's number is none of the browser's: a live update that crosses a click would bring the old one back.
_NUMBER = "number of the page"


def draw() -> None:
    """Draw the page."""
    st.title("Transactions")
    asked = st.query_params.get("page", "1")
    # Python refuses to read a number of thousands of digits.
    readable = asked.isdecimal() and len(asked) < 10
    st.session_state[_NUMBER] = min(max(1, int(asked)), MOST_PAGES) if readable else 1
    with stores.transactions() as connection:
        names = transactions.categories(connection)
    _live(_asked(names), names)


def _asked(names: dict[int, str]) -> Filters:
    """What the reader filters by; it stands in the URL."""
    flagged_at, fraud_at, *dates_at = st.columns([3, 3, 2, 2])
    flagged, fraud = (
        place.segmented_control(name, list(_ANSWERS), format_func=_ANSWERS.__getitem__, key=name, **_ASKED)
        for place, name in ((flagged_at, "flagged_fraud"), (fraud_at, "is_fraud"))
    )
    since, until = (
        place.date_input(label, None, key=name, **_ASKED, min_value=_FIRST_DAY)
        for place, label, name in zip(dates_at, ("From", "To"), ("since", "until"), strict=True)
    )
    with st.expander("More filters", expanded=any(name in st.query_params for name in _MORE)):
        columns = st.columns(4)
        client, card, merchant, state = (
            column.text_input(label, key=name, **_ASKED).strip() or None
            for column, label, name in zip(
                columns, ("Client", "Card", "Merchant", "State or country"), _MORE[:4], strict=True
            )
        )
        mcc = columns[0].selectbox(
            "Merchant category",
            [str(code) for code in names],
            None,
            format_func=lambda code: f"{code} {names[int(code)]}",
            key="mcc",
            **_ASKED,
        )
        reason = columns[1].selectbox("Reason", CODES, None, key="reason", **_ASKED)
        least, most = (
            column.number_input(label, value=None, step=0.01, key=name, **_ASKED)
            for column, label, name in ((columns[2], "Amount from", "least"), (columns[3], "Amount to", "most"))
        )
    return Filters(
        flagged=flagged,
        fraud=fraud,
        client=client,
        card=card,
        merchant=merchant,
        mcc=mcc,
        state=state,
        reason=reason,
        least=None if least is None else round(least * 100),
        most=None if most is None else round(most * 100),
        since=str(since) if since else None,
        until=str(until) if until else None,
    )


@st.fragment(run_every=_LIVE_SECONDS)
def _live(filters: Filters, names: dict[int, str]) -> None:
    """The table, drawn anew while new decisions arrive."""
    # A fragment runs again without the page around it: it needs a guard of its own.
    door.guarded(partial(_table, filters, names))


def _table(filters: Filters, names: dict[int, str]) -> None:
    number, begins = _place()
    chosen = filters
    if begins is not None and (filters.until is None or str(begins) < filters.until):
        chosen = filters._replace(until=str(begins))
    with stores.transactions() as connection:
        search = Search(connection, filters)
        shown = search if chosen == filters else Search(connection, chosen)
        found = rows(connection, shown.ids(PAGE, (number - 1) * PAGE))
        total = search.count()
    _header(filters, total)
    if not found:
        st.info(_nothing(filters, number))
        return
    picked = st.dataframe(
        [_row(one, names) for one in found],
        hide_index=True,
        column_config=_COLUMNS,
        on_select="rerun",
        selection_mode="single-row",
        height="content",
        placeholder=words.NOTHING,
        key=f"table {number} {found[0].transaction['id']}",
    )
    if chosen_rows := picked["selection"]["rows"]:
        with stores.transactions() as connection:
            case.draw(connection, found[chosen_rows[0]].transaction["id"])


def _place() -> tuple[int, date | None]:
    """The page's number and the day that the first page begins with."""
    newest, previous, page_at, following, day_at = st.columns([1, 1, 1, 1, 2], vertical_alignment="bottom")
    number: int = st.session_state[_NUMBER]
    page_at.number_input("Page", 1, MOST_PAGES, number, key=f"page {number}", on_change=_jump, args=(number,))
    newest.button(
        "Newest", icon=":material/first_page:", on_click=_go, args=(1,), disabled=number == 1, width="stretch"
    )
    previous.button(
        "Previous",
        icon=":material/chevron_left:",
        on_click=_go,
        args=(number - 1,),
        disabled=number == 1,
        width="stretch",
    )
    following.button(
        "Next",
        icon=":material/chevron_right:",
        on_click=_go,
        args=(number + 1,),
        disabled=number == MOST_PAGES,
        width="stretch",
    )
    begins = day_at.date_input("Begin at", None, key="at", min_value=_FIRST_DAY, **_ASKED)
    return number, begins


def _go(number: int) -> None:
    st.session_state[_NUMBER] = number
    if number == 1:
        st.query_params.pop("page", None)
    else:
        st.query_params["page"] = str(number)


def _jump(number: int) -> None:
    # What the browser still says of a page that was left is no wish.
    if number == st.session_state[_NUMBER]:
        _go(int(st.session_state[f"page {number}"]))


# Whatever is asked stands in the URL, and begins with its first page.
_ASKED: dict[str, Any] = {"bind": "query-params", "on_change": _go, "args": (1,)}


def _header(filters: Filters, total: Count) -> None:
    said, download = st.columns([3, 1], vertical_alignment="center")
    what = "match" if any(filters) else "in all"
    said.markdown(f"**{words.count(total.rows)}{'+' if total.more else ''}** transactions {what}")
    download.download_button(
        "Download as CSV",
        partial(export.as_csv, filters),
        f"transactions-{date.today():%Y%m%d}.csv",
        "text/csv",
        icon=":material/download:",
        help=f"The first {export.MOST_ROWS:,} that match.",
        disabled=not total.rows,
        on_click="ignore",
        width="stretch",
    )


def _nothing(filters: Filters, number: int) -> str:
    if number > 1:
        return f"Page {number:,} lies behind the last one: go back to the newest."
    if any(filters):
        return "No transaction matches: take a filter away."
    return "There are no transactions yet: `make demo` or `fraudstack ingest` brings some, or post one to the scorer."


def _row(one: Stored, names: dict[int, str]) -> dict[str, Any]:
    transaction, decision = one
    return {
        "date": transaction["date"],
        "client": transaction["client_id"],
        "amount": float(transaction["amount"]),
        "flagged": words.yes_no(transaction["flagged_fraud"]),
        "fraud": words.yes_no(transaction["is_fraud"]),
        "score": decision and decision["score"],
        "place": ", ".join(filter(None, (transaction["merchant_city"], transaction["merchant_state"]))),
        "category": None if transaction["mcc"] is None else names.get(transaction["mcc"], str(transaction["mcc"])),
        "reason": decision and decision["reason"],
        "merchant": transaction["merchant_id"],
        "card": transaction["card_id"],
        "id": str(transaction["id"]),
    }


_COLUMNS = {
    "date": st.column_config.TextColumn("Date (UTC)", width=150),
    "id": st.column_config.TextColumn("Id", alignment="right"),
    "client": st.column_config.TextColumn("Client", width=70),
    "card": st.column_config.TextColumn("Card", width="small"),
    "merchant": st.column_config.TextColumn("Merchant", width="small"),
    "place": st.column_config.TextColumn("Place", width=150),
    "category": st.column_config.TextColumn("Category", width=150),
    "amount": st.column_config.NumberColumn("Amount", format="%,.2f"),
    "flagged": st.column_config.TextColumn("Flagged", width=65),
    "fraud": st.column_config.TextColumn("Fraud", width=65),
    "score": st.column_config.NumberColumn("Score", format="%.2f", width=60),
    "reason": st.column_config.TextColumn("Reason", width="large"),
}
