"""One transaction with its decision: why, against the client's habits, and what the client did around it."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import streamlit as st

from dashboard import words
from dashboard.queries_review import around, habits, windows
from fraudstack.profiles.event import Event
from fraudstack.profiles.profile import Amounts, Habit, Profile
from fraudstack.storage import reviews, transactions
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.transactions import Stored

_KINDS = ("mcc", "merchant", "card", "channel", "state", "city", "hour")
_LABELS = {"mcc": "Category", "state": "State or country"}
_COLUMNS = {
    "Date (UTC)": st.column_config.TextColumn(width=150),
    "Amount": st.column_config.TextColumn(alignment="right"),
}
_NEVER = '<span class="new">never before</span>'
# Of Okabe and Ito's palette; the word beside the mark says the same.
_MARKS = {
    "blocked": "#D55E00",
    "suspicious": "#E69F00",
    "challenge": "#CC79A7",
    "normal": "#56B4E9",
    "whitelisted": "#009E73",
}
# HTML, since Markdown would make markup of what merchants and callers are called; every text is escaped.
_STYLE = """<style>
.case-head {display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1.25rem}
.case-head strong {font-size: 1.75rem; font-variant-numeric: tabular-nums}
.case-mark {display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .4em}
.case-why {margin: .5rem 0}
.case-facts {display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: .6rem 1rem}
.case-facts, .case-facts * {margin: 0 !important; padding: 0 !important}
.case-facts dt {font-size: .8rem; opacity: .8}
.case-facts dd {overflow-wrap: anywhere}
.case-wide {overflow-x: auto}
.case-wide table {width: 100%; border-collapse: collapse; font-size: .9rem}
.case-wide :is(th, td) {padding: .35rem .6rem; text-align: left; vertical-align: top; font-weight: normal;
  border-bottom: 1px solid rgba(128, 128, 128, .3)}
.case-wide .number {text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap}
.case-wide .new {font-weight: 600}
</style>"""


def draw(connection: Connection, id: int) -> Stored | None:
    """Draw a transaction without widgets that keep a state; returns it, or None where it isn't there any more."""
    found, of_client = transactions.find(connection, id), habits(connection, id)
    if found is None or of_client is None:
        st.warning(f"Transaction {id} isn't in the store any more. Go back to the list and reload it.")
        return None
    name = transactions.categories(connection).get(found.transaction["mcc"])
    st.html(_STYLE + _head(found) + _facts(found, name))
    if found.decision and found.decision["reasons"]:
        st.markdown("##### Why")
        st.html(_reasons(found.decision["reasons"]))
    event, profile = of_client
    st.markdown("##### Against this client's habits")
    st.html(_habits(event, profile, name))
    st.markdown("##### What the client did around it")
    _around(connection, found, event)
    _reviews(connection, found)
    return found


def _head(found: Stored) -> str:
    transaction, decision = found
    otherwise = ""
    amount = words.money(int(transaction["amount"] * 100), transaction["currency"])
    if decision is None:
        said, why = "Not decided", "It came with a file and nobody posted it to the scorer."
    else:
        mark = f'<span class="case-mark" style="background: {_MARKS.get(decision["decision"], "gray")}"></span>'
        said = f"{mark}{escape(decision['decision'].capitalize())}, score {decision['score']:.2f}"
        why = decision["reason"]
        if decision["below_budget"]:
            said += ", below the budget of alerts a day"
        if decision["normal_if"]:
            otherwise = f'<p class="case-why">It would have been normal if {escape(decision["normal_if"])}.</p>'
    return (
        f'<div class="case-head"><strong>{escape(amount)}</strong><span>{said}</span>'
        f'<span>{transaction["date"]} UTC</span></div><p class="case-why">{escape(why)}</p>{otherwise}'
    )


def _facts(found: Stored, name: str | None) -> str:
    transaction, decision = found
    facts = {
        "Client": transaction["client_id"],
        "Card": transaction["card_id"],
        "Merchant": transaction["merchant_id"],
        "Category": _category(transaction["mcc"], name),
        "Place": _place(transaction),
        "Channel": transaction["use_chip"],
        "Declined": transaction["errors"] or "no",
        "Fraud, as is known": words.yes_no(transaction["is_fraud"]),
        "Transaction": str(transaction["id"]),
    }
    if transaction["description"]:
        facts["Description"] = transaction["description"]
    if decision is not None:
        facts["Decided"] = f"{decision['decided_at']} UTC, {decision['source']}"
        facts["Rules"] = decision["rules_version"]
    items = "".join(f"<div><dt>{k}</dt><dd>{escape(v or words.NOTHING)}</dd></div>" for k, v in facts.items())
    return f'<dl class="case-facts">{items}</dl>'


def _reasons(reasons: Iterable[Mapping[str, Any]]) -> str:
    rows: list[tuple[str, str, str]] = []
    for reason in reasons:
        # Unbroken between a name and its value.
        figures = (f"{name.replace('_', '\u00a0')}:\u00a0{_figure(value)}" for name, value in reason["figures"].items())
        rows.append((escape(reason["text"]), "<br>".join(map(escape, figures)), f"{reason['weight']:.2f}"))
    return _table(("Reason", "Figures", "Weight"), rows, numbers=(2,))


def _figure(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) >= 1 else f"{value:.4g}"
    # Ids are text already; a whole number is a count, or a code below 10,000.
    return f"{value:,}" if isinstance(value, int) and value >= 10_000 else str(value)


def _habits(event: Event, profile: Profile, name: str | None) -> str:
    if not profile.transactions:
        return "<p>Nothing is known of this client yet: an ingest, or a post to the scorer, makes a profile.</p>"
    values = dict(event.keys)
    shown = values | {
        "city": event.city or "",
        "hour": f"{event.hour:02}:00 to {event.hour:02}:59 UTC",
        "mcc": _category(event.mcc, name) or "",
    }
    amount = words.money(event.cents)
    here = profile.habits.get(("mcc", values.get("mcc", "")), Habit()).amounts
    rows = [("Amount in this category", amount, _usual(here, event.cents))] if "mcc" in values else []
    rows.append(("Amount overall", amount, _usual(profile.amounts, event.cents)))
    for kind in filter(values.__contains__, _KINDS):
        count = profile.habits.get((kind, values[kind]), Habit()).count
        often = (
            f"{words.count(count)} time{'' if count == 1 else 's'}, {words.share(count / profile.usual)}"
            if count > 0
            else _NEVER
        )
        rows.append((_LABELS.get(kind, kind.capitalize()), escape(shown[kind]), often))
    return (
        f"<p>Compared with the client's {words.count(profile.usual)} other transactions that were usual: "
        f"neither declined, nor flagged, nor fraud.</p>{_table(('', 'This transaction', 'The others'), rows)}"
    )


def _usual(amounts: Amounts, cents: int) -> str:
    usual = round(amounts.usual * 100)
    if not usual:
        return '<span class="new">no purchase yet</span>'
    ratio = f", here {cents / usual:,.1f} times as much" if cents > 0 else ""
    return f"usually {words.money(usual)} ({words.count(amounts.purchases)} purchases){ratio}"


def _around(connection: Connection, found: Stored, event: Event) -> None:
    rows = [
        (length, words.count(one.transactions), words.count(one.declined), words.money(one.cents))
        for length, one in windows(connection, event).items()
    ]
    st.html(_table(("Before it, in", "Transactions", "Declined", "Spent"), rows, numbers=(1, 2, 3)))
    earlier, later = around(connection, event)
    shown = [_row(one, event) for one in (*earlier, found, *later)]
    st.dataframe(shown, hide_index=True, height="content", column_config=_COLUMNS)


def _row(one: Stored, event: Event) -> dict[str, Any]:
    transaction, decision = one
    return {
        "": "▶" if transaction["id"] == event.id else "",
        "Date (UTC)": transaction["date"],
        "Amount": words.money(int(transaction["amount"] * 100)),
        "Merchant": transaction["merchant_id"] or words.NOTHING,
        "Place": _place(transaction),
        "Channel": transaction["use_chip"] or words.NOTHING,
        "Card": transaction["card_id"] or words.NOTHING,
        "Declined": transaction["errors"] or "no",
        "Decision": decision["decision"] if decision else words.NOTHING,
        "Fraud": words.yes_no(transaction["is_fraud"]),
    }


def _reviews(connection: Connection, found: Stored) -> None:
    """What analysts have said of it, and of its merchant for its client."""
    id, client, merchant = (found.transaction[name] for name in ("id", "client_id", "merchant_id"))
    said = reviews.history(connection, id)
    for one in reviews.allowed(connection, client):
        if one["merchant_id"] == merchant:
            said += [one | {"verdict": f"this merchant is fine for this client until {one['until']}"}]
    if said:
        st.markdown("##### What analysts said")
        names = ("at", "reviewer", "verdict", "note")
        rows = [[escape(str(one[name] or words.NOTHING)) for name in names] for one in said]
        st.html(_table(("At (UTC)", "Who", "Said", "Note"), rows))


def _category(mcc: int | None, name: str | None) -> str | None:
    return f"{name} ({mcc})" if name else None if mcc is None else str(mcc)


def _place(transaction: Mapping[str, Any]) -> str:
    told = (transaction[name] for name in ("merchant_city", "merchant_state", "zip"))
    return ", ".join(filter(None, told)) or words.NOTHING


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]], numbers: Iterable[int] = ()) -> str:
    """A table of cells that are escaped already; `numbers` are the columns to align right."""
    right = set(numbers)

    def line(cells: Iterable[str], tag: str) -> str:
        return "".join(f"<{tag}{' class=number' if n in right else ''}>{cell}</{tag}>" for n, cell in enumerate(cells))

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return (
        f'<div class="case-wide"><table><thead><tr>{line(heads, "th")}</tr></thead><tbody>{body}</tbody></table></div>'
    )
